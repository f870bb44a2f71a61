/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/report/json.h"
#include "daemon/report/report.h"
#include "lib/base/buf.h"

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

static json_t *step_object(const struct step *step)
{
	json_t *object = json_object();

	json_put(object, "verb", json_text(step_verb_name(step->verb)));
	json_put(object, "certificate", json_text(step->certificate));
	json_put(object, "destination", json_text(where(step)));
	json_put(object, "delivery", json_text(step->delivery));
	json_put(object, "dependent", json_text(step->dependent));
	json_put(object, "hold", json_text(hold_name(step->hold)));
	json_put(object, "when", json_time(step->when));
	json_put(object, "reason", json_text(step->reason));
	return object;
}

char *report_plan(const struct plan *plan, int exit_status)
{
	json_t *object = json_begin(exit_status);
	json_t *steps = json_array();

	for (size_t i = 0; i < plan->count; i++)
		if (is_shown(&plan->steps[i]))
			json_add(steps, step_object(&plan->steps[i]));
	json_put(object, "steps", steps);
	return json_finish(object);
}

/* One step is one line: a reason may hold text from outside. */
static void append_line(struct buf *text, const struct step *step)
{
	size_t start = text->length;

	buf_printf(text, "%s %s to %s: %s", step_verb_name(step->verb),
		step->certificate && *step->certificate ? step->certificate : "-", where(step),
		step->reason && *step->reason ? step->reason : "no reason was given");
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
