/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Secrets: the bytes of each layout, the token that names them, and what a description is taken
 * for.
 */

#include "tests/unit/shell/test_destination_bundle.h"

#include <jansson.h>
#include <stdlib.h>

#include "daemon/destination/destination.h"
#include "daemon/destination/secret_body.h"
#include "daemon/destination/secret_foreign.h"
#include "daemon/destination/secret_judge.h"
#include "daemon/destination/tags.h"
#include "daemon/model/place_aws.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/pki/key.h"

#define SOURCE_ARN "arn:aws:acm:eu-west-1:111111111111:certificate/1"
#define SECRET_ARN "arn:aws:secretsmanager:eu-west-1:222222222222:secret:tls/web-AbCdEf"

struct world {
	struct desired_destination destination;
	struct place_aws place;
	struct desired_delivery wish;
	struct delivery delivery;
	struct issuer issuer;
	struct bundle *bundle;
	char *leaf;
	char *chain;
	struct secret *pkcs8;
};

static int setup(void **state)
{
	struct world *world = mem_new(struct world);

	world->destination.kind = DESTINATION_SECRETSMANAGER;
	world->destination.layout = LAYOUT_PEM;
	world->place = (struct place_aws){ .place.destination = &world->destination,
		.region = (char *)"eu-west-1" };
	world->delivery = (struct delivery){
		.place = &world->place.place,
		.wish = &world->wish,
		.source_arn = (char *)SOURCE_ARN,
		.object = (char *)"tls/web",
	};
	world->issuer = make_issuer("root");
	world->bundle = make_bundle(&world->issuer, "www.example.com", 2, 3600);
	world->leaf = certificate_pem(world->bundle->leaf);
	world->chain = certificate_list_pem(&world->bundle->chain);
	assert_int_equal(key_to_pkcs8(world->bundle->key, &world->pkcs8, NULL), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	secret_free(world->pkcs8);
	free(world->leaf);
	free(world->chain);
	bundle_free(world->bundle);
	issuer_done(&world->issuer);
	free(world);
	return 0;
}

/* ${text} with its line ends as JSON writes them. */
static char *escaped(const char *text)
{
	struct buf out = BUF_NULL;

	for (; *text; text++)
		if (*text == '\n')
			buf_append_string(&out, "\\n");
		else
			buf_append_char(&out, *text);
	return buf_take(&out);
}

/* ${expected}: name, value, name, value, ..., NULL. */
static void assert_body(const struct world *world, const char *const *expected)
{
	_cleanup_(secret_freep) struct secret *body = NULL;
	struct buf text = BUF_NULL;
	json_t *parsed;

	buf_append_string(&text, "{");
	for (size_t i = 0; expected[i]; i += 2) {
		_cleanup_(freep) char *value = escaped(expected[i + 1]);

		buf_printf(&text, "%s\"%s\":\"%s\"", i ? "," : "", expected[i], value);
	}
	buf_append_string(&text, "}");
	assert_int_equal(secret_body(&world->destination, world->bundle, &body, NULL), 0);
	assert_string_equal(secret_borrow(body), text.data);
	assert_int_equal(secret_body_length(&world->destination, world->bundle), text.length);
	assert_int_equal(secret_length(body), text.length);
	parsed = json_loads(secret_borrow(body), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(parsed);
	json_decref(parsed);
	buf_done(&text);
}

static void test_bodies(void **state)
{
	struct world *world = *state;
	const char *key = secret_borrow(world->bundle->key);
	_cleanup_(freep) char *full = mem_printf("%s%s", world->leaf, world->chain);

	world->destination.layout = LAYOUT_ACM;
	assert_body(world,
		(const char *[]){ "Certificate", world->leaf, "CertificateChain", world->chain,
			"PrivateKey", key, NULL });
	world->destination.layout = LAYOUT_PEM;
	assert_body(world,
		(const char *[]){ "CERTIFICATE_PEM", world->leaf, "CERTIFICATE_CHAIN_PEM",
			world->chain, "PRIVATE_KEY_PEM", key, NULL });
	/* The only chain certificate is the root, which is not served. */
	world->destination.layout = LAYOUT_KUBERNETES;
	assert_body(world,
		(const char *[]){ "tls.crt", world->leaf, "tls.key", secret_borrow(world->pkcs8),
			"ca.crt", world->chain, NULL });
	world->destination.layout = LAYOUT_FIELDS;
	world->destination.fields = (struct desired_fields){ .private_key = (char *)"key" };
	assert_body(world, (const char *[]){ "key", key, NULL });
	world->destination.fields = (struct desired_fields){
		.certificate = (char *)"c",
		.chain = (char *)"h",
		.fullchain = (char *)"f",
		.private_key = (char *)"k",
		.ca = (char *)"a",
	};
	assert_body(world,
		(const char *[]){ "c", world->leaf, "h", world->chain, "f", full, "k", key, "a",
			world->chain, NULL });
}

static void test_body_without_a_chain(void **state)
{
	struct world *world = *state;

	certificate_list_done(&world->bundle->chain);
	world->destination.layout = LAYOUT_KUBERNETES;
	assert_body(world,
		(const char *[]){ "tls.crt", world->leaf, "tls.key", secret_borrow(world->pkcs8),
			"ca.crt", "", NULL });
}

/* Is a body with so many certificates of 500 bytes and more taken? */
static int accepts_chain(const struct world *world, size_t times, struct error *err)
{
	const struct certificate_list *chain = &world->bundle->chain;
	struct bundle larger = *world->bundle;
	int r;

	larger.chain = (struct certificate_list){
		.items = mem_alloc(times * sizeof(*larger.chain.items)), .count = times
	};
	for (size_t i = 0; i < times; i++)
		larger.chain.items[i] = chain->items[0];
	r = destination_accepts(&world->delivery, &larger, NULL, err);
	free(larger.chain.items);
	return r;
}

static void test_what_is_too_long_is_refused(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(accepts_chain(*state, 1, &err), 0);
	assert_true(accepts_chain(*state, 150, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.text, "Secrets Manager accepts at most 65536"));
}

static void token_of(const struct world *world, char token[static SECRET_TOKEN_SIZE])
{
	struct version version = bundle_version(world->bundle);

	secret_token(&world->destination, world->delivery.object, &version, token);
}

static void assert_token_changes(const struct world *world, const char *before)
{
	char token[SECRET_TOKEN_SIZE];

	token_of(world, token);
	assert_int_equal(strlen(token), 64);
	assert_string_not_equal(token, before);
}

static void test_token(void **state)
{
	struct world *world = *state;
	struct version fixed = {
		.digest.bytes = { 1 }, .chain.bytes = { 2 }, .not_before = 3
	};
	char token[SECRET_TOKEN_SIZE], again[SECRET_TOKEN_SIZE];

	/*
	 * Known to every release: another one would write a second version of the same
	 * certificate.
	 */
	secret_token(&world->destination, "tls/web", &fixed, token);
	assert_string_equal(
		token, "a3e30c5ca174b472a99f7a46839eeade70b0b2340e41ffdc6114004f99d1f911");

	token_of(world, token);
	token_of(world, again);
	assert_string_equal(token, again);
	world->destination.tags = (char *[]){ (char *)"owner=platform", NULL };
	world->destination.kms_key = (char *)"alias/tls";
	token_of(world, again);
	assert_string_equal(token, again);

	world->delivery.object = (char *)"tls/other";
	assert_token_changes(world, token);
	world->delivery.object = (char *)"tls/web";
	world->destination.layout = LAYOUT_ACM;
	assert_token_changes(world, token);
	world->destination.layout = LAYOUT_PEM;
	world->bundle->chain.count = 0;
	assert_token_changes(world, token);
	world->bundle->chain.count = 1;
	world->bundle->leaf->fingerprint.bytes[5] ^= 1;
	assert_token_changes(world, token);
}

/* The same texts under other parts, or run together otherwise, are another body. */
static void test_token_is_unambiguous(void **state)
{
	static const struct desired_fields fields[] = {
		{ .certificate = (char *)"a", .private_key = (char *)"b" },
		{ .fullchain = (char *)"a", .private_key = (char *)"b" },
		{ .certificate = (char *)"ab", .private_key = (char *)"b" },
		{ .certificate = (char *)"a", .private_key = (char *)"bb" },
		{ .certificate = (char *)"a1:b", .private_key = (char *)"b" },
		{ .certificate = (char *)"a", .chain = (char *)"", .private_key = (char *)"b" },
	};
	struct world *world = *state;
	char tokens[ARRAY_SIZE(fields)][SECRET_TOKEN_SIZE];

	world->destination.layout = LAYOUT_FIELDS;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		world->destination.fields = fields[i];
		token_of(world, tokens[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(tokens[i], tokens[k]);
	}
}

/* A secret of ours with two versions; the tests bend it. */
struct secret_seen {
	char token[SECRET_TOKEN_SIZE];
	const char *own_tags[4];
	const char *current[2], *previous[2];
	struct sm_version versions[2];
	struct sm_description description;
	struct look_item item;
	struct observed seen;
};

static void secret_seen_init(struct secret_seen *s, const struct world *world)
{
	*s = (struct secret_seen){
		.own_tags = { "owner=x", TAG_NAME "=tls/web", TAG_SOURCE "=" SOURCE_ARN },
		.current = { "AWSCURRENT" },
		.previous = { "AWSPREVIOUS" },
		.item = { .delivery = &world->delivery, .wanted = bundle_version(world->bundle) },
	};
	token_of(world, s->token);
	s->versions[0] = (struct sm_version){ "other", (char *const *)s->previous };
	s->versions[1] = (struct sm_version){ s->token, (char *const *)s->current };
	s->description = (struct sm_description){
		.arn = SECRET_ARN,
		.name = "tls/web",
		.tags = (char *const *)s->own_tags,
		.versions = s->versions,
		.version_count = 2,
	};
}

static const char *judged(struct secret_seen *s)
{
	observed_done(&s->seen);
	secret_judge(&s->item, &s->description, &s->seen);
	return observed_state_name(s->seen.state);
}

static void test_judge_versions(void **state)
{
	struct world *world = *state;
	struct version other = { .digest.bytes = { 7 }, .not_before = 7 };
	struct secret_seen s;

	secret_seen_init(&s, world);
	assert_string_equal(judged(&s), "present");
	assert_memory_equal(&s.seen.version, &s.item.wanted, sizeof(s.item.wanted));
	assert_string_equal(s.seen.object_id, SECRET_ARN);
	assert_string_equal(s.seen.revision, s.token);

	s.versions[0].stages = (char *const *)s.current;
	s.versions[1].stages = (char *const *)s.previous;
	assert_string_equal(judged(&s), "demoted");
	assert_string_equal(s.seen.revision, "other");

	s.description.version_count = 1;
	assert_string_equal(judged(&s), "present");
	assert_false(digest_is_set(&s.seen.version.digest));

	/* What was confirmed is believed while that version is current, */
	s.item.confirmed = other;
	s.item.revision = "other";
	judged(&s);
	assert_memory_equal(&s.seen.version, &other, sizeof(other));
	s.item.revision = "something else";
	judged(&s);
	assert_false(digest_is_set(&s.seen.version.digest));

	/* but for the wanted certificate under another token: its layout or chain has changed. */
	s.item.revision = "other";
	s.item.confirmed = s.item.wanted;
	judged(&s);
	assert_false(digest_is_set(&s.seen.version.digest));

	s.item.wanted = (struct version){ 0 };
	judged(&s);
	assert_true(digest_is_set(&s.seen.version.digest));

	s.description.version_count = 0;
	assert_string_equal(judged(&s), "present");
	assert_null(s.seen.revision);
	observed_done(&s.seen);
}

static void test_judge_ownership(void **state)
{
	struct world *world = *state;
	struct secret_seen s;

	secret_seen_init(&s, world);
	s.own_tags[1] = TAG_NAME "=tls/other";
	assert_string_equal(judged(&s), "foreign");
	assert_int_equal(s.seen.error.kind, ERROR_CONFLICT);
	assert_non_null(strstr(s.seen.error.text, "adopt: true"));
	s.description.tags = NULL;
	assert_string_equal(judged(&s), "foreign");

	world->wish.adopt = ADOPT_YES;
	assert_string_equal(judged(&s), "present");

	s.description.owning_service = "rds";
	assert_string_equal(judged(&s), "foreign");
	assert_non_null(strstr(s.seen.error.text, "'rds'"));

	s.description.deleted = true;
	assert_string_equal(judged(&s), "foreign");
	assert_non_null(strstr(s.seen.error.text,
		"aws secretsmanager restore-secret --region eu-west-1 --secret-id tls/web"));
	observed_done(&s.seen);
}

/* What others wrote is seen where a write would replace it, and only there. */
static void test_judge_foreign(void **state)
{
	struct world *world = *state;
	const char *uuid = "7b3c1f0a-0000-4000-8000-000000000001";
	struct secret_seen s;

	secret_seen_init(&s, world);
	assert_string_equal(judged(&s), "present");
	assert_null(s.seen.foreign);

	/* An older one of ours, of which nothing is recorded, has the form of a token. */
	s.versions[1].id = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	assert_string_equal(judged(&s), "present");
	assert_null(s.seen.foreign);

	s.versions[1].id = uuid;
	assert_string_equal(judged(&s), "present");
	assert_non_null(strstr(s.seen.foreign, uuid));
	assert_string_equal(s.seen.revision, uuid);

	/* The record says that it was put there, or let go. */
	s.item.revision = uuid;
	assert_string_equal(judged(&s), "present");
	assert_null(s.seen.foreign);

	/* Ours is there, and somebody made another one current. */
	s.item.revision = s.token;
	s.versions[0] = (struct sm_version){ s.token, (char *const *)s.previous };
	assert_string_equal(judged(&s), "demoted");
	assert_non_null(s.seen.foreign);

	/* Without our tags the form of an id says nothing. */
	world->wish.adopt = ADOPT_YES;
	s.description.tags = NULL;
	s.description.version_count = 1;
	s.versions[0] = (struct sm_version){
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		(char *const *)s.current
	};
	assert_string_equal(judged(&s), "present");
	assert_non_null(s.seen.foreign);

	s.description.version_count = 0;
	assert_string_equal(judged(&s), "present");
	assert_null(s.seen.foreign);
	observed_done(&s.seen);
}

/* Those that taking a secret over would change; those of its own are not written again. */
static void test_judge_foreign_tags(void **state)
{
	struct world *world = *state;
	char *configured[] = { (char *)"owner=platform", (char *)"cost=1", NULL };
	const char *theirs[] = { "owner=payments", "cost=1", TAG_SOURCE "=arn:other", "x=y", NULL };
	struct secret_seen s;

	secret_seen_init(&s, world);
	world->destination.tags = configured;
	assert_string_equal(judged(&s), "present");
	assert_null(s.seen.foreign);

	world->wish.adopt = ADOPT_YES;
	s.description.tags = (char *const *)theirs;
	s.description.version_count = 0;
	assert_string_equal(judged(&s), "present");
	assert_string_equal(s.seen.foreign,
		"would get other tags: tag 'certferry:source=arn:other' becomes "
		"'certferry:source=" SOURCE_ARN "', 'owner=payments' becomes 'owner=platform'");
	assert_string_equal(s.seen.revision, "-");

	s.item.revision = "-"; /* it was let go */
	assert_string_equal(judged(&s), "present");
	assert_null(s.seen.foreign);

	s.description.version_count = 2; /* and since then somebody wrote one */
	assert_string_equal(judged(&s), "present");
	assert_non_null(strstr(s.seen.foreign, "'owner=payments' becomes 'owner=platform'"));
	assert_non_null(strstr(s.seen.foreign, s.token));
	observed_done(&s.seen);
}

/* What the reason says of ${text}, or where that is NULL of a value that cannot be read. */
static char *fields_said(const struct world *world, const char *text, const struct error *err,
	struct observed *seen)
{
	struct look_item item = { .delivery = &world->delivery };
	json_t *object = text ? json_loads(text, 0, NULL) : NULL, *member;
	char **fields = NULL;
	const char *name;
	struct sm_value value;

	json_object_foreach(object, name, member)
		strv_append(&fields, name);
	value = (struct sm_value){ .fields = fields, .object = object };
	seen->foreign = mem_strdup("X");
	secret_foreign_fields(&item, text ? &value : NULL, err, seen);
	strv_free(fields);
	json_decref(object);
	return take(seen->foreign);
}

static void test_foreign_fields(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *leaf = escaped(world->leaf);
	_cleanup_(freep) char *with_leaf = mem_printf(
		"{\"CERTIFICATE_PEM\": \"%s\", \"a\\u001b\": 1}", leaf);
	_cleanup_(error_done) struct error denied = ERROR_NULL, cut = ERROR_NULL;
	struct observed seen = { 0 };
	char *said;

	error_set(&denied, ERROR_DENIED, 0, "GetSecretValue: AccessDenied");
	error_set(&cut, ERROR_RETRY, 0, "GetSecretValue: cut off");
	said = fields_said(world,
		"{\"PRIVATE_KEY_PEM\": \"k\", \"user\": 1, \"password\": {}}", NULL, &seen);
	assert_non_null(strstr(said, "beside certferry's fields it has 'user', 'password'"));
	assert_int_equal(seen.version.not_after, 0);
	free(said);
	said = fields_said(world, "{\"PRIVATE_KEY_PEM\": \"k\"}", NULL, &seen);
	assert_non_null(strstr(said, "no field that certferry does not write"));
	free(said);
	said = fields_said(world, with_leaf, NULL, &seen);
	assert_non_null(strstr(said, "it has 'a '"));
	assert_int_equal(seen.version.not_after, world->bundle->leaf->not_after);
	assert_false(digest_is_set(&seen.version.digest));
	free(said);
	said = fields_said(world, NULL, &denied, &seen);
	assert_non_null(strstr(said, "X; certferry may not read which fields it has"));
	assert_non_null(strstr(said, "destination-secretsmanager-read.json"));
	assert_non_null(strstr(said, "replaces them all"));
	free(said);
	error_set(&denied, ERROR_DENIED, 0, "GetSecretValue: AccessDenied: kms:Decrypt");
	said = fields_said(world, NULL, &denied, &seen);
	assert_non_null(strstr(said, "kms:Decrypt"));
	free(said);
	said = fields_said(world, NULL, &cut, &seen);
	assert_non_null(strstr(said, "GetSecretValue: cut off"));
	free(said);
}

/* Who owns the account decides how much there is to say: the way out is said all the same. */
static void test_foreign_text_is_bounded(void **state)
{
	struct world *world = *state;
	char long_text[3000] = "", *many[41] = { NULL };
	char *configured[] = { (char *)"owner=platform", (char *)"cost=1", NULL };
	const char *theirs[3];
	struct secret_seen s;
	struct sm_value value;
	_cleanup_(freep) char *tag = NULL, *text = NULL;

	memset(long_text, 'x', sizeof(long_text) - 1);
	tag = mem_printf("owner=%s", long_text);
	for (size_t i = 0; i < 40; i++)
		many[i] = long_text;
	theirs[0] = tag;
	theirs[1] = "cost=2";
	theirs[2] = NULL;
	secret_seen_init(&s, world);
	world->destination.tags = configured;
	world->wish.adopt = ADOPT_YES;
	s.description.tags = (char *const *)theirs;
	s.description.arn = long_text;
	s.versions[1].id = long_text;
	assert_string_equal(judged(&s), "present");
	value = (struct sm_value){ .fields = many, .object = json_object() };
	secret_foreign_fields(&s.item, &value, NULL, &s.seen);
	text = observed_foreign_text(&s.seen, "pay/secrets");
	assert_non_null(strstr(text, "replaces them all"));
	assert_non_null(strstr(text, "certferry approve pay/secrets"));
	assert_true(strlen(text) < 2048);
	json_decref((json_t *)value.object);
	observed_done(&s.seen);
}

/* A secret has room for some 16,000 names, and each look reads those of hundreds of secrets. */
static void test_many_fields_take_no_time(void **state)
{
	struct world *world = *state;
	struct look_item item = { .delivery = &world->delivery };
	static char *many[16001];
	struct sm_value value = { .fields = many, .object = json_object() };
	clock_t before;

	for (size_t i = 0; i < ARRAY_SIZE(many) - 1; i++)
		many[i] = (char *)"user";
	before = clock();
	for (size_t i = 0; i < 256; i++) {
		struct observed seen = { .foreign = mem_strdup("X") };

		secret_foreign_fields(&item, &value, NULL, &seen);
		assert_non_null(strstr(seen.foreign, "'user' and 15"));
		observed_done(&seen);
	}
	assert_true(clock() - before < CLOCKS_PER_SEC);
	json_decref((json_t *)value.object);
}

static void test_tags(void **state)
{
	struct world *world = *state;
	char *configured[] = { (char *)"owner=platform", (char *)"cost=1=2", NULL };
	const struct fingerprint none = { 0 };
	_cleanup_(strv_freep) char **tags = NULL;

	world->destination.tags = configured;
	tags = tags_of(&world->delivery, &none);
	assert_int_equal(strv_length(tags), 4);
	assert_string_equal(tags[0], "certferry:source=" SOURCE_ARN);
	assert_string_equal(tags[1], "certferry:name=tls/web");
	assert_string_equal(tags[3], "cost=1=2");
	assert_true(tags_are_of(tags, &world->delivery));
	assert_true(tags_are_certferrys(tags));
	assert_false(tags_are_of(NULL, &world->delivery));
	assert_false(tags_are_certferrys(configured));
	world->delivery.object = (char *)"tls/we";
	assert_false(tags_are_of(tags, &world->delivery));
}

#define ANCHOR_TEXT "ab00000000000000000000000000000000000000000000000000000000000000"

static void test_anchor_tag(void **state)
{
	struct world *world = *state;
	const struct fingerprint anchor = { .bytes = { 0xab } };
	_cleanup_(strv_freep) char **tags = tags_of(&world->delivery, &anchor);
	_cleanup_(strv_freep) char **alone = tags_of_anchor(NULL, &anchor);
	char *others[] = { (char *)TAG_ANCHOR "=" ANCHOR_TEXT, (char *)TAG_SOURCE "=x", NULL };
	char *broken[] = { (char *)TAG_ANCHOR "=" ANCHOR_TEXT "0", NULL };
	struct observed seen = { 0 };

	assert_int_equal(strv_length(tags), 3);
	assert_string_equal(tags[2], TAG_ANCHOR "=" ANCHOR_TEXT);
	assert_int_equal(strv_length(alone), 1);
	assert_string_equal(alone[0], tags[2]);

	tags_see(tags, &world->delivery, &seen);
	assert_true(seen.own && seen.anchor_seen && fingerprint_equal(&seen.anchor, &anchor));
	tags_see(others, &world->delivery, &seen); /* of another delivery; it says what it says */
	assert_true(!seen.own && seen.anchor_seen && fingerprint_equal(&seen.anchor, &anchor));
	tags_see(broken, &world->delivery, &seen);
	assert_true(!seen.own && seen.anchor_seen && !fingerprint_is_set(&seen.anchor));
	tags_see(NULL, &world->delivery, &seen);
	assert_true(!seen.own && seen.anchor_seen && !fingerprint_is_set(&seen.anchor));
}

static void test_judge_anchor(void **state)
{
	struct world *world = *state;
	const struct fingerprint anchor = { .bytes = { 0xab } };
	const char *tags[] = { TAG_SOURCE "=" SOURCE_ARN, TAG_NAME "=tls/web",
		TAG_ANCHOR "=" ANCHOR_TEXT, NULL };
	struct secret_seen s;

	secret_seen_init(&s, world);
	assert_string_equal(judged(&s), "present");
	assert_true(s.seen.own && s.seen.anchor_seen && !fingerprint_is_set(&s.seen.anchor));
	s.description.tags = (char *const *)tags;
	assert_string_equal(judged(&s), "present");
	assert_true(s.seen.own && fingerprint_equal(&s.seen.anchor, &anchor));
	world->wish.adopt = ADOPT_YES;
	s.description.tags = NULL;
	assert_string_equal(judged(&s), "present");
	assert_true(!s.seen.own && !fingerprint_is_set(&s.seen.anchor));
	observed_done(&s.seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_without_a_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_too_long_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token_is_unambiguous, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge_ownership, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge_foreign_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_text_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_fields_take_no_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anchor_tag, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge_anchor, setup, teardown),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
