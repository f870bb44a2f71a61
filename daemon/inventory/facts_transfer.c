/* SPDX-License-Identifier: Apache-2.0 */
/* What transfers intend, and what comes of them. */
#include "daemon/inventory/inside.h"

#include <stdlib.h>

#include "daemon/transition/certificate.h"
#include "daemon/transition/delivery.h"
#include "daemon/transition/dependent.h"
#include "daemon/transition/schedule.h"
#include "lib/aws/aws.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

/* --- the intent --- */

static bool owe_dependents(struct inventory *inventory, const struct tracked_delivery *delivery,
	const struct digest *digest)
{
	STRV_FOREACH (name, delivery->delivery->wish->then) {
		struct tracked_dependent *dependent = find_dependent(inventory, *name);
		struct owed_record *row = dependent ? dependent_owe(dependent, delivery->name)
						    : NULL;

		if (!row)
			continue;
		transition_owed_intended(row, digest, inventory_now(inventory));
		if (!save_owed(inventory, row))
			return false;
	}
	return true;
}

/* All of them in one transaction. */
bool inventory_intend(struct inventory *inventory, const struct digest *version,
	const struct tracked_delivery *const *deliveries, size_t count)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (!inventory->record || !count)
		return true;
	inventory_save_versions(inventory);
	if (!record_ended(inventory, record_begin(inventory->record, &err), &err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct tracked_delivery *delivery = own_delivery(deliveries[i]);

		transition_intended(&delivery->record, version, inventory_now(inventory));
		if (!owe_dependents(inventory, delivery, version) ||
			!save_delivery(inventory, delivery)) {
			record_rollback(inventory->record);
			return false;
		}
		delivery->has_record = true;
	}
	return record_ended(inventory, record_commit(inventory->record, &err), &err);
}

/* The write was not sent, so nothing is owed for it; what was owed before stays. */
static void withdraw_owed(struct inventory *inventory, const struct tracked_delivery *delivery)
{
	STRV_FOREACH (name, delivery->delivery->wish->then) {
		struct tracked_dependent *dependent = find_dependent(inventory, *name);
		struct owed_record *row = dependent ? find_owed(dependent, delivery->name) : NULL;

		if (!row || !transition_owed_withdrawn(row))
			continue;
		(void)remove_owed(inventory, row);
		dependent_forget_owed(dependent, row);
	}
}

/* --- the export --- */

/*
 * From here on a first import may be sent, and its answer may be lost with this process: until the
 * outcome is known it counts as one that may have been made under an ARN nobody has seen.
 */
static void mark_first_imports(struct inventory *inventory, const struct exported_fact *fact)
{
	for (size_t i = 0; i < fact->count; i++) {
		struct tracked_delivery *delivery = own_delivery(fact->deliveries[i]);

		if (destination_names_objects(delivery->delivery->place) &&
			!delivery->delivery->arn &&
			transition_import_sent(&delivery->record, inventory_now(inventory)))
			(void)save_delivery(inventory, delivery);
	}
}

void inventory_exported(struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct exported_fact *fact)
{
	struct tracked_certificate *own = own_certificate(certificate);
	bool pins = fact->anchor_pem && inventory_pins(inventory, certificate);
	bool together = inventory_begin(inventory);
	struct changes changes = { 0 };

	transition_exported(
		&own->record, fact->version, pins ? fact->anchor_pem : NULL, fact->count, &changes);
	mark_first_imports(inventory, fact);
	if (fact->note)
		changes_add(&changes, CHANGE_REMARK)->words = fact->note;
	say_certificate_changes(inventory, certificate, &changes);
	(void)save_certificate(inventory, own);
	inventory_commit(inventory, together);
}

void inventory_export_failed(struct inventory *inventory,
	const struct tracked_certificate *certificate, const struct error *err,
	const struct tracked_delivery *const *deliveries, size_t count)
{
	struct tracked_certificate *own = own_certificate(certificate);
	struct changes changes = { 0 };

	transition_export_failed(&own->record, err, (unsigned)random_below(CHANCES),
		inventory_now(inventory), &changes);
	for (size_t i = 0; i < count; i++)
		delivery_not_asked(inventory, deliveries[i]);
	say_certificate_changes(inventory, certificate, &changes);
	(void)save_certificate(inventory, own);
}

/* --- the outcome --- */

static void count_import(
	struct inventory *inventory, const struct tracked_delivery *delivery, bool created)
{
	const struct place *place = delivery->delivery->place;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *name = NULL;

	if (!inventory->record || !destination_counts_puts(place))
		return;
	name = destination_counted_as(place);
	(void)record_ended(inventory,
		record_add_import(inventory->record, name, created, inventory_now(inventory), &err),
		&err);
}

