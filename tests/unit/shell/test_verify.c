/* SPDX-License-Identifier: Apache-2.0 */
/* Runs tests/cases/verify (see the README there), each case a test of its name. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/destination/acm_accept.h"
#include "daemon/destination/destination.h"
#include "daemon/destination/secret_body.h"
#include "daemon/model/place_aws.h"
#include "daemon/model/rule.h"
#include "daemon/plan/expiry.h"
#include "daemon/transfer/verify.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "lib/pki/key.h"

#define FOLDER     "tests/cases/verify/"
#define FILE_LIMIT 1000000
#define CASES_MAX  1000

static const char *const fields[] = { "leaf", "chain", "key", "passphrase", "anchors", "now",
	"names", "usage", "kind", "region", "only", "chain-times", "secret-body-length", "in-place",
	"in-place-chain", "anchor-recorded", "anchor-borne", "pin", "known", "accepted", "expect", "says", "lost", "anchor", "notes" };

/* The lines of a case: the values of ${fields}, "" where not given. */
struct given {
	char *value[ARRAY_SIZE(fields)];
};

/* What came of the cases that were refused, for what all of them together must show. */
static struct {
	enum rule rule;
	char *text;
} refusals[CASES_MAX];
static size_t refusal_count;

static int field_index(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i]) == length && strncmp(fields[i], name, length) == 0)
			return (int)i;
	fail_msg("unknown field '%.*s'", (int)length, name);
	return -1;
}

static const char *get(const struct given *given, const char *field)
{
	return given->value[field_index(field, strlen(field))];
}

static bool is(const struct given *given, const char *field, const char *value)
{
	return strcmp(get(given, field), value) == 0;
}

static void read_line(struct given *given, char *line)
{
	char *colon = strchr(line, ':'), **value;

	if (*line == '#' || !*line)
		return;
	if (!colon)
		fail_msg("no field in '%s'", line);
	value = &given->value[field_index(line, (size_t)(colon - line))];
	assert_string_equal(*value, "");
	free(*value);
	*value = mem_strdup(colon + 1 + strspn(colon + 1, " "));
}

static void given_load(struct given *given, const char *name)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	_cleanup_(freep) char *path = mem_printf(FOLDER "%s.case", name);
	char *rest, *line;

	assert_int_equal(file_read(path, FILE_LIMIT, &text, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		given->value[i] = mem_strdup("");
	for (rest = text.data; (line = strsep(&rest, "\n"));)
		read_line(given, line);
}

static void given_done(struct given *given)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		free(given->value[i]);
}

static char **words(const char *text)
{
	_cleanup_(freep) char *copy = mem_strdup(text);
	char **list = NULL, *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		if (*word)
			strv_append(&list, word);
	return list;
}

/* The texts of pem/NAME.crt for each name, one after another. */
static char *texts(const char *names)
{
	_cleanup_(strv_freep) char **list = words(names);
	struct buf text = BUF_NULL;

	STRV_FOREACH (name, list) {
		_cleanup_(freep) char *path = mem_printf(FOLDER "pem/%s.crt", *name);

		if (file_read(path, FILE_LIMIT, &text, NULL) < 0)
			fail_msg("cannot read '%s'", path);
	}
	return buf_take(&text);
}

/* An export is read here as the source reads it: what cannot be read breaks a rule too. */
static int unreadable(enum rule rule, struct error *err)
{
	return error_wrap(err, "rule '%s'", rule_name(rule));
}

static int load_list(const char *names, struct certificate_list *list, struct error *err)
{
	_cleanup_(freep) char *text = texts(names);

	return certificate_chain_parse(text, strlen(text), list, err);
}

static int load_key(const struct given *given, struct secret **ret_key, struct error *err)
{
	const char *key = get(given, "key"), *passphrase_text = get(given, "passphrase");
	_cleanup_(freep) char *path = mem_printf(
		FOLDER "pem/%s%s", key, strchr(key, '.') ? "" : ".key");
	_cleanup_(secret_freep) struct secret *passphrase = NULL, *sealed = NULL;

	if (!strchr(key, '.'))
		return secret_read_file(path, FILE_LIMIT, ret_key, err);
	assert_int_equal(
		secret_from(passphrase_text, strlen(passphrase_text), &passphrase, NULL), 0);
	assert_int_equal(secret_read_file(path, FILE_LIMIT, &sealed, NULL), 0);
	return key_decrypt(secret_borrow(sealed), secret_length(sealed), passphrase, ret_key, err);
}

