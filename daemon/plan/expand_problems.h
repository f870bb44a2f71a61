/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_EXPAND_PROBLEMS_H
#define DAEMON_PLAN_EXPAND_PROBLEMS_H

#include "daemon/model/observed.h"
#include "daemon/plan/expansion.h"

/**
 * expand_drop_problems(expansion, view, incumbents):
 * Release those deliveries of ${expansion} that cannot be: two to one object, an object's name with
 * a character that is not allowed; and add to its problems why. ${view}: the source, and so what
 * {domain} stands for; NULL: not known.
 *
 * Of those to one object that one match: found, one is left where its certificate covers all names
 * of each other and ends later: with it the object goes on. Where one covers the others and none is
 * like that, the one that ${incumbents} (NULL: nothing is known of them) has is left, the covering
 * one before others.
 */
void expand_drop_problems(struct expansion *expansion, const struct source_view *view,
	const struct incumbents *incumbents);

#endif
