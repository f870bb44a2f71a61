/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_FILE_SHOWN_H
#define DAEMON_DESTINATION_FILE_SHOWN_H

/*
 * How programs find the version: under DIRECTORY/AS, whose last step is NAME in the directory DIR,
 * there is
 *	NAME/..data	a link to ../.versions/AS/VERSION, with as many ../ as AS has steps
 *	NAME/FILE	a link to ..data/FILE, for each file of the layout
 *	NAME.pem	in DIR, of the layout haproxy-flat: a link to NAME/haproxy.pem
 *	.certferry.NAME	in DIR, an empty file: the stamp
 * or, as all were at first, and where the file system cannot exchange a link for a directory,
 *	NAME		a link to .versions/AS/VERSION
 *
 * ..data is renamed over: from then on all paths lead to the new version, to the certificate and to
 * the key at once.  Each FILE is made anew after that, and the stamp last: so whoever watches the
 * files, NAME/ or DIR (inotify(7)) hears of a change in what they watch, and reads the new version
 * then.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "daemon/model/desired.h"
#include "daemon/model/outcome.h"
#include "lib/base/error.h"

#define VERSION_NAME_SIZE 17

/* Where it is shown; all is borrowed. */
struct file_name {
	int parent; /* DIR; -1: not there */
	const char *name; /* NAME */
	const char *target; /* what a link NAME says before VERSION; ..data says "../" before */
	const char *path; /* DIRECTORY/AS, for messages */
	enum layout layout;
	gid_t group; /* that new directories are to have; -1: any */
};

/* What is shown there. */
struct file_shown {
	char version[VERSION_NAME_SIZE]; /* "": nothing is there */
	struct timespec at; /* when the link was made that shows it */
	int directory; /* NAME/; -1: it is a link, or nothing */
	bool finished; /* links of files and stamp are all there, and are those of this version */
	char **others; /* links that others put in the place of ours: "FILE -> TARGET" */
};

#define FILE_SHOWN_NULL ((struct file_shown){ .directory = -1 })

/**
 * file_shown_read(name, shown, err):
 * ${shown} is FILE_SHOWN_NULL before, release with file_shown_done().  No link is followed.
 * ERROR_CONFLICT: something is there that is not of certferry.
 */
int file_shown_read(const struct file_name *name, struct file_shown *shown, struct error *err);

/*
 * file_shown_finish(name, shown, err): what a switch does after ..data was renamed over, which is
 * not touched.
 */
int file_shown_finish(
	const struct file_name *name, const struct file_shown *shown, struct error *err);

/**
 * file_shown_switch(name, shown, version, news, err):
 * Let ${version}, which is whole, be shown instead of ${shown}.  ${news}, empty before, says what
 * became of the name, also where it fails afterwards; the caller's.
 */
int file_shown_switch(const struct file_name *name, const struct file_shown *shown,
	const char *version, struct shown_news *news, struct error *err);

/* file_shown_clear(name, shown): remove what a switch left that was killed. */
void file_shown_clear(const struct file_name *name, const struct file_shown *shown);

/* file_shown_done(shown): for _cleanup_. */
void file_shown_done(struct file_shown *shown);

/* file_shown_is_in(directory): is the open ${directory} itself the NAME/ of a delivery? */
bool file_shown_is_in(int directory);

/* timespec_is_before(a, b): is ${a} earlier than ${b}? */
bool timespec_is_before(const struct timespec *a, const struct timespec *b);

/*
 * file_entries(directory): the names in the open ${directory}, the caller's; NULL: none could be
 * read.
 */
char **file_entries(int directory);

#endif
