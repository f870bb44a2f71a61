/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certferry-failed: what certferry-failed.service runs, in two steps.  `tell`, in a sandbox: find out what there is to
 * tell, say it in the journal, leave a mail for the second step, become nobody, and post it to the URLs.  `mail`, outside
 * of it, because programs that take mail are set-uid or set-gid: hand the mail to this host's sendmail.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/failed/events.h"
#include "daemon/failed/mail.h"
#include "daemon/failed/occasion.h"
#include "daemon/failed/place.h"
#include "daemon/failed/post.h"
#include "daemon/failed/settings.h"
#include "lib/base/strv.h"
#include "lib/http/http.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/systemd/unit_now.h"

#define SETTINGS     CERTFERRY_SYSCONFDIR "/failed.conf"
#define SENDMAIL     "/usr/sbin/sendmail"
#define BUS_TIMEOUT  (5 * USEC_PER_SEC)
#define MAIL_TIMEOUT (60 * USEC_PER_SEC)
#define NOBODY	     65534

/* This host, fit for a header and for JSON. */
static void find_host(char host[static HOST_NAME_MAX + 1])
{
	if (gethostname(host, HOST_NAME_MAX + 1) < 0)
		(void)snprintf(host, HOST_NAME_MAX + 1, "?");
	for (char *c = host; *c; c++)
		if (*c <= ' ' || *c >= 127)
			*c = '?';
}

/* Takes what is due, so that it is told once, and notes when a series was told: in this order, so that an end that is
 * counted just now finds the one or the other. */
static bool take_due(struct ends *due)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (place_load(PLACE, PLACE_DUE, due) < 0)
		return false;
	if (!end_is_final(&due->last)) {
		due->told = clock_boottime();
		if (place_save(PLACE, PLACE_TOLD, due, &err) < 0)
			log_write(LOG_WARNING, NULL, NULL,
				"Failed to record that the message was sent: %s; certferry-failed can send it again within the hour",
				err.text);
	}
	place_remove(PLACE, PLACE_DUE);
	return true;
}

/* What there is to tell; false when there is nothing.  $MONITOR_... (systemd 251 and later) is there whoever started us,
 * with the daemon's last result. */
static bool find_message(char host[static HOST_NAME_MAX + 1], struct message *message)
{
	struct ends due, ends = { 0 };
	struct unit unit;
	struct end end;
	const char *result = getenv("MONITOR_SERVICE_RESULT");
	struct occasion occasion = {
		.by_failure = result && strcmp(result, "success") != 0,
		.end = &end,
		.now = clock_now(),
	};

	end_set(&end, result, getenv("MONITOR_EXIT_CODE"), getenv("MONITOR_EXIT_STATUS"));
	(void)place_load(PLACE, PLACE_ENDS, &ends);
	occasion.just_counted = ends_just_counted(&ends, clock_boottime());
	if (take_due(&due))
		occasion.due = &due;
	else if (unit_now_read(MESSAGE_UNIT, BUS_TIMEOUT, &unit, NULL) == 0)
		occasion.unit = &unit;
	if (!occasion_judge(&occasion, message))
		return false;
	find_host(host);
	message->host = host;
	return true;
}

/* Says that something of the telling failed; what is to be told is in the journal already. */
static int fail(const char *message_id, const char *what, const struct error *err)
{
	log_write(LOG_ALERT, message_id, NULL, "%s: %s", what, err->text);
	return 1;
}

static int leave_mail(const struct message *message, char *const *recipients)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *path = place_path(PLACE, PLACE_MAIL);
	_cleanup_(freep) char *mail = NULL;

	place_remove(PLACE, PLACE_MAIL); /* one that nobody has sent */
	if (!recipients)
		return 0;
	mail = message_mail(message, recipients);
	if (file_replace(path, mail, strlen(mail), 0600, &err) < 0)
		return fail(SAY_FAILED_UNSENT, "Failed to send mail about " MESSAGE_UNIT, &err);
	return 0;
}

/* Nothing of root's is needed any more, and what comes from the network must not meet it. */
static int become_nobody(struct error *err)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				      setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return error_set_errno(err, errno, "become nobody");
	return 0;
}

