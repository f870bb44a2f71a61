/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/rules.h"

#include <string.h>

#include "daemon/config/text.h"
#include "lib/base/strv.h"

struct wish {
	const struct desired_delivery *delivery;
	const struct desired_destination *to;
	const struct yaml_node *node;
};

/* "; did you mean 'x'?" or "", for a name that is not among the ${count} of ${map}. */
static char *did_you_mean(const char *name, const struct yaml_node *map)
{
	struct text_nearest nearest = { .word = name };

	for (size_t i = 0; map && map->type == YAML_MAP && i < map->count; i++)
		text_nearest_offer(&nearest, map->items[i]->key->text);
	return nearest.best ? mem_printf("did you mean '%s'?", rules_name(nearest.best)) : NULL;
}

static void check_then(const struct rules *r, const struct wish *wish, const char *path)
{
	const struct yaml_node *list = yaml_find(wish->node, "then");

	for (size_t i = 0; list && list->type == YAML_LIST && i < list->count; i++) {
		const char *name = list->items[i]->type == YAML_TEXT ? list->items[i]->text : NULL;
		_cleanup_(freep) char *guess = NULL, *shown = NULL;

		if (!name || !strv_has(wish->delivery->then, name) ||
			desired_find_dependent(r->desired, name))
			continue;
		guess = did_you_mean(name, r->dependents);
		shown = text_quote(name);
		complain(r, list->items[i], "%s.then: there is no dependent %s; %s", path, shown,
			guess ? guess : "define it under dependents");
	}
}

/* Keys that mean something to some kinds of destinations only. */
static void check_kind_keys(const struct rules *r, const struct wish *wish, const char *path)
{
	static const struct {
		const char *key;
		unsigned kinds;
	} keys[] = {
		{ "arn", 1u << DESTINATION_ACM },
		{ "recreate", 1u << DESTINATION_ACM },
		{ "adopt", 1u << DESTINATION_ACM | 1u << DESTINATION_SECRETSMANAGER },
		{ "only", 1u << DESTINATION_ACM | 1u << DESTINATION_SECRETSMANAGER },
	};
	const char *kind = destination_kind_name(wish->to->kind);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (yaml_find(wish->node, keys[i].key) && !(keys[i].kinds & (1u << wish->to->kind)))
			complain(r, rules_place(wish->node, keys[i].key),
				"%s.%s: means nothing to destination '%s', which is of kind %s; "
				"remove it",
				path, keys[i].key, rules_name(wish->to->name), kind);
	if (wish->to->kind == DESTINATION_ACM && wish->delivery->adopt == ADOPT_YES)
		complain(r, rules_place(wish->node, "adopt"),
			"%s.adopt: true is for secrets; for ACM write in-use, beside, or arn: ARN",
			path);
	if (wish->to->kind == DESTINATION_SECRETSMANAGER &&
		(wish->delivery->adopt == ADOPT_IN_USE || wish->delivery->adopt == ADOPT_BESIDE))
		complain(r, rules_place(wish->node, "adopt"),
			"%s.adopt: in-use and beside are for ACM; for a secret write true", path);
}

static void check_subset(
	const struct rules *r, const struct wish *wish, const char *path, const char *key)
{
	bool accounts = strcmp(key, "accounts") == 0;
	char *const *narrow = accounts ? wish->delivery->only_accounts
				       : wish->delivery->only_regions;
	char *const *all = accounts ? wish->to->accounts : wish->to->regions;
	const struct yaml_node *node = rules_place(rules_place(wish->node, "only"), key);
	_cleanup_(freep) char *given = strv_join(all, ", ");

	STRV_FOREACH(item, narrow)
	{
		if (strv_has(all, *item))
			continue;
		if (all)
			complain(r, node,
				"%s.only.%s: %s is none of those of destination '%s' (%s)", path,
				key, *item, rules_name(wish->to->name), given);
		else
			complain(r, node,
				"%s.only.%s: destination '%s' has no %s to choose from; add them "
				"there or remove this",
				path, key, rules_name(wish->to->name), key);
	}
}

