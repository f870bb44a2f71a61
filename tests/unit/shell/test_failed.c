/* SPDX-License-Identifier: Apache-2.0 */
/* Which ends of the daemon people are told of, what they read, and whom failed.conf names. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/failed/mail.h"
#include "daemon/failed/occasion.h"
#include "daemon/failed/place.h"
#include "daemon/failed/settings.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/systemd/unit.h"

#define BOOT (1000 * USEC_PER_SEC)
#define WALL ((usec_t)1795000000 * USEC_PER_SEC)

static char directory[] = "/tmp/certferry-failed-XXXXXX";

static int setup(void **state)
{
	memcpy(directory + sizeof(directory) - sizeof("XXXXXX"), "XXXXXX", sizeof("XXXXXX"));
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "failed.conf", "ends", "due", "script", "mail", "seen", "place" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(freep) char *path = place_path(directory, names[i]);

		(void)remove(path);
	}
	return rmdir(directory);
}

/* An end ${seconds} after the first moment of the test, the wall clock being off by ${jump} seconds. */
static enum ends_verdict end_at_jumped(struct ends *ends, const char *result, const char *status, unsigned seconds, int jump)
{
	struct end end;

	end_set(&end, result, "exited", status);
	return ends_add(ends, &end, BOOT + seconds * USEC_PER_SEC,
		(usec_t)((int64_t)WALL + ((int64_t)seconds + jump) * (int64_t)USEC_PER_SEC));
}

static enum ends_verdict end_at(struct ends *ends, const char *result, const char *status, unsigned seconds)
{
	return end_at_jumped(ends, result, status, seconds, 0);
}

static void test_third_end_in_ten_minutes_is_told(void **state)
{
	struct ends ends = { 0 };

	assert_int_equal(end_at(&ends, "signal", "KILL", 0), ENDS_COUNTED);
	assert_int_equal(end_at(&ends, "core-dump", "SEGV", 599), ENDS_COUNTED);
	assert_int_equal(end_at(&ends, "oom-kill", "KILL", 600), ENDS_TELL);
	assert_int_equal(ends.count, 3);
	assert_int_equal(ends.first_at, WALL);
	assert_int_equal(ends.last_at, WALL + 600 * USEC_PER_SEC);
	assert_string_equal(ends.last.result, "oom-kill");
}

static void test_third_end_later_is_not_told(void **state)
{
	struct ends ends = { 0 };

	assert_int_equal(end_at(&ends, "signal", "KILL", 0), ENDS_COUNTED);
	assert_int_equal(end_at(&ends, "signal", "KILL", 300), ENDS_COUNTED);
	assert_int_equal(end_at(&ends, "signal", "KILL", 601), ENDS_COUNTED);
	/* But the fourth is the third within ten minutes of the second. */
	assert_int_equal(end_at(&ends, "signal", "KILL", 900), ENDS_TELL);
	assert_int_equal(ends.count, 4);
}

static void test_single_ends_never_make_three(void **state)
{
	struct ends ends = { 0 };

	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(end_at(&ends, "exit-code", "1", i * 601), ENDS_COUNTED);
		assert_int_equal(ends.count, 1);
	}
}

static void test_loop_is_told_once_an_hour(void **state)
{
	struct ends ends = { 0 };
	unsigned told[8], count = 0;

	for (unsigned second = 0; second < 3 * 3600; second += 10)
		if (end_at(&ends, "exit-code", "1", second) == ENDS_TELL) {
			ends.told = BOOT + second * USEC_PER_SEC;
			told[count++] = second;
		}
	assert_int_equal(count, 3);
	assert_int_equal(told[0], 20);
	assert_int_equal(told[1], 3620);
	assert_int_equal(told[2], 7220);
}

