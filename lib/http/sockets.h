/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_SOCKETS_H
#define LIB_HTTP_SOCKETS_H

/*
 * The epoll set of libcurl's sockets.  A connection leaves it when its answer is complete, so that one that its other
 * end closes while it is idle wakes nobody.  Where an answer brings about the next request it would be back at once:
 * within a turn of the loop it may stay, idle, and what is still idle at the end of the turn is taken out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockets {
	int epoll;
	struct socket *table; /* by descriptor */
	size_t room;
	int *idle; /* those that were left in the set, some of which may be in use again */
	size_t idle_count, idle_room;
};

/* sockets_init(sockets): an empty set. */
void sockets_init(struct sockets *sockets);

/* sockets_opened(sockets, fd), sockets_closing(sockets, fd): ${fd} is a connection's from now on, and no longer.  Only
 * of connections is the end told, so nothing else may stay in the set. */
void sockets_opened(struct sockets *sockets, int fd);
void sockets_closing(struct sockets *sockets, int fd);

/* sockets_watch(sockets, fd, events): wait for ${events}, EPOLLIN or EPOLLOUT or both. */
void sockets_watch(struct sockets *sockets, int fd, uint32_t events);

/* sockets_drop(sockets, fd, may_stay): libcurl waits for nothing; ${may_stay}: sockets_settle() is to come. */
void sockets_drop(struct sockets *sockets, int fd, bool may_stay);

/* sockets_settle(sockets): take out what is idle. */
void sockets_settle(struct sockets *sockets);

void sockets_done(struct sockets *sockets);

#endif
