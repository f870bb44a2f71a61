/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/loop.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "lib/base/time.h"
#include "lib/http/sockets.h"
#include "lib/os/clock.h"

/*
 * The sockets are in an epoll set of our own, of which sd-event knows as one: it would go to the
 * kernel again for each socket that is ready, and with 256 of them that shows.
 */

/* Idle connections that are kept, whatever their number in use. */
#define LOOP_POOL 256L

/* Sockets that are served before the other sources of the event loop get their turn, and rounds
 * of requests that follow at once from completions. */
#define LOOP_BATCH  64
#define LOOP_ROUNDS 4

struct loop {
	CURLM *multi;
	struct sockets sockets;
	sd_event_source *ready; /* some of them */
	sd_event_source *timer; /* at timer_at or off */
	sd_event_source *kick; /* libcurl wants to be called at once */
	usec_t timer_at; /* USEC_INFINITY: off */
	usec_t wanted_at; /* what libcurl wants: never before timer_at */
	bool kicked;
	bool turning; /* loop_turn() is to come, and looks at kicked and for idle sockets by itself */
	loop_done_fn done;
	void *userdata;
};

/* sd-event refuses only for lack of memory what is asked of them here. */
static void must(int result)
{
	if (result < 0)
		mem_exhausted();
}

static void loop_drain(struct loop *loop)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left))) {
		/* The message dies with the removal. */
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		loop_remove(loop, easy);
		loop->done(loop->userdata, easy, result);
	}
}

/* What a transfer suffers is in its own result; the multi handle's is of no use. */
static void loop_act(struct loop *loop, curl_socket_t socket, int events)
{
	int running;

	(void)curl_multi_socket_action(loop->multi, socket, events, &running);
}

/* Hands out what has ended, and starts what was asked for meanwhile. */
static void loop_turn(struct loop *loop)
{
	loop_drain(loop);
	for (int i = 0; loop->kicked && i < LOOP_ROUNDS; i++) {
		loop->kicked = false;
		loop_act(loop, CURL_SOCKET_TIMEOUT, 0);
		loop_drain(loop);
	}
	loop->turning = false;
	if (loop->kicked)
		must(sd_event_source_set_enabled(loop->kick, SD_EVENT_ONESHOT));
	else
		sockets_settle(&loop->sockets);
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct loop *loop = userdata;
	struct epoll_event events[LOOP_BATCH];
	int count = epoll_wait(loop->sockets.epoll, events, LOOP_BATCH, 0);

	loop->turning = true;
	for (int i = 0; i < count; i++) {
		int select = 0;

		if (events[i].events & (EPOLLIN | EPOLLHUP))
			select |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			select |= CURL_CSELECT_OUT;
		if (events[i].events & EPOLLERR)
			select |= CURL_CSELECT_ERR;
		/* One that was closed meanwhile or is idle is not known, which does no harm. */
		loop_act(loop, events[i].data.fd, select);
	}
	loop_turn(loop);
	return 0;
}

static int on_kick(sd_event_source *source, void *userdata)
{
	struct loop *loop = userdata;

	loop->turning = loop->kicked = true;
	loop_turn(loop);
	return 0;
}

static void loop_set_timer(struct loop *loop, usec_t at)
{
	loop->timer_at = at;
	if (at == USEC_INFINITY) {
		must(sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF));
		return;
	}
	must(sd_event_source_set_time(loop->timer, at));
	must(sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT));
}

static int on_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	struct loop *loop = userdata;

	loop->timer_at = USEC_INFINITY;
	if (clock_monotonic() < loop->wanted_at) {
		loop_set_timer(loop, loop->wanted_at);
		return 0;
	}
	loop->turning = loop->kicked = true;
	loop_turn(loop);
	return 0;
}

/*
 * CURLMOPT_TIMERFUNCTION: libcurl wants to be called in ${timeout} ms, or (-1) not at all.  Almost
 * every request moves the time further out, so a timer that is set too early is left to run out
 * and is then set anew: once in a while instead of with each request.
 */
