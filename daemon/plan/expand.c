/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan/expand.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/model/match.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

/* That are put into words: a match may find thousands of certificates with the same one. */
#define PROBLEMS_MOST 100

/* The characters that an object's name may have (Secrets Manager's, the narrowest of the kinds). */
static const char object_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-";

/* What placeholders stand for; NULL stays as it is written. */
struct placeholders {
	const char *account;
	const char *region;
	const char *certificate;
	const char *domain;
};

static const char *placeholder_find(const struct placeholders *values, const char *name, size_t length)
{
	const struct {
		const char *name;
		const char *value;
	} all[] = {
		{ "account", values->account },
		{ "region", values->region },
		{ "certificate", values->certificate },
		{ "domain", values->domain },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strlen(all[i].name) == length && strncmp(all[i].name, name, length) == 0)
			return all[i].value;
	return NULL;
}

static char *placeholders_replace(const char *text, const struct placeholders *values)
{
	struct buf result = BUF_NULL;

	if (!text)
		return NULL;
	while (*text) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;
		const char *value = end ? placeholder_find(values, text + 1, (size_t)(end - text - 1)) : NULL;

		if (value) {
			buf_append_string(&result, value);
			text = end + 1;
		} else {
			buf_append_char(&result, *text++);
		}
	}
	return buf_take(&result);
}

/* "*.example.com" as a part of a name: "wildcard.example.com". */
static char *domain_as_name(const char *domain)
{
	if (domain && domain[0] == '*')
		return mem_printf("wildcard%s", domain + 1);
	return mem_strdup(domain);
}

/* The account of "arn:aws:iam::222222222222:role/x", or NULL. */
static char *arn_account(const char *arn)
{
	const char *field = arn;

	for (int i = 0; field && i < 4; i++) {
		field = strchr(field, ':');
		if (field)
			field++;
	}
	if (!field || strspn(field, "0123456789") != 12 || field[12] != ':')
		return NULL;
	return mem_strndup(field, 12);
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
			"certificate entry '%s' matches no issued, exportable certificate at the source",
			entry->name);

		strv_append(&expansion->problems, problem);
	}
}

/* --- places --- */

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

struct expand_context {
	struct expansion *expansion;
	void *places; /* a tree of the expansion's, by what place_get() is told */
	const struct desired *desired;
	const struct expanded_certificate *certificate;
	const struct desired_delivery *wish;
};

static void keep_item(void *item)
{
}

static void expand_context_done(struct expand_context *context)
{
	tdestroy(context->places, keep_item);
}

