/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cli/adopt_file.h"
#include "daemon/cli/cli.h"
#include "daemon/cli/receive.h"
#include "daemon/cli/reply.h"
#include "daemon/cli/table.h"
#include "lib/base/bounded.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"

#define DIRECTORY    CERTFERRY_SYSCONFDIR "/conf.d"
#define DEFAULT_PATH DIRECTORY "/adopt.yaml"
#define FORMER_LIMIT ((size_t)4 << 20)

static int ask(json_t **ret_candidates, struct error *err)
{
	static const struct client_question question = { .method = "WriteCandidates" };
	_cleanup_(client_freep) struct client *client = NULL;
	int r = client_open(&client, err);

	return r < 0 ? r : receive_reply(client, &question, ret_candidates, err);
}

static void add_candidate(struct table *table, const char *delivery, const json_t *candidate)
{
	_cleanup_(buf_done) struct buf note = BUF_NULL;
	const json_t *users = json_object_get(candidate, "in_use_by");
	const char *refusal = reply_text(candidate, "refusal");
	size_t i;
	json_t *user;

	table_add(table, delivery);
	table_add(table, reply_text(candidate, "domain"));
	table_addf(table, "%.10s", reply_text(candidate, "not_after"));
	table_add(table, json_is_true(json_object_get(candidate, "in_use")) ? "yes" : "no");
	buf_printf(&note, "%s, %s%s", reply_text(candidate, "arn"),
		*refusal ? "ACM would reject a re-import: " : "ACM would accept a re-import", refusal);
	json_array_foreach(users, i, user) buf_printf(
		&note, "%s%s", i ? " and " : ", used by ", json_string_value(user) ?: "?");
	bounded_more(&note, 0, adopt_users_left_out(candidate));
	table_add(table, note.data);
}

static void add_others(struct table *table, const char *delivery, size_t others)
{
	table_add(table, delivery);
	table_add(table, "");
	table_add(table, "");
	table_add(table, "");
	table_addf(table, "%zu more; 'aws acm list-certificates' lists them in the account", others);
}

static void show_candidates(const json_t *candidates, FILE *to)
{
	_cleanup_(table_done) struct table table = { .columns = 5 };
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	const json_t *list;
	size_t i, k;
	json_t *choice, *item;

	table_add(&table, "DELIVERY");
	table_add(&table, "DOMAIN");
	table_add(&table, "EXPIRES");
	table_add(&table, "IN USE");
	table_add(&table, "IMPORT");
	json_array_foreach(json_object_get(candidates, "deliveries"), i, choice)
	{
		list = json_object_get(choice, "candidates");
		json_array_foreach(list, k, item)
			add_candidate(&table, reply_text(choice, "delivery"), item);
		if (adopt_left_out(choice))
			add_others(&table, reply_text(choice, "delivery"), adopt_left_out(choice));
	}
	if (table.count == table.columns)
		return;
	table_write(&table, to == stdout ? screen_width() : 0, &text);
	fputs(text.data, to);
}

/* What was not looked at may have something in its way as well: never silently left out. */
static int show_unseen(const json_t *candidates)
{
	const json_t *unseen = json_object_get(candidates, "unseen");
	size_t i;
	json_t *item;

	json_array_foreach(unseen, i, item)
	{
		const char *reason = reply_text(item, "reason");
		_cleanup_(freep) char *line = mem_printf("failed to check '%s': %s",
			reply_text(item, "delivery"), *reason ? reason : "not checked yet");

		fprintf(stderr, "certferry: %s\n", plain(line));
	}
	return json_array_size(unseen) ? CLI_FAILED : CLI_OK;
}

/* Reads the file that is to be replaced; 1 when there is one. */
static int read_former(const char *path, bool force, struct buf *former, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return error_set_errno(err, errno, "'%s'", path);
	}
	if (!force)
		return error_set(err, ERROR_CONFLICT, EEXIST,
			"'%s' exists and is not overwritten; show the proposal with "
			"--output -, write it elsewhere with --output FILE, or replace it with "
			"--force, which keeps its active lines",
			path);
	return file_read(path, FORMER_LIMIT, former, err) < 0 ? error_result(err) : 1;
}

static int write_file(const char *path, const char *text, struct error *err)
{
	int r;

	if (strcmp(path, DEFAULT_PATH) == 0 && mkdir(DIRECTORY, 0755) < 0 && errno != EEXIST)
		return error_set_errno(err, errno, "make directory '" DIRECTORY "'");
	r = file_replace(path, text, strlen(text), 0644, err);
	if (r < 0 && err->kind == ERROR_DENIED)
		return error_wrap(
			err, "write the proposal (run as root, or show it with --output -)");
	return r < 0 ? error_wrap(err, "write the proposal") : 0;
}

static void show_written(const char *path, const struct adopt_count *count, FILE *to)
{
	fprintf(to, "%s: %zu chosen, %zu for you to choose", path, count->chosen, count->open);
	if (count->kept)
		fprintf(to, ", %zu kept from before", count->kept);
	fprintf(to, "; review it, then: systemctl reload certferryd\n");
}

static int propose(
	const json_t *candidates, const char *path, bool force, FILE *to, struct error *err)
{
	_cleanup_(buf_done) struct buf former = BUF_NULL;
	_cleanup_(freep) char *text = NULL;
	struct adopt_count count;
	int r;

	if (strcmp(path, "-") == 0) {
		text = adopt_file(candidates, clock_now(), NULL, &count);
		fputs(text, stdout);
		return 0;
	}
	r = read_former(path, force, &former, err);
	if (r < 0)
		return r;
	text = adopt_file(candidates, clock_now(), r > 0 ? former.data : NULL, &count);
	r = write_file(path, text, err);
	if (r < 0)
		return r;
	show_written(path, &count, to);
	return 0;
}

int command_adopt(const struct cli *cli)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(reply_done) json_t *candidates = NULL;
	bool to_stdout = cli->output && strcmp(cli->output, "-") == 0;
	FILE *to = cli->json || to_stdout ? stderr : stdout;
	int unseen;

	if (cli->json && to_stdout) {
		fputs("certferry: --json and --output - both write to standard output; use one of them\n", stderr);
		return CLI_USAGE;
	}
	if (ask(&candidates, &err) < 0)
		return cli_fail(&err);
	if (cli->json)
		reply_print(candidates);
	else
		show_candidates(candidates, to);
	unseen = show_unseen(candidates);
	if (!json_array_size(json_object_get(candidates, "deliveries"))) {
		fputs(unseen ? "no checked delivery waits for a choice\n"
			     : "nothing waits for a choice\n",
			to);
		return unseen;
	}
	if ((!cli->json || cli->output) &&
		propose(candidates, cli->output ?: DEFAULT_PATH, cli->force, to, &err) < 0)
		return cli_fail(&err);
	return unseen;
}
