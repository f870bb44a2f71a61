/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/trust.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/http/http.h"
#include "lib/os/file.h"
#include "lib/os/path.h"

struct trust {
	char *path; /* "" when the system has none */
	bool judged; /* it was named, not found: it counts only where not everybody could change it */
	X509_STORE *store; /* or NULL: not parsed yet */
	struct stat parsed; /* of the file when it was */
};

/* What X509_STORE_load_file() does, from the file that was judged; false: no certificate is in it. */
static bool load_file(X509_STORE *store, int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	FILE *file = own < 0 ? NULL : fdopen(own, "r");
	STACK_OF(X509_INFO) *items = file ? PEM_X509_INFO_read(file, NULL, NULL, NULL) : NULL;
	int count = 0;

	for (int i = 0; i < sk_X509_INFO_num(items); i++) {
		const X509_INFO *item = sk_X509_INFO_value(items, i);

		if (item->x509)
			count += X509_STORE_add_cert(store, item->x509);
		if (item->crl)
			count += X509_STORE_add_crl(store, item->crl);
	}
	sk_X509_INFO_pop_free(items, X509_INFO_free);
	if (file)
		(void)fclose(file);
	else
		fd_close(own);
	return count > 0;
}

/*
 * The files of a directory are opened by OpenSSL when a chain leads to them, by name: the way there was judged, so the
 * name goes on meaning the same directory.
 */
static int trust_parse(struct trust *trust, int fd, const struct stat *st)
{
	X509_STORE *store = X509_STORE_new();
	bool loaded;

	if (!store)
		mem_exhausted();
	/* As libcurl has it: the first path to something trusted counts, be it an intermediate. */
	(void)X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	loaded = S_ISDIR(st->st_mode) ? X509_STORE_load_path(store, trust->path) : load_file(store, fd);
	ERR_clear_error();
	if (!loaded) {
		X509_STORE_free(store);
		return -EINVAL;
	}
	X509_STORE_free(trust->store);
	trust->store = store;
	trust->parsed = *st;
	return 0;
}

static int trust_open(const struct trust *trust, int *ret_fd, struct stat *st, struct error *err)
{
	const int flags = O_RDONLY | O_NONBLOCK;
	_cleanup_(fd_closep) int fd = trust->judged ? -1 : open(trust->path, flags | O_CLOEXEC);
	int r = 0;

	if (trust->judged)
		r = path_open_trusted(trust->path, flags, PATH_NOT_EVERYBODY, &fd, err);
	if (r < 0)
		return r;
	if (fd < 0 || fstat(fd, st) < 0)
		return error_set_errno(err, errno, "open '%s'", trust->path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static bool is_parsed(const struct trust *trust, const struct stat *st)
{
	const struct stat *parsed = &trust->parsed;

	return trust->store && st->st_dev == parsed->st_dev && st->st_ino == parsed->st_ino &&
	       st->st_size == parsed->st_size && st->st_mtim.tv_sec == parsed->st_mtim.tv_sec &&
	       st->st_mtim.tv_nsec == parsed->st_mtim.tv_nsec;
}

/* A file that is being replaced, has become useless or everybody's costs nobody what was read before. */
static bool trust_renew(struct trust *trust)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat st;

	if (stat(trust->path, &st) < 0 || is_parsed(trust, &st))
		return false;
	return trust_open(trust, &fd, &st, NULL) == 0 && trust_parse(trust, fd, &st) == 0;
}

int trust_apply(struct trust *trust, SSL_CTX *context, bool *ret_changed)
{
	bool had = trust->store;

	*ret_changed = trust_renew(trust) && had;
	if (!trust->store)
		return -EINVAL;
	SSL_CTX_set1_cert_store(context, trust->store);
	return 0;
}

/* "5ed36f99.0", as openssl-rehash(1) names them. */
static bool is_hash_link(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && name[9] >= '0' &&
	       name[9] <= '9';
}

static bool has_hash_links(const char *path)
{
	DIR *directory = path ? opendir(path) : NULL;
	struct dirent *entry;
	bool found = false;

	while (directory && !found && (entry = readdir(directory)))
		found = is_hash_link(entry->d_name);
	if (directory)
		(void)closedir(directory);
	return found;
}

/* Of a directory only what a chain leads to is read: all of them cost 10 ms and a megabyte. */
static const char *system_path(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return has_hash_links(info->capath) ? info->capath : info->cainfo;
}

/* OpenSSL takes any directory, and what cannot be read for what holds nothing. */
static int trust_read(struct trust *trust, struct error *err)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	_cleanup_(fd_closep) int fd = -1;
	struct stat st;

	if (trust_open(trust, &fd, &st, &problem) < 0 && problem.code)
		return error_set(err, ERROR_INVALID, problem.code, "CA bundle '%s': %s", trust->path,
			strerror(problem.code));
	if (problem.kind)
		return error_set(err, problem.kind, 0, "CA bundle: %s", problem.text);
	if (S_ISDIR(st.st_mode) && !has_hash_links(trust->path))
		return error_set(err, ERROR_INVALID, 0,
			"CA bundle '%s' is a directory without certificates as openssl-rehash(1) leaves them",
			trust->path);
	if (trust_parse(trust, fd, &st) < 0)
		return error_set(err, ERROR_INVALID, 0, "CA bundle '%s' holds no certificates in PEM",
			trust->path);
	return 0;
}

int trust_new(const char *path, struct trust **ret_trust, struct error *err)
{
	struct trust *trust = mem_new(struct trust);
	int r;

	trust->path = mem_strdup(path ?: system_path() ?: "");
	trust->judged = path != NULL;
	r = path ? trust_read(trust, err) : 0;
	if (r < 0) {
		trust_free(trust);
		return r;
	}
	*ret_trust = trust;
	return 0;
}

char *trust_lack(const struct trust *trust)
{
	const char *why = access(trust->path, R_OK) < 0 ? strerror(errno) : "no certificate is in it";

	if (!*trust->path)
		return mem_strdup("this host has no CA certificates; install the package ca-certificates");
	return mem_printf("this host has no CA certificates (%s: %s); install the package ca-certificates",
		trust->path, why);
}

int trust_check(struct trust *trust, struct error *err)
{
	_cleanup_(freep) char *lack = NULL;

	(void)trust_renew(trust);
	if (trust->store)
		return 0;
	lack = trust_lack(trust);
	return error_set(err, ERROR_ABSENT, 0, "%s", lack);
}

const char *trust_path(const struct trust *trust)
{
	return trust->path;
}

struct trust *trust_free(struct trust *trust)
{
	if (!trust)
		return NULL;
	X509_STORE_free(trust->store);
	free(trust->path);
	free(trust);
	return NULL;
}

int http_check_trust(const char *ca_file, struct error *err)
{
	struct trust *trust;
	int r = trust_new(ca_file, &trust, err);

	if (r < 0)
		return r;
	r = trust_check(trust, err);
	trust_free(trust);
	return r;
}
