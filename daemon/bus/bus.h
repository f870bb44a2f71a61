/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUS_BUS_H
#define DAEMON_BUS_BUS_H

/*
 * The D-Bus interface: name org.certferry1, path /org/certferry1, interface org.certferry1.Manager.
 *
 *	WriteStatus(h socket, s name, a{sv} options)	JSON, see daemon/report/report.h, into ${socket}: of the delivery ${name}
 *				or what is below it, of the certificates so called (with a match, of its entry), or ("") of all
 *				with all dependents; option "summary" b
 *	WritePlan(h socket, a{sv} options)	JSON, the same way; no options yet
 *	WriteCandidates(h socket, a{sv} options)	JSON, the same way; no options yet
 *	Status() -> s, Plan() -> s, Candidates() -> s	the same as one text, for what fits into 1 MiB
 *	Sync(s name) -> u	a job; name: a certificate, a delivery, or what stands before a slash in the names of
 *				several; "" is everything; ends with JobDone, when what it is about has come to rest
 *	Approve(s delivery) -> u	how many holds were approved; "" is all but those that need their name
 *	signal JobDone(u job, i exit_status, s json)	json: Status() as of then, of what the job was about; of more than
 *				256 deliveries its summary
 *	property Version s
 *	properties that emit PropertiesChanged, which comes once a second at most, with all that have changed:
 *		Certificates u, Deliveries u, InPlace u, Held u, Failing u	how many; the last three are of deliveries, and
 *				InPlace counts those that hold a certificate, be it an older one
 *		DependentsFailing u
 *		LastPoll t, LastFullScan t	when the source was last read, in part or in whole, in microseconds since 1970; 0: never
 *		NextPoll t, NextFullScan t	when it is read next; 0: not planned
 *		SourceProblem s, StateDatabaseProblem s	why it cannot be read, or nothing be begun; "": no problem
 *		ConfigurationProblem s	why the files are not what is in use; "": they are
 *		EventQueue s	"off", "waiting", "listening" or "failing"
 *
 * A socket is one end of socketpair(AF_UNIX, SOCK_STREAM); the answer is whole when its JSON is, and is cut off when 10 s
 * pass in which the other end does not take 64 KiB.  A connection gets one answer at a time, all together eight: more is
 * org.certferry1.Error.Failed (daemon/bus/answer.h).
 *
 * The bus policy admits root and group certferry-admin only; Sync and Approve also ask polkit (org.certferry1.sync;
 * org.certferry1.approve, or org.certferry1.approve-trust where that is what waits by this name), which fails closed.
 */

#include "daemon/bus/handlers.h"

struct bus;
struct bus_properties;
struct sd_bus;
struct sd_event;

/* What became of the connection, and of the name; a try that fails again is heard of again. */
enum bus_event {
	BUS_LOST,	  /* there is no bus, for the reason that comes with it */
	BUS_CONNECTED,
	BUS_NAME_REFUSED, /* the name is not given, for the reason that comes with it */
	BUS_NAMED,
};

/**
 * bus_new(event, handlers, hear, userdata):
 * Connect to the system bus (DBUS_SYSTEM_BUS_ADDRESS is honoured) and ask for the name; both go on in
 * the background: when there is no bus or the name is refused, ${hear} is told so, perhaps before
 * this returns, and it is tried again every minute.  Never fails.  ${handlers} may be NULL: only a
 * connection for dependents, no name.
 */
struct bus *bus_new(struct sd_event *event, const struct bus_handlers *handlers,
	void (*hear)(void *userdata, enum bus_event event, const char *why), void *userdata);

/* bus_connection(bus): the connection, or NULL while there is none; borrowed until the next return to
 * the event loop.  It may still be connecting: calls wait in it until it has, or fail with it. */
struct sd_bus *bus_connection(struct bus *bus);

/* bus_retry(bus): try now what would be tried within a minute (an operator asked for a reload). */
void bus_retry(struct bus *bus);

/* bus_job_done(bus, job, exit_status, json): emit JobDone. */
void bus_job_done(struct bus *bus, uint32_t job, int exit_status, const char *json);

/* bus_show(bus, values): the properties are ${values} from now on; copied. */
void bus_show(struct bus *bus, const struct bus_properties *values);

/* bus_free(bus): returns NULL. */
struct bus *bus_free(struct bus *bus);

DEFINE_CLEANUP(struct bus *, bus_free);

#endif
