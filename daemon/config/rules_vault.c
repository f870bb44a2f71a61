/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/rules.h"

#include <string.h>

static bool is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", strlen("localhost")) == 0 ||
	       strncmp(host, "[::1]", strlen("[::1]")) == 0;
}

/* Which of the keys of auth: a method needs, and which it has no use for. */
static void check_key(const struct rules *r, const struct yaml_node *auth, const char *path, const char *key,
	const char *method, bool needed, bool used)
{
	bool given = yaml_find(auth, key) != NULL;

	if (needed && !given)
		complain(r, auth, "%s.auth: method %s needs %s; add it", path, method, key);
	else if (!used && given)
		complain(r, rules_place(auth, key), "%s.auth.%s: does not apply to method %s; remove it", path, key, method);
}

void rules_vault(const struct rules *r, const struct desired_vault *vault, const char *path, const struct yaml_node *map)
{
	const struct yaml_node *auth = yaml_find(map, "auth");
	static const char *const names[] = {
		[VAULT_AUTH_TOKEN] = "token",
		[VAULT_AUTH_APPROLE] = "approle",
		[VAULT_AUTH_CERT] = "cert",
		[VAULT_AUTH_AWS] = "aws",
	};
	const struct yaml_node *written = auth ? yaml_find(auth, "method") : NULL;
	const char *address = vault->address, *method = names[vault->method];
	bool token = vault->method == VAULT_AUTH_TOKEN, approle = vault->method == VAULT_AUTH_APPROLE;
	bool cert = vault->method == VAULT_AUTH_CERT, aws = vault->method == VAULT_AUTH_AWS;

	if (address && strncmp(address, "http://", strlen("http://")) == 0 && !is_loopback(address + strlen("http://")))
		complain(r, rules_place(map, "address"),
			"%s.address: keys and tokens would cross the network in the clear; write https://", path);
	/* Of a method that is none, that alone is said. */
	if (!written || written->type != YAML_TEXT || strcmp(written->text, method) != 0)
		return;
	check_key(r, auth, path, "token_file", method, token, token);
	check_key(r, auth, path, "role_id_file", method, approle, approle);
	check_key(r, auth, path, "secret_id_file", method, false, approle);
	check_key(r, auth, path, "certificate_file", method, cert, cert);
	check_key(r, auth, path, "key_file", method, cert, cert);
	check_key(r, auth, path, "role", method, false, cert || aws);
	check_key(r, auth, path, "server_id", method, false, aws);
	check_key(r, auth, path, "sts_region", method, false, aws);
	check_key(r, auth, path, "mount", method, false, !token);
}