static int on_timeout(CURLM *multi, long timeout, void *userdata)
{
	struct loop *loop = userdata;

	if (timeout == 0) {
		loop->kicked = loop->turning;
		if (!loop->turning)
			must(sd_event_source_set_enabled(loop->kick, SD_EVENT_ONESHOT));
		return 0;
	}
	loop->wanted_at = timeout < 0 ? USEC_INFINITY
				      : clock_monotonic() + (usec_t)timeout * USEC_PER_MSEC;
	if (timeout < 0 || loop->wanted_at < loop->timer_at)
		loop_set_timer(loop, loop->wanted_at);
	return 0;
}

static uint32_t epoll_events(int what)
{
	switch (what) {
	case CURL_POLL_IN:
		return EPOLLIN;
	case CURL_POLL_OUT:
		return EPOLLOUT;
	case CURL_POLL_INOUT:
		return EPOLLIN | EPOLLOUT;
	default:
		return 0;
	}
}

/* CURLMOPT_SOCKETFUNCTION: libcurl wants to know of ${fd}, or no longer. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *known)
{
	struct loop *loop = userdata;

	if (what == CURL_POLL_REMOVE)
		sockets_drop(&loop->sockets, fd, loop->turning);
	else
		sockets_watch(&loop->sockets, fd, epoll_events(what));
	return 0;
}

static void loop_arm(struct loop *loop, struct sd_event *event)
{
	sockets_init(&loop->sockets);
	must(sd_event_add_io(event, &loop->ready, loop->sockets.epoll, EPOLLIN, on_ready, loop));
	(void)sd_event_source_set_description(loop->ready, "http-sockets");
	must(sd_event_add_time(event, &loop->timer, CLOCK_MONOTONIC, 0, 1, on_timer, loop));
	must(sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF));
	(void)sd_event_source_set_description(loop->timer, "http-timer");
	must(sd_event_add_defer(event, &loop->kick, on_kick, loop));
	must(sd_event_source_set_enabled(loop->kick, SD_EVENT_OFF));
	(void)sd_event_source_set_description(loop->kick, "http-kick");
	loop->timer_at = loop->wanted_at = USEC_INFINITY;
}

static void loop_open(struct loop *loop)
{
	loop->multi = curl_multi_init();
	if (!loop->multi)
		mem_exhausted();
	(void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, LOOP_POOL);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
}

struct loop *loop_new(struct sd_event *event, loop_done_fn done, void *userdata)
{
	struct loop *loop = mem_new(struct loop);

	*loop = (struct loop){ .done = done, .userdata = userdata };
	loop_arm(loop, event);
	loop_open(loop);
	return loop;
}

void loop_add(struct loop *loop, CURL *easy)
{
	CURLMcode result = curl_multi_add_handle(loop->multi, easy);

	if (result == CURLM_OUT_OF_MEMORY)
		mem_exhausted();
	/* Anything else is a handle added twice or a call from inside libcurl. */
	assert(result == CURLM_OK);
}

void loop_remove(struct loop *loop, CURL *easy)
{
	(void)curl_multi_remove_handle(loop->multi, easy);
}

void loop_opened(struct loop *loop, int fd)
{
	sockets_opened(&loop->sockets, fd);
}

void loop_closing(struct loop *loop, int fd)
{
	sockets_closing(&loop->sockets, fd);
}

void loop_close_connections(struct loop *loop)
{
	/* There is no other way to close what is idle. */
	(void)curl_multi_cleanup(loop->multi);
	loop_open(loop);
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	/* Closing the pool calls on_socket() and on_timeout() once more. */
	(void)curl_multi_cleanup(loop->multi);
	sd_event_source_disable_unref(loop->ready);
	sd_event_source_disable_unref(loop->timer);
	sd_event_source_disable_unref(loop->kick);
	sockets_done(&loop->sockets);
	free(loop);
	return NULL;
}
