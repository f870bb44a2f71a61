/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/starttls.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/dependent/proxy_header.h"
#include "lib/base/mem.h"

/* Texts with their NULs. */
#define BYTES(text) { text, sizeof(text) - 1 }

/* What the server says, and what the client says to it. */
struct turn {
	struct { const char *data; size_t length; } server, client;
};

/* The words before, and then turns; after the last of them it ends. */
struct dialogue {
	const char *what;
	enum starttls_protocol protocol;
	struct turn turns[4]; /* the first one's server says nothing */
	enum starttls_state end;
	const char *why; /* FAILED: this is in it */
};

#define XMPP_HEADER \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' " \
	"xmlns:stream='http://etherx.jabber.org/streams' to='pay.example.com' version='1.0'>"
#define XMPP_STREAM "<?xml version='1.0'?><stream:stream from='pay.example.com' id='x'>"
#define XMPP_ASKS   "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define NO_WORDS    BYTES("")
#define LDAP_ASKS   BYTES("\x30\x1d\x02\x01\x01\x77\x18\x80\x16" "1.3.6.1.4.1.1466.20037")
#define SSL_REQUEST BYTES("\x00\x00\x00\x08\x04\xd2\x16\x2f")
/* MariaDB 10.11's greeting, but for the capabilities' second byte. */
#define MARIADB(capabilities) \
	BYTES("\x33\x00\x00\x00\x0a" "5.5.5\x00" "\x01\x00\x00\x00" "abcdefgh\x00" \
	      "\xfe" capabilities "\x2d\x02\x00\xff\x81\x15\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00" \
	      "abcdefghijkl\x00")
