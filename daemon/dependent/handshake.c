/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/handshake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <systemd/sd-event.h>

#include "daemon/dependent/proxy_header.h"
#include "daemon/dependent/starttls.h"
#include "lib/os/file.h"

/*
 * A handshake is at one step at a time:
 *	CONNECT	the connection is being made		fd >= 0, !connected, io
 *	TALK	TLS is being asked for in clear		connected, ssl == NULL, io
 *	SHAKE	TLS is being spoken			ssl != NULL, io
 *	FAILED	it ended in start, the loop will say so	defer != NULL
 * The leaf is kept when the server shows it, before the handshake is complete: a server that
 * wants a certificate of its clients has shown its own before it turns us away.
 */
struct handshake {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	char *server_name;
	bool connected;
	char first[64]; /* of what came where TLS was to begin */
	size_t first_length;
	enum starttls_protocol starttls;
	enum proxy_protocol proxy_protocol;
	char *domain;
	enum leaf_key key;
	struct starttls talk;
	enum starttls_state talked;
	struct buf send; /* in clear */
	size_t sent;
	struct sd_event_source *io;
	struct sd_event_source *timer;
	struct sd_event_source *defer;
	struct served served;
	handshake_fn on_done;
	void *userdata;
};

struct handshake *handshake_cancel(struct handshake *handshake)
{
	if (!handshake)
		return NULL;
	sd_event_source_disable_unref(handshake->defer);
	sd_event_source_disable_unref(handshake->timer);
	sd_event_source_disable_unref(handshake->io);
	SSL_free(handshake->ssl);
	SSL_CTX_free(handshake->context);
	fd_close(handshake->fd);
	buf_done(&handshake->send);
	starttls_done(&handshake->talk);
	free(handshake->domain);
	free(handshake->server_name);
	free(handshake);
	return NULL;
}

/* The only end. */
static void handshake_finish(struct handshake *handshake)
{
	handshake_fn done = handshake->on_done;
	struct served served = handshake->served;
	void *userdata = handshake->userdata;

	handshake_cancel(handshake);
	done(userdata, &served);
}

static void served_set_why(struct served *served, const char *what, const char *why)
{
	served->leaf = (struct fingerprint){ 0 };
	(void)snprintf(served->why, sizeof(served->why), "%s%s", what, why);
}

static void served_set_errno(struct served *served, int number)
{
	number = abs(number);
	served->refused = number == ECONNREFUSED;
	served_set_why(served, "", strerrordesc_np(number) ?: "unknown error");
}

/* Of what socket() and connect() return at once: no such address family, no such route.  What
 * comes later was said by a router or by the host over there. */
static bool is_of_this_host(int number)
{
	number = abs(number);
	return number == EAFNOSUPPORT || number == EADDRNOTAVAIL || number == ENETUNREACH ||
	       number == EHOSTUNREACH;
}

static usec_t usec_from_asn1(const ASN1_TIME *time)
{
	struct tm tm;

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return 0;
	return (usec_t)MAX(timegm(&tm), 0) * USEC_PER_SEC;
}

static enum leaf_key key_of(X509 *leaf)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	int id = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

	if (id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS)
		return LEAF_RSA;
	return id == EVP_PKEY_EC ? LEAF_EC : LEAF_ANY;
}

/* In place of the chain's verification. */
static int on_certificates(X509_STORE_CTX *store, void *userdata)
{
	struct handshake *handshake = userdata;
	struct served *served = &handshake->served;
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	unsigned length;

	if (leaf && X509_digest(leaf, EVP_sha256(), served->leaf.bytes, &length) == 1) {
		served->not_after = usec_from_asn1(X509_get0_notAfter(leaf));
		served->key = key_of(leaf);
	}
	return 1;
}

/* Did the server turn us away after it had shown its certificate?  That is about us, not about it:
 * alerts of the peer are reasons above this offset (SSL_AD_REASON_OFFSET). */
static bool is_peers_alert(unsigned long code)
{
	return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
}

