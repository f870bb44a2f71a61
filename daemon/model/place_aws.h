/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_PLACE_AWS_H
#define DAEMON_MODEL_PLACE_AWS_H

/* Places that are an account and a region of AWS: those of the kinds acm and secretsmanager. */

#include "daemon/model/place.h"

struct place_aws {
	struct place place; /* first */
	char *account; /* NULL: the role's own, which is not known */
	char *region; /* NULL: not known */
	char *role_arn; /* placeholders replaced; NULL: the host's own credentials */
	char *external_id; /* that role's */
	char *endpoint_url;
};

extern const struct place_kind acm_place_kind;
extern const struct place_kind secretsmanager_place_kind;

/* place_aws(place): ${place}, whose kind is in AWS (place_kind.in_aws), as what it is. */
const struct place_aws *place_aws(const struct place *place);

#endif
