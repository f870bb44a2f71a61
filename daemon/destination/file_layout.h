/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_FILE_LAYOUT_H
#define DAEMON_DESTINATION_FILE_LAYOUT_H

/* What a version directory holds, by layout: written from a bundle, and read again. */

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

/* file_layout_remove(directory): unlink every file that any layout knows, and nothing else. */
void file_layout_remove(int directory);

void file_content_done(struct file_content *content);

#endif
