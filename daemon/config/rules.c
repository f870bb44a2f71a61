/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/rules.h"

#include <string.h>

#include "daemon/config/read.h"
#include "daemon/config/text.h"
#include "lib/base/strv.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

/* The place of ${key} in ${map}, or that of ${map} itself. */
const struct yaml_node *rules_place(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_find(map, key);

	return node ? node : map;
}

const char *rules_name(const char *name)
{
	bool plain = strspn(name, NAME_CHARACTERS) == strlen(name) && strlen(name) <= 64;

	return plain && !text_is_secret(name) ? name : "NAME";
}

char *rules_guess(const char *name, const struct yaml_node *map)
{
	struct text_nearest nearest = { .word = name };

	for (size_t i = 0; map && map->type == YAML_MAP && i < map->count; i++)
		text_nearest_offer(&nearest, map->items[i]->key->text);
	return nearest.best ? mem_printf("did you mean '%s'?", rules_name(nearest.best)) : NULL;
}

bool rules_is_known(const struct rules *r, const struct desired_destination *destination)
{
	const struct schema_row *row = schema_find(&schema_root, "destinations", 0);

	return config_kinds(row->section,
		       r->destinations->items[destination - r->desired->destinations]) != 0;
}

void rules_partition(const struct rules *r, const struct yaml_node *node, const char *path,
	const char *arn, char *const *regions)
{
	STRV_FOREACH(region, regions)
	{
		const char *partition = format_partition(*region);
		size_t length = strlen(partition);

		if (strncmp(arn + 4, partition, length) == 0 && arn[4 + length] == ':')
			continue;
		complain(r, node,
			"%s: the ARN belongs to another partition than region %s, where ARNs begin with "
			"arn:%s:",
			path, *region, partition);
		return;
	}
}

/* What would be silently without effect, or is meant for a role that is not there. */
void rules_role(const struct rules *r, const struct desired_access *access, const char *path,
	const struct yaml_node *map)
{
	static const char *const keys[] = { "external_id", "source_identity", "session_tags" };

	for (size_t i = 0; i < ARRAY_SIZE(keys) && !access->role_arn; i++)
		if (yaml_find(map, keys[i]) && !yaml_find(map, "role_arn"))
			complain(r, rules_place(map, keys[i]),
				"%s.%s: has no effect without a role; add role_arn or remove it",
				path, keys[i]);
}

static void check_source(const struct rules *r)
{
	const struct yaml_node *map = yaml_find(r->root, "source");
	const struct desired_source *source = &r->desired->source;

	if (!map)
		return;
	rules_role(r, &source->access, "source", map);
	if (source->access.role_arn)
		rules_partition(r, rules_place(map, "role_arn"), "source.role_arn",
			source->access.role_arn, source->regions);
}

static void check_certificate_arn(
	const struct rules *r, const char *arn, const char *path, const struct yaml_node *node)
{
	_cleanup_(freep) char *where = mem_printf("%s.arn", path);
	_cleanup_(strv_freep) char **region = NULL;
	_cleanup_(freep) char *text = NULL, *given = NULL;
	const char *start = strstr(arn, ":acm:") + strlen(":acm:");

	text = mem_strndup(start, strcspn(start, ":"));
	strv_append(&region, text);
	rules_partition(r, node, where, arn, region);
	if (!r->desired->source.regions || strv_has(r->desired->source.regions, text))
		return;
	given = strv_join(r->desired->source.regions, ", ");
	complain(r, node,
		"%s: the certificate is in region %s, which is not a region of the source (%s); add it "
		"to "
		"source.regions or correct the ARN",
		where, text, given);
}

static void check_what(const struct rules *r, const struct desired_certificate *certificate,
	const char *path, const struct yaml_node *map)
{
	const struct yaml_node *match = yaml_find(map, "match");

	if (certificate->arn)
		check_certificate_arn(r, certificate->arn, path, rules_place(map, "arn"));
	if (!match && !yaml_find(map, "arn"))
		complain(r, map,
			"%s: missing 'arn' or 'match'; write arn: ARN, match: {domain: NAME} or "
			"match: {tags: {KEY: VALUE}}",
			path);
	else if (match && match->type == YAML_MAP && !match->count)
		complain(r, match,
			"%s.match: is empty; write domain: NAME or tags: {KEY: VALUE}",
			path);
}

static void check_certificate(
	const struct rules *r, struct desired_certificate *certificate, const struct yaml_node *map)
{
	_cleanup_(freep) char *path = mem_printf("certificates.%s", rules_name(certificate->name));
	const struct yaml_node *list = yaml_find(map, "deliver");

	if (map->type != YAML_MAP)
		return;
	check_what(r, certificate, path, map);
	if (!yaml_find(map, "keep_eligible"))
		certificate->keep_eligible = r->desired->source.keep_eligible;
	for (size_t i = 0; i < certificate->deliver_count; i++) {
		struct desired_delivery *delivery = &certificate->deliver[i];

		delivery->accept |= certificate->accept;
		if (list->items[i]->type == YAML_MAP)
			rules_delivery(r, certificate, delivery, list->items[i]);
	}
}

void rules_apply(
	struct desired *desired, const struct yaml_node *root, struct config_problems *problems)
{
	const struct rules r = { desired, root, yaml_find(root, "certificates"),
		yaml_find(root, "destinations"), yaml_find(root, "dependents"), problems };

	check_source(&r);
	rules_events(&r);
	for (size_t i = 0; i < desired->destination_count; i++)
		rules_destination(&r, &desired->destinations[i], r.destinations->items[i]);
	for (size_t i = 0; i < desired->certificate_count; i++)
		check_certificate(&r, &desired->certificates[i], r.certificates->items[i]);
	if (!r.certificates || (r.certificates->type == YAML_MAP && !r.certificates->count))
		problem_add_file(problems, root->file,
			"nothing to deliver: there are no certificates; add at least one under "
			"certificates, see certferry.yaml(5)");
	rules_dependents(&r);
	rules_objects(&r);
	rules_adopt(&r);
}
