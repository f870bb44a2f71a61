/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people ask to see, made piece by piece between the daemon's other work, from the slots.
 *
 * Everything is walked several times, certificate by certificate and some deliveries at a time:
 *	COUNT		what it all comes to, for the exit status at the beginning and the summary
 *	LIST_FIRST	certificates of a status, steps of a plan, choices among candidates
 *	LIST_SECOND	deliveries of a status, those that were not seen among candidates
 *	ENDING		dependents, and what comes last
 * What is as it should be, which is nearly all nearly always, is counted by its slots; where only what is not is shown,
 * that is all that is ever opened.  The world may become another one between two pieces: nothing is told twice (walk.h), and
 * the text says that it is so.
 */
#include <stdlib.h>

#include "daemon/conductor/inside.h"
#include "daemon/conductor/walk.h"
#include "daemon/report/report.h"
#include "lib/os/memory.h"

#define SLOTS_AT_ONCE 16 /* that are opened */
#define CERTIFICATES_AT_ONCE 64
#define SLOTS_PASSED_AT_ONCE 4096 /* that are only counted */
#define TRIM_AFTER 2048 /* that were opened */

enum step_of_survey {
	COUNT,
	LIST_FIRST,
	LIST_SECOND,
	ENDING,
};

struct survey {
	struct conductor *conductor;
	enum bus_subject subject;
	bool summed; /* a summary */
	char *name; /* "": all */
	enum step_of_survey step;
	struct writer writer;
	struct walk walk;
	size_t opened; /* since memory was given back */
	/* what it comes to */
	struct summary summary; /* with a list of what is not in order where that is wanted */
	bool something, blind; /* in the plan; candidates: some wait for a choice, some were not seen */
};

/* --- opening some --- */

static size_t count_quiet(const struct survey *survey, const struct tracked_certificate *certificate, size_t first)
{
	return walk_covers_all(&survey->walk, certificate) ? view_count_quiet(survey->conductor, certificate, first) : 0;
}

typedef void (*view_fn)(struct survey *survey, const struct delivery_view *view);

/* What is opened and settled again leaves the heap as it was, but goes through all of its holes, whose pages were given
 * back.  (While something is in flight, that is what they are for.) */
static void give_back(struct survey *survey, size_t count)
{
	survey->opened += count;
	if (survey->opened < TRIM_AFTER || !survey->conductor->rested)
		return;
	survey->opened = 0;
	memory_trim();
}

/* Tells the next deliveries of a certificate; how many. */
static size_t open_some(struct survey *survey, const struct tracked_certificate *certificate, view_fn tell)
{
	struct conductor *conductor = survey->conductor;
	size_t count = MIN(certificate->count - survey->walk.delivery, (size_t)SLOTS_AT_ONCE);
	struct delivery_view views[SLOTS_AT_ONCE];

	plan_done(&conductor->planner.shown);
	view_deliveries(conductor, certificate, survey->walk.delivery, count, views);
	for (size_t i = 0; i < count; i++)
		if (walk_covers_slot(&survey->walk, &conductor->stock->slots[certificate->first + survey->walk.delivery + i]))
			tell(survey, &views[i]);
	planner_forget(&conductor->planner);
	give_back(survey, count);
	return count;
}

/* Those that are not quiet; true when there are more. */
static bool walk_open(struct survey *survey, view_fn tell)
{
	size_t passed = 0;

	for (size_t i = 0; i < CERTIFICATES_AT_ONCE && passed < SLOTS_PASSED_AT_ONCE; i++) {
		const struct tracked_certificate *certificate = walk_here(&survey->walk);
		size_t quiet;

		if (!certificate)
			return false;
		quiet = walk_covers_some(&survey->walk, certificate) ? count_quiet(survey, certificate, survey->walk.delivery)
							 : certificate->count - survey->walk.delivery;
		passed += quiet;
		if (survey->walk.delivery + quiet == certificate->count) {
			walk_on(&survey->walk, certificate, quiet);
			continue;
		}
		survey->walk.delivery += quiet;
		walk_on(&survey->walk, certificate, open_some(survey, certificate, tell));
		return true;
	}
	return true;
}

/* --- counting --- */

