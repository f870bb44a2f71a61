/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/inside.h"

#include <string.h>

#include "lib/base/strv.h"

void say(const struct inventory *inventory, const struct change *change)
{
	announce_change(inventory->announce, NULL, change);
}

void say_words(const struct inventory *inventory, enum change_event event, const char *words)
{
	const struct change change = { .event = event, .words = words };

	say(inventory, &change);
}

void say_certificate(const struct inventory *inventory,
	const struct tracked_certificate *certificate, const struct change *change)
{
	const struct change_subject subject = { .name = certificate->name,
		.source_arn = certificate->arn };

	announce_change(inventory->announce, &subject, change);
}

void say_delivery(const struct inventory *inventory, const struct delivery *delivery,
	const struct change *change)
{
	const struct change_subject subject = { .name = delivery->name, .delivery = delivery };

	announce_change(inventory->announce, &subject, change);
}

void say_dependent(const struct inventory *inventory, const struct tracked_dependent *dependent,
	const struct change *change)
{
	const struct change_subject subject = {
		.name = dependent->name,
		.target = dependent->words.target,
		.unit = dependent->words.unit,
	};

	announce_change(inventory->announce, &subject, change);
}

void say_certificate_changes(const struct inventory *inventory,
	const struct tracked_certificate *certificate, const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		say_certificate(inventory, certificate, &changes->items[i]);
}

void say_delivery_changes(const struct inventory *inventory, const struct delivery *delivery,
	const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		say_delivery(inventory, delivery, &changes->items[i]);
}

void say_dependent_changes(const struct inventory *inventory,
	const struct tracked_dependent *dependent, const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		say_dependent(inventory, dependent, &changes->items[i]);
}

void say_place(const struct inventory *inventory, const struct tracked_place *place,
	const struct delivery *delivery, const struct change *change)
{
	const struct change_subject subject = { .name = place->place->name, .delivery = delivery };

	announce_change(inventory->announce, &subject, change);
}

/* A sentence, which names its subject, too. */
static void say_sentence(
	const struct inventory *inventory, enum change_event event, const char *sentence)
{
	const struct change change = { .event = event, .words = sentence };
	const struct change_subject subject = { .name = sentence };

	announce_change(inventory->announce, &subject, &change);
}

static void say_sentences(const struct inventory *inventory, enum change_event begins,
	char *const *present, enum change_event ends, char *const *former)
{
	STRV_FOREACH (sentence, former)
		if (!strv_has(present, *sentence))
			say_sentence(inventory, ends, *sentence);
	STRV_FOREACH (sentence, present)
		say_sentence(inventory, begins, *sentence);
}

void say_entries(const struct inventory *inventory, char *const *problems, char *const *former)
{
	say_sentences(inventory, CHANGE_ENTRY_REFUSED, problems, CHANGE_ENTRY_ACCEPTED, former);
}

void say_units(const struct inventory *inventory, char *const *findings, char *const *former)
{
	say_sentences(inventory, CHANGE_UNIT_UNFIT, findings, CHANGE_UNIT_FIT, former);
}

static bool is_present(void *userdata, enum announce_about about, const char *name)
{
	const struct stock *stock = userdata;

	switch (about) {
	case ABOUT_CERTIFICATE:
		return stock_find_certificate(stock, name);
	case ABOUT_DELIVERY:
		return stock_find_slot(stock, name);
	case ABOUT_DEPENDENT:
		return stock_find_dependent(stock, name);
	case ABOUT_PLACE:
		for (size_t i = 0; i < stock->place_count; i++)
			if (strcmp(stock->places[i]->place->name, name) == 0)
				return true;
		return false;
	default:
		return true;
	}
}

void say_keep_present(struct inventory *inventory)
{
	announce_keep(inventory->announce, is_present, &inventory->stock);
}
