/* SPDX-License-Identifier: Apache-2.0 */

/*
 * server CA-FILE HURRY-FILE: tests/bench/cloud.h behind HTTPS, HTTP and a control path, three ports of 127.0.0.1 that it prints
 * as one line of JSON when it is ready.  Its own certificate, for localhost, goes to CA-FILE.  The wall clock of AWS
 * is ahead by what HURRY-FILE says (tests/bench/hurry.c).  One thread; ends with its standard input.
 *
 * A peer whose answer is held back is in `held` in the order in which they are due, and its socket is not looked at
 * until then.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/os/clock.h"
#include "tests/bench/peer.h"
#include "tests/bench/server.h"

#define EVENTS 256

enum door {
	DOOR_HTTPS,
	DOOR_HTTP,
	DOOR_CONTROL,
	DOOR_COUNT,
};

static struct server server;
static SSL_CTX *tls;
static int epoll;
static const volatile int64_t *hurry;
static int doors[DOOR_COUNT];
static TAILQ_HEAD(peers, peer) held = TAILQ_HEAD_INITIALIZER(held);

static void die(const char *what) __attribute__((noreturn));

static void die(const char *what)
{
	fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* --- the server's own certificate --- */

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");

	if (!certificate || !names || !X509_set_version(certificate, X509_VERSION_3) ||
		!ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) ||
		!X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) ||
		!X509_gmtime_adj(X509_getm_notAfter(certificate), 30 * 86400) ||
		!X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
			(const unsigned char *)"localhost", -1, -1, 0) ||
		!X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) ||
		!X509_set_pubkey(certificate, key) || !X509_add_ext(certificate, names, -1) ||
		!X509_sign(certificate, key, EVP_sha256()))
		die("make a certificate");
	X509_EXTENSION_free(names);
	return certificate;
}

static SSL_CTX *tls_new(const char *ca_path)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key);
	FILE *file = fopen(ca_path, "we");

	if (!file || !PEM_write_X509(file, certificate) || fclose(file) != 0)
		die(ca_path);
	if (!context || !SSL_CTX_use_certificate(context, certificate) || !SSL_CTX_use_PrivateKey(context, key))
		die("TLS");
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_RELEASE_BUFFERS);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return context;
}

/* --- sockets --- */

/* The time that certferryd takes it to be: the third number of the file is by how many nanoseconds it has leapt. */
static usec_t wall_clock(void)
{
	return clock_now() + (usec_t)(hurry[2] / 1000);
}

static int listen_at(unsigned short *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 1024) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		die("listen");
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void watch(int fd, void *data, int how, unsigned events)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	if (epoll_ctl(epoll, how, fd, &event) < 0)
		die("epoll_ctl");
}

static void open_doors(void)
{
	unsigned short ports[DOOR_COUNT];

	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < DOOR_COUNT; i++) {
		doors[i] = listen_at(&ports[i]);
		watch(doors[i], &doors[i], EPOLL_CTL_ADD, EPOLLIN);
	}
	watch(STDIN_FILENO, NULL, EPOLL_CTL_ADD, EPOLLIN);
	printf("{\"https\": %u, \"http\": %u, \"control\": %u}\n", ports[DOOR_HTTPS], ports[DOOR_HTTP],
		ports[DOOR_CONTROL]);
	fflush(stdout);
}

static void watch_peer(struct peer *peer, unsigned events)
{
	if (peer->watched != events)
		watch(peer->fd, peer, EPOLL_CTL_MOD, events);
	peer->watched = events;
}

