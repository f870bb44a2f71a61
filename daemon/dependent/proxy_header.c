/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>

/* One end of the connection. */
struct end {
	const void *bytes;
	size_t size;
	uint16_t port; /* as the network writes it */
	char text[INET6_ADDRSTRLEN];
};

static struct end end_of(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	struct end end;

	if (address->ss_family == AF_INET6)
		end = (struct end){ &v6->sin6_addr, sizeof(v6->sin6_addr), v6->sin6_port, "" };
	else
		end = (struct end){ &v4->sin_addr, sizeof(v4->sin_addr), v4->sin_port, "" };
	(void)inet_ntop(address->ss_family, end.bytes, end.text, sizeof(end.text));
	return end;
}

/* Section 2.1: text. */
static void header_v1(const struct end *from, const struct end *to, char family, struct buf *send)
{
	buf_printf(send, "PROXY TCP%c %s %s %u %u\r\n", family, from->text, to->text,
		ntohs(from->port), ntohs(to->port));
}

/* Section 2.2: a signature, version 2 and PROXY, the family and a stream, the length of what
 * follows. */
static void header_v2(const struct end *from, const struct end *to, char family, struct buf *send)
{
	static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";
	size_t length = 2 * from->size + 2 * sizeof(from->port);
	const char rest[] = { 0x21, family == '6' ? 0x21 : 0x11, 0, (char)length };

	buf_append(send, signature, sizeof(signature));
	buf_append(send, rest, sizeof(rest));
	buf_append(send, from->bytes, from->size);
	buf_append(send, to->bytes, to->size);
	buf_append(send, &from->port, sizeof(from->port));
	buf_append(send, &to->port, sizeof(to->port));
}

void proxy_header(enum proxy_protocol version, const struct sockaddr_storage *from,
	const struct sockaddr_storage *to, struct buf *send)
{
	const struct end ours = end_of(from), theirs = end_of(to);
	char family = to->ss_family == AF_INET6 ? '6' : '4';

	if (version == PROXY_V1)
		header_v1(&ours, &theirs, family, send);
	else if (version == PROXY_V2)
		header_v2(&ours, &theirs, family, send);
}
