/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_WATCH_H
#define DAEMON_SOURCE_WATCH_H

/*
 * What is known of the source from one reading to the next, whatever its kind: the view, what
 * makes the next reading cheap, the reading under way, and when the next one is due.  It starts
 * readings and takes over what they find; when and why to read decides whoever owns it.
 */

#include "daemon/source/source.h"

struct source_watch;

struct source_watch_events {
	/* What is seen is another view now.  ${former} (NULL: it is the first) is good until this
	 * returns. */
	void (*on_view)(void *userdata, const struct source_view *former);
	/* What was listed is in the view, and from now on the versions are told, each as it
	 * comes. */
	void (*on_listed)(void *userdata);
	void (*on_version)(void *userdata, const struct source_certificate *certificate);
	/* The reading has ended: ${view} is to be given to source_watch_take(), NULL: all is as it
	 * was, or ${err}.  ${only}: of a check, the ARNs that it was about. */
	void (*on_ended)(void *userdata, enum source_reading reading, char *const *only,
		struct source_view *view, const struct error *err);
	/* The version of one is being read, as in source_read(); NULL: nobody cares. */
	void (*on_reading)(void *userdata, const struct source_certificate *certificate);
};

/* Read by all; changed by the functions below, but for what is said to be its owner's. */
struct source_watch {
	const struct source_watch_events *events;
	void *userdata;
	struct source_view *view; /* NULL until something was read */
	size_t view_size; /* source_view_size() of it */
	struct source_memory memory;
	struct source_view *remembered; /* what the record knew, until something was read */

	struct source_read *read; /* under way */
	enum source_reading reading;
	usec_t began; /* wall clock */
	bool tells; /* the versions are told one by one */
	char **only; /* a check: the ARNs that it is about, sorted */

	/* The owner's: */
	usec_t looked_at; /* last successful reading of all, wall clock */
	usec_t swept_at;
	usec_t next_look; /* monotonic */
	usec_t next_sweep;
	bool sweep_wanted;
	unsigned failures;
	struct error problem; /* why it could not be read the last time */
};

/* source_watch_init(watch, events, userdata), source_watch_done(watch): nothing is known yet; all
 * is released. */
void source_watch_init(
	struct source_watch *watch, const struct source_watch_events *events, void *userdata);
void source_watch_done(struct source_watch *watch);

/* source_watch_set_regions(watch, regions): taken over; nothing may be under way.  What was found out
 * of the same regions is kept. */
void source_watch_set_regions(struct source_watch *watch, char **regions);

/* source_watch_remember(watch, view): taken over: what the record knows of the source, of which
 * nothing was read yet. */
void source_watch_remember(struct source_watch *watch, struct source_view *view);

/* How a reading is begun. */
struct source_watch_order {
	enum source_reading reading;
	struct aws *aws;
	const struct desired *desired; /* borrowed until the end */
	char **only; /* a check, which needs a view: the ARNs that it is about, sorted; given */
	size_t only_count;
	usec_t now;
	usec_t since; /* a look */
};

/* source_watch_start(watch, order): nothing may be under way. source_watch_cancel(watch): no
 * event follows. */
void source_watch_start(struct source_watch *watch, const struct source_watch_order *order);
void source_watch_cancel(struct source_watch *watch);

/* source_watch_take(watch, view): taken over: what a reading has found.  As nearly always, that is
 * what is known, and then nothing moves; else on_view is called. */
void source_watch_take(struct source_watch *watch, struct source_view *view);

#endif
