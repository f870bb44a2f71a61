/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_CLIENT_H
#define LIB_AWS_CLIENT_H

/* What the parts of the client share.  Not for use outside lib/aws. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/aws/aws.h"
#include "lib/http/http.h"

struct lanes;
struct profiles;

TAILQ_HEAD(aws_sessions, aws_session);
TAILQ_HEAD(aws_calls, aws_call);
TAILQ_HEAD(aws_shares, aws_share);

/* Made and freed by life.c. */
struct aws {
	struct sd_event *event;
	struct http *http;
	struct profiles *profiles;
	char *profile; /* AWS_DEFAULT_PROFILE, AWS_PROFILE or "default" */
	char *region; /* or NULL */
	struct aws_sessions sessions;
	struct lanes *lanes;
	struct aws_shares shares; /* of the room for what is kept of listings, all that have any */
	struct aws_calls begun; /* calls that were started in this turn of the loop */
	struct sd_event_source *begin; /* armed while there are any */
	unsigned turn;
	unsigned attempts; /* AWS_MAX_ATTEMPTS, or max_attempts of ${profile} */
	bool attempts_fixed; /* by the environment, whatever profiles say */
	int64_t offset; /* what AWS's clock is ahead of ours */
	bool offset_told;
	char date_text[32]; /* the last one that an answer had */
	usec_t date; /* which is that */
	void (*skew_callback)(void *userdata, int64_t offset);
	void *skew_userdata;
	void (*heard_callback)(void *userdata);
	void *heard_userdata;
};

/* calls_begin(aws): make the first step of those that have begun. */
void calls_begin(struct aws *aws);

#endif
