/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/rules.h"

#include <string.h>

#include "daemon/model/place.h"
#include "lib/base/strv.h"

/* A delivery's name, taken apart: CERTIFICATE[/ID]/DESTINATION[/ACCOUNT/REGION]. */
struct parts {
	char **list;
	const struct desired_certificate *certificate;
	const struct desired_destination *to;
	size_t behind; /* index of what follows the destination */
};

static char **split(const char *name)
{
	char **list = NULL;

	for (;;) {
		size_t length = strcspn(name, "/");
		_cleanup_(freep) char *part = mem_strndup(name, length);

		strv_append(&list, part);
		if (!name[length])
			return list;
		name += length + 1;
	}
}

static const struct desired_certificate *find_certificate(const struct rules *r, const char *name)
{
	for (size_t i = 0; i < r->desired->certificate_count; i++)
		if (strcmp(r->desired->certificates[i].name, name) == 0)
			return &r->desired->certificates[i];
	return NULL;
}

/* What is wrong with ${parts}' names, or NULL; fills in what they mean. */
static const char *resolve(const struct rules *r, struct parts *parts)
{
	size_t destination;
	bool delivered = false;

	parts->certificate = find_certificate(r, parts->list[0]);
	if (!parts->certificate)
		return "there is no such certificate";
	destination = parts->certificate->arn ? 1 : 2;
	if (strv_length(parts->list) <= destination)
		return "the destination's name is missing";
	parts->behind = destination + 1;
	for (size_t i = 0; i < parts->certificate->deliver_count; i++) {
		const char *to = parts->certificate->deliver[i].to;

		delivered |= to && strcmp(to, parts->list[destination]) == 0;
	}
	if (!delivered)
		return "the certificate is not delivered there";
	parts->to = desired_find_destination(r->desired, parts->list[destination]);
	if (!parts->to || !rules_is_known(r, parts->to))
		return "there is no such destination";
	return place_kind_of(parts->to)->names_objects ? NULL : "the destination is not of kind acm";
}

/* The account or region of ${arn} by its field, ${index} from 0. */
static char *arn_field(const char *arn, size_t index)
{
	while (index--)
		arn += strcspn(arn, ":") + 1;
	return mem_strndup(arn, strcspn(arn, ":"));
}

static void check_where(const struct rules *r, const struct parts *parts, const char *arn,
	const struct yaml_node *node)
{
	_cleanup_(freep) char *region = arn_field(arn, 3), *account = arn_field(arn, 4);
	char *const *behind = parts->list + parts->behind;
	size_t count = strv_length(behind);

	if (parts->to->accounts && !strv_has(parts->to->accounts, account))
		complain(r, node,
			"adopt: the import is in account %s, which destination '%s' does not have",
			account, rules_name(parts->to->name));
	else if (parts->to->regions && !strv_has(parts->to->regions, region))
		complain(r, node,
			"adopt: the import is in region %s, which destination '%s' does not have",
			region, rules_name(parts->to->name));
	else if (count && (!strv_has(behind, region) || (count > 1 && !strv_has(behind, account))))
		complain(r, node,
			"adopt: the import is in account %s and region %s, but the delivery's name "
			"says otherwise",
			account, region);
}

static void check_adopt(const struct rules *r, const struct yaml_node *item)
{
	_cleanup_(strv_freep) char **list = split(item->key->text);
	struct parts parts = { .list = list };
	const char *wrong = resolve(r, &parts);
	_cleanup_(strv_freep) char **region = NULL;
	_cleanup_(freep) char *text = NULL;

	if (wrong) {
		complain(r, item->key,
			"adopt: no delivery has this name: %s; remove it, or see `certferryd --check "
			"--expand` "
			"for the names",
			wrong);
		return;
	}
	text = arn_field(item->text, 3);
	strv_append(&region, text);
	rules_partition(r, item, "adopt", item->text, region);
	check_where(r, &parts, item->text, item);
}

void rules_adopt(const struct rules *r)
{
	const struct yaml_node *map = yaml_find(r->root, "adopt");

	/* Those that were read are sound by themselves; the others were spoken of. */
	for (size_t i = 0; map && map->type == YAML_MAP && i < map->count; i++)
		if (map->items[i]->type == YAML_TEXT &&
			desired_find_adopt(r->desired, map->items[i]->key->text))
			check_adopt(r, map->items[i]);
}
