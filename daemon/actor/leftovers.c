/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/leftovers.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/destination/inspect.h"

#define ASKED_AT_ONCE 8

struct question {
	struct leftovers *leftovers;
	char *object_id;
	struct place *made; /* its place, where no delivery of the world has it; else NULL */
	struct destination_inspect *call; /* NULL: it is free */
};

struct leftovers {
	struct inventory *inventory;
	const struct destination_context *context;
	const struct stock *stock;
	struct question questions[ASKED_AT_ONCE];
	const char *region; /* of destinations without one */
	char *after; /* the object that was come to last; NULL: none */
	bool looks; /* some may be left */
};

static void question_done(struct question *question)
{
	destination_inspect_cancel(question->call);
	place_free(question->made);
	free(question->object_id);
	*question = (struct question){ .leftovers = question->leftovers };
}

static void go_on(struct leftovers *leftovers);

static void on_answer(void *userdata, const struct inspected *seen, const struct error *err)
{
	struct question *question = userdata;
	struct leftovers *leftovers = question->leftovers;

	question->call = NULL;
	if (err)
		inventory_leftover_unseen(leftovers->inventory, question->object_id, err->text);
	else if (seen->gone)
		inventory_leftover_gone(leftovers->inventory, question->object_id);
	else
		inventory_leftover_seen(
			leftovers->inventory, question->object_id, seen->knows_users, seen->users);
	question_done(question);
	go_on(leftovers);
	if (!leftovers_are_busy(leftovers))
		inventory_changed(leftovers->inventory);
}

/* --- who reaches it --- */

/* Do the ARNs name the same service, region and account? */
static bool same_account(const char *arn, const char *other)
{
	unsigned colons = 0;

	for (size_t i = 0; arn[i] && arn[i] == other[i]; i++)
		if (arn[i] == ':' && ++colons == 5)
			return true;
	return false;
}

/* Where this part of the ARN begins, of which the first has number 0; NULL: it has none. */
static const char *arn_part(const char *arn, unsigned number)
{
	for (; arn && number; number--) {
		arn = strchr(arn, ':');
		arn = arn ? arn + 1 : NULL;
	}
	return arn;
}

static bool arn_has(const char *arn, unsigned number, const char *text)
{
	const char *part = arn_part(arn, number);

	return part && strncmp(part, text, strlen(text)) == 0 && part[strlen(text)] == ':';
}

static char *copy_part(const char *arn, unsigned number)
{
	const char *part = arn_part(arn, number);

	return part ? mem_strndup(part, strcspn(part, ":")) : NULL;
}

/* A place that does not know its account is known by what deliveries have there. */
static bool reaches_by_slots(const struct leftovers *leftovers, size_t place, const char *object_id)
{
	const struct stock *stock = leftovers->stock;

	for (size_t i = 0; i < stock->delivery_count; i++) {
		_cleanup_(freep) char *object = stock->slots[i].place == place
							? slot_object(stock, &stock->slots[i])
							: NULL;

		if (object)
			return same_account(object, object_id);
	}
	return false;
}

static bool is_of_kind(
	const struct desired_destination *destination, const struct leftover *leftover)
{
	const char *kind = destination_kind_name(destination->kind);
	const size_t length = strlen(kind);

	return destination_can_inspect(destination) && strncmp(leftover->object, kind, length) == 0 &&
	       leftover->object[length] == ' ';
}

/* Does ${place}, whose account is known, reach it?  All directories are this host's. */
static bool reaches(const struct place *place, const struct leftover *leftover)
{
	const char *account = place_part(place, "account"), *region = place_part(place, "region");

	if (!is_of_kind(place->destination, leftover))
		return false;
	if (!place_kind_of(place->destination)->in_aws)
		return true;
	return account && region && arn_has(leftover->object_id, 3, region) &&
	       arn_has(leftover->object_id, 4, account);
}

static const struct place *find_place(
	const struct leftovers *leftovers, const struct leftover *leftover)
{
	const struct stock *stock = leftovers->stock;

	for (size_t i = 0; i < stock->place_count; i++) {
		const struct place *place = stock->places[i]->place;

		if (reaches(place, leftover) ||
			(is_of_kind(place->destination, leftover) &&
				!place_part(place, "account") &&
				reaches_by_slots(leftovers, i, leftover->object_id)))
			return place;
	}
	return NULL;
}

