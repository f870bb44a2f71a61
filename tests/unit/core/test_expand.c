/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks tests/cases/expand: each file says what is configured and what the source shows, and expects
 * the deliveries, one test a file.
 *
 *	region REGION				the AWS environment's; none without this line
 *	source unread				nothing is known of the source
 *	source preview				nor is it to be: as --check shows it
 *	seen ARN domain=D [names=A,B] [tags=K=V,...] [status=S] [end=DATE] [unexportable] [more_names]
 *	certificate NAME arn=ARN | domain=D | tags=K=V,...
 *	deliver CERTIFICATE to=DESTINATION [as=] [arn=] [then=A,B] [accounts=A,B] [regions=A,B]
 *	destination NAME kind=K [accounts=] [regions=] [role=] [endpoint=] [kms=] [directory=] [profile=]
 *	adopt DELIVERY=ARN
 *	recorded DELIVERY			what certferry wrote
 *
 * Expected, all of them and in order: the lines of expansion_line(); "certificate NAME ARN";
 * "problem PART", one a problem; "left-out yes" or
 * "left-out no" where it matters.  And as many as one likes: "KEY DELIVERY VALUE" with the delivery's
 * object, arn, kms, role, endpoint, account or region ("-" for none), or the key of its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/model/place_aws.h"
#include "daemon/plan/expand.h"
#include "lib/base/buf.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"
#include "tests/unit/cases.h"
#include "tests/unit/core/values.h"
#include "tests/unit/core/words.h"

#define CASES "tests/cases/expand"

struct given {
	struct desired *desired;
	struct source_view *view;
	char *region;
	bool unread, preview;
	char **recorded; /* deliveries */
};

static void given_done(struct given *given)
{
	desired_free(given->desired);
	source_view_free(given->view);
	free(given->region);
	strv_free(given->recorded);
}

static char **list_of(const char *text)
{
	char **list = NULL;

	while (*text) {
		size_t length = strcspn(text, ",");
		_cleanup_(freep) char *item = mem_strndup(text, length);

		strv_append(&list, item);
		text += length + (text[length] == ',');
	}
	return list;
}

/* --- lines: "KEY=VALUE" words, each key with the place where its value goes --- */

struct field {
	const char *key;
	char **text;
	char ***list;
};

static void read_field(const struct field *fields, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		fail_msg("'%s' has no value", word);
	*value++ = '\0';
	for (const struct field *field = fields; field->key; field++) {
		if (strcmp(field->key, word) != 0)
			continue;
		if (field->text)
			*field->text = mem_strdup(value);
		else
			*field->list = list_of(value);
		return;
	}
	fail_msg("'%s' is no key", word);
}

static void read_fields(const struct field *fields, char *line)
{
	char *word;

	while ((word = next_word(&line)))
		read_field(fields, word);
}

static void add_seen(struct given *given, char *line)
{
	struct source_view *view = given->view;
	struct source_certificate *seen;
	char *word;

	view->items = mem_resize(view->items, view->count + 1, sizeof(*view->items));
	seen = &view->items[view->count++];
	*seen = (struct source_certificate){ .arn = mem_strdup(next_word(&line)),
		.exportable = true };
	const struct field fields[] = {
		{ .key = "domain", .text = &seen->domain },
		{ .key = "names", .list = &seen->names },
		{ .key = "tags", .list = &seen->tags },
		{ .key = "status", .text = &seen->status },
		{ .key = "type", .text = &seen->type },
		{ 0 },
	};

	while ((word = next_word(&line)))
		if (strcmp(word, "unexportable") == 0)
			seen->exportable = false;
		else if (strcmp(word, "more_names") == 0)
			seen->more_names = true;
		else if (strncmp(word, "end=", 4) == 0)
			seen->not_after = day_of(word + 4, strlen(word + 4));
		else
			read_field(fields, word);
	if (!seen->status)
		seen->status = mem_strdup("ISSUED");
}

static void add_certificate(struct desired *desired, char *line)
{
	struct desired_certificate *entry;

	desired->certificates = mem_resize(
		desired->certificates, desired->certificate_count + 1, sizeof(*entry));
	entry = &desired->certificates[desired->certificate_count++];
	*entry = (struct desired_certificate){ .name = mem_strdup(next_word(&line)) };
	read_fields(
		(const struct field[]){
			{ .key = "arn", .text = &entry->arn },
			{ .key = "domain", .text = &entry->match_domain },
			{ .key = "tags", .list = &entry->match_tags },
			{ 0 },
		},
		line);
}