static void count_certificate(struct survey *survey, const struct tracked_certificate *certificate)
{
	_cleanup_(certificate_view_done) struct certificate_view view = { 0 };

	survey->blind |= survey->subject == BUS_PLAN && certificate->refusal;
	if (survey->walk.delivery || !walk_covers_some(&survey->walk, certificate))
		return;
	view_certificate(survey->conductor, certificate, &view);
	if (survey->summed) {
		summary_add_certificate(&survey->summary, &view);
	} else {
		survey->summary.counts.certificates++;
		survey->summary.counts.problems += view.problem != NULL;
	}
}

static void count_view(struct survey *survey, const struct delivery_view *view)
{
	if (survey->subject == BUS_CANDIDATES) {
		survey->something |= holds_have(view->holds, HOLD_ADOPT);
		survey->blind |= !holds_have(view->holds, HOLD_ADOPT) && view->state == DELIVERY_UNKNOWN;
	} else if (survey->summed) {
		summary_add_delivery(&survey->summary, view);
	} else {
		survey->summary.counts.deliveries[view->state]++;
		survey->summary.counts.expiring.deliveries += view->expiring;
	}
}

/* What the steps in conductor->plan, of some deliveries that are open, come to. */
static void count_steps(struct survey *survey)
{
	const struct plan *plan = &survey->conductor->planner.shown;

	for (size_t i = 0; i < plan->count; i++) {
		survey->something |= step_is_open(&plan->steps[i]);
		survey->blind |= plan->steps[i].verb == STEP_LOOK;
	}
}

static size_t count_plan(struct survey *survey, const struct tracked_certificate *certificate)
{
	struct conductor *conductor = survey->conductor;

	plan_done(&conductor->planner.shown);
	planner_show_some(&conductor->planner, certificate, 0, certificate->count);
	count_steps(survey);
	planner_forget(&conductor->planner);
	give_back(survey, certificate->count);
	for (size_t i = 0; i < certificate->count; i++)
		survey->blind |= slot_state(&conductor->stock->slots[certificate->first + i]) == OBSERVED_UNKNOWN;
	return certificate->count;
}

/* A piece of the count; true when there are more. */
static bool count_some(struct survey *survey)
{
	size_t passed = 0;

	for (size_t i = 0; i < CERTIFICATES_AT_ONCE && passed < SLOTS_PASSED_AT_ONCE; i++) {
		const struct tracked_certificate *certificate = walk_here(&survey->walk);
		size_t quiet;

		if (!certificate)
			return false;
		count_certificate(survey, certificate);
		if (!walk_covers_some(&survey->walk, certificate)) {
			walk_on(&survey->walk, certificate, certificate->count - survey->walk.delivery);
			continue;
		}
		quiet = count_quiet(survey, certificate, survey->walk.delivery);
		passed += quiet;
		summary_add_current(&survey->summary, quiet,
			quiet && inventory_is_expiring(survey->conductor->inventory, certificate, NULL));
		if (survey->subject == BUS_PLAN && !view_is_quiet(survey->conductor, certificate)) {
			walk_on(&survey->walk, certificate, count_plan(survey, certificate));
			return true;
		}
		survey->walk.delivery += quiet;
		if (survey->walk.delivery == certificate->count) {
			walk_on(&survey->walk, certificate, 0);
			continue;
		}
		walk_on(&survey->walk, certificate, open_some(survey, certificate, count_view));
		return true;
	}
	return true;
}

static void tell_awaited(struct survey *survey, view_fn tell)
{
	const size_t most = *survey->name || survey->subject != BUS_STATUS ? 0 : survey->conductor->stock->leftover_count;
	_cleanup_(freep) struct delivery_view *views = mem_alloc(most * sizeof(*views));
	const size_t count = most ? view_awaited(survey->conductor, views) : 0;

	for (size_t i = 0; i < count; i++)
		tell(survey, &views[i]);
}

static void count_dependents(struct survey *survey)
{
	struct conductor *conductor = survey->conductor;

	if (survey->subject == BUS_PLAN) {
		plan_done(&conductor->planner.shown);
		planner_show_dependents(&conductor->planner);
		count_steps(survey);
		planner_forget(&conductor->planner);
		return;
	}
	for (size_t i = 0; !*survey->name && i < conductor->stock->dependent_count; i++) {
		struct dependent_report report;

		view_dependent(conductor->stock->dependents[i], &report);
		if (survey->summed)
			summary_add_dependent(&survey->summary, &report);
		else
			survey->summary.counts.dependents[report.state]++;
	}
}

