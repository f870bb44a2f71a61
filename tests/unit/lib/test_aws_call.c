/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a scripted server: credentials, retries, clocks, and what is never
 * sent twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/aws/acm.h"
#include "lib/aws/aws.h"
#include "lib/aws/client.h"
#include "lib/aws/lane.h"
#include "lib/aws/retry.h"
#include "lib/aws/room.h"
#include "lib/aws/session.h"
#include "lib/aws/sts.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"
#include "tests/unit/lib/test_aws_server.h"

#define ROLE "arn:aws:iam::222222222222:role/r"
#define HEAD "X-Amzn-RequestId: id-1\r\n"

/* Answers are made at run time: their lengths have to be right. */
struct world {
	sd_event *event;
	struct server *server;
	struct step steps[16];
	size_t count;
	struct aws *aws;
	struct aws_session *session;
	size_t left;
	bool starting;
	json_t *body;
	struct error err;
	int64_t skew;
	int skew_calls;
};

static struct world *world_new(void)
{
	struct world *world = mem_new(struct world);

	assert_true(sd_event_new(&world->event) >= 0);
	return world;
}

static void add(struct world *world, int status, const char *headers, const char *body)
{
	assert_true(world->count < ARRAY_SIZE(world->steps));
	world->steps[world->count++].answer = mem_printf("HTTP/1.1 %d X\r\n" HEAD
							 "%sContent-Length: %zu\r\n\r\n%s",
		status, headers, strlen(body), body);
}

static void add_cut(struct world *world)
{
	world->steps[world->count++].close = true;
}

/* No answer, unless late() gives one. */
static void add_silence(struct world *world)
{
	assert_true(world->count < ARRAY_SIZE(world->steps));
	world->count++;
}

static void add_fault(struct world *world, int status, const char *code)
{
	_cleanup_(freep) char *body = mem_printf("{\"__type\":\"%s\",\"message\":\"words\"}", code);

	add(world, status, "", body);
}

static void add_grant(struct world *world, const char *key, const char *expiration)
{
	_cleanup_(freep) char *body = mem_printf(
		"<AssumeRoleResponse xmlns=\"x\"><AssumeRoleResult><AssumedRoleUser><Arn>y</Arn>"
		"</AssumedRoleUser><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>se/"
		"cr+et"
		"</SecretAccessKey><SessionToken>to&#x2f;ken==</SessionToken><Expiration>%s</"
		"Expiration>"
		"</Credentials></AssumeRoleResult></AssumeRoleResponse>",
		key, expiration);

	add(world, 200, "", body);
}

/* The script is complete: starts the server and the client, with ${identity}. */
static void begin_as(struct world *world, const struct aws_identity *identity)
{
	_cleanup_(freep) char *url = NULL;

	world->server = server_new(world->event, world->steps, world->count);
	url = mem_printf("http://127.0.0.1:%d", world->server->port);
	setenv("AWS_ENDPOINT_URL", url, 1);
	assert_int_equal(aws_new(world->event, &world->aws, NULL), 0);
	world->session = aws_session_get(world->aws, identity);
}

static void begin(struct world *world)
{
	begin_as(world, &(struct aws_identity){ 0 });
}

/* What was added last, after begin(), becomes the answer to the request that got none. */
static void late(struct world *world)
{
	server_answer_late(world->server, world->steps[world->count - 1].answer);
}

static void run_for(struct world *world, usec_t duration)
{
	usec_t end = clock_monotonic() + duration;

	while (clock_monotonic() < end)
		assert_true(sd_event_run(world->event, 10 * USEC_PER_MSEC) >= 0);
}

static void world_free(struct world *world)
{
	aws_free(world->aws);
	if (world->server)
		server_free(world->server);
	for (size_t i = 0; i < world->count; i++)
		free((char *)world->steps[i].answer);
	sd_event_unref(world->event);
	json_decref(world->body);
	error_done(&world->err);
	free(world);
}

static void on_done(void *userdata, const json_t *body, const struct error *err)
{
	struct world *world = userdata;

	assert_false(world->starting);
	assert_true(!body != !err);
	world->left--;
	json_decref(world->body);
	world->body = body ? json_deep_copy(body) : NULL;
	error_done(&world->err);
	if (err)
		error_copy(&world->err, err);
}

static struct aws_call *start(struct world *world, const char *operation, bool once)
{
	struct aws_call *call;

	world->starting = true;
	call = aws_call_start(world->session,
		&(struct aws_request){ .service = AWS_ACM,
			.operation = operation,
			.region = "eu-west-1",
			.once = once },
		on_done, world);
	world->starting = false;
	world->left++;
	return call;
}

static void ask(struct world *world, const char *operation, bool once)
{
	(void)start(world, operation, once);
	run_until_zero(world->event, &world->left);
}

static void check_answer(const struct world *world, const char *expected)
{
	_cleanup_(freep) char *text = NULL;

	if (!world->body)
		fail_msg("%s", world->err.text);
	text = json_dumps(world->body, JSON_COMPACT);
	assert_string_equal(text, expected);
}

static void check_error(const struct world *world, enum error_kind kind, int code, const char *text)
{
	assert_null(world->body);
	assert_int_equal(world->err.kind, kind);
	assert_int_equal(world->err.code, code);
	assert_string_equal(world->err.text, text);
}

static bool asked(const struct world *world, size_t number, const char *text)
{
	assert_true(number < world->server->count);
	return strstr(world->server->requests[number], text);
}

