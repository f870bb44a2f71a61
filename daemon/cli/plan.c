/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/receive.h"
#include "daemon/cli/reply.h"
#include "daemon/cli/table.h"

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

/* The guard's reason is the same for all of its deliveries: what tells them apart comes first. */
static char *reason_of(const json_t *step)
{
	const char *reason = reply_text(step, "reason"), *would = reply_text(step, "would");

	if (!*would)
		return mem_strdup(reason);
	return strcmp(reply_text(step, "hold"), "guard") == 0 ? mem_printf("would deliver: %s; held: %s", would, reason)
							      : mem_printf("%s; would deliver: %s", reason, would);
}

/* The lines of `certferryd --once --dry-run`. */
static void show_plan(const json_t *plan)
{
	const json_t *steps = json_object_get(plan, "steps");
	size_t i;
	json_t *step;

	json_array_foreach(steps, i, step)
	{
		_cleanup_(freep) char *why = reason_of(step);
		_cleanup_(freep) char *line = mem_printf("%s %s to %s: %s",
			reply_text(step, "verb"), or_dash(reply_text(step, "certificate")),
			or_dash(reply_text(step, "destination")), why);

		puts(plain(line));
	}
	if (!json_array_size(steps))
		puts("nothing to do");
}

int command_plan(const struct cli *cli)
{
	static const struct client_question question = { .method = "WritePlan" };
	_cleanup_(client_freep) struct client *client = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(reply_done) json_t *plan = NULL;
	int exit_status = 0, r = client_open(&client, &err);

	if (r >= 0 && cli->json)
		r = receive_print(client, &question, &exit_status, &err);
	else if (r >= 0)
		r = receive_reply(client, &question, &plan, &err);
	if (r < 0)
		return cli_fail(&err);
	if (cli->json)
		return exit_status;
	show_plan(plan);
	return reply_exit(plan);
}
