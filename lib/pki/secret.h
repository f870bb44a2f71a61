/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_SECRET_H
#define LIB_PKI_SECRET_H

/*
 * Secrets live in OpenSSL's secure heap: locked in memory, left out of core dumps, wiped on
 * release.  A struct secret owns its bytes; there is no copy function and nothing formats
 * one.  A full secure heap is not a failure of the process: it is ERROR_RETRY, and whoever
 * wanted to start something waits (design law "Ownership").
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* The size of the secure heap.  systemd/certferryd.service has LimitMEMLOCK= to match. */
#define SECRET_HEAP_SIZE ((size_t)4 << 20)

struct secret;

/**
 * secret_memory_init(err):
 * To be called first in main(), before any use of OpenSSL, libcurl or jansson: gives all
 * three wiping allocators and makes the secure heap.  ${ret_locked} is false when the memory
 * could not be locked (the caller warns loudly).  Calling it twice is a bug.
 */
int secret_memory_init(bool *ret_locked, struct error *err);

/* secret_heap_init(locked, err): the same for a program that uses neither libcurl nor jansson. */
int secret_heap_init(bool *ret_locked, struct error *err);

/**
 * secret_new(size, secret, err):
 * A zeroed secret with room for ${size} bytes and one NUL beyond them; its length is 0.
 * ERROR_RETRY when the secure heap is full.
 */
int secret_new(size_t size, struct secret **ret_secret, struct error *err);

/* secret_from(data, length, secret, err): a new secret that holds ${length} bytes of ${data}; the
 * caller wipes its own. */
int secret_from(const void *data, size_t length, struct secret **ret_secret, struct error *err);

/**
 * secret_read_file(path, limit, secret, err):
 * The file's bytes, read straight into the secure heap, one trailing newline removed.
 * ERROR_INVALID above ${limit} bytes or when the file is empty; messages name the path.
 * secret_read_bytes() is the same but for the newline, which stays; secret_read_open() reads so from the open ${fd},
 * whose name is ${path} for messages.
 */
int secret_read_file(const char *path, size_t limit, struct secret **ret_secret, struct error *err);
int secret_read_bytes(
	const char *path, size_t limit, struct secret **ret_secret, struct error *err);
int secret_read_open(int fd, const char *path, size_t limit, struct secret **ret_secret, struct error *err);

/* secret_append(secret, data, length): -ENOSPC, nothing appended, when the room given to
 * secret_new() is used up. */
int secret_append(struct secret *secret, const void *data, size_t length);
int secret_append_string(struct secret *secret, const char *text);

/* secret_append_base64(secret, data, length), secret_append_json(secret, text, length): the bytes
 * as base64; the text with the escapes of RFC 8259 section 7 and without the quotes.  -ENOSPC as
 * above. */
int secret_append_base64(struct secret *secret, const void *data, size_t length);
int secret_append_json(struct secret *secret, const char *text, size_t length);

/* secret_extend(secret, length): lengthen it by ${length} zero bytes, which the caller writes
 * through the pointer returned; NULL when there is no room.  secret_truncate(secret, length): keep
 * and wipe. */
void *secret_extend(struct secret *secret, size_t length);
void secret_truncate(struct secret *secret, size_t length);

/* secret_borrow(secret), secret_length(secret): the bytes (NUL-terminated) until secret_free(), and
 * how many.  The places that borrow are the places to review. */
const char *secret_borrow(const struct secret *secret);
size_t secret_length(const struct secret *secret);

/* secret_free(secret): wipe and release; returns NULL. */
struct secret *secret_free(struct secret *secret);

DEFINE_CLEANUP(struct secret *, secret_free);

#endif