static void test_success(void **state)
{
	struct world *world = world_new();

	add(world, 200, "", "{\"a\":1}");
	begin(world);
	ask(world, "ListCertificates", false);
	check_answer(world, "{\"a\":1}");
	assert_true(asked(world, 0, "POST / HTTP/1.1\r\nHost: 127.0.0.1:"));
	assert_true(asked(world, 0, "\r\nX-Amz-Target: CertificateManager.ListCertificates\r\n"));
	assert_true(asked(world, 0, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/"));
	assert_true(asked(world, 0,
		"/eu-west-1/acm/aws4_request, SignedHeaders=content-type;host;"
		"x-amz-date;x-amz-target, Signature="));
	assert_true(asked(world, 0, "\r\nUser-Agent: certferry/"));
	assert_true(asked(world, 0, "\r\n\r\n{}"));
	assert_false(asked(world, 0, "Security-Token"));
	world_free(world);
}

static void test_bodies(void **state)
{
	struct world *world = world_new();
	json_t *body = json_pack("{s:s}", "Name", "x");
	struct secret *secret;

	add(world, 200, "", "{}");
	add_fault(world, 500, "InternalFailure");
	add(world, 200, "", "{}");
	begin(world);
	(void)aws_call_start(world->session,
		&(struct aws_request){ .service = AWS_SECRETSMANAGER,
			.operation = "DescribeSecret",
			.region = "eu-west-1",
			.body = body },
		on_done, world);
	world->left++;
	json_decref(body);
	run_until_zero(world->event, &world->left);
	assert_true(asked(world, 0, "\r\n\r\n{\"Name\":\"x\"}"));
	/* A secret body outlives its first try. */
	assert_int_equal(secret_from("{\"s\":1}", 7, &secret, NULL), 0);
	(void)aws_call_start(world->session,
		&(struct aws_request){ .service = AWS_SECRETSMANAGER,
			.operation = "PutSecretValue",
			.region = "eu-west-1",
			.secret_body = secret },
		on_done, world);
	world->left++;
	run_until_zero(world->event, &world->left);
	check_answer(world, "{}");
	assert_true(asked(world, 1, "\r\n\r\n{\"s\":1}"));
	assert_true(asked(world, 2, "\r\n\r\n{\"s\":1}"));
	world_free(world);
}

static void on_export(void *userdata, const char *leaf, const char *chain, const char *key,
	const struct error *err)
{
	on_done(userdata, NULL, err);
}

/* What is secret in a request does not leave this host in the clear; which secret that is, differs. */
static void test_secrets_in_the_clear(void **state)
{
	static const char words[] =
		"is not https, and %s would cross the network in the clear; use an https endpoint";
	const struct aws_identity far = { .endpoint_url = "http://192.0.2.1" };
	_cleanup_(freep) char *key = mem_printf(words, "a private key");
	_cleanup_(freep) char *passphrase = mem_printf(words, "the passphrase of a private key");
	_cleanup_(secret_freep) struct secret *secret = NULL;
	struct world *world = world_new();
	struct secret *body;

	add(world, 200, "", "{}");
	begin_as(world, &far);
	assert_int_equal(secret_from("{\"s\":1}", 7, &body, NULL), 0);
	(void)aws_call_start(world->session,
		&(struct aws_request){ .service = AWS_SECRETSMANAGER,
			.operation = "PutSecretValue",
			.region = "eu-west-1",
			.secret_body = body,
			.secret_name = "a private key" },
		on_done, world);
	world->left++;
	run_until_zero(world->event, &world->left);
	assert_int_equal(world->err.kind, ERROR_INVALID);
	assert_non_null(strstr(world->err.text, key));
	assert_int_equal(secret_from("word", 4, &secret, NULL), 0);
	(void)acm_export(world->session, "eu-west-1", "arn", secret, on_export, world);
	world->left++;
	run_until_zero(world->event, &world->left);
	assert_int_equal(world->err.kind, ERROR_INVALID);
	assert_non_null(strstr(world->err.text, passphrase));
	assert_int_equal(world->server->count, 0);
	world_free(world);
}

static void test_retries(void **state)
{
	struct world *world = world_new();

	add_fault(world, 500, "InternalFailure");
	add_cut(world);
	add(world, 200, "", "{}");
	begin(world);
	ask(world, "ListCertificates", false);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 3);
	world_free(world);
}

/* What came of a listing. */
struct listing {
	char *names;
	size_t pages, left;
	struct error err;
};

static void on_page(void *userdata, struct acm_summary *items, size_t count)
{
	struct listing *listing = userdata;

	listing->pages++;
	for (size_t i = 0; i < count; i++) {
		char *names = mem_printf("%s%s ", listing->names ? listing->names : "", items[i].domain);

		free(listing->names);
		listing->names = names;
	}
}

static void on_listed(void *userdata, const struct error *err)
{
	struct listing *listing = userdata;

	listing->left = 0;
	if (err)
		error_copy(&listing->err, err);
}

#define ITEM(name) "{\"CertificateArn\": \"arn:aws:acm:eu-west-1:111111111111:certificate/" name "\", \"DomainName\": \"" name "\"}"

static struct listing list(struct world *world)
{
	struct listing listing = { .left = 1 };

	/* Where listings defer their ends. */
	sd_event_unref(world->event);
	assert_true(sd_event_default(&world->event) >= 0);
	begin(world);
	(void)acm_list(world->session, "eu-west-1", ACM_SCOPE_USUAL, on_page, on_listed, &listing);
	run_until_zero(world->event, &listing.left);
	return listing;
}

struct bounded {
	struct room *room;
	size_t left;
	enum error_kind kind;
};

static void on_bounded_page(void *userdata, struct acm_summary *items, size_t count)
{
}

static void on_bounded(void *userdata, const struct error *err)
{
	struct bounded *bounded = userdata;

	bounded->left = 0;
	bounded->kind = err ? err->kind : ERROR_NONE;
	assert_int_equal(bounded->room->used, 0);
	free(take(bounded->room));
}

/* Whoever is told the end may let the room go: by then, what a refused page took of it was given back. */
static void test_room_is_let_go_at_the_end(void **state)
{
	static const char *const answers[] = {
		"{\"CertificateSummaryList\": [" ITEM("a") "]}",
		"{\"CertificateSummaryList\": [{\"DomainName\": \"without an ARN\"}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct world *world = world_new();
		struct bounded bounded = { .room = mem_new(struct room), .left = 1 };

		bounded.room->most = (size_t)1 << 20;
		add(world, 200, "", answers[i]);
		sd_event_unref(world->event);
		assert_true(sd_event_default(&world->event) >= 0);
		begin(world);
		acm_bound(acm_list(world->session, "eu-west-1", ACM_SCOPE_USUAL, on_bounded_page, on_bounded, &bounded), bounded.room);
		run_until_zero(world->event, &bounded.left);
		assert_int_equal(bounded.kind, i == 0 ? ERROR_NONE : ERROR_RETRY);
		world_free(world);
	}
}

/* A page that breaks off, or turns out to be none, is read anew, and its items are told once. */
static void test_page_is_told_once(void **state)
{
	static const char whole[] = "{\"CertificateSummaryList\": [" ITEM("a") ", " ITEM("b") "], \"NextToken\": \"t\"}";
	struct world *world = world_new();
	struct listing listing;

	add_cut(world);
	world->steps[0].answer = mem_printf("HTTP/1.1 200 X\r\n" HEAD "Content-Length: %zu\r\n\r\n%.*s",
		sizeof(whole) - 1, (int)sizeof(whole) - 40, whole);
	add(world, 200, "", "{\"CertificateSummaryList\": [" ITEM("a") "], \"a\": 1, \"a\": 2}");
	add(world, 200, "", whole);
	add(world, 200, "", "{\"CertificateSummaryList\": [" ITEM("c") "]}");
	listing = list(world);
	assert_int_equal(listing.err.kind, ERROR_NONE);
	assert_string_equal(listing.names, "a b c ");
	assert_int_equal(listing.pages, 2);
	assert_int_equal(world->server->count, 4);
	free(listing.names);
	world_free(world);
}

static void test_page_that_is_none(void **state)
{
	struct world *world = world_new();
	struct listing listing;

	add(world, 200, "", "<html>sign in to the network</html>");
	listing = list(world);
	assert_int_equal(listing.err.kind, ERROR_RETRY);
	assert_string_equal(listing.err.text,
		"ListCertificates: response is not JSON; is a proxy answering instead of AWS?");
	assert_int_equal(listing.pages, 0);
	assert_int_equal(world->server->count, 3);
	error_done(&listing.err);
	world_free(world);
}

static void test_retries_end(void **state)
{
	struct world *world = world_new();

	add_fault(world, 503, "ServiceUnavailable");
	begin(world);
	ask(world, "ListCertificates", false);
	check_error(world, ERROR_RETRY, 503,
		"ListCertificates: ServiceUnavailable: words (request id id-1)");
	assert_int_equal(world->server->count, 3);
	world_free(world);
}

/* AWS_MAX_ATTEMPTS, else max_attempts of the profile; what is no number is refused at the start. */
static void test_attempts(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct world *world = world_new();
	struct aws *aws = NULL;

	setenv("AWS_MAX_ATTEMPTS", "1", 1);
	add_fault(world, 503, "ServiceUnavailable");
	begin(world);
	ask(world, "ListCertificates", false);
	assert_int_equal(world->err.code, 503);
	assert_int_equal(world->server->count, 1);
	setenv("AWS_MAX_ATTEMPTS", "many", 1);
	assert_int_equal(aws_new(world->event, &aws, &err), -EINVAL);
	assert_string_equal(err.text, "AWS_MAX_ATTEMPTS: 'many' is not a number of attempts; use 1 to 10, or "
				      "remove it for 3");
	unsetenv("AWS_MAX_ATTEMPTS");
	world_free(world);
}

/* A throttle waits as long as the answer says and no less, and the rest of its lane with it. */
static void test_throttle_hint(void **state)
{
	struct world *world = world_new();
	usec_t begin_time;

	add(world, 400, "X-Amzn-ErrorType: ThrottlingException\r\nx-amz-retry-after: 1300\r\n", "{}");
	add(world, 200, "", "{}");
	begin(world);
	begin_time = clock_monotonic();
	(void)start(world, "ListCertificates", false);
	while (world->server->count < 1)
		assert_true(sd_event_run(world->event, 100 * USEC_PER_MSEC) >= 0);
	run_dry(world->event);
	ask(world, "ListCertificates", false);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 3);
	assert_true(world->server->arrived[1] - begin_time >= 1300 * USEC_PER_MSEC);
	world_free(world);
}

