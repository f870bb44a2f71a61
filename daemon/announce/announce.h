/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ANNOUNCE_ANNOUNCE_H
#define DAEMON_ANNOUNCE_ANNOUNCE_H

/*
 * A change becomes a sentence in the journal, a row of the history, and a call of whoever listens.  What each event comes
 * to is one row of table.c.  Only here it is remembered what was said already: a trouble is said loudly when it begins, or
 * becomes another one, and quietly while it goes on.  Nobody can ask for that memory: what is true is in the states and in
 * the record, not in what was logged.
 *
 * Memory is taken by troubles that have begun and not ended, and by nothing else.
 */

#include "daemon/announce/about.h"
#include "daemon/model/change.h"

enum announce_phase {
	ANNOUNCE_HAPPENS, /* by itself */
	ANNOUNCE_BEGINS,  /* a trouble, or it is another one now */
	ANNOUNCE_REPEATS, /* it is there already */
	ANNOUNCE_ENDS,    /* it was there until now */
};

/* A change as those who listen hear of it; borrowed, for the call. */
struct announcement {
	const struct change_subject *subject;
	const struct change *change;
	enum announce_phase phase;
	const char *message_id; /* NULL: it has none */
	int level; /* at which it goes to the journal; negative: it does not */
	const char *sentence; /* "": it has none */
};

struct announce;

struct announce_request {
	usec_t (*now)(void); /* monotonic */
	/* A row of the history: "delivered" and so on, whom it is about, what else there is to say.  NULL: there is none. */
	void (*history)(void *userdata, const char *event, const char *subject, const char *text);
	void *userdata;
	bool once; /* the process ends by itself, so that no sentence may promise another try */
};

/* announce_new(request): nothing is begun.  announce_free(announce): returns NULL. */
struct announce *announce_new(const struct announce_request *request);
struct announce *announce_free(struct announce *announce);

/**
 * announce_change(announce, subject, change):
 * Say it, write it into the history, and tell those who listen, in this order.  ${subject} may be NULL: it is about the
 * daemon.  A history that announces something itself (that it cannot be written) is fine.
 */
void announce_change(struct announce *announce, const struct change_subject *subject, const struct change *change);

/* announce_changes(announce, subject, changes): each of them, in their order. */
void announce_changes(struct announce *announce, const struct change_subject *subject, const struct changes *changes);

/* announce_listen(announce, listener, userdata): it is called for each change from now on; it may not announce. */
void announce_listen(struct announce *announce,
	void (*listener)(void *userdata, const struct announcement *announcement), void *userdata);

/* announce_forget(announce, about, name): the subject is gone, and its troubles with it, unsaid; ${name} NULL: all of this
 * kind are. */
void announce_forget(struct announce *announce, enum announce_about about, const char *name);

/* announce_keep(announce, is_there, userdata): forget the troubles of all subjects that ${is_there} does not know. */
void announce_keep(struct announce *announce,
	bool (*is_there)(void *userdata, enum announce_about about, const char *name), void *userdata);

/* announce_remembers(announce): how many troubles it remembers: for tests of what it takes. */
size_t announce_remembers(const struct announce *announce);

#endif
