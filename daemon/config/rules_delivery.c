/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/rules.h"

#include <string.h>

#include "daemon/config/text.h"
#include "daemon/model/place.h"
#include "lib/base/strv.h"

struct wish {
	const struct desired_delivery *delivery;
	const struct desired_destination *to;
	const struct yaml_node *node;
};

static void check_then(const struct rules *r, const struct wish *wish, const char *path)
{
	const struct yaml_node *list = yaml_find(wish->node, "then");

	for (size_t i = 0; list && list->type == YAML_LIST && i < list->count; i++) {
		const char *name = list->items[i]->type == YAML_TEXT ? list->items[i]->text : NULL;
		_cleanup_(freep) char *guess = NULL, *shown = NULL;

		if (!name || !strv_has(wish->delivery->then, name) ||
			desired_find_dependent(r->desired, name))
			continue;
		guess = rules_guess(name, r->dependents);
		shown = text_quote(name);
		complain(r, list->items[i], "%s.then: there is no dependent %s; %s", path, shown,
			guess ? guess : "define it under dependents");
	}
}

/* Keys that mean something to some kinds of destinations only. */
static void check_kind_keys(const struct rules *r, const struct wish *wish, const char *path)
{
	static const char *const keys[] = { "arn", "recreate", "adopt", "only" };
	const struct place_kind *kind = place_kind_of(wish->to);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (yaml_find(wish->node, keys[i]) && !strv_has((char *const *)kind->delivery_keys, keys[i]))
			complain(r, rules_place(wish->node, keys[i]),
				"%s.%s: does not apply to destination '%s', which is of kind %s; "
				"remove it",
				path, keys[i], rules_name(wish->to->name), kind->name);
	if (strv_has((char *const *)kind->delivery_keys, "adopt") && !(kind->adopts & 1u << wish->delivery->adopt))
		complain(r, rules_place(wish->node, "adopt"), "%s.adopt: %s", path, kind->adopt_refusal);
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
				"%s.only.%s: %s is not one of those of destination '%s' (%s)", path,
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
	const struct place_kind *kind = place_kind_of(wish->to);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		unsigned used = texts[i] ? format_placeholders(texts[i]) : 0;

		if (!kind->in_aws && (used & (PLACEHOLDER_ACCOUNT | PLACEHOLDER_REGION)))
			complain(r, rules_place(wish->node, keys[i]),
				"%s.%s: %s have no {account} and no {region}; remove them", path, keys[i],
				kind->objects);
		else if ((used & PLACEHOLDER_ACCOUNT) && !wish->to->accounts)
			complain(r, rules_place(wish->node, keys[i]),
				"%s.%s: {account} is not known; add accounts to destination '%s'",
				path, keys[i], rules_name(wish->to->name));
	}
}

static void check_object(const struct rules *r, const struct wish *wish, const char *path)
{
	const struct place_kind *kind = place_kind_of(wish->to);
	_cleanup_(strv_freep) char **problems =
		kind->object_problems ? kind->object_problems(wish->delivery->as) : NULL;

	STRV_FOREACH (problem, problems)
		complain(r, rules_place(wish->node, "as"), "%s.as: %s", path, *problem);
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

	if (!d->arn || !place_kind_of(wish->to)->names_objects)
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
	if (place_kind_of(wish->to)->in_aws) {
		check_subset(r, wish, path, "accounts");
		check_subset(r, wish, path, "regions");
	}
	check_placeholders(r, wish, path);
	check_object(r, wish, path);
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
	rules_prove(r, delivery->prove, delivery->prove_count, path, node);
	if (!delivery->to)
		return;
	wish.to = desired_find_destination(r->desired, delivery->to);
	if (!wish.to) {
		guess = rules_guess(delivery->to, r->destinations);
		shown = text_quote(delivery->to);
		complain(r, rules_place(node, "to"), "%s.to: there is no destination %s; %s", path,
			shown, guess ? guess : "define it under destinations");
		return;
	}
	if (rules_is_known(r, wish.to))
		check_wish(r, &wish, path);
}
