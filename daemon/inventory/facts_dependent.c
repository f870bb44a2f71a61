/* SPDX-License-Identifier: Apache-2.0 */
/* What dependents were told, and what came of it. */
#include "daemon/inventory/inside.h"

#include <stdlib.h>

#include "daemon/dependent/dependent.h"
#include "daemon/transition/dependent.h"
#include "daemon/transition/schedule.h"
#include "lib/os/clock.h"

bool inventory_tell_intended(
	struct inventory *inventory, const struct tracked_dependent *dependent, const char *token)
{
	struct dependent_record *record = &own_dependent(dependent)->record;

	free(record->token);
	record->token = mem_strdup(token);
	record->intended_at = inventory_now(inventory);
	if (save_dependent(inventory, dependent) && inventory_sync(inventory))
		return true;
	record->intended_at = 0;
	return false;
}

void inventory_tell_not_asked(
	struct inventory *inventory, const struct tracked_dependent *dependent)
{
	own_dependent(dependent)->record.intended_at = 0;
}

void inventory_tell_failed(struct inventory *inventory, const struct tracked_dependent *dependent,
	const struct error *err)
{
	struct changes changes = { 0 };

	own_dependent(dependent)->hangs = err->kind == ERROR_RETRY && err->code == DEPENDENT_CODE_HANGS;
	transition_tell_failed(&own_dependent(dependent)->record, dependent->words.action, err,
		(unsigned)random_below(CHANCES), inventory_now(inventory), &changes);
	(void)save_dependent(inventory, dependent);
	say_dependent_changes(inventory, dependent, &changes);
}

/* A row is settled when it is still about the version that was told. */
static void settle_row(struct inventory *inventory, struct tracked_dependent *dependent,
	const struct owed_record *told)
{
	struct owed_record *row = find_owed(dependent, told->delivery);

	if (!row || !transition_owed_told(row, &told->digest))
		return;
	(void)remove_owed(inventory, row);
	dependent_forget_owed(dependent, row);
}

void inventory_told(struct inventory *inventory, const struct tracked_dependent *dependent,
	const struct told_fact *fact)
{
	struct tracked_dependent *own = own_dependent(dependent);
	bool together = inventory_begin(inventory);
	struct changes changes = { 0 };
	const struct settlement settlement = {
		.told = fact->told,
		.proof = fact->proof,
		.version = fact->version,
	};

	for (size_t i = 0; i < fact->count; i++)
		settle_row(inventory, own, &fact->rows[i]);
	own->hangs = false;
	transition_tell_settled(&own->record, &settlement, inventory_now(inventory), &changes);
	(void)save_dependent(inventory, dependent);
	inventory_commit(inventory, together);
	say_dependent_changes(inventory, dependent, &changes);
}

static void owe_again(struct inventory *inventory, struct tracked_dependent *dependent,
	const struct owed_record *told, const struct digest *version)
{
	const struct slot *slot = stock_find_slot(&inventory->stock, told->delivery);
	struct owed_record *row;

	if (!digest_equal(&told->digest, version))
		return;
	if (slot)
		inventory_want_look(inventory, (size_t)(slot - inventory->stock.slots), true);
	row = dependent_owe(dependent, told->delivery);
	if (transition_owed_again(row, version, told->since))
		(void)save_owed(inventory, row);
}

void inventory_tell_escalated(struct inventory *inventory,
	const struct tracked_dependent *dependent, const struct told_fact *fact)
{
	struct tracked_dependent *own = own_dependent(dependent);
	_cleanup_(freep) char *words = proof_words(fact->proof);
	bool together = inventory_begin(inventory);
	struct changes changes = { 0 };

	for (size_t i = 0; i < fact->count; i++)
		owe_again(inventory, own, &fact->rows[i], fact->version);
	transition_tell_escalated(
		&own->record, fact->version, own->words.stronger, words, &changes);
	(void)save_dependent(inventory, dependent);
	inventory_commit(inventory, together);
	say_dependent_changes(inventory, dependent, &changes);
}

void inventory_tell_unknown(struct inventory *inventory, const struct tracked_dependent *dependent)
{
	transition_tell_unknown(&own_dependent(dependent)->record, inventory_now(inventory));
	(void)save_dependent(inventory, dependent);
}

void inventory_owed_after_all(
	struct inventory *inventory, const struct tracked_dependent *dependent)
{
	for (size_t i = 0; i < dependent->owed_count; i++)
		if (transition_owed_after_all(dependent->owed[i], inventory_now(inventory)))
			(void)save_owed(inventory, dependent->owed[i]);
}

void inventory_tell_put_off(
	struct inventory *inventory, const struct tracked_dependent *dependent, usec_t until)
{
	transition_tell_put_off(&own_dependent(dependent)->record, until);
	(void)save_dependent(inventory, dependent);
}

void inventory_prove_later(
	struct inventory *inventory, const struct tracked_dependent *dependent, usec_t until)
{
	own_dependent(dependent)->record.next_try = until;
}
