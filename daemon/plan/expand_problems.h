/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_EXPAND_PROBLEMS_H
#define DAEMON_PLAN_EXPAND_PROBLEMS_H

#include "daemon/model/delivery.h"

/**
 * expand_drop_problems(deliveries, count, complete, problems):
 * Release those of ${count} ${deliveries} that cannot be: two to one object, an object's name with
 * a character that is not allowed; and add to the list ${ret_problems} why.  How many are left,
 * from the beginning.  ${complete}: the source is known, and so is what {domain} stands for.
 */
size_t expand_drop_problems(
	struct delivery *deliveries, size_t count, bool complete, char ***ret_problems);

#endif
