/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_ENVIRONMENT_H
#define LIB_AWS_ENVIRONMENT_H

/* What the environment's variables and the profile files that they name say to everybody; environment.c has the regions
 * of aws.h, too.  Not for use outside lib/aws. */

#include "lib/base/error.h"

struct aws;
struct profiles;

/* environment_variable(name, other): the first of two variables that is set and not empty, or NULL; ${other} may be
 * NULL.  Borrowed from the environment. */
const char *environment_variable(const char *name, const char *other);

/* environment_ca_bundle(profiles, profile): the CA bundle that is named for whom ${profile} counts, or
 * NULL: the system's.  Borrowed. */
const char *environment_ca_bundle(const struct profiles *profiles, const char *profile);

/**
 * environment_load(aws, err):
 * Read the profile files, and set the profile, the region and the number of attempts that count where nobody says
 * otherwise.  Contacts nobody.  ERROR_INVALID as aws_new() has it.
 */
int environment_load(struct aws *aws, struct error *err);

#endif
