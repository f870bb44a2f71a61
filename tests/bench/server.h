/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_SERVER_H
#define TESTS_BENCH_SERVER_H

/* What the server and its control path share. */

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/time.h"
#include "tests/bench/cloud.h"

/* One request as it was seen on the wire, in wall clock. */
struct trace_entry {
	usec_t begun; /* of a connection's first: when the connection was accepted; else received */
	usec_t received, answered; /* answered: when the last byte of it was given to the socket */
	unsigned connection;
	bool first; /* on its connection */
	short status;
	char account[13]; /* "" : not a role's */
	char operation[27];
};

#define TRACE_SIZE 65536

struct server {
	struct cloud *cloud;
	usec_t delay; /* of each answer */
	/* Of the AWS side alone: control connections are not counted. */
	unsigned long connections, open, handshakes, resumed, requests, reused;
	struct trace_entry trace[TRACE_SIZE]; /* the last ones, a ring */
	unsigned long traced;
};

/**
 * control(server, path, answer):
 * What a bench asks for, as JSON or text:
 *	/new?certificates=N&accounts=A&imported=1&...	another cloud in place of this one, all counters at 0; the
 *					parameters are the members of struct cloud_settings
 *	/renew?first=F&count=C		cloud_renew()
 *	/delay?ms=D			hold each answer back so long
 *	/counts				what happened since /new; cpu: microseconds of this process
 *	/trace				the requests since the last /trace: [received, answered, connection, first,
 *					status, account, operation, begun], at most TRACE_SIZE
 *	/import-body?index=I		an ImportCertificate request for the certificate
 *	/ca				the CA of the certificates
 * False: there is no such path.
 */
bool control(struct server *server, const char *path, struct buf *ret_answer);

#endif
