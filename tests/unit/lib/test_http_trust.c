/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a connection over TLS trusts, when that changes: a server of our own in another process, which tells in each
 * answer whether it resumed a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/http/http.h"
#include "lib/pki/secret.h"

struct world {
	sd_event *event;
	struct http *http;
	pid_t server;
	char bundle[64], url[64];
	bool done;
	char body[16];
	struct error err;
};

/* For localhost, by itself. */
static X509 *certificate_new(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");

	assert_true(X509_set_version(certificate, 2) && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
	assert_true(X509_set_pubkey(certificate, key) && X509_add_ext(certificate, names, -1));
	assert_true(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
		(const unsigned char *)"localhost", -1, -1, 0));
	assert_true(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)));
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	X509_EXTENSION_free(names);
	return certificate;
}

/* As whoever manages the host's trust would: a new file takes the place of the old one. */
static void bundle_write(const struct world *world, X509 *certificate)
{
	char new[80];
	FILE *file;

	(void)snprintf(new, sizeof(new), "%s.new", world->bundle);
	file = fopen(new, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(new, world->bundle), 0);
}

static void serve_one(SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);
	char text[4096], answer[128];

	(void)SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, text, sizeof(text)) > 0) {
		const char *word = SSL_session_reused(ssl) ? "resumed" : "full";

		(void)snprintf(answer, sizeof(answer),
			"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(word), word);
		(void)SSL_write(ssl, answer, (int)strlen(answer));
		(void)SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	(void)close(fd);
}

static pid_t server_start(int listener, X509 *certificate, EVP_PKEY *key)
{
	SSL_CTX *context;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	context = SSL_CTX_new(TLS_server_method());
	if (!context || SSL_CTX_use_certificate(context, certificate) != 1 ||
		SSL_CTX_use_PrivateKey(context, key) != 1)
		_exit(1);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		serve_one(context, fd);
	}
}

static void world_new(struct world *world, X509 *certificate, EVP_PKEY *key)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	*world = (struct world){ .bundle = "/tmp/test_http_trust.XXXXXX" };
	fd = mkstemp(world->bundle);
	assert_true(fd >= 0);
	(void)close(fd);
	bundle_write(world, certificate);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	(void)snprintf(world->url, sizeof(world->url), "https://localhost:%u/", ntohs(address.sin_port));
	world->server = server_start(listener, certificate, key);
	(void)close(listener);
	assert_true(sd_event_new(&world->event) >= 0);
	assert_int_equal(http_new(world->event, world->bundle, &world->http, NULL), 0);
}

static void world_free(struct world *world)
{
	http_free(world->http);
	sd_event_unref(world->event);
	(void)kill(world->server, SIGKILL);
	(void)waitpid(world->server, NULL, 0);
	(void)unlink(world->bundle);
	error_done(&world->err);
}

static void on_done(void *userdata, const struct http_response *response, const struct error *err)
{
	struct world *world = userdata;

	world->done = true;
	if (err)
		error_copy(&world->err, err);
	else
		(void)snprintf(world->body, sizeof(world->body), "%s", response->body);
}

static void get(struct world *world)
{
	world->done = false;
	world->body[0] = '\0';
	error_done(&world->err);
	(void)http_start(world->http,
		&(struct http_request){ .method = "GET", .url = world->url, .direct = true }, on_done, world);
	while (!world->done)
		assert_true(sd_event_run(world->event, USEC_PER_SEC) >= 0);
}

/* A bundle that changes counts from the next connection on, not when libcurl has forgotten the old one.  And what
 * a session proved counts no longer than the trust that it was proved with: who has lost it is not let in by a ticket of
 * before. */
static void test_trust_changes(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_new(key), *other = certificate_new(other_key);
	struct world world;

	world_new(&world, certificate, key);
	get(&world);
	assert_string_equal(world.body, "full");
	get(&world);
	assert_string_equal(world.body, "resumed");

	bundle_write(&world, other);
	for (int i = 0; i < 3; i++) {
		get(&world);
		assert_string_equal(world.body, "");
		assert_true(http_never_sent(&world.err));
	}
	assert_int_equal(world.err.kind, ERROR_INVALID);
	assert_non_null(strstr(world.err.text, "add its authority to the CA bundle '/tmp/test_http_trust."));

	/* Trusted again.  The connection that finds a change is given up, having sent nothing, for who asks to try again. */
	bundle_write(&world, certificate);
	get(&world);
	assert_string_equal(world.body, "");
	assert_int_equal(world.err.kind, ERROR_RETRY);
	get(&world);
	assert_string_equal(world.body, "full");
	get(&world);
	assert_string_equal(world.body, "resumed");

	/* One that everybody could have written is not read: what was trusted is. */
	bundle_write(&world, other);
	assert_int_equal(chmod(world.bundle, 0666), 0);
	get(&world);
	assert_string_equal(world.body, "resumed");
	assert_int_equal(chmod(world.bundle, 0644), 0);
	get(&world);
	assert_string_equal(world.body, "");

	world_free(&world);
	X509_free(certificate);
	X509_free(other);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trust_changes),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
