/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/lane.h"
#include "lib/http/http.h"
#include "lib/http/url.h"
#include "lib/vault/client.h"

static const char *const method_names[VAULT_METHOD_COUNT] = {
	[VAULT_TOKEN_FILE] = "token",
	[VAULT_APPROLE] = "approle",
	[VAULT_CERTIFICATE] = "cert",
	[VAULT_AWS] = "aws",
};

/* Keys and tokens never cross a network in the clear. */
static int check_address(const char *address, struct error *err)
{
	struct url url = { 0 };
	bool open;

	if (!address || url_read(address, &url) < 0)
		return error_set(err, ERROR_INVALID, 0,
			"'%s' is no address of a Vault; write it like https://vault.example:8200", address ?: "");
	open = strcmp(url.scheme, "https") != 0 && !url.local;
	url_done(&url);
	if (!open)
		return 0;
	return error_set(err, ERROR_INVALID, 0,
		"'%s' is not https, and keys and tokens would cross the network in the clear; use an https address",
		address);
}

static void take_settings(struct vault_own *own, const struct vault_settings *settings)
{
	size_t length = strlen(settings->address);
	_cleanup_(freep) char *namespace = vault_path(settings->namespace ?: "", NULL);

	while (length && settings->address[length - 1] == '/')
		length--;
	*own = (struct vault_own){
		.address = mem_strndup(settings->address, length),
		.namespace = mem_printf("%s%s", namespace, *namespace ? "/" : ""),
		.method = settings->method,
		.auth_mount = vault_path(settings->auth_mount ?: method_names[settings->method], NULL),
		.token_file = mem_strdup(settings->token_file),
		.role_id_file = mem_strdup(settings->role_id_file),
		.secret_id_file = mem_strdup(settings->secret_id_file),
		.certificate_file = mem_strdup(settings->certificate_file),
		.key_file = mem_strdup(settings->key_file),
		.aws = settings->aws,
		.role = mem_strdup(settings->role),
		.server_id = mem_strdup(settings->server_id),
		.sts_region = mem_strdup(settings->sts_region),
	};
}

int vault_new(struct sd_event *event, const struct vault_settings *settings, struct vault **ret_vault, struct error *err)
{
	_cleanup_(vault_freep) struct vault *vault = NULL;
	struct http *http;
	int r = check_address(settings->address, err);

	if (r < 0)
		return r;
	r = http_new(event, settings->ca_file, &http, err);
	if (r < 0)
		return r;
	vault = mem_new(struct vault);
	vault->event = sd_event_ref(event);
	vault->http = http;
	take_settings(&vault->own, settings);
	vault->lanes = lanes_new(event);
	vault->lane = lane_get_unpublished(vault->lanes, vault->own.address);
	token_init(vault);
	*ret_vault = take(vault);
	return 0;
}

const char *vault_address(const struct vault *vault)
{
	return vault->own.address;
}

struct sd_event *vault_event(const struct vault *vault)
{
	return vault->event;
}

const struct pulse *vault_pulse(const struct vault *vault)
{
	return &vault->pulse;
}

void vault_set_heard_callback(struct vault *vault, void (*callback)(void *userdata), void *userdata)
{
	vault->heard_callback = callback;
	vault->heard_userdata = userdata;
}

void vault_rest(struct vault *vault)
{
	http_rest(vault->http);
}

struct vault *vault_free(struct vault *vault)
{
	if (!vault)
		return NULL;
	token_done(vault);
	lanes_free(vault->lanes);
	http_free(vault->http);
	sd_event_unref(vault->event);
	free(vault->own.address);
	free(vault->own.namespace);
	free(vault->own.auth_mount);
	free(vault->own.token_file);
	free(vault->own.role_id_file);
	free(vault->own.secret_id_file);
	free(vault->own.certificate_file);
	free(vault->own.key_file);
	free(vault->own.role);
	free(vault->own.server_id);
	free(vault->own.sts_region);
	free(vault);
	return NULL;
}
