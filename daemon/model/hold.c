/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/hold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"

const char *hold_name(enum hold hold)
{
	static const char *const names[] = {
		[HOLD_NONE] = "",
		[HOLD_GUARD] = "guard",
		[HOLD_APPROVAL] = "approval",
		[HOLD_ADOPT] = "adopt?",
		[HOLD_GONE] = "gone",
		[HOLD_FOREIGN] = "foreign",
	};

	return names[hold];
}

enum hold hold_find(const char *name)
{
	enum hold hold = HOLD_NUMBERS - 1;

	while (hold > HOLD_NONE && strcmp(hold_name(hold), name) != 0)
		hold--;
	return hold;
}

enum approval hold_approval(enum hold hold)
{
	static const enum approval approvals[] = {
		[HOLD_NONE] = APPROVAL_NONE,
		[HOLD_GUARD] = APPROVAL_PLAIN,
		[HOLD_APPROVAL] = APPROVAL_PLAIN,
		[HOLD_ADOPT] = APPROVAL_NONE,
		[HOLD_GONE] = APPROVAL_NONE,
		[HOLD_FOREIGN] = APPROVAL_TRUST,
	};

	return approvals[hold];
}

/* --- sets --- */

bool holds_have(unsigned set, enum hold hold)
{
	return set & 1U << hold;
}

enum hold holds_weightiest(unsigned set)
{
	enum hold hold = HOLD_NUMBERS - 1;

	while (hold > HOLD_NONE && !holds_have(set, hold))
		hold--;
	return hold;
}

enum approval holds_approval(unsigned set)
{
	enum approval most = APPROVAL_NONE;

	for (enum hold hold = HOLD_NONE + 1; hold < HOLD_NUMBERS; hold++)
		if (holds_have(set, hold) && hold_approval(hold) > most)
			most = hold_approval(hold);
	return most;
}

void holds_add(struct holds *holds, enum hold hold, char *reason)
{
	assert(hold > HOLD_NONE && hold < HOLD_NUMBERS && !holds_have(holds->set, hold) && reason);
	holds->set |= 1U << hold;
	holds->reasons[hold] = reason;
}

char *holds_text(const struct holds *holds)
{
	struct buf text = BUF_NULL;

	for (enum hold hold = HOLD_NUMBERS - 1; hold > HOLD_NONE; hold--)
		if (holds_have(holds->set, hold))
			buf_printf(&text, "%s%s", text.length ? "; " : "", holds->reasons[hold]);
	return buf_take(&text);
}

void holds_done(struct holds *holds)
{
	for (enum hold hold = 0; hold < HOLD_NUMBERS; hold++)
		free(holds->reasons[hold]);
	*holds = (struct holds){ 0 };
}
