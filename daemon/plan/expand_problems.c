/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan/expand_problems.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

/* That are put into words: a match may find thousands of certificates with the same one. */
#define PROBLEMS_MOST 100

/* The characters that an object's name may have (Secrets Manager's, the narrowest of the kinds). */
static const char object_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-";

static int compare_optional(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "");
}

static int compare_object(const struct delivery *a, const struct delivery *b)
{
	int order = compare_optional(delivery_named_arn(a), delivery_named_arn(b));

	if (order || delivery_named_arn(a))
		return order;
	order = place_compare(a->place, b->place);
	return order ? order : strcmp(a->object, b->object);
}

/* A delivery, made, of those that may be to one object. */
struct contender {
	size_t index; /* in the expansion */
	struct delivery delivery;
};

static int compare_object_and_name(const void *a, const void *b)
{
	const struct delivery *left = &((const struct contender *)a)->delivery;
	const struct delivery *right = &((const struct contender *)b)->delivery;
	int order = compare_object(left, right);

	return order ? order : strcmp(left->name, right->name);
}

static char *object_problem(const struct delivery *delivery, bool complete)
{
	const char *rest = delivery->object + strspn(delivery->object, object_characters);

	/* Without the source {domain} is not known yet, and its braces are no fault. */
	while (!complete && *rest == '{' && strchr(rest, '}')) {
		rest = strchr(rest, '}') + 1;
		rest += strspn(rest, object_characters);
	}
	if (*rest == '\0' && delivery->object[0] != '\0')
		return NULL;
	return mem_printf(
		"delivery '%s': the name '%s' of its object can have only A-Z a-z 0-9 / _ + = . @ -; "
		"choose another name with as:",
		delivery->name, delivery->object);
}

/* --- what is wrong --- */

/* Why a delivery is left out.  There may be as many as there are deliveries: words are made of those
 * that are said. */
enum fault {
	FAULT_NONE,
	FAULT_NAME, /* the name of its object */
	FAULT_SAME_BEFORE, /* it and the other one write the same object, and it comes first */
	FAULT_SAME_AFTER,
	FAULT_REPLACED, /* it goes on as the other one */
	FAULT_STAYS_COVERED, /* the other one stays: which covers it, */
	FAULT_STAYS, /* or for now */
};

struct marked {
	uint32_t other; /* the delivery that the fault names besides */
	uint8_t fault;
};

/* --- several to one object --- */

/* Of deliveries sorted by their objects, those of one. */
struct rivals {
	const struct contender *items;
	size_t count;
	const struct source_view *view;
	const struct incumbents *incumbents;
};

/* What becomes of several to one object. */
enum settled_by {
	SETTLED_BY_NOTHING, /* none is left */
	SETTLED_BY_DATES, /* the one that ends last, and covers the others */
	SETTLED_BY_RECORD, /* the one that certferry wrote, and covers the others */
	SETTLED_FOR_NOW, /* the one that certferry wrote, which another covers */
};

static bool covers_name(const struct source_certificate *certificate, const char *name)
{
	const char *parent = strncmp(name, "*.", 2) == 0 ? NULL : strchr(name, '.');

	if (certificate->domain && strcmp(certificate->domain, name) == 0)
		return true;
	STRV_FOREACH (have, certificate->names)
		if (strcmp(*have, name) == 0 ||
			(parent && **have == '*' && strcmp(*have + 1, parent) == 0))
			return true;
	return false;
}

/* All names of ${other}, of which the listing must show all. */
static bool covers(
	const struct source_certificate *certificate, const struct source_certificate *other)
{
	if (other->more_names || (other->domain && !covers_name(certificate, other->domain)))
		return false;
	STRV_FOREACH (name, other->names)
		if (!covers_name(certificate, *name))
			return false;
	return true;
}

/* Did one match find all of them? */
static bool are_found(const struct rivals *rivals)
{
	for (size_t i = 0; i < rivals->count; i++)
		if (rivals->items[i].delivery.entry != rivals->items[0].delivery.entry ||
			rivals->items[i].delivery.entry->arn)
			return false;
	return rivals->view != NULL;
}

/* What has another type (private, public) has another issuer.  Whoever may request certificates of a
 * private authority has no say about a public one, which would wait for that renewal in vain. */
static bool is_alike(const struct source_certificate *a, const struct source_certificate *b)
{
	return !a->type || !*a->type || !b->type || !*b->type || strcmp(a->type, b->type) == 0;
}

static bool ends_later(const struct source_certificate *a, const struct source_certificate *b)
{
	return a->not_after > b->not_after && is_alike(a, b);
}

static bool goes_before(const struct rivals *rivals, size_t one, size_t other, bool later)
{
	const struct source_certificate *a = source_view_find(
		rivals->view, rivals->items[one].delivery.source_arn);
	const struct source_certificate *b = source_view_find(
		rivals->view, rivals->items[other].delivery.source_arn);

	return a && b && (!later || ends_later(a, b)) && covers(a, b);
}