/* A server that expects other words than TLS's, or has no certificate, often just hangs up. */
static bool is_end(unsigned long code, int number)
{
	if (code == 0)
		return number == 0 || number == ECONNRESET || number == EPIPE;
	return ERR_GET_LIB(code) == ERR_LIB_SSL &&
	       ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/* Did something else than TLS come?  Then that is the reason.  OpenSSL gives up at what would be a
 * record's header; the rest is still to be received. */
static bool explain(struct handshake *handshake)
{
	struct served *served = &handshake->served;
	size_t left = sizeof(handshake->first) - handshake->first_length;
	ssize_t more;

	if (handshake->starttls != STARTTLS_NONE || handshake->first_length == 0)
		return false;
	more = recv(handshake->fd, handshake->first + handshake->first_length, left, MSG_DONTWAIT);
	if (more > 0)
		handshake->first_length += (size_t)more;
	return starttls_explain(handshake->first, handshake->first_length, served->why,
		sizeof(served->why));
}

static void handshake_failed(struct handshake *handshake, int ssl_error)
{
	struct served *served = &handshake->served;
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);
	int number = errno;

	if (fingerprint_is_set(&served->leaf) && is_peers_alert(code))
		return;
	served->no_tls = true;
	if (explain(handshake)) {
		served->leaf = (struct fingerprint){ 0 };
	} else if (!handshake->first_length && is_end(code, number)) {
		served_set_why(served, "TLS: ",
			"the server closes the connection without an answer; check starttls: and "
			"proxy_protocol:, and the server's log");
	} else if (ssl_error == SSL_ERROR_SYSCALL && code == 0 && number != 0) {
		served_set_errno(served, number);
		served->no_tls = false;
	} else {
		served_set_why(served, "TLS: ", reason ?: "the server closed the connection");
	}
	served->refused = false;
}

static void served_sent_none(struct served *served)
{
	served_set_why(served, "TLS: ", "the server sent no certificate");
	served->no_tls = true;
}

/* SHAKE */

static void handshake_step(struct handshake *handshake)
{
	int r, error;

	ERR_clear_error();
	errno = 0;
	r = SSL_connect(handshake->ssl);
	error = r == 1 ? SSL_ERROR_NONE : SSL_get_error(handshake->ssl, r);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		(void)sd_event_source_set_io_events(
			handshake->io, error == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
		return;
	}
	if (error != SSL_ERROR_NONE)
		handshake_failed(handshake, error);
	else if (!fingerprint_is_set(&handshake->served.leaf))
		served_sent_none(&handshake->served);
	else
		(void)SSL_shutdown(handshake->ssl);
	ERR_clear_error();
	handshake_finish(handshake);
}

/* What the server says instead of TLS would otherwise be lost in a "wrong version number". */
static long on_read(BIO *bio, int operation, const char *data, size_t wanted, int argi, long argl,
	int result, size_t *length)
{
	struct handshake *handshake = (struct handshake *)BIO_get_callback_arg(bio);

	if (operation == (BIO_CB_READ | BIO_CB_RETURN) && result > 0 && !handshake->first_length) {
		handshake->first_length = MIN(*length, sizeof(handshake->first));
		memcpy(handshake->first, data, handshake->first_length);
	}
	return result;
}

/* What can have signed the certificates of a chain: all that there is (RFC 8446 section 4.2.3).
 * OpenSSL's clients have no words of their own for this. */
static const unsigned char chain_algorithms[] = {
	0, 36, /* bytes that follow */
	4, 3, 5, 3, 6, 3, /* ecdsa_secp256r1_sha256 and so on */
	8, 7, 8, 8, /* ed25519, ed448 */
	8, 4, 8, 5, 8, 6, /* rsa_pss_rsae */
	8, 9, 8, 10, 8, 11, /* rsa_pss_pss */
	4, 1, 5, 1, 6, 1, /* rsa_pkcs1 */
	3, 3, 3, 1, /* SHA-224 */
	2, 3, 2, 1, /* SHA-1 */
};

static int add_chain_algorithms(SSL *ssl, unsigned type, unsigned context,
	const unsigned char **ret_data, size_t *ret_length, X509 *certificate, size_t index,
	int *ret_alert, void *userdata)
{
	*ret_data = chain_algorithms;
	*ret_length = sizeof(chain_algorithms);
	return 1;
}

/* Ask for a leaf of one kind of key: TLS 1.3 tells the server by signature algorithms alone, TLS
 * 1.2 by the cipher suites, too.  What may have signed it, and those above it, is said apart
 * (signature_algorithms_cert): a leaf with an RSA key may be signed by an EC one, and the other way.
 * For servers that do not read that, PKCS #1 stays: its signatures are for certificates alone in TLS
 * 1.3, and without aRSA they are in TLS 1.2. */
