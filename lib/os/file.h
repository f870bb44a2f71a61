/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OS_FILE_H
#define LIB_OS_FILE_H

/* Whole files: read with a limit, replaced so that a crash leaves the old or the new one. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/os/fd.h"

/**
 * file_read(path, limit, content, err):
 * Append the file's bytes to ${content}.  More than ${limit} bytes is ERROR_INVALID.  Every
 * message names the path.  Not for secrets: see secret_read_file() in lib/pki/secret.h.
 */
int file_read(const char *path, size_t limit, struct buf *content, struct error *err);

/* file_read_fd(fd, path, limit, content, err): the same of the open ${fd}, from where it stands; ${path} is for messages. */
int file_read_fd(int fd, const char *path, size_t limit, struct buf *content, struct error *err);

/**
 * file_read_trusted(path, limit, content, err):
 * The same for a file whose content is believed: ERROR_DENIED, with the command that helps, where others than root and
 * this process's user could change it or put another one in its place (lib/os/path.h).
 */
int file_read_trusted(const char *path, size_t limit, struct buf *content, struct error *err);

/* file_write_fd(fd, data, size): write all of it to the open ${fd}; negative errno. */
int file_write_fd(int fd, const void *data, size_t size);

/**
 * file_write_at(directory, name, data, size, mode, err):
 * Create ${name} under the open ${directory}, write, fsync and close it.  An existing file
 * of that name is an error (ERROR_CONFLICT): use it inside a fresh directory.
 */
int file_write_at(int directory, const char *name, const void *data, size_t size, mode_t mode,
	struct error *err);

/**
 * file_replace(path, data, size, mode, err):
 * Write to a temporary name in the same directory, fsync, rename over ${path}, fsync the
 * directory: after a power loss ${path} holds the old bytes or the new ones, never less.
 */
int file_replace(const char *path, const void *data, size_t size, mode_t mode, struct error *err);

/*
 * file_temporary_name(name): a name beside ${name} that nobody else uses, so that a stale one of a
 * crash never stands in the way: ".NAME.XXXXXXXX.tmp"; the caller owns it.
 * file_is_temporary(name, of): is ${name} one of those of ${of}?
 */
char *file_temporary_name(const char *name);
bool file_is_temporary(const char *name, const char *of);

/**
 * link_replace(directory, name, target, err):
 * Make the symbolic link ${name} under the open ${directory} point to ${target} by a rename,
 * and fsync the directory, so that readers see the old or the new target at any time.
 */
int link_replace(int directory, const char *name, const char *target, struct error *err);

/*
 * link_put(directory, name, target, err): link_replace() without the fsync: the caller does it once
 * for several.
 */
int link_put(int directory, const char *name, const char *target, struct error *err);

/*
 * directory_make(parent, name, mode): make ${name} under the open ${parent} with ${mode} whatever
 * the umask is, and fsync ${parent}.  Without chmod(2): that would take away the set-group-id bit
 * which mkdir(2) inherits from the parent, and with it the group of all that is made inside.
 * Negative errno.
 */
int directory_make(int parent, const char *name, mode_t mode);

#endif