/* The one that covers all others, and with ${later} ends after them; count: there is none. */
static size_t find_first(const struct rivals *rivals, bool later)
{
	size_t first = 0;

	for (size_t i = 1; i < rivals->count; i++)
		if (goes_before(rivals, i, first, later))
			first = i;
	for (size_t i = 0; i < rivals->count; i++)
		if (i != first && !goes_before(rivals, first, i, later))
			return rivals->count;
	return first;
}

static bool is_incumbent(const struct rivals *rivals, size_t one)
{
	const struct incumbents *incumbents = rivals->incumbents;

	return incumbents && incumbents->has(incumbents->userdata, &rivals->items[one].delivery);
}

/* The one that takes the place of all others, or count. */
static size_t find_heir(const struct rivals *rivals, enum settled_by *ret_by)
{
	size_t latest = find_first(rivals, true), widest = find_first(rivals, false);

	*ret_by = SETTLED_BY_DATES;
	if (latest < rivals->count)
		return latest;
	*ret_by = SETTLED_BY_RECORD;
	if (widest < rivals->count && is_incumbent(rivals, widest))
		return widest;
	*ret_by = SETTLED_FOR_NOW;
	for (size_t i = 0; widest < rivals->count && i < rivals->count; i++)
		if (is_incumbent(rivals, i))
			return i;
	*ret_by = SETTLED_BY_NOTHING;
	return rivals->count;
}

static char *replaced_text(const struct source_view *view, const struct delivery *lost,
	const struct delivery *heir)
{
	const struct source_certificate *certificate = source_view_find(view, heir->source_arn);
	char end[TIME_TEXT_SIZE];

	return mem_printf("delivery '%s' goes on as '%s': both certificates match '%s', and the "
			  "latter covers all names "
			  "of the former and ends later (%s)",
		lost->name, heir->name, lost->entry->name,
		time_format(certificate->not_after, end));
}

static char *stays_text(
	const struct delivery *lost, const struct delivery *heir, bool covered)
{
	return mem_printf("certferry leaves out delivery '%s': both certificates match '%s', and "
			  "it goes on with '%s', which it "
			  "delivered before%s",
		lost->name, lost->entry->name, heir->name,
		covered
			? " and which covers all names of the former"
			: ", until one of the same type that covers all names ends last; choose another name for "
			  "one of them with as:, or match fewer");
}

/* One would overwrite the others for ever. */
static char *same_object_text(const struct delivery *one, const struct delivery *other)
{
	return mem_printf("deliveries '%s' and '%s' both write the object '%s'; choose another "
			  "name for one of them with "
			  "as:",
		one->name, other->name, delivery_object_name(other));
}

/* The sentence; ${other} is empty where the fault names none. */
static char *fault_text(const struct source_view *view, enum fault fault,
	const struct delivery *delivery, const struct delivery *other)
{
	switch (fault) {
	case FAULT_NONE:
		break;
	case FAULT_NAME:
		return object_problem(delivery, view != NULL);
	case FAULT_SAME_BEFORE:
		return same_object_text(delivery, other);
	case FAULT_SAME_AFTER:
		return same_object_text(other, delivery);
	case FAULT_REPLACED:
		return replaced_text(view, delivery, other);
	case FAULT_STAYS_COVERED:
	case FAULT_STAYS:
		return stays_text(delivery, other, fault == FAULT_STAYS_COVERED);
	}
	return NULL;
}

/* What is wrong with number ${i}, where ${heir} stays or nobody does. */
static struct marked mark_rival(
	const struct rivals *rivals, size_t i, size_t heir, enum settled_by by)
{
	bool before = i + 1 < rivals->count;
	size_t other = by != SETTLED_BY_NOTHING ? heir : before ? i + 1 : i - 1;

	return (struct marked){
		.other = (uint32_t)rivals->items[other].index,
		.fault = by == SETTLED_BY_NOTHING ? (before ? FAULT_SAME_BEFORE : FAULT_SAME_AFTER)
			 : by == SETTLED_BY_DATES  ? FAULT_REPLACED
			 : by == SETTLED_BY_RECORD ? FAULT_STAYS_COVERED
						   : FAULT_STAYS,
	};
}

static void mark_rivals(
	const struct rivals *rivals, struct expansion *expansion, struct marked *marks)
{
	bool found = are_found(rivals);
	enum settled_by by = SETTLED_BY_NOTHING;
	size_t heir = found ? find_heir(rivals, &by) : rivals->count;

	expansion->dated |= found;
	expansion->left_out |= by == SETTLED_BY_NOTHING || by == SETTLED_FOR_NOW;
	for (size_t i = 0; i < rivals->count; i++)
		if (i != heir)
			marks[rivals->items[i].index] = mark_rival(rivals, i, heir, by);
}

/* --- which are to one object --- */

/* What an object is told by, short: two objects may have the same. */
struct object_hint {
	uint32_t hash;
	uint32_t index; /* of its delivery */
};