/* What is not known is another place than what is known to be "". */
static int compare_known(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int compare_wanted(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	int order;

	if (left->destination != right->destination)
		return left->destination < right->destination ? -1 : 1;
	order = compare_known(left->account, right->account);
	return order ? order : compare_known(left->region, right->region);
}

static struct place *place_new(struct expansion *expansion, const struct place *wanted, bool several)
{
	const struct desired_destination *destination = wanted->destination;
	const char *account = wanted->account, *region = wanted->region;
	struct placeholders values = { .account = account, .region = region };
	struct place *place = mem_new(struct place);

	place->destination = destination;
	place->account = mem_strdup(account);
	place->region = mem_strdup(region);
	place->name = several ? mem_printf("%s/%s/%s", destination->name, account ?: "own", region ?: "-")
			      : mem_strdup(destination->name);
	place->role_arn = placeholders_replace(destination->access.role_arn, &values);
	place->endpoint_url = placeholders_replace(destination->access.endpoint_url, &values);
	place->index = expansion->place_count++;
	expansion->places = mem_resize(expansion->places, expansion->place_count, sizeof(place));
	expansion->places[place->index] = place;
	return place;
}

static struct place *place_get(struct expand_context *context, const struct desired_destination *destination,
	char *account, char *region, bool several)
{
	const struct place wanted = { .destination = destination, .account = account, .region = region };
	void *found = tfind(&wanted, &context->places, compare_wanted);
	struct place *place;

	if (found)
		return *(struct place **)found;
	place = place_new(context->expansion, &wanted, several);
	if (!tsearch(place, &context->places, compare_wanted))
		mem_exhausted();
	return place;
}

/* --- deliveries --- */

void delivery_make(const struct desired *desired, const struct expanded_certificate *certificate,
	const struct place *place, const struct desired_delivery *wish, struct delivery *ret_delivery)
{
	struct placeholders values = { place->account, place->region, certificate->name, certificate->domain };
	struct delivery delivery = {
		.name = mem_printf("%s/%s", certificate->name, place->name),
		.certificate = mem_strdup(certificate->name),
		.source_arn = mem_strdup(certificate->arn),
		.place = place,
		.entry = certificate->entry,
		.wish = wish,
		.object = wish->as ? placeholders_replace(wish->as, &values) : mem_strdup(certificate->name),
		.arn = placeholders_replace(wish->arn, &values),
		.kms_key = placeholders_replace(place->destination->kms_key, &values),
	};
	const char *adopted = desired_find_adopt(desired, delivery.name);

	if (adopted && !delivery.arn)
		delivery.arn = mem_strdup(adopted);
	*ret_delivery = delivery;
}

static void add_delivery(struct expand_context *context, struct place *place)
{
	struct expansion *expansion = context->expansion;
	size_t count = expansion->delivery_count;

	if ((count & (count - 1)) == 0)
		expansion->deliveries = mem_resize(
			expansion->deliveries, MAX(count * 2, (size_t)1), sizeof(*expansion->deliveries));
	delivery_make(context->desired, context->certificate, place, context->wish, &expansion->deliveries[count]);
	expansion->delivery_count++;
}

/* Is ${item} among those that `only:` leaves?  An empty list leaves all. */
static bool only_has(char *const *only, const char *item)
{
	return !only || !*only || (item && strv_has(only, item));
}

static void expand_delivery(struct expand_context *context, const char *default_region)
{
	const struct desired_destination *destination =
		desired_find_destination(context->desired, context->wish->to);
	_cleanup_(freep) char *own = arn_account(destination->access.role_arn);
	char *accounts_own[] = { own, NULL };
	char *regions_default[] = { (char *)default_region, NULL };
	char *const *accounts = destination->accounts ?: accounts_own;
	char *const *regions = destination->regions ?: regions_default;
	bool several = strv_length(accounts) > 1 || strv_length(regions) > 1;

	if (destination->kind == DESTINATION_FILE) {
		add_delivery(context, place_get(context, destination, NULL, NULL, false));
		return;
	}
	/* do-while: a list that is empty still stands for one place, whose account or region is not known. */
	char *const *account = accounts;
	do {
		char *const *region = regions;

		do {
			if (only_has(context->wish->only_accounts, *account) &&
				only_has(context->wish->only_regions, *region))
				add_delivery(context, place_get(context, destination, *account, *region, several));
		} while (*region && *++region);
	} while (*account && *++account);
}

bool expand_needs_region(const struct desired *desired)
{
	for (size_t i = 0; i < desired->destination_count; i++)
		if (!desired->destinations[i].regions && desired->destinations[i].kind != DESTINATION_FILE)
			return true;
	return false;
}

static void expand_certificate(
	struct expand_context *context, const struct expanded_certificate *certificate, const char *region)
{
	context->certificate = certificate;
	for (size_t i = 0; i < certificate->entry->deliver_count; i++) {
		context->wish = &certificate->entry->deliver[i];
		expand_delivery(context, region);
	}
}

/* --- checks over all --- */

void delivery_done(struct delivery *delivery)
{
	free(delivery->name);
	free(delivery->certificate);
	free(delivery->source_arn);
	free(delivery->object);
	free(delivery->arn);
	free(delivery->kms_key);
	*delivery = (struct delivery){ 0 };
}

static int compare_delivery(const void *a, const void *b)
{
	return strcmp(((const struct delivery *)a)->name, ((const struct delivery *)b)->name);
}

static int compare_certificate(const void *a, const void *b)
{
	return strcmp(((const struct expanded_certificate *)a)->name,
		((const struct expanded_certificate *)b)->name);
}

static int compare_optional(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "");
}

