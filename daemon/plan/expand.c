/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan/expand.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/model/match.h"
#include "daemon/plan/expand_problems.h"
#include "lib/base/strv.h"

/* "*.example.com" as a part of a name: "wildcard.example.com". */
static char *domain_as_name(const char *domain)
{
	if (domain && domain[0] == '*')
		return mem_printf("wildcard%s", domain + 1);
	return mem_strdup(domain);
}

/* --- certificates --- */

/* ${seen}: at the source, or NULL. */
static void add_certificate(struct expansion *expansion, const char *name, const char *arn,
	const struct desired_certificate *entry, const struct source_certificate *seen)
{
	size_t count = expansion->certificate_count;

	if ((count & (count - 1)) == 0)
		expansion->certificates = mem_resize(expansion->certificates, MAX(count * 2, (size_t)1),
			sizeof(*expansion->certificates));
	expansion->certificates[expansion->certificate_count++] = (struct expanded_certificate){
		.name = mem_strdup(name),
		.arn = mem_strdup(arn),
		.domain = seen ? domain_as_name(seen->domain) : NULL,
		.entry = entry,
	};
}

/* An entry and a certificate that it matches, as the numbers that they have in the configuration and in the view. */
struct matched {
	size_t entry, seen;
};

/* In the order of the entries, and for each in that of the view. */
struct matches {
	struct matched *items;
	size_t count;
	size_t next; /* the first that is not expanded yet */
};

static void matches_done(struct matches *matches)
{
	free(matches->items);
}

static int compare_matched(const void *a, const void *b)
{
	const struct matched *left = a, *right = b;

	if (left->entry != right->entry)
		return left->entry < right->entry ? -1 : 1;
	return (left->seen > right->seen) - (left->seen < right->seen);
}

static void add_match(struct matches *matches, size_t entry, size_t seen)
{
	if ((matches->count & (matches->count - 1)) == 0)
		matches->items = mem_resize(
			matches->items, MAX(matches->count * 2, (size_t)1), sizeof(*matches->items));
	matches->items[matches->count++] = (struct matched){ .entry = entry, .seen = seen };
}

/* Entries with an ARN apart, which are expanded whatever is seen. */
static void find_matches(const struct desired *desired, const struct source_view *view, struct matches *matches)
{
	_cleanup_(match_index_freep) struct match_index *index = match_index_new(desired);

	for (size_t i = 0; i < view->count; i++) {
		const struct source_certificate *seen = &view->items[i];
		const size_t *entries;
		size_t count;

		/* A match takes what can be carried; an import or an expired one beside it is no wish. */
		if (!seen->exportable || strcmp(seen->status, "ISSUED") != 0)
			continue;
		count = match_index_find(index, seen, &entries);
		for (size_t k = 0; k < count; k++)
			if (!desired->certificates[entries[k]].arn)
				add_match(matches, entries[k], i);
	}
	if (matches->count)
		qsort(matches->items, matches->count, sizeof(*matches->items), compare_matched);
}

static void expand_match(struct expansion *expansion, const struct desired *desired, size_t number,
	const struct source_view *view, struct matches *matches)
{
	const struct desired_certificate *entry = &desired->certificates[number];
	size_t before = expansion->certificate_count;

	for (; matches->next < matches->count && matches->items[matches->next].entry == number; matches->next++) {
		const struct source_certificate *seen = &view->items[matches->items[matches->next].seen];
		const char *last = strrchr(seen->arn, '/');
		_cleanup_(freep) char *name = mem_printf("%s/%s", entry->name, last ? last + 1 : seen->arn);

		add_certificate(expansion, name, seen->arn, entry, seen);
	}
	if (expansion->certificate_count == before) {
		_cleanup_(freep) char *problem = mem_printf(
			"certificate entry '%s' matches no issued, exportable certificate in the source account",
			entry->name);

		strv_append(&expansion->problems, problem);
	}
}

/* --- places --- */

