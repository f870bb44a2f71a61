/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/trust.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"

struct trust {
	char *path; /* "" when the system has none */
	X509_STORE *store; /* or NULL: not parsed yet */
	struct stat parsed; /* of the file when it was */
};

static int trust_parse(struct trust *trust, const struct stat *st)
{
	X509_STORE *store = X509_STORE_new();
	int r;

	if (!store)
		mem_exhausted();
	/* As libcurl has it: the first path to something trusted counts, be it an intermediate. */
	(void)X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	r = S_ISDIR(st->st_mode) ? X509_STORE_load_path(store, trust->path)
				 : X509_STORE_load_file(store, trust->path);
	ERR_clear_error();
	if (r != 1) {
		X509_STORE_free(store);
		return -EINVAL;
	}
	X509_STORE_free(trust->store);
	trust->store = store;
	trust->parsed = *st;
	return 0;
}

static bool is_parsed(const struct trust *trust, const struct stat *st)
{
	const struct stat *parsed = &trust->parsed;

	return trust->store && st->st_dev == parsed->st_dev && st->st_ino == parsed->st_ino &&
	       st->st_size == parsed->st_size && st->st_mtim.tv_sec == parsed->st_mtim.tv_sec &&
	       st->st_mtim.tv_nsec == parsed->st_mtim.tv_nsec;
}

int trust_apply(struct trust *trust, SSL_CTX *context, bool *ret_changed)
{
	bool had = trust->store;
	struct stat st;

	/* A file that is being replaced or has become useless costs nobody the old one. */
	*ret_changed = stat(trust->path, &st) == 0 && !is_parsed(trust, &st) && trust_parse(trust, &st) == 0 && had;
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
	_cleanup_(fd_closep) int fd = open(trust->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, ERROR_INVALID, errno, "CA bundle '%s': %m", trust->path);
	if (S_ISDIR(st.st_mode) && !has_hash_links(trust->path))
		return error_set(err, ERROR_INVALID, 0,
			"CA bundle '%s' is a directory without certificates as openssl-rehash(1) leaves them",
			trust->path);
	if (file_check_public(trust->path, err) < 0)
		return error_wrap(err, "CA bundle");
	if (trust_parse(trust, &st) < 0)
		return error_set(err, ERROR_INVALID, 0, "CA bundle '%s' holds no certificates in PEM",
			trust->path);
	return 0;
}

int trust_new(const char *path, struct trust **ret_trust, struct error *err)
{
	struct trust *trust = mem_new(struct trust);
	int r;

	trust->path = mem_strdup(path ?: system_path() ?: "");
	r = path ? trust_read(trust, err) : 0;
	if (r < 0) {
		trust_free(trust);
		return r;
	}
	*ret_trust = trust;
	return 0;
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
