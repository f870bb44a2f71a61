/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/vault_clients.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/aws.h"
#include "lib/base/buf.h"

struct client {
	struct client *next;
	char *key; /* equal for equal settings */
	struct vault *vault;
};

struct vault_clients {
	struct sd_event *event;
	struct aws *aws; /* or NULL */
	struct client *first;
	void (*heard)(void *userdata);
	void *userdata;
};

struct vault_clients *vault_clients_new(struct sd_event *event, struct aws *aws, void (*heard)(void *userdata), void *userdata)
{
	struct vault_clients *clients = mem_new(struct vault_clients);

	*clients = (struct vault_clients){
		.event = sd_event_ref(event), .aws = aws, .heard = heard, .userdata = userdata };
	return clients;
}

static char *key_of(const struct desired_vault *desired)
{
	const char *const parts[] = { desired->address, desired->namespace, desired->ca_file, desired->auth_mount,
		desired->token_file, desired->role_id_file, desired->secret_id_file, desired->certificate_file,
		desired->key_file, desired->role, desired->server_id, desired->sts_region };
	struct buf key = BUF_NULL;

	/* The length makes it unambiguous. */
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		buf_printf(&key, "%zu:%s,", parts[i] ? strlen(parts[i]) + 1 : 0, parts[i] ?: "");
	buf_printf(&key, "%d", (int)desired->method);
	return buf_take(&key);
}

struct vault *vault_clients_find(const struct vault_clients *clients, const struct desired_vault *desired)
{
	_cleanup_(freep) char *key = key_of(desired);

	for (struct client *client = clients ? clients->first : NULL; client; client = client->next)
		if (strcmp(client->key, key) == 0)
			return client->vault;
	return NULL;
}

int vault_credential(const char *name, char **ret_path, struct error *err)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");

	if (!name || *name == '/')
		*ret_path = mem_strdup(name);
	else if (directory && *directory)
		*ret_path = mem_printf("%s/%s", directory, name);
	else
		return error_set(err, ERROR_DENIED, 0,
			"credential '%s' is not there: the unit has none; add LoadCredential=%s:FILE to it, or write an "
			"absolute path",
			name, name);
	return 0;
}

static int client_new(struct vault_clients *clients, const struct desired_vault *desired, struct vault **ret_vault,
	struct error *err)
{
	static const enum vault_method methods[] = {
		[VAULT_AUTH_TOKEN] = VAULT_TOKEN_FILE,
		[VAULT_AUTH_APPROLE] = VAULT_APPROLE,
		[VAULT_AUTH_CERT] = VAULT_CERTIFICATE,
		[VAULT_AUTH_AWS] = VAULT_AWS,
	};
	const char *const names[] = { desired->token_file, desired->role_id_file, desired->secret_id_file,
		desired->certificate_file, desired->key_file };
	char *paths[ARRAY_SIZE(names)] = { NULL };
	struct client *client;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++)
		r = vault_credential(names[i], &paths[i], err);
	if (r >= 0)
		r = vault_new(clients->event,
			&(struct vault_settings){
				.address = desired->address,
				.namespace = desired->namespace,
				.ca_file = desired->ca_file,
				.method = methods[desired->method],
				.auth_mount = desired->auth_mount,
				.token_file = paths[0],
				.role_id_file = paths[1],
				.secret_id_file = paths[2],
				.certificate_file = paths[3],
				.key_file = paths[4],
				.aws = clients->aws ? aws_session_get(clients->aws, &(struct aws_identity){ 0 }) : NULL,
				.role = desired->role,
				.server_id = desired->server_id,
				.sts_region = desired->sts_region,
			},
			ret_vault, err);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		free(paths[i]);
	if (r < 0)
		return r;
	vault_set_heard_callback(*ret_vault, clients->heard, clients->userdata);
	client = mem_new(struct client);
	*client = (struct client){ .next = clients->first, .key = key_of(desired), .vault = *ret_vault };
	clients->first = client;
	return 0;
}

int vault_clients_get(struct vault_clients *clients, const struct desired_vault *desired, struct vault **ret_vault,
	struct error *err)
{
	*ret_vault = vault_clients_find(clients, desired);
	return *ret_vault ? 0 : client_new(clients, desired, ret_vault, err);
}

void vault_clients_rest(struct vault_clients *clients)
{
	for (struct client *client = clients ? clients->first : NULL; client; client = client->next)
		vault_rest(client->vault);
}

void vault_clients_forget_denials(struct vault_clients *clients)
{
	for (struct client *client = clients ? clients->first : NULL; client; client = client->next)
		vault_forget_denials(client->vault);
}

struct vault_clients *vault_clients_free(struct vault_clients *clients)
{
	struct client *client;

	if (!clients)
		return NULL;
	while ((client = clients->first)) {
		clients->first = client->next;
		vault_free(client->vault);
		free(client->key);
		free(client);
	}
	sd_event_unref(clients->event);
	free(clients);
	return NULL;
}
