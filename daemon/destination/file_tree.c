/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A version is written in this order, each step durable before the next:
 *	.versions/AS/.new-XXXXXXXX	its files, under a name that nobody looks for
 *	.versions/AS/VERSION		renamed into place, or exchanged with a damaged one
 *	.versions/AS/VERSION.anchor	where its chain ends, renamed into place
 *	(older versions removed: all but this one and the one that is shown)
 *	AS				now it is shown (file_shown.h), and so delivered
 *	(FILE_TREE_GRACE later: copies take the place of the files of the one that was shown before)
 */

#include "daemon/destination/file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
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

static bool is_version(const char *name)
{
	return strspn(name, "0123456789abcdef") == VERSION_NAME_SIZE - 1 &&
	       name[VERSION_NAME_SIZE - 1] == '\0';
}

static int open_step(int parent, const char *name, bool make)
{
	int fd = openat(parent, name, OPEN_DIRECTORY);
	int r;

	if (fd >= 0 || errno != ENOENT || !make)
		return fd < 0 ? -errno : fd;
	r = directory_make(parent, name, 0750);
	if (r < 0 && r != -EEXIST)
		return r;
	fd = openat(parent, name, OPEN_DIRECTORY);
	return fd < 0 ? -errno : fd;
}

static int check_step(
	const struct file_tree *tree, const char *step, int directory, struct error *err)
{
	_cleanup_(freep) char *way = mem_printf(" on the way to '%s/%s'",
		tree->delivery->place->destination->directory, tree->delivery->object);
	struct stat status;

	if (fstat(directory, &status) < 0)
		return error_set_errno(err, errno, "directory '%s'%s", step, way);
	return path_is_safe(&status, PATH_OUR_GROUP)
		       ? 0
		       : file_refuse_changeable(step, way, &status, err);
}

/* From ${root} down ${steps}; -1 in ${ret_fd} where a step is missing and not to be made. */
static int walk(
	const struct file_tree *tree, char *const *steps, bool make, int *ret_fd, struct error *err)
{
	const char *directory = tree->delivery->place->destination->directory;
	_cleanup_(fd_closep) int fd = fcntl(tree->root, F_DUPFD_CLOEXEC, 3);
	int r;

	if (fd < 0)
		return error_set_errno(err, errno, "open '%s'", directory);
	STRV_FOREACH (step, steps) {
		int next = open_step(fd, *step, make);

		if (next == -ENOENT && !make)
			return 0;
		if (next == -ENOTDIR || next == -ELOOP)
			return error_set(err, ERROR_CONFLICT, -next,
				"'%s' on the way to '%s/%s' is not a directory; choose another "
				"name with as:",
				*step, directory, tree->delivery->object);
		if (next < 0)
			return error_set_errno(err, next, "directory '%s' on the way to '%s/%s'",
				*step, directory, tree->delivery->object);
		fd_close(fd);
		fd = next;
		r = check_step(tree, *step, fd, err);
		if (r < 0)
			return r;
		if (file_shown_is_in(fd))
			return error_set(err, ERROR_CONFLICT, EEXIST,
				"another delivery's files are in directory '%s' on the way to "
				"'%s/%s'; choose another "
				"name with as:",
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
				"'%s' cannot be the path of files in '%s'; as: must be a relative "
				"path "
				"in which no part is empty or begins with a dot",
				delivery->object, delivery->place->destination->directory);
		strv_append(&steps, step);
	}
	*ret_steps = take(steps);
	return 0;
}

static char *link_target(const char *object, size_t depth)
{
	_cleanup_(freep) char *up = mem_alloc(3 * depth + 1);

	for (size_t i = 0; i < depth; i++)
		memcpy(up + 3 * i, "../", 3);
	return mem_printf("%s" VERSIONS "/%s/", up, object);
}

/*
 * ${steps} are those of AS: all but the last lead to where the version is shown, all of them below
 * .versions to the version.
 */
static int open_ways(struct file_tree *tree, char **steps, bool make, struct error *err)
{
	_cleanup_(strv_freep) char **below = NULL;
	size_t depth = strv_length(steps) - 1;
	int r;

	strv_append(&below, VERSIONS);
	STRV_FOREACH (step, steps)
		strv_append(&below, *step);
	tree->target = link_target(tree->delivery->object, depth);
	tree->name = take(steps[depth]);
	r = walk(tree, steps, make, &tree->parent, err);
	if (r == 0)
		r = walk(tree, below, make, &tree->versions, err);
	return r;
}

/*
 * A look reads only, and from wherever the directory leads: whether keys may go there is asked
 * before they do.
 */
static int open_root(const struct desired_destination *destination, enum file_tree_use use,
	int *ret_fd, struct error *err)
{
	int fd;

	if (use != FILE_TREE_READ)
		return file_open_directory(destination, ret_fd, err);
	fd = open(destination->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "open directory '%s'", destination->directory);
	*ret_fd = fd;
	return 0;
}

