/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failed/post.h"

#include <stdbool.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/base/time.h"
#include "lib/http/http.h"
#include "lib/http/url.h"

#define TIMEOUT	   (15 * USEC_PER_SEC)
#define ANSWER_MAX ((size_t)64 << 10)

/* Before each try: 3 of 15 s and these pauses fit into the unit's TimeoutStartSec=. */
static const unsigned pauses[] = { 0, 2, 8 };

struct attempt {
	bool ended;
	long status; /* 0: no answer */
	struct error failure;
};

char *post_origin(const char *url)
{
	struct url parts;
	char *origin;

	if (url_read(url, &parts) < 0)
		return mem_strdup("");
	origin = take(parts.origin);
	url_done(&parts);
	return origin;
}

static void on_done(void *userdata, const struct http_response *response, const struct error *err)
{
	struct attempt *attempt = userdata;

	attempt->ended = true;
	if (response)
		attempt->status = response->status;
	else
		error_copy(&attempt->failure, err);
}

/* What the answer says, in ${err}. */
static int judge(const char *url, long status, struct error *err)
{
	_cleanup_(freep) char *origin = post_origin(url);
	bool passes = status == 429 || status >= 500;

	if (status >= 200 && status <= 299)
		return 0;
	return error_set(err, passes ? ERROR_RETRY : ERROR_DENIED, (int)status, "%s answered with HTTP %ld%s", origin,
		status, status >= 300 && status <= 399 ? ", a redirect, which is not followed" : "");
}

static int try_once(struct sd_event *event, struct http *http, const char *url, const char *json, struct error *err)
{
	char *headers[] = { (char *)"Content-Type: application/json", (char *)"User-Agent: certferry/" CERTFERRY_VERSION,
		NULL };
	const struct http_request request = {
		.method = "POST",
		.url = url,
		.headers = headers,
		.body = json,
		.body_length = strlen(json),
		.response_limit = ANSWER_MAX,
		.timeout = TIMEOUT,
	};
	struct attempt attempt = { .failure = ERROR_NULL };
	int r;

	(void)http_start(http, &request, on_done, &attempt);
	while (!attempt.ended)
		if (sd_event_run(event, UINT64_MAX) < 0)
			mem_exhausted();
	r = error_result(&attempt.failure);
	if (r == 0)
		return judge(url, attempt.status, err);
	error_move(err, &attempt.failure);
	return r;
}

int post_send(struct sd_event *event, struct http *http, const char *url, const char *json, struct error *err)
{
	_cleanup_(error_done) struct error failure = ERROR_NULL;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
		error_done(&failure);
		(void)sleep(pauses[i]);
		r = try_once(event, http, url, json, &failure);
		if (r == 0)
			return 0;
		if (failure.kind != ERROR_RETRY)
			break;
	}
	error_move(err, &failure);
	return r;
}
