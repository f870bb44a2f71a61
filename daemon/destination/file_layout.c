/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/file_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "lib/pki/key.h"

/* A leaf, 32 chain certificates and a key fit many times. */
#define FILE_LIMIT ((off_t)256 << 10)
#define FILE_MODE  0640

enum part {
	PART_LEAF = 1 << 0,
	PART_CHAIN = 1 << 1,
	PART_KEY = 1 << 2,
};

/* In the order in which the parts are read: the leaf comes first. */
static const struct layout_file {
	enum layout layout;
	const char *name;
	unsigned parts;
} files[] = {
	{ LAYOUT_NGINX, "fullchain.pem", PART_LEAF | PART_CHAIN },
	{ LAYOUT_NGINX, "privkey.pem", PART_KEY },
	{ LAYOUT_APACHE, "cert.pem", PART_LEAF },
	{ LAYOUT_APACHE, "chain.pem", PART_CHAIN },
	{ LAYOUT_APACHE, "privkey.pem", PART_KEY },
	{ LAYOUT_HAPROXY, "haproxy.pem", PART_LEAF | PART_CHAIN | PART_KEY },
	{ LAYOUT_HAPROXY_FLAT, "haproxy.pem", PART_LEAF | PART_CHAIN | PART_KEY },
};

/* One file holds a key or not; composing all of them in the secure heap needs no second way. */
static int compose(
	const struct bundle *bundle, unsigned parts, struct secret **ret_text, struct error *err)
{
	_cleanup_(freep) char *leaf = certificate_pem(bundle->leaf);
	_cleanup_(freep) char *chain = certificate_list_pem(&bundle->chain);
	size_t size = strlen(leaf) + strlen(chain) + secret_length(bundle->key);
	int r;

	r = secret_new(size, ret_text, err);
	if (r < 0)
		return r;
	if (parts & PART_LEAF)
		secret_append_string(*ret_text, leaf);
	if (parts & PART_CHAIN)
		secret_append_string(*ret_text, chain);
	if (parts & PART_KEY)
		secret_append(*ret_text, secret_borrow(bundle->key), secret_length(bundle->key));
	return 0;
}

int file_layout_write(
	int directory, enum layout layout, const struct bundle *bundle, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(secret_freep) struct secret *text = NULL;
		int r;

		if (files[i].layout != layout)
			continue;
		r = compose(bundle, files[i].parts, &text, err);
		if (r == 0)
			r = file_write_at(directory, files[i].name, secret_borrow(text),
				secret_length(text), FILE_MODE, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_all(int fd, struct secret *text, struct error *err)
{
	char block[4096];
	int r = 0;

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = error_set_errno(err, errno, "read");
		else if (n > 0)
			r = secret_append(text, block, (size_t)n); /* grown meanwhile: -ENOSPC */
		if (n <= 0 || r < 0)
			break;
	}
	explicit_bzero(block, sizeof(block));
	return r == -ENOSPC ? error_set(err, ERROR_RETRY, 0, "changed while it was read") : r;
}

/*
 * ${ret_text} stays NULL where there is no such file, or something that we would not have
 * written.
 */
static int read_file_at(
	int directory, const char *name, struct secret **ret_text, struct error *err)
{
	_cleanup_(secret_freep) struct secret *text = NULL;
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;
	int r;

	fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
		return 0;
	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "open '%s'", name);
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_LIMIT)
		return 0;
	r = secret_new((size_t)status.st_size, &text, err);
	if (r == 0)
		r = read_all(fd, text, err);
	if (r < 0)
		return error_wrap(err, "'%s'", name);
	*ret_text = take(text);
	return 0;
}

/* Where the certificates end and the key begins: the first PEM block that is no certificate. */
static size_t certificates_length(const char *text)
{
	static const char begin[] = "-----BEGIN ", certificate[] = "-----BEGIN CERTIFICATE-----";

	for (const char *at = text; (at = strstr(at, begin)); at++)
		if (strncmp(at, certificate, sizeof(certificate) - 1) != 0)
			return (size_t)(at - text);
	return strlen(text);
}

/*
 * Sort one file's text into certificates and key; false: it holds not what its place in the
 * layout says.
 */
static int split(const struct secret *text, unsigned parts, struct buf *certificates,
	struct secret **key, struct error *err)
{
	const char *data = secret_borrow(text);
	size_t length = certificates_length(data), rest = secret_length(text) - length;

	buf_append(certificates, data, length);
	if (!(parts & PART_KEY) || rest == 0 || *key)
		return !(parts & PART_KEY) == (rest == 0);
	return secret_from(data + length, rest, key, err) < 0 ? -1 : 1;
}

static int read_files(int directory, enum layout layout, struct buf *certificates,
	struct secret **key, struct error *err)
{
	int matches = 1;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(secret_freep) struct secret *text = NULL;
		int r;

		if (files[i].layout != layout)
			continue;
		r = read_file_at(directory, files[i].name, &text, err);
		if (r == 0 && text)
			r = split(text, files[i].parts, certificates, key, err);
		if (r < 0)
			return r;
		matches &= r;
	}
	return matches;
}

/* 1: it belongs to the leaf; 0: it does not, or is none; negative when that cannot be told now. */
static int check_key(const struct secret *key, const struct certificate *leaf, struct error *err)
{
	_cleanup_(error_done) struct error refusal = ERROR_NULL;
	bool matches;

	if (!key)
		return 0;
	if (key_matches(key, leaf, &matches, &refusal) == 0)
		return matches;
	if (refusal.kind != ERROR_RETRY)
		return 0;
	error_move(err, &refusal);
	return error_result(err);
}