#define MYSQL_ASKS \
	BYTES("\x20\x00\x00\x01\x00\x8a\x08\x00\x00\x00\x00\x01\x21" \
	      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")

static const struct dialogue dialogues[] = {
	{ "smtp", STARTTLS_SMTP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("220-mx.example.com\r\n220 ESMTP\r\n"), BYTES("EHLO [127.0.0.1]\r\n") },
		{ BYTES("250-mx\r\n250-STARTTLS\r\n250 HELP\r\n"), BYTES("STARTTLS\r\n") },
		{ BYTES("220 go ahead\r\n"), NO_WORDS } }, STARTTLS_READY, NULL },
	{ "smtp that has lost its certificate", STARTTLS_SMTP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("220 mx\r\n"), BYTES("EHLO [127.0.0.1]\r\n") },
		{ BYTES("250-mx\r\n250 HELP\r\n"), NO_WORDS } }, STARTTLS_FAILED, "offers no TLS" },
	{ "smtp that cannot just now", STARTTLS_SMTP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("220 mx\r\n"), BYTES("EHLO [127.0.0.1]\r\n") },
		{ BYTES("250-mx\r\n250 STARTTLS\r\n"), BYTES("STARTTLS\r\n") },
		{ BYTES("454 4.7.0 TLS not available\r\n"), NO_WORDS } },
		STARTTLS_FAILED, "answers '454 4.7.0 TLS not available'" },
	{ "smtp that refuses", STARTTLS_SMTP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("554 no\x1b[2J\r\n"), NO_WORDS } },
		STARTTLS_FAILED, "answers '554 no [2J'" },
	{ "smtp that goes on in clear", STARTTLS_SMTP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("220 mx\r\n"), BYTES("EHLO [127.0.0.1]\r\n") },
		{ BYTES("250 STARTTLS\r\n"), BYTES("STARTTLS\r\n") },
		{ BYTES("220 go\r\n250 x\r\n"), NO_WORDS } }, STARTTLS_FAILED, "goes on in clear" },
	{ "imap", STARTTLS_IMAP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("* OK [CAPABILITY STARTTLS] ready\r\n"), BYTES("a STARTTLS\r\n") },
		{ BYTES("* CAPABILITY x\r\na OK begin\r\n"), NO_WORDS } }, STARTTLS_READY, NULL },
	{ "imap without", STARTTLS_IMAP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("* OK ready\r\n"), BYTES("a STARTTLS\r\n") },
		{ BYTES("a BAD TLS support isn't enabled.\r\n"), NO_WORDS } },
		STARTTLS_FAILED, "TLS support isn't enabled." },
	{ "imap that says good bye", STARTTLS_IMAP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("* BYE full\r\n"), NO_WORDS } }, STARTTLS_FAILED, "'* BYE full'" },
	{ "pop3", STARTTLS_POP3, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("+OK ready\r\n"), BYTES("STLS\r\n") },
		{ BYTES("+OK begin\r\n"), NO_WORDS } }, STARTTLS_READY, NULL },
	{ "pop3 without", STARTTLS_POP3, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("+OK ready\r\n"), BYTES("STLS\r\n") },
		{ BYTES("-ERR no\r\n"), NO_WORDS } }, STARTTLS_FAILED, "'-ERR no'" },
	{ "ftp", STARTTLS_FTP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("220-hello\r\n there\r\n220 FTP\r\n"), BYTES("AUTH TLS\r\n") },
		{ BYTES("234 go\r\n"), NO_WORDS } }, STARTTLS_READY, NULL },
	{ "ftp without", STARTTLS_FTP, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("220 FTP\r\n"), BYTES("AUTH TLS\r\n") },
		{ BYTES("500 AUTH not understood\r\n"), NO_WORDS } },
		STARTTLS_FAILED, "'500 AUTH" },
	{ "ldap", STARTTLS_LDAP, {
		{ NO_WORDS, LDAP_ASKS },
		{ BYTES("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"), NO_WORDS } },
		STARTTLS_READY, NULL },
	{ "ldap of Active Directory: long lengths", STARTTLS_LDAP, {
		{ NO_WORDS, LDAP_ASKS },
		{ BYTES("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07"
			"\x0a\x01\x00\x04\x00\x04\x00"), NO_WORDS } }, STARTTLS_READY, NULL },
	{ "ldap without", STARTTLS_LDAP, {
		{ NO_WORDS, LDAP_ASKS },
		{ BYTES("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"), NO_WORDS } },
		STARTTLS_FAILED, "offers no TLS" },
	{ "ldap that ends", STARTTLS_LDAP, {
		{ NO_WORDS, LDAP_ASKS },
		{ BYTES("\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00"), NO_WORDS } },
		STARTTLS_FAILED, "result 52" },
	{ "no ldap", STARTTLS_LDAP, {
		{ NO_WORDS, LDAP_ASKS },
		{ BYTES("H"), NO_WORDS } }, STARTTLS_FAILED, "not LDAP" },
	{ "no ldap inside", STARTTLS_LDAP, {
		{ NO_WORDS, LDAP_ASKS },
		{ BYTES("\x30\x03\x02\x01\x01"), NO_WORDS } }, STARTTLS_FAILED, "not LDAP's to" },
	{ "postgres", STARTTLS_POSTGRES, {
		{ NO_WORDS, SSL_REQUEST },
		{ BYTES("S"), NO_WORDS } }, STARTTLS_READY, NULL },
	{ "postgres without", STARTTLS_POSTGRES, {
		{ NO_WORDS, SSL_REQUEST },
		{ BYTES("N"), NO_WORDS } }, STARTTLS_FAILED, "offers no TLS" },
	{ "no postgres", STARTTLS_POSTGRES, {
		{ NO_WORDS, SSL_REQUEST },
		{ BYTES("E"), NO_WORDS } }, STARTTLS_FAILED, "not PostgreSQL's" },
	{ "mysql", STARTTLS_MYSQL, {
		{ NO_WORDS, NO_WORDS },
		{ MARIADB("\xff"), MYSQL_ASKS } }, STARTTLS_READY, NULL },
	{ "mysql without", STARTTLS_MYSQL, {
		{ NO_WORDS, NO_WORDS },
		{ MARIADB("\xf7"), NO_WORDS } }, STARTTLS_FAILED, "offers no TLS" },
	{ "mysql that blocks us", STARTTLS_MYSQL, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("\x12\x00\x00\x00\xff\x69\x04" "Host is blocked"), NO_WORDS } },
		STARTTLS_FAILED, "'Host is blocked'" },
	{ "mysql cut short", STARTTLS_MYSQL, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("\x03\x00\x00\x00\x0a" "5."), NO_WORDS } },
		STARTTLS_FAILED, "not MySQL's" },
	{ "no mysql", STARTTLS_MYSQL, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("220 mx\r\n"), NO_WORDS } }, STARTTLS_FAILED, "not MySQL's" },
	{ "xmpp", STARTTLS_XMPP, {
		{ NO_WORDS, BYTES(XMPP_HEADER) },
		{ BYTES(XMPP_STREAM "<stream:features><starttls xmlns='urn:x'/></stream:features>"),
			BYTES(XMPP_ASKS) },
		{ BYTES("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), NO_WORDS } },
		STARTTLS_READY, NULL },
	{ "xmpp without", STARTTLS_XMPP, {
		{ NO_WORDS, BYTES(XMPP_HEADER) },
		{ BYTES(XMPP_STREAM "<stream:features/>"), NO_WORDS } },
		STARTTLS_FAILED, "offers no TLS" },
	{ "xmpp that cannot", STARTTLS_XMPP, {
		{ NO_WORDS, BYTES(XMPP_HEADER) },
		{ BYTES(XMPP_STREAM "<stream:features><starttls/></stream:features>"),
			BYTES(XMPP_ASKS) },
		{ BYTES("<failure"), NO_WORDS } }, STARTTLS_FAILED, "offers no TLS" },
	{ "xmpp of somebody else", STARTTLS_XMPP, {
		{ NO_WORDS, BYTES(XMPP_HEADER) },
		{ BYTES(XMPP_STREAM "<stream:error"), NO_WORDS } },
		STARTTLS_FAILED, "server_name" },
	{ "nats", STARTTLS_NATS, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("INFO {\"server_id\":\"x\",\"tls_required\":true} \r\n"), NO_WORDS } },
		STARTTLS_READY, NULL },
	{ "nats without", STARTTLS_NATS, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("INFO {\"server_id\":\"x\"} \r\n"), NO_WORDS } },
		STARTTLS_FAILED, "offers no TLS" },
	{ "no nats", STARTTLS_NATS, {
		{ NO_WORDS, NO_WORDS },
		{ BYTES("-ERR 'x'\r\n"), NO_WORDS } }, STARTTLS_FAILED, "'-ERR 'x''" },
};

