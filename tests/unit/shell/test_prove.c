/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/prove.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <systemd/sd-event.h>

#include "daemon/dependent/own.h"
#include "lib/base/mem.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
	struct fingerprint fingerprint;
};

static struct identity ours, other, ours_rsa, other_rsa, ec_by_rsa, rsa_by_ec;

/* What a server that has two certificates is like. */
static struct {
	const struct identity *ec, *rsa;
	int version; /* the only one of TLS */
	const char *ciphers; /* of TLS 1.2, the server's choice */
	bool strict; /* it shows none whose signature the client did not say that it takes, as Java's do */
} two;

/* What a server does with a connection. */
enum manner {
	SERVE_OURS,
	SERVE_OTHER,
	SERVE_TWO, /* an RSA and an EC certificate */
	SERVE_OTHER_ONCE, /* then ours: an old worker lingers */
	ASK_FOR_CLIENT, /* ours, but turns away whoever has no certificate */
	HANG_UP,
	TALK_NONSENSE,
	SAY_NOTHING,
};

struct server {
	enum manner manner;
	int socket;
	uint16_t port;
	pthread_t thread;
	atomic_uint connections;
	char name[64]; /* of the last one's SNI */
};

/* Signed by ${issuer}, or (NULL) by itself. */
static void identity_issue(struct identity *identity, const char *name, EVP_PKEY *key,
	const struct identity *issuer)
{
	unsigned length;

	identity->key = key;
	identity->certificate = X509_new();
	assert_non_null(key);
	X509_set_version(identity->certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(identity->certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(identity->certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(identity->certificate), 86400);
	X509_set_pubkey(identity->certificate, identity->key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(identity->certificate), "CN", MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	issuer = issuer ?: identity;
	X509_set_issuer_name(identity->certificate, X509_get_subject_name(issuer->certificate));
	assert_true(X509_sign(identity->certificate, issuer->key, EVP_sha256()) > 0);
	X509_digest(identity->certificate, EVP_sha256(), identity->fingerprint.bytes, &length);
}

static void identity_make(struct identity *identity, const char *name, EVP_PKEY *key)
{
	identity_issue(identity, name, key, NULL);
}

/* Does the client of this hello say in ${extension} that it takes ${algorithm} as a signature? */
static bool hello_takes(SSL *ssl, unsigned extension, unsigned algorithm)
{
	const unsigned char *data = NULL;
	size_t length = 0;

	if (SSL_client_hello_get0_ext(ssl, extension, &data, &length) != 1)
		return false;
	for (size_t i = 2; i + 1 < length; i += 2)
		if ((unsigned)(data[i] << 8 | data[i + 1]) == algorithm)
			return true;
	return false;
}

static bool hello_takes_chain(SSL *ssl, const struct identity *identity)
{
	const unsigned char *data;
	size_t length;
	int signature = X509_get_signature_nid(identity->certificate);
	unsigned algorithm = signature == NID_ecdsa_with_SHA256 ? 0x0403 : 0x0401;
	bool apart = SSL_client_hello_get0_ext(
			     ssl, TLSEXT_TYPE_signature_algorithms_cert, &data, &length) == 1;

	return hello_takes(ssl,
		apart ? TLSEXT_TYPE_signature_algorithms_cert : TLSEXT_TYPE_signature_algorithms,
		algorithm);
}

static int on_hello(SSL *ssl, int *ret_alert, void *userdata)
{
	const struct identity *const both[] = { two.ec, two.rsa };

	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		if (hello_takes_chain(ssl, both[i])) {
			SSL_use_certificate(ssl, both[i]->certificate);
			SSL_use_PrivateKey(ssl, both[i]->key);
		}
	return SSL_CLIENT_HELLO_SUCCESS;
}

static void use_two(SSL_CTX *context)
{
	if (two.strict) {
		SSL_CTX_set_client_hello_cb(context, on_hello, NULL);
	} else {
		SSL_CTX_use_certificate(context, two.ec->certificate);
		SSL_CTX_use_PrivateKey(context, two.ec->key);
		SSL_CTX_use_certificate(context, two.rsa->certificate);
		SSL_CTX_use_PrivateKey(context, two.rsa->key);
	}
	SSL_CTX_set_min_proto_version(context, two.version);
	SSL_CTX_set_max_proto_version(context, two.version);
	SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (two.ciphers)
		SSL_CTX_set_cipher_list(context, two.ciphers);
}

static void serve_tls(struct server *server, int connection)
{
	bool is_other = server->manner == SERVE_OTHER ||
			(server->manner == SERVE_OTHER_ONCE && server->connections == 1);
	const struct identity *identity = is_other ? &other : &ours;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *ssl;
	char byte;

	if (server->manner == SERVE_TWO) {
		use_two(context);
	} else {
		SSL_CTX_use_certificate(context, identity->certificate);
		SSL_CTX_use_PrivateKey(context, identity->key);
	}
	if (server->manner == ASK_FOR_CLIENT) {
		SSL_CTX_set_verify(
			context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	}
	ssl = SSL_new(context);
	SSL_set_fd(ssl, connection);
	if (SSL_accept(ssl) == 1)
		(void)SSL_read(ssl, &byte, 1);
	(void)snprintf(server->name, sizeof(server->name), "%s",
		SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ?: "");
	SSL_free(ssl);
	SSL_CTX_free(context);
}

static void serve(struct server *server, int connection)
{
	char byte;

	switch (server->manner) {
	case HANG_UP:
		break;
	case TALK_NONSENSE:
		(void)!write(connection, "220 mail.example.com ESMTP\r\n", 28);
		break;
	case SAY_NOTHING:
		(void)!read(connection, &byte, 1);
		while (read(connection, &byte, 1) > 0)
			continue;
		break;
	default:
		serve_tls(server, connection);
	}
}

static void *server_thread(void *argument)
{
	struct server *server = argument;

	for (;;) {
		_cleanup_(fd_closep) int connection = accept(server->socket, NULL, NULL);

		/* The main thread has shut the socket down. */
		if (connection < 0)
			return NULL;
		server->connections++;
		serve(server, connection);
	}
}

/* On 127.0.0.1 and a port of its choice, or on ::1 and the port given. */
static bool server_start(struct server *server, enum manner manner, uint16_t v6_port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(v6_port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *address = v6_port ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t length = v6_port ? sizeof(v6) : sizeof(v4);

	*server = (struct server){ .manner = manner };
	server->socket = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(server->socket, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (server->socket < 0 || bind(server->socket, address, length) < 0) {
		fd_close(server->socket);
		return false;
	}
	assert_return_code(listen(server->socket, 16), 0);
	assert_return_code(getsockname(server->socket, address, &length), 0);
	server->port = ntohs(v6_port ? v6.sin6_port : v4.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, server_thread, server), 0);
	return true;
}

static void server_stop(struct server *server)
{
	shutdown(server->socket, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	fd_close(server->socket);
}

struct proof {
	struct sd_event *event;
	unsigned completions;
	bool inside;
	enum prove_result result;
	char *words;
	struct fingerprint leaf;
	bool no_tls, refused, former, own;
	char *addresses;
	usec_t took;
};

static void on_proved(void *userdata, const struct proof_seen *seen)
{
	struct proof *proof = userdata;

	assert_false(proof->inside);
	proof->completions++;
	proof->result = seen->result;
	proof->words = mem_strdup(seen->words);
	proof->leaf = seen->leaf;
	proof->no_tls = seen->no_tls;
	proof->refused = seen->refused;
	proof->former = seen->former;
	proof->own = seen->own;
	proof->addresses = mem_strdup(seen->addresses);
	sd_event_exit(proof->event, 0);
}

/* Of these the next proof wants one, whose key it does not know. */
static const struct identity *wanted = &ours;

/* And this one, if any, is what the server had before. */
static const struct identity *before;

static void prove_request(struct proof *proof, const struct prove_request *request)
{
	usec_t began = clock_monotonic();

	*proof = (struct proof){ .inside = true };
	assert_true(sd_event_new(&proof->event) >= 0);
	assert_non_null(prove_start(proof->event, request, on_proved, proof));
	proof->inside = false;
	assert_true(sd_event_loop(proof->event) >= 0);
	sd_event_unref(proof->event);
	assert_int_equal(proof->completions, 1);
	proof->took = clock_monotonic() - began;
}

static void prove_wish(struct proof *proof, const struct desired_proof *wish)
{
	const struct prove_want want = { .leaf = wanted->fingerprint };
	struct prove_request request = { .proof = wish, .wants = &want, .want_count = 1 };

	if (before)
		request.former = before->fingerprint;
	prove_request(proof, &request);
}

#define ENOUGH (10 * USEC_PER_SEC)

/* 0: enough. */
static void prove_now(
	struct proof *proof, const char *connect, const char *server_name, usec_t within)
{
	const struct desired_proof wish = {
		.connect = (char *)connect,
		.server_name = (char *)server_name,
		.within = within ?: ENOUGH,
	};

	prove_wish(proof, &wish);
}

static void proof_check(struct proof *proof, enum prove_result result, const char *words)
{
	if (proof->result != result || !strstr(proof->words, words))
		fail_msg("%s: %s", prove_result_name(proof->result), proof->words);
	free(proof->words);
	free(proof->addresses);
}

static void check(enum manner manner, usec_t within, enum prove_result result, const char *words)
{
	_cleanup_(freep) char *connect = NULL;
	struct server server;
	struct proof proof;

	assert_true(server_start(&server, manner, 0));
	connect = mem_printf("127.0.0.1:%u", server.port);
	prove_now(&proof, connect, NULL, within);
	server_stop(&server);
	assert_non_null(strstr(proof.words, connect));
	proof_check(&proof, result, words);
}

#define SHORT (250 * USEC_PER_MSEC)

static void test_matched(void **state)
{
	check(SERVE_OURS, 0, PROVE_MATCHED, "1 address serves it");
}

static void test_wrong_says_what_is_served(void **state)
{
	char text[FINGERPRINT_TEXT_SIZE];

	fingerprint_format(&other.fingerprint, text);
	text[16] = '\0';
	check(SERVE_OTHER, SHORT, PROVE_WRONG, text);
	check(SERVE_OTHER, SHORT, PROVE_WRONG, "expires 20");
}

/* What the server shows: is it what it had before, and nothing else? */
static bool shows_former(
	const struct identity *former, const struct identity *want, enum manner manner)
{
	_cleanup_(freep) char *connect = NULL;
	struct server server;
	struct proof proof;

	before = former;
	wanted = want;
	assert_true(server_start(&server, manner, 0));
	connect = mem_printf("127.0.0.1:%u", server.port);
	prove_now(&proof, connect, NULL, SHORT);
	server_stop(&server);
	before = NULL;
	wanted = &ours;
	free(proof.words);
	free(proof.addresses);
	assert_int_equal(proof.own, proof.former);
	return proof.former;
}

static void test_the_former_is_told_from_others(void **state)
{
	assert_true(shows_former(&other, &ours, SERVE_OTHER));
	assert_false(shows_former(&ours_rsa, &ours, SERVE_OTHER));
	assert_false(shows_former(NULL, &ours, SERVE_OTHER));
	assert_false(shows_former(&other, &other, SERVE_OTHER));
	assert_false(shows_former(&other, &ours, HANG_UP));
	two.version = TLS1_3_VERSION;
	two.ec = &ours, two.rsa = &other_rsa;
	assert_true(shows_former(&other_rsa, &ours_rsa, SERVE_TWO));
	assert_true(shows_former(&ours, &ours_rsa, SERVE_TWO));
}

static void check_two(const struct identity *want, enum prove_result result, const char *words)
{
	wanted = want;
	check(SERVE_TWO, result == PROVE_MATCHED ? 0 : SHORT, result, words);
	wanted = &ours;
}

/* Each is proven by itself, whichever the server likes best. */
static void test_two_certificates_on_one_port(void **state)
{
	static const struct {
		int version;
		const char *ciphers, *ec_words, *rsa_words;
	} rows[] = {
		{ TLS1_3_VERSION, NULL, "1 address serves it", "that take RSA certificates" },
		{ TLS1_2_VERSION, "aECDSA:aRSA", "1 address serves it", "take RSA certificates" },
		{ TLS1_2_VERSION, "aRSA:aECDSA", "take EC certificates", "1 address serves it" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct identity *seen = i == 1 ? &other_rsa : &other;
		char text[FINGERPRINT_TEXT_SIZE];

		two.version = rows[i].version;
		two.ciphers = rows[i].ciphers;
		two.ec = &ours, two.rsa = &other_rsa;
		check_two(&ours, PROVE_MATCHED, rows[i].ec_words);
		two.ec = &other, two.rsa = &ours_rsa;
		check_two(&ours_rsa, PROVE_MATCHED, rows[i].rsa_words);
		two.rsa = &other_rsa;
		fingerprint_format(&seen->fingerprint, text);
		text[16] = '\0';
		check_two(i == 0 ? &ours : &ours_rsa, PROVE_WRONG, text);
	}
}

static const struct {
	int version;
	const char *ciphers; /* what the server likes best is the other one */
} versions[] = {
	{ TLS1_3_VERSION, NULL },
	{ TLS1_2_VERSION, "aECDSA:aRSA" },
	{ TLS1_2_VERSION, "aRSA:aECDSA" },
};

/* Wants of a server that has two certificates; it returns how often it was asked. */
static unsigned prove_two(struct proof *proof, const struct prove_want *wants, size_t count,
	bool each_key, usec_t within)
{
	_cleanup_(freep) char *connect = NULL;
	struct desired_proof wish = { .within = within };
	const struct prove_request request = {
		.proof = &wish, .wants = wants, .want_count = count, .each_key = each_key
	};
	struct server server;

	assert_true(server_start(&server, SERVE_TWO, 0));
	wish.connect = connect = mem_printf("127.0.0.1:%u", server.port);
	prove_request(proof, &request);
	server_stop(&server);
	return server.connections;
}

static void test_the_right_key_is_asked_for_at_once(void **state)
{
	const struct prove_want wants[] = { { ours.fingerprint, LEAF_EC },
		{ ours_rsa.fingerprint, LEAF_RSA } };
	struct proof proof;

	two.ec = &ours, two.rsa = &ours_rsa;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		two.version = versions[i].version;
		two.ciphers = versions[i].ciphers;
		for (size_t k = 0; k < ARRAY_SIZE(wants); k++) {
			assert_int_equal(prove_two(&proof, &wants[k], 1, false, ENOUGH), 1);
			assert_true(fingerprint_equal(&proof.leaf, &wants[k].leaf));
			proof_check(&proof, PROVE_MATCHED, "1 address serves it");
		}
	}
}

/* The leaf's key is one thing, and what has signed it another. */
static void test_a_chain_of_another_key(void **state)
{
	struct proof proof;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(versions); i++) {
		const struct prove_want ec = { ec_by_rsa.fingerprint, LEAF_EC };
		const struct prove_want rsa = { rsa_by_ec.fingerprint, LEAF_RSA };

		two.strict = i % 2;
		two.version = versions[i / 2].version;
		two.ciphers = versions[i / 2].ciphers;
		two.ec = &ec_by_rsa, two.rsa = &rsa_by_ec;
		assert_int_equal(prove_two(&proof, &ec, 1, false, ENOUGH), 1);
		proof_check(&proof, PROVE_MATCHED, "1 address serves it");
		assert_int_equal(prove_two(&proof, &rsa, 1, false, ENOUGH), 1);
		proof_check(&proof, PROVE_MATCHED, "1 address serves it");
		two.ec = &ours, two.rsa = &rsa_by_ec;
		prove_two(&proof, &rsa, 1, false, ENOUGH);
		proof_check(&proof, PROVE_MATCHED, "1 address serves it");
	}
	two.strict = false;
}

/* Where there are several, each look is for all of them. */
static void test_any_of_several(void **state)
{
	const struct prove_want wants[] = { { other.fingerprint, LEAF_ANY },
		{ other_rsa.fingerprint, LEAF_RSA }, { ours.fingerprint, LEAF_EC } };
	char text[FINGERPRINT_TEXT_SIZE];
	struct proof proof;

	two.version = TLS1_3_VERSION;
	two.ec = &ours, two.rsa = &ours_rsa;
	prove_two(&proof, wants, ARRAY_SIZE(wants), false, ENOUGH);
	assert_in_range(proof.took, 0, ENOUGH / 2);
	assert_true(fingerprint_equal(&proof.leaf, &ours.fingerprint));
	proof_check(&proof, PROVE_MATCHED, "1 address serves it");

	prove_two(&proof, wants, 2, false, SHORT);
	fingerprint_format(&other_rsa.fingerprint, text);
	text[16] = '\0';
	assert_non_null(strstr(proof.words, " or "));
	proof_check(&proof, PROVE_WRONG, text);
}

/* Where both are the endpoint's own, one of them is not enough; a kind that it does not have at all
 * is served elsewhere. */
static void test_each_kind_of_key(void **state)
{
	const struct prove_want wants[] = { { ours.fingerprint, LEAF_EC },
		{ ours_rsa.fingerprint, LEAF_RSA } };
	struct proof proof;

	two.version = TLS1_3_VERSION;
	two.ec = &ours, two.rsa = &ours_rsa;
	assert_int_equal(prove_two(&proof, wants, 2, true, ENOUGH), 2);
	proof_check(&proof, PROVE_MATCHED, "1 address serves it");
	two.rsa = &other_rsa;
	prove_two(&proof, wants, 2, true, SHORT);
	assert_true(fingerprint_equal(&proof.leaf, &other_rsa.fingerprint));
	proof_check(&proof, PROVE_WRONG, "another certificate");
	two.rsa = &ours;
	prove_two(&proof, wants, 2, true, ENOUGH);
	proof_check(&proof, PROVE_MATCHED, "1 address serves it");
}

/* To know what was there before: whatever it is, one look is enough. */
static void test_one_look(void **state)
{
	static const struct {
		enum manner manner;
		enum prove_result result;
		bool no_tls;
		const struct fingerprint *leaf;
	} rows[] = {
		{ SERVE_OTHER, PROVE_WRONG, false, &other.fingerprint },
		{ TALK_NONSENSE, PROVE_UNPROVEN, true, NULL },
		{ HANG_UP, PROVE_UNPROVEN, true, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) char *connect = NULL;
		struct desired_proof wish = { .within = ENOUGH };
		const struct prove_request request = { .proof = &wish, .once = true };
		struct server server;
		struct proof proof;

		assert_true(server_start(&server, rows[i].manner, 0));
		wish.connect = connect = mem_printf("127.0.0.1:%u", server.port);
		prove_request(&proof, &request);
		server_stop(&server);
		assert_int_equal(server.connections, 1);
		assert_int_equal(proof.no_tls, rows[i].no_tls);
		assert_false(proof.refused);
		assert_string_equal(proof.addresses, connect);
		if (rows[i].leaf)
			assert_true(fingerprint_equal(&proof.leaf, rows[i].leaf));
		proof_check(&proof, rows[i].result, "127.0.0.1:");
	}
}

static void test_an_old_worker_may_linger(void **state)
{
	check(SERVE_OTHER_ONCE, 0, PROVE_MATCHED, "serves it");
}

static void test_a_server_that_wants_a_client_certificate_has_shown_its_own(void **state)
{
	check(ASK_FOR_CLIENT, 0, PROVE_MATCHED, "serves it");
}

static void test_no_tls_is_no_answer(void **state)
{
	check(HANG_UP, SHORT, PROVE_UNPROVEN, "no answer from 1 of 1");
	check(HANG_UP, SHORT, PROVE_UNPROVEN, "check starttls: and proxy_protocol:");
	check(TALK_NONSENSE, SHORT, PROVE_UNPROVEN,
		"in clear, not TLS ('220 mail.example.com ESMTP'): set starttls: smtp");
	check(SAY_NOTHING, SHORT, PROVE_UNPROVEN, "no answer in time");
}

static void test_refused_is_unproven_at_the_time_limit(void **state)
{
	_cleanup_(freep) char *connect = NULL;
	struct server server;
	struct proof proof;

	/* A port that was free a moment ago. */
	assert_true(server_start(&server, SERVE_OURS, 0));
	connect = mem_printf("127.0.0.1:%u", server.port);
	server_stop(&server);
	prove_now(&proof, connect, NULL, SHORT);
	assert_in_range(proof.took, SHORT, 20 * SHORT);
	assert_true(proof.refused && !proof.no_tls);
	proof_check(&proof, PROVE_UNPROVEN, "Connection refused");
}

/* Half a minute, so only with LONG=1: every half second there would be sixty looks. */
static void test_what_lasts_is_asked_less_often(void **state)
{
	_cleanup_(freep) char *connect = NULL;
	struct server server;
	struct proof proof;

	if (!getenv("LONG"))
		skip();
	assert_true(server_start(&server, SERVE_OTHER, 0));
	connect = mem_printf("127.0.0.1:%u", server.port);
	prove_now(&proof, connect, NULL, 30 * USEC_PER_SEC);
	server_stop(&server);
	assert_in_range(server.connections, 30, 50);
	proof_check(&proof, PROVE_WRONG, "another certificate");
}

static void test_every_address_counts(void **state)
{
	_cleanup_(freep) char *connect = NULL;
	struct server v4, v6;
	struct proof proof;

	assert_true(server_start(&v4, SERVE_OURS, 0));
	connect = mem_printf("localhost:%u", v4.port);
	/* Nothing listens on ::1: the other address speaks for the host. */
	prove_now(&proof, connect, NULL, 0);
	proof_check(&proof, PROVE_MATCHED, "nothing listens");

	if (!server_start(&v6, SERVE_OTHER, v4.port)) {
		server_stop(&v4);
		skip();
	}
	prove_now(&proof, connect, NULL, SHORT);
	proof_check(&proof, PROVE_WRONG, "[::1]:");
	server_stop(&v6);
	assert_true(server_start(&v6, SERVE_OURS, v4.port));
	prove_now(&proof, connect, NULL, 0);
	proof_check(&proof, PROVE_MATCHED, "2 addresses serve it");
	server_stop(&v6);
	server_stop(&v4);
}

/* What a server at ${host} is asked for. */
static void check_name(const char *host, const char *server_name, const char *sent)
{
	_cleanup_(freep) char *connect = NULL;
	struct server server;
	struct proof proof;

	assert_true(server_start(&server, SERVE_OURS, 0));
	connect = mem_printf("%s:%u", host, server.port);
	prove_now(&proof, connect, server_name, 0);
	server_stop(&server);
	assert_string_equal(server.name, sent);
	proof_check(&proof, PROVE_MATCHED, "serves it");
}

static void test_names_are_sent(void **state)
{
	check_name("127.0.0.1", "pay.example.com", "pay.example.com");
	check_name("127.0.0.1", NULL, ""); /* an address is no name */
	check_name("localhost", NULL, "localhost");
	check_name("localhost", PROVE_NO_NAME, "");
}

static void test_a_name_that_does_not_exist_is_unproven(void **state)
{
	struct proof proof;

	prove_now(&proof, "no-such-host.invalid:443", NULL, 20 * USEC_PER_SEC);
	proof_check(&proof, PROVE_UNPROVEN, "failed to resolve 'no-such-host.invalid'");
}

static void test_what_makes_no_sense_is_said(void **state)
{
	static const char *const bad[] = { "", "localhost", ":443", "localhost:", "::1:443", "[]:1",
		"[::1:443" };
	struct proof proof;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		prove_now(&proof, bad[i], NULL, 0);
		proof_check(&proof, PROVE_UNPROVEN, "HOST:PORT");
	}
}

static void cancel_after(const char *connect, int turns)
{
	struct desired_proof wish = { .connect = (char *)connect, .within = ENOUGH };
	const struct prove_want want = { .leaf = ours.fingerprint };
	struct prove_request request = { .proof = &wish, .wants = &want, .want_count = 1 };
	struct proof proof = { 0 };
	struct prove *prove;

	assert_true(sd_event_new(&proof.event) >= 0);
	prove = prove_start(proof.event, &request, on_proved, &proof);
	for (int turn = 0; turn < turns && proof.completions == 0; turn++)
		assert_true(sd_event_run(proof.event, 0) >= 0);
	if (proof.completions == 0)
		assert_null(prove_cancel(prove));
	free(proof.words);
	free(proof.addresses);
	sd_event_unref(proof.event);
}

static void test_cancel_means_no_callback(void **state)
{
	static const char *const targets[] = { "localhost:1", "name.invalid:443", "nonsense" };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		for (int turns = 0; turns < 4; turns++)
			cancel_after(targets[i], turns);
}

#define CROWD (2 * PROOFS_AT_ONCE + 3)

struct crowd {
	struct sd_event *event;
	struct prove *proves[CROWD];
	struct one {
		struct crowd *crowd;
		size_t index;
	} ones[CROWD];
	size_t ended;
};

static void on_one_proved(void *userdata, const struct proof_seen *seen)
{
	struct one *one = userdata;

	assert_int_equal(seen->result, PROVE_UNPROVEN);
	one->crowd->proves[one->index] = NULL;
	one->crowd->ended++;
}

/* How many have connected to a listener that accepts nobody, until now. */
static size_t count_connected(int listener)
{
	size_t count = 0;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		close(fd);
		count++;
	}
	return count;
}

/* A listener on all addresses of loopback that accepts nobody. */
static int listen_silently(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	*ret_port = ntohs(address.sin_port);
	return listener;
}

/* Hosts that say nothing: so many are looked at together, and each of the others has its turn, and its time, later. */
static void test_proofs_take_turns(void **state)
{
	_cleanup_(freep) char *connect = NULL;
	struct desired_proof wish = { .within = 100 * USEC_PER_MSEC };
	const struct prove_want want = { .leaf = ours.fingerprint };
	struct prove_request request = { .proof = &wish, .wants = &want, .want_count = 1 };
	struct crowd crowd = { 0 };
	uint16_t port;
	int listener = listen_silently(&port);

	connect = mem_printf("127.0.0.1:%u", port);
	wish.connect = connect;
	assert_true(sd_event_new(&crowd.event) >= 0);
	for (size_t i = 0; i < CROWD; i++) {
		crowd.ones[i] = (struct one){ &crowd, i };
		crowd.proves[i] = prove_start(crowd.event, &request, on_one_proved, &crowd.ones[i]);
	}
	/* One that waits, and the last of them, give up. */
	for (size_t i = CROWD - 2; i < CROWD; i++)
		crowd.proves[i] = prove_cancel(crowd.proves[i]);
	while (crowd.ended == 0)
		assert_true(sd_event_run(crowd.event, USEC_INFINITY) >= 0);
	assert_int_equal(count_connected(listener), PROOFS_AT_ONCE);
	while (crowd.ended < PROOFS_AT_ONCE + 1)
		assert_true(sd_event_run(crowd.event, USEC_INFINITY) >= 0);
	/* Those that have a turn give it up. */
	for (size_t i = PROOFS_AT_ONCE; i < CROWD - 3; i++)
		crowd.proves[i] = prove_cancel(crowd.proves[i]);
	while (crowd.proves[CROWD - 3])
		assert_true(sd_event_run(crowd.event, USEC_INFINITY) >= 0);
	sd_event_unref(crowd.event);
	close(listener);
}

/* A file of our own that is /etc/hosts in our mount namespace, or -1: it takes root. */
static int own_hosts(void)
{
	static int fd = -1;
	char path[] = "/tmp/certferry-hosts-XXXXXX";
	int r;

	if (fd >= 0)
		return fd;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	r = mount(path, "/etc/hosts", NULL, MS_BIND, NULL);
	(void)unlink(path);
	return r == 0 ? fd : -1;
}

/* The addresses of this name, and no others of any. */
static bool name_addresses(const char *name, const char *const *addresses)
{
	int fd = own_hosts();

	if (fd < 0)
		return false;
	assert_return_code(ftruncate(fd, 0), 0);
	assert_return_code(lseek(fd, 0, SEEK_SET), 0);
	for (; *addresses; addresses++)
		assert_true(dprintf(fd, "%s %s\n", *addresses, name) > 0);
	return true;
}

static bool name_many(void)
{
	char texts[20][24];
	const char *addresses[21] = { NULL };

	for (int i = 0; i < 20; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "127.0.0.%d", i + 1);
		addresses[i] = texts[i];
	}
	return name_addresses("many.example", addresses);
}

/* A network namespace in which there is loopback alone: all other addresses have no route. */
static bool leave_the_network(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	_cleanup_(fd_closep) int fd = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &up) == 0;
}

/* One more address of this host's, beside those of loopback. */
static bool add_address(const char *text)
{
	struct ifreq alias = { .ifr_name = "lo:1" };
	struct sockaddr_in *in = (struct sockaddr_in *)&alias.ifr_addr;
	_cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	in->sin_family = AF_INET;
	return inet_pton(AF_INET, text, &in->sin_addr) == 1 && fd >= 0 &&
	       ioctl(fd, SIOCSIFADDR, &alias) == 0;
}

static bool is_own(const char *text)
{
	struct address address = { .length = sizeof(struct sockaddr_in6) };
	struct sockaddr_in *in = (struct sockaddr_in *)&address.socket;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address.socket;

	address.socket.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	in->sin_port = htons(443);
	if (address.socket.ss_family == AF_INET)
		assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
	else
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	return address_is_own(&address);
}

static void test_own_addresses_are_known(void **state)
{
	if (!leave_the_network() || !add_address("198.51.100.7"))
		skip();
	assert_true(is_own("127.0.0.1"));
	assert_true(is_own("127.0.0.9"));
	assert_true(is_own("::1"));
	assert_true(is_own("198.51.100.7"));
	assert_false(is_own("198.51.100.8")); /* there is a way to it */
	assert_false(is_own("198.51.101.7"));
	assert_false(is_own("2001:db8::1"));
}

static void prove_name(const char *const *addresses, enum manner manner, usec_t within,
	enum prove_result result, const char *words)
{
	_cleanup_(freep) char *connect = NULL;
	struct server server;
	struct proof proof;

	assert_true(name_addresses("two.example", addresses));
	assert_true(server_start(&server, manner, 0));
	connect = mem_printf("two.example:%u", server.port);
	prove_now(&proof, connect, NULL, within);
	server_stop(&server);
	proof_check(&proof, result, words);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* What this host cannot reach is no property of the server; what does not answer is.  (The server
 * is at 127.0.0.1 alone.) */
static void test_no_route_does_not_count(void **state)
{
	const usec_t long_enough = 900 * USEC_PER_MSEC; /* for two looks */

	if (!leave_the_network())
		skip();
	prove_name(LIST("127.0.0.1", "2001:db8::1"), SERVE_OURS, 0, PROVE_MATCHED,
		"1 of 2 addresses serves it; this host has no way to [2001:db8::1]:");
	prove_name(LIST("192.0.2.1", "127.0.0.1"), SERVE_OURS, 0, PROVE_MATCHED,
		"(Network is unreachable)");
	prove_name(LIST("127.0.0.1", "2001:db8::1"), SERVE_OTHER, SHORT, PROVE_WRONG,
		"1 of 2 addresses do");
	prove_name(LIST("192.0.2.1", "127.0.0.1", "127.0.0.2"), SERVE_OURS, long_enough,
		PROVE_UNPROVEN, "no answer from 2 of 3 addresses: 127.0.0.2:");
	prove_name(LIST("2001:db8::1", "192.0.2.1"), SERVE_OURS, SHORT, PROVE_UNPROVEN,
		"no answer from 2 of 2");
}

/* Who names a host decides how many addresses it has: some are looked at together, and all of them count. */
static void test_some_addresses_at_a_time(void **state)
{
	_cleanup_(freep) char *connect = NULL;
	struct proof proof;
	uint16_t port;
	int listener;

	if (!name_many())
		skip();
	listener = listen_silently(&port);
	connect = mem_printf("many.example:%u", port);
	prove_now(&proof, connect, NULL, USEC_PER_SEC);
	proof_check(&proof, PROVE_UNPROVEN, "no answer from 20 of 20 addresses");
	assert_int_equal(count_connected(listener), ADDRESSES_AT_ONCE);
	close(listener);
}

static int setup(void **state)
{
	identity_make(&ours, "ours", EVP_EC_gen("P-256"));
	identity_make(&other, "other", EVP_EC_gen("P-384"));
	identity_make(&ours_rsa, "ours", EVP_RSA_gen(2048));
	identity_make(&other_rsa, "other", EVP_RSA_gen(2048));
	identity_issue(&ec_by_rsa, "ours", EVP_EC_gen("P-256"), &other_rsa);
	identity_issue(&rsa_by_ec, "ours", EVP_RSA_gen(2048), &other);
	return 0;
}

static int teardown(void **state)
{
	struct identity *const all[] = { &ours, &other, &ours_rsa, &other_rsa,
		&ec_by_rsa, &rsa_by_ec };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		X509_free(all[i]->certificate);
		EVP_PKEY_free(all[i]->key);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matched),
		cmocka_unit_test(test_wrong_says_what_is_served),
		cmocka_unit_test(test_the_former_is_told_from_others),
		cmocka_unit_test(test_two_certificates_on_one_port),
		cmocka_unit_test(test_the_right_key_is_asked_for_at_once),
		cmocka_unit_test(test_a_chain_of_another_key),
		cmocka_unit_test(test_any_of_several),
		cmocka_unit_test(test_each_kind_of_key),
		cmocka_unit_test(test_one_look),
		cmocka_unit_test(test_an_old_worker_may_linger),
		cmocka_unit_test(test_a_server_that_wants_a_client_certificate_has_shown_its_own),
		cmocka_unit_test(test_no_tls_is_no_answer),
		cmocka_unit_test(test_refused_is_unproven_at_the_time_limit),
		cmocka_unit_test(test_what_lasts_is_asked_less_often),
		cmocka_unit_test(test_every_address_counts),
		cmocka_unit_test(test_names_are_sent),
		cmocka_unit_test(test_a_name_that_does_not_exist_is_unproven),
		cmocka_unit_test(test_what_makes_no_sense_is_said),
		cmocka_unit_test(test_cancel_means_no_callback),
		cmocka_unit_test(test_proofs_take_turns),
		cmocka_unit_test(test_some_addresses_at_a_time),
		/* The last, which leave the network. */
		cmocka_unit_test(test_no_route_does_not_count),
		cmocka_unit_test(test_own_addresses_are_known),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