/* FNV-1a. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

/* Equal where compare_object() says 0. */
static uint32_t object_hash(const struct delivery *delivery)
{
	const char *arn = delivery_named_arn(delivery);
	uint32_t hash = 2166136261u;

	if (arn)
		return hash_text(hash, arn);
	hash = hash_text(hash, delivery->place->key);
	hash = hash_text(hash ^ '\n', delivery->place->via ?: "");
	return hash_text(hash ^ '\n', delivery->object);
}

static int compare_hints(const void *a, const void *b)
{
	const struct object_hint *left = a, *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

/* Marks those of ${hints}, which are of one hash, that are to one object. */
static void mark_alike(struct expansion *expansion, const struct object_hint *hints, size_t count,
	const struct source_view *view, const struct incumbents *incumbents, struct marked *marks)
{
	struct contender *items = mem_alloc(count * sizeof(*items));

	for (size_t i = 0; i < count; i++) {
		items[i].index = hints[i].index;
		expansion_delivery(expansion, hints[i].index, &items[i].delivery);
	}
	qsort(items, count, sizeof(*items), compare_object_and_name);
	for (size_t i = 0, next; i < count; i = next) {
		struct rivals rivals = {
			.items = &items[i], .view = view, .incumbents = incumbents
		};

		for (next = i + 1; next < count && compare_object(&items[i].delivery,
							   &items[next].delivery) == 0;
			next++)
			;
		rivals.count = next - i;
		/* Of certificates not seen yet, the same text becomes different names. */
		if (rivals.count > 1 && (view || !strchr(items[i].delivery.object, '{')))
			mark_rivals(&rivals, expansion, marks);
	}
	for (size_t i = 0; i < count; i++)
		delivery_done(&items[i].delivery);
	free(items);
}

/* Marks those whose object has a name that cannot be, and those of several to one object that are
 * left out.  Of each delivery only its hint is kept. */
static void mark_faults(struct expansion *expansion, const struct source_view *view,
	const struct incumbents *incumbents, struct marked *marks)
{
	const size_t count = expansion->delivery_count;
	_cleanup_(freep) struct object_hint *hints = mem_alloc(count * sizeof(*hints));

	for (size_t i = 0; i < count; i++) {
		_cleanup_(delivery_done) struct delivery delivery = { 0 };
		_cleanup_(freep) char *problem = NULL;

		expansion_delivery(expansion, i, &delivery);
		problem = object_problem(&delivery, view != NULL);
		if (problem)
			marks[i].fault = FAULT_NAME;
		expansion->left_out |= problem != NULL;
		hints[i] = (struct object_hint){ object_hash(&delivery), (uint32_t)i };
	}
	if (count)
		qsort(hints, count, sizeof(*hints), compare_hints);
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && hints[i].hash == hints[next].hash; next++)
			;
		if (next - i > 1)
			mark_alike(expansion, &hints[i], next - i, view, incumbents, marks);
	}
}

/* --- what is said of it --- */

/* A source, or a pattern for names, may make one of each of its deliveries. */
static bool add_problem(char ***problems, size_t *count, const char *problem)
{
	if (strv_has(*problems, problem))
		return true;
	if (*count == PROBLEMS_MOST)
		return false;
	strv_append(problems, problem);
	(*count)++;
	return true;
}

static char *marked_text(const struct expansion *expansion, const struct source_view *view,
	size_t index, const struct marked *marked)
{
	_cleanup_(delivery_done) struct delivery delivery = { 0 }, other = { 0 };

	expansion_delivery(expansion, index, &delivery);
	if (marked->fault != FAULT_NAME)
		expansion_delivery(expansion, marked->other, &other);
	return fault_text(view, (enum fault)marked->fault, &delivery, &other);
}

static void say_problems(
	struct expansion *expansion, const struct source_view *view, const struct marked *marks)
{
	size_t said = 0, unsaid = 0;

	for (size_t i = 0; i < expansion->delivery_count; i++) {
		_cleanup_(freep) char *text = NULL;

		if (marks[i].fault == FAULT_NONE)
			continue;
		text = marked_text(expansion, view, i, &marks[i]);
		unsaid += !add_problem(&expansion->problems, &said, text);
	}
	if (unsaid) {
		_cleanup_(freep) char *more = mem_printf("certferry leaves out these deliveries "
							 "and %zu more, for reasons like these",
			unsaid);

		strv_append(&expansion->problems, more);
	}
}

void expand_drop_problems(struct expansion *expansion, const struct source_view *view,
	const struct incumbents *incumbents)
{
	const size_t count = expansion->delivery_count;
	_cleanup_(freep) struct marked *marks = mem_alloc(count * sizeof(*marks));
	size_t kept = 0;

	mark_faults(expansion, view, incumbents, marks);
	say_problems(expansion, view, marks);
	for (size_t i = 0; i < count; i++)
		if (marks[i].fault == FAULT_NONE)
			expansion->deliveries[kept++] = expansion->deliveries[i];
	expansion->delivery_count = kept;
}