static int load_bundle(const struct given *given, struct bundle *bundle, struct error *err)
{
	_cleanup_(freep) char *leaf = texts(get(given, "leaf"));

	if (certificate_parse(leaf, strlen(leaf), &bundle->leaf, err) < 0)
		return unreadable(RULE_LEAF_READABLE, err);
	if (load_list(get(given, "chain"), &bundle->chain, err) < 0)
		return unreadable(RULE_CHAIN_READABLE, err);
	if (load_key(given, &bundle->key, err) < 0)
		return unreadable(RULE_KEY_READABLE, err);
	return 0;
}

static void check_anchor(const struct given *given, const struct certificate *anchor)
{
	_cleanup_(certificate_list_done) struct certificate_list expected = { 0 };

	if (is(given, "anchor", "")) {
		assert_null(anchor);
		return;
	}
	assert_int_equal(load_list(get(given, "anchor"), &expected, NULL), 0);
	assert_true(fingerprint_equal(&anchor->fingerprint, &expected.items[0]->fingerprint));
}

/* What is told of a chain that holds: nothing, or something with these words. */
static void check_note(
	const struct given *given, const struct bundle *bundle, const struct verify_terms *terms)
{
	_cleanup_(freep) char *note = verify_beyond_note(bundle, terms);

	if (is(given, "notes", "") ? note != NULL : !strstr(note ?: "", get(given, "notes")))
		fail_msg("'%s' is noted, not '%s'", note ?: "", get(given, "notes"));
}

static enum usage usage_of(const struct given *given)
{
	return is(given, "usage", "client") ? USAGE_CLIENT : USAGE_SERVER;
}

static usec_t now_of(const struct given *given)
{
	usec_t now;

	assert_int_equal(time_parse_iso(get(given, "now"), &now), 0);
	return now;
}

static int judge_bundle(const struct given *given, const struct bundle *bundle, struct error *err)
{
	_cleanup_(certificate_list_done) struct certificate_list anchors = { 0 };
	_cleanup_(strv_freep) char **names = words(get(given, "names"));
	struct verify_terms terms = { now_of(given), &anchors, names, usage_of(given) };
	const struct certificate *anchor = NULL;
	int r;

	if (is(given, "only", "destination"))
		return 0;
	assert_int_equal(load_list(get(given, "anchors"), &anchors, NULL), 0);
	r = verify_bundle(bundle, &terms, &anchor, err);
	if (r == 0)
		check_anchor(given, anchor);
	if (r == 0)
		check_note(given, bundle, &terms);
	return r;
}

static bool is_acm(const struct given *given)
{
	return is(given, "kind", "acm");
}

/* What is noted of ${bundle} in that region of ACM; static. */
static const char *note_in(const char *region, const struct bundle *bundle)
{
	struct desired_destination destination = { .kind = DESTINATION_ACM };
	struct place_aws place = {
		.place = { .destination = &destination },
		.region = (char *)region,
	};

	return acm_note(&place.place, bundle);
}

/* The certificate in place; NULL: none. */
static struct certificate *in_place_of(const struct given *given)
{
	_cleanup_(freep) char *text = texts(get(given, "in-place"));
	struct certificate *certificate = NULL;

	if (*text)
		assert_int_equal(certificate_parse(text, strlen(text), &certificate, NULL), 0);
	return certificate;
}

static int judge_destination(
	const struct given *given, const struct bundle *bundle, struct error *err)
{
	_cleanup_(certificate_freep) struct certificate *in_place = in_place_of(given);
	const struct certificate_list *chain = &bundle->chain;
	struct desired_destination acm = { .kind = DESTINATION_ACM };
	struct place_aws place = { .place = { .destination = &acm } };
	const struct delivery delivery = { .place = &place.place };
	size_t times = strtoul(get(given, "chain-times"), NULL, 10) ?: 1;
	struct bundle larger = *bundle;
	int r;

	larger.chain = (struct certificate_list){ NULL, 0 };
	larger.chain.items = mem_resize(NULL, times * chain->count, sizeof(*chain->items));
	for (size_t i = 0; i < times * chain->count; i++)
		larger.chain.items[larger.chain.count++] = chain->items[i % chain->count];
	r = is_acm(given) ? destination_accepts(&delivery, &larger, in_place, err)
		: is(given, "kind", "secretsmanager")
		? secret_body_accepts(strtoul(get(given, "secret-body-length"), NULL, 10), err)
		: 0;
	free(larger.chain.items);
	return r;
}

