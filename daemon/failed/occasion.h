/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FAILED_OCCASION_H
#define DAEMON_FAILED_OCCASION_H

/*
 * Why certferry-failed.service was started, and so what it tells.  Pure.  OnFailure= starts it, certferry-stopped does,
 * or a person who tries it.  From systemd 254 on, a unit that Restart= starts again passes through the state "failed",
 * so that OnFailure= comes with each end: those are counted, and not told one by one.
 */

#include <stdbool.h>

#include "daemon/failed/message.h"

struct unit;

struct occasion {
	const struct ends *due;	 /* what certferry-stopped has noted to be told, or NULL */
	bool by_failure;	 /* systemd says that the last run of the unit failed ($MONITOR_SERVICE_RESULT) */
	bool just_counted;	 /* an end was counted within the last minute: it may run again already */
	const struct end *end;	 /* how it ended, as systemd says with that; empty words otherwise */
	const struct unit *unit; /* the unit as it is now, or NULL where it could not be read */
	usec_t now;		 /* wall clock */
};

/* occasion_judge(occasion, message): is there something to tell?  Then ${message} is filled but for its host. */
bool occasion_judge(const struct occasion *occasion, struct message *message);

#endif
