/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/starttls.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/base/printable.h"

/* More than any greeting or list of extensions. */
#define RECEIVED_LIMIT ((size_t)16 << 10)

/* So much of what a server said is shown. */
#define QUOTE_LENGTH 48

/* How to go on after a step: what is said in answer, NULL if TLS begins. */
struct line_step {
	const char *expect; /* the last line of an answer begins with this */
	const char *offer;  /* NULL, or a word of one of its lines */
	const char *say;
};

static const struct line_step smtp_steps[] = {
	{ "220", NULL, "EHLO [127.0.0.1]\r\n" },
	{ "250", "STARTTLS", "STARTTLS\r\n" },
	{ "220", NULL, NULL },
};

static const struct line_step imap_steps[] = {
	{ "* OK", NULL, "a STARTTLS\r\n" },
	{ "a OK", NULL, NULL },
};

static const struct line_step pop3_steps[] = {
	{ "+OK", NULL, "STLS\r\n" },
	{ "+OK", NULL, NULL },
};

static const struct line_step ftp_steps[] = {
	{ "220", NULL, "AUTH TLS\r\n" },
	{ "234", NULL, NULL },
};

/* LDAPMessage 1, ExtendedRequest of this name. */
static const char ldap_request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
				   "1.3.6.1.4.1.1466.20037";

#define LDAP_PROTOCOL_ERROR 2 /* it does not know StartTLS */

static const char postgres_request[] = "\x00\x00\x00\x08\x04\xd2\x16\x2f";

/* A packet of 32 bytes, the second of the connection: CLIENT_PROTOCOL_41, CLIENT_SSL,
 * CLIENT_SECURE_CONNECTION and CLIENT_PLUGIN_AUTH; at most 16 MiB; utf8; 23 zeros. */
static const char mysql_request[4 + 32] = "\x20\x00\x00\x01"
					  "\x00\x8a\x08\x00"
					  "\x00\x00\x00\x01"
					  "\x21";
#define MYSQL_CLIENT_SSL 0x08 /* of the second byte of the capabilities */

/* --- ends --- */

/* One line of ${data}, short, for people. */
static const char *quote(const char *data, size_t length, char text[static QUOTE_LENGTH + 1])
{
	size_t end = 0;

	/* strchr() finds a NUL, too. */
	while (end < length && end < QUOTE_LENGTH && !strchr("\r\n", data[end]))
		end++;
	memcpy(text, data, end);
	text[end] = '\0';
	return printable(text);
}

static enum starttls_state fail(struct starttls *talk, const char *why)
{
	(void)snprintf(talk->why, sizeof(talk->why), "%s", why);
	return STARTTLS_FAILED;
}

static enum starttls_state refused(struct starttls *talk, const char *line, size_t length)
{
	char text[QUOTE_LENGTH + 1];

	(void)snprintf(talk->why, sizeof(talk->why), "the server answers '%s'",
		quote(line, length, text));
	return STARTTLS_FAILED;
}

static enum starttls_state no_tls(struct starttls *talk)
{
	return fail(talk, "the server offers no TLS; its log can say why");
}

/* TLS begins with our hello: there is nothing to be received before it. */
static enum starttls_state ready(struct starttls *talk, size_t taken)
{
	if (talk->received.length > taken)
		return fail(talk, "the server goes on in clear after it agreed to TLS");
	return STARTTLS_READY;
}

/* --- smtp, imap, pop3, ftp: lines --- */

static const struct line_step *line_steps(enum starttls_protocol protocol)
{
	switch (protocol) {
	case STARTTLS_IMAP:
		return imap_steps;
	case STARTTLS_POP3:
		return pop3_steps;
	case STARTTLS_FTP:
		return ftp_steps;
	default:
		return smtp_steps;
	}
}

/* Does an answer end with this line? */
static bool is_last_line(const struct starttls *talk, const char *line, size_t length)
{
	if (talk->protocol == STARTTLS_POP3)
		return true;
	if (talk->protocol == STARTTLS_IMAP)
		return talk->step == 0 || line[0] != '*' || strncasecmp(line, "* BYE", 5) == 0;
	return length >= 3 && isdigit((unsigned char)line[0]) &&
	       isdigit((unsigned char)line[1]) && isdigit((unsigned char)line[2]) && line[3] != '-';
}

/* The last line of a complete answer at the beginning of what was received, and where it ends. */
static const char *last_line(const struct starttls *talk, size_t *ret_end)
{
	const char *line = talk->received.data, *end;

	while ((end = strchr(line, '\n'))) {
		*ret_end = (size_t)(end + 1 - talk->received.data);
		if (is_last_line(talk, line, (size_t)(end - line)))
			return line;
		line = end + 1;
	}
	return NULL;
}

static void drop(struct buf *buf, size_t length)
{
	struct buf rest = BUF_NULL;

	buf_append(&rest, buf->data + length, buf->length - length);
	buf_done(buf);
	*buf = rest;
}

