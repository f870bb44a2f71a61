/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/client.h"
#include "daemon/cli/reply.h"
#include "daemon/cli/table.h"

/* What was approved, from a status taken just before: afterwards the reasons are gone. */
static void show_holds(const json_t *status)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(status, "deliveries"), i, item)
	{
		const char *hold = reply_text(item, "hold");
		_cleanup_(freep) char *line = mem_printf(
			"%s: %s: %s", reply_text(item, "name"), hold, reply_text(item, "reason"));

		if (strcmp(hold, "approval") == 0 || strcmp(hold, "guard") == 0)
			puts(plain(line));
	}
}

static int read_status(
	struct client *client, const struct cli *cli, json_t **ret_status, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	int r;

	r = client_read(client, "Status", &text, err);
	if (r < 0)
		return r;
	r = reply_parse(text, ret_status, err);
	if (r >= 0 && cli->operand)
		(void)reply_select(*ret_status, cli->operand);
	return r;
}

static void show_count(const struct cli *cli, uint32_t count, const json_t *status)
{
	if (cli->json) {
		printf("{\n  \"format\": 1,\n  \"exit\": 0,\n  \"approved\": %u\n}\n", count);
		return;
	}
	if (!count) {
		puts("nothing waits for approval");
		return;
	}
	show_holds(status);
	printf("approved: %u\n", count);
}

int command_approve(const struct cli *cli)
{
	_cleanup_(client_freep) struct client *client = NULL;
	_cleanup_(reply_done) json_t *status = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	uint32_t count;
	int r;

	r = client_open(&client, &err);
	if (r >= 0)
		r = read_status(client, cli, &status, &err);
	if (r >= 0)
		r = client_order(client, "Approve", cli->operand, &count, &err);
	if (r < 0)
		return cli_fail(&err);
	show_count(cli, count, status);
	return CLI_OK;
}