/* The first of ${destination} that reaches it.  Places are made of few of thousands: the others are
 * passed over by what the configuration lists. */
static struct place *make_place_of(const struct desired_destination *destination,
	const char *region, const struct leftover *leftover, const struct desired_delivery *only)
{
	const struct place_kind *kind = place_kind_of(destination);
	const size_t count = kind->count(destination);

	for (size_t number = 0; number < count; number++) {
		struct place *place;

		if (!kind->leaves(destination, only, region, number))
			continue;
		place = place_new(destination, region, number, 0);
		if (reaches(place, leftover))
			return place;
		place_free(place);
	}
	return NULL;
}

/* One that the configuration has, and no delivery goes to. */
static struct place *make_place(const struct leftovers *leftovers, const struct leftover *leftover)
{
	const struct desired *desired = leftovers->stock->world->desired;
	_cleanup_(freep) char *region = copy_part(leftover->object_id, 3);
	_cleanup_(freep) char *account = copy_part(leftover->object_id, 4);
	char *regions[] = { region, NULL }, *accounts[] = { account, NULL };
	const struct desired_delivery only = { .only_accounts = accounts, .only_regions = regions };
	struct place *place = NULL;

	for (size_t i = 0; i < desired->destination_count && !place; i++)
		if (is_of_kind(&desired->destinations[i], leftover))
			place = make_place_of(
				&desired->destinations[i], leftovers->region, leftover, &only);
	return place;
}

/* --- the next ones --- */

static void ask(struct question *question, const struct leftover *leftover)
{
	struct leftovers *leftovers = question->leftovers;
	const struct place *place = find_place(leftovers, leftover);

	question->made = place ? NULL : make_place(leftovers, leftover);
	place = place ?: question->made;
	if (!place) {
		inventory_leftover_unseen(leftovers->inventory, leftover->object_id,
			"no destination of the configuration reaches it, so certferryd cannot "
			"check it");
		return;
	}
	question->object_id = mem_strdup(leftover->object_id);
	question->call = destination_inspect(
		leftovers->context, place, question->object_id, on_answer, question);
}

static struct question *find_free(struct leftovers *leftovers)
{
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		if (!leftovers->questions[i].call)
			return &leftovers->questions[i];
	return NULL;
}

/* They are sorted by their objects, and those that are gone go from among them. */
static const struct leftover *find_next(const struct leftovers *leftovers)
{
	for (size_t i = 0; i < leftovers->stock->leftover_count; i++) {
		const struct leftover *leftover = &leftovers->stock->leftovers[i];

		if ((!leftovers->after || strcmp(leftover->object_id, leftovers->after) > 0) &&
			!leftover->cared_for && !leftover->awaited)
			return leftover;
	}
	return NULL;
}

static void go_on(struct leftovers *leftovers)
{
	struct question *question;

	while (leftovers->looks && (question = find_free(leftovers))) {
		const struct leftover *leftover = find_next(leftovers);

		if (!leftover) {
			leftovers->looks = false;
			return;
		}
		free(leftovers->after);
		leftovers->after = mem_strdup(leftover->object_id);
		ask(question, leftover);
	}
}

void leftovers_look(struct leftovers *leftovers, const char *region)
{
	if (leftovers_are_busy(leftovers))
		return;
	inventory_judge_leftovers(leftovers->inventory);
	free(take(leftovers->after));
	leftovers->region = region;
	leftovers->looks = true;
	go_on(leftovers);
}

/* --- birth and death --- */

bool leftovers_are_busy(const struct leftovers *leftovers)
{
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		if (leftovers->questions[i].call)
			return true;
	return false;
}

void leftovers_cancel(struct leftovers *leftovers)
{
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		question_done(&leftovers->questions[i]);
	leftovers->looks = false;
}

struct leftovers *leftovers_new(
	struct inventory *inventory, const struct destination_context *context)
{
	struct leftovers *leftovers = mem_new(struct leftovers);

	leftovers->inventory = inventory;
	leftovers->context = context;
	leftovers->stock = inventory_stock(inventory);
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		leftovers->questions[i].leftovers = leftovers;
	return leftovers;
}

struct leftovers *leftovers_free(struct leftovers *leftovers)
{
	if (!leftovers)
		return NULL;
	leftovers_cancel(leftovers);
	free(leftovers->after);
	free(leftovers);
	return NULL;
}
