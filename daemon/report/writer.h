/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REPORT_WRITER_H
#define DAEMON_REPORT_WRITER_H

/*
 * JSON as it is written: members go to the end of a text in the order in which they are given, and no tree is made, so
 * that a text can be longer than the memory there is: what was written so far may be taken out of it at any time.
 * Indented by two.  Strings carry no control characters and nothing but UTF-8 (lib/base/printable.h).  In a list,
 * a key is NULL.
 */

#include "daemon/model/version.h"
#include "lib/base/buf.h"

struct writer {
	struct buf *text; /* borrowed; its user may empty it, or put another in its place */
	unsigned depth;
	bool empty; /* what is open has nothing in it yet */
};

/* writer_begin(text): an object is open. */
struct writer writer_begin(struct buf *text);

/* writer_open(writer, key, bracket), writer_close(writer, bracket): an object, '{' and '}', or a list, '[' and ']'. */
void writer_open(struct writer *writer, const char *key, char bracket);
void writer_close(struct writer *writer, char bracket);

/* writer_text(writer, key, text): null for NULL and "". */
void writer_text(struct writer *writer, const char *key, const char *text);

/* writer_texts(writer, key, list): a list of strings. */
void writer_texts(struct writer *writer, const char *key, char *const *list);

/* writer_number(writer, key, number), writer_boolean(writer, key, value): as they are. */
void writer_number(struct writer *writer, const char *key, uint64_t number);
void writer_boolean(struct writer *writer, const char *key, bool value);

/* writer_time(writer, key, time): RFC 3339 in UTC; null for 0 (never, not known) and USEC_INFINITY. */
void writer_time(struct writer *writer, const char *key, usec_t time);

/* writer_version(writer, key, version): {"fingerprint","not_before","not_after"}; null when nothing is known of it. */
void writer_version(struct writer *writer, const char *key, const struct version *version);

#endif