/* What the server says in pieces of ${size}: only the last of them, if any, ends the turn. */
static enum starttls_state receive(
	struct starttls *talk, const struct turn *turn, size_t size, struct buf *send)
{
	enum starttls_state state = STARTTLS_TALKING;

	for (size_t at = 0; at < turn->server.length && state == STARTTLS_TALKING; at += size)
		state = starttls_receive(talk, turn->server.data + at,
			MIN(size, turn->server.length - at), send);
	return state;
}

static void play(const struct dialogue *dialogue, size_t size)
{
	enum starttls_state state = STARTTLS_TALKING;
	struct buf send = BUF_NULL;
	struct starttls talk;

	starttls_begin(&talk, dialogue->protocol, "pay.example.com", &send);
	for (size_t i = 0; i < ARRAY_SIZE(dialogue->turns) && dialogue->turns[i].client.data; i++) {
		const struct turn *turn = &dialogue->turns[i];

		if (state != STARTTLS_TALKING)
			fail_msg("%s: it ends before turn %zu: %s", dialogue->what, i, talk.why);
		state = receive(&talk, turn, size, &send);
		if (send.length != turn->client.length ||
			memcmp(send.data, turn->client.data, send.length) != 0)
			fail_msg("%s: at turn %zu the client says '%s'", dialogue->what, i,
				send.data);
		buf_clear(&send);
	}
	if (state != dialogue->end || (dialogue->why && !strstr(talk.why, dialogue->why)))
		fail_msg("%s: it ends with %d: %s", dialogue->what, state, talk.why);
	starttls_done(&talk);
	buf_done(&send);
}

static void test_dialogues(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(dialogues); i++)
		play(&dialogues[i], 4096);
}

/* TCP knows no messages.  (What goes on in clear can only be seen if it comes with the rest.) */
static void test_dialogues_byte_by_byte(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(dialogues); i++)
		if (!dialogues[i].why || !strstr(dialogues[i].why, "goes on in clear"))
			play(&dialogues[i], 1);
}