struct expand_context {
	struct expansion *expansion;
	struct place ***places; /* of each destination, by their numbers; NULL: not wanted yet */
	const char *region;
	bool unread; /* {domain} is not known yet */
	const struct desired *desired;
	const struct expanded_certificate *certificate;
	const struct desired_delivery *wish;
};

static void expand_context_done(struct expand_context *context)
{
	for (size_t i = 0; context->places && i < context->desired->destination_count; i++)
		free(context->places[i]);
	free(context->places);
}

/* Those of ${destination}, by their numbers: nothing at first. */
static struct place **places_of(struct expand_context *context, const struct desired_destination *destination)
{
	size_t index = (size_t)(destination - context->desired->destinations);

	if (!context->places)
		context->places = mem_alloc(context->desired->destination_count * sizeof(*context->places));
	if (!context->places[index])
		context->places[index] = mem_alloc(
			place_kind_of(destination)->count(destination) * sizeof(*context->places[index]));
	return context->places[index];
}

static struct place *place_get(
	struct expand_context *context, const struct desired_destination *destination, size_t number)
{
	struct place **place = &places_of(context, destination)[number];
	struct expansion *expansion = context->expansion;

	if (*place)
		return *place;
	*place = place_new(destination, context->region, number, expansion->place_count++);
	expansion->places = mem_resize(expansion->places, expansion->place_count, sizeof(*place));
	expansion->places[(*place)->index] = *place;
	return *place;
}

/* --- deliveries --- */

static void add_delivery(struct expand_context *context, const struct place *place)
{
	struct expansion *expansion = context->expansion;
	const struct expanded_certificate *certificate = context->certificate;
	size_t count = expansion->delivery_count;

	if ((count & (count - 1)) == 0)
		expansion->deliveries = mem_resize(
			expansion->deliveries, MAX(count * 2, (size_t)1), sizeof(*expansion->deliveries));
	expansion->deliveries[expansion->delivery_count++] = (struct expanded_delivery){
		.certificate = (uint32_t)(certificate - expansion->certificates),
		.place = (uint32_t)place->index,
		.wish = (uint16_t)(context->wish - certificate->entry->deliver),
	};
}

static void expand_delivery(struct expand_context *context)
{
	const struct desired_destination *destination =
		desired_find_destination(context->desired, context->wish->to);
	const struct place_kind *kind = place_kind_of(destination);
	const size_t count = kind->count(destination);

	for (size_t i = 0; i < count; i++)
		if (kind->leaves(destination, context->wish, context->region, i))
			add_delivery(context, place_get(context, destination, i));
}

bool expand_needs_region(const struct desired *desired)
{
	for (size_t i = 0; i < desired->destination_count; i++)
		if (!desired->destinations[i].regions && place_kind_of(&desired->destinations[i])->in_aws)
			return true;
	return false;
}

static bool names_domain(const struct desired_delivery *wish)
{
	return wish->as && strstr(wish->as, "{domain}");
}

static void expand_certificate(struct expand_context *context, const struct expanded_certificate *certificate)
{
	context->certificate = certificate;
	for (size_t i = 0; i < certificate->entry->deliver_count; i++) {
		context->wish = &certificate->entry->deliver[i];
		/* By another name it would be another object, and that of the record one that nobody writes any more. */
		if (!context->unread || !names_domain(context->wish))
			expand_delivery(context);
	}
}

/* --- all of it --- */

static int compare_certificate(const void *a, const void *b)
{
	return strcmp(((const struct expanded_certificate *)a)->name,
		((const struct expanded_certificate *)b)->name);
}

/* A name in its parts, read one character after another. */
struct spelled {
	const char *at;
	const char *rest[2]; /* what comes when that has ended */
	size_t next;
};

static struct spelled spell(const struct expansion *expansion, const struct expanded_delivery *delivery)
{
	return (struct spelled){
		.at = expansion->certificates[delivery->certificate].name,
		.rest = { "/", expansion->places[delivery->place]->name },
	};
}

