/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/show.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/cli/reply.h"
#include "daemon/cli/table.h"
#include "daemon/report/words.h"

/* What is worst comes first. */
static const char *const state_order[] = { "failed", "held", "unknown", "unproven", "owed", "due",
	"in-flight" };

static size_t state_rank(const json_t *item)
{
	const char *state = reply_text(item, "state");

	for (size_t i = 0; i < ARRAY_SIZE(state_order); i++)
		if (strcmp(state, state_order[i]) == 0)
			return i;
	return ARRAY_SIZE(state_order);
}

static size_t problem_rank(const json_t *item)
{
	return *reply_text(item, "problem") ? 0 : ARRAY_SIZE(state_order);
}

/* How the members of one list are shown. */
struct section {
	const char *key;
	const char *headings[TABLE_COLUMNS];
	size_t (*rank)(const json_t *item);
	void (*row)(struct table *table, const json_t *item, usec_t now);
};

/* A duration in its greatest unit alone: nobody plans by the minutes of a month. */
static char *rough(usec_t duration)
{
	usec_t unit = duration >= 2 * USEC_PER_DAY      ? USEC_PER_DAY
		      : duration >= 2 * USEC_PER_HOUR   ? USEC_PER_HOUR
		      : duration >= 2 * USEC_PER_MINUTE ? USEC_PER_MINUTE
							: USEC_PER_SEC;

	return duration_format(duration - duration % unit);
}

static void append_ago(struct buf *text, usec_t time, usec_t now)
{
	_cleanup_(freep) char *duration = rough(time > now ? time - now : now - time);

	if (time > now)
		buf_printf(text, "in %s", duration);
	else
		buf_printf(text, "%s ago", duration);
}

static void add_expiry(struct table *table, const json_t *version, usec_t now)
{
	usec_t time = reply_time(version, "not_after");
	_cleanup_(freep) char *left = rough(usec_sub(time, now));
	char date[TIME_TEXT_SIZE];

	if (!time)
		table_add(table, "-");
	else if (time <= now)
		table_addf(table, "%.10s EXPIRED", time_format(time, date));
	else
		table_addf(table, "%.10s (%s)", time_format(time, date), left);
}

/* Notes are parts with "; " between them. */
static void note(struct buf *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct buf *text, const char *format, ...)
{
	_cleanup_(freep) char *part = NULL;
	va_list arguments;

	va_start(arguments, format);
	part = mem_vprintf(format, arguments);
	va_end(arguments);
	if (!*part)
		return;
	buf_printf(text, "%s%s", text->length ? "; " : "", part);
}

static void note_next_try(struct buf *text, const json_t *item, usec_t now)
{
	usec_t next = reply_time(item, "next_try");

	if (next <= now)
		return;
	note(text, "next try ");
	append_ago(text, next, now);
}

/* What follows its word, of a colon, is the same for people. */
static void note_proof(struct buf *text, const json_t *item)
{
	const char *proof = reply_text(item, "proof");
	size_t length = strcspn(proof, ":");
	_cleanup_(freep) char *value = mem_strndup(proof, length);

	note(text, "%s%s", report_word(value), proof + length);
}

/* What was seen at one of the endpoints, and when; what the reason says is not said again. */
static void note_endpoint(struct buf *text, const json_t *item, const json_t *endpoint, usec_t now)
{
	const char *words = reply_text(endpoint, "words");
	usec_t looked_at = reply_time(endpoint, "looked_at");

	if (!looked_at) {
		if (*reply_text(item, "proof"))
			note(text, "%s: not checked yet", reply_text(endpoint, "endpoint"));
		return;
	}
	note(text, "%s ", report_word(reply_text(endpoint, "proof")));
	append_ago(text, looked_at, now);
	if (!strstr(reply_text(item, "reason"), words))
		buf_printf(text, ": %s", words);
}

/* A former record has no endpoints, and that they are others now is said by the proof alone. */
static void note_proofs(struct buf *text, const json_t *item, usec_t now)
{
	const json_t *proofs = json_object_get(item, "proofs"), *endpoint;
	size_t i;

	if (json_array_size(proofs) == 0)
		note_proof(text, item);
	json_array_foreach(proofs, i, endpoint)
		note_endpoint(text, item, endpoint, now);
}

static void certificate_row(struct table *table, const json_t *item, usec_t now)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	const char *status = reply_text(item, "status");

	table_add(table, reply_text(item, "name"));
	table_add(table, reply_text(item, "domain"));
	add_expiry(table, json_object_get(item, "version"), now);
	note(&text, "%s", reply_text(item, "problem"));
	if (*status && strcmp(status, "ISSUED") != 0)
		note(&text, "%s", status);
	/* Of one that is expiring that is its problem. */
	if (json_is_true(json_object_get(item, "ineligible")) && !json_is_true(json_object_get(item, "expiring")))
		note(&text, "ACM will not renew it, because nobody exported it since its issue");
	table_add(table, text.data);
}