static struct lane *lane(const struct world *world, const char *operation)
{
	return lane_get(world->aws->lanes, world->session->account, "eu-west-1", AWS_ACM, operation);
}

/* How many requests a lane of a thousand a second would let go at once after a throttle and ${successes}. */
static size_t burst_after(size_t successes)
{
	struct world *world = world_new();
	struct lane_waiter waiter = { 0 };
	size_t burst = 0;

	setenv("AWS_MAX_ATTEMPTS", "1", 1);
	add_fault(world, 400, "ThrottlingException");
	add(world, 200, "", "{}");
	begin(world);
	unsetenv("AWS_MAX_ATTEMPTS");
	assert_int_equal(aws_set_quota(world->aws, "acm", "ListCertificates", 1000), 0);
	ask(world, "ListCertificates", false);
	assert_int_equal(world->err.kind, ERROR_RETRY);
	for (size_t i = 0; i < successes; i++) {
		ask(world, "ListCertificates", false);
		check_answer(world, "{}");
	}
	/* The bucket fills while it is emptied, but not as fast. */
	while (burst < 2000 && lane_enter(lane(world, "ListCertificates"), &waiter))
		burst++;
	lane_leave(&waiter);
	world_free(world);
	return burst;
}

/* A throttle halves the lane's rate, and successes bring it back. */
static void test_throttle_slows_down(void **state)
{
	assert_in_range(burst_after(0), 400, 700);
	assert_in_range(burst_after(10), 900, 1999);
}

/* What retries have taken from the tokens, successes give back. */
static void test_success_gives_back(void **state)
{
	struct world *world = world_new();
	struct retry_tokens *tokens;

	add(world, 200, "", "{}");
	add_fault(world, 500, "InternalFailure");
	add(world, 200, "", "{}");
	begin(world);
	tokens = lane_tokens(lane(world, "ListCertificates"));
	tokens->left = 100;
	ask(world, "ListCertificates", false);
	assert_int_equal(tokens->left, 101);
	ask(world, "ListCertificates", false);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 3);
	assert_int_equal(tokens->left, 101);
	world_free(world);
}

/* Used up is not too fast: the same status, the SDKs' own list of throttles, and not sent again. */
static void test_quota_is_no_throttle(void **state)
{
	struct world *world = world_new();

	add_fault(world, 400, "LimitExceededException");
	begin(world);
	ask(world, "ImportCertificate", true);
	check_error(world, ERROR_QUOTA, 400,
		"ImportCertificate: LimitExceededException: words (request id id-1)");
	assert_int_equal(world->server->count, 1);
	world_free(world);
}

static void test_refusal_is_final(void **state)
{
	struct world *world = world_new();

	add_fault(world, 400, "AccessDeniedException");
	begin(world);
	ask(world, "ListCertificates", false);
	check_error(world, ERROR_DENIED, AWS_CODE_ACCESS_DENIED,
		"ListCertificates: AccessDeniedException: words (request id id-1)");
	assert_int_equal(world->server->count, 1);
	world_free(world);
}

/* What a proxy says of an answer that it withheld is no word on what AWS has done. */
static void test_once_withheld(void **state)
{
	struct world *world = world_new();

	add(world, 403, "", "<html>Blocked by policy</html>");
	begin(world);
	ask(world, "ImportCertificate", true);
	check_error(world, ERROR_RETRY, AWS_CODE_AMBIGUOUS,
		"ImportCertificate: HTTP 403: response has no error code of AWS; is a proxy answering instead of AWS?"
		" (request id id-1)");
	ask(world, "ImportCertificate", false);
	assert_int_equal(world->err.kind, ERROR_DENIED);
	assert_int_equal(world->server->count, 2);
	world_free(world);
}

/* AWS's success is 200; what a portal or a cache calls one is none. */
static void test_other_successes(void **state)
{
	static const int statuses[] = { 201, 202, 203, 204, 205, 206, 226, 299 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct world *world = world_new();

		add(world, statuses[i], "", statuses[i] == 204 ? "" : "{\"a\":1}");
		begin(world);
		ask(world, "ImportCertificate", true);
		assert_int_equal(world->err.kind, ERROR_RETRY);
		assert_int_equal(world->err.code, AWS_CODE_AMBIGUOUS);
		world_free(world);
	}
}

