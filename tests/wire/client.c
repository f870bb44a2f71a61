/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client [KIND|- [SPOILING|- [POSITION]]]: every type of answer, spoiled in every way at every
 * position, read by the real client.  TAP on standard output, a line for each kind and way.
 *
 * A batch is one kind spoiled in one way, with a server and a client of its own.  Up to
 * ABREAST attempts are under way; what came of them is judged when all have ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>

#include "lib/aws/aws.h"
#include "lib/base/mem.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"
#include "tests/wire/kinds.h"
#include "tests/wire/server.h"
#include "tests/wire/spoil.h"

#define ABREAST	     100
#define BATCH_MAX    (300 * USEC_PER_SEC)
#define REQUEST_MAX  (31 * USEC_PER_SEC) /* 30, and what a busy machine adds */
#define FAILURES_SAID 4
#define ROLE "arn:aws:iam::222222222222:role/r"

struct try {
	struct attempt attempt; /* first: one is cast to the other */
	struct batch *batch;
	size_t position;
	struct spoiled spoiled;
	size_t requests;
	usec_t waited; /* the longest of its requests */
	bool impostor; /* it signed with credentials that nobody granted */
};

struct batch {
	const struct kind *kind;
	const struct spoiling *spoiling;
	const struct try *good; /* NULL: this is the good one itself */
	sd_event *event;
	struct server *server;
	struct aws *aws;
	struct aws_session *sessions[SERVER_DOORS];
	struct buf other;
	struct try **tries;
	size_t count, flying, only;
	bool one, exhausted;
	usec_t begin;
};

static size_t number, failures;

/* --- The server's side --- */

static struct try *find_try(const struct batch *batch, const char *text, const char *before)
{
	const char *found = strstr(text, before);
	size_t index = found ? strtoul(found + strlen(before), NULL, 10) : batch->count;

	return index < batch->count ? batch->tries[index] : NULL;
}

static bool is_granted(const char *request)
{
	return strstr(request, "Credential=ASIAIOSFODNN7EXAMPLE/") &&
	       strstr(request, "\r\nX-Amz-Security-Token: AQoDYXdzEPT//////////wEXAMPLE==\r\n");
}

static struct reply on_request(void *userdata, struct request *request)
{
	struct batch *batch = userdata;
	const struct kind *kind = batch->kind;
	bool marked = kind->mark && strstr(request->text, kind->mark);
	struct try *try = find_try(batch, request->path, "/w") ?: find_try(batch, request->text, "SessionName=w");
	const struct spoiled *spoiled;

	if (!try) {
		(void)fprintf(stderr, "a request of nobody's: %.300s\n", request->text);
		abort();
	}
	request->attempt = try;
	try->requests++;
	if (kind->mark && marked != kind->marked) {
		try->impostor |= kind->assumes && !is_granted(request->text);
		return (struct reply){ .data = batch->other.data, .length = batch->other.length };
	}
	spoiled = &try->spoiled;
	return (struct reply){ .data = spoiled->wire.data, .length = spoiled->wire.length,
		.pause = spoiled->pause, .drip = spoiled->drip, .ending = spoiled->ending };
}

static void on_left(void *userdata, void *attempt, usec_t waited)
{
	struct try *try = attempt;

	try->waited = MAX(try->waited, waited);
}

/* --- Attempts --- */

static void batch_fill(struct batch *batch);

static void on_end(struct attempt *attempt)
{
	struct try *try = (struct try *)attempt;

	try->batch->flying--;
	batch_fill(try->batch);
}

static struct aws_session *session_for(struct batch *batch, const struct attempt *attempt)
{
	size_t door = batch->count % SERVER_DOORS;
	_cleanup_(freep) char *url = mem_printf(
		"http://127.0.0.1:%d/{region}", server_port(batch->server, door));

	if (batch->kind->assumes)
		return aws_session_get(batch->aws,
			&(struct aws_identity){ .role_arn = ROLE,
				.role_session_name = attempt->region,
				.endpoint_url = url });
	if (!batch->sessions[door])
		batch->sessions[door] = aws_session_get(
			batch->aws, &(struct aws_identity){ .endpoint_url = url });
	return batch->sessions[door];
}

/* Starts the attempt of ${position}; false when there is none. */
static bool batch_start(struct batch *batch, size_t position)
{
	struct try *try = mem_new(struct try);
	struct attempt *attempt = &try->attempt;

	*try = (struct try){ .batch = batch, .position = position };
	try->spoiled.wire = BUF_NULL;
	*attempt = (struct attempt){ .kind = batch->kind, .told = BUF_NULL, .on_end = on_end };
	if (!batch->spoiling->spoil(batch->kind, position, &try->spoiled)) {
		buf_done(&try->spoiled.wire);
		free(try);
		return false;
	}
	(void)snprintf(attempt->region, sizeof(attempt->region), "w%zu", batch->count);
	attempt->session = session_for(batch, attempt);
	batch->tries = mem_resize(batch->tries, batch->count + 1, sizeof(*batch->tries));
	batch->tries[batch->count++] = try;
	batch->flying++;
	attempt->begin = clock_monotonic();
	attempt->kind->start(attempt);
	return true;
}

