/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/client.h"
#include "daemon/cli/offline.h"
#include "daemon/cli/reply.h"
#include "daemon/cli/show.h"
#include "daemon/cli/table.h"
#include "lib/os/clock.h"

static int ask(json_t **ret_status, struct error *err)
{
	_cleanup_(client_freep) struct client *client = NULL;
	_cleanup_(freep) char *text = NULL;
	int r;

	r = client_open(&client, err);
	if (r < 0)
		return r;
	r = client_read(client, "Status", &text, err);
	if (r < 0)
		return r;
	return reply_parse(text, ret_status, err);
}

/* The daemon is asked; when it cannot be, its record is read.  A refusal is no such case. */
static int find_status(json_t **ret_status, struct error *err)
{
	_cleanup_(error_done) struct error offline = ERROR_NULL;
	int r;

	r = ask(ret_status, err);
	if (r >= 0 || err->code != CLIENT_UNREACHABLE || err->kind == ERROR_DENIED)
		return r;
	fprintf(stderr, "certferry: %s\n", err->text);
	r = offline_status(clock_now(), ret_status, &offline);
	if (r >= 0) {
		error_done(err);
		return 0;
	}
	error_set(err, offline.kind, CLIENT_UNREACHABLE, "nor can its record be read: %s",
		offline.text);
	return r;
}

int command_status(const struct cli *cli)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(reply_done) json_t *status = NULL;
	_cleanup_(freep) char *text = NULL;
	int exit_status;

	if (find_status(&status, &err) < 0)
		return cli_fail(&err);
	if (cli->operand && !reply_select(status, cli->operand)) {
		error_set(&err, ERROR_ABSENT, 0,
			"there is no delivery or certificate '%s'; certferry status lists them",
			cli->operand);
		return cli_fail(&err);
	}
	exit_status = reply_exit(status);
	if (cli->json) {
		reply_print(status);
		return exit_status;
	}
	text = show_status(status, SHOW_ALL, screen_width());
	fputs(text, stdout);
	return exit_status;
}
