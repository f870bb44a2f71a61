/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_DELIVERY_H
#define DAEMON_MODEL_DELIVERY_H

/*
 * One certificate at one destination under one object name: the unit of state.  Made by
 * plan/expand from what is desired and what the source shows; const afterwards.
 */

#include "daemon/model/place.h"

struct delivery {
	char *name; /* CERTIFICATE/DESTINATION[/ACCOUNT/REGION] */
	char *certificate; /* the certificate's name; of a match ENTRY/last part of its ARN */
	char *source_arn;
	const struct place *place;
	const struct desired_certificate *entry;
	const struct desired_delivery *wish;
	char *object; /* its name there: `as` with placeholders replaced */
	char *arn; /* acm: configured or adopted ARN, or NULL */
	char *kms_key; /* placeholders replaced, or NULL */
};

/* delivery_named_arn(delivery): the ARN of an import that was named, which is one object whatever
 * its place is called; NULL for other objects. delivery_object_name(delivery): that, or its
 * object.  Borrowed. */
const char *delivery_named_arn(const struct delivery *delivery);
const char *delivery_object_name(const struct delivery *delivery);

/* delivery_done(delivery): release what it owns; it is empty then. */
void delivery_done(struct delivery *delivery);

#endif
