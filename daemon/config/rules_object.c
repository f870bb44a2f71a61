/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/rules.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/config/text.h"
#include "daemon/model/place.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

/*
 * Two deliveries that write one object would overwrite each other at each renewal, and restart
 * all that depends on it each time.  What can be known of that here is known from the texts:
 * each delivery becomes PLACE and OBJECT, sorted, and neighbours are compared.
 */
struct target {
	char *place; /* destination, or the kind whose objects can meet through several of them: files */
	char *object; /* `as` without placeholders, of files with the directory; what is unknown yet is its certificate's */
	const struct desired_certificate *certificate;
	const struct desired_delivery *delivery;
	const struct yaml_node *node;
	bool nests; /* what lies below another object is in it */
};

/* "a", "a/b", "a-b": what lies below a name follows it at once. */
static int compare_objects(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	if (*a == *b)
		return 0;
	if (*a == '/' || *b == '/')
		return *a == '/' ? (*b ? -1 : 1) : (*a ? 1 : -1);
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int compare_targets(const void *a, const void *b)
{
	const struct target *x = a, *y = b;
	int r = strcmp(x->place, y->place);

	if (!r)
		r = compare_objects(x->object, y->object);
	if (!r)
		r = strcmp(x->node->file, y->node->file);
	return r ? r : (x->node->line < y->node->line ? -1 : x->node->line > y->node->line);
}

static char *known_object(const struct desired_certificate *certificate, const char *as)
{
	struct buf object = BUF_NULL;
	const char *brace;
	bool unknown = strstr(as, "{domain}") || (!certificate->arn && strstr(as, "{certificate}"));

	/* Apart from all others, yet equal to the same text of the same certificate. */
	if (unknown)
		buf_printf(&object, "\001%s\001", certificate->name);
	while (!unknown && (brace = strstr(as, "{certificate}"))) {
		buf_append(&object, as, (size_t)(brace - as));
		buf_append_string(&object, certificate->name);
		as = brace + strlen("{certificate}");
	}
	buf_append_string(&object, as);
	return buf_take(&object);
}

static bool lists_meet(char *const *a, char *const *b)
{
	if (!a || !b)
		return true;
	STRV_FOREACH(item, a)
		if (strv_has(b, *item))
			return true;
	return false;
}

/* The same account and region of the destination may be meant. */
static bool targets_meet(const struct target *a, const struct target *b)
{
	return lists_meet(a->delivery->only_accounts, b->delivery->only_accounts) &&
	       lists_meet(a->delivery->only_regions, b->delivery->only_regions);
}

static bool is_below(const char *below, const char *object)
{
	size_t length = strlen(object);

	return strncmp(below, object, length) == 0 && below[length] == '/';
}

static void complain_same(
	const struct rules *r, const struct target *second, const struct target *first)
{
	complain(r, second->node,
		"certificates.%s.deliver: writes the same object as the delivery at %s:%u:%u; give "
		"one of "
		"them another 'as'",
		rules_name(second->certificate->name), first->node->file, first->node->line,
		first->node->column);
}

static void compare_neighbours(const struct rules *r, const struct target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count; j++) {
			const struct target *a = &targets[i], *b = &targets[j];

			if (strcmp(a->place, b->place) != 0)
				break;
			if (a->nests && is_below(b->object, a->object))
				complain(r, b->node,
					"certificates.%s.deliver: would write into the files of the "
					"delivery at %s:%u:%u; give one of them another 'as'",
					rules_name(b->certificate->name), a->node->file,
					a->node->line, a->node->column);
			else if (strcmp(a->object, b->object) != 0)
				break;
			else if (targets_meet(a, b)) {
				complain_same(r, b, a);
				break;
			}
		}
	}
}

/* A delivery is named CERTIFICATE/DESTINATION: of two at one place, the records would be one. */
static void compare_within(const struct rules *r, const struct desired_certificate *certificate,
	const struct yaml_node *list)
{
	for (size_t i = 1; i < certificate->deliver_count; i++) {
		const struct target b = { .delivery = &certificate->deliver[i] };

		for (size_t j = 0; j < i; j++) {
			const struct target a = { .delivery = &certificate->deliver[j] };

			if (!a.delivery->to || !b.delivery->to ||
				strcmp(a.delivery->to, b.delivery->to) != 0 ||
				!targets_meet(&a, &b))
				continue;
			complain(r, rules_place(list->items[i], "to"),
				"certificates.%s.deliver: goes to '%s' already (line %u); for a "
				"second object there, define a second destination for the same place",
				rules_name(certificate->name), rules_name(b.delivery->to),
				list->items[j]->line);
			break;
		}
	}
}

static bool make_target(const struct rules *r, const struct desired_certificate *certificate,
	const struct desired_delivery *delivery, const struct yaml_node *node,
	struct target *target)
{
	const struct desired_destination *to =
		delivery->to ? desired_find_destination(r->desired, delivery->to) : NULL;
	_cleanup_(freep) char *shared = NULL, *object = NULL;
	const struct place_kind *kind;

	if (!to || !delivery->as || !rules_is_known(r, to))
		return false;
	kind = place_kind_of(to);
	shared = kind->shared ? kind->shared(to) : NULL;
	target->nests = kind->nests_objects;
	object = kind->names_objects && delivery->arn ? mem_strdup(delivery->arn)
						      : known_object(certificate, delivery->as);
	target->place = shared ? mem_printf("/%s", kind->name) : mem_strdup(to->name);
	target->object = shared ? mem_printf("%s/%s", shared, object) : take(object);
	target->certificate = certificate;
	target->delivery = delivery;
	target->node = node;
	return true;
}

void rules_objects(const struct rules *r)
{
	_cleanup_(freep) struct target *targets = NULL;
	size_t count = 0, room = 0;

	for (size_t i = 0; i < r->desired->certificate_count; i++)
		room += r->desired->certificates[i].deliver_count;
	if (!room)
		return;
	targets = mem_resize(NULL, room, sizeof(*targets));
	for (size_t i = 0; i < r->desired->certificate_count; i++) {
		const struct desired_certificate *certificate = &r->desired->certificates[i];
		const struct yaml_node *list = yaml_find(r->certificates->items[i], "deliver");

		for (size_t j = 0; j < certificate->deliver_count; j++)
			count += make_target(r, certificate, &certificate->deliver[j],
				list->items[j], &targets[count]);
		compare_within(r, certificate, list);
	}
	if (count)
		qsort(targets, count, sizeof(*targets), compare_targets);
	compare_neighbours(r, targets, count);
	for (size_t i = 0; i < count; i++) {
		free(targets[i].place);
		free(targets[i].object);
	}
}