static void batch_fill(struct batch *batch)
{
	while (!batch->exhausted && batch->flying < ABREAST) {
		if (!batch_start(batch, batch->one ? batch->only : batch->count) || batch->one)
			batch->exhausted = true;
	}
}

static void put_other(struct batch *batch)
{
	buf_printf(&batch->other,
		"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: "
		"%zu\r\n\r\n%s",
		strlen(batch->kind->other), batch->kind->other);
}

static struct batch *batch_new(sd_event *event, const struct kind *kind,
	const struct spoiling *spoiling, const struct try *good, const size_t *position)
{
	struct batch *batch = mem_new(struct batch);
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *sts = NULL;

	*batch = (struct batch){ .kind = kind, .spoiling = spoiling, .good = good,
		.event = event, .other = BUF_NULL, .begin = clock_monotonic() };
	batch->one = position != NULL;
	batch->only = position ? *position : 0;
	batch->server = server_new(event,
		&(struct server_calls){ on_request, on_left, batch });
	sts = mem_printf("http://127.0.0.1:%d/", server_port(batch->server, 0));
	(void)setenv("AWS_ENDPOINT_URL_STS", sts, 1);
	if (kind->other)
		put_other(batch);
	if (aws_new(event, &batch->aws, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	batch_fill(batch);
	return batch;
}

static void batch_run(struct batch *batch)
{
	while (batch->flying && clock_monotonic() < batch->begin + BATCH_MAX)
		if (sd_event_run(batch->event, USEC_PER_SEC) < 0)
			abort();
}

static void try_free(struct try *try)
{
	buf_done(&try->spoiled.wire);
	buf_done(&try->attempt.told);
	error_done(&try->attempt.error);
	free(try);
}

/* Whatever is still under way would write into what is freed: the process ends then. */
static void batch_free(struct batch *batch)
{
	if (batch->flying)
		exit(1);
	batch->aws = aws_free(batch->aws);
	batch->server = server_free(batch->server);
	for (size_t i = 0; i < batch->count; i++)
		try_free(batch->tries[i]);
	free(batch->tries);
	buf_done(&batch->other);
	free(batch);
}

/* --- Judging --- */

/* A code that is an HTTP status is for the log; the others decide. */
static int decisive(int code)
{
	return code == AWS_CODE_UNKNOWN_OPERATION || code > 1000 ? code : 0;
}

static bool is_equal(const struct attempt *a, const struct attempt *b)
{
	return a->error.kind == b->error.kind &&
	       decisive(a->error.code) == decisive(b->error.code) &&
	       strcmp(a->told.data, b->told.data) == 0;
}

/* What was handed over before a failure was right as far as it went. */
static bool is_beginning(const struct attempt *attempt, const struct attempt *good)
{
	return strncmp(attempt->told.data, good->told.data, attempt->told.length) == 0;
}

static bool is_failure(const struct attempt *attempt)
{
	return attempt->error.kind == ERROR_RETRY &&
	       (!attempt->kind->once || attempt->error.code == AWS_CODE_AMBIGUOUS);
}

/* No success, and nothing that would be taken for AWS's word on what was asked about. */
static bool is_refusal(const struct attempt *attempt)
{
	return is_failure(attempt) ||
	       (!attempt->kind->once && (attempt->error.kind == ERROR_INVALID ||
						attempt->error.kind == ERROR_DENIED));
}

static const char *judge_outcome(const struct attempt *attempt, const struct attempt *good,
	const struct attempt *before, enum verdict verdict)
{
	bool partial = good->error.kind == ERROR_NONE && !is_beginning(attempt, good);

	switch (verdict) {
	case MUST_SUCCEED:
		return is_equal(attempt, good) ? NULL : "is not read as the good one is";
	case MUST_FAIL:
		if (!is_failure(attempt))
			return "is not taken for a failure that may pass";
		return partial ? "handed over what the good one does not say" : NULL;
	case MUST_REFUSE:
		if (!is_refusal(attempt))
			return "is not refused";
		return partial ? "handed over what the good one does not say" : NULL;
	case MAY_EQUAL:
		if (is_equal(attempt, good))
			return NULL;
		if (!is_refusal(attempt))
			return "is taken for an answer that it is not";
		return partial ? "handed over what the good one does not say" : NULL;
	case AS_BEFORE:
		if (before && before->error.kind == ERROR_NONE && !is_equal(attempt, before) &&
			!is_refusal(attempt))
			return "with null is not as without the member";
		return NULL;
	case MAY_DIFFER:
		return NULL;
	}
	return "has no verdict";
}

static const char *judge(const struct batch *batch, size_t index)
{
	const struct try *try = batch->tries[index];
	const struct attempt *before = index ? &batch->tries[index - 1]->attempt : NULL;

	if (!try->attempt.ended)
		return "did not end";
	if (try->impostor)
		return "had credentials read from it that it does not grant";
	if (try->waited > REQUEST_MAX)
		return "was waited for longer than 30 s";
	if (!batch->good)
		return NULL;
	return judge_outcome(
		&try->attempt, &batch->good->attempt, before, try->spoiled.verdict);
}

static void say_failure(const struct batch *batch, const struct try *try, const char *why)
{
	const struct attempt *attempt = &try->attempt;

	(void)printf("# %s %s %zu (%s) %s: %s %d %s\n#   told: %.300s\n", batch->kind->name,
		batch->spoiling->name, try->position, try->spoiled.what ?: "no name", why,
		error_kind_name(attempt->error.kind), attempt->error.code,
		attempt->error.text ?: "", attempt->told.data);
}

static void batch_judge(const struct batch *batch)
{
	size_t bad = 0;

	for (size_t i = 0; i < batch->count; i++) {
		const char *why = judge(batch, i);

		if (why && bad++ < FAILURES_SAID)
			say_failure(batch, batch->tries[i], why);
		else if (batch->one)
			say_failure(batch, batch->tries[i], "is right");
	}
	failures += bad > 0;
	(void)printf("%s %zu - %s_%s %zu of %zu\n", bad ? "not ok" : "ok", ++number,
		batch->spoiling->name, batch->kind->name, batch->count - bad, batch->count);
	(void)fflush(stdout);
}

/* --- All of them --- */

static bool not_spoiled(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	spoil_not(kind, &spoiled->wire);
	return position == 0;
}

static const struct spoiling good = { .name = "good", .spoil = not_spoiled };

/* The good answer must be what its name says, or nothing else means anything. */
static const struct try *check_good(struct batch *batch)
{
	const struct try *try = batch->tries[0];
	bool success = try->attempt.error.kind == ERROR_NONE;

	if (!try->attempt.ended || success != (batch->kind->status == 200)) {
		say_failure(batch, try, "good, is not read");
		exit(1);
	}
	return try;
}

static bool wanted(const char *name, const char *pattern)
{
	return !pattern || strcmp(pattern, "-") == 0 || strcmp(name, pattern) == 0;
}

static void prepare(void)
{
	struct rlimit files = { 4096, 4096 };
	bool locked;

	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "key", 1);
	(void)setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	(void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	(void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	(void)setenv("AWS_MAX_ATTEMPTS", "1", 1);
	if (secret_memory_init(&locked, NULL) < 0)
		exit(1);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : NULL, *way = argc > 2 ? argv[2] : NULL;
	size_t only = argc > 3 ? strtoul(argv[3], NULL, 10) : 0, slow_count = 0;
	_cleanup_(freep) struct batch **goods = mem_alloc(kind_count * sizeof(*goods));
	_cleanup_(freep) struct batch **slow = mem_alloc(kind_count * spoiling_count * sizeof(*slow));
	sd_event *event = NULL;

	prepare();
	if (sd_event_default(&event) < 0) /* lib/aws defers there */
		return 1;
	for (size_t i = 0; i < kind_count; i++) {
		goods[i] = batch_new(event, &kinds[i], &good, NULL, NULL);
		batch_run(goods[i]);
		(void)check_good(goods[i]);
	}
	/* What is slow goes on behind the others. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t k = 0; k < spoiling_count; k++)
			for (size_t i = 0; i < kind_count; i++) {
				const struct spoiling *spoiling = &spoilings[k];
				struct batch *batch;

				if (spoiling->slow != (pass == 0) || !wanted(kinds[i].name, kind) ||
					!wanted(spoiling->name, way))
					continue;
				batch = batch_new(event, &kinds[i], spoiling, goods[i]->tries[0],
					argc > 3 ? &only : NULL);
				if (spoiling->slow) {
					slow[slow_count++] = batch;
					continue;
				}
				batch_run(batch);
				if (batch->count)
					batch_judge(batch);
				batch_free(batch);
			}
	for (size_t i = 0; i < slow_count; i++) {
		batch_run(slow[i]);
		if (slow[i]->count)
			batch_judge(slow[i]);
		batch_free(slow[i]);
	}
	for (size_t i = 0; i < kind_count; i++)
		batch_free(goods[i]);
	sd_event_unref(event);
	(void)printf("1..%zu\n", number);
	return failures || !number ? 1 : 0;
}
