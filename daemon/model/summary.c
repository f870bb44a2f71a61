/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

/* One that is not in order, as it is grouped. */
struct member {
	const char *of, *state, *name, *reason;
	enum hold hold;
	usec_t next_try;
};

static bool begins(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

/* The length of an ARN's part that has service, region and account, with the colon behind it. */
static size_t arn_place(const char *arn, size_t length)
{
	unsigned colons = 0;

	for (size_t i = 0; i < length; i++)
		if (arn[i] == ':' && ++colons == 5)
			return i + 1;
	return length;
}

static bool is_time(const char *word, size_t length)
{
	return length == strlen("2026-01-02T03:04:05Z") && word[4] == '-' && word[10] == 'T' && word[length - 1] == 'Z';
}

/* Whether a word is ${a} in one text and ${b} in another that says the same, ${before} being the word before it. */
static bool word_may_differ(const char *before, const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t place = arn_place(a, a_length);

	if (begins(a, "arn:"))
		return place == arn_place(b, b_length) && memcmp(a, b, place) == 0;
	return begins(before, "id ") || begins(before, "resource: ") || (is_time(a, a_length) && is_time(b, b_length));
}

/*
 * Whether two reasons are one: AWS gives each request an id and names the object that it refuses, and each object was
 * seen at a time of its own.  Accounts must be the same.
 */
static bool same_reason(const char *a, const char *b)
{
	const char *before = "";

	for (;;) {
		size_t a_length = strcspn(a, " "), b_length = strcspn(b, " ");

		if ((a_length != b_length || memcmp(a, b, a_length) != 0) &&
			!word_may_differ(before, a, a_length, b, b_length))
			return false;
		if (!a[a_length] || !b[b_length])
			return a[a_length] == b[b_length];
		before = a;
		a += a_length + 1;
		b += b_length + 1;
	}
}

static bool belongs(const struct summary_group *group, const struct member *member)
{
	return group->of == member->of && group->state == member->state && group->hold == member->hold &&
	       same_reason(group->reason, member->reason);
}

static struct summary_group *find_group(struct summary *summary, const struct member *member)
{
	for (size_t i = 0; i < summary->group_count; i++)
		if (belongs(&summary->groups[i], member))
			return &summary->groups[i];
	return NULL;
}

static struct summary_group *new_group(struct summary *summary, const struct member *member)
{
	struct summary_group *group;

	if (summary->group_count == SUMMARY_GROUPS_MOST)
		return NULL;
	if (!summary->groups)
		summary->groups = mem_alloc(SUMMARY_GROUPS_MOST * sizeof(*summary->groups));
	group = &summary->groups[summary->group_count++];
	*group = (struct summary_group){ .of = member->of,
		.state = member->state,
		.hold = member->hold,
		.reason = mem_strdup(member->reason) };
	return group;
}

static void add(struct summary *summary, struct member member)
{
	char reason[SUMMARY_REASON_MOST + 1];
	struct summary_group *group;

	(void)snprintf(reason, sizeof(reason), "%s", member.reason ?: "");
	member.reason = reason;
	group = find_group(summary, &member) ?: new_group(summary, &member);
	if (!group) {
		summary->left_out++;
		return;
	}
	if (group->count++ < SUMMARY_NAMES_MOST)
		strv_append(&group->names, member.name);
	if (member.next_try && (!group->next_try || member.next_try < group->next_try))
		group->next_try = member.next_try;
}

void summary_add_certificate(struct summary *summary, const struct certificate_view *view)
{
	summary->counts.certificates++;
	if (!view->problem)
		return;
	summary->counts.problems++;
	add(summary, (struct member){ "certificate", "problem", view->name, view->problem, HOLD_NONE, 0 });
}

void summary_add_delivery(struct summary *summary, const struct delivery_view *view)
{
	summary->counts.deliveries[view->state]++;
	if (view->state != DELIVERY_CURRENT)
		add(summary, (struct member){ "delivery", delivery_state_name(view->state), view->name, view->reason,
				     view->hold, view->next_try });
}

void summary_add_dependent(struct summary *summary, const struct dependent_report *view)
{
	summary->counts.dependents[view->state]++;
	if (view->state != PROGRESS_TOLD)
		add(summary, (struct member){ "dependent", dependent_progress_name(view->state), view->name,
				     view->reason, HOLD_NONE, view->next_try });
}

void summary_add_current(struct summary *summary, size_t count)
{
	summary->counts.deliveries[DELIVERY_CURRENT] += count;
}

void summary_done(struct summary *summary)
{
	for (size_t i = 0; i < summary->group_count; i++) {
		free(summary->groups[i].reason);
		strv_free(summary->groups[i].names);
	}
	free(summary->groups);
	*summary = (struct summary){ 0 };
}
