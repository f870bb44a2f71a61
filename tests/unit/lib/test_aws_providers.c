/* SPDX-License-Identifier: Apache-2.0 */
/* Each provider against a scripted server or program: what it asks, what it makes of the answer, and how its failures
 * read.  The same server then gets the signed request, which shows the credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/aws/aws.h"
#include "lib/aws/programs.h"
#include "lib/aws/session.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"
#include "tests/unit/lib/test_aws_server.h"

#define FAR   "2199-01-01T00:00:00Z"
#define GRANT "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":\"s\",\"Token\":\"tok\",\"Expiration\":\"%s\"}"

/* Answers are made at run time: their lengths have to be right. */
struct world {
	sd_event *event;
	struct server *server;
	struct step steps[16];
	size_t count;
	struct aws *aws;
	size_t left;
	struct error err; /* of the last request */
	char directory[32];
};

static struct world *world_new(void)
{
	static const char *const unset[] = { "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
		"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN" };
	struct world *world = mem_new(struct world);

	for (size_t i = 0; i < ARRAY_SIZE(unset); i++)
		unsetenv(unset[i]);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	strcpy(world->directory, "/tmp/test_providers.XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	assert_true(sd_event_new(&world->event) >= 0);
	return world;
}

/* A file of this world; its path, valid as long as the world. */
static char *put(struct world *world, const char *name, const char *text)
{
	static char path[4][64];
	static size_t next;
	char *place = path[next++ % 4];

	(void)snprintf(place, sizeof(path[0]), "%s/%s", world->directory, name);
	assert_int_equal(file_replace(place, text, strlen(text), 0700, NULL), 0);
	return place;
}

static void add_with(struct world *world, int status, const char *headers, const char *body)
{
	assert_true(world->count < ARRAY_SIZE(world->steps));
	world->steps[world->count++].answer = mem_printf(
		"HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body), body);
}

static void add(struct world *world, int status, const char *body)
{
	add_with(world, status, "", body);
}

static void add_grant(struct world *world, const char *expiration)
{
	_cleanup_(freep) char *body = mem_printf(GRANT, expiration);

	add(world, 200, body);
}

static char *url(const struct world *world, const char *path)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), "http://127.0.0.1:%d%s", world->server->port, path);
	return text;
}

/* The script is complete: starts the server.  What the environment says may follow. */
static void serve(struct world *world)
{
	if (world->count == 0)
		add(world, 200, "{}");
	world->server = server_new(world->event, world->steps, world->count);
	setenv("AWS_ENDPOINT_URL", url(world, ""), 1);
}

static void on_done(void *userdata, const json_t *body, const struct error *err)
{
	struct world *world = userdata;

	world->left--;
	error_done(&world->err);
	if (err)
		error_copy(&world->err, err);
}

/* One request to AWS. */
static void ask(struct world *world)
{
	if (!world->aws)
		assert_int_equal(aws_new(world->event, &world->aws, NULL), 0);
	world->left++;
	(void)aws_call_start(aws_session_get(world->aws, &(struct aws_identity){ 0 }),
		&(struct aws_request){ .service = AWS_ACM,
			.operation = "DescribeCertificate",
			.region = "eu-west-1" },
		on_done, world);
	run_until_zero(world->event, &world->left);
}

static bool asked(const struct world *world, size_t number, const char *text)
{
	if (number >= world->server->count)
		fail_msg("there were %zu requests only: %s", world->server->count,
			world->err.text ?: "");
	return strstr(world->server->requests[number], text);
}

/* The last request to the server was to AWS, as ${key}. */
static void check_signed_by(const struct world *world, const char *key)
{
	_cleanup_(freep) char *part = mem_printf("Credential=%s/", key);

	if (world->err.kind != ERROR_NONE)
		fail_msg("%s", world->err.text);
	assert_true(asked(world, world->server->count - 1, part));
}

static void check_refused(const struct world *world, enum error_kind kind, const char *part)
{
	if (world->err.kind != kind || !strstr(world->err.text, part))
		fail_msg("kind %d: %s", world->err.kind, world->err.text ?: "");
}