static void test_empty(void **state)
{
	struct world *world = world_new();

	add(world, 200, "", "");
	begin(world);
	ask(world, "ListTagsForCertificate", false);
	check_error(world, ERROR_RETRY, 200, "ListTagsForCertificate: response is not JSON; is a proxy answering "
					     "instead of AWS?");
	/* An operation that has nothing to say may say nothing. */
	(void)aws_call_start(world->session,
		&(struct aws_request){ .service = AWS_SECRETSMANAGER,
			.operation = "TagResource",
			.region = "eu-west-1",
			.may_be_empty = true },
		on_done, world);
	world->left++;
	run_until_zero(world->event, &world->left);
	check_answer(world, "{}");
	world_free(world);
}

/* A tree is many times its text: what could fill the memory is not read. */
static void test_heavy(void **state)
{
	struct buf body = BUF_NULL;
	struct world *world = world_new();

	buf_append_string(&body, "{\"a\":[0");
	for (int i = 0; i < 30000; i++)
		buf_append_string(&body, ",[]");
	buf_append_string(&body, "]}");
	add(world, 200, "", body.data);
	begin(world);
	ask(world, "ImportCertificate", true);
	assert_int_equal(world->err.code, AWS_CODE_AMBIGUOUS);
	world_free(world);
	buf_done(&body);
}

/* What strangers may have written is one value, whatever it looks like. */
static void test_not_heavy(void **state)
{
	struct buf body = BUF_NULL;
	struct world *world = world_new();

	buf_append_string(&body, "{\"a\":\"\\\"");
	for (int i = 0; i < 400000; i++)
		buf_append_string(&body, "[,");
	buf_append_string(&body, "\\\\\"}");
	add(world, 200, "", body.data);
	begin(world);
	ask(world, "ListCertificates", false);
	assert_non_null(world->body);
	assert_int_equal(json_string_length(json_object_get(world->body, "a")), 800002);
	world_free(world);
	buf_done(&body);
}

static void test_no_json(void **state)
{
	static const char *const bodies[] = { "<html>Sign in</html>", "[]", "{\"a\":1,\"a\":2}",
		"{} x", "{\"a\":" };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct world *world = world_new();

		add(world, 200, "", bodies[i]);
		begin(world);
		ask(world, "ListCertificates", false);
		check_error(world, ERROR_RETRY, 200,
			"ListCertificates: response is not JSON; is a proxy answering "
			"instead of AWS?");
		assert_int_equal(world->server->count, 3);
		ask(world, "ImportCertificate", true);
		assert_int_equal(world->err.code, AWS_CODE_AMBIGUOUS);
		assert_int_equal(world->server->count, 4);
		world_free(world);
	}
}

/* What must not be sent twice: sent, and no answer that says it was not carried out. */
static void test_once(void **state)
{
	struct world *world = world_new();

	add(world, 200, "", "{}");
	add_cut(world);
	add_fault(world, 500, "InternalFailure");
	add_fault(world, 400, "RequestExpired");
	add(world, 200, "", "{}");
	begin(world);
	/* Even when a kept-alive connection is there. */
	ask(world, "DescribeCertificate", false);
	ask(world, "DescribeCertificate", true);
	assert_int_equal(world->err.kind, ERROR_RETRY);
	assert_int_equal(world->err.code, AWS_CODE_AMBIGUOUS);
	assert_int_equal(world->server->count, 2);
	ask(world, "DescribeCertificate", true);
	assert_int_equal(world->err.code, AWS_CODE_AMBIGUOUS);
	assert_int_equal(world->server->count, 3);
	ask(world, "DescribeCertificate", true);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 5);
	world_free(world);
}

static void test_once_never_sent(void **state)
{
	struct world *world = world_new();

	begin_as(world, &(struct aws_identity){ .endpoint_url = "http://127.0.0.1:1" });
	ask(world, "DescribeCertificate", true);
	assert_int_equal(world->err.kind, ERROR_RETRY);
	assert_int_not_equal(world->err.code, AWS_CODE_AMBIGUOUS);
	world_free(world);
}

/* Whoever polls for ever asks again by himself: one request, whatever went wrong, but for what the
 * next one would meet as well. */
static void test_long_poll(void **state)
{
	const struct aws_request request = {
		.service = AWS_SQS, .operation = "ReceiveMessage", .region = "eu-west-1", .long_poll = true
	};
	struct world *world = world_new();

	add_cut(world); /* first, since libcurl itself tries again where a connection was kept */
	add_fault(world, 500, "InternalFailure");
	add_fault(world, 400, "ThrottlingException");
	add_fault(world, 403, "ExpiredTokenException");
	add(world, 200, "", "{}");
	begin(world);
	for (size_t i = 0; i < 4; i++) {
		(void)aws_call_start(world->session, &request, on_done, world);
		world->left++;
		run_until_zero(world->event, &world->left);
		if (i < 3)
			assert_int_equal(world->err.kind, ERROR_RETRY);
	}
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 5);
	assert_true(asked(world, 0, "\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"));
	assert_true(asked(world, 0, "\r\nContent-Type: application/x-amz-json-1.0\r\n"));
	assert_true(asked(world, 0, "/eu-west-1/sqs/aws4_request"));
	world_free(world);
}

static void test_role(void **state)
{
	char *tags[] = { (char *)"team=a b", (char *)"empty=", NULL };
	struct world *world = world_new();

	add_grant(world, "ASIAONE", "2199-01-01T00:00:00Z");
	add(world, 200, "", "{}");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE,
				.external_id = "f&1",
				.role_session_name = "me",
				.source_identity = "who",
				.session_tags = tags });
	/* However many wait, one asks. */
	for (int i = 0; i < 4; i++)
		(void)start(world, "DescribeCertificate", false);
	run_until_zero(world->event, &world->left);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 5);
	assert_true(asked(world, 0, "Credential=AKID/"));
	assert_true(asked(world, 0, "/eu-west-1/sts/aws4_request"));
	assert_true(asked(world, 0,
		"\r\n\r\nAction=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%"
		"3A222222222222"
		"%3Arole%2Fr&RoleSessionName=me&ExternalId=f%261&SourceIdentity=who"
		"&Tags.member.1.Key=team&Tags.member.1.Value=a%20b&Tags.member.2.Key=empty"
		"&Tags.member.2.Value="));
	assert_true(asked(world, 1, "Credential=ASIAONE/"));
	assert_true(asked(world, 1, "\r\nX-Amz-Security-Token: to/ken==\r\n"));
	assert_true(asked(world, 1, "x-amz-date;x-amz-security-token;x-amz-target"));
	world_free(world);
}

