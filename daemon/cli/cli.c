/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/cli.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/client.h"

/* One row an option, one row a command: the parser and the help are made from them. */

enum option_bit {
	OPTION_JSON = 1 << 0,
	OPTION_NO_WAIT = 1 << 1,
	OPTION_TIMEOUT = 1 << 2,
	OPTION_OUTPUT = 1 << 3,
	OPTION_FORCE = 1 << 4,
	OPTION_HELP = 1 << 5,
	OPTION_VERSION = 1 << 6,
	OPTION_ALL = 1 << 7,
	OPTION_SUMMARY = 1 << 8,
};

static const struct {
	const char *name;
	char letter;
	const char *argument;
	enum option_bit bit;
	const char *text;
} option_rows[] = {
	{ "json", 'j', NULL, OPTION_JSON, "print JSON" },
	{ "all", 'a', NULL, OPTION_ALL, "status: list everything, not only problems" },
	{ "summary", 's', NULL, OPTION_SUMMARY, "status: sum up, also with --json or a name" },
	{ "no-wait", 'n', NULL, OPTION_NO_WAIT, "sync: return without waiting" },
	{ "timeout", 't', "TIME", OPTION_TIMEOUT,
		"sync: wait no longer than TIME, such as 90s or 10m" },
	{ "output", 'o', "FILE", OPTION_OUTPUT, "adopt: write the proposal to FILE; - is standard output" },
	{ "force", 'f', NULL, OPTION_FORCE, "adopt: replace an existing file" },
	{ "help", 'h', NULL, OPTION_HELP, "print this help" },
	{ "version", 'V', NULL, OPTION_VERSION, "print the version" },
};

static int command_help(const struct cli *cli);

static const struct command {
	const char *name;
	const char *operand; /* as the help shows it; NULL: none is taken */
	unsigned options;
	int (*run)(const struct cli *cli);
	const char *text;
} commands[] = {
	{ "status", "[DELIVERY|CERTIFICATE]", OPTION_JSON | OPTION_ALL | OPTION_SUMMARY, command_status,
		"show deliveries, expiry dates and problems" },
	{ "plan", NULL, OPTION_JSON, command_plan, "show what certferryd would do next, and why" },
	{ "sync", "[NAME]", OPTION_JSON | OPTION_NO_WAIT | OPTION_TIMEOUT, command_sync,
		"run a full scan and do everything that is due now" },
	{ "approve", "[DELIVERY]", OPTION_JSON, command_approve,
		"approve held deliveries" },
	{ "adopt", NULL, OPTION_JSON | OPTION_OUTPUT | OPTION_FORCE, command_adopt,
		"list unmanaged certificates and propose which to adopt" },
	{ "version", NULL, 0, command_version, "print the versions of certferry and certferryd" },
	{ "help", NULL, 0, command_help, "print this help" },
};

static int command_help(const struct cli *cli)
{
	printf("certferry COMMAND [OPTION]...: show and control the deliveries of certferryd\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		_cleanup_(freep) char *left = mem_printf(
			"%s %s", commands[i].name, commands[i].operand ?: "");

		printf("  %-30s %s\n", left, commands[i].text);
	}
	printf("\nOptions:\n");
	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
		_cleanup_(freep) char *left = mem_printf("-%c, --%s %s", option_rows[i].letter,
			option_rows[i].name, option_rows[i].argument ?: "");

		printf("  %-30s %s\n", left, option_rows[i].text);
	}
	printf("\nExit status: 0 no problems, 1 something failed, 2 wrong usage, 3 something is\n"
	       "pending or held, 5 cannot reach certferryd, or permission denied.\n"
	       "See certferry(1) and certferryd(8).\n");
	return CLI_OK;
}

static int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int usage_error(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "certferry: ");
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "; see: certferry help\n");
	return CLI_USAGE;
}

int cli_fail(const struct error *err)
{
	fprintf(stderr, "certferry: %s\n", err->text ?: "unknown error");
	return err->code == CLIENT_UNREACHABLE || err->code == CLIENT_CUT ? CLI_UNREACHABLE : CLI_FAILED;
}