/* Nobody was told, as the bus was not there: with the next end it is tried again. */
static void test_loop_not_told_is_told_later(void **state)
{
	struct ends ends = { 0 };

	(void)end_at(&ends, "signal", "KILL", 0);
	(void)end_at(&ends, "signal", "KILL", 1);
	assert_int_equal(end_at(&ends, "signal", "KILL", 2), ENDS_TELL);
	assert_int_equal(end_at(&ends, "signal", "KILL", 3), ENDS_TELL);
}

static void test_clean_ends_count_for_nothing(void **state)
{
	struct ends ends = { 0 }, before;

	(void)end_at(&ends, "signal", "KILL", 0);
	(void)end_at(&ends, "signal", "KILL", 1);
	before = ends;
	assert_int_equal(end_at(&ends, "success", "0", 2), ENDS_CLEAN);
	assert_int_equal(end_at(&ends, "success", "TERM", 3), ENDS_CLEAN);
	assert_int_equal(end_at(&ends, "exec-condition", "1", 4), ENDS_CLEAN);
	assert_memory_equal(&ends, &before, sizeof(ends));
}

static void test_every_other_result_is_unclean(void **state)
{
	static const char *const results[] = { "exit-code", "signal", "core-dump", "watchdog", "timeout", "oom-kill", "protocol",
		"resources", "start-limit-hit", "a word of a later systemd" };

	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		struct ends ends = { 0 };

		assert_int_equal(end_at(&ends, results[i], "1", 0), ENDS_COUNTED);
	}
}

static void test_what_was_just_counted(void **state)
{
	struct ends ends = { 0 };

	assert_false(ends_just_counted(&ends, BOOT));
	(void)end_at(&ends, "exit-code", "2", 0);
	assert_false(ends_just_counted(&ends, BOOT));
	(void)end_at(&ends, "signal", "KILL", 1);
	assert_true(ends_just_counted(&ends, BOOT + 60 * USEC_PER_SEC));
	assert_false(ends_just_counted(&ends, BOOT + 61 * USEC_PER_SEC));
}

/* systemd leaves the unit dead, and OnFailure= tells: nothing is counted. */
static void test_final_ends_are_left_to_systemd(void **state)
{
	struct ends ends = { 0 };

	assert_int_equal(end_at(&ends, "exit-code", "2", 0), ENDS_FINAL);
	assert_int_equal(end_at(&ends, "exit-code", "4", 1), ENDS_FINAL);
	assert_int_equal(end_at(&ends, "exit-code", "2", 2), ENDS_FINAL);
	assert_true(end_is_final(&ends.last));
	assert_int_equal(ends.count, 1);
	assert_int_equal(end_at(&ends, "exit-code", "217", 2), ENDS_FINAL);
	assert_int_equal(end_at(&ends, "exit-code", "22", 3), ENDS_COUNTED);
	assert_int_equal(end_at(&ends, "signal", "2", 4), ENDS_COUNTED);
	assert_int_equal(end_at(&ends, "exit-code", "1", 5), ENDS_TELL);
}

static void test_wall_clock_decides_nothing(void **state)
{
	struct ends ends = { 0 };

	(void)end_at_jumped(&ends, "signal", "KILL", 0, 0);
	(void)end_at_jumped(&ends, "signal", "KILL", 1, -3000000);
	assert_int_equal(end_at_jumped(&ends, "signal", "KILL", 2, 3000000), ENDS_TELL);
	ends.told = BOOT + 2 * USEC_PER_SEC;
	assert_int_equal(end_at_jumped(&ends, "signal", "KILL", 3, 90000000), ENDS_COUNTED);
}