static unsigned char next_character(struct spelled *name)
{
	while (!*name->at && name->next < ARRAY_SIZE(name->rest))
		name->at = name->rest[name->next++];
	return (unsigned char)(*name->at ? *name->at++ : '\0');
}

static int compare_delivery(const void *a, const void *b, void *userdata)
{
	const struct expansion *expansion = userdata;
	const struct expanded_delivery *left = a, *right = b;
	struct spelled one, other;
	unsigned char c, d;

	if (left->certificate == right->certificate)
		return strcmp(expansion->places[left->place]->name,
			expansion->places[right->place]->name);
	one = spell(expansion, left);
	other = spell(expansion, right);
	do {
		c = next_character(&one);
		d = next_character(&other);
	} while (c == d && c);
	return c < d ? -1 : c > d;
}

static bool is_sorted(struct expansion *expansion)
{
	for (size_t i = 1; i < expansion->delivery_count; i++)
		if (compare_delivery(&expansion->deliveries[i - 1], &expansion->deliveries[i],
			    expansion) > 0)
			return false;
	return true;
}

/* By their names.  They mostly are, where accounts are written in their order. */
static void sort_deliveries(struct expansion *expansion)
{
	if (!is_sorted(expansion))
		qsort_r(expansion->deliveries, expansion->delivery_count,
			sizeof(*expansion->deliveries), compare_delivery, expansion);
}

static struct expansion *expand_all(const struct desired *desired, const struct source_view *view, bool preview,
	const char *region, const struct incumbents *incumbents)
{
	struct expansion *expansion = mem_new(struct expansion);
	_cleanup_(matches_done) struct matches matches = { .items = NULL };
	_cleanup_(expand_context_done) struct expand_context context = { .expansion = expansion,
		.region = region,
		.unread = !view && !preview,
		.desired = desired };

	expansion->desired = desired;
	if (view)
		find_matches(desired, view, &matches);
	for (size_t i = 0; i < desired->certificate_count; i++) {
		const struct desired_certificate *entry = &desired->certificates[i];

		if (entry->arn)
			add_certificate(expansion, entry->name, entry->arn, entry, source_view_find(view, entry->arn));
		else if (view)
			expand_match(expansion, desired, i, view, &matches);
	}
	if (expansion->certificate_count)
		qsort(expansion->certificates, expansion->certificate_count,
			sizeof(*expansion->certificates), compare_certificate);
	for (size_t i = 0; i < expansion->certificate_count; i++)
		expand_certificate(&context, &expansion->certificates[i]);
	expand_drop_problems(expansion, view, incumbents);
	sort_deliveries(expansion);
	return expansion;
}

struct expansion *expand(const struct desired *desired, const struct source_view *view,
	const char *region, const struct incumbents *incumbents)
{
	return expand_all(desired, view, false, region, incumbents);
}

struct expansion *expand_preview(const struct desired *desired, const char *region)
{
	return expand_all(desired, NULL, true, region, NULL);
}

static size_t count_of_wish(
	const struct desired *desired, const struct desired_delivery *wish, const char *region)
{
	const struct desired_destination *destination = desired_find_destination(desired, wish->to);
	const struct place_kind *kind = place_kind_of(destination);
	const size_t places = kind->count(destination);
	size_t count = 0;

	for (size_t i = 0; i < places; i++)
		count += kind->leaves(destination, wish, region, i);
	return count;
}

struct expand_counts expand_count(const struct desired *desired, const char *region)
{
	struct expand_counts counts = { .matches = false };

	for (size_t i = 0; i < desired->certificate_count; i++) {
		const struct desired_certificate *entry = &desired->certificates[i];

		if (!entry->arn) {
			counts.matches = true;
			continue;
		}
		counts.certificates++;
		for (size_t k = 0; k < entry->deliver_count; k++)
			counts.deliveries += count_of_wish(desired, &entry->deliver[k], region);
	}
	return counts;
}