static bool can_be_approved(const char *hold)
{
	return strcmp(hold, "approval") == 0 || strcmp(hold, "guard") == 0 ||
	       strcmp(hold, "foreign") == 0;
}

/* What the reader may do about a hold; "gone" says it in its reason. */
static void note_way_out(struct buf *text, const json_t *item)
{
	const char *hold = reply_text(item, "hold");

	if (can_be_approved(hold))
		note(text, "to approve: certferry approve %s", reply_text(item, "name"));
	else if (strcmp(hold, "adopt?") == 0)
		note(text, "to choose: certferry adopt");
}

/* What is shown of it is not what was seen. */
static void note_confirmed(struct buf *text, const json_t *item, usec_t now)
{
	usec_t confirmed_at = reply_time(item, "confirmed_at");

	const char *said = "last confirmed"; /* of offline data that is the reason */

	if (!json_is_true(json_object_get(item, "recorded")) || !confirmed_at ||
		strncmp(reply_text(item, "reason"), said, strlen(said)) == 0)
		return;
	note(text, "last confirmed ");
	append_ago(text, confirmed_at, now);
}

static void delivery_row(struct table *table, const json_t *item, usec_t now)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	const char *hold = reply_text(item, "hold");
	const char *reason = reply_text(item, "reason");

	bool expiring = json_is_true(json_object_get(item, "expiring"));
	bool current = strcmp(reply_text(item, "state"), "current") == 0;

	table_add(table, reply_text(item, "name"));
	table_add(table, expiring && current ? "expiring" : report_word(reply_text(item, "state")));
	add_expiry(table, json_object_get(item, "seen"), now);
	if (*hold)
		note(&text, "%s%s%s", hold, *reason ? ": " : "", reason);
	else
		note(&text, "%s", reason);
	note_confirmed(&text, item, now);
	note_way_out(&text, item);
	note_next_try(&text, item, now);
	note_proofs(&text, item, now);
	if (expiring && !current)
		note(&text, "expiring");
	if (json_is_true(json_object_get(item, "unused")))
		note(&text, "not in use");
	table_add(table, text.data);
}

static void dependent_row(struct table *table, const json_t *item, usec_t now)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	usec_t told_at = reply_time(item, "told_at");

	table_add(table, reply_text(item, "name"));
	table_add(table, report_word(reply_text(item, "state")));
	table_addf(table, "%s %s", reply_text(item, "action"),
		*reply_text(item, "target") ? reply_text(item, "target") : reply_text(item, "unit"));
	note(&text, "%s", reply_text(item, "reason"));
	if (reply_count(item, "owed"))
		note(&text, reply_count(item, "owed") == 1 ? "pending for %u delivery" : "pending for %u deliveries",
			reply_count(item, "owed"));
	note_next_try(&text, item, now);
	note_proofs(&text, item, now);
	if (told_at) {
		note(&text, "notified ");
		append_ago(&text, told_at, now);
	}
	table_add(table, text.data);
}

static void note_users(struct buf *text, const json_t *item)
{
	const json_t *users = json_object_get(item, "in_use_by");
	size_t count = MAX(json_array_size(users), (size_t)reply_count(item, "users"));

	if (!json_is_array(users))
		return;
	if (!count)
		note(text, "not in use");
	else if (count == 1)
		note(text, "used by %s", json_string_value(json_array_get(users, 0)));
	else
		note(text, "used by %s and %zu more", json_string_value(json_array_get(users, 0)), count - 1);
}

static size_t leftover_rank(const json_t *item)
{
	return 0;
}

static void leftover_row(struct table *table, const json_t *item, usec_t now)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	table_add(table, reply_text(item, "object_id"));
	table_add(table, reply_text(item, "delivery"));
	add_expiry(table, json_object_get(item, "version"), now);
	note(&text, "no delivery writes it any more");
	note_users(&text, item);
	note(&text, "%s", reply_text(item, "problem"));
	table_add(table, text.data);
}

static const struct section leftovers = {
	"leftovers", { "LEFTOVER", "DELIVERY", "EXPIRES", "NOTE" }, leftover_rank, leftover_row
};

static const struct section sections[] = {
	{ "certificates", { "CERTIFICATE", "DOMAIN", "EXPIRES", "NOTE" }, problem_rank,
		certificate_row },
	{ "deliveries", { "DELIVERY", "STATE", "EXPIRES", "NOTE" }, state_rank, delivery_row },
	{ "dependents", { "DEPENDENT", "STATE", "UNIT", "NOTE" }, state_rank, dependent_row },
};