static void test_notes_are_read_back(void **state)
{
	_cleanup_(freep) char *text = NULL;
	struct ends ends = { 0 }, seen = { 0 };

	(void)end_at(&ends, "oom-kill", "KILL", 1);
	(void)end_at(&ends, "protocol", "", 2);
	ends.told = BOOT;
	text = ends_format(&ends);
	assert_true(strlen(text) < ENDS_TEXT_MAX);
	assert_int_equal(ends_parse(text, &seen), 0);
	assert_memory_equal(&seen, &ends, sizeof(ends));
	/* Cut off anywhere, it is nothing. */
	for (size_t length = strlen(text) - 2; length > 0; length--) {
		struct ends none = { 0 };

		text[length] = '\0';
		if (ends_parse(text, &none) < 0)
			assert_int_equal(none.count, 0);
		else
			assert_int_equal(none.count, 2); /* the last number alone is shorter */
	}
	assert_int_equal(ends_parse("", &seen), -EINVAL);
}

static void test_words_of_systemd_are_kept_short_and_plain(void **state)
{
	struct end end;

	end_set(&end, "a result\nwith a break and very very long", NULL, "\x1b[31m");
	assert_string_equal(end.result, "a?result?with?a?break?a");
	assert_string_equal(end.code, "");
	assert_string_equal(end.status, "?[31m");
}

static void test_place_is_one_users_alone(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *path = place_path(directory, "place");
	struct ends ends = { 0 }, seen = { 0 };

	assert_int_equal(place_make(path, geteuid(), &err), 0);
	assert_int_equal(place_make(path, geteuid(), &err), 0);
	assert_int_equal(chmod(path, 0750), 0);
	assert_int_equal(place_make(path, geteuid(), &err), -EACCES);
	assert_non_null(strstr(err.text, "mode 0700"));
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(place_make(path, geteuid() + 1, &err), -EACCES);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink(directory, path), 0);
	assert_int_equal(place_make(path, geteuid(), &err), -EACCES);
	assert_int_equal(place_load(directory, PLACE_ENDS, &seen), -ENOENT);
	(void)end_at(&ends, "signal", "KILL", 1);
	assert_int_equal(place_save(directory, PLACE_ENDS, &ends, &err), 0);
	assert_int_equal(place_load(directory, PLACE_ENDS, &seen), 0);
	assert_memory_equal(&seen, &ends, sizeof(ends));
	place_remove(directory, PLACE_ENDS);
	assert_int_equal(place_load(directory, PLACE_ENDS, &seen), -ENOENT);
}

/* What is told: ${due} noted or not, OnFailure= or not, and the unit as it is. */
static enum message_occasion judged(
	const char *due, bool by_failure, enum unit_active active, const char *sub_state, struct message *message)
{
	struct unit unit = { .active = active, .state_changed = WALL };
	struct ends ends = { 0 };
	struct end end = { 0 };
	struct occasion occasion = { .by_failure = by_failure, .end = &end, .unit = &unit, .now = WALL };

	(void)snprintf(unit.sub_state, sizeof(unit.sub_state), "%s", sub_state);
	(void)snprintf(unit.result, sizeof(unit.result), "%s", "timeout");
	if (by_failure)
		end_set(&end, "signal", "killed", "KILL");
	occasion.just_counted = due && strcmp(due, "counted") == 0;
	if (due && !occasion.just_counted) {
		(void)end_at(&ends, "exit-code", due, 0);
		occasion.due = &ends;
	}
	return occasion_judge(&occasion, message) ? message->occasion : (enum message_occasion)-1;
}

