/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/offline.h"
#include "daemon/cli/receive.h"
#include "daemon/cli/reply.h"
#include "daemon/cli/show.h"
#include "daemon/cli/table.h"
#include "lib/os/clock.h"

/* People get a summary, unless they want to see more; machines get everything, unless they want to see less. */
static bool wants_summary(const struct cli *cli)
{
	return cli->summary || (!cli->json && !cli->all && !cli->operand);
}

static int show(const json_t *status)
{
	_cleanup_(freep) char *text = show_status(status, SHOW_ALL, screen_width());

	fputs(text, stdout);
	return reply_exit(status);
}

static int ask(const struct cli *cli, int *ret_exit, struct error *err)
{
	const struct client_question question = {
		.method = "WriteStatus", .name = cli->operand, .summary = wants_summary(cli)
	};
	_cleanup_(client_freep) struct client *client = NULL;
	_cleanup_(reply_done) json_t *status = NULL;
	int r = client_open(&client, err);

	if (r >= 0 && cli->json)
		return receive_print(client, &question, ret_exit, err);
	if (r >= 0)
		r = receive_reply(client, &question, &status, err);
	if (r < 0)
		return r;
	*ret_exit = show(status);
	return 0;
}

static int read_record(const struct cli *cli, int *ret_exit, struct error *err)
{
	_cleanup_(reply_done) json_t *status = NULL;
	_cleanup_(freep) char *text = NULL;
	int r = offline_status(clock_now(), cli->operand, wants_summary(cli), &text, err);

	if (r >= 0)
		r = reply_parse(text, &status, err);
	if (r < 0)
		return r;
	if (cli->json)
		puts(text);
	*ret_exit = cli->json ? reply_exit(status) : show(status);
	return 0;
}

/* The daemon is asked; when it cannot be, its record is read.  A refusal is no such case, nor is an answer cut off. */
int command_status(const struct cli *cli)
{
	_cleanup_(error_done) struct error err = ERROR_NULL, offline = ERROR_NULL;
	int exit_status = CLI_OK;

	if (ask(cli, &exit_status, &err) >= 0)
		return exit_status;
	if (err.code != CLIENT_UNREACHABLE || err.kind == ERROR_DENIED)
		return cli_fail(&err);
	fprintf(stderr, "certferry: %s\n", err.text);
	if (read_record(cli, &exit_status, &offline) >= 0)
		return exit_status;
	if (offline.code == OFFLINE_NOT_NAMED)
		return cli_fail(&offline);
	error_set(&err, offline.kind, CLIENT_UNREACHABLE, "failed to read its state database, too: %s", offline.text);
	return cli_fail(&err);
}
