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

static int compare_object_and_name(const void *a, const void *b)
{
	const struct delivery *left = *(const struct delivery *const *)a;
	const struct delivery *right = *(const struct delivery *const *)b;
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

/* --- several to one object --- */

/* Of deliveries sorted by their objects, those of one. */
struct rivals {
	const struct delivery **items;
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
		if (rivals->items[i]->entry != rivals->items[0]->entry ||
			rivals->items[i]->entry->arn)
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
		rivals->view, rivals->items[one]->source_arn);
	const struct source_certificate *b = source_view_find(
		rivals->view, rivals->items[other]->source_arn);

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

	return incumbents && incumbents->has(incumbents->userdata, rivals->items[one]);
}

/* The one that takes the place of all others, or NULL. */
static const struct delivery *find_heir(const struct rivals *rivals, enum settled_by *ret_by)
{
	size_t latest = find_first(rivals, true), widest = find_first(rivals, false);

	*ret_by = SETTLED_BY_DATES;
	if (latest < rivals->count)
		return rivals->items[latest];
	*ret_by = SETTLED_BY_RECORD;
	if (widest < rivals->count && is_incumbent(rivals, widest))
		return rivals->items[widest];
	*ret_by = SETTLED_FOR_NOW;
	for (size_t i = 0; widest < rivals->count && i < rivals->count; i++)
		if (is_incumbent(rivals, i))
			return rivals->items[i];
	*ret_by = SETTLED_BY_NOTHING;
	return NULL;
}

static char *replaced_text(
	const struct rivals *rivals, const struct delivery *lost, const struct delivery *heir)
{
	const struct source_certificate *certificate = source_view_find(
		rivals->view, heir->source_arn);
	char end[TIME_TEXT_SIZE];

	return mem_printf("delivery '%s' goes on as '%s': both certificates match '%s', and the "
			  "latter covers all names "
			  "of the former and ends later (%s)",
		lost->name, heir->name, lost->entry->name,
		time_format(certificate->not_after, end));
}

static char *stays_text(
	const struct delivery *lost, const struct delivery *heir, enum settled_by by)
{
	return mem_printf("certferry leaves out delivery '%s': both certificates match '%s', and "
			  "it goes on with '%s', which it "
			  "delivered before%s",
		lost->name, lost->entry->name, heir->name,
		by == SETTLED_BY_RECORD
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

static char *rival_text(const struct rivals *rivals, size_t i, const struct delivery *heir,
	enum settled_by by)
{
	size_t pair = i + 1 < rivals->count ? i : i - 1;

	if (by == SETTLED_BY_NOTHING)
		return same_object_text(rivals->items[pair], rivals->items[pair + 1]);
	return by == SETTLED_BY_DATES ? replaced_text(rivals, rivals->items[i], heir)
				      : stays_text(rivals->items[i], heir, by);
}

static void mark_rivals(
	const struct rivals *rivals, struct expansion *expansion, char **problems)
{
	bool found = are_found(rivals);
	enum settled_by by = SETTLED_BY_NOTHING;
	const struct delivery *heir = found ? find_heir(rivals, &by) : NULL;

	expansion->dated |= found;
	expansion->left_out |= by == SETTLED_BY_NOTHING || by == SETTLED_FOR_NOW;
	for (size_t i = 0; i < rivals->count; i++) {
		const struct delivery *delivery = rivals->items[i];
		char **problem = &problems[delivery - expansion->deliveries];

		if (delivery == heir)
			continue;
		free(*problem);
		*problem = rival_text(rivals, i, heir, by);
	}
}

/* Marks those of several to one object that are left out. */
static void mark_same_objects(struct expansion *expansion, const struct source_view *view,
	const struct incumbents *incumbents, char **problems)
{
	const size_t count = expansion->delivery_count;
	_cleanup_(freep) const struct delivery **sorted = mem_alloc(count * sizeof(*sorted));

	for (size_t i = 0; i < count; i++)
		sorted[i] = &expansion->deliveries[i];
	if (count)
		qsort(sorted, count, sizeof(*sorted), compare_object_and_name);
	for (size_t i = 0, next; i < count; i = next) {
		struct rivals rivals = {
			.items = &sorted[i], .view = view, .incumbents = incumbents
		};

		for (next = i + 1; next < count && compare_object(sorted[i], sorted[next]) == 0;
			next++)
			;
		rivals.count = next - i;
		/* Of certificates not seen yet, the same text becomes different names. */
		if (rivals.count > 1 && (view || !strchr(sorted[i]->object, '{')))
			mark_rivals(&rivals, expansion, problems);
	}
}

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

void expand_drop_problems(struct expansion *expansion, const struct source_view *view,
	const struct incumbents *incumbents)
{
	struct delivery *deliveries = expansion->deliveries;
	const size_t count = expansion->delivery_count;
	_cleanup_(freep) char **problems = mem_alloc(count * sizeof(*problems));
	size_t kept = 0, said = 0, unsaid = 0;

	for (size_t i = 0; i < count; i++) {
		problems[i] = object_problem(&deliveries[i], view != NULL);
		expansion->left_out |= problems[i] != NULL;
	}
	mark_same_objects(expansion, view, incumbents, problems);
	for (size_t i = 0; i < count; i++) {
		if (!problems[i]) {
			deliveries[kept++] = deliveries[i];
			continue;
		}
		unsaid += !add_problem(&expansion->problems, &said, problems[i]);
		free(problems[i]);
		delivery_done(&deliveries[i]);
	}
	if (unsaid) {
		_cleanup_(freep) char *more = mem_printf("certferry leaves out these deliveries "
							 "and %zu more, for reasons like these",
			unsaid);

		strv_append(&expansion->problems, more);
	}
	expansion->delivery_count = kept;
}
