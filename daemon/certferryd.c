/* SPDX-License-Identifier: Apache-2.0 */
/* certferryd: options, start, run, exit status; what it does is in daemon/conductor. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "daemon/conductor/conductor.h"
#include "daemon/conductor/offline.h"
#include "daemon/launch/as_unit.h"
#include "daemon/launch/become.h"
#include "lib/base/error.h"
#include "lib/log/log.h"
#include "lib/pki/secret.h"

enum {
	EXIT_USAGE = 2,
};

struct arguments {
	struct conductor_options run;
	bool check;
	bool expand;
	bool polkit_rule;
	bool unit_dropin;
	bool as_unit;
	int log_level;
};

static void usage(FILE *stream)
{
	(void)fputs("Usage: certferryd [OPTION]...\n"
		    "Deliver renewed certificates from ACM to every place that uses them.\n\n"
		    "  --config FILE      read only FILE instead of /etc/certferry\n"
		    "  --check            check the configuration and exit (0, or 2 after printing every problem)\n"
		    "    --expand         print each delivery as one sorted line\n"
		    "  --once             run a full scan, do everything that is due, and exit\n"
		    "    --dry-run        only print what certferryd would do; write nothing\n"
		    "    --approve[=NAME] first approve the held deliveries, or that of NAME\n"
		    "  --as-unit          with --once or --check: as the service's user, with its environment\n"
		    "  --json             print JSON\n"
		    "  --log-level LEVEL  error, warning, notice, info (default) or debug\n"
		    "  --polkit-rule      print the polkit rule for the configured units\n"
		    "  --unit-dropin      print the unit drop-in for this configuration\n"
		    "  --version, --help\n\n"
		    "Exit status: 0 in sync or done, 1 something failed, 2 wrong usage or configuration,\n"
		    "3 something is pending or held, 4 another instance uses the state directory.\n"
		    "See certferryd(8), certferry.yaml(5).\n",
		stream);
}

static int usage_error(const char *text)
{
	(void)fprintf(stderr, "certferryd: %s; see certferryd --help\n", text);
	return EXIT_USAGE;
}

static int check_arguments(const struct arguments *arguments)
{
	if (arguments->run.dry_run && !arguments->run.once)
		return usage_error("--dry-run needs --once");
	if (arguments->run.approve && !arguments->run.once)
		return usage_error("--approve needs --once");
	if (arguments->run.approve && arguments->run.dry_run)
		return usage_error("--approve and --dry-run are mutually exclusive");
	if (arguments->expand && !arguments->check)
		return usage_error("--expand needs --check");
	if (arguments->as_unit && !arguments->run.once && !arguments->check)
		return usage_error("--as-unit needs --once or --check");
	if (arguments->check + arguments->run.once + arguments->polkit_rule + arguments->unit_dropin > 1)
		return usage_error("--check, --once, --polkit-rule and --unit-dropin are mutually exclusive");
	return 0;
}

/* 0 to go on, EXIT_USAGE, or -1 when all is done (--help, --version). */
static int parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	enum { CONFIG = 256, CHECK, EXPAND, ONCE, DRY_RUN, APPROVE, JSON, LOG_LEVEL, POLKIT_RULE, UNIT_DROPIN,
		AS_UNIT };
	static const struct option options[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "check", no_argument, NULL, CHECK },
		{ "expand", no_argument, NULL, EXPAND },
		{ "once", no_argument, NULL, ONCE },
		{ "dry-run", no_argument, NULL, DRY_RUN },
		{ "approve", optional_argument, NULL, APPROVE },
		{ "json", no_argument, NULL, JSON },
		{ "log-level", required_argument, NULL, LOG_LEVEL },
		{ "polkit-rule", no_argument, NULL, POLKIT_RULE },
		{ "unit-dropin", no_argument, NULL, UNIT_DROPIN },
		{ "as-unit", no_argument, NULL, AS_UNIT },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case CONFIG:
			arguments->run.config_file = optarg;
			break;
		case CHECK:
			arguments->check = true;
			break;
		case EXPAND:
			arguments->expand = true;
			break;
		case ONCE:
			arguments->run.once = true;
			break;
		case DRY_RUN:
			arguments->run.dry_run = true;
			break;
		case APPROVE:
			arguments->run.approve = true;
			arguments->run.approve_name = optarg;
			break;
		case JSON:
			arguments->run.json = true;
			break;
		case LOG_LEVEL:
			arguments->log_level = log_level_find(optarg);
			if (arguments->log_level < 0)
				return usage_error("--log-level must be error, warning, notice, info or debug");
			break;
		case POLKIT_RULE:
			arguments->polkit_rule = true;
			break;
		case UNIT_DROPIN:
			arguments->unit_dropin = true;
			break;
		case AS_UNIT:
			arguments->as_unit = true;
			break;
		case 'V':
			(void)puts("certferryd " CERTFERRY_VERSION);
			return -1;
		case 'h':
			usage(stdout);
			return -1;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage_error("unexpected argument");
	return check_arguments(arguments);
}

/* Keys are in this process: nobody may read them through a core or a debugger. */
static int harden(bool *ret_unlocked)
{
	const struct rlimit none = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	bool locked;

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	if (secret_memory_init(&locked, &err) < 0) {
		(void)fprintf(stderr, "certferryd: %s\n", err.text);
		return -1;
	}
	*ret_unlocked = !locked;
	return 0;
}

/*
 * What others may have left otherwise.  A peer of a proof or of a request that closes while we write must not end us:
 * systemd sees to it for its services; a shell, cron or a container does not.  And how a program has ended must be kept.
 */
static void set_signals(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
}

static int answer_offline(const struct arguments *arguments)
{
	return offline_run(arguments->run.config_file, arguments->polkit_rule ? OFFLINE_POLKIT_RULE
						       : arguments->unit_dropin ? OFFLINE_UNIT_DROPIN
						       : arguments->expand	 ? OFFLINE_EXPAND
										 : OFFLINE_CHECK);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .log_level = LOG_INFO };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int status = parse_arguments(argc, argv, &arguments);

	if (status != 0)
		return status < 0 ? 0 : status;
	if (arguments.as_unit)
		return as_unit_run(argv, arguments.run.config_file);
	log_open("certferryd", arguments.log_level);
	if (arguments.check || arguments.polkit_rule || arguments.unit_dropin)
		return answer_offline(&arguments);
	set_signals();
	if (arguments.run.once && become_unit_user(arguments.run.config_file, &err) < 0) {
		(void)fprintf(stderr, "certferryd: %s\n", err.text);
		return 1;
	}
	if (harden(&arguments.run.memory_unlocked) < 0)
		return 1;
	return conductor_run(&arguments.run);
}
