/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failed/message.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/strv.h"

#define JOURNAL	      "'journalctl -u certferryd -n 50' shows the reason."
#define START	      " Then 'systemctl restart certferryd'."
#define BY_MESSAGE    "'journalctl -u certferryd -n 50' has systemd's message, which names what is missing."
#define CHECK	      "'certferryd --check' shows every problem of the configuration."

/* What an end means, by systemd's word for it and, where status is not NULL, the exit status or signal. */
static const struct meaning {
	const char *result, *status;
	const char *words;  /* behind "it ended with ...: " */
	const char *advice; /* what to do first */
} meanings[] = {
	{ "exit-code", "2", "the configuration was rejected, or the state database is of a newer version",
		CHECK " If it shows none: 'journalctl -u certferryd -n 50'." },
	{ "exit-code", "4", "another certferryd uses the state directory",
		"Find it ('pgrep -a certferryd') and stop it." },
	{ "exit-code", "203", "systemd could not execute the program", BY_MESSAGE },
	{ "exit-code", "216", "the group certferry does not exist", "'systemd-sysusers' creates it." },
	{ "exit-code", "217", "the user certferry does not exist", "'systemd-sysusers' creates it." },
	{ "exit-code", "226", "systemd could not set up the sandbox; is a directory of a drop-in missing?", BY_MESSAGE },
	{ "exit-code", "243", "systemd could not load a credential of the unit", BY_MESSAGE },
	{ "exit-code", NULL, "it failed", JOURNAL },
	{ "oom-kill", NULL, "the kernel killed it because its memory limit or the host's memory was exhausted",
		"'systemctl show certferryd -p MemoryMax' shows the limit. " JOURNAL },
	{ "watchdog", NULL, "systemd killed it because it gave no sign of life for WatchdogSec=", JOURNAL },
	{ "timeout", NULL, "it did not start or stop in time", JOURNAL },
	{ "signal", "SYS", "its sandbox killed it for a forbidden system call",
		"Report this as a bug of certferry. " JOURNAL },
	{ "core-dump", "SYS", "its sandbox killed it for a forbidden system call",
		"Report this as a bug of certferry. " JOURNAL },
	{ "signal", NULL, "a signal killed it", JOURNAL },
	{ "core-dump", NULL, "it crashed", "Report this as a bug of certferry. " JOURNAL },
	{ "protocol", NULL, "it ended before it was ready", JOURNAL },
	{ "resources", NULL, "systemd lacked the resources to start it", BY_MESSAGE },
	{ NULL, NULL, "it failed", JOURNAL },
};

static const struct meaning *meaning_of(const struct end *end)
{
	const struct meaning *meaning = meanings;

	while (meaning->result && (strcmp(meaning->result, end->result) != 0 ||
					  (meaning->status && strcmp(meaning->status, end->status) != 0)))
		meaning++;
	return meaning;
}

/* "exit status 2", "SIGKILL (oom-kill)", "result 'timeout'".  The caller owns it. */
static char *end_text(const struct end *end)
{
	bool exited = strcmp(end->code, "exited") == 0;

	if (!*end->status)
		return mem_printf("result '%s'", end->result);
	if (strcmp(end->result, "exit-code") == 0)
		return mem_printf("exit status %s", end->status);
	return mem_printf("%s%s (%s)", exited ? "exit status " : "SIG", end->status, end->result);
}

char *message_summary(const struct message *message)
{
	_cleanup_(freep) char *end = end_text(&message->ends.last);
	const char *words = meaning_of(&message->ends.last)->words;
	char first[TIME_TEXT_SIZE];

	switch (message->occasion) {
	case MESSAGE_TRY:
		return mem_printf("Test message of certferry-failed.service on '%s'", message->host);
	case MESSAGE_LOOP:
		return mem_printf(MESSAGE_UNIT " on '%s' keeps failing, %u times since %s, the last time with %s: %s",
			message->host, message->ends.count, time_format(message->ends.first_at, first), end, words);
	default:
		return mem_printf(MESSAGE_UNIT " on '%s' has failed with %s: %s", message->host, end, words);
	}
}

static void append_time(struct buf *text, const char *format, usec_t time)
{
	char shown[TIME_TEXT_SIZE];

	if (time == 0)
		return;
	time_format(time, shown);
	buf_append_string(text, format);
	buf_append_string(text, shown);
	buf_append_string(text, ".\n");
}

char *message_text(const struct message *message)
{
	_cleanup_(freep) char *summary = message_summary(message);
	const struct meaning *meaning = meaning_of(&message->ends.last);
	struct buf text = BUF_NULL;

	buf_printf(&text, "%s.\n\n", summary);
	if (message->occasion == MESSAGE_TRY) {
		buf_append_string(&text, "Somebody started it by hand. If " MESSAGE_UNIT
					 " fails, you get a message in this way.\n");
		return buf_take(&text);
	}
	append_time(&text, "The last end was at ", message->ends.last_at);
	if (message->occasion == MESSAGE_LOOP)
		buf_append_string(&text, "systemd starts it again each time. "
					 "While this goes on, you get a message once an hour at most.\n");
	else
		buf_append_string(&text, "systemd does not start it again: you must.\n");
	buf_append_string(&text, "Until it runs, renewed certificates do not reach their destinations, "
				 "and those in place can expire.\n\n");
	buf_printf(&text, "What to do: %s%s\nSee certferryd(8).\n", meaning->advice,
		message->occasion == MESSAGE_DEAD ? START : "");
	return buf_take(&text);
}

char *message_mail(const struct message *message, char *const *recipients)
{
	_cleanup_(freep) char *to = strv_join(recipients, ", "), *text = message_text(message);
	const char *what = message->occasion == MESSAGE_TRY    ? "test of certferry-failed.service"
			   : message->occasion == MESSAGE_LOOP ? MESSAGE_UNIT " keeps failing"
							       : MESSAGE_UNIT " has failed";

	return mem_printf("To: %s\nSubject: %s: %s\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
			  "Content-Type: text/plain; charset=utf-8\n\n%s",
		to, message->host, what, text);
}

static json_t *json_time(usec_t time)
{
	char shown[TIME_TEXT_SIZE];

	return time ? json_string(time_format(time, shown)) : json_null();
}

static json_t *json_word(const char *text)
{
	return *text ? json_string(text) : json_null();
}

char *message_json(const struct message *message)
{
	static const char *const occasions[] = {
		[MESSAGE_DEAD] = "failed",
		[MESSAGE_LOOP] = "failing",
		[MESSAGE_TRY] = "test",
	};
	_cleanup_(freep) char *summary = message_summary(message), *text = message_text(message);
	const struct ends *ends = &message->ends;
	json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:i, s:o, s:o, s:o, s:s, s:s}", "format", 1, "host",
		message->host, "unit", MESSAGE_UNIT, "occasion", occasions[message->occasion], "result",
		json_word(ends->last.result), "exit_status", json_word(ends->last.status), "count", (int)ends->count,
		"first", json_time(ends->first_at), "last", json_time(ends->last_at), "time",
		json_time(message->now), "summary", summary, "text", text);
	char *result = root ? json_dumps(root, JSON_COMPACT) : NULL;

	if (!result)
		mem_exhausted();
	json_decref(root);
	return result;
}
