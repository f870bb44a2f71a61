/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/receive.h"
#include "daemon/cli/reply.h"
#include "daemon/cli/table.h"
#include "daemon/model/hold.h"

static bool is_meant(const json_t *step, const char *name)
{
	return !name || strcmp(reply_text(step, "delivery"), name) == 0 ||
	       strcmp(reply_text(step, "certificate"), name) == 0;
}

static enum approval approval_of(const json_t *step)
{
	return hold_approval(hold_find(reply_text(step, "hold")));
}

static bool can_be_approved(const json_t *step, const char *name)
{
	if (approval_of(step) == APPROVAL_TRUST)
		return name && strcmp(reply_text(step, "delivery"), name) == 0;
	return approval_of(step) == APPROVAL_PLAIN;
}

/* What was approved, from a plan made just before: afterwards the reasons are gone. */
static void show_holds(const json_t *plan, const char *name)
{
	size_t i;
	json_t *step;

	json_array_foreach(json_object_get(plan, "steps"), i, step)
	{
		const char *hold = reply_text(step, "hold");
		_cleanup_(freep) char *line = mem_printf(
			"%s: %s: %s", reply_text(step, "delivery"), hold, reply_text(step, "reason"));

		if (is_meant(step, name) && can_be_approved(step, name))
			puts(plain(line));
	}
}

/* What is left because it was not named; how many there are. */
static size_t show_unnamed(const json_t *plan, const char *name)
{
	size_t i, count = 0;
	json_t *step;

	json_array_foreach(json_object_get(plan, "steps"), i, step)
	{
		const char *delivery = reply_text(step, "delivery");
		_cleanup_(freep) char *line = mem_printf(
			"%s: %s: not approved; run 'certferry approve %s'", delivery, reply_text(step, "hold"), delivery);

		if (approval_of(step) != APPROVAL_TRUST || !is_meant(step, name) ||
			can_be_approved(step, name))
			continue;
		puts(plain(line));
		count++;
	}
	return count;
}

static void show_count(const struct cli *cli, uint32_t count, const json_t *plan)
{
	if (cli->json) {
		printf("{\n  \"format\": 1,\n  \"exit\": 0,\n  \"approved\": %u\n}\n", count);
		return;
	}
	if (count)
		show_holds(plan, cli->operand);
	if (!show_unnamed(plan, cli->operand) && !count) {
		puts("nothing waits for approval");
		return;
	}
	printf("approved: %u\n", count);
}

int command_approve(const struct cli *cli)
{
	static const struct client_question question = { .method = "WritePlan" };
	_cleanup_(client_freep) struct client *client = NULL;
	_cleanup_(reply_done) json_t *plan = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	uint32_t count;
	int r;

	r = client_open(&client, &err);
	if (r >= 0)
		r = receive_reply(client, &question, &plan, &err);
	if (r >= 0)
		r = client_order(client, "Approve", cli->operand, &count, &err);
	if (r < 0)
		return cli_fail(&err);
	show_count(cli, count, plan);
	return CLI_OK;
}
