/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that do not bear the anchor which is recorded of them, made to bear it: those of an upgrade, and those that ACM or
 * Secrets Manager took again, to which no tags can be given with what is written.  A look finds them (their slots are
 * untagged), the plan says which may be tagged now, and some at a time are, at the pace that AWS's quotas for tagging
 * allow.  Nothing waits for it, and what fails is left until a look finds it untagged once more.  Where it is not
 * allowed, nothing more is tried at that place before the next start or reload.
 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/transition/delivery.h"
#include "lib/base/intern.h"

/* At one place so many under way keep its tagging lane from running dry. */
#define TAGS_AT_ONCE_PLACE 4
#define TAGS_AT_ONCE	   32 /* at those that answer */
#define TAGS_IN_ALL	   128

struct tagging {
	struct tagging *next;
	struct conductor *conductor;
	size_t slot;
	struct delivery delivery;
	char *object_id;
	struct fingerprint anchor;
	struct destination_tag *tag;
};

static void set_untagged(struct conductor *conductor, struct slot *slot, bool untagged)
{
	struct tracked_place *place = state_place(conductor, slot);

	untagged &= !place->tags_refused;
	conductor->tags_wanted |= untagged;
	if (slot->untagged == untagged)
		return;
	slot->untagged = untagged;
	place->untagged += untagged ? 1 : (size_t)-1;
	conductor->untagged += untagged ? 1 : (size_t)-1;
}

void tag_want(struct conductor *conductor, struct slot *slot)
{
	set_untagged(conductor, slot, destination_can_tag(state_place(conductor, slot)->place));
}

/* --- what is known of anchors --- */

/* The digest of the anchor that was pinned for ${certificate}; false: none was, or source.trust decides alone. */
static bool find_pinned(
	struct conductor *conductor, const struct tracked_certificate *certificate, struct fingerprint *ret_anchor)
{
	const char *pem = certificate->record.anchor;
	_cleanup_(certificate_freep) struct certificate *anchor = NULL;

	if (!pem || conductor->world->configuration->trust.count)
		return false;
	/* As a rule all certificates have one of a few. */
	if (conductor->pinned != pem) {
		if (certificate_parse(pem, strlen(pem), &anchor, NULL) < 0)
			return false;
		intern_unref(conductor->pinned);
		conductor->pinned = intern_ref(pem);
		certificate_authority_digest(anchor, &conductor->pinned_digest);
	}
	*ret_anchor = conductor->pinned_digest;
	return true;
}

/* Of what was put there by a version of certferry that did not record it, or before the record was lost. */
static bool learn_anchor(struct conductor *conductor, struct tracked_delivery *delivery)
{
	const struct observed *seen = &delivery->observed;
	struct delivery_record *record = &delivery->record;
	struct fingerprint pinned;
	bool is_pinned;

	if (fingerprint_is_set(&record->anchor))
		return false;
	is_pinned = find_pinned(conductor, delivery->certificate, &pinned);
	if (!transition_anchor_learned(record, is_pinned ? &pinned : NULL, &seen->anchor))
		return false;
	if (delivery->has_record)
		(void)conductor_save_delivery(conductor, record);
	return true;
}

void tag_seen(struct conductor *conductor, struct tracked_delivery *delivery)
{
	const struct observed *seen = &delivery->observed;
	struct slot *slot = state_slot(conductor, delivery);
	bool learned = learn_anchor(conductor, delivery);

	if (!slot || !fingerprint_is_set(&delivery->record.anchor))
		return;
	if (seen->anchor_seen)
		set_untagged(conductor, slot, !fingerprint_equal(&seen->anchor, &delivery->record.anchor));
	else if (learned)
		set_untagged(conductor, slot, true); /* it cannot be seen, and to say it twice does no harm */
}

bool tag_is_first_use(const struct conductor *conductor, const struct tracked_certificate *certificate)
{
	if (!state_is_present(conductor, certificate))
		return false; /* what is known of its deliveries is another's */
	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &conductor->slots[certificate->first + i];
		const struct version *confirmed = slot->open	   ? &slot->open->record.confirmed
						  : slot->settled.version ? &slot->settled.version->version
									  : NULL;

		switch (state_seen(slot)) {
		case OBSERVED_PRESENT:
		case OBSERVED_DEMOTED:
		case OBSERVED_GONE:
			return false;
		default:
			if (confirmed && digest_is_set(&confirmed->digest))
				return false;
		}
	}
	return true;
}

/* --- tagging --- */

static void tagging_free(struct tagging *tagging)
{
	struct conductor *conductor = tagging->conductor;
	struct slot *slot = &conductor->slots[tagging->slot];

	for (struct tagging **at = &conductor->taggings; *at; at = &(*at)->next)
		if (*at == tagging) {
			*at = tagging->next;
			break;
		}
	state_unclaim(slot, CLAIM_TAG);
	state_place(conductor, slot)->tagging--;
	conductor->tagging--;
	destination_tag_cancel(tagging->tag);
	delivery_done(&tagging->delivery);
	free(tagging->object_id);
	free(tagging);
}