/* Placeholders of which nothing would be known when they are to be replaced. */
static void check_placeholders(const struct rules *r, const struct wish *wish, const char *path)
{
	static const char *const keys[] = { "as", "arn" };
	const char *const texts[] = { wish->delivery->as, wish->delivery->arn };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		unsigned used = texts[i] ? format_placeholders(texts[i]) : 0;

		if (wish->to->kind == DESTINATION_FILE &&
			(used & (PLACEHOLDER_ACCOUNT | PLACEHOLDER_REGION)))
			complain(r, rules_place(wish->node, keys[i]),
				"%s.%s: files have no {account} and no {region}; remove them", path,
				keys[i]);
		else if ((used & PLACEHOLDER_ACCOUNT) && !wish->to->accounts)
			complain(r, rules_place(wish->node, keys[i]),
				"%s.%s: {account} is not known; add accounts to destination '%s'",
				path, keys[i], rules_name(wish->to->name));
	}
}

static void check_file_object(const struct rules *r, const struct wish *wish, const char *path)
{
	static const char *const refused[] = { "", ".", "..", ".versions" };
	const char *part = wish->delivery->as;

	if (wish->to->kind != DESTINATION_FILE)
		return;
	for (;;) {
		size_t length = strcspn(part, "/");

		for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
			if (length == strlen(refused[i]) &&
				strncmp(part, refused[i], length) == 0) {
				complain(r, rules_place(wish->node, "as"),
					"%s.as: of files, no part between slashes may be empty, "
					"'.', '..' or "
					"'.versions'; write it like tls/payments",
					path);
				return;
			}
		if (length > 200) /* temporary names beside it are longer, and 255 is the end */
			complain(r, rules_place(wish->node, "as"),
				"%s.as: a part has %zu characters; files can have 200", path,
				length);
		if (!part[length])
			return;
		part += length + 1;
	}
}

static size_t count_places(char *const *narrow, char *const *all)
{
	return MAX(strv_length(narrow ? narrow : all), (size_t)1);
}

/* One import is in one account and one region; the others would be refused at run time. */
static void check_import(const struct rules *r, const struct wish *wish, const char *path)
{
	const struct desired_delivery *d = wish->delivery;
	size_t accounts = count_places(d->only_accounts, wish->to->accounts);
	size_t regions = count_places(d->only_regions, wish->to->regions);

	if (wish->to->kind == DESTINATION_ACM && strlen(d->as) > 256)
		complain(r, rules_place(wish->node, "as"),
			"%s.as: %zu characters are too long for the tag certferry:name; it may "
			"have 256",
			path, strlen(d->as));
	if (!d->arn || wish->to->kind != DESTINATION_ACM)
		return;
	if ((accounts > 1 && !strstr(d->arn, "{account}")) ||
		(regions > 1 && !strstr(d->arn, "{region}")))
		complain(r, rules_place(wish->node, "arn"),
			"%s.arn: names one import, but the delivery goes to %zu places; narrow it "
			"with only, "
			"or name the imports under adopt at the top",
			path, accounts * regions);
}

static void check_wish(const struct rules *r, const struct wish *wish, const char *path)
{
	check_kind_keys(r, wish, path);
	if (wish->to->kind != DESTINATION_FILE) {
		check_subset(r, wish, path, "accounts");
		check_subset(r, wish, path, "regions");
	}
	check_placeholders(r, wish, path);
	check_file_object(r, wish, path);
	check_import(r, wish, path);
}

void rules_delivery(const struct rules *r, const struct desired_certificate *certificate,
	const struct desired_delivery *delivery, const struct yaml_node *node)
{
	_cleanup_(freep) char *path = mem_printf(
		"certificates.%s.deliver", rules_name(certificate->name));
	_cleanup_(freep) char *guess = NULL, *shown = NULL;
	struct wish wish = { delivery, NULL, node };

	check_then(r, &wish, path);
	if (!delivery->to)
		return;
	wish.to = desired_find_destination(r->desired, delivery->to);
	if (!wish.to) {
		guess = did_you_mean(delivery->to, r->destinations);
		shown = text_quote(delivery->to);
		complain(r, rules_place(node, "to"), "%s.to: there is no destination %s; %s", path,
			shown, guess ? guess : "define it under destinations");
		return;
	}
	if (rules_is_known(r, wish.to))
		check_wish(r, &wish, path);
}
