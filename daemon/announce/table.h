/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ANNOUNCE_TABLE_H
#define DAEMON_ANNOUNCE_TABLE_H

/* What each event comes to.  No I/O, no memory of what was said. */

#include <syslog.h>

#include "daemon/announce/about.h"
#include "daemon/model/change.h"

/* In place of a level: it does not go to the journal. */
#define SILENT (-1)

/* Troubles: what begins and ends. */
enum matter {
	MATTER_NONE,
	MATTER_BUS,
	MATTER_BUS_NAME,
	MATTER_RECORD,
	MATTER_SOURCE,
	MATTER_SIZE, /* of what the source lists */
	MATTER_QUEUE,
	MATTER_MESSAGE, /* of the queue, that is not understood */
	MATTER_ENTRY,
	MATTER_UNIT,
	MATTER_REFUSAL,
	MATTER_EXPORT,
	MATTER_DELIVERY,
	MATTER_HOLD,
	MATTER_EXPIRY,
	MATTER_DEADLINE,
	MATTER_PROOF,
	MATTER_QUOTA,
	MATTER_TAG,
	MATTER_LINK, /* where the file system cannot make it a directory: the same for all that lies there */
	MATTER_TELLING,
	MATTER_SERVING,
	MATTERS, /* how many there are */
};

enum effect {
	HAPPENS,
	BEGINS,
	ENDS,
};

/* What of a change has to be the same as before for the trouble to be the same. */
enum sameness {
	SAME_MATTER, /* nothing: any other of its matter is the same */
	SAME_KIND, /* of the error */
	SAME_WORDS,
	SAME_HOLD,
	SAME_TOTAL,
	SAME_EVENT,
};

struct announce_row {
	const char *message_id;
	int level; /* when it happens or begins, or ends what was said */
	int repeats; /* BEGINS: while it goes on; ENDS: when nothing was said that it ends */
	enum matter matter;
	enum effect effect;
	enum sameness same;
	usec_t again; /* a trouble that goes on is said loudly again after so long; 0: never */
	bool lasting; /* ENDS: it is remembered, so that it is not said before that when it begins again */
	enum matter also[2]; /* other matters that it ends, unsaid */
	const char *sentence; /* see sentence.h */
	const char *history; /* its event there, or NULL */
	const char *history_text; /* a sentence, too */
};

/* announce_row(event): never NULL. */
const struct announce_row *announce_row(enum change_event event);

/* matter_about(matter): whom it is about. */
enum announce_about matter_about(enum matter matter);

#endif
