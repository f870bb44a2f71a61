/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <string.h>

#include "lib/base/strv.h"

void say(const struct conductor *conductor, const struct change *change)
{
	announce_change(conductor->announce, NULL, change);
}

void say_words(const struct conductor *conductor, enum change_event event, const char *words)
{
	const struct change change = { .event = event, .words = words };

	say(conductor, &change);
}

void say_certificate(const struct conductor *conductor, const struct tracked_certificate *certificate,
	const struct change *change)
{
	const struct change_subject subject = { .name = certificate->name, .source_arn = certificate->arn };

	announce_change(conductor->announce, &subject, change);
}

void say_delivery(const struct conductor *conductor, const struct delivery *delivery, const struct change *change)
{
	const struct change_subject subject = { .name = delivery->name, .delivery = delivery };

	announce_change(conductor->announce, &subject, change);
}

void say_dependent(const struct tracked_dependent *dependent, const struct change *change)
{
	const struct change_subject subject = {
		.name = dependent->name,
		.target = dependent->words.target,
		.unit = dependent->words.unit,
	};

	announce_change(dependent->conductor->announce, &subject, change);
}

void say_certificate_changes(const struct conductor *conductor, const struct tracked_certificate *certificate,
	const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		say_certificate(conductor, certificate, &changes->items[i]);
}

void say_delivery_changes(
	const struct conductor *conductor, const struct delivery *delivery, const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		say_delivery(conductor, delivery, &changes->items[i]);
}

void say_dependent_changes(const struct tracked_dependent *dependent, const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		say_dependent(dependent, &changes->items[i]);
}

void say_place(const struct tracked_place *place, const struct delivery *delivery, const struct change *change)
{
	const struct change_subject subject = { .name = place->place->name, .delivery = delivery };

	announce_change(place->conductor->announce, &subject, change);
}

static void say_entry(const struct conductor *conductor, enum change_event event, const char *problem)
{
	const struct change change = { .event = event, .words = problem };
	const struct change_subject subject = { .name = problem };

	announce_change(conductor->announce, &subject, &change);
}

void say_entries(const struct conductor *conductor, char *const *problems, char *const *former)
{
	STRV_FOREACH (problem, former)
		if (!strv_has(problems, *problem))
			say_entry(conductor, CHANGE_ENTRY_ACCEPTED, *problem);
	STRV_FOREACH (problem, problems)
		say_entry(conductor, CHANGE_ENTRY_REFUSED, *problem);
}

static bool is_present(void *userdata, enum announce_about about, const char *name)
{
	struct conductor *conductor = userdata;

	switch (about) {
	case ABOUT_CERTIFICATE:
		return state_find_certificate(conductor, name);
	case ABOUT_DELIVERY:
		return state_find_slot(conductor, name);
	case ABOUT_DEPENDENT:
		return state_find_dependent(conductor, name);
	case ABOUT_PLACE:
		for (size_t i = 0; i < conductor->place_count; i++)
			if (strcmp(conductor->places[i]->place->name, name) == 0)
				return true;
		return false;
	default:
		return true;
	}
}

void say_keep_present(struct conductor *conductor)
{
	announce_keep(conductor->announce, is_present, conductor);
}