int file_tree_open(const struct delivery *delivery, enum file_tree_use use, struct file_tree *tree,
	struct error *err)
{
	_cleanup_(strv_freep) char **steps = NULL;
	int r;

	r = split_object(delivery, &steps, err);
	if (r < 0)
		return r;
	tree->delivery = delivery;
	tree->path = mem_printf("%s/%s", delivery->place->destination->directory, delivery->object);
	r = open_root(delivery->place->destination, use, &tree->root, err);
	return r < 0 ? r : open_ways(tree, steps, use == FILE_TREE_MAKE, err);
}

/*
 * The directory inherits its group from DIRECTORY, unless somebody made a step of the way without
 * the bit.
 */
static gid_t wanted_group(const struct file_tree *tree)
{
	struct stat root;

	return tree->delivery->place->destination->group && fstat(tree->root, &root) == 0
		       ? root.st_gid
		       : (gid_t)-1;
}

static struct file_name name_of(const struct file_tree *tree)
{
	return (struct file_name){
		.parent = tree->parent,
		.name = tree->name,
		.target = tree->target,
		.path = tree->path,
		.layout = tree->delivery->place->destination->layout,
		.group = wanted_group(tree),
	};
}

int file_tree_shown(const struct file_tree *tree, struct file_shown *shown, struct error *err)
{
	const struct file_name name = name_of(tree);

	return file_shown_read(&name, shown, err);
}

