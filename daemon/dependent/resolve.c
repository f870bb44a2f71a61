/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <systemd/sd-event.h>

#include "lib/os/file.h"

/*
 * The question is shared with the thread that answers it.  The thread writes list, count and
 * failure, then says so on the eventfd; nobody reads them before.  A thread cannot be called off
 * while it is inside getaddrinfo(): who gives up first leaves the other to clean up.
 */
struct question {
	atomic_int references;
	int done; /* eventfd */
	char *host;
	char *port;
	struct address list[RESOLVE_LIMIT];
	size_t count;
	int failure; /* EAI_... */
};

struct resolve {
	struct question *question;
	struct sd_event_source *answer;
	resolve_fn on_done;
	void *userdata;
};

char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	bool is_v6 = address->socket.ss_family == AF_INET6;

	if (getnameinfo((const struct sockaddr *)&address->socket, address->length, host,
		    sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)snprintf(text, ADDRESS_TEXT_SIZE, "?");
	else
		(void)snprintf(
			text, ADDRESS_TEXT_SIZE, is_v6 ? "[%.64s]:%.8s" : "%.64s:%.8s", host, port);
	return text;
}

static void question_unref(struct question *question)
{
	if (atomic_fetch_sub(&question->references, 1) > 1)
		return;
	fd_close(question->done);
	free(question->host);
	free(question->port);
	free(question);
}

static int question_ask(struct question *question, const char *host, int flags)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | flags,
	};
	struct addrinfo *list;
	int r;

	r = getaddrinfo(host, question->port, &hints, &list);
	if (r != 0)
		return r;
	for (const struct addrinfo *item = list; item; item = item->ai_next) {
		struct address *address = &question->list[question->count];

		if (question->count == RESOLVE_LIMIT)
			break;
		memcpy(&address->socket, item->ai_addr, item->ai_addrlen);
		address->length = item->ai_addrlen;
		question->count++;
	}
	freeaddrinfo(list);
	return 0;
}

static void question_answered(struct question *question, int failure)
{
	question->failure = failure;
	(void)eventfd_write(question->done, 1);
}

static void *resolve_thread(void *argument)
{
	struct question *question = argument;
	int r;

	/* No IPv6 addresses for a host that has none itself; but a host that has only loopback
	 * addresses, which do not count as having any, may still name them in /etc/hosts. */
	r = question_ask(question, question->host, AI_ADDRCONFIG);
	if (r != 0)
		r = question_ask(question, question->host, 0);
	question_answered(question, r);
	question_unref(question);
	return NULL;
}

/* The signals of the program belong to its loop. */
static int thread_start(struct question *question)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int r;

	atomic_fetch_add(&question->references, 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attributes, resolve_thread, question);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		atomic_fetch_sub(&question->references, 1);
	return r;
}

static int on_answered(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct resolve *resolve = userdata;
	struct question *question = resolve->question;
	resolve_fn done = resolve->on_done;
	void *done_userdata = resolve->userdata;

	atomic_fetch_add(&question->references, 1);
	resolve_cancel(resolve);
	if (question->count > 0)
		done(done_userdata, question->list, question->count, NULL);
	else
		done(done_userdata, NULL, 0,
			question->failure ? gai_strerror(question->failure) : "no address");
	question_unref(question);
	return 0;
}

static void resolve_ask(struct question *question)
{
	int r;

	if (strcmp(question->host, "localhost") == 0) {
		(void)question_ask(question, "127.0.0.1", AI_NUMERICHOST);
		question_answered(question, question_ask(question, "::1", AI_NUMERICHOST));
		return;
	}
	r = question_ask(question, question->host, AI_NUMERICHOST);
	if (r == EAI_NONAME && thread_start(question) == 0)
		return;
	question_answered(question, r == EAI_NONAME ? EAI_AGAIN : r);
}

struct resolve *resolve_start(
	struct sd_event *event, const char *host, const char *port, resolve_fn done, void *userdata)
{
	struct resolve *resolve = mem_new(struct resolve);
	struct question *question = mem_new(struct question);

	atomic_init(&question->references, 1);
	question->host = mem_strdup(host);
	question->port = mem_strdup(port);
	question->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	resolve->question = question;
	resolve->on_done = done;
	resolve->userdata = userdata;
	/* Out of descriptors is as bad as out of memory, and as rare. */
	if (question->done < 0 || sd_event_add_io(event, &resolve->answer, question->done, EPOLLIN,
					  on_answered, resolve) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(resolve->answer, "resolve-answer");
	resolve_ask(question);
	return resolve;
}

struct resolve *resolve_cancel(struct resolve *resolve)
{
	if (!resolve)
		return NULL;
	sd_event_source_disable_unref(resolve->answer);
	question_unref(resolve->question);
	free(resolve);
	return NULL;
}