static unsigned accept_of(const struct given *given, const char *field)
{
	_cleanup_(strv_freep) char **list = words(get(given, field));

	return (strv_has(list, "names") ? ACCEPT_NAMES : 0) |
	       (strv_has(list, "client-auth") ? ACCEPT_CLIENT_AUTH : 0) |
	       (strv_has(list, "issuer") ? ACCEPT_ISSUER : 0);
}

static void check_says(const struct given *given, const char *text)
{
	if (!strstr(text ?: "", get(given, "says")))
		fail_msg("'%s' does not say '%s'", text, get(given, "says"));
}

/* The digest of what pem/VALUE.crt is of; unset where the case gives none. */
static struct fingerprint digest_of(const struct given *given, const char *field)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	struct fingerprint digest = { 0 };

	assert_int_equal(load_list(get(given, field), &list, NULL), 0);
	if (list.count)
		certificate_authority_digest(list.items[0], &digest);
	return digest;
}

static void check_change(const struct given *given, const struct bundle *bundle)
{
	_cleanup_(certificate_freep) struct certificate *in_place = in_place_of(given);
	_cleanup_(certificate_list_done) struct certificate_list chain = { 0 };
	_cleanup_(change_done) struct change change = { 0 };
	const struct anchor_known known = {
		.recorded = digest_of(given, "anchor-recorded"),
		.borne = digest_of(given, "anchor-borne"),
		.own = is(given, "known", "own") || is(given, "known", "both"),
		.confirmed = is(given, "known", "confirmed") || is(given, "known", "both"),
		.pin = is(given, "pin", "agrees")      ? PIN_AGREES
		       : is(given, "pin", "disagrees") ? PIN_DISAGREES
						       : PIN_NONE,
	};
	bool held;

	assert_int_equal(load_list(get(given, "in-place-chain"), &chain, NULL), 0);
	if (in_place)
		verify_change(bundle, in_place, &chain, &change);
	verify_add_anchor(bundle, verify_standing(bundle, &known), &change);
	held = verify_change_held(&change, accept_of(given, "accepted"), usage_of(given),
		now_of(given), in_place ? expiry_yields_at(in_place->not_before, in_place->not_after) : USEC_INFINITY);
	assert_int_equal(change.lost, accept_of(given, "lost"));
	assert_int_equal(change.lost != 0, change.text != NULL);
	assert_string_equal(held ? "held" : "carried", get(given, "expect"));
	check_says(given, change.text);
}

static enum rule rule_find(const char *name)
{
	for (unsigned rule = 0; rule < RULES; rule++)
		if (strcmp(rule_name(rule), name) == 0)
			return rule;
	fail_msg("there is no rule '%s'", name);
	return RULES;
}

static void check_refusal(const struct given *given, const struct error *err)
{
	enum rule rule = rule_find(get(given, "expect"));
	bool early = rule == RULE_LEAF_NOT_YET_VALID || rule == RULE_CHAIN_NOT_YET_VALID;
	_cleanup_(freep) char *prefix = mem_printf("rule '%s': ", rule_name(rule));

	if (!err->text)
		fail_msg("it is not refused");
	if (strncmp(err->text, prefix, strlen(prefix)) != 0)
		fail_msg("it is refused otherwise: %s", err->text);
	check_says(given, err->text);
	assert_int_equal(err->kind, early ? ERROR_RETRY : ERROR_INVALID);
	assert_true(refusal_count < CASES_MAX);
	refusals[refusal_count].rule = rule;
	refusals[refusal_count++].text = mem_strdup(err->text + strlen(prefix));
}

static void check_sound(
	const struct given *given, const struct bundle *bundle, const struct error *err)
{
	if (err->text)
		fail_msg("it is refused: %s", err->text);
	check_says(given, is_acm(given) ? note_in(get(given, "region"), bundle) : NULL);
}

static void run_case(void **state)
{
	_cleanup_(given_done) struct given given = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(bundle_freep) struct bundle *bundle = mem_new(struct bundle);
	int r;

	given_load(&given, *state);
	r = load_bundle(&given, bundle, &err);
	if (r == 0)
		r = judge_bundle(&given, bundle, &err);
	if (r == 0 && !is(&given, "kind", ""))
		r = judge_destination(&given, bundle, &err);
	assert_int_equal(r, error_result(&err));
	if (is(&given, "expect", "sound")) {
		check_sound(&given, bundle, &err);
	} else if (is(&given, "expect", "held") || is(&given, "expect", "carried")) {
		if (err.text)
			fail_msg("it is refused: %s", err.text);
		check_change(&given, bundle);
	} else {
		check_refusal(&given, &err);
	}
}

