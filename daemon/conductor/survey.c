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
 * that is all that is ever opened.  The world may become another one between two pieces: the walk goes on behind the name
 * where it was, so that nothing is told twice, and the text says that it is so.
 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

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
	/* where the walk is */
	size_t certificate; /* among conductor.certificates */
	size_t delivery; /* of the certificate's */
	char *after; /* the name of the certificate, or when delivery is 0 of the one before; NULL: at the beginning */
	char *after_place; /* of the last delivery; "" for none */
	unsigned world; /* conductor.world_number when this was true */
	bool changed; /* it was another one in between */
	size_t opened; /* since memory was given back */
	/* what it comes to */
	struct summary summary; /* with a list of what is not in order where that is wanted */
	bool something, blind; /* in the plan; candidates: some wait for a choice, some were not seen */
};

/* --- which --- */

/* "a" names "a" itself and what is below it: "a/b". */
static bool is_under(const char *name, const char *top)
{
	size_t length = strlen(top);

	return strncmp(name, top, length) == 0 && (!name[length] || name[length] == '/');
}

/* What of ${name} is left for the places when the certificate's name is taken off; NULL: it does not begin with that. */
static const char *rest_of_name(const char *name, const struct tracked_certificate *certificate)
{
	size_t length = strlen(certificate->name);

	return strncmp(name, certificate->name, length) == 0 && name[length] == '/' ? name + length + 1 : NULL;
}

static bool covers_all(const struct survey *survey, const struct tracked_certificate *certificate)
{
	return !*survey->name || is_under(certificate->name, survey->name);
}

static bool covers_slot(const struct survey *survey, const struct slot *slot)
{
	const struct tracked_certificate *certificate = state_certificate(survey->conductor, slot);
	const char *rest = rest_of_name(survey->name, certificate);

	return covers_all(survey, certificate) ||
	       (rest && is_under(state_place(survey->conductor, slot)->place->name, rest));
}

static bool covers_some(const struct survey *survey, const struct tracked_certificate *certificate)
{
	if (covers_all(survey, certificate))
		return true;
	for (size_t i = 0; rest_of_name(survey->name, certificate) && i < certificate->count; i++)
		if (covers_slot(survey, &survey->conductor->slots[certificate->first + i]))
			return true;
	return false;
}

static size_t count_quiet(const struct survey *survey, const struct tracked_certificate *certificate, size_t first)
{
	return covers_all(survey, certificate) ? view_count_quiet(survey->conductor, certificate, first) : 0;
}

/* --- the walk --- */

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = mem_strdup(value);
}

static void walk_from_the_beginning(struct survey *survey)
{
	survey->certificate = survey->delivery = 0;
	set_text(&survey->after, NULL);
	set_text(&survey->after_place, "");
	survey->world = survey->conductor->world_number;
}

/* The first certificate whose name is behind the last one's; or that one, when some of its deliveries are still to come. */
static void find_certificate(struct survey *survey, bool same)
{
	const struct conductor *conductor = survey->conductor;
	size_t low = 0, high = conductor->certificate_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(conductor->certificates[middle]->name, survey->after);

		if (order < 0 || (order == 0 && !same))
			low = middle + 1;
		else
			high = middle;
	}
	survey->certificate = low;
	survey->delivery = 0;
}

static void find_delivery(struct survey *survey)
{
	const struct conductor *conductor = survey->conductor;
	const struct tracked_certificate *certificate;

	if (survey->certificate == conductor->certificate_count)
		return;
	certificate = conductor->certificates[survey->certificate];
	while (strcmp(certificate->name, survey->after) == 0 && survey->delivery < certificate->count &&
		strcmp(state_place(conductor, &conductor->slots[certificate->first + survey->delivery])->place->name,
			survey->after_place) <= 0)
		survey->delivery++;
}

/* The world is another one: go on behind the last name. */
static void walk_again(struct survey *survey)
{
	bool within = survey->delivery > 0;

	if (survey->world == survey->conductor->world_number)
		return;
	survey->world = survey->conductor->world_number;
	survey->changed = true;
	if (!survey->after)
		return;
	find_certificate(survey, within);
	if (within)
		find_delivery(survey);
}

/* The certificate to go on with; NULL: there are no more. */
static struct tracked_certificate *walk_here(struct survey *survey)
{
	const struct conductor *conductor = survey->conductor;

	walk_again(survey);
	return survey->certificate < conductor->certificate_count ? conductor->certificates[survey->certificate] : NULL;
}

