/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_KIND_H
#define DAEMON_DEPENDENT_KIND_H

/*
 * What each kind of dependent gives to dependent.c.  The contracts are those of dependent.h.
 */

/* Circle with daemon/dependent/dependent.c: a kind is written in its words. */
#include "daemon/dependent/dependent.h"

/* A call of a kind begins with this, which dependent.c fills in. */
struct dependent_call {
	const struct dependent_kind *kind;
};

struct dependent_kind {
	struct dependent_words (*describe)(const struct desired_dependent *dependent);
	/* dependent_strengthen(), of the copy; NULL: never. */
	bool (*strengthen)(struct desired_dependent *dependent);
	struct dependent_call *(*look)(const struct dependent_host *host, const struct desired_dependent *dependent,
		dependent_look_fn done, void *userdata);
	struct dependent_verdict (*judge)(const struct desired_dependent *dependent, const struct dependent_seen *seen,
		const struct dependent_facts *facts);
	struct dependent_call *(*tell)(const struct dependent_host *host, const struct tell_request *request,
		dependent_tell_fn done, void *userdata);
	struct dependent_call *(*resume)(const struct dependent_host *host, const struct tell_request *request,
		dependent_tell_fn done, void *userdata);
	void (*cancel)(struct dependent_call *call); /* ends and releases it, which is never NULL */
	bool needs_bus;
};

/* A row a kind, by its enum dependent_number (kinds.c). */
extern const struct dependent_kind *const dependent_kinds[];

extern const struct dependent_kind systemd_kind;

#endif