static void test_what_is_told(void **state)
{
	const enum message_occasion nothing = (enum message_occasion)-1;
	struct message message;

	assert_int_equal(judged("2", true, UNIT_FAILED, "failed", &message), MESSAGE_DEAD);
	assert_int_equal(judged("1", false, UNIT_ACTIVATING, "auto-restart", &message), MESSAGE_LOOP);
	/* systemd 254 and later: an end that is only counted. */
	assert_int_equal(judged(NULL, true, UNIT_FAILED, "failed-before-auto-restart", &message), nothing);
	assert_int_equal(judged(NULL, true, UNIT_ACTIVATING, "auto-restart", &message), nothing);
	assert_int_equal(judged(NULL, true, UNIT_ACTIVE, "running", &message), nothing);
	/* Nothing was noted, and yet it stays dead: Restart=no, a stop that took too long, no room for a note. */
	assert_int_equal(judged(NULL, true, UNIT_FAILED, "failed", &message), MESSAGE_DEAD);
	assert_string_equal(message.ends.last.status, "KILL");
	assert_int_equal(judged(NULL, false, UNIT_FAILED, "failed", &message), MESSAGE_DEAD);
	assert_string_equal(message.ends.last.result, "timeout");
	/* An end so quickly followed by a start that systemd knows of no failure any more. */
	assert_int_equal(judged("counted", false, UNIT_ACTIVE, "running", &message), nothing);
	/* By hand. */
	assert_int_equal(judged(NULL, false, UNIT_ACTIVE, "running", &message), MESSAGE_TRY);
	assert_int_equal(judged(NULL, false, UNIT_INACTIVE, "dead", &message), MESSAGE_TRY);
}

static void test_what_is_told_without_a_bus(void **state)
{
	struct end end = { .result = "signal" };
	struct occasion occasion = { .by_failure = true, .end = &end };
	struct message message;

	assert_true(occasion_judge(&occasion, &message));
	assert_int_equal(message.occasion, MESSAGE_DEAD);
	occasion.by_failure = false;
	assert_true(occasion_judge(&occasion, &message));
	assert_int_equal(message.occasion, MESSAGE_TRY);
}

static struct message message_of(const char *result, const char *code, const char *status, enum message_occasion occasion)
{
	struct message message = {
		.occasion = occasion,
		.host = "ferry-1",
		.now = WALL + USEC_PER_MINUTE,
		.ends = { .count = 3, .first_at = WALL, .last_at = WALL + USEC_PER_MINUTE },
	};

	end_set(&message.ends.last, result, code, status);
	return message;
}

static void assert_says(const struct message *message, const char *sentence, const char *advice)
{
	_cleanup_(freep) char *summary = message_summary(message), *text = message_text(message);

	assert_string_equal(summary, sentence);
	assert_non_null(strstr(text, sentence));
	assert_non_null(strstr(text, advice));
	assert_true(strlen(text) < 2048);
}

static void test_sentences(void **state)
{
	struct message message = message_of("exit-code", "exited", "2", MESSAGE_DEAD);

	assert_says(&message,
		"certferryd.service on 'ferry-1' has failed with exit status 2: the configuration was rejected, or the "
		"state database is of a newer version",
		"certferryd --check");
	message = message_of("exit-code", "exited", "4", MESSAGE_DEAD);
	assert_says(&message,
		"certferryd.service on 'ferry-1' has failed with exit status 4: another certferryd uses the state directory",
		"Then 'systemctl restart certferryd'.");
	message = message_of("oom-kill", "killed", "KILL", MESSAGE_LOOP);
	assert_says(&message,
		"certferryd.service on 'ferry-1' keeps failing, 3 times since 2026-11-18T11:06:40Z, the last time with "
		"SIGKILL (oom-kill): the kernel killed it because its memory limit or the host's memory was exhausted",
		"renewed certificates do not reach their destinations");
	message = message_of("protocol", "exited", "0", MESSAGE_LOOP);
	assert_says(&message,
		"certferryd.service on 'ferry-1' keeps failing, 3 times since 2026-11-18T11:06:40Z, the last time with "
		"exit status 0 (protocol): it ended before it was ready",
		"journalctl -u certferryd -n 50");
	message = message_of("resources", "", "", MESSAGE_DEAD);
	assert_says(&message,
		"certferryd.service on 'ferry-1' has failed with result 'resources': systemd lacked the resources to start it",
		"journalctl");
	message = message_of("", "", "", MESSAGE_TRY);
	assert_says(&message, "Test message of certferry-failed.service on 'ferry-1'", "by hand");
}

