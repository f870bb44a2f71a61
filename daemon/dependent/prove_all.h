/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_PROVE_ALL_H
#define DAEMON_DEPENDENT_PROVE_ALL_H

/* Proofs of several endpoints at a time, each by itself, told together. */

#include "daemon/dependent/prove.h"

struct prove_all;

/* prove_all_fn(userdata, seen): exactly once, never from inside prove_all_start(): what was seen at
 * each, in the order of the requests; borrowed until it returns. */
typedef void (*prove_all_fn)(void *userdata, const struct proof_seen *seen);

/* prove_all_start(event, requests, count, done, userdata): at least one; as prove_start() each. */
struct prove_all *prove_all_start(struct sd_event *event, const struct prove_request *requests,
	size_t count, prove_all_fn done, void *userdata);

/* prove_all_cancel(all): no callback after this returns.  NULL is fine; returns NULL. */
struct prove_all *prove_all_cancel(struct prove_all *all);

#endif
