/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_ROOM_H
#define DAEMON_ACTOR_ROOM_H

/* What the actors may have in flight at once, all together; conductor/limits.h adds it up with
 * what the others take. */

#include <stddef.h>

#include "lib/pki/secret.h"

/* What is in flight at once: runs, each with a bundle, and the deliveries in all of them, each
 * with the body of a request. Runs that wait for places alone that give no answer or are slow leave
 * their turn to others, up to as many in all.  A slow place joins one only while there are few
 * such, so that a run each for many of them does not take all.  Few export at once (transfers_room.h). */
#define RUNS_AT_ONCE	64
#define RUNS_IN_ALL	96
#define RUNS_SLOW	(RUNS_IN_ALL - RUNS_AT_ONCE)
#define EXPORTS_AT_ONCE 8
#define CARRIED_AT_ONCE 208 /* two for each of a hundred places */
#define BUNDLE_ROOM	((size_t)8 << 10)
#define BODY_ROOM	((size_t)16 << 10)
_Static_assert(RUNS_IN_ALL * BUNDLE_ROOM + CARRIED_AT_ONCE * BODY_ROOM <= SECRET_HEAP_SIZE,
	"what is in flight must fit the locked memory");

/* Deliveries in all looks at places, those that answer and all of them; a look takes about so
 * much for each. */
#define LOOKED_AT_ONCE 8192
#define LOOKED_IN_ALL  16384
#define LOOKED_ROOM    ((size_t)1 << 10)

#endif