static struct desired_certificate *entry_named(struct desired *desired, const char *name)
{
	for (size_t i = 0; i < desired->certificate_count; i++)
		if (strcmp(desired->certificates[i].name, name) == 0)
			return &desired->certificates[i];
	fail_msg("no certificate '%s'", name);
	return NULL;
}

static void add_delivery(struct desired *desired, char *line)
{
	struct desired_certificate *entry = entry_named(desired, next_word(&line));
	struct desired_delivery *wish;

	entry->deliver = mem_resize(entry->deliver, entry->deliver_count + 1, sizeof(*wish));
	wish = &entry->deliver[entry->deliver_count++];
	*wish = (struct desired_delivery){ 0 };
	read_fields(
		(const struct field[]){
			{ .key = "to", .text = &wish->to },
			{ .key = "as", .text = &wish->as },
			{ .key = "arn", .text = &wish->arn },
			{ .key = "then", .list = &wish->then },
			{ .key = "accounts", .list = &wish->only_accounts },
			{ .key = "regions", .list = &wish->only_regions },
			{ 0 },
		},
		line);
}

static void add_destination(struct desired *desired, char *line)
{
	struct desired_destination *destination;
	_cleanup_(freep) char *kind = NULL;

	desired->destinations = mem_resize(
		desired->destinations, desired->destination_count + 1, sizeof(*destination));
	destination = &desired->destinations[desired->destination_count++];
	*destination = (struct desired_destination){ .name = mem_strdup(next_word(&line)) };
	/* They are found by a binary search. */
	if (desired->destination_count > 1)
		assert_true(strcmp(destination[-1].name, destination->name) < 0);
	read_fields(
		(const struct field[]){
			{ .key = "kind", .text = &kind },
			{ .key = "accounts", .list = &destination->accounts },
			{ .key = "regions", .list = &destination->regions },
			{ .key = "role", .text = &destination->access.role_arn },
			{ .key = "profile", .text = &destination->access.profile },
			{ .key = "endpoint", .text = &destination->access.endpoint_url },
			{ .key = "kms", .text = &destination->kms_key },
			{ .key = "directory", .text = &destination->directory },
			{ 0 },
		},
		line);
	while (place_kinds[destination->kind] && strcmp(place_kinds[destination->kind]->name, kind) != 0)
		destination->kind++;
	if (!place_kinds[destination->kind])
		fail_msg("'%s' is no kind", kind);
}

static void read_source(struct given *given, const char *word)
{
	given->unread = strcmp(word, "unread") == 0;
	given->preview = strcmp(word, "preview") == 0;
}

static void read_given(struct given *given, char *line)
{
	char *word = next_word(&line);

	if (strcmp(word, "region") == 0)
		given->region = mem_strdup(next_word(&line));
	else if (strcmp(word, "source") == 0)
		read_source(given, next_word(&line));
	else if (strcmp(word, "seen") == 0)
		add_seen(given, line);
	else if (strcmp(word, "certificate") == 0)
		add_certificate(given->desired, line);
	else if (strcmp(word, "deliver") == 0)
		add_delivery(given->desired, line);
	else if (strcmp(word, "destination") == 0)
		add_destination(given->desired, line);
	else if (strcmp(word, "adopt") == 0)
		strv_append(&given->desired->adopt, next_word(&line));
	else if (strcmp(word, "recorded") == 0)
		strv_append(&given->recorded, next_word(&line));
	else
		fail_msg("'%s' begins no line", word);
}

/* --- what is expected --- */

/* Where the comparison has come to, in each of the three lists. */
struct progress {
	const struct expansion *expansion;
	const char *lines;
	size_t certificate;
	size_t problem;
};

static void check_certificate(struct progress *progress, const char *line)
{
	const struct expanded_certificate *certificate;
	_cleanup_(freep) char *found = NULL;

	if (progress->certificate == progress->expansion->certificate_count)
		fail_msg("there is no '%s'", line);
	certificate = &progress->expansion->certificates[progress->certificate++];
	found = mem_printf("certificate %s %s", certificate->name, certificate->arn);
	assert_string_equal(found, line);
}