/* ${count} of its deliveries were dealt with; with the last, so is it. */
static void walk_on(struct survey *survey, const struct tracked_certificate *certificate, size_t count)
{
	const struct conductor *conductor = survey->conductor;

	survey->delivery += count;
	if (!survey->after || strcmp(survey->after, certificate->name) != 0)
		set_text(&survey->after, certificate->name);
	if (survey->delivery < certificate->count) {
		set_text(&survey->after_place, state_place(conductor,
			&conductor->slots[certificate->first + survey->delivery - 1])->place->name);
		return;
	}
	survey->certificate++;
	survey->delivery = 0;
}

/* --- opening some --- */

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
static size_t open_some(struct survey *survey, struct tracked_certificate *certificate, view_fn tell)
{
	struct conductor *conductor = survey->conductor;
	size_t count = MIN(certificate->count - survey->delivery, (size_t)SLOTS_AT_ONCE);
	struct delivery_view views[SLOTS_AT_ONCE];

	plan_done(&conductor->plan);
	view_deliveries(conductor, certificate, survey->delivery, count, views);
	for (size_t i = 0; i < count; i++)
		if (covers_slot(survey, &conductor->slots[certificate->first + survey->delivery + i]))
			tell(survey, &views[i]);
	cycle_forget_plan(conductor);
	give_back(survey, count);
	return count;
}

/* Those that are not quiet; true when there are more. */
static bool walk_open(struct survey *survey, view_fn tell)
{
	size_t passed = 0;

	for (size_t i = 0; i < CERTIFICATES_AT_ONCE && passed < SLOTS_PASSED_AT_ONCE; i++) {
		struct tracked_certificate *certificate = walk_here(survey);
		size_t quiet;

		if (!certificate)
			return false;
		quiet = covers_some(survey, certificate) ? count_quiet(survey, certificate, survey->delivery)
							 : certificate->count - survey->delivery;
		passed += quiet;
		if (survey->delivery + quiet == certificate->count) {
			walk_on(survey, certificate, quiet);
			continue;
		}
		survey->delivery += quiet;
		walk_on(survey, certificate, open_some(survey, certificate, tell));
		return true;
	}
	return true;
}

/* --- counting --- */

static void count_certificate(struct survey *survey, const struct tracked_certificate *certificate)
{
	struct certificate_view view;

	survey->blind |= survey->subject == BUS_PLAN && certificate->said_refusal;
	if (survey->delivery || !covers_some(survey, certificate))
		return;
	view_certificate(certificate, &view);
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
		survey->something |= view->hold == HOLD_ADOPT;
		survey->blind |= view->hold != HOLD_ADOPT && view->state == DELIVERY_UNKNOWN;
	} else if (survey->summed) {
		summary_add_delivery(&survey->summary, view);
	} else {
		survey->summary.counts.deliveries[view->state]++;
	}
}

/* What the steps in conductor->plan, of some deliveries that are open, come to. */
static void count_steps(struct survey *survey)
{
	const struct plan *plan = &survey->conductor->plan;

	for (size_t i = 0; i < plan->count; i++) {
		survey->something |= step_is_open(&plan->steps[i]);
		survey->blind |= plan->steps[i].verb == STEP_LOOK;
	}
}

static size_t count_plan(struct survey *survey, struct tracked_certificate *certificate)
{
	struct conductor *conductor = survey->conductor;

	plan_done(&conductor->plan);
	cycle_plan_some(conductor, certificate, 0, certificate->count);
	count_steps(survey);
	cycle_forget_plan(conductor);
	give_back(survey, certificate->count);
	for (size_t i = 0; i < certificate->count; i++)
		survey->blind |= state_seen(&conductor->slots[certificate->first + i]) == OBSERVED_UNKNOWN;
	return certificate->count;
}

/* A piece of the count; true when there are more. */
static bool count_some(struct survey *survey)
{
	size_t passed = 0;

	for (size_t i = 0; i < CERTIFICATES_AT_ONCE && passed < SLOTS_PASSED_AT_ONCE; i++) {
		struct tracked_certificate *certificate = walk_here(survey);
		size_t quiet;

		if (!certificate)
			return false;
		count_certificate(survey, certificate);
		if (!covers_some(survey, certificate)) {
			walk_on(survey, certificate, certificate->count - survey->delivery);
			continue;
		}
		quiet = count_quiet(survey, certificate, survey->delivery);
		passed += quiet;
		summary_add_current(&survey->summary, quiet);
		if (survey->subject == BUS_PLAN && !view_is_quiet(survey->conductor, certificate)) {
			walk_on(survey, certificate, count_plan(survey, certificate));
			return true;
		}
		survey->delivery += quiet;
		if (survey->delivery == certificate->count) {
			walk_on(survey, certificate, 0);
			continue;
		}
		walk_on(survey, certificate, open_some(survey, certificate, count_view));
		return true;
	}
	return true;
}