static void test_equal_identities_share(void **state)
{
	const struct aws_identity one = { .role_arn = ROLE, .external_id = "1" };
	const struct aws_identity two = { .role_arn = ROLE, .external_id = "2" };
	const struct aws_identity swapped = { .role_arn = ROLE, .source_identity = "1" };
	struct world *world = world_new();

	add(world, 200, "", "{}");
	begin_as(world, &one);
	assert_ptr_equal(aws_session_get(world->aws, &one), world->session);
	assert_ptr_not_equal(aws_session_get(world->aws, &two), world->session);
	assert_ptr_not_equal(aws_session_get(world->aws, &swapped), world->session);
	world_free(world);
}

static void test_expired_token(void **state)
{
	struct world *world = world_new();

	add_grant(world, "ASIAONE", "2199-01-01T00:00:00Z");
	add_fault(world, 400, "ExpiredTokenException");
	add_grant(world, "ASIATWO", "2199-01-01T00:00:00Z");
	add(world, 200, "", "{}");
	add_fault(world, 400, "ExpiredTokenException");
	add_grant(world, "ASIATHREE", "2199-01-01T00:00:00Z");
	add_fault(world, 400, "ExpiredTokenException");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	ask(world, "DescribeCertificate", false);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 4);
	assert_true(asked(world, 3, "Credential=ASIATWO/"));
	/* Once only. */
	ask(world, "DescribeCertificate", false);
	assert_int_equal(world->err.kind, ERROR_DENIED);
	assert_int_equal(world->server->count, 7);
	world_free(world);
}

/* Two were sent together, and the one's refusal comes when the other's has brought fresh credentials. */
static void test_expired_together(void **state)
{
	struct world *world = world_new();

	add_grant(world, "ASIAONE", "2199-01-01T00:00:00Z");
	add_silence(world);
	add_fault(world, 400, "ExpiredTokenException");
	add_grant(world, "ASIATWO", "2199-01-01T00:00:00Z");
	add(world, 200, "", "{}");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	(void)start(world, "DescribeCertificate", false);
	server_await_silent(world->server);
	(void)start(world, "DescribeCertificate", false);
	while (world->left > 1)
		assert_true(sd_event_run(world->event, 100 * USEC_PER_MSEC) >= 0);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 5);
	add_fault(world, 400, "ExpiredTokenException");
	late(world);
	run_until_zero(world->event, &world->left);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 6);
	assert_true(asked(world, 5, "Credential=ASIATWO/"));
	world_free(world);
}

/* Credentials that our clock takes for expired are used nevertheless, and fetched no faster than
 * they are needed. */
static void test_expired_at_birth(void **state)
{
	struct world *world = world_new();

	add_grant(world, "ASIAONE", "2001-01-01T00:00:00Z");
	add(world, 200, "", "{}");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	ask(world, "DescribeCertificate", false);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 2);
	world_free(world);
}

/* Those that are still in their lane when it is full use them as well: nobody would ever get through
 * otherwise. */
static void test_expired_at_birth_in_lane(void **state)
{
	struct world *world = world_new();

	add_grant(world, "ASIAONE", "2001-01-01T00:00:00Z");
	add(world, 200, "", "{}");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	assert_int_equal(aws_set_quota(world->aws, "acm", "ImportCertificate", 10), 0);
	for (int i = 0; i < 12; i++)
		(void)start(world, "ImportCertificate", true);
	run_until_zero(world->event, &world->left);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 1 + 12);
	world_free(world);
}

/* Who had its turn and finds no credentials queues again: were turns kept while AWS is asked for some, all
 * that came meanwhile would be sent at once. */
static void test_no_turn_is_kept(void **state)
{
	struct world *world = world_new();

	add_grant(world, "ASIAONE", "2199-01-01T00:00:00Z");
	for (int i = 0; i < 10; i++)
		add(world, 200, "", "{}");
	add_fault(world, 400, "ExpiredTokenException");
	add_silence(world);
	add(world, 200, "", "{}");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	assert_int_equal(aws_set_quota(world->aws, "acm", "ImportCertificate", 10), 0);
	/* The bucket is empty after these. */
	for (int i = 0; i < 10; i++)
		(void)start(world, "ImportCertificate", true);
	run_until_zero(world->event, &world->left);
	for (int i = 0; i < 5; i++)
		(void)start(world, "ImportCertificate", true);
	server_await_silent(world->server);
	run_for(world, 550 * USEC_PER_MSEC);
	add_grant(world, "ASIATWO", "2199-01-01T00:00:00Z");
	late(world);
	run_until_zero(world->event, &world->left);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 1 + 10 + 1 + 1 + 5);
	assert_true(asked(world, 13, "Credential=ASIATWO/"));
	assert_true(world->server->arrived[17] - world->server->arrived[13] >= 300 * USEC_PER_MSEC);
	world_free(world);
}

static void test_denied_role(void **state)
{
	struct world *world = world_new();

	add(world, 403, "",
		"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
		"<Message>no</Message></Error><RequestId>2</RequestId></ErrorResponse>");
	add(world, 403, "",
		"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>");
	add_grant(world, "ASIAONE", "2199-01-01T00:00:00Z");
	add(world, 200, "", "{}");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	for (int i = 0; i < 3; i++) {
		ask(world, "DescribeCertificate", false);
		check_error(world, ERROR_DENIED, 0,
			"DescribeCertificate: assume role '" ROLE "': AssumeRole: AccessDenied: no "
			"(request id id-1); is there such a role, does its trust policy admit this "
			"identity with this external id, and may this identity assume it "
			"(sts:AssumeRole)?");
	}
	assert_int_equal(world->server->count, 1);
	aws_forget_denials(world->aws);
	ask(world, "DescribeCertificate", false);
	assert_int_equal(world->err.kind, ERROR_DENIED);
	assert_int_equal(world->server->count, 2);
	aws_forget_denials(world->aws);
	ask(world, "DescribeCertificate", false);
	check_answer(world, "{}");
	world_free(world);
}

