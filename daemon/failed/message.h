/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FAILED_MESSAGE_H
#define DAEMON_FAILED_MESSAGE_H

/*
 * What people are told of certferryd.service, as a sentence, a text, a mail and JSON.  Pure.  Nothing in it comes from
 * the daemon's configuration, log or state database: those have names of accounts and hosts, and this leaves the house.
 */

#include "daemon/failed/ends.h"

#define MESSAGE_UNIT "certferryd.service"

enum message_occasion {
	MESSAGE_DEAD, /* the unit has failed, and systemd does not start it again */
	MESSAGE_LOOP, /* it ends uncleanly again and again, and systemd starts it each time */
	MESSAGE_TRY,  /* somebody tries whether the message arrives */
};

struct message {
	enum message_occasion occasion;
	const char *host;
	struct ends ends; /* not for MESSAGE_TRY; times may be 0, for not known */
	usec_t now;	  /* wall clock */
};

/* message_summary(message): one sentence without a full stop, fit for a subject and for the log.  The caller owns it,
 * as what the next ones return. */
char *message_summary(const struct message *message);

/* message_text(message): the sentence, what it means and what to do; lines of text, a line break at the end. */
char *message_text(const struct message *message);

/* message_mail(message, recipients): a mail as sendmail -t takes it, to ${recipients} (one at least). */
char *message_mail(const struct message *message, char *const *recipients);

/* message_json(message): {"format": 1, "host", "unit", "occasion", "result", "exit_status", "count", "first", "last",
 * "time", "summary", "text"}; null for what is not known. */
char *message_json(const struct message *message);

#endif
