/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failed/occasion.h"

#include <string.h>

#include "lib/systemd/unit.h"

/* Will it stay as it is until somebody acts?  Where nobody can say, it is better told. */
static bool is_dead(const struct occasion *occasion)
{
	if (!occasion->unit)
		return occasion->by_failure;
	return occasion->unit->active == UNIT_FAILED && strcmp(occasion->unit->sub_state, "failed") == 0;
}

bool occasion_judge(const struct occasion *occasion, struct message *message)
{
	*message = (struct message){ .now = occasion->now };
	if (occasion->due) {
		message->ends = *occasion->due;
		message->occasion = end_is_final(&message->ends.last) ? MESSAGE_DEAD : MESSAGE_LOOP;
		return true;
	}
	if (!is_dead(occasion)) {
		message->occasion = MESSAGE_TRY;
		return !occasion->by_failure && !occasion->just_counted;
	}
	message->occasion = MESSAGE_DEAD;
	message->ends.last = *occasion->end;
	if (!*message->ends.last.result)
		end_set(&message->ends.last, occasion->unit ? occasion->unit->result : "unknown", "", "");
	message->ends.last_at = occasion->unit ? occasion->unit->state_changed : 0;
	return true;
}