static int exit_of(struct survey *survey, const struct status_view *head)
{
	const struct conductor *conductor = survey->conductor;

	if (survey->subject == BUS_STATUS)
		return status_exit(head, &survey->summary.counts);
	if (survey->subject == BUS_PLAN && (watch_show(conductor->watch).problem || !conductor->stock->view ||
						     conductor->stock->world->expansion->left_out))
		return 1;
	return survey->blind ? 1 : survey->something ? 3 : 0;
}

/* --- the text --- */

static void begin_text(struct survey *survey, struct buf *to)
{
	static const char *const lists[] = {
		[BUS_STATUS] = "certificates",
		[BUS_PLAN] = "steps",
		[BUS_CANDIDATES] = "deliveries",
	};
	struct status_view head;

	view_head(survey->conductor, &head);
	survey->writer = report_begin(to, exit_of(survey, &head));
	if (survey->subject == BUS_STATUS)
		report_status_head(&survey->writer, &head);
	writer_open(&survey->writer, lists[survey->subject], '[');
}

static bool write_certificates(struct survey *survey)
{
	for (size_t i = 0; i < SLOTS_AT_ONCE; i++) {
		const struct tracked_certificate *certificate = walk_here(&survey->walk);
		_cleanup_(certificate_view_done) struct certificate_view view = { 0 };

		if (!certificate)
			return false;
		view_certificate(survey->conductor, certificate, &view);
		if (walk_covers_some(&survey->walk, certificate))
			report_certificate(&survey->writer, &view);
		walk_on(&survey->walk, certificate, certificate->count);
	}
	return true;
}

static void write_delivery(struct survey *survey, const struct delivery_view *view)
{
	report_delivery(&survey->writer, view);
}

static bool write_deliveries(struct survey *survey)
{
	const struct tracked_certificate *certificate = walk_here(&survey->walk);

	if (!certificate)
		return false;
	walk_on(&survey->walk, certificate,
		walk_covers_some(&survey->walk, certificate) ? open_some(survey, certificate, write_delivery)
						 : certificate->count - survey->walk.delivery);
	return true;
}

/* A certificate's steps together: whether it is to be exported for itself depends on all of its deliveries. */
static bool write_steps(struct survey *survey)
{
	struct conductor *conductor = survey->conductor;

	for (size_t i = 0; i < CERTIFICATES_AT_ONCE; i++) {
		const struct tracked_certificate *certificate = walk_here(&survey->walk);
		bool quiet;

		if (!certificate)
			return false;
		quiet = view_is_quiet(conductor, certificate);
		if (!quiet) {
			plan_done(&conductor->planner.shown);
			planner_show_some(&conductor->planner, certificate, 0, certificate->count);
			report_steps(&survey->writer, &conductor->planner.shown);
			planner_forget(&conductor->planner);
			give_back(survey, certificate->count);
		}
		walk_on(&survey->walk, certificate, certificate->count);
		if (!quiet)
			return true;
	}
	return true;
}

static void write_choice(struct survey *survey, const struct delivery_view *view)
{
	if (holds_have(view->holds, HOLD_ADOPT))
		report_choice(&survey->writer, view);
}

static void write_unseen(struct survey *survey, const struct delivery_view *view)
{
	if (!holds_have(view->holds, HOLD_ADOPT) && view->state == DELIVERY_UNKNOWN)
		report_unseen(&survey->writer, view);
}

static bool write_first(struct survey *survey)
{
	if (survey->subject == BUS_STATUS)
		return write_certificates(survey);
	return survey->subject == BUS_PLAN ? write_steps(survey) : walk_open(survey, write_choice);
}

static void begin_second(struct survey *survey)
{
	if (survey->subject == BUS_PLAN)
		return;
	writer_close(&survey->writer, ']');
	writer_open(&survey->writer, survey->subject == BUS_STATUS ? "deliveries" : "unseen", '[');
}

static bool write_second(struct survey *survey)
{
	if (survey->subject == BUS_STATUS)
		return write_deliveries(survey);
	return survey->subject == BUS_CANDIDATES && walk_open(survey, write_unseen);
}