/* Two destinations may name one place: the account decides, and where it is not known, how it is reached. */
static int compare_place(const struct place *a, const struct place *b)
{
	const struct desired_destination *left = a->destination, *right = b->destination;
	int order;

	if (a == b)
		return 0;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->kind == DESTINATION_FILE)
		return compare_optional(left->directory, right->directory);
	order = compare_optional(a->region, b->region);
	if (order == 0)
		order = compare_optional(a->account, b->account);
	if (order || a->account)
		return order;
	order = compare_optional(left->access.profile, right->access.profile);
	return order ? order : compare_optional(a->role_arn, b->role_arn);
}

/* The ARN of an import that was named, which is one whatever the place is called; NULL for other objects. */
static const char *import_arn(const struct delivery *delivery)
{
	return delivery->place->destination->kind == DESTINATION_ACM ? delivery->arn : NULL;
}

static int compare_object(const struct delivery *a, const struct delivery *b)
{
	int order = compare_optional(import_arn(a), import_arn(b));

	if (order || import_arn(a))
		return order;
	order = compare_place(a->place, b->place);
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
	return mem_printf("delivery '%s': its object's name '%s' may have only A-Z a-z 0-9 / _ + = . @ -; "
			  "set another with as:",
		delivery->name, delivery->object);
}

/* Marks both of two deliveries to one object; they are left out, since one would overwrite the other for ever. */
static void mark_same_objects(struct expansion *expansion, char **problems, bool complete)
{
	size_t count = expansion->delivery_count;
	_cleanup_(freep) const struct delivery **sorted = mem_alloc(count * sizeof(*sorted));

	for (size_t i = 0; i < count; i++)
		sorted[i] = &expansion->deliveries[i];
	if (count)
		qsort(sorted, count, sizeof(*sorted), compare_object_and_name);
	for (size_t i = 1; i < count; i++) {
		if (compare_object(sorted[i - 1], sorted[i]) != 0)
			continue;
		/* Of certificates not seen yet, the same text becomes different names. */
		if (!complete && strchr(sorted[i]->object, '{'))
			continue;
		for (size_t k = i - 1; k <= i; k++) {
			char **problem = &problems[sorted[k] - expansion->deliveries];

			free(*problem);
			*problem = mem_printf("deliveries '%s' and '%s' both write the object '%s'; give one "
					      "another name with as:",
				sorted[i - 1]->name, sorted[i]->name,
				import_arn(sorted[i]) ?: sorted[i]->object);
		}
	}
}

/* A source, or a pattern for names, may make one of each of its deliveries. */
static bool add_problem(struct expansion *expansion, size_t *count, const char *problem)
{
	if (strv_has(expansion->problems, problem))
		return true;
	if (*count == PROBLEMS_MOST)
		return false;
	strv_append(&expansion->problems, problem);
	(*count)++;
	return true;
}

static void drop_problems(struct expansion *expansion, bool complete)
{
	_cleanup_(freep) char **problems = mem_alloc(expansion->delivery_count * sizeof(*problems));
	size_t kept = 0, said = 0, unsaid = 0;

	for (size_t i = 0; i < expansion->delivery_count; i++)
		problems[i] = object_problem(&expansion->deliveries[i], complete);
	mark_same_objects(expansion, problems, complete);
	for (size_t i = 0; i < expansion->delivery_count; i++) {
		if (!problems[i]) {
			expansion->deliveries[kept++] = expansion->deliveries[i];
			continue;
		}
		unsaid += !add_problem(expansion, &said, problems[i]);
		free(problems[i]);
		delivery_done(&expansion->deliveries[i]);
	}
	expansion->delivery_count = kept;
	if (unsaid) {
		_cleanup_(freep) char *more = mem_printf(
			"certferry leaves out these deliveries and %zu more, for reasons like these", unsaid);

		strv_append(&expansion->problems, more);
	}
}

