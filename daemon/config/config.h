/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_CONFIG_H
#define DAEMON_CONFIG_CONFIG_H

/*
 * The configuration, from its files to what is desired.  One row of schema.c a key drives
 * the reading, the defaults, the JSON Schema and the tests of manual and example.
 *
 * All problems are found in one run, each with its place: a load either gives a complete
 * struct desired or at least one problem.
 */

#include <stdio.h>

#include "daemon/config/problems.h"
#include "daemon/model/desired.h"

/**
 * config_load(file, ret, problems, warnings):
 * Read ${file} alone or, if it is NULL, certferry.yaml of the configuration directory united
 * with its conf.d.  Files and directories that others than root and this process's user
 * could write are refused.  0, and *${ret} belongs to the caller; or -EINVAL with
 * ${problems} filled, which must be empty before.  ${warnings} (NULL: not wanted), empty before,
 * is what is allowed and yet hardly ever meant: filled whatever is returned, it never makes a
 * configuration refused.
 */
int config_load(const char *file, struct desired **ret, struct config_problems *problems,
	struct config_problems *warnings);

/* config_load_directory(directory, ...): the same of another configuration directory. */
int config_load_directory(const char *directory, struct desired **ret,
	struct config_problems *problems, struct config_problems *warnings);

/**
 * config_parse(file, text, length, ret, problems):
 * The same from memory; ${file} is only what the problems say of their place.
 */
int config_parse(const char *file, const char *text, size_t length, struct desired **ret,
	struct config_problems *problems);

/* config_schema_json(stream): the JSON Schema of the configuration, for editors; 0 or -EIO. */
int config_schema_json(FILE *stream);

#endif
