/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "lib/base/bounded.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/printable.h"
#include "lib/base/strv.h"

static const struct {
	const char *name;
	int level;
} levels[] = {
	{ "error", LOG_ERR },
	{ "warning", LOG_WARNING },
	{ "notice", LOG_NOTICE },
	{ "info", LOG_INFO },
	{ "debug", LOG_DEBUG },
};

static struct {
	const char *identifier;
	int level;
	bool journal;
	void (*diverted)(void *userdata, char *const *fields); /* or NULL */
	void *userdata;
} log_state = { .identifier = "certferry", .level = LOG_INFO };

/* JOURNAL_STREAM holds "device:inode" of the stream that systemd gave us; a redirected stderr differs. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *identifier, int level)
{
	log_state.identifier = identifier;
	log_state.level = level;
	log_state.journal = stderr_is_journal();
}

void log_level_set(int level)
{
	log_state.level = level;
}

bool log_enabled(int level)
{
	return level <= log_state.level;
}

void log_divert(void (*take)(void *userdata, char *const *fields), void *userdata)
{
	log_state.diverted = take;
	log_state.userdata = userdata;
}

int log_level_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strcmp(levels[i].name, name) == 0)
			return levels[i].level;
	return -EINVAL;
}

static const char *level_name(int level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (level <= levels[i].level)
			return levels[i].name;
	return "debug";
}

void log_field(struct log_fields *fields, const char *name, const char *format, ...)
{
	_cleanup_(freep) char *value = NULL;
	_cleanup_(freep) char *field = NULL;
	va_list arguments;

	va_start(arguments, format);
	value = bounded(mem_vprintf(format, arguments), LOG_TEXT_MOST);
	va_end(arguments);
	field = mem_printf("%s=%s", name, value);
	strv_append(&fields->list, field);
}

void log_fields_done(struct log_fields *fields)
{
	fields->list = strv_free(fields->list);
}

static void write_stderr(int level, char *const *fields, const char *sentence)
{
	struct buf line = BUF_NULL;

	buf_printf(&line, "%s: %s: %s", log_state.identifier, level_name(level), sentence);
	if (log_enabled(LOG_DEBUG))
		STRV_FOREACH(field, fields)
			buf_printf(&line, " %s", *field);
	printable(line.data); /* one record is one line, and no terminal takes an order from it */
	buf_append_char(&line, '\n');
	(void)fwrite(line.data, 1, line.length, stderr);
	buf_done(&line);
}

static int write_journal(char *const *fields)
{
	size_t count = strv_length(fields);
	_cleanup_(freep) struct iovec *vector = mem_alloc(count * sizeof(*vector));

	for (size_t i = 0; i < count; i++)
		vector[i] = (struct iovec){ fields[i], strlen(fields[i]) };
	return sd_journal_sendv(vector, (int)count);
}

void log_write(int level, const char *message_id, const struct log_fields *fields,
	const char *format, ...)
{
	_cleanup_(freep) char *sentence = NULL;
	struct log_fields record = { 0 };
	va_list arguments;

	if (!log_enabled(level))
		return;
	va_start(arguments, format);
	sentence = bounded(mem_vprintf(format, arguments), LOG_TEXT_MOST);
	va_end(arguments);
	printable(sentence);
	if (log_state.journal || log_state.diverted) {
		log_field(&record, "MESSAGE", "%s", sentence);
		log_field(&record, "PRIORITY", "%d", level);
		log_field(&record, "SYSLOG_IDENTIFIER", "%s", log_state.identifier);
		if (message_id)
			log_field(&record, "MESSAGE_ID", "%s", message_id);
		if (fields)
			STRV_FOREACH(field, fields->list)
				strv_append(&record.list, *field);
	}
	if (log_state.diverted)
		log_state.diverted(log_state.userdata, record.list);
	else if (!log_state.journal || write_journal(record.list) < 0)
		write_stderr(level, fields ? fields->list : NULL, sentence);
	log_fields_done(&record);
}