static bool is_of_a_layout(const char *name)
{
	const char *file;

	for (size_t i = 0; (file = file_layout_file(NULL, i)); i++)
		if (strcmp(name, file) == 0 || file_is_temporary(name, file))
			return true;
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **file_tree_others(const struct file_tree *tree, const struct file_shown *shown)
{
	_cleanup_(fd_closep) int fd =
		*shown->version ? file_tree_open_version(tree, shown->version) : -1;
	_cleanup_(strv_freep) char **entries = file_entries(fd), **additions = NULL;
	char **others = strv_copy(shown->others);

	STRV_FOREACH (entry, entries)
		if (!is_of_a_layout(*entry))
			strv_append(&others, *entry);
	if (fd >= 0)
		additions = file_layout_additions(
			fd, tree->delivery->place->destination->layout);
	STRV_FOREACH (addition, additions)
		strv_append(&others, *addition);
	if (others)
		qsort(others, strv_length(others), sizeof(*others), compare_texts);
	return others;
}

int file_tree_finish(
	const struct file_tree *tree, const struct file_shown *shown, struct error *err)
{
	const struct file_name name = name_of(tree);

	file_shown_clear(&name, shown);
	return file_shown_finish(&name, shown, err);
}

int file_tree_open_version(const struct file_tree *tree, const char *version)
{
	return tree->versions < 0 ? -1 : openat(tree->versions, version, OPEN_DIRECTORY);
}

/* Of what is being made. */
static char *new_name(void)
{
	return mem_printf(NEW_VERSION "%08llx", (unsigned long long)random_below(UINT32_MAX));
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
	_cleanup_(freep) char *temporary = new_name();
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

static bool is_new(const char *name)
{
	return strncmp(name, NEW_VERSION, strlen(NEW_VERSION)) == 0;
}

/* What an earlier call left behind when it was killed. */
static void clear_leftovers(const struct file_tree *tree, const struct file_shown *shown)
{
	const struct file_name name = name_of(tree);
	_cleanup_(strv_freep) char **versions = file_entries(tree->versions);

	file_shown_clear(&name, shown);
	STRV_FOREACH (entry, versions)
		if (is_new(*entry)) {
			remove_version(tree->versions, *entry);
			(void)unlinkat(tree->versions, *entry, 0); /* of an anchor */
		}
}

static int check_group(const struct file_tree *tree, int fd, struct error *err)
{
	const struct desired_destination *destination = tree->delivery->place->destination;
	gid_t wanted = wanted_group(tree);
	struct stat made;

	if (wanted == (gid_t)-1 || fstat(fd, &made) < 0 || made.st_gid == wanted)
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

/* --- What was shown before --- */

static usec_t time_of(const struct timespec *at)
{
	return (usec_t)at->tv_sec * USEC_PER_SEC + (usec_t)at->tv_nsec / 1000;
}

usec_t file_tree_changed(const struct file_shown *shown)
{
	return *shown->version ? time_of(&shown->at) : 0;
}

/* By the clock of the files; one that was set back makes it wait. */
static bool is_grace_over(const struct file_shown *shown)
{
	return clock_now() >= usec_add(time_of(&shown->at), FILE_TREE_GRACE);
}

/* All versions but ${version} and the one shown now, which becomes the previous one. */
static void remove_older(const struct file_tree *tree, const char *version, const char *shown)
{
	_cleanup_(strv_freep) char **names = file_entries(tree->versions);

	STRV_FOREACH (name, names)
		if (is_version(*name) && strcmp(*name, version) != 0 && strcmp(*name, shown) != 0)
			remove_version(tree->versions, *name);
}

/* Does ${version} hold files of ours that are not younger than ${at}?  When it was written last. */
static bool has_files(const struct file_tree *tree, const char *version, const struct timespec *at,
	struct timespec *ret_written)
{
	_cleanup_(fd_closep) int fd = file_tree_open_version(tree, version);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0 || !file_layout_has_originals(fd, at))
		return false;
	*ret_written = status.st_mtim;
	return true;
}

static bool has_originals(
	const struct file_tree *tree, const char *version, const struct file_shown *shown)
{
	struct timespec written;

	return has_files(tree, version, &shown->at, &written);
}

/*
 * A version that is not shown.  What holds none of our files may hold somebody's, and is left
 * alone.
 */
static bool is_older(const struct file_tree *tree, const char *name, const char *shown,
	struct timespec *ret_written)
{
	static const struct timespec ever = { .tv_sec = INT64_MAX };

	return is_version(name) && strcmp(name, shown) != 0 &&
	       has_files(tree, name, &ever, ret_written);
}

/* The one that was written last of them. */
static char *find_before(const struct file_tree *tree, char *const *names, const char *shown)
{
	struct timespec written, latest = { 0 };
	const char *before = NULL;

	STRV_FOREACH (name, names) {
		if (!is_older(tree, *name, shown, &written) ||
			(before && timespec_is_before(&written, &latest)))
			continue;
		latest = written;
		before = *name;
	}
	return mem_strdup(before);
}

usec_t file_tree_retires_at(const struct file_tree *tree, const struct file_shown *shown)
{
	_cleanup_(strv_freep) char **names = file_entries(tree->versions);
	_cleanup_(freep) char *before = find_before(tree, names, shown->version);
	struct timespec written;
	bool retired = !before || !has_originals(tree, before, shown);

	if (!*shown->version)
		return USEC_INFINITY;
	STRV_FOREACH (name, names)
		if (is_new(*name) || (is_older(tree, *name, shown->version, &written) &&
					     strcmp(*name, before) != 0))
			retired = false;
	return retired ? USEC_INFINITY : usec_add(time_of(&shown->at), FILE_TREE_GRACE);
}

static void replace_by_copies(
	const struct file_tree *tree, const char *version, const struct file_shown *shown)
{
	_cleanup_(freep) char *name = new_name();
	_cleanup_(fd_closep) int fd = file_tree_open_version(tree, version);
	_cleanup_(fd_closep) int scratch = fd < 0 ? -1 : open_step(tree->versions, name, true);

	if (scratch >= 0)
		(void)file_layout_copy_originals(fd, scratch, &shown->at, NULL);
	remove_version(tree->versions, name);
}

void file_tree_retire(const struct file_tree *tree, const struct file_shown *shown)
{
	_cleanup_(strv_freep) char **names = NULL;
	_cleanup_(freep) char *before = NULL;

	if (!*shown->version || !is_grace_over(shown))
		return;
	clear_leftovers(tree, shown);
	names = file_entries(tree->versions);
	before = find_before(tree, names, shown->version);
	if (!before)
		return;
	if (has_originals(tree, before, shown))
		replace_by_copies(tree, before, shown);
	remove_older(tree, before, shown->version);
}

/* --- Writing --- */

static int write_version(const struct file_tree *tree, const char *version,
	const struct bundle *bundle, struct error *err)
{
	_cleanup_(freep) char *name = new_name();
	struct fingerprint anchor;
	int r;

	r = write_files(tree, name, bundle, err);
	if (r == 0)
		r = move_into_place(tree, name, version, err);
	if (r < 0) {
		remove_version(tree->versions, name);
		return r;
	}
	bundle_anchor(bundle, &anchor);
	return fingerprint_is_set(&anchor) ? file_tree_write_anchor(tree, version, &anchor, err)
					   : 0;
}

int file_tree_write(const struct file_tree *tree, const char *version, const struct bundle *bundle,
	struct shown_news *news, struct error *err)
{
	_cleanup_(file_shown_done) struct file_shown shown = FILE_SHOWN_NULL;
	const struct file_name name = name_of(tree);
	int r;

	r = file_shown_read(&name, &shown, err);
	if (r < 0)
		return r;
	clear_leftovers(tree, &shown);
	r = write_version(tree, version, bundle, err);
	if (r < 0)
		return r;
	/* What was shown a moment ago may be read still. */
	if (*shown.version && strcmp(shown.version, version) != 0 && is_grace_over(&shown))
		remove_older(tree, version, shown.version);
	return file_shown_switch(&name, &shown, version, news, err);
}

void file_tree_done(struct file_tree *tree)
{
	fd_close(tree->root);
	fd_close(tree->parent);
	fd_close(tree->versions);
	free(tree->name);
	free(tree->target);
	free(tree->path);
	*tree = FILE_TREE_NULL;
}