static void test_every_rule_has_a_case(void **state)
{
	for (unsigned rule = 0; rule < RULES; rule++) {
		bool found = false;

		assert_non_null(rule_name(rule));
		for (size_t i = 0; i < refusal_count; i++)
			found |= refusals[i].rule == rule;
		if (!found)
			fail_msg("no case breaks the rule '%s'", rule_name(rule));
	}
	assert_null(rule_name(RULES));
}

/* But for their names: those of the three parts of an export that cannot be read are the reader's.
 * */
static void test_messages_are_distinct(void **state)
{
	for (size_t i = 0; i < refusal_count; i++)
		for (size_t j = 0; j < i; j++)
			if (refusals[i].rule != refusals[j].rule &&
				refusals[i].rule > RULE_KEY_READABLE &&
				strcmp(refusals[i].text, refusals[j].text) == 0)
				fail_msg("two rules say '%s'", refusals[i].text);
}

static void test_cloudfront_note_is_for_us_east_1(void **state)
{
	_cleanup_(bundle_freep) struct bundle *bundle = mem_new(struct bundle);
	struct given given;

	given_load(&given, "cloudfront-p384");
	assert_int_equal(load_bundle(&given, bundle, NULL), 0);
	assert_non_null(note_in("us-east-1", bundle));
	assert_null(note_in("eu-west-1", bundle));
	assert_null(note_in(NULL, bundle));
	given_done(&given);
}

static int is_case(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && strcmp(entry->d_name + length - 5, ".case") == 0;
}

/* Who owns a destination may import over ours what has as many names, and usages, as 32 KiB hold. */
static void test_change_of_thousands(void **state)
{
	_cleanup_(certificate_list_done) struct certificate_list of = { 0 };
	_cleanup_(change_done) struct change change = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct certificate *in_place;
	struct bundle bundle = { 0 };

	assert_int_equal(load_list("leaf old-strangers", &of, NULL), 0);
	bundle.leaf = of.items[0];
	in_place = of.items[1];
	in_place->names = strv_free(in_place->names);
	for (unsigned i = 0; i < 2000; i++) {
		_cleanup_(freep) char *name = mem_printf("n%u.example.net", i);
		_cleanup_(freep) char *oid = mem_printf("1.2.3.%u", i);

		strv_append(&in_place->names, name);
		strv_append(&in_place->extended_key_usages, oid);
	}
	verify_change(&bundle, in_place, NULL, &change);
	assert_int_equal(change.lost, ACCEPT_NAMES | ACCEPT_CLIENT_AUTH);
	assert_non_null(strstr(change.text, "the names 'n0.example.net', 'n1.example.net', "));
	assert_non_null(strstr(change.text, "'n9.example.net' and 1990 more; it lacks the extended key usages "));
	assert_string_equal(strrchr(change.text, ',') + 1, " 1.2.3.9 and 1990 more");
	assert_true(strlen(change.text) <= CHANGE_TEXT_MOST);
	assert_true(acm_accepts_over(bundle.leaf, in_place, &err) < 0);
	assert_non_null(strstr(err.text, " and 1990 more); ACM rejects a re-import that keeps none"));
}

int main(void)
{
	static struct CMUnitTest tests[CASES_MAX + 4];
	struct dirent **entries;
	bool locked;
	int failed, cases, count;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	cases = count = scandir(FOLDER, &entries, is_case, alphasort);
	if (count <= 0 || count > CASES_MAX)
		return 1;
	for (int i = 0; i < count; i++) {
		entries[i]->d_name[strlen(entries[i]->d_name) - 5] = '\0';
		tests[i] = (struct CMUnitTest){ entries[i]->d_name, run_case, NULL, NULL,
			entries[i]->d_name };
	}
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_every_rule_has_a_case);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_change_of_thousands);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_messages_are_distinct);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_cloudfront_note_is_for_us_east_1);
	failed = _cmocka_run_group_tests("verify", tests, (size_t)count, NULL, NULL);
	for (int i = 0; i < cases; i++)
		free(entries[i]);
	free(entries);
	for (size_t i = 0; i < refusal_count; i++)
		free(refusals[i].text);
	return failed;
}