/* A session that gets a name or tags takes more rights, and AWS says which one is missing. */
static void test_denied_session(void **state)
{
	static const struct {
		const char *said, *advice;
	} denials[] = {
		{ "perform: sts:TagSession on resource: " ROLE, "must both allow sts:TagSession, in the" },
		{ "perform: sts:SetSourceIdentity", "must both allow sts:SetSourceIdentity, in the" },
		{ "perform: sts:AssumeRole on resource: " ROLE, "may this identity assume it (sts:AssumeRole)?" },
		{ "perform: sts:TagSessions on resource: " ROLE, "may this identity assume it (sts:AssumeRole)?" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(denials); i++) {
		_cleanup_(freep) char *body = mem_printf(
			"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: "
			"arn:aws:iam::111111111111:user/x is not authorized to %s</Message></Error></ErrorResponse>",
			denials[i].said);
		struct world *world = world_new();

		add(world, 403, "", body);
		begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
		ask(world, "DescribeCertificate", false);
		assert_int_equal(world->err.kind, ERROR_DENIED);
		if (!strstr(world->err.text, denials[i].advice))
			fail_msg("'%s' is not in '%s'", denials[i].advice, world->err.text);
		world_free(world);
	}
}

/* What else STS says with the status of a denial has nothing to do with the role. */
static void test_role_without_advice(void **state)
{
	struct world *world = world_new();

	add(world, 403, "",
		"<ErrorResponse><Error><Type>Sender</Type><Code>RegionDisabledException</Code>"
		"<Message>no</Message></Error></ErrorResponse>");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	ask(world, "DescribeCertificate", false);
	check_error(world, ERROR_DENIED, 0,
		"DescribeCertificate: assume role '" ROLE "': AssumeRole: RegionDisabledException: no "
		"(request id id-1)");
	world_free(world);
}

static void test_grant_is_none(void **state)
{
	static const char *const bodies[] = { "", "{}", "<AssumeRoleResponse/>",
		"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>"
		"<Expiration>2199-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
		"</AssumeRoleResponse>",
		"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A\r\nX: "
		"y</AccessKeyId>"
		"<Expiration>2199-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
		"</AssumeRoleResponse>" };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct world *world = world_new();

		add(world, 200, "", bodies[i]);
		begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
		ask(world, "DescribeCertificate", false);
		assert_int_equal(world->err.kind, ERROR_RETRY);
		assert_non_null(
			strstr(world->err.text, "assume role '" ROLE "': AssumeRole: response"));
		world_free(world);
	}
}

static void on_skew(void *userdata, int64_t offset)
{
	struct world *world = userdata;

	world->skew = offset;
	world->skew_calls++;
}

static void test_skew(void **state)
{
	static const char ahead[] = "Date: Thu, 01 Jan 2099 00:00:10 GMT\r\n";
	struct world *world = world_new();

	add(world, 403, ahead, "{\"__type\":\"RequestTimeTooSkewed\"}");
	add(world, 200, ahead, "{}");
	begin(world);
	aws_set_skew_callback(world->aws, on_skew, world);
	ask(world, "DescribeCertificate", false);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 2);
	assert_false(asked(world, 0, "X-Amz-Date: 20990101T0000"));
	assert_true(asked(world, 1, "X-Amz-Date: 20990101T0000"));
	assert_true(asked(world, 1, "Credential=AKID/20990101/"));
	assert_int_equal(world->skew_calls, 1);
	assert_true(world->skew > 0);
	/* The second answer tells the same again: nothing moves but time. */
	assert_true(llabs((int64_t)(aws_now(world->aws) - clock_now()) - world->skew) <
		    (int64_t)(10 * USEC_PER_SEC));
	world_free(world);
}