static int parse_timeout(const char *text, usec_t *ret_time)
{
	static const struct {
		char letter;
		usec_t length;
	} units[] = {
		{ 's', USEC_PER_SEC },
		{ 'm', USEC_PER_MINUTE },
		{ 'h', USEC_PER_HOUR },
		{ 'd', USEC_PER_DAY },
	};
	char *end;
	unsigned long count = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || count == 0 || count > 1000000)
		return usage_error("--timeout: invalid time '%s'; use 90s, 10m or 1h", text);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*end == units[i].letter && !end[1]) {
			*ret_time = count * units[i].length;
			return 0;
		}
	return usage_error("--timeout: '%s' has no unit; use 90s, 10m or 1h", text);
}

static int take_option(struct cli *cli, enum option_bit bit, const char *value)
{
	switch (bit) {
	case OPTION_JSON:
		cli->json = true;
		return 0;
	case OPTION_ALL:
		cli->all = true;
		return 0;
	case OPTION_SUMMARY:
		cli->summary = true;
		return 0;
	case OPTION_NO_WAIT:
		cli->no_wait = true;
		return 0;
	case OPTION_TIMEOUT:
		return parse_timeout(value, &cli->timeout);
	case OPTION_OUTPUT:
		cli->output = value;
		return 0;
	case OPTION_FORCE:
		cli->force = true;
		return 0;
	default:
		return 0;
	}
}

/* Makes getopt's own tables; its own messages are good enough. */
static void make_getopt(struct option *longs, char *letters)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
		int has_argument = option_rows[i].argument ? required_argument : no_argument;

		longs[i] = (struct option){ option_rows[i].name, has_argument, NULL,
			option_rows[i].letter };
		*letters++ = option_rows[i].letter;
		if (has_argument)
			*letters++ = ':';
	}
	*letters = '\0';
}

/* 0, or the exit status of wrong usage; ${given} gets the bits of all options. */
static int parse_options(int argc, char **argv, struct cli *cli, unsigned *given)
{
	struct option longs[ARRAY_SIZE(option_rows) + 1] = { 0 };
	char letters[2 * ARRAY_SIZE(option_rows) + 1];
	int c, r = 0;

	make_getopt(longs, letters);
	optind = 0;
	while (r == 0 && (c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == '?')
			return CLI_USAGE;
		for (size_t i = 0; i < ARRAY_SIZE(option_rows) && r == 0; i++)
			if (option_rows[i].letter == c) {
				*given |= option_rows[i].bit;
				r = take_option(cli, option_rows[i].bit, optarg);
			}
	}
	return r;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int check_fit(const struct command *command, unsigned given)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++)
		if (given & ~command->options & option_rows[i].bit)
			return usage_error(
				"'%s' does not accept option --%s", command->name, option_rows[i].name);
	return 0;
}

static int run_command(struct cli *cli, unsigned given, char **words)
{
	const struct command *command = find_command(words[0]);
	int r;

	if (!command)
		return usage_error("unknown command '%s'", words[0]);
	r = check_fit(command, given);
	if (r != 0)
		return r;
	if (words[1] && !command->operand)
		return usage_error("'%s' accepts no argument", command->name);
	if (words[1] && words[2])
		return usage_error(
			"'%s' accepts one argument; unexpected '%s'", command->name, words[2]);
	if (words[1] && !*words[1])
		return usage_error("'%s': the name is empty", command->name);
	if (cli->all && cli->summary)
		return usage_error("--all and --summary are mutually exclusive; use one of them");
	cli->operand = words[1];
	return command->run(cli);
}

int cli_main(int argc, char **argv)
{
	struct cli cli = { .timeout = USEC_INFINITY };
	unsigned given = 0;
	int r;

	r = parse_options(argc, argv, &cli, &given);
	if (r != 0)
		return r;
	if (given & OPTION_HELP)
		r = command_help(&cli);
	else if (given & OPTION_VERSION)
		r = command_version(&cli);
	else if (!argv[optind])
		return usage_error("missing command");
	else
		r = run_command(&cli, given, argv + optind);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "certferry: failed to write to standard output\n");
		return r ?: CLI_FAILED;
	}
	return r;
}
