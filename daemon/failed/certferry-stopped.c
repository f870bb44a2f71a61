/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certferry-stopped: systemd runs it after each end of certferryd.service (ExecStopPost=), as root and outside the
 * sandbox.  It counts the unclean ends, and starts certferry-failed.service where nothing else would.  It is a program
 * of its own to be small: it links no HTTP and no TLS, reads nothing but systemd's words and its own file, and a stop
 * or a restart waits for it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/failed/events.h"
#include "daemon/failed/message.h"
#include "daemon/failed/place.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/systemd/unit_now.h"

#define TELLER "certferry-failed.service"

/* The unit's TimeoutStopSec= is 10 s; whatever hangs, we are gone before. */
#define PATIENCE 6
#define BUS_TIMEOUT (2 * USEC_PER_SEC)

/* For the third time in ten minutes: have it told.  That it was, certferry-failed notes: until then each end comes here. */
static int tell(const struct ends *ends, struct error *err)
{
	int r;

	log_write(LOG_ERR, SAY_FAILED_LOOP, NULL,
		MESSAGE_UNIT " ended uncleanly %u times, %d of them within ten minutes (the last: %s %s); starting " TELLER
			     " to send a message",
		ends->count, ENDS_MANY, ends->last.result, ends->last.status);
	r = place_save(PLACE, PLACE_DUE, ends, err);
	return r < 0 ? r : unit_now_start(TELLER, BUS_TIMEOUT, err);
}

/* Both files are written whatever becomes of the other; the first failure counts. */
static int count(const struct end *end, struct error *err)
{
	struct ends ends = { 0 }, told = { 0 };
	enum ends_verdict verdict;
	int r;

	r = place_make(PLACE, geteuid(), err);
	if (r < 0)
		return r;
	(void)place_load(PLACE, PLACE_ENDS, &ends);
	(void)place_load(PLACE, PLACE_TOLD, &told);
	ends.told = told.told;
	verdict = ends_add(&ends, end, clock_boottime(), clock_now());
	if (verdict == ENDS_CLEAN)
		return 0;
	if (verdict == ENDS_FINAL)
		return place_save(PLACE, PLACE_DUE, &ends, err);
	if (verdict == ENDS_TELL)
		r = tell(&ends, err);
	if (r < 0)
		(void)place_save(PLACE, PLACE_ENDS, &ends, NULL);
	else
		r = place_save(PLACE, PLACE_ENDS, &ends, err);
	return r;
}

int main(void)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct end end;

	if (!getenv("SERVICE_RESULT")) {
		(void)fputs("certferry-stopped: only ExecStopPost= of " MESSAGE_UNIT " runs this\n", stderr);
		return 2;
	}
	(void)alarm(PATIENCE);
	(void)umask(0077);
	log_open("certferry-stopped", LOG_INFO);
	end_set(&end, getenv("SERVICE_RESULT"), getenv("EXIT_CODE"), getenv("EXIT_STATUS"));
	if (count(&end, &err) == 0)
		return 0;
	log_write(LOG_ALERT, SAY_FAILED_UNHEARD, NULL,
		"Failed to report that " MESSAGE_UNIT " ended uncleanly (%s %s): %s; nobody might notice. "
		"See 'systemctl status certferryd'",
		end.result, end.status, err.text);
	return 1;
}
