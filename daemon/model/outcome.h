/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_OUTCOME_H
#define DAEMON_MODEL_OUTCOME_H

/* What came of a step. */

#include "daemon/model/hold.h"
#include "daemon/model/version.h"

enum outcome_kind {
	OUTCOME_DONE,	   /* written and read back */
	OUTCOME_UNCHANGED, /* it was there already */
	OUTCOME_WAITING,   /* held, see hold and reason */
	OUTCOME_FAILED,	   /* see error */
};

/* How programs find what is there: what came of it with the write, where they are found by names
 * (files). */
enum shown_change {
	SHOWN_AS_BEFORE,
	SHOWN_BECAME_DIRECTORY, /* it was a link: who watches it watches what is not there any more */
	SHOWN_STAYS_LINK, /* it cannot become a directory */
};

struct shown_news {
	enum shown_change change;
	char *path; /* of the directory or link; NULL: as before */
	struct error why; /* STAYS_LINK */
};

struct outcome {
	enum outcome_kind kind;
	enum hold hold;
	char *reason;	     /* WAITING: what it would change, or what to choose between; else NULL */
	struct error error;  /* FAILED */
	struct version version; /* DONE, UNCHANGED: what is there now */
	struct fingerprint anchor; /* DONE, UNCHANGED: bundle_anchor() of what is there now */
	bool wrote;	     /* a write was sent, whatever became of it */
	bool created;	     /* DONE: a new object was made (counts against ACM's yearly imports) */
	struct shown_news shown; /* whatever became of the write */
};

/* shown_news_copy(to, from): into an empty one. */
void shown_news_copy(struct shown_news *to, const struct shown_news *from);

/* shown_news_done(news): release what it owns.  For _cleanup_(shown_news_done). */
void shown_news_done(struct shown_news *news);

/* outcome_done(outcome): release what it owns. */
void outcome_done(struct outcome *outcome);

#endif
