/* SPDX-License-Identifier: Apache-2.0 */
/* What looks at places have found. */
#include "daemon/inventory/inside.h"

#include <stdlib.h>

#include "daemon/transition/delivery.h"
#include "daemon/transition/dependent.h"
#include "lib/base/strv.h"

/* --- the look itself --- */

/* Transfers that waited for a look at it need wait no more, unless they are among those that are looked at. */
static void not_wanted(struct inventory *inventory, struct tracked_place *place)
{
	if (!place->wanted)
		return;
	place->wanted = false;
	touch_gathering(inventory);
	inventory_changed(inventory);
}

void inventory_look_begins(
	struct inventory *inventory, const struct tracked_place *place, bool all, usec_t began)
{
	struct tracked_place *own = own_place(place);

	own->looking = true;
	if (all)
		not_wanted(inventory, own);
	else if (own->wanted && !own->seen_since)
		own->seen_since = began;
}

void inventory_looked_through(struct inventory *inventory, const struct tracked_place *place)
{
	not_wanted(inventory, own_place(place));
}

void inventory_look_ended(struct inventory *inventory, const struct tracked_place *place)
{
	struct tracked_place *own = own_place(place);

	own->looking = false;
	for (size_t i = 0; own->waited_for && i < inventory->stock.certificate_count; i++)
		if (inventory->certificates[i]->waits_for_look)
			inventory_touch(inventory, inventory->certificates[i]);
	own->waited_for = false;
	inventory_changed(inventory);
}

void inventory_place_answered(
	struct inventory *inventory, const struct tracked_place *place, bool failed)
{
	place_answered(inventory, own_place(place), failed);
}

void inventory_held_there(
	struct inventory *inventory, const struct tracked_place *place, unsigned held)
{
	struct tracked_place *own = own_place(place);
	_cleanup_(destination_budget_done) struct destination_budget budget = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *name = NULL;
	unsigned puts = 0;
	struct change change;

	if (!destination_counts_puts(place->place))
		return;
	name = destination_counted_as(place->place);
	if (inventory->record)
		(void)record_count_imports(inventory->record, name,
			usec_sub(inventory_now(inventory), 365 * USEC_PER_DAY), &puts, &err);
	destination_budget(place->place, held, puts, &budget);
	if (!place->budget != !budget.spent)
		inventory_touch_all(inventory);
	free(own->budget);
	own->budget = take(budget.spent);
	change = (struct change){
		.event = budget.near ? CHANGE_QUOTA_NEAR : CHANGE_QUOTA_FREE,
		.words = budget.near,
	};
	say_place(inventory, place, NULL, &change);
}

/* --- what was seen --- */

static void note_failure(struct inventory *inventory, struct tracked_delivery *delivery,
	const struct error *err, unsigned chance)
{
	struct changes changes = { 0 };

	transition_look_failed(&delivery->record, err, chance, inventory_now(inventory), &changes);
	delivery_not_asked(inventory, delivery);
	if (delivery->has_record)
		(void)save_delivery(inventory, delivery);
	say_delivery_changes(inventory, delivery->delivery, &changes);
}

/* The version that was ordered is in place, also when the process ended before it could say so:
 * what depends on it is owed word now. */
static void promote_owed(struct inventory *inventory, struct tracked_delivery *delivery)
{
	STRV_FOREACH (name, delivery->delivery->wish->then) {
		struct tracked_dependent *dependent = find_dependent(inventory, *name);
		struct owed_record *row = dependent ? find_owed(dependent, delivery->name) : NULL;

		if (row && transition_owed_in_place(row, &dependent->record, &delivery->observed,
				   inventory_now(inventory)))
			(void)save_owed(inventory, row);
	}
}

/* It is current, and nothing is recorded of it: whether its dependents were told has to be found
 * out. */
static void question_dependents(struct inventory *inventory, struct tracked_delivery *delivery)
{
	STRV_FOREACH (name, delivery->delivery->wish->then) {
		struct tracked_dependent *dependent = find_dependent(inventory, *name);
		struct owed_record *row = dependent ? dependent_owe(dependent, delivery->name)
						    : NULL;

		if (row && transition_owed_questioned(row, &delivery->observed.version.digest))
			(void)save_owed(inventory, row);
	}
}

static void note_current(struct inventory *inventory, struct tracked_delivery *delivery)
{
	const struct observed *seen = &delivery->observed;
	bool fresh = !delivery->has_record, changed;
	struct changes changes = { 0 };

	delivery_not_asked(inventory, delivery);
	promote_owed(inventory, delivery);
	changed = transition_current(&delivery->record, seen, !fresh, &changes);
	say_delivery_changes(inventory, delivery->delivery, &changes);
	if (!changed)
		return;
	if (fresh)
		question_dependents(inventory, delivery);
	if (save_delivery(inventory, delivery))
		delivery->has_record = true;
}

/* What is in place ends soon, whatever the reason that nothing newer is there. */
static void note_expiring(
	const struct inventory *inventory, const struct tracked_delivery *delivery)
{
	const struct observed *seen = &delivery->observed;
	const bool expires =
		seen->state == OBSERVED_PRESENT && digest_is_set(&seen->version.digest) &&
		inventory_is_expiring(inventory, delivery->certificate, &seen->version);
	const struct change change = {
		.event = expires ? CHANGE_EXPIRING : CHANGE_NOT_EXPIRING,
		.version = &seen->version,
	};

	say_delivery(inventory, delivery->delivery, &change);
}

static bool is_source_version(const struct observed *seen, const struct source_certificate *source)
{
	return source && seen->state == OBSERVED_PRESENT &&
	       digest_is_set(&source->version.digest) &&
	       digest_equal(&seen->version.digest, &source->version.digest);
}

void delivery_saw(struct inventory *inventory, struct tracked_delivery *delivery,
	struct observed *seen, unsigned chance)
{
	const struct source_certificate *source = delivery->certificate
							  ? delivery->certificate->seen
							  : NULL;
	bool was_failing = delivery->observed.state == OBSERVED_UNKNOWN &&
			   delivery->observed.error.text;
	bool was_current = is_source_version(&delivery->observed, source);
	const struct slot *slot = slot_of(inventory, delivery);
	/* It waits to be imported, and so it does further. */
	bool still_due = slot && slot->due && delivery->observed.state == OBSERVED_ABSENT &&
			 seen->state == OBSERVED_ABSENT;

	observed_done(&delivery->observed);
	delivery->observed = *seen;
	*seen = (struct observed){ 0 };
	if (slot)
		observed_keep(&delivery->observed, place_of(inventory, slot)->candidates);
	if (!still_due && (!was_current || !is_source_version(&delivery->observed, source)))
		delivery_changed(inventory, delivery);
	if (delivery->observed.state == OBSERVED_UNKNOWN) {
		if (delivery->observed.error.text)
			note_failure(inventory, delivery, &delivery->observed.error, chance);
		return;
	}
	note_expiring(inventory, delivery);
	if (was_failing)
		transition_look_again(&delivery->record);
	if (!is_source_version(&delivery->observed, source)) {
		if (delivery->observed.state == OBSERVED_PRESENT &&
			transition_landed(&delivery->record, &delivery->observed) &&
			delivery->has_record)
			(void)save_delivery(inventory, delivery);
		return;
	}
	note_anchor(inventory, delivery);
	note_current(inventory, delivery);
}

void inventory_saw(struct inventory *inventory, size_t slot, struct observed *seen, unsigned chance)
{
	delivery_saw(inventory, own_delivery(inventory_open(inventory, slot)), seen, chance);
	inventory_end_turn(inventory);
}