static void world_free(struct world *world)
{
	_cleanup_(freep) char *command = mem_printf("rm -r %s", world->directory);

	aws_free(world->aws);
	if (world->server)
		server_free(world->server);
	for (size_t i = 0; i < world->count; i++)
		free((char *)world->steps[i].answer);
	assert_int_equal(system(command), 0);
	sd_event_unref(world->event);
	error_done(&world->err);
	free(world);
}

static void test_environment(void **state)
{
	struct world *world = world_new();

	setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	setenv("AWS_SESSION_TOKEN", "new", 1);
	setenv("AWS_SECURITY_TOKEN", "old", 1);
	setenv("AWS_CREDENTIAL_EXPIRATION", FAR, 1);
	serve(world);
	ask(world);
	check_signed_by(world, "AKIDENV");
	assert_true(asked(world, 0, "X-Amz-Security-Token: old\r\n"));
	world_free(world);

	world = world_new();
	setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	setenv("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z", 1);
	serve(world);
	ask(world);
	check_refused(world, ERROR_DENIED, "they expired at 2001-01-01T00:00:00Z");
	world_free(world);
}

static void set_web_identity(struct world *world, const char *token)
{
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", put(world, "token", token), 1);
	setenv("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/w", 1);
}

#define WEB_GRANT                                                                                  \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"x\"><AssumeRoleWithWebIdentityResult>"         \
	"<Credentials><AccessKeyId>ASIAW</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"        \
	"<SessionToken>t</SessionToken><Expiration>" FAR "</Expiration></Credentials>"             \
	"</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"

static void test_web_identity(void **state)
{
	struct world *world = world_new();

	/* The identity provider may be out of STS' reach for a moment. */
	add(world, 400,
		"<ErrorResponse><Error><Type>Sender</Type><Code>IDPCommunicationError</Code>"
		"<Message>m</Message></Error></ErrorResponse>");
	add(world, 200, WEB_GRANT);
	add(world, 200, "{}");
	add(world, 400, "{\"__type\":\"ExpiredTokenException\"}");
	add(world, 200, WEB_GRANT);
	add(world, 200, "{}");
	set_web_identity(world, "head.pay+load/=.sig\n");
	setenv("AWS_ROLE_SESSION_NAME", "me@here", 1);
	serve(world);
	ask(world);
	check_signed_by(world, "ASIAW");
	assert_true(asked(world, 1,
		"\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam"
		"%3A%3A222222222222%3Arole%2Fw&RoleSessionName=me%40here&WebIdentityToken="
		"head.pay%2Bload%2F%3D.sig"));
	assert_false(asked(world, 1, "Authorization"));
	assert_false(asked(world, 1, "X-Amz-Date"));
	/* The file is read again. */
	(void)put(world, "token", "next");
	ask(world);
	check_signed_by(world, "ASIAW");
	assert_true(asked(world, 4, "&WebIdentityToken=next"));
	world_free(world);
}

static void test_web_identity_refused(void **state)
{
	struct world *world = world_new();
	char *long_token = mem_alloc(20002);

	add(world, 400,
		"<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code>"
		"<Message>m</Message></Error></ErrorResponse>");
	set_web_identity(world, "t");
	serve(world);
	ask(world);
	check_refused(world, ERROR_DENIED, "InvalidIdentityToken");
	assert_int_equal(world->server->count, 1);
	/* Not asked again at once. */
	ask(world);
	check_refused(world, ERROR_DENIED, "InvalidIdentityToken");
	assert_int_equal(world->server->count, 1);
	world_free(world);

	world = world_new();
	memset(long_token, 'a', 20001);
	set_web_identity(world, long_token);
	serve(world);
	ask(world);
	check_refused(world, ERROR_INVALID, "has more than 20000 bytes");
	/* The absence of a token is no absence of a certificate. */
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent", 1);
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_DENIED, "open '/nonexistent'");
	unsetenv("AWS_ROLE_ARN");
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_INVALID, "for which role?");
	assert_int_equal(world->server->count, 0);
	world_free(world);
	free(long_token);
}