static void test_mail(void **state)
{
	char *recipients[] = { (char *)"root", (char *)"ops@example.com", NULL };
	struct message message = message_of("exit-code", "exited", "2", MESSAGE_DEAD);
	_cleanup_(freep) char *mail = message_mail(&message, recipients), *text = message_text(&message);

	assert_memory_equal(mail,
		"To: root, ops@example.com\nSubject: ferry-1: certferryd.service has failed\nAuto-Submitted: auto-generated\n",
		105);
	assert_string_equal(strstr(mail, "\n\n") + 2, text);
}

static const char *member(json_t *root, const char *name)
{
	return json_string_value(json_object_get(root, name)) ?: "(null)";
}

static void test_json(void **state)
{
	struct message message = message_of("oom-kill", "killed", "KILL", MESSAGE_LOOP);
	_cleanup_(freep) char *text = message_json(&message);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "format")), 1);
	assert_string_equal(member(root, "host"), "ferry-1");
	assert_string_equal(member(root, "unit"), "certferryd.service");
	assert_string_equal(member(root, "occasion"), "failing");
	assert_string_equal(member(root, "result"), "oom-kill");
	assert_string_equal(member(root, "exit_status"), "KILL");
	assert_int_equal(json_integer_value(json_object_get(root, "count")), 3);
	assert_string_equal(member(root, "first"), "2026-11-18T11:06:40Z");
	assert_string_equal(member(root, "last"), "2026-11-18T11:07:40Z");
	assert_true(json_object_size(root) == 12);
	json_decref(root);
}

static void parse(const char *text, struct settings *settings)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (settings_parse(text, settings, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static void test_settings(void **state)
{
	_cleanup_(settings_done) struct settings settings = { 0 };

	parse("", &settings);
	assert_null(settings.mail);
	parse("\xef\xbb\xbf# nothing\n\n  # set\n", &settings);
	assert_null(settings.url);
	parse(" mail = root \r\nmail=ops+tls@example.com\nurl=HTTPS://hooks.example.com:8443/a?b=c=d\n"
	      "ca_file=/etc/ssl/corp.pem",
		&settings);
	assert_int_equal(strv_length(settings.mail), 2);
	assert_string_equal(settings.mail[0], "root");
	assert_string_equal(settings.url[0], "HTTPS://hooks.example.com:8443/a?b=c=d");
	assert_string_equal(settings.ca_file, "/etc/ssl/corp.pem");
}

static void test_settings_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "mail=root\nmial=root", "line 2 must be mail=, url= or ca_file=" },
		{ "[failed]", "line 1 must be" },
		{ "mail", "line 1 must be" },
		{ "Mail=root", "line 1 must be" },
		{ "mail=", "one address" },
		{ "mail=a, b", "one address" },
		{ "mail=-v", "one address" },
		{ "mail=a b", "one address" },
		{ "mail=\"|x\"@example.com", "one address" },
		{ "\nurl=http://example.com/SECRET", "line 2: the value of 'url' must be a URL that begins with https://" },
		{ "url=https://", "line 1: the value of 'url'" },
		{ "url=https://example.com/ SECRET", "line 1: the value of 'url'" },
		{ "ca_file=corp.pem", "absolute path" },
		{ "ca_file=/a\nca_file=/b", "line 2: 'ca_file'" },
		{ "mail=a\nmail=a\nmail=a\nmail=a\nmail=a\nmail=a\nmail=a\nmail=a\nmail=a", "line 9: more than 8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;
		struct settings settings = { 0 };

		assert_int_equal(settings_parse(cases[i].text, &settings, &err), -EINVAL);
		if (!strstr(err.text, cases[i].words) || strstr(err.text, "SECRET"))
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_null(settings.mail);
	}
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(file_replace(path, text, strlen(text), mode, NULL), 0);
}

static void assert_refused(const char *path, uid_t owner, const char *words)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct settings settings = { 0 };

	assert_true(settings_read(path, owner, &settings, &err) < 0);
	assert_non_null(strstr(err.text, words));
	assert_non_null(strstr(err.text, path));
	assert_null(settings.mail);
}

