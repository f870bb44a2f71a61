/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be planned and when, and what the plan came to. */
#include "daemon/inventory/inside.h"

#include <stdlib.h>

/* --- the agenda --- */

/* Whose place in the agenda it is; NULL for NULL. */
static struct tracked_certificate *certificate_of_item(const struct agenda_item *item)
{
	return item ? (struct tracked_certificate *)((char *)item -
						     offsetof(struct tracked_certificate, agenda))
		    : NULL;
}

void inventory_touch(struct inventory *inventory, const struct tracked_certificate *certificate)
{
	agenda_touch(&inventory->agenda, &own_certificate(certificate)->agenda);
}

void inventory_touch_all(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->stock.certificate_count; i++)
		inventory_touch(inventory, inventory->certificates[i]);
}

void touch_slot(struct inventory *inventory, const struct slot *slot)
{
	inventory_touch(inventory, certificate_of(inventory, slot));
}

void touch_place(struct inventory *inventory, const struct tracked_place *place)
{
	for (size_t i = 0; i < inventory->stock.delivery_count; i++)
		if (place_of(inventory, &inventory->slots[i]) == place)
			touch_slot(inventory, &inventory->slots[i]);
}

void inventory_wake(struct inventory *inventory, usec_t now)
{
	agenda_wake(&inventory->agenda, now);
}

usec_t inventory_first(const struct inventory *inventory)
{
	return agenda_first(&inventory->agenda);
}

const struct tracked_certificate *inventory_take(struct inventory *inventory)
{
	return certificate_of_item(agenda_take(&inventory->agenda));
}

const struct tracked_certificate *inventory_first_touched(const struct inventory *inventory)
{
	return certificate_of_item(inventory->agenda.touched);
}

const struct tracked_certificate *inventory_next_touched(
	const struct tracked_certificate *certificate)
{
	return certificate_of_item(certificate->agenda.next_touched);
}

void inventory_wait(struct inventory *inventory, const struct tracked_certificate *certificate)
{
	agenda_wait(&inventory->agenda, &own_certificate(certificate)->agenda);
}

const struct tracked_certificate *inventory_first_waiting(const struct inventory *inventory)
{
	return certificate_of_item(agenda_first_waiting(&inventory->agenda));
}

struct may_start {
	bool (*certificate)(const void *userdata, const struct tracked_certificate *certificate);
	const void *userdata;
};

static bool item_may_start(const void *userdata, const struct agenda_item *item)
{
	const struct may_start *may_start = userdata;

	return may_start->certificate(may_start->userdata, certificate_of_item(item));
}

const struct tracked_certificate *inventory_take_waiting(struct inventory *inventory,
	bool (*may_start)(const void *userdata, const struct tracked_certificate *certificate),
	const void *userdata)
{
	const struct may_start asked = { may_start, userdata };

	return certificate_of_item(agenda_take_waiting(&inventory->agenda, item_may_start, &asked));
}

void inventory_hurry(
	struct inventory *inventory, const struct tracked_certificate *certificate, bool hurried)
{
	agenda_hurry(&inventory->agenda, &own_certificate(certificate)->agenda, hurried);
}

void inventory_plan_again(
	struct inventory *inventory, const struct tracked_certificate *certificate, usec_t due)
{
	agenda_set(&inventory->agenda, &own_certificate(certificate)->agenda, due);
}

/* --- what the plan came to --- */

static void set_planned(struct inventory *inventory, struct tracked_certificate *certificate,
	const struct planned *planned)
{
	census_move(&inventory->stock.census, &certificate->planned, planned);
	certificate->planned = *planned;
}

static void set_due(struct inventory *inventory, struct slot *slot, bool due)
{
	struct tracked_place *place = place_of(inventory, slot);

	if (slot->due == due)
		return;
	slot->due = due;
	place->due += due ? 1 : (size_t)-1;
}

void inventory_planned(struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct planned *planned)
{
	struct tracked_certificate *own = own_certificate(certificate);
	struct planned now = *planned;

	now.gathers = certificate->gather_until != 0;
	set_planned(inventory, own, &now);
	own->waits_for_look = false;
	for (size_t i = 0; i < certificate->count; i++)
		set_due(inventory, &inventory->slots[certificate->first + i], false);
}

void inventory_counted(struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct plan_touched *touched)
{
	struct planned planned = certificate->planned;

	planned.touched = *touched;
	set_planned(inventory, own_certificate(certificate), &planned);
}

void inventory_due(struct inventory *inventory, size_t slot, bool due)
{
	set_due(inventory, &inventory->slots[slot], due);
}

void inventory_gather(
	struct inventory *inventory, const struct tracked_certificate *certificate, usec_t until)
{
	struct planned planned = certificate->planned;

	planned.gathers = until != 0;
	set_planned(inventory, own_certificate(certificate), &planned);
	own_certificate(certificate)->gather_until = until;
}

void delivery_not_asked(struct inventory *inventory, const struct tracked_delivery *delivery)
{
	struct slot *slot = slot_of(inventory, delivery);

	if (slot)
		slot->asked = false;
}

static void slot_want_look(struct inventory *inventory, struct slot *slot, bool wanted)
{
	struct tracked_place *place = place_of(inventory, slot);

	if (slot->look_wanted == wanted)
		return;
	slot->look_wanted = wanted;
	place->look_wanted += wanted ? 1 : (size_t)-1;
}

void inventory_want_look(struct inventory *inventory, size_t slot, bool wanted)
{
	slot_want_look(inventory, &inventory->slots[slot], wanted);
}

void inventory_want_looks(
	struct inventory *inventory, const struct tracked_place *place, usec_t since)
{
	struct tracked_place *own = own_place(place);

	if (!own->wanted || own->seen_since)
		own->seen_since = since;
	own->wanted = true;
}

void inventory_wait_for_look(struct inventory *inventory, size_t slot)
{
	place_of(inventory, &inventory->slots[slot])->waited_for = true;
	certificate_of(inventory, &inventory->slots[slot])->waits_for_look = true;
}

/* What a dependent waits for is its own next try, one that comes first, or deliveries on their
 * way to it. */
static void note_wait(struct tracked_dependent *dependent, const struct step *step)
{
	if (*step->waits_for)
		dependent->waits = mem_strdup(step->reason);
	else
		dependent->gathers = step->when != dependent->record.next_try;
}

void inventory_dependents_planned(struct inventory *inventory, const struct plan *plan)
{
	inventory->stock.dependents_failing = 0;
	for (size_t i = 0; i < inventory->stock.dependent_count; i++) {
		struct tracked_dependent *dependent = inventory->dependents[i];

		dependent->gathers = false;
		free(dependent->waits);
		dependent->waits = NULL;
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];

		if (!*step->dependent || step->verb != STEP_WAIT)
			continue;
		inventory->stock.dependents_failing += step->failed;
		note_wait(inventory->dependents[step->index], step);
	}
}