/* What AWS does not mind may be wrong for all that; once it refuses the time, less is believed to be. */
static void test_small_skew(void **state)
{
	char date[64];
	time_t ahead = (time_t)(clock_now() / USEC_PER_SEC) + 30;
	struct world *world = world_new();
	int64_t offset;

	assert_true(strftime(date, sizeof(date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime(&ahead)) > 0);
	add(world, 200, date, "{}");
	add(world, 403, date, "{\"__type\":\"RequestTimeTooSkewed\"}");
	add(world, 200, "", "{}");
	begin(world);
	ask(world, "DescribeCertificate", false);
	assert_int_equal(world->aws->offset, 0);
	ask(world, "DescribeCertificate", false);
	check_answer(world, "{}");
	assert_int_equal(world->server->count, 3);
	offset = world->aws->offset / (int64_t)USEC_PER_SEC;
	assert_in_range(offset, 20, 31);
	world_free(world);
}

static void test_cancel(void **state)
{
	struct world *world = world_new();
	struct aws_call *waiting;

	add_grant(world, "ASIAONE", "2199-01-01T00:00:00Z");
	add(world, 200, "", "{}");
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	/* At each step: begun, waiting for credentials, in its lane, on the wire. */
	for (int turns = 0; turns < 16; turns++) {
		struct aws_call *call = start(world, "DescribeCertificate", false);

		for (int i = 0; i < turns && world->left; i++)
			assert_true(sd_event_run(world->event, 0) >= 0);
		if (world->left)
			assert_null(aws_call_cancel(call));
		world->left = 0;
		run_dry(world->event);
	}
	/* Waiting for the turn: one import a second. */
	ask(world, "ImportCertificate", false);
	waiting = start(world, "ImportCertificate", false);
	run_dry(world->event);
	assert_int_equal(world->left, 1);
	assert_null(aws_call_cancel(waiting));
	run_dry(world->event);
	assert_null(aws_call_cancel(NULL));
	world_free(world);
}

/* A client that ends while a role is being assumed for somebody who has given up. */
static void test_free_amid_fetch(void **state)
{
	struct world *world = world_new();
	struct aws_call *call;

	add_cut(world);
	world->steps[0].close = false;
	begin_as(world, &(struct aws_identity){ .role_arn = ROLE });
	call = start(world, "DescribeCertificate", false);
	run_dry(world->event);
	assert_int_equal(world->server->count, 1);
	(void)aws_call_cancel(call);
	world_free(world);
}

static void test_bad_region(void **state)
{
	struct world *world = world_new();

	begin(world);
	(void)aws_call_start(world->session,
		&(struct aws_request){ .service = AWS_ACM, .operation = "ListCertificates" },
		on_done, world);
	world->left++;
	run_until_zero(world->event, &world->left);
	check_error(world, ERROR_INVALID, 0, 
		"ListCertificates: no region is set; set it in the configuration, in AWS_REGION or in the profile");
	world_free(world);
}

/* ${config} is AWS_CONFIG_FILE; what comes of a call as ${profile}. */
static void check_profile(
	const char *config, const char *profile, enum error_kind kind, const char *part)
{
	struct world *world = world_new();
	char path[] = "/tmp/test_call.XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, config, strlen(config)), strlen(config));
	fd_close(fd);
	setenv("AWS_CONFIG_FILE", path, 1);
	add_grant(world, "ASIAONE", "2199-01-01T00:00:00Z");
	add_grant(world, "ASIATWO", "2199-01-01T00:00:00Z");
	add(world, 200, "", "{}");
	begin_as(world, &(struct aws_identity){ .profile = profile });
	ask(world, "DescribeCertificate", false);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	(void)unlink(path);
	if (kind != ERROR_NONE && world->err.kind == ERROR_NONE)
		fail_msg("%s: no error", config);
	assert_int_equal(world->err.kind, kind);
	if (kind != ERROR_NONE && !strstr(world->err.text, part))
		fail_msg("%s", world->err.text);
	if (kind == ERROR_NONE)
		assert_true(asked(world, world->server->count - 1, part));
	world_free(world);
}

static void test_profiles(void **state)
{
	static const char keys[] =
		"[profile k]\naws_access_key_id=AKIDK\naws_secret_access_key=s\n";
	_cleanup_(freep) char *chain = mem_printf("%s[profile r]\nrole_arn=" ROLE
						  "\nsource_profile=k\n[profile c]\nrole_arn=" ROLE
						  "2\nsource_profile=r\nduration_seconds=900\n",
		keys);

	check_profile(keys, "k", ERROR_NONE, "Credential=AKIDK/");
	check_profile(chain, "c", ERROR_NONE, "Credential=ASIATWO/");
	check_profile(keys, "nobody", ERROR_INVALID, "profile: there is no profile 'nobody'");
	check_profile("[profile a]\nrole_arn=x\nsource_profile=b\n[profile b]\nrole_arn=x\n"
		      "source_profile=a\n",
		"a", ERROR_INVALID, "circle: a -> b -> a");
	check_profile("[profile a]\nrole_arn=x\nsource_profile=a\n", "a", ERROR_INVALID,
		"circle: a -> a");
	check_profile("[profile a]\nrole_arn=x\nsource_profile=b\n", "a", ERROR_INVALID,
		":3: profile 'a': there is no profile 'b'");
	check_profile("[profile a]\nrole_arn=x\n", "a", ERROR_INVALID, "no source_profile");
	check_profile("[profile a]\nrole_arn=x\ncredential_source=environment\n", "a", ERROR_DENIED,
		":3: profile 'a': credential_source: Environment, EcsContainer or");
	check_profile("[profile a]\nrole_arn=x\ncredential_source=EcsContainer\n", "a",
		ERROR_DENIED,
		":3: profile 'a': credential_source: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
		"AWS_CONTAINER_CREDENTIALS_FULL_URI is set");
	check_profile("[profile a]\nrole_arn=x\ncredential_source=Environment\nsource_profile=a\n",
		"a", ERROR_INVALID, "which one?");
	check_profile("[profile a]\nsso_account_id=x\n", "a", ERROR_DENIED,
		":2: profile 'a': sso_account_id: this needs somebody to log in");
	check_profile("[profile a]\nsso_session=x\n", "a", ERROR_DENIED,
		":2: sso_session is not supported: this needs somebody to log in");
	check_profile("[profile a]\nrole_arn=x\nsource_profile=b\n[profile b]\nsso_session=x\n", "a", ERROR_DENIED,
		":5: sso_session is not supported: this needs somebody to log in");
	check_profile("[profile a]\nlogin_session=x\n", "a", ERROR_DENIED,
		":2: profile 'a': login_session: this needs somebody to log in");
	check_profile("[profile a]\nrole_arn=x\nsource_profile=a\nmfa_serial=x\n", "a",
		ERROR_DENIED, "mfa_serial");
	check_profile("[profile a]\nrole_arn=x\nsource_profile=a\nduration_seconds=899\n", "a",
		ERROR_DENIED, "duration_seconds: 900 to 43200 expected");
	check_profile("[profile a]\nrole_arn=x\nsource_profile=b\n[profile b]\nregion=x\n", "a",
		ERROR_DENIED, "'b' is the source_profile of 'a' and has no credentials");
	check_profile("[profile a]\nregion=x\n", "a", ERROR_DENIED,
		"no AWS credentials: none in the environment (AWS_ACCESS_KEY_ID), in profile 'a' of "
		"'/dev/null' or of a container; of this instance: AWS_EC2_METADATA_DISABLED is true");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
	check_profile("[profile a]\nregion=x\n", "a", ERROR_DENIED,
		"in profile 'a' of '/nonexistent/credentials', which does not exist, or of a container;");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	check_profile("[profile a]\naws_access_key_id=A\n", "a", ERROR_DENIED,
		"profile 'a': the secret access key is missing");
}

/* Whose quotas count: two ways into an account have one lane, where the way tells. */
static void test_accounts(void **state)
{
	static const char config[] = "[profile role]\nrole_arn = " ROLE "\nsource_profile = keys\n"
				     "[profile other]\nrole_arn = arn:aws:iam::222222222222:role/o\n"
				     "source_profile = keys\naws_account_id = 444444444444\n"
				     "[profile odd]\nrole_arn = x\nsource_profile = keys\n"
				     "[profile keys]\naws_access_key_id = A\naws_secret_access_key = s\n"
				     "aws_account_id = 333333333333\n"
				     "[profile mute]\naws_access_key_id = A\naws_secret_access_key = s\n"
				     "[profile program]\ncredential_process = p\naws_account_id = 333333333333\n"
				     "[profile web]\nrole_arn = " ROLE "\nweb_identity_token_file = t\n"
				     "[profile instance]\naws_account_id = 333333333333\n";
	static const struct {
		const char *profile, *role_arn, *account;
	} cases[] = {
		{ NULL, ROLE, "222222222222" },
		{ "role", NULL, "222222222222" },
		{ "other", NULL, "222222222222" },
		{ "other", "arn:aws:iam::555555555555:role/r", "555555555555" },
		{ "odd", NULL, "profile odd" },
		{ "odd", "x", "x" },
		{ "keys", NULL, "333333333333" },
		{ "mute", NULL, "profile mute" },
		{ "program", NULL, "333333333333" },
		{ "web", NULL, "222222222222" },
		{ "instance", NULL, "profile instance" },
		{ "nobody", NULL, "profile nobody" },
		{ NULL, NULL, "own credentials" },
	};
	struct world *world = world_new();
	char path[] = "/tmp/test_call.XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, config, strlen(config)), strlen(config));
	fd_close(fd);
	setenv("AWS_CONFIG_FILE", path, 1);
	add(world, 200, "", "{}");
	begin(world);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	(void)unlink(path);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(aws_session_get(world->aws, &(struct aws_identity){ .profile = cases[i].profile,
									.role_arn = cases[i].role_arn })
					    ->account,
			cases[i].account);
	world_free(world);
}

/* Of the environment: its keys before its web identity. */
static void test_account_of_environment(void **state)
{
	struct world *world = world_new();

	add(world, 200, "", "{}");
	setenv("AWS_ACCOUNT_ID", "333333333333", 1);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent", 1);
	setenv("AWS_ROLE_ARN", ROLE, 1);
	begin(world);
	assert_string_equal(world->session->account, "333333333333");
	unsetenv("AWS_ACCESS_KEY_ID");
	assert_string_equal(aws_session_get(world->aws, &(struct aws_identity){ .keeps_time = true })->account,
		"222222222222");
	setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	unsetenv("AWS_ACCOUNT_ID");
	unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
	unsetenv("AWS_ROLE_ARN");
	world_free(world);
}

/* Where nothing tells it beforehand, an answer does: from then on the lanes are those of the account. */
static void test_account_of_an_answer(void **state)
{
	struct world *world = world_new();
	struct listing listing;
	struct lane *before;

	add(world, 200, "", "{\"CertificateSummaryList\": [" ITEM("a") "]}");
	listing = list(world);
	assert_string_equal(listing.names, "a ");
	assert_string_equal(world->session->account, "111111111111");
	before = lane(world, "ListCertificates");
	session_learn_account(world->session, "arn:aws:acm:eu-west-1:222222222222:certificate/a");
	assert_ptr_equal(lane(world, "ListCertificates"), before);
	free(listing.names);
	world_free(world);
}

/* No date is no time. */
static void test_empty_date(void **state)
{
	struct world *world = world_new();

	add(world, 200, "Date:\r\n", "{}");
	begin(world);
	ask(world, "ListCertificates", false);
	check_answer(world, "{}");
	assert_true(usec_sub(clock_now(), aws_now(world->aws)) < USEC_PER_MINUTE);
	world_free(world);
}

static void test_environment_is_no_source(void **state)
{
	static const char config[] = "[profile a]\nrole_arn=x\ncredential_source=Environment\n";

	unsetenv("AWS_ACCESS_KEY_ID");
	check_profile(config, "a", ERROR_DENIED,
		":3: profile 'a': credential_source: AWS_ACCESS_KEY_ID is not set");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	check_profile(config, "a", ERROR_DENIED,
		"credential_source: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
	setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
}

static void test_no_credentials(void **state)
{
	struct world *world = world_new();

	/* Half of a pair is none, and the search goes on. */
	unsetenv("AWS_ACCESS_KEY_ID");
	begin(world);
	ask(world, "DescribeCertificate", false);
	setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	assert_int_equal(world->err.kind, ERROR_DENIED);
	assert_non_null(strstr(world->err.text, "no AWS credentials: none in the environment"));
	world_free(world);

	unsetenv("AWS_SECRET_ACCESS_KEY");
	world = world_new();
	begin(world);
	ask(world, "DescribeCertificate", false);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	assert_int_equal(world->err.kind, ERROR_DENIED);
	assert_non_null(strstr(world->err.text, "the secret access key is missing"));
	world_free(world);
}

static void check_no_client(const char *text)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct aws *aws = NULL;
	sd_event *event;

	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(aws_new(event, &aws, &err), -EINVAL);
	assert_null(aws);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_string_equal(err.text, text);
	sd_event_unref(event);
}

/* Who named the CA bundle that cannot be read? */
static void test_ca_bundle_is_absent(void **state)
{
	static const char config[] = "[default]\nregion = x\nca_bundle = /nonexistent/corp.pem\n";
	char path[] = "/tmp/test_call.XXXXXX";
	int fd = mkstemp(path);
	_cleanup_(freep) char *text = mem_printf("%s:3: profile 'default': ca_bundle: CA bundle "
						 "'/nonexistent/corp.pem': No such file or directory",
		path);

	assert_int_equal(write(fd, config, strlen(config)), strlen(config));
	fd_close(fd);
	setenv("AWS_CONFIG_FILE", path, 1);
	check_no_client(text);
	setenv("AWS_CA_BUNDLE", "/nonexistent/mine.pem", 1);
	check_no_client("AWS_CA_BUNDLE: CA bundle '/nonexistent/mine.pem': No such file or directory");
	unsetenv("AWS_CA_BUNDLE");
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	(void)unlink(path);
}

static void test_named_profile_is_absent(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct aws *aws = NULL;
	sd_event *event;

	assert_true(sd_event_new(&event) >= 0);
	setenv("AWS_PROFILE", "nobody", 1);
	assert_int_equal(aws_new(event, &aws, &err), -EINVAL);
	unsetenv("AWS_PROFILE");
	assert_non_null(strstr(err.text, "there is no profile 'nobody'"));
	assert_null(aws);
	sd_event_unref(event);
}

static void test_session_name(void **state)
{
	_cleanup_(freep) char *plain = sts_session_name("ferry1.example.com");
	_cleanup_(freep) char *odd = sts_session_name("a b/\xc3\xa9");
	_cleanup_(freep) char *cut = sts_session_name("0123456789012345678901234567890123456789"
						      "0123456789012345678901234567890123456789");

	assert_string_equal(plain, "certferry-ferry1.example.com");
	assert_string_equal(odd, "certferry-a-b---");
	assert_int_equal(strlen(cut), 64);
}

static void set_environment(void)
{
	static const char *const unset[] = { "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_DEFAULT_PROFILE", "AWS_CREDENTIAL_EXPIRATION", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_ACCOUNT_ID", "AWS_ROLE_ARN",
		"AWS_CA_BUNDLE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_ACM",
		"AWS_ENDPOINT_URL_STS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" };

	for (size_t i = 0; i < ARRAY_SIZE(unset); i++)
		unsetenv(unset[i]);
	setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_secrets_in_the_clear),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_page_is_told_once),
		cmocka_unit_test(test_room_is_let_go_at_the_end),
		cmocka_unit_test(test_page_that_is_none),
		cmocka_unit_test(test_retries_end),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_throttle_hint),
		cmocka_unit_test(test_throttle_slows_down),
		cmocka_unit_test(test_success_gives_back),
		cmocka_unit_test(test_quota_is_no_throttle),
		cmocka_unit_test(test_refusal_is_final),
		cmocka_unit_test(test_once_withheld),
		cmocka_unit_test(test_other_successes),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_heavy),
		cmocka_unit_test(test_not_heavy),
		cmocka_unit_test(test_no_json),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_once_never_sent),
		cmocka_unit_test(test_long_poll),
		cmocka_unit_test(test_role),
		cmocka_unit_test(test_equal_identities_share),
		cmocka_unit_test(test_expired_token),
		cmocka_unit_test(test_expired_together),
		cmocka_unit_test(test_expired_at_birth),
		cmocka_unit_test(test_expired_at_birth_in_lane),
		cmocka_unit_test(test_account_of_an_answer),
		cmocka_unit_test(test_empty_date),
		cmocka_unit_test(test_no_turn_is_kept),
		cmocka_unit_test(test_denied_role),
		cmocka_unit_test(test_denied_session),
		cmocka_unit_test(test_role_without_advice),
		cmocka_unit_test(test_grant_is_none),
		cmocka_unit_test(test_skew),
		cmocka_unit_test(test_small_skew),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_free_amid_fetch),
		cmocka_unit_test(test_bad_region),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_account_of_environment),
		cmocka_unit_test(test_environment_is_no_source),
		cmocka_unit_test(test_no_credentials),
		cmocka_unit_test(test_ca_bundle_is_absent),
		cmocka_unit_test(test_named_profile_is_absent),
		cmocka_unit_test(test_session_name),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	set_environment();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
