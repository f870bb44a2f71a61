/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_DELIVERY_H
#define DAEMON_MODEL_DELIVERY_H

/*
 * One certificate at one destination under one object name: the unit of state.  Made by
 * plan/expand from what is desired and what the source shows; const afterwards.
 */

#include "daemon/model/desired.h"

/* Where: one account and region of a destination, or a directory.  Deliveries of the same place share one. */
struct place {
	const struct desired_destination *destination;
	size_t index; /* among the places of its expansion */
	char *name; /* what a delivery's name has behind the certificate's: DESTINATION[/ACCOUNT/REGION] */
	char *account; /* NULL: the role's own, or no account at all */
	char *region;  /* NULL: no region (file) */
	char *role_arn; /* placeholders replaced; NULL: the host's own credentials */
	char *endpoint_url;
};

struct delivery {
	char *name;	   /* CERTIFICATE/DESTINATION[/ACCOUNT/REGION] */
	char *certificate; /* the certificate's name; for a matched one ENTRY/last part of its ARN */
	char *source_arn;
	const struct place *place;
	const struct desired_certificate *entry;
	const struct desired_delivery *wish;
	char *object;  /* its name there: `as` with placeholders replaced */
	char *arn;     /* acm: configured or adopted ARN, or NULL */
	char *kms_key; /* placeholders replaced, or NULL */
};

#endif
