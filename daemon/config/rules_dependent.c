/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/rules.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/config/text.h"
#include "lib/base/strv.h"

static void check_name(const struct rules *r, const struct desired_dependent *dependent, const struct yaml_node *node)
{
	const char *path = rules_name(dependent->name);
	_cleanup_(freep) char *guess = NULL, *shown = NULL;

	if (strcmp(node->text, dependent->name) == 0) {
		complain(r, node, "dependents.%s.after: a dependent cannot wait for itself; remove it", path);
		return;
	}
	if (desired_find_dependent(r->desired, node->text))
		return;
	guess = rules_guess(node->text, r->dependents);
	shown = text_quote(node->text);
	complain(r, node, "dependents.%s.after: there is no dependent %s; %s", path, shown,
		guess ? guess : "define it under dependents");
}

static void check_names(
	const struct rules *r, const struct desired_dependent *dependent, const struct yaml_node *map)
{
	const struct yaml_node *list = yaml_find(map, "after");

	for (size_t i = 0; list && list->type == YAML_LIST && i < list->count; i++)
		if (list->items[i]->type == YAML_TEXT && strv_has(dependent->after, list->items[i]->text))
			check_name(r, dependent, list->items[i]);
}

/* --- circles: each is told once, at the first of its members --- */

/* Dependents by their indices, as they are reached from the first. */
struct reached {
	size_t *from; /* of each: over which it was reached; SIZE_MAX: not yet */
	size_t *queue;
	size_t count;
};

/* "a, b, c, a": the way from the first to ${last}, and back to the first. */
static char *circle_text(const struct rules *r, const struct reached *reached, size_t first, size_t last)
{
	_cleanup_(freep) char *text = mem_strdup(rules_name(r->desired->dependents[first].name));

	for (size_t at = last; at != first; at = reached->from[at]) {
		char *longer = mem_printf("%s, %s", rules_name(r->desired->dependents[at].name), text);

		free(text);
		text = longer;
	}
	return mem_printf("%s, %s", rules_name(r->desired->dependents[first].name), text);
}

/* Takes those that the dependent ${at} waits for into the queue; true when the first is one of them. */
static bool reach_from(const struct rules *r, struct reached *reached, size_t first, size_t at)
{
	STRV_FOREACH(name, r->desired->dependents[at].after) {
		const struct desired_dependent *next = desired_find_dependent(r->desired, *name);
		size_t index = next ? (size_t)(next - r->desired->dependents) : 0;

		if (!next || index < first || (index == first && at == first))
			continue;
		if (index == first)
			return true;
		if (reached->from[index] != SIZE_MAX)
			continue;
		reached->from[index] = at;
		reached->queue[reached->count++] = index;
	}
	return false;
}

static void check_circle(const struct rules *r, size_t first)
{
	const size_t count = r->desired->dependent_count;
	_cleanup_(freep) size_t *from = mem_alloc(count * sizeof(*from));
	_cleanup_(freep) size_t *queue = mem_alloc(count * sizeof(*queue));
	struct reached reached = { from, queue, 1 };

	for (size_t i = 0; i < count; i++)
		from[i] = SIZE_MAX;
	queue[0] = first;
	for (size_t i = 0; i < reached.count; i++) {
		_cleanup_(freep) char *circle = NULL;

		if (!reach_from(r, &reached, first, queue[i]))
			continue;
		circle = circle_text(r, &reached, first, queue[i]);
		complain(r, rules_place(r->dependents->items[first], "after"),
			"dependents.%s.after: these wait for each other in a circle: %s; remove one of them from the list of "
			"another", rules_name(r->desired->dependents[first].name), circle);
		return;
	}
}

void rules_dependents(const struct rules *r)
{
	for (size_t i = 0; i < r->desired->dependent_count; i++) {
		const struct desired_dependent *dependent = &r->desired->dependents[i];
		_cleanup_(freep) char *path = mem_printf("dependents.%s", rules_name(dependent->name));

		rules_prove(r, dependent->prove, dependent->prove_count, path, r->dependents->items[i]);
		if (!dependent->after)
			continue;
		check_names(r, dependent, r->dependents->items[i]);
		check_circle(r, i);
	}
}