static void count_dependents(struct survey *survey)
{
	struct conductor *conductor = survey->conductor;

	if (survey->subject == BUS_PLAN) {
		plan_done(&conductor->plan);
		cycle_plan_told(conductor);
		count_steps(survey);
		cycle_forget_plan(conductor);
		return;
	}
	for (size_t i = 0; !*survey->name && i < conductor->dependent_count; i++) {
		struct dependent_report report;

		view_dependent(conductor->dependents[i], &report);
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
	if (survey->subject == BUS_PLAN && (conductor->source_error.text || !conductor->view))
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
		struct tracked_certificate *certificate = walk_here(survey);
		struct certificate_view view;

		if (!certificate)
			return false;
		view_certificate(certificate, &view);
		if (covers_some(survey, certificate))
			report_certificate(&survey->writer, &view);
		walk_on(survey, certificate, certificate->count);
	}
	return true;
}

static void write_delivery(struct survey *survey, const struct delivery_view *view)
{
	report_delivery(&survey->writer, view);
}

static bool write_deliveries(struct survey *survey)
{
	struct tracked_certificate *certificate = walk_here(survey);

	if (!certificate)
		return false;
	walk_on(survey, certificate,
		covers_some(survey, certificate) ? open_some(survey, certificate, write_delivery)
						 : certificate->count - survey->delivery);
	return true;
}

/* A certificate's steps together: whether it is to be exported for itself depends on all of its deliveries. */
static bool write_steps(struct survey *survey)
{
	struct conductor *conductor = survey->conductor;

	for (size_t i = 0; i < CERTIFICATES_AT_ONCE; i++) {
		struct tracked_certificate *certificate = walk_here(survey);
		bool quiet;

		if (!certificate)
			return false;
		quiet = view_is_quiet(conductor, certificate);
		if (!quiet) {
			plan_done(&conductor->plan);
			cycle_plan_some(conductor, certificate, 0, certificate->count);
			report_steps(&survey->writer, &conductor->plan);
			cycle_forget_plan(conductor);
			give_back(survey, certificate->count);
		}
		walk_on(survey, certificate, certificate->count);
		if (!quiet)
			return true;
	}
	return true;
}

static void write_choice(struct survey *survey, const struct delivery_view *view)
{
	if (view->hold == HOLD_ADOPT)
		report_choice(&survey->writer, view);
}

static void write_unseen(struct survey *survey, const struct delivery_view *view)
{
	if (view->hold != HOLD_ADOPT && view->state == DELIVERY_UNKNOWN)
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

	plan_done(&conductor->plan);
	cycle_plan_told(conductor);
	report_steps(&survey->writer, &conductor->plan);
	cycle_forget_plan(conductor);
	writer_close(&survey->writer, ']');
}

static void write_dependents(struct survey *survey)
{
	struct conductor *conductor = survey->conductor;

	writer_close(&survey->writer, ']');
	if (survey->subject != BUS_STATUS)
		return;
	writer_open(&survey->writer, "dependents", '[');
	for (size_t i = 0; !*survey->name && i < conductor->dependent_count; i++) {
		struct dependent_report report;

		view_dependent(conductor->dependents[i], &report);
		report_dependent(&survey->writer, &report);
	}
	writer_close(&survey->writer, ']');
	writer_texts(&survey->writer, "notices", conductor->world->expansion->problems);
}

static void end_text(struct survey *survey)
{
	if (survey->subject == BUS_PLAN)
		write_told(survey);
	else
		write_dependents(survey);
	if (survey->changed)
		writer_boolean(&survey->writer, "changed", true);
	writer_close(&survey->writer, '}');
	buf_append_char(survey->writer.text, '\n');
}

static void write_summary(struct survey *survey, struct buf *to)
{
	_cleanup_(freep) char *text = NULL;
	struct status_view head;

	view_head(survey->conductor, &head);
	text = report_summary(&head, &survey->summary);
	buf_append_string(to, text);
	buf_append_char(to, '\n');
}

/* --- what the bus calls --- */

static bool survey_names_something(const struct survey *survey)
{
	const struct conductor *conductor = survey->conductor;

	for (size_t i = 0; i < conductor->certificate_count; i++)
		if (covers_some(survey, conductor->certificates[i]))
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
	walk_from_the_beginning(survey);
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
	walk_from_the_beginning(survey);
	return true;
}

void survey_end(void *userdata)
{
	struct survey *survey = userdata;
	struct conductor *conductor = survey->conductor;

	summary_done(&survey->summary);
	free(survey->name);
	free(survey->after);
	free(survey->after_place);
	free(survey);
	if (conductor->rested)
		memory_trim(); /* else it is done when nothing is in flight any more */
}
