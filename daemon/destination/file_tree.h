/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_FILE_TREE_H
#define DAEMON_DESTINATION_FILE_TREE_H

/*
 * Where files lie: the version that DIRECTORY/AS shows (file_shown.h) is
 * DIRECTORY/.versions/AS/VERSION, VERSION being the first 16 hex digits of the fingerprint; beside
 * it, VERSION.anchor says where the version's chain ends (bundle_anchor(), in hex): not inside,
 * where programs read certificates and watch for changes.  Nothing below DIRECTORY is reached
 * through a link: every step of the way is opened by itself, so that whoever can write to one part
 * cannot send keys somewhere else.
 *
 * The version that was shown before is kept, to go back to by hand.  FILE_TREE_GRACE after the
 * switch, copies take the place of its files: who holds them open has read them by then, and who
 * watches them (inotify(7)) hears, after the switch, that they are gone, and reads the new ones.
 */

#include <stdbool.h>

#include "daemon/model/bundle.h"
#include "daemon/model/delivery.h"

#include "daemon/destination/file_shown.h"

#define FILE_TREE_GRACE (3 * USEC_PER_SEC)

struct file_tree {
	const struct delivery *delivery;
	int root; /* DIRECTORY */
	int parent; /* the directory that the version is shown in; -1: not there */
	int versions; /* .versions/AS; -1: not there */
	char *name, *target, *path; /* as in struct file_name */
};

#define FILE_TREE_NULL ((struct file_tree){ .root = -1, .parent = -1, .versions = -1 })

enum file_tree_use {
	FILE_TREE_READ,
	FILE_TREE_MEND, /* written to: DIRECTORY must be fit for keys (file_open_directory()) */
	FILE_TREE_MAKE, /* the same, and the directories that are missing are made */
};

/*
 * file_tree_open(delivery, use, tree, err): ${tree} is FILE_TREE_NULL before; ERROR_CONFLICT:
 * something else is in the way of AS.
 */
int file_tree_open(const struct delivery *delivery, enum file_tree_use use, struct file_tree *tree,
	struct error *err);

/* file_tree_shown(tree, shown, err): file_shown_read() of the tree. */
int file_tree_shown(const struct file_tree *tree, struct file_shown *shown, struct error *err);

/* file_tree_changed(shown): when what is shown began to be; 0: nothing is. */
usec_t file_tree_changed(const struct file_shown *shown);

/*
 * file_tree_others(tree, shown): what others put where the next switch replaces it, or leaves it
 * behind: links in the place of ours, "FILE -> TARGET", and files in the version that is shown, or
 * what they added to ours, "FILE: WHAT".
 * Sorted, and the caller's; NULL: nothing.
 */
char **file_tree_others(const struct file_tree *tree, const struct file_shown *shown);

/*
 * file_tree_finish(tree, shown, err): file_shown_finish() of the tree, and what a switch left that
 * was killed goes.
 */
int file_tree_finish(
	const struct file_tree *tree, const struct file_shown *shown, struct error *err);

/*
 * file_tree_retires_at(tree, shown): when file_tree_retire() has something to do; USEC_INFINITY:
 * never.
 * file_tree_retire(tree, shown): not before that, let copies take the place of the files of the
 * version before, and remove all older ones.  What fails of it is there to be done the next time.
 */
usec_t file_tree_retires_at(const struct file_tree *tree, const struct file_shown *shown);
void file_tree_retire(const struct file_tree *tree, const struct file_shown *shown);

/* file_tree_open_version(tree, version): the directory of ${version}, or -1. */
int file_tree_open_version(const struct file_tree *tree, const char *version);

/*
 * file_tree_anchor(tree, version, anchor): what stands beside ${version} of its anchor; unset:
 * nothing that can be read.
 */
void file_tree_anchor(const struct file_tree *tree, const char *version, struct fingerprint *ret_anchor);

/*
 * file_tree_write_anchor(tree, version, anchor, err): let ${anchor} stand there instead, durably.
 */
int file_tree_write_anchor(const struct file_tree *tree, const char *version,
	const struct fingerprint *anchor, struct error *err);

/**
 * file_tree_write(tree, version, bundle, news, err):
 * Make ${bundle} the version that is shown, with its anchor beside it; ${news} is that of
 * file_shown_switch().  Until that, nothing that is in use changes; a crash leaves nothing that the
 * next call does not clear away.  The version that was shown before is kept, older ones are
 * removed.
 */
int file_tree_write(const struct file_tree *tree, const char *version, const struct bundle *bundle,
	struct shown_news *news, struct error *err);

/* file_tree_done(tree): for _cleanup_. */
void file_tree_done(struct file_tree *tree);

#endif