/* ${command} is the default profile's credential_process. */
static void set_process(struct world *world, const char *command)
{
	_cleanup_(freep) char *config = mem_printf("[default]\ncredential_process = %s\n", command);

	setenv("AWS_CONFIG_FILE", put(world, "config", config), 1);
}

static void check_process(
	const char *script, const char *arguments, enum error_kind kind, const char *part)
{
	struct world *world = world_new();
	_cleanup_(freep) char *command = mem_printf(
		"\"%s\" %s", put(world, "pro gram", script), arguments);

	set_process(world, command);
	serve(world);
	ask(world);
	if (kind == ERROR_NONE)
		check_signed_by(world, part);
	else
		check_refused(world, kind, part);
	world_free(world);
}

static void test_process(void **state)
{
	/* Words, an empty standard input, the environment. */
	setenv("TEST_WORD", "ENV", 1);
	check_process("#!/bin/sh\necho \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"AK$1$2$TEST_WORD$(cat)\\\","
		      "\\\"SecretAccessKey\\\":\\\"s\\\",\\\"Expiration\\\":null}\"\n",
		"'A;B' \"C,D\"\\E", ERROR_NONE, "AKA;BC,DEENV");
	check_process("#!/bin/sh\necho no luck >&2\necho more >&2\nexit 3\n", "", ERROR_DENIED,
		"pro gram' ended with status 3: no luck");
	check_process("#!/bin/sh\nkill -9 $$\n", "", ERROR_DENIED, "was ended by signal 9");
	check_process("#!/bin/sh\nexec yes\n", "", ERROR_DENIED, "printed more than 65536 bytes");
	check_process("#!/bin/sh\necho '{\"Version\":2}'\n", "", ERROR_INVALID, "\"Version\": 1");
	check_process("#!/bin/sh\necho hello\n", "", ERROR_INVALID, "\"Version\": 1");
	check_process("#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"A\"}'\n", "", ERROR_INVALID,
		"SecretAccessKey is missing");
	check_process("#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
		      "\"Expiration\":\"2001-01-01T00:00:00Z\"}'\n",
		"", ERROR_DENIED, "they expired at");
	check_process("#!/bin/sh\n", "'x", ERROR_INVALID, "a quote is not closed");
}

static char *account_after(const char *output)
{
	struct world *world = world_new();
	_cleanup_(freep) char *script = mem_printf("#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"A\","
						   "\"SecretAccessKey\":\"s\"%s}'\n", output);
	_cleanup_(freep) char *command = mem_printf("'%s'", put(world, "program", script));
	char *account;

	set_process(world, command);
	serve(world);
	ask(world);
	account = mem_strdup(aws_session_get(world->aws, &(struct aws_identity){ 0 })->account);
	world_free(world);
	return account;
}

/* Its requests share the lanes of the account. */
static void test_process_tells_its_account(void **state)
{
	static const struct {
		const char *output, *account;
	} cases[] = {
		{ "", "own credentials" },
		{ ",\"AccountId\":\"333333333333\"", "333333333333" },
		{ ",\"AccountId\":333333333333", "own credentials" },
		{ ",\"AccountId\":null", "own credentials" },
		{ ",\"AccountId\":\"33333333333\"", "own credentials" },
		{ ",\"AccountId\":\"33333333333x\"", "own credentials" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *account = account_after(cases[i].output);

		assert_string_equal(account, cases[i].account);
	}
}

/* What makes no sense is not asked for again by each request. */
static void test_process_prints_rubbish(void **state)
{
	struct world *world = world_new();
	_cleanup_(freep) char *command = mem_printf("'%s' '%s/runs'",
		put(world, "program", "#!/bin/sh\necho run >>\"$1\"\necho hello\n"), world->directory);
	_cleanup_(freep) char *runs = mem_printf("%s/runs", world->directory);
	_cleanup_(buf_done) struct buf content = BUF_NULL;

	set_process(world, command);
	serve(world);
	for (int i = 0; i < 3; i++) {
		ask(world);
		check_refused(world, ERROR_INVALID, "\"Version\": 1");
	}
	assert_int_equal(file_read(runs, 100, &content, NULL), 0);
	assert_string_equal(content.data, "run\n");
	aws_forget_denials(world->aws);
	ask(world);
	buf_clear(&content);
	assert_int_equal(file_read(runs, 100, &content, NULL), 0);
	assert_string_equal(content.data, "run\nrun\n");
	world_free(world);
}

static void test_process_is_absent(void **state)
{
	struct world *world = world_new();

	set_process(world, "/nonexistent/x");
	serve(world);
	ask(world);
	check_refused(world, ERROR_DENIED, "start '/nonexistent/x': No such file");
	set_process(world, "");
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_INVALID, "no program is named");
	world_free(world);
}

