/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/client.h"
#include "daemon/cli/reply.h"
#include "daemon/cli/show.h"
#include "daemon/cli/table.h"

static int show_begun(const struct cli *cli, uint32_t job)
{
	if (cli->json)
		printf("{\n  \"format\": 1,\n  \"exit\": 0,\n  \"job\": %u\n}\n", job);
	else
		printf("started job %u; certferry status shows its progress\n", job);
	return CLI_OK;
}

static int show_done(const struct cli *cli, uint32_t job, int exit_status, json_t *status)
{
	_cleanup_(freep) char *text = NULL;

	json_object_set_new(status, "exit", json_integer(exit_status));
	json_object_set_new(status, "job", json_integer(job));
	if (cli->json) {
		reply_print(status);
		return exit_status;
	}
	text = show_status(status, SHOW_OPEN, screen_width());
	fputs(text, stdout);
	return exit_status;
}

static int wait_for(struct client *client, const struct cli *cli, uint32_t job, struct error *err)
{
	_cleanup_(reply_done) json_t *status = NULL;
	_cleanup_(freep) char *json = NULL;
	int exit_status, r;

	if (!cli->json && isatty(STDERR_FILENO))
		fprintf(stderr, "Waiting for job %u (Ctrl-C stops waiting, not the job)\n", job);
	r = client_wait(client, job, cli->timeout, &exit_status, &json, err);
	if (r < 0)
		return r;
	r = reply_parse(json, &status, err);
	if (r < 0)
		return r;
	return show_done(cli, job, exit_status, status);
}

int command_sync(const struct cli *cli)
{
	_cleanup_(client_freep) struct client *client = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	uint32_t job;
	int r;

	r = client_open(&client, &err);
	if (r >= 0)
		r = client_order(client, "Sync", cli->operand, &job, &err);
	if (r < 0)
		return cli_fail(&err);
	if (cli->no_wait)
		return show_begun(cli, job);
	r = wait_for(client, cli, job, &err);
	if (r >= 0)
		return r;
	(void)cli_fail(&err);
	if (err.code == CLIENT_TIMEOUT)
		return CLI_PENDING;
	return err.code == CLIENT_UNREACHABLE ? CLI_UNREACHABLE : CLI_FAILED;
}