static void test_settings_of_a_file(void **state)
{
	static const mode_t refused[] = { 0640, 0604, 0644, 0620, 0700, 04600, 0000 };
	_cleanup_(freep) char *path = place_path(directory, "failed.conf");
	_cleanup_(settings_done) struct settings settings = { 0 };

	assert_int_equal(settings_read(path, geteuid(), &settings, NULL), 0);
	assert_null(settings.mail);
	write_file(path, "mail=root\n", 0600);
	assert_int_equal(settings_read(path, geteuid(), &settings, NULL), 0);
	assert_string_equal(settings.mail[0], "root");
	assert_refused(path, geteuid() + 1, "belongs to user");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (refused[i] == 0 && geteuid() != 0)
			continue; /* it cannot even be opened */
		assert_int_equal(chmod(path, refused[i]), 0);
		assert_refused(path, geteuid(), "chmod 0600");
	}
	write_file(path, "mial=root\n", 0600);
	assert_refused(path, geteuid(), "line 1");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(path, geteuid(), "not a regular file");
}

/* mail_send() with a script as sendmail. */
static int send(const char *script, usec_t timeout, struct error *err)
{
	_cleanup_(freep) char *path = place_path(directory, "script"), *mail = place_path(directory, "mail");
	_cleanup_(freep) char *text = mem_printf("#!/bin/sh\ncd %s\n%s\n", directory, script);
	_cleanup_(fd_closep) int fd = -1;

	write_file(path, text, 0700);
	write_file(mail, "To: root\n\nhello\n", 0600);
	fd = open(mail, O_RDONLY | O_CLOEXEC);
	return mail_send(path, fd, timeout, err);
}

static void test_mail_is_handed_over(void **state)
{
	_cleanup_(freep) char *seen = place_path(directory, "seen");
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(buf_done) struct buf content = BUF_NULL;

	(void)setenv("SECRET", "x", 1);
	assert_int_equal(send("echo \"$*${SECRET:-}\" >seen; cat >>seen", 10 * USEC_PER_SEC, &err), 0);
	assert_int_equal(file_read(seen, 1024, &content, NULL), 0);
	assert_string_equal(content.data, "-oi -t\nTo: root\n\nhello\n");
}

static void test_mail_that_is_not_taken(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	usec_t began = clock_monotonic();

	assert_int_equal(send("exit 75", 10 * USEC_PER_SEC, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "exit status 75"));
	assert_int_equal(send("kill -9 $$", 10 * USEC_PER_SEC, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "signal 9"));
	assert_int_equal(send("exec sleep 60", USEC_PER_SEC, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "within 1 s"));
	assert_true(clock_monotonic() - began < 30 * USEC_PER_SEC);
	assert_int_equal(mail_send("/no/sendmail", STDIN_FILENO, USEC_PER_SEC, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_third_end_in_ten_minutes_is_told),
		cmocka_unit_test(test_third_end_later_is_not_told),
		cmocka_unit_test(test_single_ends_never_make_three),
		cmocka_unit_test(test_loop_is_told_once_an_hour),
		cmocka_unit_test(test_loop_not_told_is_told_later),
		cmocka_unit_test(test_clean_ends_count_for_nothing),
		cmocka_unit_test(test_every_other_result_is_unclean),
		cmocka_unit_test(test_what_was_just_counted),
		cmocka_unit_test(test_final_ends_are_left_to_systemd),
		cmocka_unit_test(test_wall_clock_decides_nothing),
		cmocka_unit_test(test_notes_are_read_back),
		cmocka_unit_test(test_words_of_systemd_are_kept_short_and_plain),
		cmocka_unit_test_setup_teardown(test_place_is_one_users_alone, setup, teardown),
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_what_is_told_without_a_bus),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_settings_refused),
		cmocka_unit_test_setup_teardown(test_settings_of_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mail_is_handed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mail_that_is_not_taken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