static void test_programs(void **state)
{
	struct world *world = world_new();
	char **programs = NULL;
	_cleanup_(freep) char *joined = NULL, *expected = NULL, *text = NULL;
	const char *script = put(world, "a script", "#!/usr/bin/env sh\n");
	const char *plain = put(world, "plain", "no script\n");
	const char *config;

	text = mem_printf("[default]\ncredential_process = '%s' x\n[profile a]\ncredential_process = %s"
			  "\n[profile b]\ncredential_process = %s\n[profile c]\ncredential_process = sh\n"
			  "[profile d]\ncredential_process = 'open\n[profile e]\ncredential_process =\n"
			  "[services s]\ncredential_process = no\n",
		script, plain, plain);
	config = put(world, "config", text);
	setenv("PATH", "/nonexistent::/usr/bin", 1);
	assert_int_equal(programs_of_profiles(config, NULL, &programs, NULL), 0);
	joined = strv_join(programs, "|");
	expected = mem_printf("%s|/usr/bin/env|/usr/bin/sh|%s", script, plain);
	assert_string_equal(joined, expected);
	strv_free(programs);
	assert_int_equal(programs_of_profiles("/nonexistent", NULL, &programs, NULL), 0);
	assert_null(programs);
	world_free(world);
}

static void set_container(struct world *world, const char *path)
{
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url(world, path), 1);
}

