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

struct outcome {
	enum outcome_kind kind;
	enum hold hold;
	char *reason;	     /* WAITING: what it would change, or what to choose between; else NULL */
	struct error error;  /* FAILED */
	struct version version; /* DONE, UNCHANGED: what is there now */
	struct fingerprint anchor; /* DONE, UNCHANGED: bundle_anchor() of what is there now */
	bool wrote;	     /* a write was sent, whatever became of it */
	bool created;	     /* DONE: a new object was made (counts against ACM's yearly imports) */
};

/* outcome_done(outcome): release what it owns. */
void outcome_done(struct outcome *outcome);

#endif
