/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/http/http.h"
#include "lib/http/proxy.h"
#include "lib/http/url.h"
#include "lib/pki/secret.h"
#include "tests/unit/lib/test_aws_server.h"

#define OK(body, length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body

/* One test's world. */
struct world {
	sd_event *event;
	struct server *server;
	struct http *http;
	char *url;
	size_t left; /* completions that are to come */
	bool starting;
	struct http_call *victim; /* to be cancelled by the next completion */
	bool again; /* the next completion starts another call */
	long status;
	char *body, *etag;
	struct error err;
};

static struct world *world_new(const struct step *script, size_t steps)
{
	struct world *world = mem_new(struct world);

	assert_true(sd_event_new(&world->event) >= 0);
	world->server = server_new(world->event, script, steps);
	world->url = mem_printf("http://127.0.0.1:%d/path", world->server->port);
	assert_int_equal(http_new(world->event, NULL, &world->http, NULL), 0);
	return world;
}

static void world_free(struct world *world)
{
	http_free(world->http);
	server_free(world->server);
	sd_event_unref(world->event);
	error_done(&world->err);
	free(world->url);
	free(world->body);
	free(world->etag);
	free(world);
}

static struct http_call *start(struct world *world, const struct http_request *request);

static void on_done(void *userdata, const struct http_response *response, const struct error *err)
{
	struct world *world = userdata;

	assert_false(world->starting);
	assert_true(!response != !err);
	assert_true(world->left > 0);
	world->left--;
	error_done(&world->err);
	free(world->body);
	free(world->etag);
	world->body = world->etag = NULL;
	world->status = response ? response->status : 0;
	if (response) {
		world->body = mem_strndup(response->body, response->body_length);
		world->etag = mem_strdup(http_response_header(response, "etag"));
	} else {
		error_copy(&world->err, err);
	}
	if (world->victim) {
		world->victim = http_cancel(world->victim);
		world->left--;
	}
	if (world->again) {
		world->again = false;
		(void)start(world, &(struct http_request){ .method = "GET", .url = world->url });
	}
}

static struct http_call *start(struct world *world, const struct http_request *request)
{
	struct http_call *call;

	world->starting = true;
	call = http_start(world->http, request, on_done, world);
	world->starting = false;
	world->left++;
	return call;
}

/* One GET until it has ended. */
static void get(struct world *world)
{
	(void)start(world, &(struct http_request){ .method = "GET", .url = world->url });
	run_until_zero(world->event, &world->left);
}

static void test_response(void **state)
{
	static const struct step script[] = {
		{ .answer = "HTTP/1.1 100 Continue\r\nETag: interim\r\n\r\n"
			    "HTTP/1.1 418 Teapot\r\nEtag: first\r\nETAG:  last \r\nContent-Length: "
			    "5\r\n\r\nshort" }
	};
	struct world *world = world_new(script, 1);

	get(world);
	assert_int_equal(world->status, 418);
	assert_string_equal(world->body, "short");
	assert_string_equal(world->etag, "last");
	world_free(world);
}