static void test_container(void **state)
{
	struct world *world = world_new();

	add_grant(world, FAR);
	add(world, 400, "{\"__type\":\"ExpiredTokenException\"}");
	add_grant(world, FAR);
	add(world, 200, "{}");
	serve(world);
	set_container(world, "/v1/credentials?id=7");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "ignored", 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", put(world, "token", "first"), 1);
	/* A proxy has no business here. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	assert_int_equal(aws_new(world->event, &world->aws, NULL), 0);
	(void)put(world, "token", "second");
	ask(world);
	unsetenv("http_proxy");
	check_signed_by(world, "ASIAX");
	assert_true(asked(world, 0, "GET /v1/credentials?id=7 HTTP/1.1\r\n"));
	assert_true(asked(world, 0, "\r\nAuthorization: second\r\n"));
	assert_true(asked(world, 2, "\r\nAuthorization: second\r\n"));
	assert_true(asked(world, 3, "\r\nX-Amz-Security-Token: tok\r\n"));
	world_free(world);
}

/* What is still good is used on while nobody gives new ones, and they are asked for meanwhile. */
static void test_container_is_down(void **state)
{
	struct world *world = world_new();
	char expiration[TIME_TEXT_SIZE];
	usec_t now = clock_now();
	usec_t expires = (now / USEC_PER_SEC + 4) * USEC_PER_SEC; /* texts have whole seconds */
	usec_t later = now + (expires - now) / 100 * 82;

	/* To AWS's requests this is an answer, to those for credentials it is none. */
	add_grant(world, time_format(expires, expiration));
	add(world, 200, "{}");
	serve(world);
	set_container(world, "/");
	ask(world);
	check_signed_by(world, "ASIAX");
	/* At a quarter of their life new ones are asked for; at a tenth they are no longer used. */
	while (clock_now() < later)
		assert_true(sd_event_run(world->event, 10 * USEC_PER_MSEC) >= 0);
	ask(world);
	if (world->err.kind != ERROR_NONE)
		fail_msg("%s", world->err.text);
	run_dry(world->event);
	assert_true(asked(world, 2, "Credential=ASIAX/") || asked(world, 3, "Credential=ASIAX/"));
	assert_true(asked(world, 3, "GET / ") || asked(world, 2, "GET / "));
	world_free(world);
}

/* What has expired by a clock that is wrong has not: AWS's counts. */
static void test_clock_is_wrong(void **state)
{
	static const char date[] = "Date: Mon, 01 Jan 2001 00:00:00 GMT\r\n";
	struct world *world = world_new();

	add_grant(world, FAR);
	add_with(world, 400, date, "{\"__type\":\"ExpiredTokenException\"}");
	add_grant(world, "2001-01-01T06:00:00Z");
	add_with(world, 200, date, "{}");
	serve(world);
	set_container(world, "/");
	ask(world);
	check_signed_by(world, "ASIAX");
	assert_int_equal(world->server->count, 4);
	world_free(world);
}

static void test_container_tries(void **state)
{
	struct world *world = world_new();

	add(world, 500, "no");
	add(world, 200, "no JSON");
	add_grant(world, FAR);
	add(world, 200, "{}");
	serve(world);
	set_container(world, "/");
	ask(world);
	check_signed_by(world, "ASIAX");
	assert_false(asked(world, 0, "Authorization"));
	world_free(world);
}

static void test_container_refused(void **state)
{
	struct world *world = world_new();

	add(world, 404, "none");
	serve(world);
	set_container(world, "/");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nb", 1);
	ask(world);
	check_refused(world, ERROR_DENIED,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN: Authorization: the value has a line break");
	/* A line break at the end of the file is one too. */
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", put(world, "token", "token\n"), 1);
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_DENIED, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/tmp/");
	check_refused(world, ERROR_DENIED,
		"/token' ends in a line break; remove it (write the token with printf, not echo)");
	(void)put(world, "token", "to\nken");
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_DENIED, "token': Authorization: the value has a line break");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent", 1);
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_DENIED, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: open '/nonexistent'");
	unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/", 1);
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_DENIED, "'http://192.0.2.1': http is for loopback");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "ftp://127.0.0.1/", 1);
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_INVALID,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI is 'ftp://127.0.0.1/': a URL of http or https expected");
	/* What looks like a path may be another host. */
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@192.0.2.1/", 1);
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_INVALID,
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is '@192.0.2.1/': a path that begins with / expected");
	assert_int_equal(world->server->count, 0);
	world_free(world);
}

/* Agents may say why in an answer of status 200. */
static void test_container_says_why(void **state)
{
	static const struct {
		enum error_kind kind;
		const char *body, *words;
	} cases[] = {
		{ ERROR_DENIED, "{\"code\":\"AccessDenied\",\"message\":\"no\\nrole\"}",
			"/': AccessDenied: no role; has this task or pod a role" },
		{ ERROR_DENIED, "{\"Code\":\"AccessDenied\"}", "/': AccessDenied; has this" },
		{ ERROR_INVALID, "{\"code\":1}", "AccessKeyId is missing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *world = world_new();

		add(world, 200, cases[i].body);
		serve(world);
		set_container(world, "/");
		ask(world);
		check_refused(world, cases[i].kind, cases[i].words);
		world_free(world);
	}
}

static void set_instance(struct world *world)
{
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url(world, "/x"), 1);
}

