/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/report/report.h"

/* Looking changes nothing, so it is nothing that is planned for a reader. */
static bool is_shown(const struct step *step)
{
	return step->verb != STEP_LOOK;
}

/* Behind its certificate's name a delivery's has the account and region, where they are needed. */
static const char *where(const struct step *step)
{
	size_t length = strlen(step->certificate ?: "");

	if (length && step->delivery && strncmp(step->delivery, step->certificate, length) == 0 &&
		step->delivery[length] == '/')
		return step->delivery + length + 1;
	return step->destination && *step->destination ? step->destination : "-";
}

static void step(struct writer *writer, const struct step *step)
{
	writer_open(writer, NULL, '{');
	writer_text(writer, "verb", step_verb_name(step->verb));
	writer_text(writer, "certificate", step->certificate);
	writer_text(writer, "destination", where(step));
	writer_text(writer, "delivery", step->delivery);
	writer_text(writer, "dependent", step->dependent);
	report_holds(writer, step->holds ? step->holds->set : 0);
	writer_time(writer, "when", step->when);
	writer_text(writer, "reason", step->reason);
	if (step->would)
		writer_text(writer, "would", step->would);
	writer_close(writer, '}');
}

void report_steps(struct writer *writer, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (is_shown(&plan->steps[i]))
			step(writer, &plan->steps[i]);
}

char *report_plan(const struct plan *plan, int exit_status)
{
	struct buf text = BUF_NULL;
	struct writer writer = report_begin(&text, exit_status);

	writer_open(&writer, "steps", '[');
	report_steps(&writer, plan);
	writer_close(&writer, ']');
	writer_close(&writer, '}');
	return buf_take(&text);
}

/* One step is one line: a reason may hold text from outside. */
static void append_line(struct buf *text, const struct step *step)
{
	size_t start = text->length;

	buf_printf(text, "%s %s to %s: ", step_verb_name(step->verb),
		step->certificate && *step->certificate ? step->certificate : "-", where(step));
	/* The guard's reason is the same for all of its deliveries. */
	if (step->would && step->hold == HOLD_GUARD)
		buf_printf(text, "would deliver: %s; held: ", step->would);
	buf_append_string(text, step->reason && *step->reason ? step->reason : "no reason was given");
	if (step->would && step->hold != HOLD_GUARD)
		buf_printf(text, "; would deliver: %s", step->would);
	for (size_t i = start; i < text->length; i++)
		if ((unsigned char)text->data[i] < ' ' || text->data[i] == 0x7f)
			text->data[i] = ' ';
	buf_append_char(text, '\n');
}

char *report_plan_lines(const struct plan *plan)
{
	struct buf text = BUF_NULL;

	for (size_t i = 0; i < plan->count; i++)
		if (is_shown(&plan->steps[i]))
			append_line(&text, &plan->steps[i]);
	if (!text.length)
		buf_append_string(&text, "nothing to do\n");
	return buf_take(&text);
}
