/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUS_HANDLERS_H
#define DAEMON_BUS_HANDLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/model/approval.h"
#include "lib/base/buf.h"
#include "lib/base/error.h"

enum bus_subject {
	BUS_STATUS,
	BUS_PLAN,
	BUS_CANDIDATES,
};

/* What somebody wants to see. */
struct bus_question {
	enum bus_subject subject;
	const char *name; /* of a status: what belongs to it alone; "": all */
	bool summary; /* of a status: summed up */
};

/* What the bus asks of the conductor. */
struct bus_handlers {
	/* begin_text(userdata, question, text, err): a text that answers ${question}, to be made piece by piece;
	 * ERROR_ABSENT when there is nothing of that name.
	 * more_text(text, to): add the next piece to ${to}, a little at a time (well below a millisecond's work and
	 * 64 KiB, where that can be; perhaps nothing yet); false: that was all.
	 * end_text(text): release it, at any time. */
	int (*begin_text)(
		void *userdata, const struct bus_question *question, void **ret_text, struct error *err);
	bool (*more_text)(void *text, struct buf *to);
	void (*end_text)(void *text);
	int (*sync)(void *userdata, const char *delivery, uint32_t *ret_job, struct error *err);
	/* approval(userdata, name): what approving ${name} ("": all) needs: its sender is asked for the right to that first.
	 * approve(userdata, name, most, who, count, err): ${who} approves it, and may give ${most} at most. */
	enum approval (*approval)(void *userdata, const char *name);
	int (*approve)(void *userdata, const char *name, enum approval most, const char *who, uint32_t *ret_count,
		struct error *err);
	/* Once, from the loop: the name was given or refused, or there is no bus, or it has not
	 * answered within 5 s.  From here on a client finds the daemon if it ever will soon.  May be
	 * NULL. */
	void (*answered)(void *userdata);
};

#endif
