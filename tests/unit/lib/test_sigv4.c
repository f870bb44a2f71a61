/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks tests/cases/sigv4: each file has "given" (a request: METHOD TARGET, headers, an empty
 * line, the body) and "expect" (scope, names of the signed headers, signature).  Named as in AWS's
 * "Signature Version 4 test suite" are its own vectors; the access key is that suite's.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/aws/canonical.h"
#include "lib/aws/sigv4.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"
#include "tests/unit/cases.h"

#define CASES "tests/cases/sigv4"
#define TIME  ((usec_t)1440938160 * USEC_PER_SEC)
#define DATE  "20150830T123600Z"

/* Vectors of the suite that do not apply, and why. */
static const char *const unnormalized[] = {
	/* The path is signed as it is written: that is S3's way alone. */
	"get-relative-relative-unnormalized", "get-relative-unnormalized",
	"get-slash-dot-slash-unnormalized", "get-slash-pointless-dot-unnormalized",
	"get-slash-unnormalized", "get-slashes-unnormalized", "get-space-unnormalized",
	/* Of every vector, the files query-*: a signature in the URL (presigned), which no
	 * request of ours has. */
};

/* Ends the line at *${text} and moves to the next; one that goes on in the next is one line. */
static char *next_line(char **text)
{
	char *line = *text, *end = line;

	do {
		end = strchr(end, '\n');
		assert_non_null(end);
		end++;
	} while (*line != '\n' && strchr(" \t", *end));
	end[-1] = '\0';
	*text = end;
	return line;
}