static int post_one(sd_event *event, struct http *http, const char *url, const char *json)
{
	_cleanup_(freep) char *origin = post_origin(url);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (post_send(event, http, url, json, &err) < 0)
		return fail(SAY_FAILED_UNSENT, "Failed to post the message about " MESSAGE_UNIT, &err);
	log_write(LOG_NOTICE, SAY_FAILED_SENT, NULL, "Posted the message about " MESSAGE_UNIT " to %s", origin);
	return 0;
}

static int post(const struct message *message, const struct settings *settings)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	_cleanup_(http_freep) struct http *http = NULL;
	_cleanup_(freep) char *json = NULL;
	int status = 0;

	if (!settings->url)
		return 0;
	if (sd_event_new(&event) < 0)
		mem_exhausted();
	/* The authorities are read while that is still allowed, wherever they are. */
	if (http_new(event, settings->ca_file, &http, &err) < 0 || become_nobody(&err) < 0)
		return fail(SAY_FAILED_UNSENT, "Failed to post the message about " MESSAGE_UNIT, &err);
	json = message_json(message);
	STRV_FOREACH(url, settings->url)
		status |= post_one(event, http, *url, json);
	return status;
}

/* In the journal in any case: that cannot be refused, nobody has to set it up, and other ways may fail later. */
static void say(const struct message *message)
{
	_cleanup_(freep) char *summary = message_summary(message);

	log_write(message->occasion == MESSAGE_TRY ? LOG_NOTICE : LOG_ALERT, SAY_FAILED, NULL, "%s%s", summary,
		message->occasion == MESSAGE_TRY ? ""
						 : ". Until it runs, renewed certificates do not reach their "
						   "destinations: see 'journalctl -u certferryd'");
}

static int tell(void)
{
	_cleanup_(settings_done) struct settings settings = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	char host[HOST_NAME_MAX + 1];
	struct message message;
	int status = 0;

	if (!find_message(host, &message)) {
		log_write(LOG_INFO, NULL, NULL, "Sent nothing: systemd starts " MESSAGE_UNIT " again");
		return 0;
	}
	say(&message);
	if (settings_read(SETTINGS, geteuid(), &settings, &err) < 0)
		status = fail(SAY_FAILED_SETTINGS, "Failed to read the recipients of messages about " MESSAGE_UNIT
						   "; only this journal has the message", &err);
	status |= leave_mail(&message, settings.mail);
	return status | post(&message, &settings);
}

/* The other step, as systemd tells it here, may not have come far enough to say anything itself. */
static void judge_tell(void)
{
	const char *code = getenv("EXIT_CODE") ?: "", *status = getenv("EXIT_STATUS") ?: "";

	if (strcmp(code, "exited") == 0 && (strcmp(status, "0") == 0 || strcmp(status, "1") == 0))
		return;
	log_write(LOG_ALERT, SAY_FAILED_UNHEARD, NULL,
		"certferry-failed itself failed (%s %s), and might have sent no message that " MESSAGE_UNIT
		" fails. See 'systemctl status certferryd certferry-failed'",
		code, status);
}

static int mail(void)
{
	_cleanup_(freep) char *path = place_path(PLACE, PLACE_MAIL);
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	judge_tell();
	if (fd < 0 && errno == ENOENT)
		return 0;
	place_remove(PLACE, PLACE_MAIL);
	if (fd < 0)
		(void)error_set_errno(&err, errno, "open '%s'", path);
	else if (mail_send(SENDMAIL, fd, MAIL_TIMEOUT, &err) == 0) {
		log_write(LOG_NOTICE, SAY_FAILED_SENT, NULL, "Handed a mail about " MESSAGE_UNIT " to " SENDMAIL);
		return 0;
	}
	return fail(SAY_FAILED_UNSENT, "Failed to send mail about " MESSAGE_UNIT, &err);
}

int main(int argc, char **argv)
{
	/* The URL is a secret. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	log_open("certferry-failed", LOG_INFO);
	if (argc == 2 && strcmp(argv[1], "tell") == 0)
		return tell();
	if (argc == 2 && strcmp(argv[1], "mail") == 0)
		return mail();
	(void)fputs("Usage: certferry-failed tell|mail\n"
		    "certferry-failed.service runs it: see certferry-failed(8).\n",
		stderr);
	return 2;
}