static void handshake_ask_for(struct handshake *handshake)
{
	static const struct {
		const char *algorithms, *ciphers;
	} asks[] = {
		[LEAF_RSA] = { "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
			       "RSA+SHA256:RSA+SHA384:RSA+SHA512",
			"DEFAULT:!aECDSA" },
		[LEAF_EC] = { "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:"
			      "RSA+SHA256:RSA+SHA384:RSA+SHA512",
			"DEFAULT:!aRSA" },
	};

	if (handshake->key == LEAF_ANY)
		return;
	if (SSL_CTX_set1_sigalgs_list(handshake->context, asks[handshake->key].algorithms) != 1 ||
		SSL_CTX_set_cipher_list(handshake->context, asks[handshake->key].ciphers) != 1)
		mem_exhausted();
	/* An OpenSSL that has come to send it by itself does not let us. */
	(void)SSL_CTX_add_custom_ext(handshake->context, TLSEXT_TYPE_signature_algorithms_cert,
		SSL_EXT_CLIENT_HELLO, add_chain_algorithms, NULL, NULL, NULL, NULL);
	SSL_CTX_set_security_level(handshake->context, 0); /* DEFAULT can set another */
}

/* What the server likes best is what is looked at, however old its taste. */
static void handshake_new_tls(struct handshake *handshake)
{
	handshake->context = SSL_CTX_new(TLS_client_method());
	if (!handshake->context)
		mem_exhausted();
	SSL_CTX_set_security_level(handshake->context, 0);
	SSL_CTX_set_min_proto_version(handshake->context, TLS1_VERSION);
	SSL_CTX_set_cert_verify_callback(handshake->context, on_certificates, handshake);
	handshake_ask_for(handshake);
	handshake->ssl = SSL_new(handshake->context);
	if (!handshake->ssl || SSL_set_fd(handshake->ssl, handshake->fd) != 1)
		mem_exhausted();
	BIO_set_callback_arg(SSL_get_rbio(handshake->ssl), (char *)handshake);
	BIO_set_callback_ex(SSL_get_rbio(handshake->ssl), on_read);
	if (handshake->server_name &&
		SSL_set_tlsext_host_name(handshake->ssl, handshake->server_name) != 1)
		mem_exhausted();
}

/* TALK */

/* ${silent}: it may have something to say yet. */
static void talk_failed(struct handshake *handshake, const char *why, bool silent)
{
	const char *name = starttls_name(handshake->starttls);
	_cleanup_(freep) char *what = mem_printf("starttls %s: ", name);

	served_set_why(&handshake->served, what, why);
	handshake->served.no_tls = !silent;
	handshake_finish(handshake);
}

/* True: all is sent, or cannot be, of which *${ret_errno} tells. */
static bool talk_send(struct handshake *handshake, int *ret_errno)
{
	struct buf *clear = &handshake->send;

	*ret_errno = 0;
	while (handshake->sent < clear->length) {
		ssize_t length = send(handshake->fd, clear->data + handshake->sent,
			clear->length - handshake->sent, MSG_NOSIGNAL);

		if (length < 0) {
			*ret_errno = errno;
			return errno != EAGAIN;
		}
		handshake->sent += (size_t)length;
	}
	buf_clear(clear);
	handshake->sent = 0;
	return true;
}

/* What was received, handed to the dialogue; false: nothing more for now, or it was the end. */
static bool talk_receive(struct handshake *handshake)
{
	char data[2048];
	ssize_t length = recv(handshake->fd, data, sizeof(data), 0);

	if (length < 0 && errno == EAGAIN) {
		(void)sd_event_source_set_io_events(handshake->io, EPOLLIN);
		return false;
	}
	if (length <= 0) {
		talk_failed(handshake, length == 0 ? "the server closes the connection"
						   : strerrordesc_np(errno) ?: "unknown error",
			length < 0);
		return false;
	}
	handshake->talked = starttls_receive(
		&handshake->talk, data, (size_t)length, &handshake->send);
	if (handshake->talked != STARTTLS_FAILED)
		return true;
	talk_failed(handshake, handshake->talk.why, false);
	return false;
}