int file_layout_read(
	int directory, enum layout layout, struct file_content *ret_content, struct error *err)
{
	_cleanup_(buf_done) struct buf certificates = BUF_NULL;
	_cleanup_(secret_freep) struct secret *key = NULL;
	struct certificate_list list = { 0 };
	int matches, r;

	matches = read_files(directory, layout, &certificates, &key, err);
	if (matches < 0)
		return matches;
	*ret_content = (struct file_content){ 0 };
	if (certificate_chain_parse(certificates.data, certificates.length, &list, NULL) < 0)
		return 0;
	r = list.count > 0 ? check_key(key, list.items[0], err) : 0;
	if (list.count == 0 || r < 0) {
		certificate_list_done(&list);
		return r;
	}
	ret_content->leaf = list.items[0];
	ret_content->chain = list;
	ret_content->chain.count--;
	memmove(list.items, list.items + 1, ret_content->chain.count * sizeof(*list.items));
	ret_content->complete = matches && r;
	return 0;
}

/* --- What others added --- */

#define PEM_BEGIN "-----BEGIN "
#define BLANKS	  " \t\r\n"

/* Is it a block that certferry writes into a file of these ${parts}? */
static bool is_ours(const char *label, size_t length, unsigned parts)
{
	static const char certificate[] = "CERTIFICATE", key[] = "PRIVATE KEY";
	const size_t size = sizeof(key) - 1;

	if (parts & (PART_LEAF | PART_CHAIN) && length == sizeof(certificate) - 1 &&
		memcmp(label, certificate, length) == 0)
		return true;
	return parts & PART_KEY && length >= size && memcmp(label + length - size, key, size) == 0;
}

/* Behind the block that begins at ${text}, whose label is ${ret_label}; NULL: it has no end.  Without a
 * label, which ends with its line, ${ret_length} is 0: what follows could be a key. */
static const char *behind_block(const char *text, const char **ret_label, size_t *ret_length)
{
	const char *label = text + strlen(PEM_BEGIN), *end = strstr(label, "-----");
	_cleanup_(freep) char *mark = NULL;

	*ret_label = label;
	*ret_length = end && end < label + strcspn(label, "\r\n") ? (size_t)(end - label) : 0;
	if (!*ret_length)
		return NULL;
	mark = mem_printf("-----END %.*s-----", (int)*ret_length, label);
	end = strstr(end, mark);
	return end ? end + strlen(mark) : NULL;
}

/* What is in ${text} beside our blocks; NULL: nothing, or none of ours is whole. */
static char *addition_in(const char *text, unsigned parts)
{
	_cleanup_(freep) char *addition = NULL;
	bool ours = false;

	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		const char *label = "text", *next = strstr(text, PEM_BEGIN);
		size_t length = strlen(label);
		bool block = next == text, known;

		text = block ? behind_block(text, &label, &length) : next ?: text + strlen(text);
		known = block && is_ours(label, length, parts);
		if (!text && (known || !length))
			return NULL; /* a block of ours that is damaged, or nobody knows whose */
		ours |= known;
		if (!known && !addition)
			addition = mem_strndup(label, MIN(length, (size_t)64));
		if (!text)
			break;
	}
	return ours ? take(addition) : NULL;
}

char **file_layout_additions(int directory, enum layout layout)
{
	char **additions = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(secret_freep) struct secret *text = NULL;
		_cleanup_(freep) char *added = NULL, *named = NULL;

		if (files[i].layout != layout ||
			read_file_at(directory, files[i].name, &text, NULL) < 0 || !text)
			continue;
		added = addition_in(secret_borrow(text), files[i].parts);
		if (!added)
			continue;
		named = mem_printf("%s: %s", files[i].name, added);
		strv_append(&additions, named);
	}
	return additions;
}

const char *file_layout_file(const enum layout *layout, size_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if ((!layout || files[i].layout == *layout) && number-- == 0)
			return files[i].name;
	return NULL;
}

static bool is_at_or_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec <= b->tv_nsec;
}

static bool is_original(int directory, const char *name, const struct timespec *shown_at)
{
	struct stat status;

	return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status.st_mode) && is_at_or_before(&status.st_mtim, shown_at);
}

bool file_layout_has_originals(int directory, const struct timespec *shown_at)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (is_original(directory, files[i].name, shown_at))
			return true;
	return false;
}

static int replace_by_copy(int directory, int scratch, const char *name, struct error *err)
{
	_cleanup_(secret_freep) struct secret *text = NULL;
	int r;

	r = read_file_at(directory, name, &text, err);
	if (r < 0 || !text)
		return r;
	r = file_write_at(scratch, name, secret_borrow(text), secret_length(text), FILE_MODE, err);
	if (r == 0 && renameat(scratch, name, directory, name) < 0)
		r = error_set_errno(err, errno, "rename '%s'", name);
	return r;
}

int file_layout_copy_originals(
	int directory, int scratch, const struct timespec *shown_at, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		if (is_original(directory, files[i].name, shown_at))
			r = replace_by_copy(directory, scratch, files[i].name, err);
	if (r == 0 && fsync(directory) < 0)
		r = error_set_errno(err, errno, "fsync the directory of copies");
	return r;
}

void file_layout_remove(int directory)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)unlinkat(directory, files[i].name, 0);
}

void file_content_done(struct file_content *content)
{
	certificate_free(content->leaf);
	certificate_list_done(&content->chain);
	*content = (struct file_content){ 0 };
}
