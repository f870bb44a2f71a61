/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certferry-install NAME: what certferry-install@NAME.service runs, as root: install a certificate
 * and its key from a directory of certferryd's, for a server that accepts only files of another
 * owner.  Read /etc/certferry/install/NAME.conf, which is root's; read the pair, which is the daemon's
 * user's and not believed; write the target, which is root's.  Nothing else is believed: not the
 * environment, and no argument but NAME.
 */

#include <openssl/crypto.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>

#include "daemon/install/confine.h"
#include "daemon/install/instance.h"
#include "daemon/install/pair.h"
#include "daemon/install/target.h"

#define DIRECTORY CERTFERRY_SYSCONFDIR "/install"

/* Standard error goes there, which reads the level before a line (sd-daemon(3)). */
static bool in_journal;

/* By standard error and not by libsystemd, with its libraries for compression: root maps no more
 * than it needs. */
static void say(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(int level, const char *format, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	if (in_journal)
		(void)fprintf(stderr, "<%d>", level);
	(void)fprintf(stderr, "%s\n", text);
}

/* All that needs root's rights comes first; what is hostile is parsed without them. */
static int install(const struct instance *instance, struct pair *pair, struct error *err)
{
	_cleanup_(target_done) struct target target = TARGET_NULL;
	int r;

	r = target_open(instance, &target, err);
	if (r == 0)
		r = pair_read(instance, pair, err);
	if (r == 0)
		r = confine(target.fd, err);
	if (r == 0)
		r = pair_judge(instance, pair, err);
	if (r == 0)
		r = target_install(instance, &target, pair, err);
	return r;
}

static int run(const char *name)
{
	_cleanup_(freep) char *path = mem_printf(DIRECTORY "/%s.conf", name);
	_cleanup_(instance_done) struct instance instance = { 0 };
	_cleanup_(pair_done) struct pair pair = PAIR_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	char end[TIME_TEXT_SIZE];

	if (instance_read(path, &instance, &err) < 0) {
		say(LOG_ERR, "Failed to read what to install for '%s': %s; nothing changed", name,
			err.text);
		return 1;
	}
	if (install(&instance, &pair, &err) < 0) {
		say(LOG_ERR, "Failed to install '%s': %s; see certferry-install(8)", name,
			err.text);
		return 1;
	}
	say(LOG_INFO, "Installed version %s of '%s' in '%s'; it expires %s", pair.version,
		instance.object, instance.target, time_format(pair.not_after, end));
	return 0;
}

/* Nothing from outside reaches a library: no variable, and no configuration of OpenSSL. */
static int prepare(struct error *err)
{
	bool locked; /* LimitMEMLOCK= and MemorySwapMax= of the unit see to it */
	int r;

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(0077);
	in_journal = getenv("JOURNAL_STREAM") != NULL;
	if (clearenv() != 0)
		return error_set(err, ERROR_BUG, 0, "clear the environment");
	r = secret_heap_init(&locked, err);
	if (r == 0 && OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		r = error_set(err, ERROR_BUG, 0, "initialise OpenSSL");
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (prepare(&err) < 0) {
		say(LOG_ERR, "Failed to start: %s", err.text);
		return 1;
	}
	if (argc == 2 && instance_name_is_valid(argv[1]))
		return run(argv[1]);
	(void)fputs("Usage: certferry-install NAME\n"
		    "certferry-install@NAME.service runs it: see certferry-install(8).\n",
		stderr);
	return 2;
}
