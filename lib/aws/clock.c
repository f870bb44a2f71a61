/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/client.h"
#include "lib/aws/session.h"
#include "lib/os/clock.h"

#define SKEW_IGNORED ((int64_t)(5 * USEC_PER_SEC))
#define SKEW_CORRECT ((int64_t)USEC_PER_MINUTE)
#define SKEW_TOLD    ((int64_t)(5 * USEC_PER_MINUTE)) /* beyond it AWS refuses signatures */

usec_t aws_now(const struct aws *aws)
{
	return (usec_t)((int64_t)clock_now() + aws->offset);
}

usec_t session_now(const struct aws_session *session)
{
	return session->own_clock ? (usec_t)((int64_t)clock_now() + session->offset) : aws_now(session->aws);
}

void aws_set_skew_callback(
	struct aws *aws, void (*callback)(void *userdata, int64_t offset), void *userdata)
{
	aws->skew_callback = callback;
	aws->skew_userdata = userdata;
}

/* Answers come faster than their dates change. */
static int read_date(struct aws *aws, const char *text, usec_t *ret_date)
{
	if (*text && strcmp(aws->date_text, text) == 0) {
		*ret_date = aws->date;
		return 0;
	}
	if (time_parse_http(text, ret_date) < 0)
		return -EINVAL;
	if (strlen(text) < sizeof(aws->date_text)) {
		(void)strcpy(aws->date_text, text);
		aws->date = *ret_date;
	}
	return 0;
}

void aws_note_date(struct aws_session *session, const struct http_response *response, bool refused)
{
	struct aws *aws = session->aws;
	int64_t *offset = session->own_clock ? &session->offset : &aws->offset;
	const char *text = http_response_header(response, "Date");
	usec_t date;
	int64_t difference;

	if (!text || read_date(aws, text, &date) < 0)
		return;
	/* The header has whole seconds: on average half of one has been cut off. */
	difference = (int64_t)(date + USEC_PER_SEC / 2) - (int64_t)clock_now();
	if (llabs(difference) > (refused ? SKEW_IGNORED : SKEW_CORRECT))
		*offset = difference;
	else if (llabs(difference) < SKEW_IGNORED)
		*offset = 0;
	if (session->own_clock)
		return;
	if (llabs(difference) < SKEW_TOLD)
		aws->offset_told = false;
	else if (aws->skew_callback && !aws->offset_told) {
		aws->offset_told = true;
		aws->skew_callback(aws->skew_userdata, difference);
	}
}
