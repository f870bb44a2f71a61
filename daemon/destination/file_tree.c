/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A version is written in this order, each step durable before the next:
 *	.versions/AS/.new-XXXXXXXX	its files, under a name that nobody looks for
 *	.versions/AS/VERSION		renamed into place, or exchanged with a damaged one
 *	.versions/AS/VERSION.anchor	where its chain ends, renamed into place
 *	(older versions removed: all but this one and the one that the link shows)
 *	AS				the link, switched by a rename: now it is delivered
 */

#include "daemon/destination/file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/destination/file_check.h"
#include "daemon/destination/file_layout.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/os/path.h"

#define VERSIONS       ".versions"
#define NEW_VERSION    ".new-"
#define ANCHOR	       ".anchor"
#define STEP_MOST      (NAME_MAX - 32) /* temporary names beside it are longer */
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static bool is_hex(const char *text, size_t length)
{
	return strspn(text, "0123456789abcdef") == length && text[length] == '\0';
}

/*
 * 0750 under the unit's UMask=0077 and without chmod(2): that would take away the set-group-id bit
 * which mkdir(2) inherits from the parent, and with it the group of all that is made inside.
 */
static int make_directory(int parent, const char *name)
{
	mode_t mask = umask(0027);
	int r = mkdirat(parent, name, 0750) < 0 ? -errno : 0;

	(void)umask(mask);
	if (r == 0 && fsync(parent) < 0)
		r = -errno;
	return r;
}

static int open_step(int parent, const char *name, bool make)
{
	int fd = openat(parent, name, OPEN_DIRECTORY);
	int r;

	if (fd >= 0 || errno != ENOENT || !make)
		return fd < 0 ? -errno : fd;
	r = make_directory(parent, name);
	if (r < 0 && r != -EEXIST)
		return r;
	fd = openat(parent, name, OPEN_DIRECTORY);
	return fd < 0 ? -errno : fd;
}

static bool is_trusted(int directory)
{
	struct stat status;

	return fstat(directory, &status) == 0 && path_is_safe(&status, PATH_OUR_GROUP);
}

