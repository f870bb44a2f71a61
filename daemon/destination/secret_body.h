/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_SECRET_BODY_H
#define DAEMON_DESTINATION_SECRET_BODY_H

/*
 * What a secret holds, and the id of the version that holds it.  Both are functions of the bundle,
 * the secret's name and the layout, so that two writers converge: the same token always comes with
 * the same bytes.  The token needs no key: whether a version is there can be asked without reading
 * the secret.
 */

#include "daemon/model/bundle.h"
#include "daemon/model/desired.h"

#define SECRET_TOKEN_SIZE 65 /* 64 hex digits, the longest ClientRequestToken, and NUL */

/*
 * secret_token(destination, name, version, token): the version id of ${version} in the secret
 * ${name}.
 */
void secret_token(const struct desired_destination *destination, const char *name,
	const struct version *version, char ret_token[static SECRET_TOKEN_SIZE]);

/*
 * secret_body(destination, bundle, body, err): the JSON object that ${bundle} makes.
 * ERROR_RETRY: secure heap full.
 */
int secret_body(const struct desired_destination *destination, const struct bundle *bundle,
	struct secret **ret_body, struct error *err);

/* secret_body_has(destination, field): is ${field} one of its members?
 * secret_body_certificate(destination): which of them begins with the leaf; NULL: none does. */
bool secret_body_has(const struct desired_destination *destination, const char *field);
const char *secret_body_certificate(const struct desired_destination *destination);

/* secret_body_length(destination, bundle): how many bytes secret_body() makes. */
size_t secret_body_length(
	const struct desired_destination *destination, const struct bundle *bundle);

/* secret_body_accepts(length, err): ERROR_INVALID when Secrets Manager takes no body of ${length}
 * bytes (the API model's limit of SecretString: 65,536). */
int secret_body_accepts(size_t length, struct error *err);

#endif
