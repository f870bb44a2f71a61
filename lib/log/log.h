/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_LOG_LOG_H
#define LIB_LOG_LOG_H

/*
 * One sentence with fields.  To the journal when standard error is connected to it
 * ($JOURNAL_STREAM, systemd.exec(5)), otherwise to standard error as "<identifier>: <level>: sentence"
 * with the fields behind it at debug level.  Never a secret: what is logged was formatted
 * by the caller from values that may be shown.
 */

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

/* In bytes: a sentence, and each field's value.  What is longer is cut (lib/base/bounded.h). */
#define LOG_TEXT_MOST ((size_t)4096)

/* Fields of one record: "NAME=value" strings, owned.  Appended in any order; empty is valid. */
struct log_fields {
	char **list;
};

/* log_field(fields, name, format, ...): append NAME=...; ${name} is upper case with the program's prefix. */
void log_field(struct log_fields *fields, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* log_fields_done(fields): release them.  For _cleanup_(log_fields_done). */
void log_fields_done(struct log_fields *fields);

/* log_open(identifier, level): messages above ${level} are dropped; decides journal or stderr. */
void log_open(const char *identifier, int level);

/* log_level_set(level), log_enabled(level): "is this level written?", to spare the formatting. */
void log_level_set(int level);
bool log_enabled(int level);

/* log_divert(take, userdata): from now on what is written goes there alone, as the fields that the journal would get (MESSAGE,
 * PRIORITY, MESSAGE_ID and so on, "NAME=value", borrowed); NULL: to the log again.  For tests of what is logged. */
void log_divert(void (*take)(void *userdata, char *const *fields), void *userdata);

/* log_level_find(name): "error", "warning", "notice", "info", "debug" to its number, or -EINVAL. */
int log_level_find(const char *name);

/**
 * log_write(level, message_id, fields, format, ...):
 * Write one sentence.  ${message_id} is 32 hex digits of a catalog entry or NULL; ${fields}
 * may be NULL and stays the caller's.
 */
void log_write(int level, const char *message_id, const struct log_fields *fields,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_enabled(LOG_DEBUG))                                                        \
			log_write(LOG_DEBUG, NULL, NULL, __VA_ARGS__);                             \
	} while (0)

#endif