/* From ${root} down ${steps}; -1 in ${ret_fd} where a step is missing and not to be made. */
static int walk(
	const struct file_tree *tree, char *const *steps, bool make, int *ret_fd, struct error *err)
{
	const char *directory = tree->delivery->place->destination->directory;
	_cleanup_(fd_closep) int fd = fcntl(tree->root, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return error_set_errno(err, errno, "open '%s'", directory);
	STRV_FOREACH (step, steps) {
		int next = open_step(fd, *step, make);

		if (next == -ENOENT && !make)
			return 0;
		if (next == -ENOTDIR || next == -ELOOP)
			return error_set(err, ERROR_CONFLICT, -next,
				"'%s' on the way to '%s/%s' is not a directory: remove it, or "
				"choose another name with as:",
				*step, directory, tree->delivery->object);
		if (next < 0)
			return error_set_errno(err, next, "directory '%s' on the way to '%s/%s'",
				*step, directory, tree->delivery->object);
		fd_close(fd);
		fd = next;
		if (!is_trusted(fd))
			return error_set(err, ERROR_CONFLICT, EPERM,
				"others own or can write to directory '%s' on the way to '%s/%s'; "
				"remove it, or choose another name with as:",
				*step, directory, tree->delivery->object);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/*
 * AS as its steps.  The configuration admits letters, digits and some signs; ways out, and names
 * that are ours, are refused here.
 */
static int split_object(const struct delivery *delivery, char ***ret_steps, struct error *err)
{
	_cleanup_(freep) char *copy = mem_strdup(delivery->object);
	_cleanup_(strv_freep) char **steps = NULL;
	char *rest = copy;

	for (char *step; (step = strsep(&rest, "/"));) {
		if (*step == '\0' || *step == '.' || strlen(step) > STEP_MOST)
			return error_set(err, ERROR_INVALID, 0,
				"'%s' cannot be the path of files in '%s'; as: must be a relative path "
				"in which no part is empty or begins with a dot",
				delivery->object, delivery->place->destination->directory);
		strv_append(&steps, step);
	}
	*ret_steps = take(steps);
	return 0;
}

static char *target_prefix(const char *object, size_t depth)
{
	_cleanup_(freep) char *up = mem_alloc(3 * depth + 1);

	for (size_t i = 0; i < depth; i++)
		memcpy(up + 3 * i, "../", 3);
	return mem_printf("%s" VERSIONS "/%s/", up, object);
}

/*
 * ${steps} are those of AS: all but the last lead to the link, all of them below .versions to
 * its target.
 */
static int open_ways(struct file_tree *tree, char **steps, bool make, struct error *err)
{
	_cleanup_(strv_freep) char **below = NULL;
	size_t depth = strv_length(steps) - 1;
	int r;

	strv_append(&below, VERSIONS);
	STRV_FOREACH (step, steps)
		strv_append(&below, *step);
	tree->prefix = target_prefix(tree->delivery->object, depth);
	tree->link = take(steps[depth]);
	r = walk(tree, steps, make, &tree->parent, err);
	if (r == 0)
		r = walk(tree, below, make, &tree->versions, err);
	return r;
}

/* A look reads only, and from wherever the directory leads: whether keys may go there is asked before they do. */
static int open_root(const struct desired_destination *destination, bool make, int *ret_fd, struct error *err)
{
	int fd;

	if (make)
		return file_open_directory(destination, ret_fd, err);
	fd = open(destination->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "open directory '%s'", destination->directory);
	*ret_fd = fd;
	return 0;
}

int file_tree_open(
	const struct delivery *delivery, bool make, struct file_tree *tree, struct error *err)
{
	_cleanup_(strv_freep) char **steps = NULL;
	int r;

	r = split_object(delivery, &steps, err);
	if (r < 0)
		return r;
	tree->delivery = delivery;
	r = open_root(delivery->place->destination, make, &tree->root, err);
	return r < 0 ? r : open_ways(tree, steps, make, err);
}

static int foreign(const struct file_tree *tree, const char *what, struct error *err)
{
	return error_set(err, ERROR_CONFLICT, EEXIST,
		"'%s/%s' is %s that certferry did not make: move it away, or choose another name "
		"with as:",
		tree->delivery->place->destination->directory, tree->delivery->object, what);
}

int file_tree_version(
	const struct file_tree *tree, char ret_version[static VERSION_NAME_SIZE], struct error *err)
{
	size_t prefix = strlen(tree->prefix);
	char target[PATH_MAX];
	ssize_t length;

	ret_version[0] = '\0';
	if (tree->parent < 0)
		return 0;
	length = readlinkat(tree->parent, tree->link, target, sizeof(target) - 1);
	if (length < 0 && errno == ENOENT)
		return 0;
	if (length < 0 && errno == EINVAL)
		return foreign(tree, "a file or directory", err);
	if (length < 0)
		return error_set_errno(err, errno, "read link '%s/%s'",
			tree->delivery->place->destination->directory, tree->delivery->object);
	target[length] = '\0';
	if (strncmp(target, tree->prefix, prefix) != 0 ||
		!is_hex(target + prefix, VERSION_NAME_SIZE - 1))
		return foreign(tree, "a link", err);
	memcpy(ret_version, target + prefix, VERSION_NAME_SIZE);
	return 0;
}

usec_t file_tree_changed(const struct file_tree *tree)
{
	struct stat status;

	if (tree->parent < 0 || fstatat(tree->parent, tree->link, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (usec_t)status.st_mtim.tv_sec * USEC_PER_SEC + (usec_t)status.st_mtim.tv_nsec / 1000;
}

int file_tree_open_version(const struct file_tree *tree, const char *version)
{
	return tree->versions < 0 ? -1 : openat(tree->versions, version, OPEN_DIRECTORY);
}

static char *anchor_name(const char *version)
{
	return mem_printf("%s" ANCHOR, version);
}

void file_tree_anchor(const struct file_tree *tree, const char *version, struct fingerprint *ret_anchor)
{
	_cleanup_(freep) char *name = anchor_name(version);
	_cleanup_(fd_closep) int fd = -1;
	char text[FINGERPRINT_TEXT_SIZE + 1];
	ssize_t length;

	*ret_anchor = (struct fingerprint){ 0 };
	if (tree->versions >= 0)
		fd = openat(tree->versions, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	length = fd < 0 ? -1 : read(fd, text, sizeof(text));
	/* The digits and a line's end, and not a byte more. */
	if (length != FINGERPRINT_TEXT_SIZE || text[length - 1] != '\n')
		return;
	text[length - 1] = '\0';
	if (fingerprint_parse(text, ret_anchor) < 0)
		*ret_anchor = (struct fingerprint){ 0 };
}

int file_tree_write_anchor(const struct file_tree *tree, const char *version,
	const struct fingerprint *anchor, struct error *err)
{
	_cleanup_(freep) char *name = anchor_name(version);
	_cleanup_(freep) char *temporary = mem_printf(
		NEW_VERSION "%08llx", (unsigned long long)random_below(UINT32_MAX));
	char text[FINGERPRINT_TEXT_SIZE];
	int r;

	fingerprint_format(anchor, text);
	text[FINGERPRINT_TEXT_SIZE - 1] = '\n';
	r = file_write_at(tree->versions, temporary, text, sizeof(text), 0640, err);
	if (r < 0)
		return r;
	if (renameat(tree->versions, temporary, tree->versions, name) < 0 || fsync(tree->versions) < 0) {
		r = error_set_errno(err, errno, "write '%s'", name);
		(void)unlinkat(tree->versions, temporary, 0);
	}
	return r;
}

/* Our own files in it, then the directory: one that holds something else stays. */
static void remove_version(int versions, const char *name)
{
	_cleanup_(fd_closep) int fd = openat(versions, name, OPEN_DIRECTORY);
	_cleanup_(freep) char *anchor = anchor_name(name);

	(void)unlinkat(versions, anchor, 0);
	if (fd < 0)
		return;
	file_layout_remove(fd);
	(void)unlinkat(versions, name, AT_REMOVEDIR);
}

static char **entries(int directory)
{
	char **names = NULL;
	int fd = openat(directory, ".", OPEN_DIRECTORY);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		fd_close(fd);
		return NULL;
	}
	for (struct dirent *entry; (entry = readdir(stream));)
		strv_append(&names, entry->d_name);
	(void)closedir(stream);
	return names;
}

/* ".LINK.XXXXXXXX.tmp": what a crash inside link_replace() leaves. */
static bool is_stale_link(const struct file_tree *tree, const char *name)
{
	size_t length = strlen(tree->link);
	char digits[9];

	if (name[0] != '.' || strncmp(name + 1, tree->link, length) != 0 ||
		name[length + 1] != '.' || strlen(name + length + 2) != 12 ||
		strcmp(name + length + 10, ".tmp") != 0)
		return false;
	memcpy(digits, name + length + 2, 8);
	digits[8] = '\0';
	return is_hex(digits, 8);
}

/* What an earlier call left behind when it was killed. */
static void clear_leftovers(const struct file_tree *tree)
{
	_cleanup_(strv_freep) char **links = entries(tree->parent);
	_cleanup_(strv_freep) char **versions = entries(tree->versions);

	STRV_FOREACH (name, links)
		if (is_stale_link(tree, *name))
			(void)unlinkat(tree->parent, *name, 0);
	STRV_FOREACH (name, versions)
		if (strncmp(*name, NEW_VERSION, strlen(NEW_VERSION)) == 0) {
			remove_version(tree->versions, *name);
			(void)unlinkat(tree->versions, *name, 0); /* of an anchor */
		}
}

/*
 * The directory inherits its group from DIRECTORY, unless somebody made a step of the way
 * without the bit.
 */
static int check_group(const struct file_tree *tree, int fd, struct error *err)
{
	const struct desired_destination *destination = tree->delivery->place->destination;
	struct stat made, root;

	if (!destination->group || fstat(fd, &made) < 0 || fstat(tree->root, &root) < 0 ||
		made.st_gid == root.st_gid)
		return 0;
	return error_set(err, ERROR_DENIED, 0,
		"new files below '%s/%s' do not get group '%s': a directory on the way lacks the "
		"set-group-id bit (chmod g+s) or has another group (chgrp)",
		destination->directory, VERSIONS, destination->group);
}

static int write_files(const struct file_tree *tree, const char *name, const struct bundle *bundle,
	struct error *err)
{
	_cleanup_(fd_closep) int fd = open_step(tree->versions, name, true);
	int r;

	if (fd < 0)
		return error_set_errno(err, fd, "make directory '%s'", name);
	r = check_group(tree, fd, err);
	if (r == 0)
		r = file_layout_write(fd, tree->delivery->place->destination->layout, bundle, err);
	if (r == 0 && fsync(fd) < 0)
		r = error_set_errno(err, errno, "fsync directory '%s'", name);
	return r;
}

static int rename_in(int directory, const char *from, const char *to, unsigned flags)
{
	return renameat2(directory, from, directory, to, flags) < 0 ? -errno : 0;
}

/*
 * A directory of that name is one that a crash or a hand left damaged: exchanging the two leaves
 * no moment without it, in case the link shows it.
 */
static int move_into_place(const struct file_tree *tree, const char *name, const char *version, struct error *err)
{
	int r = rename_in(tree->versions, name, version, 0);

	if (r == -EEXIST || r == -ENOTEMPTY) {
		r = rename_in(tree->versions, name, version, RENAME_EXCHANGE);
		if (r == -EINVAL) { /* a file system that cannot exchange */
			remove_version(tree->versions, version);
			r = rename_in(tree->versions, name, version, 0);
		}
		if (r == 0)
			remove_version(tree->versions, name);
	}
	if (r < 0)
		return error_set_errno(err, r, "rename '%s' to '%s'", name, version);
	if (fsync(tree->versions) < 0)
		return error_set_errno(err, errno, "fsync the directory of '%s'", version);
	return 0;
}

/* All versions but ${version} and the one shown now, which becomes the previous one. */
static void remove_older(const struct file_tree *tree, const char *version, const char *shown)
{
	_cleanup_(strv_freep) char **names = entries(tree->versions);

	STRV_FOREACH (name, names)
		if (is_hex(*name, VERSION_NAME_SIZE - 1) && strcmp(*name, version) != 0 &&
			strcmp(*name, shown) != 0)
			remove_version(tree->versions, *name);
}

int file_tree_write(const struct file_tree *tree, const char *version, const struct bundle *bundle,
	struct error *err)
{
	_cleanup_(freep) char *name = mem_printf(
		NEW_VERSION "%08llx", (unsigned long long)random_below(UINT32_MAX));
	_cleanup_(freep) char *target = mem_printf("%s%s", tree->prefix, version);
	char shown[VERSION_NAME_SIZE];
	struct fingerprint anchor;
	int r;

	r = file_tree_version(tree, shown, err);
	if (r < 0)
		return r;
	clear_leftovers(tree);
	r = write_files(tree, name, bundle, err);
	if (r == 0)
		r = move_into_place(tree, name, version, err);
	if (r < 0) {
		remove_version(tree->versions, name);
		return r;
	}
	bundle_anchor(bundle, &anchor);
	if (fingerprint_is_set(&anchor)) {
		r = file_tree_write_anchor(tree, version, &anchor, err);
		if (r < 0)
			return r;
	}
	if (*shown && strcmp(shown, version) != 0)
		remove_older(tree, version, shown);
	return link_replace(tree->parent, tree->link, target, err);
}

void file_tree_done(struct file_tree *tree)
{
	fd_close(tree->root);
	fd_close(tree->parent);
	fd_close(tree->versions);
	free(tree->link);
	free(tree->prefix);
	*tree = FILE_TREE_NULL;
}
