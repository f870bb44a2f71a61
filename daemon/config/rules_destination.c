/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/rules.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/model/place.h"
#include "lib/base/strv.h"

#define STATE_DIRECTORY "/var/lib/certferry"

static void check_role_accounts(const struct rules *r,
	const struct desired_destination *destination, const char *path,
	const struct yaml_node *map)
{
	const char *role = destination->access.role_arn;
	size_t accounts = strv_length(destination->accounts);
	const char *account = role ? strstr(role, ":iam::") + strlen(":iam::") : NULL;

	if (!role && accounts > 1 && !yaml_find(map, "role_arn"))
		complain(r, rules_place(map, "accounts"),
			"%s.accounts: several accounts need a role in each; add role_arn: "
			"arn:aws:iam::{account}:role/NAME",
			path);
	if (!role)
		return;
	if (strstr(role, "{account}") && !yaml_find(map, "accounts"))
		complain(r, rules_place(map, "role_arn"),
			"%s.role_arn: {account} is not known without accounts; add accounts: "
			"[\"...\"]",
			path);
	else if (!strstr(role, "{account}") && accounts > 1)
		complain(r, rules_place(map, "role_arn"),
			"%s.role_arn: several accounts need {account} in it; write "
			"arn:aws:iam::{account}:role/NAME",
			path);
	else if (*account != '{' && accounts == 1 &&
		 strncmp(account, destination->accounts[0], strlen("111111111111")) != 0)
		complain(r, rules_place(map, "role_arn"),
			"%s.role_arn: the role is in account %.12s, but accounts says %s; only one "
			"can be right",
			path, account, destination->accounts[0]);
}

static void check_fields(const struct rules *r, const struct desired_fields *fields,
	const char *path, const struct yaml_node *node)
{
	const char *const names[] = { fields->certificate, fields->chain, fields->fullchain,
		fields->private_key, fields->ca };

	if (node->type == YAML_MAP && !node->count)
		complain(r, node,
			"%s.fields: the secret would be empty; name at least one part", path);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t j = 0; j < i && names[i]; j++)
			if (names[j] && strcmp(names[i], names[j]) == 0)
				complain(r, node,
					"%s.fields: two parts have the same name; give each its "
					"own",
					path);
}

/* $STATE_DIRECTORY is a list; systemd separates by colons. */
static void check_directory(const struct rules *r, const char *directory, const char *path,
	const struct yaml_node *node)
{
	const char *given = secure_getenv("STATE_DIRECTORY");
	const char *state = given && *given ? given : STATE_DIRECTORY;

	while (*state) {
		size_t length = strcspn(state, ":");
		size_t next = length + (state[length] == ':');

		while (length > 1 && state[length - 1] == '/')
			length--;
		if (length && strncmp(directory, state, length) == 0 &&
			(!directory[length] || directory[length] == '/'))
			complain(r, node,
				"%s.directory: is in the state directory %.*s, which only "
				"certferryd can enter; choose another, for example "
				"/var/lib/certferry-tls",
				path, (int)length, state);
		state += next;
	}
}

static void check_account_known(const struct rules *r,
	const struct desired_destination *destination, const char *path,
	const struct yaml_node *map, const char *key, const char *text)
{
	if (text && !destination->accounts && (format_placeholders(text) & PLACEHOLDER_ACCOUNT))
		complain(r, rules_place(map, key),
			"%s.%s: {account} is not known without accounts; add accounts: [\"...\"]", path,
			key);
}

void rules_destination(
	const struct rules *r, struct desired_destination *destination, const struct yaml_node *map)
{
	_cleanup_(freep) char *path = mem_printf("destinations.%s", rules_name(destination->name));
	_cleanup_(freep) char *role = mem_printf("%s.role_arn", path);
	const struct yaml_node *fields = yaml_find(map, "fields");

	if (!rules_is_known(r, destination))
		return;
	if (destination->directory)
		check_directory(r, destination->directory, path, rules_place(map, "directory"));
	if (fields) {
		destination->layout = LAYOUT_FIELDS;
		check_fields(r, &destination->fields, path, fields);
	}
	if (destination->kind == DESTINATION_VAULT)
		rules_vault(r, &destination->vault, path, map);
	if (!place_kind_of(destination)->in_aws)
		return;
	rules_role(r, &destination->access, path, map);
	check_account_known(r, destination, path, map, "kms_key", destination->kms_key);
	check_account_known(r, destination, path, map, "external_id", destination->access.external_id);
	check_role_accounts(r, destination, path, map);
	if (destination->access.role_arn)
		rules_partition(r, rules_place(map, "role_arn"), role, destination->access.role_arn,
			destination->regions);
}
