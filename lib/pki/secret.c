/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/encode.h"
#include "lib/os/file.h"
#include "lib/pki/wiping.h"

/* The least block of the secure heap: a BIGNUM's limbs are small, PEM texts are not. */
#define SECRET_HEAP_BLOCK 32

struct secret {
	char *data; /* room + 1 bytes in the secure heap */
	size_t length;
	size_t room;
};

/* OpenSSL's own allocators give NULL for no bytes, and some of its callers know it. */

static void *crypto_malloc(size_t size, const char *file, int line)
{
	return size ? wiping_malloc(size) : NULL;
}

static void *crypto_realloc(void *memory, size_t size, const char *file, int line)
{
	if (size)
		return wiping_realloc(memory, size);
	wiping_free(memory);
	return NULL;
}

static void crypto_free(void *memory, const char *file, int line)
{
	wiping_free(memory);
}

int secret_heap_init(bool *ret_locked, struct error *err)
{
	int state;

	if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
		return error_set(
			err, ERROR_BUG, 0, "OpenSSL was used before its allocators were set");
	state = CRYPTO_secure_malloc_init(SECRET_HEAP_SIZE, SECRET_HEAP_BLOCK);
	if (state == 0)
		return error_set(err, ERROR_RETRY, 0, "no secure heap of %zu bytes can be made",
			SECRET_HEAP_SIZE);
	*ret_locked = state == 1;
	return 0;
}

int secret_new(size_t size, struct secret **ret_secret, struct error *err)
{
	struct secret *secret;
	char *data = size < SECRET_HEAP_SIZE ? OPENSSL_secure_zalloc(size + 1) : NULL;

	if (!data)
		return error_set(
			err, ERROR_RETRY, ENOMEM, "no room for %zu bytes in the secure heap", size);
	secret = mem_new(struct secret);
	*secret = (struct secret){ .data = data, .room = size };
	*ret_secret = secret;
	return 0;
}

int secret_from(const void *data, size_t length, struct secret **ret_secret, struct error *err)
{
	struct secret *secret;
	int r;

	r = secret_new(length, &secret, err);
	if (r < 0)
		return r;
	secret_append(secret, data, length);
	*ret_secret = secret;
	return 0;
}

/* A file is read once, into a block of its size; what tells no size (a pipe) gets the limit. */
static int room_for_file(
	int fd, const char *path, size_t limit, size_t *ret_room, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "read '%s'", path);
	if (S_ISDIR(status.st_mode))
		return error_set_errno(err, EISDIR, "read '%s'", path);
	*ret_room = limit;
	if (S_ISREG(status.st_mode) && status.st_size > 0)
		*ret_room = MIN((size_t)status.st_size, limit);
	return 0;
}

/* Fill the secret's room from ${fd}; one byte more would be too many. */
static int fill_from_file(struct secret *secret, int fd, const char *path, struct error *err)
{
	for (;;) {
		ssize_t n = read(
			fd, secret->data + secret->length, secret->room + 1 - secret->length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "read '%s'", path);
		if (n == 0)
			break;
		secret->length += (size_t)n;
		if (secret->length > secret->room)
			return error_set(err, ERROR_INVALID, 0, "'%s' has more than %zu bytes",
				path, secret->room);
	}
	secret->data[secret->length] = '\0';
	if (secret->length == 0)
		return error_set(err, ERROR_INVALID, 0, "'%s' is empty", path);
	return 0;
}

int secret_read_open(int fd, const char *path, size_t limit, struct secret **ret_secret, struct error *err)
{
	_cleanup_(secret_freep) struct secret *secret = NULL;
	size_t room = 0;
	int r;

	r = room_for_file(fd, path, limit, &room, err);
	if (r < 0)
		return r;
	r = secret_new(room, &secret, err);
	if (r < 0)
		return error_wrap(err, "read '%s'", path);
	r = fill_from_file(secret, fd, path, err);
	if (r < 0)
		return r;
	*ret_secret = take(secret);
	return 0;
}

int secret_read_bytes(const char *path, size_t limit, struct secret **ret_secret, struct error *err)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return error_set_errno(err, errno, "open '%s'", path);
	return secret_read_open(fd, path, limit, ret_secret, err);
}

int secret_read_file(const char *path, size_t limit, struct secret **ret_secret, struct error *err)
{
	_cleanup_(secret_freep) struct secret *secret = NULL;
	int r;

	r = secret_read_bytes(path, limit, &secret, err);
	if (r < 0)
		return r;
	if (secret->data[secret->length - 1] == '\n')
		secret->data[--secret->length] = '\0';
	if (secret->length == 0)
		return error_set(err, ERROR_INVALID, 0, "'%s' is empty", path);
	*ret_secret = take(secret);
	return 0;
}

int secret_append(struct secret *secret, const void *data, size_t length)
{
	if (length > secret->room - secret->length)
		return -ENOSPC;
	if (length > 0)
		memcpy(secret->data + secret->length, data, length);
	secret->length += length;
	secret->data[secret->length] = '\0';
	return 0;
}

int secret_append_string(struct secret *secret, const char *text)
{
	return secret_append(secret, text, strlen(text));
}

int secret_append_base64(struct secret *secret, const void *data, size_t length)
{
	size_t encoded = base64_length(length);

	if (encoded > secret->room - secret->length)
		return -ENOSPC;
	base64_encode(data, length, secret->data + secret->length);
	secret->length += encoded;
	return 0;
}

/* The escape of one character (RFC 8259 section 7) into ${text}; returns its length. */
static size_t json_escape(unsigned char c, char text[static 7])
{
	static const char shorts[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = c ? strchr(shorts, c) : NULL;

	if (found)
		return (size_t)snprintf(text, 7, "\\%c", letters[found - shorts]);
	if (c < 0x20)
		return (size_t)snprintf(text, 7, "\\u%04x", c);
	text[0] = (char)c;
	return 1;
}

int secret_append_json(struct secret *secret, const char *text, size_t length)
{
	char escape[7];
	size_t before = secret->length;
	int r = 0;

	for (size_t i = 0; i < length && r == 0; i++)
		r = secret_append(secret, escape, json_escape((unsigned char)text[i], escape));
	OPENSSL_cleanse(escape, sizeof(escape));
	if (r < 0)
		secret_truncate(secret, before);
	return r;
}

void *secret_extend(struct secret *secret, size_t length)
{
	char *start = secret->data + secret->length;

	if (length > secret->room - secret->length)
		return NULL;
	memset(start, 0, length + 1);
	secret->length += length;
	return start;
}

void secret_truncate(struct secret *secret, size_t length)
{
	if (length >= secret->length)
		return;
	OPENSSL_cleanse(secret->data + length, secret->length - length);
	secret->data[length] = '\0';
	secret->length = length;
}

const char *secret_borrow(const struct secret *secret)
{
	return secret->data;
}

size_t secret_length(const struct secret *secret)
{
	return secret->length;
}

struct secret *secret_free(struct secret *secret)
{
	if (!secret)
		return NULL;
	OPENSSL_secure_clear_free(secret->data, secret->room + 1);
	free(secret);
	return NULL;
}
