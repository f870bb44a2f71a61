/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_FILE_LAYOUT_H
#define DAEMON_DESTINATION_FILE_LAYOUT_H

/* What a version directory holds, by layout: written from a bundle, and read again. */

#include <time.h>

#include "daemon/model/bundle.h"
#include "daemon/model/desired.h"

/* A version directory as it was read.  Whatever is missing or broken makes it incomplete. */
struct file_content {
	struct certificate *leaf; /* NULL: no certificate could be read */
	struct certificate_list chain;
	bool complete; /* every file is there, and the key belongs to the leaf */
};

/*
 * file_layout_write(directory, layout, bundle, err): the files of ${layout} in the open, empty
 * ${directory}, each fsynced.
 */
int file_layout_write(
	int directory, enum layout layout, const struct bundle *bundle, struct error *err);

/*
 * file_layout_read(directory, layout, content, err): what is in the open ${directory}.  Damage
 * is no error: only what could not be read for now (I/O, the secure heap full) is.
 */
int file_layout_read(
	int directory, enum layout layout, struct file_content *ret_content, struct error *err);

/*
 * file_layout_additions(directory, layout): what somebody added to the files of ${layout} in the
 * open ${directory}: "FILE: LABEL" of a PEM block beside ours, "FILE: text" of anything else.  A
 * file that holds no whole block of ours is damaged, and has none.  The caller's; NULL: none.
 */
char **file_layout_additions(int directory, enum layout layout);

/*
 * file_layout_file(layout, number): the name of the file ${number} of ${layout}, from 0 on;
 * ${layout} NULL: of all of them, some more than once.  NULL: there are no more.
 */
const char *file_layout_file(const enum layout *layout, size_t number);

/*
 * Originals: files of any layout in the open ${directory} that are not younger than ${shown_at},
 * when another version began to be shown in place of this one; programs may watch them.
 * file_layout_has_originals(directory, shown_at): are there any?
 * file_layout_copy_originals(directory, scratch, shown_at, err): put a copy in the place of each,
 * made in the open directory ${scratch} of the same file system: whoever watches an original learns
 * that it is gone, and what it held is kept.
 */
bool file_layout_has_originals(int directory, const struct timespec *shown_at);
int file_layout_copy_originals(
	int directory, int scratch, const struct timespec *shown_at, struct error *err);

/* file_layout_remove(directory): unlink every file that any layout knows, and nothing else. */
void file_layout_remove(int directory);

void file_content_done(struct file_content *content);

#endif