static void add_rank(struct table *table, const struct section *section, const json_t *list,
	size_t rank, usec_t now)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) if (section->rank(item) == rank)
		section->row(table, item, now);
}

static void append_section(struct buf *text, const struct section *section, const json_t *status,
	enum show what, size_t width)
{
	_cleanup_(table_done) struct table table = { .columns = 4 };
	const json_t *list = json_object_get(status, section->key);
	size_t last = ARRAY_SIZE(state_order) + (what == SHOW_ALL);

	for (size_t i = 0; i < table.columns; i++)
		table_add(&table, section->headings[i]);
	for (size_t rank = 0; rank < last; rank++)
		add_rank(&table, section, list, rank, reply_time(status, "now"));
	if (table.count == table.columns)
		return;
	table_write(&table, width, text);
	buf_append_char(text, '\n');
}

static void append_leftovers(struct buf *text, const json_t *status, size_t width)
{
	unsigned awaited = reply_count(status, "deliveries_left_out");
	unsigned left_out = reply_count(status, "leftovers_left_out");

	if (awaited)
		buf_printf(text, "and %u more deliveries, of which certferryd knows more once it has polled\n", awaited);
	append_section(text, &leftovers, status, SHOW_ALL, width);
	if (left_out)
		buf_printf(text, "and %u more leftovers: certferry status --all lists them\n", left_out);
}

static void append_line(struct buf *text, const char *head, const char *sentence)
{
	_cleanup_(freep) char *line = mem_printf("%s%s", head, sentence);

	if (*sentence)
		buf_printf(text, "%s\n", plain(line));
}

static void append_looked(struct buf *text, const json_t *status)
{
	usec_t now = reply_time(status, "now");
	usec_t looked_at = reply_time(status, "looked_at"), next = reply_time(status, "next_look");

	if (!json_is_true(json_object_get(status, "running")))
		return;
	if (!looked_at) {
		buf_append_string(text, "; not polled yet");
		return;
	}
	buf_append_string(text, "; last poll ");
	append_ago(text, looked_at, now);
	if (next) {
		buf_append_string(text, ", next poll ");
		append_ago(text, MAX(next, now), now);
	}
}

/* How many there are of a list, by state. */
struct tally {
	size_t all, well;
	size_t states[ARRAY_SIZE(state_order)];
};

static struct tally tally_list(const json_t *list)
{
	struct tally tally = { .all = json_array_size(list) };
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		size_t rank = state_rank(item);

		if (rank < ARRAY_SIZE(state_order))
			tally.states[rank]++;
		else
			tally.well++;
	}
	return tally;
}

static struct tally tally_counts(const json_t *status, const char *of)
{
	const json_t *counts = json_object_get(json_object_get(status, "counts"), of);
	struct tally tally = { .all = reply_count(counts, "all") };

	tally.well = tally.all;
	for (size_t i = 0; i < ARRAY_SIZE(state_order); i++) {
		tally.states[i] = reply_count(counts, state_order[i]);
		tally.well -= tally.states[i];
	}
	return tally;
}

static void append_states(struct buf *text, const struct tally *tally)
{
	const char *between = " (";

	for (size_t i = 0; i < ARRAY_SIZE(state_order); i++) {
		if (!tally->states[i])
			continue;
		buf_printf(text, "%s%zu %s", between, tally->states[i], report_word(state_order[i]));
		between = ", ";
	}
	buf_append_char(text, ')');
}

static size_t count_expiring(const json_t *status, const char *of)
{
	size_t count = reply_count(json_object_get(json_object_get(status, "counts"), "expiring"), of), i;
	json_t *item;

	json_array_foreach(json_object_get(status, of), i, item)
	{
		count += json_is_true(json_object_get(item, "expiring"));
	}
	return count;
}

static void append_expiring(struct buf *text, const json_t *status)
{
	size_t certificates = count_expiring(status, "certificates"), deliveries = count_expiring(status, "deliveries");
	const char *between = "; ";

	if (certificates) {
		buf_printf(text, certificates == 1 ? "%s%zu certificate" : "%s%zu certificates", between, certificates);
		between = " and ";
	}
	if (deliveries)
		buf_printf(text, deliveries == 1 ? "%s%zu delivery" : "%s%zu deliveries", between, deliveries);
	if (certificates || deliveries)
		buf_append_string(text, " expiring");
}

