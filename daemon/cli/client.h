/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_CLIENT_H
#define DAEMON_CLI_CLIENT_H

/*
 * The other end of the daemon's D-Bus interface (daemon/bus/bus.h), for a program that waits.  What
 * goes wrong is said in plain sentences, with code CLIENT_UNREACHABLE when the daemon cannot be
 * reached or refuses the caller.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

enum {
	CLIENT_UNREACHABLE = 5001,
	CLIENT_TIMEOUT = 5002, /* the job goes on */
	CLIENT_CUT = 5003, /* an answer that is not whole */
};

struct client;

/* client_open(client, err): connect to the system bus (DBUS_SYSTEM_BUS_ADDRESS is honoured). */
int client_open(struct client **ret_client, struct error *err);

struct client_question {
	const char *method; /* WriteStatus, WritePlan or WriteCandidates */
	const char *name; /* WriteStatus: of what alone; NULL: all */
	bool summary; /* WriteStatus: summed up */
};

/* client_ask(client, question, fd, err): ${ret_fd}, which the caller closes, is a socket from which the answer is read; it
 * fails with EAGAIN when nothing comes for too long. */
int client_ask(struct client *client, const struct client_question *question, int *ret_fd, struct error *err);

/* client_order(client, method, delivery, number, err): Sync or Approve; ${delivery} NULL: all.  Where a
 * person sits at the terminal, polkit may ask for a password. */
int client_order(struct client *client, const char *method, const char *delivery,
	uint32_t *ret_number, struct error *err);

/**
 * client_wait(client, job, timeout, exit, json, err):
 * Wait for the end of ${job}, which client_order() began on this ${client}.  The caller owns
 * ${ret_json}.  CLIENT_UNREACHABLE when the daemon ends before the job does.
 */
int client_wait(struct client *client, uint32_t job, usec_t timeout, int *ret_exit, char **ret_json,
	struct error *err);

/* client_version(client, version, err): the daemon's; the caller owns it. */
int client_version(struct client *client, char **ret_version, struct error *err);

/* client_free(client): NULL is fine; returns NULL. */
struct client *client_free(struct client *client);

DEFINE_CLEANUP(struct client *, client_free);

#endif