/* Where another root than the pinned one was let through (approved, accepted, or late enough),
 * it is the one to expect from now on. */
static void replace_anchor(struct inventory *inventory, struct tracked_certificate *certificate,
	const char *anchor_pem)
{
	if (transition_anchor_replaced(&certificate->record, anchor_pem))
		(void)save_certificate(inventory, certificate);
}

static void note_delivered(struct inventory *inventory, struct tracked_delivery *delivery,
	const struct carried_fact *fact)
{
	const struct transition_bundle bundle = { fact->leaf_pem, fact->chain_pem };
	const bool hides = destination_hides_objects(delivery->delivery->place);
	struct slot *slot = slot_of(inventory, delivery);
	struct changes changes = { 0 };

	if (fact->outcome->kind == OUTCOME_DONE)
		replace_anchor(inventory, own_certificate(fact->certificate), fact->anchor_pem);
	/* A new object was made with its mark, and one that was there bears what it bore. */
	if (transition_delivered(
		    &delivery->record, fact->outcome, hides ? &bundle : NULL, &changes) &&
		slot && !fact->outcome->created)
		want_tag(inventory, slot);
	say_delivery_changes(inventory, delivery->delivery, &changes);
}

static void note_failed(
	struct inventory *inventory, struct tracked_delivery *delivery, const struct error *err)
{
	struct changes changes = { 0 };

	transition_failed(&delivery->record, err, err->code == AWS_CODE_AMBIGUOUS,
		(unsigned)random_below(CHANCES), inventory_now(inventory), &changes);
	say_delivery_changes(inventory, delivery->delivery, &changes);
}

/* Of the place, whose file system decides: what one delivery finds out holds for all. */
static void say_shown(const struct inventory *inventory, const struct tracked_delivery *delivery,
	const struct shown_news *news)
{
	const struct change change = {
		.event = news->change == SHOWN_STAYS_LINK ? CHANGE_STAYS_LINK
							  : CHANGE_BECAME_DIRECTORY,
		.words = news->path,
		.error = news->change == SHOWN_STAYS_LINK ? &news->why : NULL,
	};

	if (news->change != SHOWN_AS_BEFORE && delivery->slot != SIZE_MAX)
		say_place(inventory, delivery->place, delivery->delivery, &change);
}

/* It is not in place, or not known to be. */
static void note_undelivered(struct inventory *inventory, struct tracked_delivery *delivery,
	const struct carried_fact *fact)
{
	if (fact->outcome->kind == OUTCOME_FAILED)
		note_failed(inventory, delivery, &fact->outcome->error);
	else
		transition_held(&delivery->record, fact->outcome,
			delivery->delivery->wish->accept | delivery->delivery->entry->accept);
	if (!fact->outcome->wrote)
		withdraw_owed(inventory, delivery);
	else if (fact->seen && fact->seen->object_id)
		transition_written(&delivery->record, fact->seen->object_id);
	(void)save_delivery(inventory, delivery);
}

void inventory_carried(struct inventory *inventory, const struct tracked_delivery *delivery,
	const struct carried_fact *fact)
{
	struct tracked_delivery *own = own_delivery(delivery);
	const struct outcome *outcome = fact->outcome;
	bool begun = inventory_begin(inventory);

	delivery_not_asked(inventory, delivery);
	say_shown(inventory, delivery, &outcome->shown);
	if (outcome->wrote && outcome->kind != OUTCOME_UNCHANGED)
		count_import(inventory, delivery, outcome->created);
	if (outcome->kind == OUTCOME_DONE || outcome->kind == OUTCOME_UNCHANGED)
		note_delivered(inventory, own, fact);
	else
		note_undelivered(inventory, own, fact);
	if (delivery->slot != SIZE_MAX) {
		place_answered(
			inventory, own_place(delivery->place), outcome->kind == OUTCOME_FAILED);
		inventory_unclaim(inventory, delivery->slot, CLAIM_TRANSFER);
	}
	if (fact->seen) {
		struct observed seen = { 0 };

		observed_copy(&seen, fact->seen);
		seen.at = inventory_now(inventory);
		delivery_saw(inventory, own, &seen, (unsigned)random_below(CHANCES));
		observed_done(&seen);
	}
	inventory_commit(inventory, begun);
	delivery_ended(inventory, own);
	inventory_changed(inventory);
}

void inventory_not_carried(struct inventory *inventory, const struct tracked_delivery *delivery)
{
	withdraw_owed(inventory, delivery);
	inventory_release(inventory, delivery, CLAIM_TRANSFER);
}
