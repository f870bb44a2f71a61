/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/unit_survey.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/dependent/polkit_rule.h"
#include "daemon/dependent/unit_advice.h"
#include "lib/base/strv.h"
#include "lib/systemd/unit.h"

/*
 * Of one dependent after the other:
 *	READ	its unit is being read				call != NULL
 *	MAY	each of its verbs is being asked for		call != NULL
 * and it ends with the last one, or at once where there is no bus.
 */
struct unit_survey {
	struct dependent_host host;
	const struct desired *desired;
	unit_finding_fn found;
	void *userdata;
	struct unit_call *call;
	size_t at; /* of desired's dependents */
	size_t verb; /* of that one's */
};

/* Longer than systemd takes to reload itself. */
#define ASK_TIMEOUT (25 * USEC_PER_SEC)
#define VERBS_MOST  2

/* What is asked for, first by the action, and then where that was in vain. */
static const struct {
	size_t count;
	enum unit_verb verbs[VERBS_MOST];
	enum action actions[VERBS_MOST];
} asked[] = {
	[ACTION_RESTART] = { 1, { UNIT_TRY_RESTART }, { ACTION_RESTART } },
	[ACTION_RELOAD] = { 1, { UNIT_RELOAD }, { ACTION_RELOAD } },
	[ACTION_RELOAD_OR_RESTART] = { 2, { UNIT_RELOAD_OR_TRY_RESTART, UNIT_TRY_RESTART },
		{ ACTION_RELOAD_OR_RESTART, ACTION_RESTART } },
	[ACTION_START] = { 1, { UNIT_START }, { ACTION_START } },
};

static const struct desired_dependent *present(const struct unit_survey *survey)
{
	return &survey->desired->dependents[survey->at];
}

static struct unit_request request_of(const struct unit_survey *survey)
{
	return (struct unit_request){
		.event = survey->host.event,
		.bus = survey->host.bus(survey->host.userdata),
		.unit = present(survey)->unit.name,
		.timeout = ASK_TIMEOUT,
	};
}

static void read_next(struct unit_survey *survey);
static void ask_next(struct unit_survey *survey);

static void on_may(void *userdata, const struct error *err)
{
	struct unit_survey *survey = userdata;
	const struct desired_dependent *dependent = present(survey);
	const enum action action = asked[dependent->unit.action].actions[survey->verb];
	_cleanup_(error_done) struct error denied = ERROR_NULL;
	_cleanup_(freep) char *sentence = NULL;

	survey->call = NULL;
	if (err && err->kind == ERROR_DENIED && err->code != UNIT_CODE_MASKED) {
		polkit_explain(action, dependent->unit.name, err, &denied);
		sentence = mem_printf("dependents.%s.unit: %s; then reload certferryd",
			dependent->name, denied.text);
		survey->found(survey->userdata, FINDING_REFUSED, sentence);
		survey->verb = VERBS_MOST;
	} else {
		survey->verb++;
	}
	ask_next(survey);
}

static void ask_next(struct unit_survey *survey)
{
	const enum action action = present(survey)->unit.action;
	struct unit_request request;

	if (survey->verb >= asked[action].count) {
		survey->at++;
		read_next(survey);
		return;
	}
	request = request_of(survey);
	survey->call = unit_may(&request, asked[action].verbs[survey->verb], on_may, survey);
}

static void on_read(void *userdata, const struct unit *unit, const struct error *err)
{
	struct unit_survey *survey = userdata;
	_cleanup_(strv_freep) char **list = NULL;

	survey->call = NULL;
	/* No bus, or no systemd: it is not waited for again, unit by unit. */
	if (err && err->kind == ERROR_RETRY)
		return;
	if (err || strcmp(unit->load_state, "loaded") != 0) {
		survey->at++;
		read_next(survey);
		return;
	}
	list = unit_advice(survey->desired, present(survey), unit, APPARMOR_DIRECTORY);
	STRV_FOREACH (sentence, list)
		survey->found(survey->userdata, FINDING_ADVICE, *sentence);
	survey->verb = 0;
	ask_next(survey);
}

static void read_next(struct unit_survey *survey)
{
	struct unit_request request;

	while (!unit_survey_is_complete(survey) && present(survey)->kind != DEPENDENT_SYSTEMD)
		survey->at++;
	if (unit_survey_is_complete(survey))
		return;
	request = request_of(survey);
	survey->call = unit_read(&request, on_read, survey);
}

struct unit_survey *unit_survey_start(const struct dependent_host *host,
	const struct desired *desired, unit_finding_fn found, void *userdata)
{
	struct unit_survey *survey = mem_new(struct unit_survey);

	*survey = (struct unit_survey){
		.host = *host, .desired = desired, .found = found, .userdata = userdata
	};
	read_next(survey);
	return survey;
}

bool unit_survey_is_complete(const struct unit_survey *survey)
{
	return survey->at >= survey->desired->dependent_count;
}

struct unit_survey *unit_survey_free(struct unit_survey *survey)
{
	if (survey)
		unit_call_cancel(survey->call);
	free(survey);
	return NULL;
}
