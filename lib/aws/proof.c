/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/proof.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/client.h"
#include "lib/aws/clock.h"
#include "lib/aws/compose.h"
#include "lib/aws/session.h"
#include "lib/aws/sigv4.h"
#include "lib/pki/secret.h"

#define GLOBAL_HOST   "sts.amazonaws.com"
#define GLOBAL_REGION "us-east-1"
#define FORM_TYPE     "application/x-www-form-urlencoded; charset=utf-8"
#define FORM	      "Action=GetCallerIdentity&Version=2011-06-15"

struct aws_prove {
	struct aws_session *session;
	struct session_waiter waiter;
	struct sd_event_source *begin; /* never from inside aws_prove_start() */
	char *region, *host;
	char *header, *value; /* or NULL */
	aws_prove_fn done;
	void *userdata;
};

static void prove_free(struct aws_prove *prove)
{
	session_leave(&prove->waiter);
	sd_event_source_disable_unref(prove->begin);
	free(prove->region);
	free(prove->host);
	free(prove->header);
	free(prove->value);
	free(prove);
}

static void finish(struct aws_prove *prove, const struct aws_proof *proof, const struct error *err)
{
	prove->done(prove->userdata, proof, err);
	prove_free(prove);
}

/* The headers, each a list of one value. */
struct lines {
	const struct aws_prove *prove;
	const char *date, *signature;
	const struct secret *token; /* or NULL */
};

static void write_headers(struct compose *c, const void *data)
{
	const struct lines *lines = data;

	compose_string(c, "Host", lines->prove->host);
	compose_string(c, "Content-Type", FORM_TYPE);
	compose_string(c, "X-Amz-Date", lines->date);
	if (lines->token)
		compose_text(c, "X-Amz-Security-Token", secret_borrow(lines->token), secret_length(lines->token));
	if (lines->prove->header)
		compose_string(c, lines->prove->header, lines->prove->value);
	compose_string(c, "Authorization", lines->signature);
}

static char *lower(const char *text)
{
	char *copy = mem_strdup(text);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static char *sign(const struct aws_prove *prove, struct credentials *credentials, const char *date, usec_t time)
{
	_cleanup_(freep) char *name = prove->header ? lower(prove->header) : NULL;
	char hash[SIGV4_HASH_SIZE];
	struct sigv4_request signing = {
		.access_key_id = credentials->key_id,
		.secret_key = credentials->secret_key,
		.region = prove->region,
		.service = "sts",
		.time = time,
		.method = "POST",
		.path = "/",
		.query = "",
		.headers = {
			{ "content-type", FORM_TYPE },
			{ "host", prove->host },
			{ "x-amz-date", date },
		},
		.payload_hash = hash,
		.cache = &credentials->signing,
	};
	struct sigv4_header *next = signing.headers + 3;

	sigv4_hash(FORM, strlen(FORM), hash);
	if (credentials->token)
		*next++ = (struct sigv4_header){ "x-amz-security-token", secret_borrow(credentials->token) };
	if (name)
		*next = (struct sigv4_header){ name, prove->value };
	return sigv4_authorization(&signing);
}

static void make_proof(struct aws_prove *prove)
{
	struct credentials *credentials = prove->session->credentials;
	usec_t time = session_now(prove->session);
	_cleanup_(freep) char *signature = NULL, *url = mem_printf("https://%s/", prove->host);
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(secret_freep) struct secret *headers = NULL;
	char date[SIGV4_DATE_SIZE];
	struct lines lines = { .prove = prove, .date = sigv4_date(time, date), .token = credentials->token };

	if (!credentials->secret_key) {
		(void)error_set(&err, ERROR_DENIED, 0, "anonymous credentials prove nobody");
		finish(prove, NULL, &err);
		return;
	}
	lines.signature = signature = sign(prove, credentials, date, time);
	if (compose(write_headers, &lines, &headers, &err) < 0) {
		finish(prove, NULL, &err);
		return;
	}
	finish(prove, &(struct aws_proof){ .method = "POST", .url = url, .body = FORM, .headers = headers }, NULL);
}

static void on_credentials(void *userdata, const struct error *err)
{
	struct aws_prove *prove = userdata;

	if (err)
		finish(prove, NULL, err);
	else
		make_proof(prove);
}

static int on_begin(sd_event_source *source, void *userdata)
{
	struct aws_prove *prove = userdata;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = session_check(prove->session, &err);

	if (r < 0)
		finish(prove, NULL, &err);
	else if (r == 0)
		session_wait(prove->session, &prove->waiter, prove->region);
	else
		make_proof(prove);
	return 0;
}

struct aws_prove *aws_prove_start(struct aws_session *session, const struct aws_prove_request *request, aws_prove_fn done,
	void *userdata)
{
	const char *region = request->region;
	struct aws_prove *prove = mem_new(struct aws_prove);

	*prove = (struct aws_prove){
		.session = session,
		.region = mem_strdup(region ?: GLOBAL_REGION),
		.host = region ? mem_printf("sts.%s.amazonaws.com%s", region, strncmp(region, "cn-", 3) == 0 ? ".cn" : "")
			       : mem_strdup(GLOBAL_HOST),
		.header = mem_strdup(request->header),
		.value = mem_strdup(request->value),
		.done = done,
		.userdata = userdata,
	};
	prove->waiter = (struct session_waiter){ .wake = on_credentials, .userdata = prove };
	if (sd_event_add_defer(session->aws->event, &prove->begin, on_begin, prove) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(prove->begin, "aws-proof");
	return prove;
}

struct aws_prove *aws_prove_cancel(struct aws_prove *prove)
{
	if (prove)
		prove_free(prove);
	return NULL;
}