static void test_no_end(void **state)
{
	struct buf send = BUF_NULL;
	struct starttls talk;
	char data[1024];
	unsigned times = 0;

	memset(data, 'x', sizeof(data));
	for (int protocol = STARTTLS_SMTP; protocol <= STARTTLS_NATS; protocol++) {
		starttls_begin(&talk, protocol, "x", &send);
		for (times = 0; starttls_receive(&talk, data, sizeof(data), &send) ==
				STARTTLS_TALKING; times++)
			assert_in_range(times, 0, 16);
		starttls_done(&talk);
	}
	buf_done(&send);
}

static void test_explanations(void **state)
{
	static const struct {
		struct { const char *data; size_t length; } said;
		const char *why; /* NULL: it is TLS, or nothing */
	} rows[] = {
		{ BYTES("\x16\x03\x03\x00\x7a"), NULL },
		{ BYTES("\x15\x03\x03\x00\x02"), NULL },
		{ BYTES(""), NULL },
		{ BYTES("220 mx ESMTP\r\n"), "('220 mx ESMTP'): set starttls: smtp," },
		{ BYTES("220 (vsFTPd 3.0.3)\r\n"), "starttls: ftp," },
		{ BYTES("* OK ready\r\n"), "starttls: imap," },
		{ BYTES("+OK ready\r\n"), "starttls: pop3," },
		{ BYTES("INFO {\"x\":1}\r\n"), "starttls: nats," },
		{ BYTES("<?xml version='1.0'?>"), "starttls: xmpp," },
		{ MARIADB("\xff"), "not TLS ('5.5.5'): set starttls: mysql," },
		{ BYTES("HTTP/1.1 400 Bad Request\r\n"), "HTTP in clear" },
		{ BYTES("SSH-2.0-x\r\n"), "('SSH-2.0-x'): does it need starttls: or" },
	};
	char why[320];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool clear = starttls_explain(
			rows[i].said.data, rows[i].said.length, why, sizeof(why));

		if (clear != (rows[i].why != NULL) || (clear && !strstr(why, rows[i].why)))
			fail_msg("row %zu: %s", i, clear ? why : "TLS");
		if (clear)
			assert_non_null(strstr(why, "has lost it, and its log can say why") ?:
						strstr(why, "does it need"));
	}
}

static void check_header(enum proxy_protocol version, const char *from, const char *to, int family,
	const char *want, size_t length)
{
	struct sockaddr_storage ends[2] = { 0 };
	_cleanup_(buf_done) struct buf send = BUF_NULL;
	const char *const texts[] = { from, to };

	for (int i = 0; i < 2; i++) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)&ends[i];
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ends[i];
		bool is_v6 = family == AF_INET6;
		void *into;

		ends[i].ss_family = (sa_family_t)family;
		*(is_v6 ? &v6->sin6_port : &v4->sin_port) = htons(i ? 443 : 40000);
		into = is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr;
		assert_int_equal(inet_pton(family, texts[i], into), 1);
	}
	proxy_header(version, &ends[0], &ends[1], &send);
	assert_int_equal(send.length, length);
	assert_memory_equal(send.data, want, length);
}

#define CHECK_HEADER(version, from, to, family, want) \
	check_header((version), (from), (to), (family), (want), sizeof(want) - 1)
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void test_proxy_headers(void **state)
{
	CHECK_HEADER(PROXY_NONE, "192.0.2.1", "192.0.2.2", AF_INET, "");
	CHECK_HEADER(PROXY_V1, "192.0.2.1", "192.0.2.2", AF_INET,
		"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n");
	CHECK_HEADER(PROXY_V1, "2001:db8::1", "::1", AF_INET6,
		"PROXY TCP6 2001:db8::1 ::1 40000 443\r\n");
	CHECK_HEADER(PROXY_V2, "192.0.2.1", "192.0.2.2", AF_INET,
		SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x9c\x40\x01\xbb");
	CHECK_HEADER(PROXY_V2, "2001:db8::1", "::1", AF_INET6,
		SIGNATURE "\x21\x21\x00\x24"
		"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x9c\x40\x01\xbb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_dialogues_byte_by_byte),
		cmocka_unit_test(test_no_end),
		cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_proxy_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
