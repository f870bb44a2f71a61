/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RECORD_JUDGE_H
#define DAEMON_RECORD_JUDGE_H

/* Is a store sound, and of which format?  Nothing is changed. */

#include "daemon/record/store.h"

enum verdict {
	SOUND,
	DAMAGED,
	NEWER,
	OUT_OF_REACH, /* it could not be looked at, which says nothing of it */
};

/**
 * store_judge(record, format, why):
 * ${ret_format} is set when it is sound (0: an empty file, or tables without a number) or newer than ours, ${ret_why}
 * (owned) when it is damaged or out of reach.
 * What is called damaged may be a disk that fails: see store_read_through().
 */
enum verdict store_judge(struct record *record, int *ret_format, char **ret_why);

/**
 * store_read_through(path, err):
 * Does the disk give all of the store?  SQLite's check calls a page damaged that could not be read.  No connection
 * to it may be open: to close a file gives up all locks of this process on it.
 */
int store_read_through(const char *path, struct error *err);

/* store_is_out_of_reach(code): is SQLite's ${code} a full disk, another process's lock, a disk that gives no answer: a
 * reason of the moment, not of what is stored? */
bool store_is_out_of_reach(int code);

#endif
