/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_EXPAND_PROBLEMS_H
#define DAEMON_PLAN_EXPAND_PROBLEMS_H

#include "daemon/model/delivery.h"
#include "daemon/model/observed.h"

/**
 * expand_drop_problems(deliveries, count, view, dated, problems):
 * Release those of ${count} ${deliveries} that cannot be: two to one object, an object's name with
 * a character that is not allowed; and add to the list ${ret_problems} why. How many are left,
 * from the beginning. ${view}: the source, and so what {domain} stands for; NULL: not known.
 *
 * Of those to one object that one match: found, one is left where its certificate covers all names
 * of each other and ends later: with it the object goes on. ${ret_dated}: so the dates of what
 * the source shows decide.
 */
size_t expand_drop_problems(struct delivery *deliveries, size_t count,
	const struct source_view *view, bool *ret_dated, char ***ret_problems);

#endif
