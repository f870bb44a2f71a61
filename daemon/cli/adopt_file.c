/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/adopt_file.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/reply.h"
#include "daemon/cli/table.h"
#include "lib/base/bounded.h"

#define INDENT "  "

static bool is_admitted(const json_t *candidate)
{
	return !*reply_text(candidate, "refusal");
}

static bool is_in_use(const json_t *candidate)
{
	return json_is_true(json_object_get(candidate, "in_use"));
}

static size_t left_out(const json_t *object, const char *total, const char *list)
{
	json_int_t count = json_integer_value(json_object_get(object, total));
	size_t named = json_array_size(json_object_get(object, list));

	return count > 0 && (size_t)count > named ? (size_t)count - named : 0;
}

size_t adopt_left_out(const json_t *choice)
{
	return left_out(choice, "total", "candidates");
}

size_t adopt_users_left_out(const json_t *candidate)
{
	return left_out(candidate, "users", "in_use_by");
}

/* The one candidate to take over without a person's choice, or NULL: also where there are others that nobody sees here. */
static const json_t *obvious(const json_t *choice, size_t *ret_admitted)
{
	const json_t *candidates = json_object_get(choice, "candidates");
	const json_t *found = NULL;
	size_t i, count = 0;
	json_t *item;

	json_array_foreach(candidates, i, item) if (is_admitted(item))
	{
		count++;
		found = item;
	}
	*ret_admitted = count;
	return count == 1 && is_in_use(found) && !adopt_left_out(choice) ? found : NULL;
}

/* A key of YAML: as it is where it cannot be mistaken for anything else. */
static char *yaml_key(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && (c == name || !strchr("/_+=.@-", *c)))
			return mem_printf("\"%s\"", name);
	return mem_strdup(name);
}

static void append_use(struct buf *text, const json_t *candidate)
{
	const json_t *users = json_object_get(candidate, "in_use_by");
	size_t i;
	json_t *user;

	if (!is_in_use(candidate))
		buf_append_string(text, "not in use");
	else if (!json_array_size(users))
		buf_append_string(text, "in use");
	json_array_foreach(users, i, user)
		buf_printf(text, "%s%s", i ? " and " : "used by ", json_string_value(user) ?: "?");
	bounded_more(text, 0, adopt_users_left_out(candidate));
}

static void append_about(struct buf *text, const json_t *candidate)
{
	const char *expires = reply_text(candidate, "not_after");

	buf_printf(text, "%s, expires %.10s, ", reply_text(candidate, "domain"),
		*expires ? expires : "?");
	append_use(text, candidate);
}

static void append_why_not(struct buf *text, const json_t *candidate, size_t admitted, size_t others)
{
	if (!is_admitted(candidate))
		buf_printf(text, "   (ACM would reject a re-import: %s)", reply_text(candidate, "refusal"));
	else if (others)
		buf_append_string(text, "   (not the only one: choose one)");
	else if (admitted > 1)
		buf_printf(text, "   (one of %zu that ACM would accept: choose one)", admitted);
	else
		buf_append_string(text, "   (not in use: choose it, or leave it)");
}

/* Texts from outside stay inside their comment: plain() leaves no line break. */
static void append_candidate(struct buf *text, const char *delivery, const json_t *candidate,
	bool chosen, size_t admitted, size_t others)
{
	_cleanup_(buf_done) struct buf line = BUF_NULL;
	_cleanup_(freep) char *key = yaml_key(delivery);

	buf_printf(&line, INDENT "%s%s: %s   # ", chosen ? "" : "# ", key,
		reply_text(candidate, "arn"));
	append_about(&line, candidate);
	if (!chosen)
		append_why_not(&line, candidate, admitted, others);
	buf_printf(text, "%s\n", plain(line.data));
}

/* The daemon keeps the best, as it judges: a person may know better. */
static void append_others(struct buf *text, const char *delivery, size_t others)
{
	_cleanup_(freep) char *key = yaml_key(delivery);
	_cleanup_(freep) char *line = mem_printf(INDENT
		"#   %zu more; 'aws acm list-certificates' lists them in the account.  To choose one of "
		"them, write here: %s: its ARN",
		others, key);

	buf_printf(text, "%s\n", plain(line));
}

static void append_delivery(struct buf *text, const json_t *choice, struct adopt_count *count)
{
	const json_t *candidates = json_object_get(choice, "candidates");
	const json_t *chosen;
	size_t i, admitted, others = adopt_left_out(choice);
	json_t *item;

	chosen = obvious(choice, &admitted);
	json_array_foreach(candidates, i, item) append_candidate(
		text, reply_text(choice, "delivery"), item, item == chosen, admitted, others);
	if (others)
		append_others(text, reply_text(choice, "delivery"), others);
	if (!admitted && (json_array_size(candidates) || !others))
		buf_append_string(text,
			INDENT "#   ACM would accept none of them; `adopt: beside` in the "
			       "delivery imports another one\n");
	count->chosen += chosen != NULL;
	count->open += chosen == NULL;
}

static bool asks(const json_t *choices, const char *line, size_t length)
{
	size_t i;
	json_t *choice;

	json_array_foreach(choices, i, choice)
	{
		_cleanup_(freep) char *key = yaml_key(reply_text(choice, "delivery"));

		if (strlen(key) == length && strncmp(key, line, length) == 0)
			return true;
	}
	return false;
}

/* A line of the former file is active when it is indented, is no comment and gives an ARN. */
static bool is_kept(const json_t *choices, const char *line, size_t length)
{
	_cleanup_(freep) char *copy = mem_strndup(line, length);
	const char *key = copy + strspn(copy, " ");
	const char *value = strstr(key, ": arn:");

	return key != copy && *key != '#' && value && !asks(choices, key, (size_t)(value - key));
}

static void append_former(
	struct buf *text, const json_t *choices, const char *former, struct adopt_count *count)
{
	while (*former) {
		size_t length = strcspn(former, "\n");

		if (is_kept(choices, former, length)) {
			buf_append_string(text, INDENT);
			buf_append(
				text, former + strspn(former, " "), length - strspn(former, " "));
			buf_append_char(text, '\n');
			count->kept++;
		}
		former += length + (former[length] == '\n');
	}
}

char *adopt_file(
	const json_t *candidates, usec_t now, const char *former, struct adopt_count *ret_count)
{
	const json_t *choices = json_object_get(candidates, "deliveries");
	_cleanup_(buf_done) struct buf lines = BUF_NULL;
	struct adopt_count count = { 0 };
	struct buf text = BUF_NULL;
	char date[TIME_TEXT_SIZE];
	size_t i;
	json_t *choice;

	append_former(&lines, choices, former ?: "", &count);
	json_array_foreach(choices, i, choice) append_delivery(&lines, choice, &count);
	buf_printf(&text,
		"# Written by certferry adopt on %s; review it, delete what you do not want, then run: "
		"systemctl reload certferryd\n",
		time_format(now, date));
	/* A key without a value would be an error: with no active line the whole is a comment. */
	if (count.chosen + count.kept)
		buf_append_string(&text, "adopt:\n");
	else
		buf_append_string(&text, "# adopt:   (remove the # here and at the lines that you "
					 "choose)\n");
	buf_append_string(&text, lines.data);
	*ret_count = count;
	return buf_take(&text);
}