static void append_sum(struct buf *text, const json_t *status, const struct tally *deliveries, const struct tally *dependents)
{
	if (!deliveries->all)
		buf_append_string(text, "no deliveries");
	else if (deliveries->well == deliveries->all)
		buf_printf(text,
			deliveries->all == 1 ? "%zu delivery, current" : "%zu deliveries, all current",
			deliveries->all);
	else
		buf_printf(text, "%zu of %zu deliveries not current", deliveries->all - deliveries->well,
			deliveries->all);
	if (deliveries->well != deliveries->all)
		append_states(text, deliveries);
	if (dependents->well != dependents->all) {
		buf_printf(text, "; %zu of %zu dependents not up to date", dependents->all - dependents->well,
			dependents->all);
		append_states(text, dependents);
	}
	append_expiring(text, status);
	append_looked(text, status);
	buf_append_char(text, '\n');
}

static void append_problems(struct buf *text, const json_t *status)
{
	size_t i;
	json_t *notice;

	append_line(text, "failed to list certificates in the source account: ", reply_text(status, "source_problem"));
	append_line(text, "deliveries and restarts are paused: ", reply_text(status, "record_problem"));
	append_line(text, "certferryd rejects the configuration files: ", reply_text(status, "config_problem"));
	append_line(text, "", reply_text(status, "clock_problem"));
	append_line(text, "the event queue fails, polling continues: ",
		reply_text(status, "events_problem"));
	json_array_foreach(json_object_get(status, "notices"), i, notice)
		append_line(text, "note: ", json_string_value(notice) ?: "");
}

/* --- summed up --- */

static size_t group_rank(const json_t *group)
{
	return strcmp(reply_text(group, "of"), "certificate") == 0 ? 0 : 1 + state_rank(group);
}

/* The first, and how many there are beside it. */
static void add_names(struct table *table, const json_t *group)
{
	const char *name = json_string_value(json_array_get(json_object_get(group, "names"), 0)) ?: "?";
	unsigned count = reply_count(group, "count");

	if (count > 1)
		table_addf(table, "%s and %u more", name, count - 1);
	else
		table_add(table, name);
}

static void note_group_way_out(struct buf *text, const json_t *group)
{
	const char *hold = reply_text(group, "hold");
	const char *name = json_string_value(json_array_get(json_object_get(group, "names"), 0)) ?: "NAME";

	if (strcmp(hold, "adopt?") == 0)
		note(text, "to choose: certferry adopt");
	else if (!can_be_approved(hold))
		return;
	else if (reply_count(group, "count") == 1)
		note(text, "to approve: certferry approve %s", name);
	else if (strcmp(hold, "foreign") == 0)
		note(text, "to approve: certferry approve NAME, for each delivery");
	else if (strcmp(hold, "approval") == 0) /* the guard says it in its reason */
		note(text, "to approve: certferry approve NAME, for each delivery or for its certificate");
}

static void group_row(struct table *table, const json_t *group, usec_t now)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	const char *of = reply_text(group, "of"), *hold = reply_text(group, "hold");

	if (strcmp(of, "delivery") == 0)
		table_add(table, report_word(reply_text(group, "state")));
	else
		table_addf(table, "%s %s", of, report_word(reply_text(group, "state")));
	table_addf(table, "%u", reply_count(group, "count"));
	add_names(table, group);
	note(&text, "%s%s%s", hold, *hold && *reply_text(group, "reason") ? ": " : "", reply_text(group, "reason"));
	note_group_way_out(&text, group);
	note_next_try(&text, group, now);
	table_add(table, text.data);
}

static const struct section groups = {
	"groups", { "PROBLEM", "COUNT", "NAME", "NOTE" }, group_rank, group_row
};

static char *show_summary(const json_t *status, size_t width)
{
	const struct tally deliveries = tally_counts(status, "deliveries"), dependents = tally_counts(status, "dependents");
	unsigned left_out = reply_count(status, "left_out");
	struct buf text = BUF_NULL;

	append_section(&text, &groups, status, SHOW_ALL, width);
	append_leftovers(&text, status, width);
	if (left_out)
		buf_printf(&text, "and %u more problems: certferry status --all lists them\n", left_out);
	append_problems(&text, status);
	append_sum(&text, status, &deliveries, &dependents);
	return buf_take(&text);
}

char *show_status(const json_t *status, enum show what, size_t width)
{
	const struct tally deliveries = tally_list(json_object_get(status, "deliveries"));
	const struct tally dependents = tally_list(json_object_get(status, "dependents"));
	struct buf text = BUF_NULL;

	if (json_is_true(json_object_get(status, "summary")))
		return show_summary(status, width);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		append_section(&text, &sections[i], status, what, width);
	append_leftovers(&text, status, width);
	append_problems(&text, status);
	append_sum(&text, status, &deliveries, &dependents);
	return buf_take(&text);
}