static enum starttls_state receive_lines(struct starttls *talk, struct buf *send)
{
	const struct line_step *step = &line_steps(talk->protocol)[talk->step];
	size_t end;
	const char *line = last_line(talk, &end);

	if (!line)
		return STARTTLS_TALKING;
	if (strncasecmp(line, step->expect, strlen(step->expect)) != 0)
		return refused(talk, line, end - (size_t)(line - talk->received.data));
	if (step->offer && !strcasestr(talk->received.data, step->offer))
		return no_tls(talk);
	if (!step->say)
		return ready(talk, end);
	drop(&talk->received, end);
	buf_append_string(send, step->say);
	talk->step++;
	return STARTTLS_TALKING;
}

/* --- ldap --- */

/* The content of the element at *${at}, which is moved there; false: it is not all there, or has
 * another tag. */
static bool ber_enter(const struct buf *from, size_t *at, unsigned char tag, size_t *ret_length)
{
	const unsigned char *data = (const unsigned char *)from->data;
	size_t more, length;

	if (from->length < *at + 2 || data[*at] != tag)
		return false;
	length = data[*at + 1];
	*at += 2;
	if (length >= 0x80) {
		more = length & 0x7f;
		if (more > 4 || from->length < *at + more)
			return false;
		for (length = 0; more > 0; more--)
			length = length << 8 | data[(*at)++];
	}
	*ret_length = length;
	return length <= RECEIVED_LIMIT && from->length >= *at + length;
}

/* LDAPMessage { messageID, ExtendedResponse { resultCode, ... } }; a notice of disconnection has
 * the same form. */
static enum starttls_state receive_ldap(struct starttls *talk)
{
	const struct buf *from = &talk->received;
	size_t at = 0, length, end;

	if (from->data[0] != 0x30)
		return fail(talk, "the server's answer is not LDAP");
	if (!ber_enter(from, &at, 0x30, &length))
		return STARTTLS_TALKING;
	end = at + length;
	if (!ber_enter(from, &at, 0x02, &length))
		return fail(talk, "the server's answer is not LDAP");
	at += length;
	if (!ber_enter(from, &at, 0x78, &length) || !ber_enter(from, &at, 0x0a, &length) ||
		length != 1)
		return fail(talk, "the server's answer is not LDAP's to StartTLS");
	if (from->data[at] == 0)
		return ready(talk, end);
	if (from->data[at] == LDAP_PROTOCOL_ERROR)
		return no_tls(talk);
	(void)snprintf(talk->why, sizeof(talk->why),
		"the server refuses StartTLS with LDAP result %u; its log can say why",
		(unsigned char)from->data[at]);
	return STARTTLS_FAILED;
}

/* --- postgres, mysql --- */

static enum starttls_state receive_postgres(struct starttls *talk)
{
	if (talk->received.data[0] == 'S')
		return ready(talk, 1);
	if (talk->received.data[0] == 'N')
		return no_tls(talk);
	return fail(talk, "the server's answer is not PostgreSQL's to an SSLRequest");
}

/* The server greets: length (3 bytes), number, then version 10, its own version, the connection,
 * 8 bytes and a zero, capabilities.  Or it turns us away: 255, a number of two bytes, words. */
static enum starttls_state receive_mysql(struct starttls *talk, struct buf *send)
{
	const unsigned char *data = (const unsigned char *)talk->received.data;
	const size_t length = talk->received.length;
	size_t end, at, words;

	if (length < 5)
		return STARTTLS_TALKING;
	end = 4 + (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16);
	if (end > RECEIVED_LIMIT || (data[4] != 10 && data[4] != 255))
		return fail(talk, "the server's greeting is not MySQL's");
	if (length < end)
		return STARTTLS_TALKING;
	words = MIN(end, (size_t)7);
	if (data[4] == 255)
		return refused(talk, talk->received.data + words, end - words);
	at = 5 + strnlen(talk->received.data + 5, end - 5) + 1 + 4 + 8 + 1;
	if (at + 2 > end)
		return fail(talk, "the server's greeting is not MySQL's");
	if (!(data[at + 1] & MYSQL_CLIENT_SSL))
		return no_tls(talk);
	buf_append(send, mysql_request, sizeof(mysql_request));
	return ready(talk, end);
}

/* --- xmpp, nats --- */

static enum starttls_state receive_xmpp(struct starttls *talk, struct buf *send)
{
	const char *text = talk->received.data, *proceed;