struct expansion *expand(const struct desired *desired, const struct source_view *view, const char *region)
{
	struct expansion *expansion = mem_new(struct expansion);
	_cleanup_(matches_done) struct matches matches = { .items = NULL };
	_cleanup_(expand_context_done) struct expand_context context = { .expansion = expansion, .desired = desired };

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
	/* What stays has come first: the deliveries may be forgotten, and their memory goes back in one piece then. */
	for (size_t i = 0; i < expansion->certificate_count; i++)
		expand_certificate(&context, &expansion->certificates[i], region);
	drop_problems(expansion, view != NULL);
	if (expansion->delivery_count)
		qsort(expansion->deliveries, expansion->delivery_count, sizeof(*expansion->deliveries),
			compare_delivery);
	return expansion;
}

const struct delivery *expansion_find(const struct expansion *expansion, const char *name)
{
	const struct delivery key = { .name = (char *)name };

	if (!expansion->delivery_count)
		return NULL;
	return bsearch(&key, expansion->deliveries, expansion->delivery_count, sizeof(key), compare_delivery);
}

bool expansion_equal(const struct expansion *a, const struct expansion *b)
{
	if (a->delivery_count != b->delivery_count || a->certificate_count != b->certificate_count)
		return false;
	for (size_t i = 0; i < a->certificate_count; i++)
		if (strcmp(a->certificates[i].name, b->certificates[i].name) != 0 ||
			strcmp(a->certificates[i].arn, b->certificates[i].arn) != 0)
			return false;
	for (size_t i = 0; i < a->delivery_count; i++)
		if (strcmp(a->deliveries[i].name, b->deliveries[i].name) != 0 ||
			strcmp(a->deliveries[i].object, b->deliveries[i].object) != 0 ||
			!text_equal(a->deliveries[i].arn, b->deliveries[i].arn))
			return false;
	return true;
}

char *expansion_lines(const struct expansion *expansion)
{
	struct buf lines = BUF_NULL;

	for (size_t i = 0; i < expansion->delivery_count; i++) {
		const struct delivery *delivery = &expansion->deliveries[i];
		const struct place *place = delivery->place;
		_cleanup_(freep) char *then = strv_join(delivery->wish->then, " ");

		buf_printf(&lines, "%s %s -> %s", delivery->name, delivery->source_arn,
			destination_kind_name(place->destination->kind));
		if (place->destination->kind == DESTINATION_FILE)
			buf_printf(&lines, " %s/%s", place->destination->directory, delivery->object);
		else
			buf_printf(&lines, " %s/%s %s", place->account ?: "own", place->region ?: "-",
				delivery->arn ?: delivery->object);
		if (*then)
			buf_printf(&lines, " then %s", then);
		buf_append_char(&lines, '\n');
	}
	return buf_take(&lines);
}

void expansion_forget_deliveries(struct expansion *expansion)
{
	for (size_t i = 0; i < expansion->delivery_count; i++)
		delivery_done(&expansion->deliveries[i]);
	free(expansion->deliveries);
	expansion->deliveries = NULL;
	expansion->delivery_count = 0;
}

struct expansion *expansion_free(struct expansion *expansion)
{
	if (!expansion)
		return NULL;
	expansion_forget_deliveries(expansion);
	for (size_t i = 0; i < expansion->place_count; i++) {
		struct place *place = expansion->places[i];

		free(place->name);
		free(place->account);
		free(place->region);
		free(place->role_arn);
		free(place->endpoint_url);
		free(place);
	}
	free(expansion->places);
	for (size_t i = 0; i < expansion->certificate_count; i++) {
		free(expansion->certificates[i].name);
		free(expansion->certificates[i].arn);
		free(expansion->certificates[i].domain);
	}
	free(expansion->certificates);
	strv_free(expansion->problems);
	free(expansion);
	return NULL;
}