static void write_told(struct survey *survey)
{
	struct conductor *conductor = survey->conductor;

	plan_done(&conductor->planner.shown);
	planner_show_dependents(&conductor->planner);
	report_steps(&survey->writer, &conductor->planner.shown);
	planner_forget(&conductor->planner);
	writer_close(&survey->writer, ']');
}

static void write_leftovers(struct survey *survey)
{
	_cleanup_(status_view_done) struct status_view view = { 0 };

	view_leftovers(survey->conductor, &view);
	report_leftovers(&survey->writer, &view, SIZE_MAX);
}

static void write_dependents(struct survey *survey)
{
	struct conductor *conductor = survey->conductor;

	tell_awaited(survey, write_delivery);
	writer_close(&survey->writer, ']');
	if (survey->subject != BUS_STATUS)
		return;
	if (!*survey->name && conductor->stock->awaited_left_out)
		writer_number(&survey->writer, "deliveries_left_out", conductor->stock->awaited_left_out);
	writer_open(&survey->writer, "dependents", '[');
	for (size_t i = 0; !*survey->name && i < conductor->stock->dependent_count; i++) {
		struct dependent_report report;

		view_dependent(conductor->stock->dependents[i], &report);
		report_dependent(&survey->writer, &report);
	}
	writer_close(&survey->writer, ']');
	writer_texts(&survey->writer, "notices", view_notices(conductor));
	if (!*survey->name)
		write_leftovers(survey);
}

static void end_text(struct survey *survey)
{
	if (survey->subject == BUS_PLAN)
		write_told(survey);
	else
		write_dependents(survey);
	if (survey->walk.changed)
		writer_boolean(&survey->writer, "changed", true);
	writer_close(&survey->writer, '}');
	buf_append_char(survey->writer.text, '\n');
}

static void write_summary(struct survey *survey, struct buf *to)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(status_view_done) struct status_view head = { 0 };

	view_head(survey->conductor, &head);
	if (!*survey->name)
		view_leftovers(survey->conductor, &head);
	text = report_summary(&head, &survey->summary);
	buf_append_string(to, text);
	buf_append_char(to, '\n');
}

/* --- what the bus calls --- */

static bool survey_names_something(const struct survey *survey)
{
	const struct conductor *conductor = survey->conductor;

	for (size_t i = 0; i < conductor->stock->certificate_count; i++)
		if (walk_covers_some(&survey->walk, conductor->stock->certificates[i]))
			return true;
	return !*survey->name;
}

int survey_begin(void *userdata, const struct bus_question *question, void **ret_survey, struct error *err)
{
	struct survey *survey = mem_new(struct survey);

	*survey = (struct survey){ .conductor = userdata,
		.subject = question->subject,
		.summed = question->summary,
		.name = mem_strdup(question->name) };
	survey->walk = (struct walk){ .stock = survey->conductor->stock, .name = survey->name };
	walk_begin(&survey->walk);
	if (!survey_names_something(survey)) {
		survey_end(survey);
		return error_set(err, ERROR_ABSENT, 0,
			"there is no delivery or certificate '%s'; 'certferry status --all' lists them", question->name);
	}
	*ret_survey = survey;
	return 0;
}

bool survey_more(void *userdata, struct buf *to)
{
	struct survey *survey = userdata;

	survey->writer.text = to;
	switch (survey->step) {
	case COUNT:
		if (count_some(survey))
			return true;
		tell_awaited(survey, count_view);
		if (!*survey->name)
			survey->summary.counts.deliveries[DELIVERY_UNKNOWN] += survey->conductor->stock->awaited_left_out;
		count_dependents(survey);
		if (survey->summed) {
			write_summary(survey, to);
			return false;
		}
		begin_text(survey, to);
		break;
	case LIST_FIRST:
		if (write_first(survey))
			return true;
		begin_second(survey);
		break;
	case LIST_SECOND:
		if (write_second(survey))
			return true;
		break;
	case ENDING:
		end_text(survey);
		return false;
	}
	survey->step++;
	walk_begin(&survey->walk);
	return true;
}

void survey_end(void *userdata)
{
	struct survey *survey = userdata;
	struct conductor *conductor = survey->conductor;

	summary_done(&survey->summary);
	free(survey->name);
	walk_done(&survey->walk);
	free(survey);
	if (conductor->rested)
		memory_trim(); /* else it is done when nothing is in flight any more */
}