	if (strstr(text, "<stream:error"))
		return fail(talk, "the server ends the stream: does it serve this server_name?");
	if (talk->step == 1) {
		if (strstr(text, "<failure"))
			return no_tls(talk);
		proceed = strstr(text, "<proceed");
		proceed = proceed ? strchr(proceed, '>') : NULL;
		return proceed ? ready(talk, (size_t)(proceed + 1 - text)) : STARTTLS_TALKING;
	}
	if (!strstr(text, "</stream:features>") && !strstr(text, "<stream:features/>"))
		return STARTTLS_TALKING;
	if (!strstr(text, "<starttls"))
		return no_tls(talk);
	buf_clear(&talk->received);
	buf_append_string(send, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	talk->step = 1;
	return STARTTLS_TALKING;
}

static enum starttls_state receive_nats(struct starttls *talk)
{
	const char *text = talk->received.data, *end = strchr(text, '\n');

	if (!end)
		return STARTTLS_TALKING;
	if (strncmp(text, "INFO ", 5) != 0)
		return refused(talk, text, talk->received.length);
	if (!strstr(text, "\"tls_required\":true") && !strstr(text, "\"tls_available\":true"))
		return no_tls(talk);
	return ready(talk, (size_t)(end + 1 - text));
}

/* --- all of them --- */

void starttls_begin(struct starttls *talk, enum starttls_protocol protocol, const char *domain,
	struct buf *send)
{
	*talk = (struct starttls){ .protocol = protocol, .received = BUF_NULL };
	if (protocol == STARTTLS_LDAP)
		buf_append(send, ldap_request, sizeof(ldap_request) - 1);
	else if (protocol == STARTTLS_POSTGRES)
		buf_append(send, postgres_request, sizeof(postgres_request) - 1);
	else if (protocol == STARTTLS_XMPP)
		buf_printf(send,
			"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
			"xmlns:stream='http://etherx.jabber.org/streams' to='%s' version='1.0'>",
			domain);
}

static enum starttls_state receive(struct starttls *talk, struct buf *send)
{
	switch (talk->protocol) {
	case STARTTLS_LDAP:
		return receive_ldap(talk);
	case STARTTLS_POSTGRES:
		return receive_postgres(talk);
	case STARTTLS_MYSQL:
		return receive_mysql(talk, send);
	case STARTTLS_XMPP:
		return receive_xmpp(talk, send);
	case STARTTLS_NATS:
		return receive_nats(talk);
	default:
		return receive_lines(talk, send);
	}
}

enum starttls_state starttls_receive(
	struct starttls *talk, const void *data, size_t length, struct buf *send)
{
	if (length == 0)
		return STARTTLS_TALKING;
	buf_append(&talk->received, data, length);
	if (talk->received.length > RECEIVED_LIMIT)
		return fail(talk, "the server's answer does not end");
	return receive(talk, send);
}

void starttls_done(struct starttls *talk)
{
	buf_done(&talk->received);
}

/* --- a server that speaks in clear where TLS was to begin --- */

/* What a protocol's server says first, or to what it does not understand. */
static const char *guess_protocol(const char *text)
{
	static const struct {
		const char *begin, *holds, *protocol;
	} signs[] = {
		{ "220", "FTP", "ftp" },
		{ "220", "", "smtp" },
		{ "* OK", "", "imap" },
		{ "+OK", "", "pop3" },
		{ "INFO {", "", "nats" },
		{ "<?xml", "", "xmpp" },
		{ "<stream", "", "xmpp" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (strncmp(text, signs[i].begin, strlen(signs[i].begin)) == 0 &&
			strcasestr(text, signs[i].holds))
			return signs[i].protocol;
	return NULL;
}

static bool is_mysql(const unsigned char *data, size_t length)
{
	return length > 4 && data[3] == 0 && (data[4] == 10 || data[4] == 255);
}

/* The types of TLS records with which a server can begin: alert and handshake. */
static bool is_tls(unsigned char type)
{
	return type == 0x15 || type == 0x16;
}

#define LOST "; if it served TLS here before, it has lost it, and its log can say why"

bool starttls_explain(const void *data, size_t length, char *why, size_t size)
{
	_cleanup_(freep) char *text = mem_strndup(data, length);
	const char *protocol = is_mysql(data, length) ? "mysql" : guess_protocol(text);
	/* Behind the packet's head and its kind. */
	const char *shown = (const char *)data + (is_mysql(data, length) ? 5 : 0);
	char said[QUOTE_LENGTH + 1];

	if (length == 0 || is_tls((unsigned char)text[0]))
		return false;
	quote(shown, length - (size_t)(shown - (const char *)data), said);
	if (strncmp(text, "HTTP/", 5) == 0)
		(void)snprintf(why, size, "the server speaks HTTP in clear, not TLS ('%s')" LOST,
			said);
	else if (protocol)
		(void)snprintf(why, size,
			"the server speaks in clear, not TLS ('%s'): set starttls: %s, if it must "
			"be asked for TLS" LOST, said, protocol);
	else
		(void)snprintf(why, size,
			"the server speaks in clear, not TLS ('%s'): does it need starttls: or "
			"proxy_protocol:?" LOST, said);
	return true;
}
