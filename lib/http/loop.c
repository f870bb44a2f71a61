/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "lib/base/time.h"
#include "lib/os/clock.h"

/* Idle connections that are kept, whatever their number in use. */
#define LOOP_POOL 64L

struct loop {
	struct sd_event *event;
	CURLM *multi;
	sd_event_source *timer;
	sd_event_source *drain; /* armed when a transfer may have ended */
	loop_done_fn done;
	void *userdata;
};

/* sd-event refuses only for lack of memory what is asked of it here. */
static void must(int result)
{
	if (result < 0)
		mem_exhausted();
}

static int on_drain(sd_event_source *source, void *userdata)
{
	struct loop *loop = userdata;
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
	return 0;
}

static void loop_act(struct loop *loop, curl_socket_t socket, int events)
{
	int running;

	/* What a transfer suffers is in its own result; the multi handle's is of no use. */
	(void)curl_multi_socket_action(loop->multi, socket, events, &running);
	must(sd_event_source_set_enabled(loop->drain, SD_EVENT_ONESHOT));
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	int select = 0;

	if (events & (EPOLLIN | EPOLLHUP))
		select |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		select |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		select |= CURL_CSELECT_ERR;
	loop_act(userdata, fd, select);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	loop_act(userdata, CURL_SOCKET_TIMEOUT, 0);
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
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_source)
{
	struct loop *loop = userdata;
	sd_event_source *source = socket_source;

	if (what == CURL_POLL_REMOVE) {
		/* libcurl may close the descriptor next: it must leave the epoll set now. */
		if (source)
			(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
		sd_event_source_unref(source);
		(void)curl_multi_assign(loop->multi, fd, NULL);
		return 0;
	}
	if (source) {
		must(sd_event_source_set_io_events(source, epoll_events(what)));
		return 0;
	}
	must(sd_event_add_io(loop->event, &source, fd, epoll_events(what), on_io, loop));
	(void)sd_event_source_set_description(source, "http-socket");
	(void)curl_multi_assign(loop->multi, fd, source);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION: libcurl wants to be called in ${timeout} ms, or (-1) not at all. */
static int on_timeout(CURLM *multi, long timeout, void *userdata)
{
	struct loop *loop = userdata;

	if (timeout < 0) {
		must(sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF));
		return 0;
	}
	must(sd_event_source_set_time(
		loop->timer, clock_monotonic() + (usec_t)timeout * USEC_PER_MSEC));
	must(sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT));
	return 0;
}

static void loop_arm(struct loop *loop)
{
	must(sd_event_add_time(loop->event, &loop->timer, CLOCK_MONOTONIC, 0, 1, on_timer, loop));
	must(sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF));
	(void)sd_event_source_set_description(loop->timer, "http-timer");
	must(sd_event_add_defer(loop->event, &loop->drain, on_drain, loop));
	must(sd_event_source_set_enabled(loop->drain, SD_EVENT_OFF));
	(void)sd_event_source_set_description(loop->drain, "http-drain");
}

struct loop *loop_new(struct sd_event *event, loop_done_fn done, void *userdata)
{
	struct loop *loop = mem_new(struct loop);

	*loop = (struct loop){ .event = sd_event_ref(event), .done = done, .userdata = userdata };
	loop->multi = curl_multi_init();
	if (!loop->multi)
		mem_exhausted();
	loop_arm(loop);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, LOOP_POOL);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
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

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	/* Closing the pool calls on_socket() and on_timeout() once more. */
	(void)curl_multi_cleanup(loop->multi);
	sd_event_source_disable_unref(loop->timer);
	sd_event_source_disable_unref(loop->drain);
	sd_event_unref(loop->event);
	free(loop);
	return NULL;
}