static void accept_all(int door)
{
	static const int one = 1;
	int fd;

	while ((fd = accept4(doors[door], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct peer *peer = peer_new(fd, door == DOOR_HTTPS ? tls : NULL);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		peer->control = door == DOOR_CONTROL;
		if (!peer->control) {
			peer->number = ++server.connections;
			peer->accepted = wall_clock();
			server.open++;
		}
		peer->watched = EPOLLIN;
		watch(fd, peer, EPOLL_CTL_ADD, peer->watched);
	}
}

static void drop(struct peer *peer)
{
	if (peer->due)
		TAILQ_REMOVE(&held, peer, link);
	server.open -= !peer->control;
	peer_free(peer);
}

/* --- requests --- */

static const char *http_date(usec_t now)
{
	static char text[40];
	static time_t written;
	time_t seconds = (time_t)(now / USEC_PER_SEC);
	struct tm parts;

	if (seconds != written) {
		gmtime_r(&seconds, &parts);
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
		written = seconds;
	}
	return text;
}

static struct trace_entry *note(const struct peer *peer, const struct peer_request *request, int status, usec_t now)
{
	struct trace_entry *entry = &server.trace[server.traced++ % TRACE_SIZE];
	const char *key = request->authorization ? strstr(request->authorization, "Credential=ASIA") : NULL;
	const char *name = request->target ? strchrnul(request->target, '.') : ".STS";

	*entry = (struct trace_entry){
		.begun = peer->requests == 1 ? peer->accepted : now,
		.received = now, .connection = (unsigned)peer->number, .first = peer->requests == 1, .status = (short)status
	};
	if (key)
		strncpy(entry->account, key + strlen("Credential=ASIA"), sizeof(entry->account) - 1);
	strncpy(entry->operation, name + (*name == '.'), sizeof(entry->operation) - 1);
	return entry;
}

static void answer_aws(struct peer *peer, const struct peer_request *request)
{
	const struct cloud_request asked = {
		.authorization = request->authorization,
		.target = request->target,
		.body = request->body,
		.length = request->length,
	};
	const usec_t now = wall_clock();
	struct cloud_answer answer;

	cloud_ask(server.cloud, &asked, now, &answer);
	server.requests++;
	server.reused += peer->requests > 1;
	if (peer->requests == 1 && peer->ssl) {
		server.handshakes++;
		server.resumed += (unsigned long)SSL_session_reused(peer->ssl);
	}
	peer->trace = note(peer, request, answer.status, now);
	peer_answer(peer, answer.status, answer.content_type, answer.error, http_date(now), server.requests, answer.body,
		answer.length);
}

static void answer_control(struct peer *peer, const struct peer_request *request)
{
	_cleanup_(buf_done) struct buf answer = BUF_NULL;
	bool known = control(&server, request->path, &answer);

	peer_answer(peer, known ? 200 : 400, "application/json", NULL, http_date(clock_now()), 0, answer.data,
		answer.length);
}

/* Sends what is there to send; when all of it has left, looks for the next request. */
static void send_answer(struct peer *peer)
{
	if (peer_write(peer) == PEER_GONE) {
		drop(peer);
		return;
	}
	watch_peer(peer, peer->writes ? EPOLLOUT : EPOLLIN);
	if (!peer->writes && peer->trace) {
		peer->trace->answered = wall_clock();
		peer->trace = NULL;
	}
}

static void hold_back(struct peer *peer)
{
	const struct peer *last = TAILQ_LAST(&held, peers);

	/* In order, although the delay may just have been made shorter. */
	peer->due = MAX(clock_monotonic() + server.delay, last ? last->due : 0);
	TAILQ_INSERT_TAIL(&held, peer, link);
	watch_peer(peer, 0);
}

static void serve(struct peer *peer)
{
	struct peer_request request;

	switch (peer_read(peer, &request)) {
	case PEER_GONE:
		drop(peer);
		break;
	case PEER_WAITS:
		watch_peer(peer, peer->writes ? EPOLLOUT : EPOLLIN); /* either, in a handshake */
		peer->writes = false;
		break;
	case PEER_ASKS:
		if (peer->control)
			answer_control(peer, &request);
		else
			answer_aws(peer, &request);
		if (server.delay && !peer->control)
			hold_back(peer);
		else
			send_answer(peer);
		break;
	}
}

/* --- the loop --- */

static void let_go(void)
{
	const usec_t now = clock_monotonic();
	struct peer *peer;

	while ((peer = TAILQ_FIRST(&held)) && peer->due <= now) {
		TAILQ_REMOVE(&held, peer, link);
		peer->due = 0;
		send_answer(peer);
	}
}

static void on_event(const struct epoll_event *event)
{
	struct peer *peer = event->data.ptr;

	if (!event->data.ptr)
		exit(0); /* whoever started it is gone */
	for (int i = 0; i < DOOR_COUNT; i++)
		if (event->data.ptr == &doors[i]) {
			accept_all(i);
			return;
		}
	if (peer->due)
		drop(peer); /* it hung up before its answer */
	else if (peer->sent < peer->out.length)
		send_answer(peer);
	else
		serve(peer);
}

static int wait_for(struct epoll_event *events)
{
	const struct peer *first = TAILQ_FIRST(&held);
	usec_t left = first ? usec_sub(first->due, clock_monotonic()) : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(left / USEC_PER_SEC), .tv_nsec = (long)(left % USEC_PER_SEC) * 1000
	};

	return epoll_pwait2(epoll, events, EVENTS, first ? &timeout : NULL, NULL);
}

static void map_hurry(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	hurry = mmap(NULL, 3 * sizeof(*hurry), PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || hurry == MAP_FAILED)
		die(path);
	(void)close(fd);
}

int main(int argc, char **argv)
{
	const struct cloud_settings settings = { .certificates = 100, .accounts = 1 };
	const struct rlimit files = { 8192, 8192 };
	struct epoll_event events[EVENTS];

	if (argc != 3) {
		fprintf(stderr, "usage: server CA-FILE HURRY-FILE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	tls = tls_new(argv[1]);
	map_hurry(argv[2]);
	server.cloud = cloud_new(&settings, clock_now());
	open_doors();
	for (;;) {
		int count = wait_for(events);

		if (count < 0 && errno != EINTR)
			die("epoll_pwait2");
		for (int i = 0; i < count; i++)
			on_event(&events[i]);
		let_go();
	}
}
