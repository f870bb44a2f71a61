/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/summary.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

/* One that is not in order, as it is grouped. */
struct member {
	const char *of, *state, *name, *reason;
	enum hold hold;
	usec_t next_try;
};

static bool belongs(const struct summary_group *group, const struct member *member)
{
	return group->of == member->of && group->state == member->state && group->hold == member->hold &&
	       strncmp(group->reason, member->reason, SUMMARY_REASON_MOST) == 0;
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
		.reason = mem_strndup(member->reason, strnlen(member->reason, SUMMARY_REASON_MOST)) };
	return group;
}

static void add(struct summary *summary, struct member member)
{
	struct summary_group *group;

	member.reason = member.reason ?: "";
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