static void test_instance(void **state)
{
	struct world *world = world_new();

	add(world, 200, "imds-token");
	add(world, 200, "web-role");
	add_grant(world, FAR);
	add(world, 200, "{}");
	serve(world);
	set_instance(world);
	ask(world);
	check_signed_by(world, "ASIAX");
	assert_true(asked(world, 0, "PUT /x/latest/api/token HTTP/1.1\r\n"));
	assert_true(asked(world, 0, "\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
	assert_true(asked(
		world, 1, "GET /x/latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n"));
	assert_true(asked(world, 1, "\r\nx-aws-ec2-metadata-token: imds-token\r\n"));
	assert_true(asked(world, 2,
		"GET /x/latest/meta-data/iam/security-credentials/web-role HTTP/1.1\r\n"));
	assert_true(asked(world, 2, "\r\nx-aws-ec2-metadata-token: imds-token\r\n"));
	world_free(world);
}

/* AWS cannot renew them: they are used on, and not asked for at every request. */
static void test_instance_is_stale(void **state)
{
	struct world *world = world_new();

	add(world, 200, "imds-token");
	add(world, 200, "web-role");
	add_grant(world, "2001-01-01T00:00:00Z");
	add(world, 200, "{}");
	serve(world);
	set_instance(world);
	ask(world);
	check_signed_by(world, "ASIAX");
	ask(world);
	check_signed_by(world, "ASIAX");
	assert_int_equal(world->server->count, 5);
	world_free(world);
}

/* "Date: ..." of a clock that is ${minutes} ahead. */
static const char *date_ahead(int minutes)
{
	static char text[64];
	time_t time = (time_t)(clock_now() / USEC_PER_SEC) + minutes * 60;

	assert_true(strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime(&time)) > 0);
	return text;
}

/* What is stale, or about to be, is good for 17 to 25 minutes more, of which a quarter is for asking anew: not
 * asked for after 12, but after 19. */
static void check_instance_extended(usec_t life)
{
	struct world *world = world_new();
	char expiration[TIME_TEXT_SIZE];

	add(world, 200, "imds-token");
	add(world, 200, "web-role");
	add_grant(world, time_format(clock_now() + life, expiration));
	add_with(world, 200, date_ahead(12), "{}");
	add_with(world, 200, date_ahead(19), "{}");
	add(world, 200, "{}");
	serve(world);
	set_instance(world);
	ask(world);
	ask(world);
	check_signed_by(world, "ASIAX");
	run_dry(world->event);
	assert_int_equal(world->server->count, 5);
	ask(world);
	run_dry(world->event);
	assert_true(asked(world, 5, "PUT /x/latest/api/token") || asked(world, 6, "PUT /x/latest/api/token"));
	world_free(world);
}

static void test_instance_is_extended(void **state)
{
	check_instance_extended(0);
	check_instance_extended(16 * USEC_PER_MINUTE);
}

static void check_instance_refused(const struct step *answers, size_t count, size_t requests,
	enum error_kind kind, const char *part)
{
	struct world *world = world_new();

	for (size_t i = 0; i < count; i++)
		add(world, 200 + (answers[i].close ? 204 : 0), answers[i].answer);
	serve(world);
	set_instance(world);
	ask(world);
	check_refused(world, kind, part);
	run_dry(world->event);
	assert_int_equal(world->server->count, requests);
	world_free(world);
}

static void test_instance_refused(void **state)
{
	/* close stands for status 404. */
	const struct step no_token[] = { { "gone", true } };
	const struct step no_role[] = { { "token", false },
		{ "{\"code\":\"NotFound\",\"message\":\"no\\nrole\"}", true } };
	const struct step odd_role[] = { { "token", false }, { "a/../b", false } };
	const struct step no_trust[] = { { "token", false }, { "role", false },
		{ "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"m\"}", false } };
	const struct step no_keys[] = { { "token", false }, { "role", false },
		{ "{\"Code\":\"Success\",\"Message\":\"m\"}", false } };
	const struct step odd_token[] = { { "to\nken", false } };

	check_instance_refused(no_token, 1, 1, ERROR_DENIED, "no token of the instance's metadata");
	check_instance_refused(no_role, 2, 2, ERROR_DENIED,
		"the instance has no role: 'http://127.0.0.1:");
	check_instance_refused(no_role, 2, 2, ERROR_DENIED, "answers with status 404: NotFound: no role");
	check_instance_refused(odd_role, 2, 2, ERROR_DENIED, "no name of a role");
	check_instance_refused(no_trust, 3, 3, ERROR_DENIED,
		"AssumeRoleUnauthorizedAccess: m; is that role still there, and does its trust policy admit "
		"ec2.amazonaws.com?");
	check_instance_refused(no_keys, 3, 3, ERROR_INVALID, "AccessKeyId is missing");
	check_instance_refused(odd_token, 1, 1, ERROR_DENIED, "x-aws-ec2-metadata-token: the value");
}

/* Which setting is wrong, be it a variable or a profile's key. */
static void test_instance_is_nowhere(void **state)
{
	struct world *world = world_new();

	serve(world);
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_CONFIG_FILE",
		put(world, "config", "[default]\nregion = x\nec2_metadata_service_endpoint_mode = v6\n"), 1);
	ask(world);
	check_refused(world, ERROR_INVALID,
		"/config:3: profile 'default': ec2_metadata_service_endpoint_mode is 'v6': IPv4 or IPv6 expected");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "v4", 1);
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_INVALID, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is 'v4': IPv4 or IPv6 expected");
	unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254", 1);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	world->aws = aws_free(world->aws);
	ask(world);
	check_refused(world, ERROR_INVALID,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT is '169.254.169.254': http://HOST[:PORT] expected");
	world_free(world);
}

