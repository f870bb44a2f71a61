/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_SECRET_FOREIGN_H
#define DAEMON_DESTINATION_SECRET_FOREIGN_H

/*
 * What a secret holds that is somebody else's: a current version that certferry did not write, of
 * which a write replaces every field, and tags that taking it over gives another value.
 */

#include "daemon/destination/destination.h"
#include "lib/aws/secretsmanager.h"

/**
 * secret_foreign(item, description, current, seen):
 * Is there any of it in the secret described, whose readers get version ${current} (NULL: none)?
 * Then seen->foreign says so, and true means that the fields of ${current} are worth asking for.
 * What the record names as its revision is certferry's, or was let go.
 */
bool secret_foreign(const struct look_item *item, const struct sm_description *description,
	const char *current, struct observed *seen);

/**
 * secret_foreign_fields(item, value, err, seen):
 * The same with the names of the fields: of ${value}, or NULL and ${err}, why it cannot be read.
 * The dates in ${seen} become those of the certificate that is in it, if any is.
 */
void secret_foreign_fields(const struct look_item *item, const struct sm_value *value,
	const struct error *err, struct observed *seen);

#endif