static void check_problem(struct progress *progress, const char *part)
{
	const char *found;

	if (progress->problem == strv_length(progress->expansion->problems))
		fail_msg("there is no problem '%s'", part);
	found = progress->expansion->problems[progress->problem++];
	if (!strstr(found, part))
		fail_msg("the problem is '%s', without '%s'", found, part);
}

static void check_line(struct progress *progress, const char *line)
{
	size_t length = strcspn(progress->lines, "\n");
	_cleanup_(freep) char *found = mem_strndup(progress->lines, length);

	assert_string_equal(found, line);
	progress->lines += length + (progress->lines[length] == '\n');
}

static const char *value_of(const struct delivery *delivery, const char *key)
{
	static const struct place_aws nowhere;
	const struct place *place = delivery->place;
	const struct place_aws *aws = place && place_kind_of(place->destination)->in_aws ? place_aws(place) : &nowhere;
	const struct {
		const char *key;
		const char *value;
	} values[] = {
		{ "object", delivery->object },
		{ "arn", delivery->arn },
		{ "kms", delivery->kms_key },
		{ "role", aws->role_arn },
		{ "endpoint", aws->endpoint_url },
		{ "account", place ? place_part(place, "account") : NULL },
		{ "region", place ? place_part(place, "region") : NULL },
		{ "key", place ? place->key : NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (strcmp(values[i].key, key) == 0)
			return values[i].value ?: "-";
	return NULL;
}

/* All lines of it; the caller owns them. */
static char *lines_of(const struct expansion *expansion)
{
	struct buf lines = BUF_NULL;

	for (size_t i = 0; i < expansion->delivery_count; i++) {
		_cleanup_(freep) char *line = expansion_line(expansion, i);

		buf_append_string(&lines, line);
	}
	return buf_take(&lines);
}

/* "KEY DELIVERY VALUE"; false where the line does not begin with such a key. */
static bool check_value(const struct progress *progress, char *line)
{
	static const struct delivery nothing;
	size_t length = strcspn(line, " ");
	_cleanup_(freep) char *key = mem_strndup(line, length);
	bool found = false;
	char *name, *value;

	if (!value_of(&nothing, key))
		return false;
	line += length;
	name = next_word(&line);
	value = next_word(&line);
	for (size_t i = 0; i < progress->expansion->delivery_count; i++) {
		_cleanup_(delivery_done) struct delivery delivery = { 0 };

		expansion_delivery(progress->expansion, i, &delivery);
		if (strcmp(delivery.name, name) != 0)
			continue;
		found = true;
		assert_string_equal(value_of(&delivery, key), value);
	}
	if (!found)
		fail_msg("there is no delivery '%s'", name);
	return true;
}

static void compare(char *expected, const struct expansion *expansion)
{
	_cleanup_(freep) char *lines = lines_of(expansion);
	struct progress progress = { .expansion = expansion, .lines = lines };

	for (char *line = strtok(expected, "\n"); line; line = strtok(NULL, "\n")) {
		if (*line == '#' || check_value(&progress, line))
			continue;
		if (strncmp(line, "certificate ", 12) == 0)
			check_certificate(&progress, line);
		else if (strncmp(line, "problem ", 8) == 0)
			check_problem(&progress, line + 8);
		else if (strncmp(line, "left-out ", 9) == 0)
			assert_string_equal(line + 9, expansion->left_out ? "yes" : "no");
		else
			check_line(&progress, line);
	}
	assert_string_equal(progress.lines, "");
	assert_int_equal(progress.certificate, expansion->certificate_count);
	if (expansion->problems && expansion->problems[progress.problem])
		fail_msg("there is a problem: %s", expansion->problems[progress.problem]);
}

/* Each has its own name, in order; its place and its wish are those of the expansion. */
static void check_order(const struct expansion *expansion)
{
	_cleanup_(freep) char *last = NULL;

	for (size_t i = 0; i < expansion->delivery_count; i++) {
		const struct expanded_delivery *item = &expansion->deliveries[i];
		_cleanup_(delivery_done) struct delivery delivery = { 0 };

		assert_true(item->certificate < expansion->certificate_count);
		assert_true(item->place < expansion->place_count);
		assert_true(item->wish <
			    expansion->certificates[item->certificate].entry->deliver_count);
		expansion_delivery(expansion, i, &delivery);
		assert_string_equal(delivery.certificate,
			expansion->certificates[item->certificate].name);
		assert_ptr_equal(delivery.place, expansion->places[item->place]);
		assert_true(!last || strcmp(last, delivery.name) < 0);
		free(last);
		last = take(delivery.name);
	}
}

/* Entries with match: apart, it counts what there is, and what is left out because of problems. */
static void check_count(const struct given *given, const struct expansion *expansion)
{
	const struct expand_counts counts = expand_count(given->desired, given->region);

	if (counts.matches)
		return;
	assert_int_equal(counts.certificates, expansion->certificate_count);
	if (expansion->problems || given->unread)
		assert_true(counts.deliveries >= expansion->delivery_count);
	else
		assert_int_equal(counts.deliveries, expansion->delivery_count);
}

static bool is_recorded(void *userdata, const struct delivery *delivery)
{
	return strv_has(userdata, delivery->name);
}

static struct expansion *expand_given(const struct given *given)
{
	const struct incumbents incumbents = { is_recorded, given->recorded };

	if (given->preview)
		return expand_preview(given->desired, given->region);
	return expand(given->desired, given->unread ? NULL : given->view, given->region, &incumbents);
}

static void test_case(void **state)
{
	_cleanup_(given_done) struct given given = { .desired = mem_new(struct desired),
		.view = mem_new(struct source_view) };
	_cleanup_(expansion_freep) struct expansion *expansion = NULL, *again = NULL;
	_cleanup_(freep) char *first = NULL, *second = NULL;
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	char *expected;

	assert_int_equal(file_read(*state, 65536, &content, NULL), 0);
	expected = strstr(content.data, "\nexpect\n");
	assert_non_null(expected);
	*expected = '\0';
	for (char *rest, *line = strtok_r(content.data, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest))
		if (*line != '#' && strcmp(line, "given") != 0)
			read_given(&given, line);
	expansion = expand_given(&given);
	again = expand_given(&given);
	compare(expected + strlen("\nexpect\n"), expansion);
	check_order(expansion);
	check_count(&given, expansion);
	first = lines_of(expansion);
	second = lines_of(again);
	assert_string_equal(first, second);
}

static struct expansion *expand_text(struct given *given, const char *text)
{
	_cleanup_(freep) char *lines = mem_strdup(text);

	*given = (struct given){ .desired = mem_new(struct desired),
		.view = mem_new(struct source_view) };
	for (char *rest, *line = strtok_r(lines, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest))
		read_given(given, line);
	return expand(given->desired, given->view, NULL, NULL);
}

/* --- source_view_replace() --- */

static void test_replace(void **state)
{
	_cleanup_(given_done) struct given given;
	_cleanup_(expansion_freep) struct expansion *expansion =
		expand_text(&given, "seen arn:1 domain=a.example\nseen arn:2 domain=b.example names=b.example,c.example");
	const struct source_certificate *second;
	struct source_certificate fresh = { 0 };

	assert_int_equal(expansion->certificate_count, 0);
	source_view_pack(given.view);
	second = source_view_find(given.view, "arn:2");
	source_certificate_copy(&fresh, second);
	fresh.version.digest.bytes[0] = 1;
	for (int i = 0; i < 2; i++) { /* a packed one, and one that took its place before */
		fresh.not_after++;
		assert_true(source_view_replace(given.view, &fresh));
		assert_ptr_equal(source_view_find(given.view, "arn:2"), second);
		assert_true(source_certificate_equal(second, &fresh));
		assert_string_equal(given.view->items[0].domain, "a.example");
	}
	fresh.arn[4] = '3';
	assert_false(source_view_replace(given.view, &fresh));
	assert_false(source_view_replace(NULL, &fresh));
	assert_int_equal(given.view->count, 2);
	source_certificate_done(&fresh);
}

int main(void)
{
	_cleanup_(strv_freep) char **files = NULL;
	_cleanup_(freep) struct CMUnitTest *tests = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	bool locked;
	size_t count;

	if (secret_memory_init(&locked, &err) < 0)
		return 1;
	files = case_files(CASES, ".case");
	count = strv_length(files);
	if (count < 25)
		return 1;
	tests = mem_alloc((count + 2) * sizeof(*tests));
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ files[i], test_case, NULL, NULL, files[i] };
	tests[count] = (struct CMUnitTest)cmocka_unit_test(test_replace);
	return _cmocka_run_group_tests("expand", tests, count + 2, NULL, NULL);
}