static void test_instance_is_tried_again(void **state)
{
	struct world *world = world_new();

	setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2", 1);
	add(world, 500, "no");
	add(world, 200, "token");
	add(world, 500, "no");
	add(world, 200, "role");
	add(world, 200, "no JSON");
	add_grant(world, FAR);
	add(world, 200, "{}");
	serve(world);
	set_instance(world);
	ask(world);
	check_signed_by(world, "ASIAX");
	world_free(world);
}

/* Each is asked by its own session; many who wait cause one fetch. */
static void test_sources_of_a_role(void **state)
{
	struct world *world = world_new();

	add(world, 200, "token");
	add(world, 200, "role");
	add_grant(world, FAR);
	add(world, 200,
		"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAR</AccessKeyId>"
		"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>" FAR
		"</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>");
	add(world, 200, "{}");
	serve(world);
	set_instance(world);
	setenv("AWS_CONFIG_FILE",
		put(world, "config",
			"[default]\nrole_arn = arn:aws:iam::222222222222:role/r\n"
			"credential_source = Ec2InstanceMetadata\n"),
		1);
	assert_int_equal(aws_new(world->event, &world->aws, NULL), 0);
	for (int i = 0; i < 3; i++) {
		world->left++;
		(void)aws_call_start(aws_session_get(world->aws, &(struct aws_identity){ 0 }),
			&(struct aws_request){ .service = AWS_ACM,
				.operation = "DescribeCertificate",
				.region = "eu-west-1" },
			on_done, world);
	}
	run_until_zero(world->event, &world->left);
	check_signed_by(world, "ASIAR");
	assert_true(asked(world, 3, "Credential=ASIAX/"));
	assert_true(asked(world, 3, "Action=AssumeRole&"));
	assert_int_equal(world->server->count, 4 + 3);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_web_identity),
		cmocka_unit_test(test_web_identity_refused),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_process_prints_rubbish),
		cmocka_unit_test(test_process_tells_its_account),
		cmocka_unit_test(test_process_is_absent),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_container_is_down),
		cmocka_unit_test(test_clock_is_wrong),
		cmocka_unit_test(test_container_tries),
		cmocka_unit_test(test_container_refused),
		cmocka_unit_test(test_container_says_why),
		cmocka_unit_test(test_instance),
		cmocka_unit_test(test_instance_is_stale),
		cmocka_unit_test(test_instance_is_extended),
		cmocka_unit_test(test_instance_refused),
		cmocka_unit_test(test_instance_is_nowhere),
		cmocka_unit_test(test_instance_is_tried_again),
		cmocka_unit_test(test_sources_of_a_role),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
