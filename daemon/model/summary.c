/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

/* One that is not in order, as it is grouped. */
struct member {
	const char *of, *state, *name, *reason;
	const char *essence; /* of the reason; set by add() */
	unsigned holds;
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

/*
 * How much of a word counts, ${before} being the word before it: little of one that names a request, an object, a time,
 * or ${name}, the member itself.
 */
static size_t word_counts(const char *name, const char *before, const char *word, size_t length)
{
	const char *bare = word + (*word == '\'');

	if (begins(bare, name) && strchr("' ,;:)", bare[strlen(name)]))
		return 0;
	if (begins(word, "arn:"))
		return arn_place(word, length);
	return begins(before, "id ") || begins(before, "resource: ") || is_time(word, length) ? 0 : length;
}

/*
 * What two reasons that are one have in common: AWS gives each request an id and names the object that it refuses, each
 * object was seen at a time of its own, and advice says what to call for ${name}.  Accounts must be the same.  ${ret}
 * has room for what is no longer than ${reason}.
 */
static void find_essence(const char *name, const char *reason, char *ret)
{
	const char *before = "";

	for (;;) {
		size_t length = strcspn(reason, " "), counts = word_counts(name, before, reason, length);

		memcpy(ret, reason, counts);
		ret += counts;
		*ret = reason[length];
		if (!reason[length])
			return;
		ret++;
		before = reason;
		reason += length + 1;
	}
}

static bool belongs(const struct summary_group *group, const struct member *member)
{
	return group->of == member->of && group->state == member->state && group->holds == member->holds &&
	       strcmp(group->essence, member->essence) == 0;
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
		.holds = member->holds,
		.reason = mem_strdup(member->reason),
		.essence = mem_strdup(member->essence) };
	return group;
}

static void add(struct summary *summary, struct member member)
{
	char reason[SUMMARY_REASON_MOST + 1], essence[sizeof(reason)];
	struct summary_group *group;

	(void)snprintf(reason, sizeof(reason), "%s", member.reason ?: "");
	find_essence(member.name, reason, essence);
	member.reason = reason;
	member.essence = essence;
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
	summary->counts.expiring.certificates += view->expiring;
	if (!view->problem)
		return;
	summary->counts.problems++;
	add(summary,
		(struct member){
			.of = "certificate", .state = "problem", .name = view->name, .reason = view->problem });
}

void summary_add_delivery(struct summary *summary, const struct delivery_view *view)
{
	summary->counts.deliveries[view->state]++;
	summary->counts.expiring.deliveries += view->expiring;
	if (view->state != DELIVERY_CURRENT)
		add(summary, (struct member){ .of = "delivery",
				     .state = delivery_state_name(view->state),
				     .name = view->name,
				     .reason = view->reason,
				     .holds = view->holds,
				     .next_try = view->next_try });
}

void summary_add_dependent(struct summary *summary, const struct dependent_report *view)
{
	summary->counts.dependents[view->state]++;
	if (view->state != PROGRESS_TOLD)
		add(summary, (struct member){ .of = "dependent",
				     .state = dependent_progress_name(view->state),
				     .name = view->name,
				     .reason = view->reason,
				     .next_try = view->next_try });
}

void summary_add_current(struct summary *summary, size_t count, bool expiring)
{
	summary->counts.deliveries[DELIVERY_CURRENT] += count;
	summary->counts.expiring.deliveries += expiring ? count : 0;
}

void summary_done(struct summary *summary)
{
	for (size_t i = 0; i < summary->group_count; i++) {
		free(summary->groups[i].reason);
		free(summary->groups[i].essence);
		strv_free(summary->groups[i].names);
	}
	free(summary->groups);
	*summary = (struct summary){ 0 };
}
