/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_FILE_TREE_H
#define DAEMON_DESTINATION_FILE_TREE_H

/*
 * Where files lie: DIRECTORY/AS is a link to DIRECTORY/.versions/AS/VERSION, VERSION being the
 * first 16 hex digits of the fingerprint; beside it, VERSION.anchor says where the version's chain ends (bundle_anchor(),
 * in hex): not inside, where programs read certificates and watch for changes.  Nothing below DIRECTORY is reached through a link:
 * every step of the way is opened by itself, so that whoever can write to one part cannot send
 * keys somewhere else.
 */

#include <stdbool.h>

#include "daemon/model/bundle.h"
#include "daemon/model/delivery.h"

#define VERSION_NAME_SIZE 17

struct file_tree {
	const struct delivery *delivery;
	int root; /* DIRECTORY */
	int parent; /* the directory with the link; -1: not there */
	int versions; /* .versions/AS; -1: not there */
	char *link; /* the link's name in parent */
	char *prefix; /* what the link's target begins with: "../.versions/AS/" */
};

#define FILE_TREE_NULL ((struct file_tree){ .root = -1, .parent = -1, .versions = -1 })

/*
 * file_tree_open(delivery, make, tree, err): ${make}: it is to be written to, so DIRECTORY must be fit
 * for keys (file_open_directory()), and the directories that are missing are made.
 * ${tree} is FILE_TREE_NULL before; ERROR_CONFLICT: something else is in the way of AS.
 */
int file_tree_open(
	const struct delivery *delivery, bool make, struct file_tree *tree, struct error *err);

/*
 * file_tree_version(tree, version, err): the version that the link points to, "" where there is
 * no link.  ERROR_CONFLICT: something is there under its name that is no link of ours.
 */
int file_tree_version(const struct file_tree *tree, char ret_version[static VERSION_NAME_SIZE],
	struct error *err);

/* file_tree_changed(tree): when the link was made to point where it does; 0: there is none. */
usec_t file_tree_changed(const struct file_tree *tree);

/* file_tree_open_version(tree, version): the directory of ${version}, or -1. */
int file_tree_open_version(const struct file_tree *tree, const char *version);

/* file_tree_anchor(tree, version, anchor): what stands beside ${version} of its anchor; unset: nothing that can be read. */
void file_tree_anchor(const struct file_tree *tree, const char *version, struct fingerprint *ret_anchor);

/* file_tree_write_anchor(tree, version, anchor, err): let ${anchor} stand there instead, durably. */
int file_tree_write_anchor(const struct file_tree *tree, const char *version,
	const struct fingerprint *anchor, struct error *err);

/**
 * file_tree_write(tree, version, bundle, err):
 * Make ${bundle} the version that the link shows, with its anchor beside it.  Until the last step, the switch of the link,
 * nothing that is in use changes; a crash leaves nothing that the next call does not clear away.
 * The version that was shown before is kept, older ones are removed.
 */
int file_tree_write(const struct file_tree *tree, const char *version, const struct bundle *bundle,
	struct error *err);

/* file_tree_done(tree): for _cleanup_. */
void file_tree_done(struct file_tree *tree);

#endif
