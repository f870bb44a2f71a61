/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel and OpenSSL alone cost: the requests of tests/bench/client.c, made beforehand and sent again and again,
 * on connections that are there, each of which sends its next request when its answer is complete.  Nothing is signed,
 * and of the answer only its length is read.  Prints what client.c prints, but for what it does not have, and the cipher.
 *
 *	bare ENDPOINT describe|import REQUESTS IN_FLIGHT BODY-FILE
 */
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/os/clock.h"

#define IN_FLIGHT_MAX 1024
#define WARM_UP       50 /* requests on each connection */
#define EVENTS        64
#define ANSWER_SIZE   16384

struct connection {
	SSL *ssl;
	char answer[ANSWER_SIZE];
	size_t length;
};

struct bare {
	int epoll;
	SSL_CTX *tls;
	struct buf request;
	struct connection *connections;
	unsigned long count;
	unsigned long left; /* to be sent */
	unsigned long open; /* sent, not answered */
};

static void die(const char *what) __attribute__((noreturn));

static void die(const char *what)
{
	(void)fprintf(stderr, "bare: %s: %m\n", what);
	exit(1);
}

static const char *variable(const char *name)
{
	return getenv(name) ?: "";
}

/* As long and in as many fields as what the client sends. */
static void make_request(struct buf *request, const char *host, const char *operation, const char *path)
{
	_cleanup_(buf_done) struct buf body = BUF_NULL;
	FILE *file = fopen(path, "re");
	char part[4096];
	size_t length;

	if (!file)
		die(path);
	while ((length = fread(part, 1, sizeof(part), file)) > 0)
		buf_append(&body, part, length);
	(void)fclose(file);
	buf_printf(request,
		"POST / HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nContent-Type: application/x-amz-json-1.1\r\n"
		"X-Amz-Target: CertificateManager.%s\r\nX-Amz-Date: 20260101T000000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=%s/20260101/eu-west-1/acm/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=%064d\r\n"
		"User-Agent: certferry/" CERTFERRY_VERSION "\r\nX-Amz-Security-Token: %s\r\nContent-Length: %zu\r\n\r\n%s",
		host, strcmp(operation, "import") == 0 ? "ImportCertificate" : "DescribeCertificate",
		variable("AWS_ACCESS_KEY_ID"), 0, variable("AWS_SESSION_TOKEN"), body.length, body.data);
}

static int dial(const char *name, const char *port)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	static const int one = 1;
	struct addrinfo *address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (getaddrinfo(name, port, &hints, &address) != 0)
		die(name);
	if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		die("connect");
	freeaddrinfo(address);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* The handshake may block. */
static void connection_open(struct bare *bare, struct connection *connection, const char *name, const char *port)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	int fd = dial(name, port);

	connection->ssl = SSL_new(bare->tls);
	if (!connection->ssl || SSL_set_fd(connection->ssl, fd) != 1 || SSL_set1_host(connection->ssl, name) != 1 ||
		SSL_connect(connection->ssl) != 1)
		die("TLS");
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || epoll_ctl(bare->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

static void send_request(struct bare *bare, struct connection *connection)
{
	bare->left--;
	bare->open++;
	connection->length = 0;
	/* The socket's buffer was empty, and has room for all of it. */
	if (SSL_write(connection->ssl, bare->request.data, (int)bare->request.length) != (int)bare->request.length)
		die("SSL_write");
}

static bool is_complete(const struct connection *connection)
{
	static const char name[] = "\r\nContent-Length:";
	const char *end = strstr(connection->answer, "\r\n\r\n"), *length = strstr(connection->answer, name);

	if (!end || !length)
		return false;
	if (strncmp(connection->answer, "HTTP/1.1 200 ", 13) != 0)
		die(connection->answer);
	return connection->length >=
		(size_t)(end + 4 - connection->answer) + strtoul(length + strlen(name), NULL, 10);
}

static void on_answer(struct bare *bare, struct connection *connection)
{
	char *end = connection->answer + connection->length;
	int length = SSL_read(connection->ssl, end, (int)(ANSWER_SIZE - 1 - connection->length));

	if (length <= 0) {
		/* The tickets that follow a handshake are no answer. */
		if (SSL_get_error(connection->ssl, length) != SSL_ERROR_WANT_READ)
			die("SSL_read");
		return;
	}
	end[length] = '\0';
	connection->length += (size_t)length;
	if (!is_complete(connection))
		return;
	bare->open--;
	if (bare->left > 0)
		send_request(bare, connection);
}

static void send_all(struct bare *bare, unsigned long requests)
{
	struct epoll_event events[EVENTS];

	bare->left = requests;
	for (unsigned long i = 0; i < bare->count && bare->left > 0; i++)
		send_request(bare, &bare->connections[i]);
	while (bare->open > 0) {
		int count = epoll_wait(bare->epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++)
			on_answer(bare, events[i].data.ptr);
	}
}

static double cpu_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ${endpoint}: "https://NAME:PORT". */
static void open_all(struct bare *bare, const char *endpoint)
{
	_cleanup_(freep) char *name = mem_strdup(endpoint + strlen("https://"));
	char *port = strchr(name, ':');

	if (!port)
		die(endpoint);
	*port++ = '\0';
	bare->epoll = epoll_create1(EPOLL_CLOEXEC);
	bare->tls = SSL_CTX_new(TLS_client_method());
	if (!bare->tls || SSL_CTX_load_verify_file(bare->tls, variable("AWS_CA_BUNDLE")) != 1)
		die("AWS_CA_BUNDLE");
	SSL_CTX_set_verify(bare->tls, SSL_VERIFY_PEER, NULL);
	bare->connections = mem_resize(NULL, bare->count, sizeof(*bare->connections));
	for (unsigned long i = 0; i < bare->count; i++)
		connection_open(bare, &bare->connections[i], name, port);
}

int main(int argc, char **argv)
{
	struct bare bare = { .request = BUF_NULL };
	unsigned long requests;
	double cpu, began;

	if (argc != 6 || strncmp(argv[1], "https://", strlen("https://")) != 0) {
		(void)fputs("usage: bare ENDPOINT describe|import REQUESTS IN_FLIGHT BODY-FILE\n", stderr);
		return 2;
	}
	requests = strtoul(argv[3], NULL, 10);
	bare.count = strtoul(argv[4], NULL, 10);
	if (requests == 0 || bare.count == 0 || bare.count > IN_FLIGHT_MAX)
		return 2;
	make_request(&bare.request, argv[1] + strlen("https://"), argv[2], argv[5]);
	open_all(&bare, argv[1]);

	send_all(&bare, WARM_UP * bare.count);
	began = (double)clock_monotonic() / USEC_PER_SEC;
	cpu = cpu_seconds();
	send_all(&bare, requests);
	cpu = cpu_seconds() - cpu;
	(void)printf("{\"requests\": %lu, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"connections\": %lu, "
		     "\"cipher\": \"%s\"}\n",
		requests, (double)clock_monotonic() / USEC_PER_SEC - began, cpu, bare.count,
		SSL_get_cipher_name(bare.connections[0].ssl));
	return 0; /* the kernel closes and frees */
}
