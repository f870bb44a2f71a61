/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_STARTTLS_H
#define DAEMON_DEPENDENT_STARTTLS_H

/*
 * What is said in clear before TLS: a protocol's own words that ask for it.  Values alone: who has
 * the connection sends what is to be sent, and hands in what it receives.
 *
 * smtp RFC 3207, imap and pop3 RFC 2595, ftp RFC 4217, ldap RFC 4511 section 4.14, xmpp RFC 6120
 * section 5, postgres "SSLRequest" (PostgreSQL, Message Formats), mysql "SSLRequest" (MySQL and
 * MariaDB, connection phase), nats "INFO" (NATS client protocol).
 */

#include "daemon/model/desired.h"
#include "lib/base/buf.h"

enum starttls_state {
	STARTTLS_TALKING, /* more is to be received */
	STARTTLS_READY,	  /* TLS begins, once what is to be sent is sent */
	STARTTLS_FAILED,  /* see why */
};

struct starttls {
	enum starttls_protocol protocol;
	unsigned step;
	struct buf received; /* and not understood yet */
	char why[160];
};

/**
 * starttls_begin(talk, protocol, domain, send):
 * Begin ${talk}, which starttls_done() releases; what the client says first, if it does, is added
 * to ${send}.  ${domain} is whom XMPP speaks to: a name or an address.
 */
void starttls_begin(struct starttls *talk, enum starttls_protocol protocol, const char *domain,
	struct buf *send);

/**
 * starttls_receive(talk, data, length, send):
 * What comes of ${data}; what the client says to it is added to ${send}.  Not to be called any more
 * once the state is another than TALKING.
 */
enum starttls_state starttls_receive(
	struct starttls *talk, const void *data, size_t length, struct buf *send);

void starttls_done(struct starttls *talk);

/**
 * starttls_explain(data, length, why, size):
 * ${data} is what a server said where TLS was to begin.  False: it is TLS, or nothing.  True: it is
 * something else, and ${why} says in one sentence what that means and what to do.
 */
bool starttls_explain(const void *data, size_t length, char *why, size_t size);

#endif
