/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/own.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "lib/os/fd.h"

/* All of 127.0.0.0/8 is here, whatever source its packets have. */
static bool is_loopback(const struct address *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address->socket;

	return in->sin_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
}

static bool is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

/* From where a packet to there would come: who sends to an address of its own sends from it.  A
 * socket for datagrams is given its source when it is connected, which sends nothing. */
bool address_is_own(const struct address *address)
{
	_cleanup_(fd_closep) int fd = -1;
	struct sockaddr_storage from = { 0 };
	socklen_t length = sizeof(from);

	if (is_loopback(address))
		return true;
	fd = socket(address->socket.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 &&
	       connect(fd, (const struct sockaddr *)&address->socket, address->length) == 0 &&
	       getsockname(fd, (struct sockaddr *)&from, &length) == 0 &&
	       is_same(&from, &address->socket);
}