/* Splits ${text} into what ${request} then points to; the body is what remains. */
static char *read_request(char *text, struct sigv4_request *request)
{
	char *target, *line = next_line(&text);
	size_t count = 0;

	request->method = strsep(&line, " ");
	target = line;
	request->path = strsep(&target, "?");
	request->query = target ?: "";
	while (*(line = next_line(&text))) {
		char *name = strsep(&line, ":");

		for (char *c = name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		assert_true(count < SIGV4_HEADERS_MAX);
		request->headers[count++] = (struct sigv4_header){ name, line };
	}
	return text;
}

static struct secret *secret_key(void)
{
	static const char text[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
	struct secret *secret;

	assert_int_equal(secret_from(text, strlen(text), &secret, NULL), 0);
	return secret;
}

static void check_case(const char *path)
{
	_cleanup_(secret_freep) struct secret *secret = secret_key();
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	_cleanup_(freep) char *scope = NULL, *names = NULL, *signature = NULL;
	_cleanup_(freep) char *actual = NULL, *expected = NULL;
	char *given, *expect, *body, *words, hash[SIGV4_HASH_SIZE];
	struct sigv4_request request = {
		.access_key_id = "AKIDEXAMPLE",
		.secret_key = secret,
		.time = TIME,
		.payload_hash = hash,
	};

	assert_int_equal(file_read(path, 65536, &content, NULL), 0);
	given = strstr(content.data, "\ngiven\n");
	expect = strstr(content.data, "\nexpect\n");
	assert_true(given && expect);
	scope = case_value(expect, "scope");
	names = case_value(expect, "signed");
	signature = case_value(expect, "signature");
	assert_true(scope && names && signature);
	expected = mem_printf("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/%s, SignedHeaders=%s, "
			      "Signature=%s",
		scope, names, signature);

	/* Without a body the empty line is the one before "expect". */
	expect[1] = '\0';
	body = read_request(given + strlen("\ngiven\n"), &request);
	sigv4_hash(body, strcspn(body, "\n"), hash);
	words = strchr(scope, '/') + 1;
	request.region = strsep(&words, "/");
	request.service = strsep(&words, "/");
	actual = sigv4_authorization(&request);
	if (strcmp(actual, expected) != 0)
		fail_msg("%s:\n %s, not\n %s", path, actual, expected);
}

static void test_cases(void **state)
{
	/* AWS's suite has 38 vectors; two cases are our own. */
	assert_int_equal(for_each_case(CASES, ".txt", check_case), 38 - ARRAY_SIZE(unnormalized) + 2);
	for (size_t i = 0; i < ARRAY_SIZE(unnormalized); i++) {
		_cleanup_(freep) char *path = mem_printf("%s/%s.txt", CASES, unnormalized[i]);

		assert_int_equal(access(path, F_OK), -1);
	}
}

struct spelling {
	const char *given, *canonical;
};

static void check_spellings(
	char *(*canonical)(const char *), const struct spelling *spellings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_(freep) char *text = canonical(spellings[i].given);

		assert_string_equal(text, spellings[i].canonical);
	}
}

static void test_canonical_path(void **state)
{
	static const struct spelling spellings[] = {
		{ "", "/" },
		{ "/", "/" },
		{ "//", "/" },
		{ "/a", "/a" },
		{ "/a/", "/a/" },
		{ "/a//b///", "/a/b/" },
		{ "/..", "/" },
		{ "/../../a", "/a" },
		{ "/a/..", "/" },
		{ "/a/b/..", "/a" },
		{ "/a/b/../", "/a/" },
		{ "/a/./b/.", "/a/b" },
		{ "/.a/..b/...", "/.a/..b/..." },
		{ "/a b", "/a%20b" },
		{ "/%20", "/%2520" },
		{ "/@connections/JBDvjfGEIAMCERw%3D", "/%40connections/JBDvjfGEIAMCERw%253D" },
		{ "/\xc3\xa9\xff\x01~", "/%C3%A9%FF%01~" },
	};

	check_spellings(canonical_path, spellings, ARRAY_SIZE(spellings));
}

static void test_canonical_query(void **state)
{
	static const struct spelling spellings[] = {
		{ "", "" },
		{ "a", "a=" },
		{ "a=", "a=" },
		{ "b=2&a=1", "a=1&b=2" },
		{ "a=2&a=10&a", "a=&a=10&a=2" },
		{ "a-b=1&a=2&a1=3&a.=4", "a=2&a-b=1&a.=4&a1=3" },
		{ "B=1&a=2&_=3", "B=1&_=3&a=2" },
		{ "a=b=c", "a=b%3Dc" },
		{ "a=%2F%20&b=/ +", "a=%2F%20&b=%2F%20%2B" },
		{ "&a=1&&", "a=1" },
		{ "=1", "=1" },
	};

	check_spellings(canonical_query, spellings, ARRAY_SIZE(spellings));
}

/* Kept keys change no signature: of one scope, of more scopes than are kept, of another day. */
static void test_kept_keys(void **state)
{
	static const char *const regions[] = { "a-1", "a-1", "b-1", "c-1", "d-1", "e-1", "a-1",
		"e-1" };
	_cleanup_(secret_freep) struct secret *secret = secret_key();
	struct sigv4_cache cache = { 0 };
	struct sigv4_request request = {
		.access_key_id = "AKIDEXAMPLE",
		.secret_key = secret,
		.service = "acm",
		.method = "POST",
		.path = "/",
		.query = "",
		.headers = { { "host", "h" } },
		.payload_hash = "",
	};

	for (size_t i = 0; i < 4 * ARRAY_SIZE(regions); i++) {
		_cleanup_(freep) char *kept = NULL, *anew = NULL;

		request.time = TIME + i / ARRAY_SIZE(regions) * 13 * USEC_PER_HOUR;
		request.region = regions[i % ARRAY_SIZE(regions)];
		request.cache = &cache;
		kept = sigv4_authorization(&request);
		request.cache = NULL;
		anew = sigv4_authorization(&request);
		assert_string_equal(kept, anew);
	}
	sigv4_cache_done(&cache);
}

static void test_date(void **state)
{
	char date[SIGV4_DATE_SIZE];

	assert_string_equal(sigv4_date(TIME + 999999, date), DATE);
}

static void test_hash(void **state)
{
	char hash[SIGV4_HASH_SIZE];

	sigv4_hash("", 0, hash);
	assert_string_equal(
		hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_canonical_path),
		cmocka_unit_test(test_canonical_query),
		cmocka_unit_test(test_kept_keys),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_hash),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