static void test_request(void **state)
{
	static const struct step script[] = { { .answer = OK("", "0") } };
	struct world *world = world_new(script, 1);
	char *headers[] = { (char *)"X-One: 1", NULL };

	(void)start(world, &(struct http_request){ .method = "PUT",
				   .url = world->url,
				   .headers = headers,
				   .body = "some\nbytes",
				   .body_length = 10 });
	run_until_zero(world->event, &world->left);
	assert_true(strncmp(world->server->requests[0], "PUT /path HTTP/1.1\r\n", 20) == 0);
	assert_non_null(strstr(world->server->requests[0], "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(world->server->requests[0], "\r\nContent-Length: 10\r\n"));
	assert_non_null(strstr(world->server->requests[0], "\r\n\r\nsome\nbytes"));
	assert_null(strcasestr(world->server->requests[0], "\r\nExpect:"));
	assert_null(strcasestr(world->server->requests[0], "\r\nAccept-Encoding:"));
	assert_null(strcasestr(world->server->requests[0], "\r\nContent-Type:"));
	world_free(world);
}

static void test_connection_is_reused(void **state)
{
	static const struct step script[] = { { .answer = OK("x", "1") } };
	struct world *world = world_new(script, 1);

	for (int i = 0; i < 5; i++)
		get(world);
	assert_int_equal(world->server->count, 5);
	assert_int_equal(world->server->accepted, 1);
	world_free(world);
}

/* A burst: one leads, and connections are opened as answers come and a queue remains. */
static void test_many_calls_share_connections(void **state)
{
	static const struct step script[] = { { .answer = OK("x", "1") } };
	struct world *world = world_new(script, 1);

	for (int i = 0; i < 64; i++)
		(void)start(world, &(struct http_request){ .method = "GET", .url = world->url });
	run_until_zero(world->event, &world->left);
	assert_int_equal(world->server->count, 64);
	assert_true(world->server->accepted <= 32);
	assert_int_equal(http_connections(world->http), world->server->accepted);
	world_free(world);
}

static void test_redirect_is_not_followed(void **state)
{
	static const struct step script[] = { { .answer =
							"HTTP/1.1 302 Found\r\nLocation: /other\r\n"
							"Content-Length: 0\r\n\r\n" } };
	struct world *world = world_new(script, 1);

	get(world);
	assert_int_equal(world->status, 302);
	assert_int_equal(world->server->count, 1);
	world_free(world);
}

static struct secret *secret_of(const char *text)
{
	struct secret *secret;

	assert_int_equal(secret_from(text, strlen(text), &secret, NULL), 0);
	return secret;
}

/* Nobody resolves the name, the proxy is told it; its user and password come from its URL. */
static void test_proxy(void **state)
{
	static const struct step script[] = { { .answer = OK("x", "1") } };
	struct world *world = world_new(script, 1);
	_cleanup_(freep) char *proxy = mem_printf(
		"http://me:pa%%40ss@127.0.0.1:%d", world->server->port);

	free(world->url);
	world->url = mem_strdup("http://aws.invalid/path");
	assert_int_equal(setenv("http_proxy", proxy, 1), 0);
	get(world);
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_int_equal(world->status, 200);
	assert_true(strncmp(world->server->requests[0], "GET http://aws.invalid/path HTTP/1.1\r\n",
			    38) == 0);
	assert_non_null(strstr(
		world->server->requests[0], "\r\nProxy-Authorization: Basic bWU6cGFAc3M=\r\n"));
	world_free(world);
}

/* What the proxy refuses has not reached anybody. */
static void test_proxy_refuses(void **state)
{
	static const struct {
		struct step step;
		const char *words;
	} cases[] = {
		{ { .answer = "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n" }, "HTTP 407" },
		{ { .answer = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" }, "HTTP 403" },
		{ { .answer = "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", .close = true },
			"HTTP 502" },
		{ { .answer = "SSH-2.0-OpenSSH_9.2\r\n", .close = true }, "" },
		{ { .answer = NULL, .close = true }, "" },
		{ { .answer = "HTTP/1.1 200 OK\r\n\r\n", .close = true }, "" },
		{ { .answer = "HTTP/1.1 200 OK\r\n\r\nno TLS" }, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *world = world_new(&cases[i].step, 1);
		_cleanup_(freep) char *proxy = mem_printf(
			"http://me:password@127.0.0.1:%d", world->server->port);

		assert_int_equal(setenv("https_proxy", proxy, 1), 0);
		(void)start(world, &(struct http_request){ .method = "POST",
					   .url = "https://aws.invalid/",
					   .secret_body = secret_of("a key") });
		run_until_zero(world->event, &world->left);
		assert_int_equal(unsetenv("https_proxy"), 0);
		assert_true(strncmp(world->server->requests[0],
				    "CONNECT aws.invalid:443 HTTP/1.1\r\n", 34) == 0);
		assert_null(strstr(world->server->requests[0], "a key"));
		assert_int_equal(world->err.kind, ERROR_RETRY);
		assert_true(http_never_sent(&world->err));
		assert_non_null(strstr(world->err.text, cases[i].words));
		assert_null(strstr(world->err.text, "password@"));
		world_free(world);
	}
}

/* What cannot be reached is the proxy, not AWS. */
static void test_proxy_is_down(void **state)
{
	static const struct {
		const char *variable, *proxy, *words;
	} cases[] = {
		{ "https_proxy", "http://me:password@127.0.0.1:1",
			"https://aws.invalid: the proxy that https_proxy names cannot be reached: "
			"Failed to connect to 127.0.0.1 port 1" },
		{ "HTTPS_PROXY", "http://me:password@proxy.invalid:1",
			"https://aws.invalid: the proxy that HTTPS_PROXY names cannot be reached: "
			"Could not resolve proxy: proxy.invalid" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *world = world_new(NULL, 0);

		free(world->url);
		world->url = mem_strdup("https://aws.invalid/");
		assert_int_equal(setenv(cases[i].variable, cases[i].proxy, 1), 0);
		get(world);
		assert_int_equal(unsetenv(cases[i].variable), 0);
		assert_int_equal(world->err.kind, ERROR_RETRY);
		assert_true(http_never_sent(&world->err));
		if (strncmp(world->err.text, cases[i].words, strlen(cases[i].words)) != 0)
			fail_msg("%s", world->err.text);
		world_free(world);
	}
}

/* The message says what to look at; that of a metadata service is its caller's. */
static void test_nobody_is_there(void **state)
{
	static const struct {
		const char *url, *words;
	} cases[] = {
		{ "https://127.0.0.1:1/", "; is it up, and do route and firewall let this host reach it?" },
		{ "https://aws.invalid/",
			"; is that name right (a region is part of it), and does this host's resolver work?" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *world = world_new(NULL, 0);

		free(world->url);
		world->url = mem_strdup(cases[i].url);
		get(world);
		assert_int_equal(world->err.kind, ERROR_RETRY);
		if (!strstr(world->err.text, cases[i].words))
			fail_msg("%s", world->err.text);
		world_free(world);
	}
}

static void test_proxy_is_not_asked_for_loopback(void **state)
{
	static const struct step script[] = { { .answer = OK("x", "1") } };
	struct world *world = world_new(script, 1);

	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	get(world);
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_int_equal(world->status, 200);
	world_free(world);
}

/* "" for a variable that is not set. */
struct proxies {
	const char *https_proxy, *HTTPS_PROXY, *http_proxy, *HTTP_PROXY, *all_proxy, *no_proxy,
		*NO_PROXY;
};

static void set_or_unset(const char *name, const char *value)
{
	assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void set_proxies(const struct proxies *proxies)
{
	set_or_unset("https_proxy", proxies->https_proxy);
	set_or_unset("HTTPS_PROXY", proxies->HTTPS_PROXY);
	set_or_unset("http_proxy", proxies->http_proxy);
	set_or_unset("HTTP_PROXY", proxies->HTTP_PROXY);
	set_or_unset("all_proxy", proxies->all_proxy);
	set_or_unset("ALL_PROXY", proxies->all_proxy);
	set_or_unset("no_proxy", proxies->no_proxy);
	set_or_unset("NO_PROXY", proxies->NO_PROXY);
}

static void check_proxy(const struct proxies *proxies, const char *text, const char *expected)
{
	_cleanup_(url_done) struct url url;

	assert_int_equal(url_read(text, &url), 0);
	set_proxies(proxies);
	assert_string_equal(proxy_find(&url), expected);
	set_proxies(&(struct proxies){ 0 });
}

static void test_which_proxy(void **state)
{
	static const struct {
		struct proxies proxies;
		const char *https, *http;
	} cases[] = {
		{ { 0 }, "", "" },
		{ { .https_proxy = "a" }, "a", "" },
		{ { .HTTPS_PROXY = "a" }, "a", "" },
		{ { .https_proxy = "a", .HTTPS_PROXY = "b" }, "a", "" },
		{ { .https_proxy = "", .HTTPS_PROXY = "b" }, "", "" },
		{ { .HTTPS_PROXY = "" }, "", "" },
		{ { .http_proxy = "a", .HTTP_PROXY = "b" }, "", "a" },
		{ { .HTTP_PROXY = "b", .HTTPS_PROXY = "c" }, "c", "b" },
		{ { .all_proxy = "a" }, "", "" },
	};
	static const char *const local[] = { "https://localhost/", "http://127.0.0.1:80/",
		"http://169.254.169.254/", "http://169.254.170.23/", "http://[fd00:ec2::254]/",
		"https://[::1]/", "http://[fe80::1]/" };
	const struct proxies all = { .https_proxy = "a", .http_proxy = "b" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check_proxy(
			&cases[i].proxies, "https://acm.eu-west-1.amazonaws.com/", cases[i].https);
		check_proxy(&cases[i].proxies, "http://aws.corp.example:4566/", cases[i].http);
	}
	for (size_t i = 0; i < ARRAY_SIZE(local); i++)
		check_proxy(&all, local[i], "");
}

static void test_no_proxy(void **state)
{
	static const struct {
		const char *url, *no_proxy;
		bool direct;
	} cases[] = {
		{ "https://aws.corp.example/", "", false },
		{ "https://aws.corp.example/", "*", true },
		{ "https://aws.corp.example/", "x,*", false },
		{ "https://aws.corp.example/", "*.example", false },
		{ "https://aws.corp.example/", "aws.corp.example", true },
		{ "https://AWS.corp.example/", "aws.CORP.example", true },
		{ "https://aws.corp.example/", "x, .example\t,y", true },
		{ "https://aws.corp.example/", "..corp.example", true },
		{ "https://aws.corp.example/", "orp.example", false },
		{ "https://aws.corp.example/", "us.corp.example", false },
		{ "https://aws.corp.example/", ".", false },
		{ "https://aws.corp.example/", ",,", false },
		{ "https://aws.corp.example/", "aws.corp.example corp", false },
		{ "https://aws.corp.example/", "aws.corp.example:443", false },
		{ "https://aws.corp.example:8443/", "aws.corp.example:8443", true },
		{ "https://aws.corp.example:8443/", "example:8443", true },
		{ "https://aws.corp.example:8443/", "example:443", false },
		{ "https://aws.corp.example:8443/", "example", true },
		{ "https://10.1.2.3/", "10.1.2.3", true },
		{ "https://10.1.2.3/", "2.3", true },
		{ "https://10.1.2.3/", "10.1.2.0/24", true },
		{ "https://10.1.2.3/", "x, 10.0.0.0/8 ", true },
		{ "https://10.1.2.3/", "10.1.2.2/31", true },
		{ "https://10.1.2.3/", "10.1.2.4/31", false },
		{ "https://10.1.2.3/", "0.0.0.0/0", true },
		{ "https://10.1.2.3/", "10.1.2.3/32", true },
		{ "https://10.1.2.3/", "10.1.2.3/33", false },
		{ "https://10.1.2.3/", "10.1.2.3/", false },
		{ "https://10.1.2.3/", "10.1.2.3/x", false },
		{ "https://10.1.2.3/", "10/8", false },
		{ "https://10.1.2.3/", "::/0", false },
		{ "https://10.example/", "10.0.0.0/0", false },
		{ "https://[2001:db8::1]/", "2001:db8::1", true },
		{ "https://[2001:db8::1]/", "[2001:db8::1]", true },
		{ "https://[2001:db8::1]:8443/", "2001:db8::/33", true },
		{ "https://[2001:db8:8000::1]/", "2001:db8::/33", false },
		{ "https://[2001:db8::1]/", "0.0.0.0/0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct proxies lower = {
			.https_proxy = "p", .no_proxy = cases[i].no_proxy, .NO_PROXY = "x"
		};
		const struct proxies upper = { .https_proxy = "p", .NO_PROXY = cases[i].no_proxy };

		check_proxy(&lower, cases[i].url, cases[i].direct ? "" : "p");
		check_proxy(&upper, cases[i].url, cases[i].direct ? "" : "p");
	}
}

static void test_response_limit(void **state)
{
	static const struct step script[] = { { .answer = OK("0123456789", "10") } };
	struct world *world = world_new(script, 1);

	(void)start(world,
		&(struct http_request){ .method = "GET", .url = world->url, .response_limit = 9 });
	run_until_zero(world->event, &world->left);
	assert_int_equal(world->err.kind, ERROR_INVALID);
	assert_non_null(strstr(world->err.text, "longer than 9 bytes"));
	(void)start(world,
		&(struct http_request){ .method = "GET", .url = world->url, .response_limit = 10 });
	run_until_zero(world->event, &world->left);
	assert_string_equal(world->body, "0123456789");
	world_free(world);
}

/* Who stalls amid long answers gets no more room after a while, and others do. */
static void test_room_is_shared(void **state)
{
	static const struct step quick[] = { { .answer = OK("x", "1") } };
	const size_t length = 1 << 20;
	_cleanup_(freep) char *body = mem_alloc(length);
	_cleanup_(freep) char *answer = NULL, *url = NULL;
	struct step script[] = { { 0 } };
	struct world *stalling;
	struct server *other;

	memset(body, 'x', length - 1);
	answer = mem_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", length, body);
	script[0].answer = answer;
	stalling = world_new(script, 1);
	for (int i = 0; i < 3; i++)
		(void)start(stalling, &(struct http_request){
			.method = "GET", .url = stalling->url, .timeout = USEC_PER_SEC });
	while (stalling->left > 2)
		assert_true(sd_event_run(stalling->event, UINT64_MAX) >= 0);
	assert_int_equal(stalling->err.kind, ERROR_RETRY);
	assert_non_null(strstr(stalling->err.text, "of answers at once"));
	other = server_new(stalling->event, quick, 1);
	url = mem_printf("http://127.0.0.1:%d/", other->port);
	(void)start(stalling, &(struct http_request){ .method = "GET", .url = url });
	while (stalling->left > 2)
		assert_true(sd_event_run(stalling->event, UINT64_MAX) >= 0);
	assert_int_equal(stalling->status, 200);
	run_until_zero(stalling->event, &stalling->left);
	assert_int_equal(stalling->err.kind, ERROR_RETRY);
	server_free(other);
	world_free(stalling);
}

static void test_trailer_is_no_status(void **state)
{
	static const struct step script[] = { { .answer =
		"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nHTTP/1.1 200 OK: 1\r\n\r\n" } };
	struct world *world = world_new(script, 1);

	get(world);
	assert_int_equal(world->status, 403);
	assert_string_equal(world->body, "no");
	world_free(world);
}

/* RFC 9112 section 4.  Which of these libcurl refuses by itself depends on its version. */
static void test_status_line(void **state)
{
	static const struct {
		const char *line;
		long status; /* 0: refused */
	} cases[] = {
		{ "HTTP/1.1 200 OK", 200 },
		{ "HTTP/1.0 200 OK", 200 },
		{ "HTTP/1.1 200 2000 \xc3\xa4\xff", 200 },
		{ "HTTP/1.1 200 ", 200 },
		{ "HTTP/1.1 200", 200 },
		{ "HTTP/1.1 999 X", 999 },
		{ "HTTP/1.1 2000 OK", 0 },
		{ "HTTP/1.1 2000", 0 },
		{ "HTTP/1.1 20 OK", 0 },
		{ "HTTP/1.1 200OK", 0 },
		{ "HTTP/1.1 200.1 OK", 0 },
		{ "HTTP/1.1 0200 OK", 0 },
		{ "HTTP/1.1 020 OK", 0 },
		{ "HTTP/1.1 +20 OK", 0 },
		{ "HTTP/1.1 2x0 OK", 0 },
		{ "HTTP/1.1200 OK", 0 },
		{ "HTTP/1.1 OK", 0 },
		{ "HTTP/1.1", 0 },
		{ "HTTP/x.1 200 OK", 0 },
		{ "http/1.1 200 OK", 0 },
		{ "ICY 200 OK", 0 },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2000 OK", 0 },
		{ "HTTP/1.1 100 Continue\r\n\r\nX-Status: 200", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *answer = mem_printf("%s\r\nContent-Length: 0\r\n\r\n", cases[i].line);
		struct step script[] = { { .answer = answer, .close = true } };
		struct world *world = world_new(script, 1);

		get(world);
		if (world->status != cases[i].status)
			fail_msg("'%s': %ld", cases[i].line, world->status);
		if (cases[i].status == 0) {
			assert_int_equal(world->err.kind, ERROR_RETRY);
			assert_false(http_never_sent(&world->err));
		}
		world_free(world);
	}
}

static void test_header_limit(void **state)
{
	struct buf answer = BUF_NULL;
	struct step script[1];
	struct world *world;

	buf_append_string(&answer, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 700; i++)
		buf_printf(&answer, "X-%d: %0100d\r\n", i, i);
	buf_append_string(&answer, "Content-Length: 0\r\n\r\n");
	script[0] = (struct step){ .answer = answer.data };
	world = world_new(script, 1);
	get(world);
	assert_int_equal(world->err.kind, ERROR_INVALID);
	assert_non_null(strstr(world->err.text, "headers longer than"));
	world_free(world);
	buf_done(&answer);
}

/* Longer than libcurl itself takes: a lack of memory to libcurl 7.88, too large to 8.14. */
static void test_header_beyond_libcurl(void **state)
{
	static const char *const before[] = { "HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" };

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		struct buf answer = BUF_NULL;
		struct step script[1];
		struct world *world;

		buf_printf(&answer, "%sX-Long: %0200000d\r\n\r\n", before[i], 0);
		script[0] = (struct step){ .answer = answer.data, .close = true };
		world = world_new(script, 1);
		get(world);
		assert_int_equal(world->err.kind, ERROR_RETRY);
		assert_false(http_never_sent(&world->err));
		if (i == 0) /* of trailers libcurl says something else */
			assert_non_null(strstr(world->err.text, "header longer than"));
		world_free(world);
		buf_done(&answer);
	}
}

static void test_cut(void **state)
{
	static const struct step scripts[] = {
		{ .answer = OK("0123", "10"), .close = true },
		{ .answer = "HTTP/1.1 200 OK\r\nContent-Le", .close = true },
		{ .answer = NULL, .close = true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct world *world = world_new(&scripts[i], 1);

		get(world);
		assert_int_equal(world->err.kind, ERROR_RETRY);
		assert_false(http_never_sent(&world->err));
		assert_int_equal(world->server->count, 1);
		world_free(world);
	}
}

/* Whoever answers so, the request has reached them. */
static void test_no_http(void **state)
{
	static const struct step script[] = { { .answer = "SSH-2.0-OpenSSH_9.2\r\n",
		.close = true } };
	struct world *world = world_new(script, 1);

	get(world);
	assert_int_equal(world->err.kind, ERROR_RETRY);
	assert_false(http_never_sent(&world->err));
	world_free(world);
}

static void test_timeout(void **state)
{
	static const struct step script[] = { { .answer = NULL } };
	struct world *world = world_new(script, 1);

	(void)start(
		world, &(struct http_request){
			       .method = "GET", .url = world->url, .timeout = 50 * USEC_PER_MSEC });
	run_until_zero(world->event, &world->left);
	assert_int_equal(world->err.kind, ERROR_RETRY);
	assert_false(http_never_sent(&world->err));
	world_free(world);
}

static void test_unreachable(void **state)
{
	static const struct step script[] = { { .answer = NULL } };
	struct world *world = world_new(script, 1);

	(void)start(world, &(struct http_request){ .method = "GET", .url = "http://127.0.0.1:1/" });
	run_until_zero(world->event, &world->left);
	assert_int_equal(world->err.kind, ERROR_RETRY);
	assert_true(http_never_sent(&world->err));
	assert_true(strncmp(world->err.text, "http://127.0.0.1:1: ", 20) == 0);
	world_free(world);
}

static void test_bad_url(void **state)
{
	static const char *const urls[] = { "", "ftp://127.0.0.1/", "file:///etc/passwd", "http://",
		"http://a b/" };
	static const struct step script[] = { { .answer = NULL } };
	struct world *world = world_new(script, 1);

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		(void)start(world, &(struct http_request){ .method = "GET", .url = urls[i] });
		run_until_zero(world->event, &world->left);
		assert_int_equal(world->err.kind, ERROR_INVALID);
		assert_true(http_never_sent(&world->err));
	}
	http_cancel(start(world, &(struct http_request){ .method = "GET", .url = "ftp://x/" }));
	run_dry(world->event);
	world_free(world);
}

static void test_cancel(void **state)
{
	static const struct step script[] = { { .answer = OK("x", "1") } };
	struct world *world = world_new(script, 1);
	const struct http_request request = { .method = "GET", .url = world->url };

	/* At once, and with the request on its way. */
	assert_null(http_cancel(start(world, &request)));
	run_dry(world->event);
	assert_int_equal(world->left, 1);
	world->left = 0;
	world->victim = start(world, &request);
	assert_true(sd_event_run(world->event, 0) >= 0);
	world->victim = http_cancel(world->victim);
	world->left--;
	run_dry(world->event);
	assert_int_equal(world->status, 0);
	/* By the completion of another, which also starts one. */
	(void)start(world, &request);
	world->victim = start(world, &request);
	world->again = true;
	run_until_zero(world->event, &world->left);
	assert_int_equal(world->status, 200);
	assert_false(world->again);
	world_free(world);
}

static void test_secret_body(void **state)
{
	static const struct step script[] = { { .answer = OK("x", "1") } };
	struct world *world = world_new(script, 1);
	_cleanup_(secret_freep) struct secret *lent = secret_of("lent");

	(void)start(world,
		&(struct http_request){
			.method = "POST", .url = world->url, .secret_body = secret_of("given") });
	run_until_zero(world->event, &world->left);
	(void)start(world,
		&(struct http_request){ .method = "POST", .url = world->url, .lent_body = lent });
	run_until_zero(world->event, &world->left);
	assert_non_null(strstr(world->server->requests[0], "\r\nContent-Length: 5\r\n"));
	assert_non_null(strstr(world->server->requests[0], "\r\n\r\ngiven"));
	assert_non_null(strstr(world->server->requests[1], "\r\n\r\nlent"));
	assert_string_equal(secret_borrow(lent), "lent");
	world_free(world);
}

/* The kept-alive connection turns out to be dead when the request has been sent on it. */
static void lose_connection(struct http_request request, bool once)
{
	static const struct step script[] = { { .answer = OK("x", "1") }, { .close = true },
		{ .answer = OK("y", "1") } };
	struct world *world = world_new(script, 3);

	request.url = world->url;
	request.once = once;
	get(world);
	(void)start(world, &request);
	run_until_zero(world->event, &world->left);
	if (once) {
		/* It may have been carried out: whoever asked is told, and it is not repeated. */
		assert_int_equal(world->server->accepted, 1);
		assert_int_equal(world->server->count, 2);
		assert_int_equal(world->err.kind, ERROR_RETRY);
		assert_false(http_never_sent(&world->err));
	} else {
		assert_int_equal(world->server->accepted, 2);
		assert_int_equal(world->server->count, 3);
		assert_string_equal(world->body, "y");
		assert_string_equal(world->server->requests[1], world->server->requests[2]);
	}
	world_free(world);
}

static void test_dead_connection(void **state)
{
	struct buf large = BUF_NULL;

	for (int i = 0; i < 20000; i++)
		buf_append(&large, "ten bytes.", 10);
	for (int once = 0; once < 2; once++) {
		lose_connection((struct http_request){ .method = "GET" }, once);
		lose_connection((struct http_request){ .method = "POST", .body = "plain", .body_length = 5 }, once);
		lose_connection((struct http_request){ .method = "POST", .body = large.data,
					.body_length = 20000 }, once);
		lose_connection((struct http_request){ .method = "POST", .body = large.data,
					.body_length = large.length }, once);
		lose_connection((struct http_request){ .method = "POST",
					.secret_body = secret_of("secret") }, once);
	}
	buf_done(&large);
}

/* What a sink got. */
struct sunk {
	struct buf data;
	size_t pieces;
	size_t refuse_after; /* 0: never */
};

static int on_piece(void *userdata, const char *data, size_t length)
{
	struct sunk *sunk = userdata;

	assert_true(length > 0);
	buf_append(&sunk->data, data, length);
	return ++sunk->pieces == sunk->refuse_after ? -EINVAL : 0;
}

static void test_sink(void **state)
{
	static const struct step script[] = { { .answer = OK("0123456789", "10") },
		{ .answer = "HTTP/1.1 400 No\r\nContent-Length: 5\r\n\r\nwords" },
		{ .answer = OK("0123456789", "10") }, { .answer = OK("0123", "10"), .close = true } };
	struct world *world = world_new(script, ARRAY_SIZE(script));
	struct sunk sunk = { .data = BUF_NULL };
	struct http_request request = { .method = "GET", .url = world->url, .sink = on_piece, .sink_userdata = &sunk };

	(void)start(world, &request);
	run_until_zero(world->event, &world->left);
	assert_string_equal(sunk.data.data, "0123456789");
	assert_string_equal(world->body, "");
	/* A refusal's words are the completion's. */
	buf_clear(&sunk.data);
	(void)start(world, &request);
	run_until_zero(world->event, &world->left);
	assert_string_equal(sunk.data.data, "");
	assert_string_equal(world->body, "words");
	/* The limit holds for what is not kept as well. */
	request.response_limit = 9;
	(void)start(world, &request);
	run_until_zero(world->event, &world->left);
	assert_int_equal(world->err.kind, ERROR_INVALID);
	/* What came of an answer that broke off came for nothing. */
	request.response_limit = 0;
	buf_clear(&sunk.data);
	(void)start(world, &request);
	run_until_zero(world->event, &world->left);
	assert_string_equal(sunk.data.data, "0123");
	assert_int_equal(world->err.kind, ERROR_RETRY);
	world_free(world);
	buf_done(&sunk.data);
}

static void test_sink_that_refuses(void **state)
{
	static const struct step script[] = { { .answer = OK("0123456789", "1000000") } };
	struct world *world = world_new(script, 1);
	struct sunk sunk = { .data = BUF_NULL, .refuse_after = 1 };

	(void)start(world, &(struct http_request){ .method = "GET", .url = world->url,
				   .sink = on_piece, .sink_userdata = &sunk });
	run_until_zero(world->event, &world->left);
	assert_int_equal(sunk.pieces, 1);
	assert_int_equal(world->err.kind, ERROR_RETRY);
	assert_false(http_never_sent(&world->err));
	world_free(world);
	buf_done(&sunk.data);
}

/* Idle connections are closed, and a new one serves what comes next. */
static void test_rest(void **state)
{
	static const struct step script[] = { { .answer = OK("x", "1") } };
	struct world *world = world_new(script, 1);
	struct http_call *call;

	get(world);
	call = start(world, &(struct http_request){ .method = "GET", .url = world->url });
	http_rest(world->http);
	assert_int_equal(world->server->open, 1);
	run_until_zero(world->event, &world->left);
	assert_non_null(call);
	http_rest(world->http);
	run_dry(world->event);
	assert_int_equal(world->server->open, 0);
	get(world);
	assert_int_equal(world->status, 200);
	assert_int_equal(http_connections(world->http), 2);
	world_free(world);
}

static void check_no_bundle(const char *path, int code, const char *text)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct http *http = NULL;
	sd_event *event;

	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(http_new(event, path, &http, &err), -EINVAL);
	assert_null(http);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, text);
	sd_event_unref(event);
}

static void test_ca_file(void **state)
{
	check_no_bundle("/nonexistent/ca.pem", ENOENT,
		"CA bundle '/nonexistent/ca.pem': No such file or directory");
	check_no_bundle("/dev/null/ca.pem", ENOTDIR, "CA bundle '/dev/null/ca.pem': Not a directory");
	check_no_bundle("/dev/null", 0, "CA bundle '/dev/null' holds no certificates in PEM");
	check_no_bundle("/proc/self/fd", 0,
		"CA bundle '/proc/self/fd' is a directory without certificates as openssl-rehash(1) leaves them");
}

static void test_url(void **state)
{
	static const struct {
		const char *text, *origin;
		bool local;
	} cases[] = {
		{ "https://acm.eu-west-1.amazonaws.com/", "https://acm.eu-west-1.amazonaws.com",
			false },
		{ "https://user:word@host:8443/x?y", "https://host:8443", false },
		{ "http://127.8.9.1:1/", "http://127.8.9.1:1", true },
		{ "http://LOCALHOST/", "http://LOCALHOST", true },
		{ "http://eu-west-1.localhost:1/", "http://eu-west-1.localhost:1", true },
		{ "http://notlocalhost/", "http://notlocalhost", false },
		{ "http://169.254.170.2/", "http://169.254.170.2", true },
		{ "http://169.253.170.2/", "http://169.253.170.2", false },
		{ "http://[::1]:2/", "http://[::1]:2", true },
		{ "http://[fd00:ec2::254]/", "http://[fd00:ec2::254]", true },
		{ "http://[2001:db8::1]/", "http://[2001:db8::1]", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(url_done) struct url url;

		assert_int_equal(url_read(cases[i].text, &url), 0);
		assert_string_equal(url.origin, cases[i].origin);
		assert_int_equal(url.local, cases[i].local);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_connection_is_reused),
		cmocka_unit_test(test_many_calls_share_connections),
		cmocka_unit_test(test_redirect_is_not_followed),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_proxy_refuses),
		cmocka_unit_test(test_proxy_is_down),
		cmocka_unit_test(test_nobody_is_there),
		cmocka_unit_test(test_proxy_is_not_asked_for_loopback),
		cmocka_unit_test(test_which_proxy),
		cmocka_unit_test(test_no_proxy),
		cmocka_unit_test(test_response_limit),
		cmocka_unit_test(test_room_is_shared),
		cmocka_unit_test(test_trailer_is_no_status),
		cmocka_unit_test(test_status_line),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_header_beyond_libcurl),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_no_http),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_bad_url),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_secret_body),
		cmocka_unit_test(test_dead_connection),
		cmocka_unit_test(test_sink),
		cmocka_unit_test(test_sink_that_refuses),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_ca_file),
		cmocka_unit_test(test_url),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
