/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/mem.h"

struct socket {
	uint32_t events; /* as the set has it, 0: not in it */
	bool connection, idle;
};

void sockets_init(struct sockets *sockets)
{
	*sockets = (struct sockets){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
	if (sockets->epoll < 0)
		mem_exhausted();
}

static struct socket *socket_get(struct sockets *sockets, int fd)
{
	size_t room = MAX((size_t)fd + 1, 2 * sockets->room);

	if ((size_t)fd >= sockets->room) {
		sockets->table = mem_resize(sockets->table, room, sizeof(*sockets->table));
		memset(sockets->table + sockets->room, 0, (room - sockets->room) * sizeof(*sockets->table));
		sockets->room = room;
	}
	return &sockets->table[fd];
}

static void socket_leave(struct sockets *sockets, int fd)
{
	struct socket *socket = socket_get(sockets, fd);

	(void)epoll_ctl(sockets->epoll, EPOLL_CTL_DEL, fd, NULL);
	socket->events = 0;
	socket->idle = false;
}

void sockets_opened(struct sockets *sockets, int fd)
{
	*socket_get(sockets, fd) = (struct socket){ .connection = true };
}

void sockets_closing(struct sockets *sockets, int fd)
{
	if (socket_get(sockets, fd)->idle)
		socket_leave(sockets, fd);
	socket_get(sockets, fd)->connection = false;
}

void sockets_watch(struct sockets *sockets, int fd, uint32_t events)
{
	struct socket *socket = socket_get(sockets, fd);
	struct epoll_event event = { .events = events, .data.fd = fd };
	int r = 0;

	if (!socket->idle || socket->events != events)
		r = epoll_ctl(sockets->epoll, socket->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	/* A descriptor that was closed has left the set by itself; its number may be another's. */
	if (r < 0 && socket->events && errno == ENOENT)
		r = epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, fd, &event);
	/* epoll refuses only for lack of memory what is asked of it here. */
	if (r < 0)
		mem_exhausted();
	socket->events = events;
	socket->idle = false;
}

void sockets_drop(struct sockets *sockets, int fd, bool may_stay)
{
	struct socket *socket = socket_get(sockets, fd);

	if (!may_stay || !socket->connection) {
		socket_leave(sockets, fd);
		return;
	}
	socket->idle = true;
	if (sockets->idle_count == sockets->idle_room) {
		sockets->idle_room = MAX(2 * sockets->idle_room, (size_t)16);
		sockets->idle = mem_resize(sockets->idle, sockets->idle_room, sizeof(*sockets->idle));
	}
	sockets->idle[sockets->idle_count++] = fd;
}

void sockets_settle(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->idle_count; i++)
		if (socket_get(sockets, sockets->idle[i])->idle)
			socket_leave(sockets, sockets->idle[i]);
	sockets->idle_count = 0;
}

void sockets_done(struct sockets *sockets)
{
	(void)close(sockets->epoll);
	free(sockets->table);
	free(sockets->idle);
	*sockets = (struct sockets){ .epoll = -1 };
}
