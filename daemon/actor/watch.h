/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_WATCH_H
#define DAEMON_ACTOR_WATCH_H

/*
 * The source, read when it is due: a look at what has changed, a sweep of all there is, or a check
 * of some certificates that somebody waits for.  What it shows goes into the inventory.
 */

#include "daemon/inventory/inventory.h"
#include "daemon/source/watch.h"

struct watch;

struct watch_host {
	struct inventory *inventory;
	const struct destination_context *context; /* of the AWS client; borrowed */
	/* The source shows ${view} from now on (it is the next one's former then); ${former},
	 * NULL at first, is good until this returns.  The world may be another one by it. */
	void (*on_view)(void *userdata, const struct source_view *view, const struct source_view *former);
	/* The ARNs of certificates that somebody waits to be read, sorted, ${ret_count} of them;
	 * NULL: none.  Given. */
	char **(*wanted)(void *userdata, size_t *ret_count);
	/* A reading begins; its versions are told one by one from now on; one of them has been
	 * read, or could not be; it has ended, with ${err} or NULL; it was cancelled. */
	void (*on_begins)(void *userdata, enum source_reading reading);
	void (*on_tells)(void *userdata);
	void (*on_read)(void *userdata, const struct tracked_certificate *certificate);
	/* The version of one of few is being read, which was listed as ${listed}.  NULL: nobody cares. */
	void (*on_reading)(void *userdata, const struct tracked_certificate *certificate,
		const struct source_certificate *listed);
	void (*on_ended)(void *userdata, enum source_reading reading, const struct error *err);
	void (*on_cancelled)(void *userdata);
	void *userdata;
};

/* watch_new(host): ${host} is copied; nothing is due until watch_set_regions(), and then a
 * sweep.  watch_free(watch): returns NULL; what it showed is gone. */
struct watch *watch_new(const struct watch_host *host);
struct watch *watch_free(struct watch *watch);

/* watch_set_regions(watch, regions): where the source is read (given; NULL: nowhere), the
 * present world being that of its configuration.  Nothing may be under way. */
void watch_set_regions(struct watch *watch, char **regions);

/* watch_due(watch): start the reading that is due, if none is under way. */
void watch_due(struct watch *watch);

/* watch_cancel(watch): end the reading under way, if there is one. */
void watch_cancel(struct watch *watch);

/* watch_want_sweep(watch): read all of it as soon as possible.  watch_bring_forward(watch, look,
 * sweep): look at ${look} at the latest, and at all of it at ${sweep} (monotonic).
 * watch_look_now(watch): it may have changed. */
void watch_want_sweep(struct watch *watch);
void watch_bring_forward(struct watch *watch, usec_t look, usec_t sweep);
void watch_look_now(struct watch *watch);

/* watch_read_next(watch, arn): let the reading under way, which tells its versions, read this
 * one next; false: it does not, or not any more. */
bool watch_read_next(struct watch *watch, const char *arn);

/* watch_wants_sweep(watch): is one wanted, and not begun? */
bool watch_wants_sweep(const struct watch *watch);

/* What is known of the source, as of now. */
struct watch_shown {
	bool reading; /* one is under way, and whether it is a sweep: */
	bool sweeping;
	bool tells; /* the versions are told one by one */
	usec_t looked_at, swept_at; /* wall clock; 0: never */
	usec_t next_look, next_sweep; /* monotonic */
	const char *problem; /* why it could not be read the last time, borrowed; NULL: it could */
	char *const *regions; /* borrowed; NULL: none */
};

/* watch_show(watch): a copy; its texts are good until the source is read again. */
struct watch_shown watch_show(const struct watch *watch);

#endif
