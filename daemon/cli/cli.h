/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_CLI_H
#define DAEMON_CLI_CLI_H

/* What the subcommands of `certferry` share: the options as given, and the exit statuses. */

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_PENDING = 3,
	CLI_UNREACHABLE = 5, /* the daemon cannot be reached, or refuses the caller */
};

struct cli {
	const char *operand; /* or NULL */
	bool json;
	bool all;
	bool summary;
	bool no_wait;
	bool force;
	usec_t timeout; /* USEC_INFINITY: none */
	const char *output; /* or NULL */
};

/* command_x(cli): do it; returns the exit status.  Results go to stdout, everything else to stderr. */
int command_status(const struct cli *cli);
int command_plan(const struct cli *cli);
int command_sync(const struct cli *cli);
int command_approve(const struct cli *cli);
int command_adopt(const struct cli *cli);
int command_version(const struct cli *cli);

/* cli_fail(err): say ${err} on stderr; returns the exit status that belongs to it (see client.h). */
int cli_fail(const struct error *err);

/* cli_main(argc, argv): the whole program; returns the exit status. */
int cli_main(int argc, char **argv);

#endif
