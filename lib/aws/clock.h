/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_CLOCK_H
#define LIB_AWS_CLOCK_H

/* AWS's clock, as far as its answers tell it; clock.c has aws_now() of aws.h, too.  Not for use outside lib/aws. */

#include <stdbool.h>

#include "lib/base/time.h"

struct aws_session;
struct http_response;

/* session_now(session): the time by which its requests are dated. */
usec_t session_now(const struct aws_session *session);

/**
 * aws_note_date(session, response, refused):
 * Learn from an answer's Date header: a clock that is more than a minute off is corrected, one
 * that is within 5 s of right is no longer.  When AWS ${refused} the time of a request, any
 * difference above 5 s counts.  An endpoint of the session's own corrects that session's requests
 * only, unless the identity keeps the time: whoever answers there is not to turn everybody's clock.
 */
void aws_note_date(struct aws_session *session, const struct http_response *response, bool refused);

#endif
