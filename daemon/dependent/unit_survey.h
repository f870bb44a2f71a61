/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_UNIT_SURVEY_H
#define DAEMON_DEPENDENT_UNIT_SURVEY_H

/*
 * What can be known of all dependents' units before the first of them is told: whether we may do to
 * it what is configured, and what unit_advice() says.  It is asked beside everything else, of one
 * unit at a time; nothing is begun.
 */

#include "daemon/dependent/dependent.h"

struct unit_survey;

enum unit_finding {
	FINDING_ADVICE, /* unit_advice() */
	FINDING_REFUSED, /* we may not do to it what is configured */
};

/* unit_finding_fn(userdata, finding, sentence): once for each, never from inside
 * unit_survey_start(); borrowed. */
typedef void (*unit_finding_fn)(void *userdata, enum unit_finding finding, const char *sentence);

/* unit_survey_start(host, desired, found, userdata): ${host} is copied, ${desired} is borrowed until
 * it is freed.  What cannot be asked is left out. */
struct unit_survey *unit_survey_start(const struct dependent_host *host,
	const struct desired *desired, unit_finding_fn found, void *userdata);

/* unit_survey_is_complete(survey): has systemd answered for all of them? */
bool unit_survey_is_complete(const struct unit_survey *survey);

/* unit_survey_free(survey): no callback after this.  NULL is fine; returns NULL. */
struct unit_survey *unit_survey_free(struct unit_survey *survey);

#endif