static void forget_untagged(struct conductor *conductor, const struct tracked_place *place)
{
	for (size_t i = 0; place->untagged && i < conductor->delivery_count; i++)
		if (state_place(conductor, &conductor->slots[i]) == place)
			set_untagged(conductor, &conductor->slots[i], false);
}

static void say_failed(const struct tracked_place *place, const struct delivery *delivery, const struct error *err)
{
	const char *action = destination_tag_action(place->place);
	const struct change failed = { .event = CHANGE_TAG_FAILED, .error = err };
	const struct change denied = {
		.event = CHANGE_TAG_DENIED,
		.error = err,
		.words = action,
		.who = destination_tag_policy(place->place),
	};

	say_place(place, delivery, err->kind == ERROR_DENIED && action ? &denied : &failed);
}

/* One that was taken over may have been left out of the policy by itself; else all are in the same case. */
static void note_failed(struct conductor *conductor, struct slot *slot, const struct delivery *delivery,
	const struct error *err)
{
	struct tracked_place *place = state_place(conductor, slot);

	say_failed(place, delivery, err);
	if (err->kind == ERROR_ABSENT || err->kind == ERROR_INVALID || err->kind == ERROR_CONFLICT || delivery->arn)
		return;
	place->tags_refused = err->kind == ERROR_DENIED && destination_tag_action(place->place);
	forget_untagged(conductor, place);
}

static void note_tagged(struct tracked_place *place, const struct delivery *delivery)
{
	const struct change one = { .event = CHANGE_TAGGED };
	struct change all = { .event = CHANGE_TAGGED_ALL };

	say_place(place, delivery, &one);
	all.count = ++place->tagged;
	if (place->untagged)
		return;
	say_place(place, NULL, &all);
	place->tagged = 0;
}

static void on_tagged(void *userdata, const struct error *err)
{
	struct tagging *tagging = userdata;
	struct conductor *conductor = tagging->conductor;
	struct slot *slot = &conductor->slots[tagging->slot];
	const struct fingerprint *anchor = &state_open(conductor, tagging->slot)->record.anchor;

	tagging->tag = NULL;
	/* A transfer may have put it under another root since. */
	set_untagged(conductor, slot, !err && !fingerprint_equal(anchor, &tagging->anchor));
	if (err)
		note_failed(conductor, slot, &tagging->delivery, err);
	else
		note_tagged(state_place(conductor, slot), &tagging->delivery);
	tagging_free(tagging);
	conductor->tags_wanted = true;
	cycle_poke(conductor);
}

static void start(struct conductor *conductor, size_t index)
{
	struct slot *slot = &conductor->slots[index];
	const struct tracked_delivery *delivery = state_open(conductor, index);
	struct tagging *tagging = mem_new(struct tagging);

	*tagging = (struct tagging){
		.next = conductor->taggings,
		.conductor = conductor,
		.slot = index,
		.object_id = mem_strdup(delivery->observed.object_id ?: delivery->record.object_id),
		.anchor = delivery->record.anchor,
	};
	state_make_delivery(conductor, slot, &tagging->delivery);
	conductor->taggings = tagging;
	state_claim(slot, CLAIM_TAG);
	state_place(conductor, slot)->tagging++;
	conductor->tagging++;
	tagging->tag = destination_tag(&conductor->destinations, &tagging->delivery, tagging->object_id, &tagging->anchor,
		on_tagged, tagging);
}

/* The next one at a place that has room; SIZE_MAX: there is none. */
static size_t find_next(struct conductor *conductor)
{
	for (size_t i = 0; conductor->untagged > conductor->tagging && i < conductor->delivery_count; i++) {
		size_t index = conductor->tag_cursor++ % conductor->delivery_count;
		const struct slot *slot = &conductor->slots[index];

		if (slot->untagged && !(slot->claimed_by & (CLAIM_TAG | CLAIM_LOOK)) &&
			reach_is_open(state_place(conductor, slot)) &&
			state_place(conductor, slot)->tagging < TAGS_AT_ONCE_PLACE)
			return index;
	}
	return SIZE_MAX;
}

static bool may_tag(const struct conductor *conductor)
{
	size_t count = 0;

	for (const struct tagging *tagging = conductor->taggings; tagging; tagging = tagging->next)
		count += reach_is_open(state_place(conductor, &conductor->slots[tagging->slot]));
	return count < TAGS_AT_ONCE && conductor->tagging < TAGS_IN_ALL;
}

void tag_due(struct conductor *conductor)
{
	size_t index;

	if (conductor->options.dry_run || conductor->record_error.text)
		return;
	while (conductor->tags_wanted && may_tag(conductor)) {
		index = find_next(conductor);
		if (index == SIZE_MAX)
			conductor->tags_wanted = false;
		else if (cycle_wants_tag(conductor, index))
			start(conductor, index);
		else
			set_untagged(conductor, &conductor->slots[index], false); /* what comes of it tells */
	}
}

void tag_cancel(struct conductor *conductor)
{
	while (conductor->taggings)
		tagging_free(conductor->taggings);
}