static void handshake_talk(struct handshake *handshake)
{
	int number;

	do {
		if (!talk_send(handshake, &number)) {
			(void)sd_event_source_set_io_events(handshake->io, EPOLLOUT);
			return;
		}
		if (number != 0) {
			served_set_errno(&handshake->served, number);
			handshake_finish(handshake);
			return;
		}
		if (handshake->talked == STARTTLS_READY) {
			starttls_done(&handshake->talk);
			handshake_new_tls(handshake);
			handshake_step(handshake);
			return;
		}
	} while (talk_receive(handshake));
}

/* What is said before TLS, if anything is. */
static void handshake_begin_talk(struct handshake *handshake)
{
	struct sockaddr_storage from = { 0 }, to = { 0 };
	socklen_t from_length = sizeof(from), to_length = sizeof(to);

	handshake->connected = true;
	handshake->talked = handshake->starttls ? STARTTLS_TALKING : STARTTLS_READY;
	if (getsockname(handshake->fd, (struct sockaddr *)&from, &from_length) == 0 &&
		getpeername(handshake->fd, (struct sockaddr *)&to, &to_length) == 0)
		proxy_header(handshake->proxy_protocol, &from, &to, &handshake->send);
	if (handshake->starttls)
		starttls_begin(&handshake->talk, handshake->starttls, handshake->domain,
			&handshake->send);
}

/* CONNECT */

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct handshake *handshake = userdata;
	socklen_t length = sizeof(int);
	int number = 0;

	if (!handshake->connected) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0)
			number = errno;
		if (number != 0) {
			served_set_errno(&handshake->served, number);
			handshake_finish(handshake);
			return 0;
		}
		handshake_begin_talk(handshake);
	}
	if (handshake->ssl)
		handshake_step(handshake);
	else
		handshake_talk(handshake);
	return 0;
}

static int on_timeout(sd_event_source *source, usec_t now, void *userdata)
{
	struct handshake *handshake = userdata;

	if (handshake->connected && !handshake->ssl) {
		talk_failed(handshake, "no answer in time", true);
		return 0;
	}
	/* A leaf that was shown counts, though what followed took too long. */
	if (!fingerprint_is_set(&handshake->served.leaf))
		served_set_why(
			&handshake->served, handshake->ssl ? "TLS: " : "", "no answer in time");
	handshake_finish(handshake);
	return 0;
}

static int on_deferred(sd_event_source *source, void *userdata)
{
	handshake_finish(userdata);
	return 0;
}

static int handshake_connect(
	struct handshake *handshake, struct sd_event *event, const struct address *address)
{
	int r;

	handshake->fd = socket(
		address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (handshake->fd < 0)
		return -errno;
	if (connect(handshake->fd, (const struct sockaddr *)&address->socket, address->length) <
			0 &&
		errno != EINPROGRESS)
		return -errno;
	r = sd_event_add_io(event, &handshake->io, handshake->fd, EPOLLOUT, on_io, handshake);
	if (r >= 0)
		(void)sd_event_source_set_description(handshake->io, "handshake-io");
	return r;
}

enum leaf_key leaf_key_find(const char *algorithm)
{
	if (algorithm && strncmp(algorithm, "RSA_", 4) == 0)
		return LEAF_RSA;
	return algorithm && strncmp(algorithm, "EC_", 3) == 0 ? LEAF_EC : LEAF_ANY;
}

struct handshake *handshake_start(struct sd_event *event, const struct handshake_request *request,
	handshake_fn done, void *userdata)
{
	struct handshake *handshake = mem_new(struct handshake);
	int r;

	handshake->fd = -1;
	handshake->server_name = mem_strdup(request->server_name);
	handshake->starttls = request->starttls;
	handshake->domain = mem_strdup(request->domain);
	handshake->key = request->key;
	handshake->proxy_protocol = request->proxy_protocol;
	handshake->send = BUF_NULL;
	handshake->talk.received = BUF_NULL;
	handshake->on_done = done;
	handshake->userdata = userdata;
	r = handshake_connect(handshake, event, request->address);
	if (r < 0) {
		served_set_errno(&handshake->served, r);
		handshake->served.unreachable = is_of_this_host(r);
		r = sd_event_add_defer(event, &handshake->defer, on_deferred, handshake);
	} else {
		r = sd_event_add_time_relative(event, &handshake->timer, CLOCK_MONOTONIC,
			request->timeout, 0, on_timeout, handshake);
	}
	if (r < 0)
		mem_exhausted();
	return handshake;
}
