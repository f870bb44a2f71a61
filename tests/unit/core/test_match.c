/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of the entries against source_matches(), which asks each: random configurations and certificates, of few
 * and odd texts, so that much matches and the odd is met often.  (What source_matches() itself says is tested in
 * tests/unit/shell/test_source.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/model/match.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

#define CONFIGURATIONS 4000
#define CERTIFICATES   25
#define ENTRIES_MOST   24

static uint32_t seed = 1;

static uint32_t below(uint32_t sides)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 16) % sides;
}

/* "a.B.com", "*.b", "..a", "" and the like. */
static char *random_domain(void)
{
	static const char *const labels[] = { "a", "b", "A", "B", "com", "COM", "*", "", "a-b" };
	struct buf text = BUF_NULL;

	if (below(3) == 0)
		buf_append_string(&text, "*.");
	for (uint32_t left = below(4); left; left--) {
		buf_append_string(&text, labels[below(ARRAY_SIZE(labels))]);
		if (left > 1)
			buf_append_char(&text, '.');
	}
	return buf_take(&text);
}

static char *random_arn(void)
{
	return mem_printf("arn:aws:acm:eu-west-1:111111111111:certificate/%u", below(6));
}

static char **random_tags(void)
{
	char **tags = NULL;

	for (uint32_t left = below(4); left; left--) {
		_cleanup_(freep) char *tag = mem_printf("%c=%u", 'a' + (int)below(2), below(3));

		strv_append(&tags, tag);
	}
	return tags;
}

/* Of one kind, as the configuration has it, or of several or none. */
static void fill_entry(struct desired_certificate *entry)
{
	const uint32_t kind = below(8);

	entry->name = mem_strdup("entry");
	if (kind < 2 || kind == 7)
		entry->arn = random_arn();
	if ((kind >= 2 && kind < 5) || kind == 7)
		entry->match_domain = random_domain();
	if (kind == 5 || kind == 7)
		entry->match_tags = random_tags();
}

static struct desired *random_desired(void)
{
	struct desired *desired = mem_new(struct desired);

	desired->certificate_count = below(ENTRIES_MOST + 1);
	desired->certificates = mem_alloc(desired->certificate_count * sizeof(*desired->certificates));
	for (size_t i = 0; i < desired->certificate_count; i++)
		fill_entry(&desired->certificates[i]);
	return desired;
}

static void fill_certificate(struct source_certificate *certificate)
{
	*certificate = (struct source_certificate){ .arn = random_arn(), .tags = random_tags() };
	if (below(5))
		certificate->domain = random_domain();
	for (uint32_t left = below(5); left; left--) {
		_cleanup_(freep) char *name = random_domain();

		strv_append(&certificate->names, name);
	}
}

/* How many entries mean it. */
static size_t check(
	struct match_index *index, const struct desired *desired, const struct source_certificate *certificate)
{
	const size_t *found;
	const size_t count = match_index_find(index, certificate, &found);
	size_t next = 0;

	for (size_t i = 0; i < desired->certificate_count; i++) {
		if (!source_matches(&desired->certificates[i], certificate))
			continue;
		assert_true(next < count);
		assert_int_equal(found[next++], i);
	}
	assert_int_equal(next, count);
	return count;
}

static void test_random(void **state)
{
	size_t none = 0, several = 0;

	for (int i = 0; i < CONFIGURATIONS; i++) {
		_cleanup_(desired_freep) struct desired *desired = random_desired();
		_cleanup_(match_index_freep) struct match_index *index = match_index_new(desired);

		for (int k = 0; k < CERTIFICATES; k++) {
			struct source_certificate certificate;
			size_t count;

			fill_certificate(&certificate);
			count = check(index, desired, &certificate);
			none += count == 0;
			several += count > 1;
			source_certificate_done(&certificate);
		}
	}
	assert_true(none > CONFIGURATIONS);
	assert_true(several > CONFIGURATIONS);
}

static void test_an_entry_is_found_once(void **state)
{
	char *names[] = { (char *)"a.example.com", (char *)"b.example.com", (char *)"B.EXAMPLE.com", NULL };
	struct source_certificate certificate = { .arn = (char *)"arn", .domain = names[0], .names = names };
	struct desired_certificate entries[] = {
		{ .match_domain = (char *)"b.example.com" },
		{ .match_domain = (char *)"*.Example.com" },
		{ .match_domain = (char *)"example.com" },
		{ .arn = (char *)"arn" },
	};
	struct desired desired = { .certificates = entries, .certificate_count = ARRAY_SIZE(entries) };
	_cleanup_(match_index_freep) struct match_index *index = match_index_new(&desired);
	const size_t *found;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(match_index_find(index, &certificate, &found), 3);
		assert_int_equal(found[0], 0);
		assert_int_equal(found[1], 1);
		assert_int_equal(found[2], 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_an_entry_is_found_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
