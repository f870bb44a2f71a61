/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/destination.h"

#include <assert.h>
#include <stdlib.h>

/* Circle with daemon/destination/kind.h: the kinds do what destination.h promises. */
#include "daemon/destination/kind.h"
#include "lib/base/bounded.h"
#include "lib/os/clock.h"

static const struct kind *kind_of(const struct place *place)
{
	return kinds[place->destination->kind];
}

usec_t destination_now(const struct destination_context *context)
{
	return context->aws ? aws_now(context->aws) : clock_now();
}

struct destination_look *destination_look(const struct destination_context *context,
	const struct look_item *items, size_t count, struct destination_keep *keep, usec_t now,
	destination_look_fn done, void *userdata)
{
	const struct kind *kind = kind_of(items[0].delivery->place);
	struct destination_look *look;

	assert(count > 0);
	look = kind->look(context, items, count, keep, now, done, userdata);
	look->kind = kind;
	return look;
}

struct destination_look *destination_look_cancel(struct destination_look *look)
{
	if (look)
		look->kind->look_cancel(look);
	return NULL;
}

bool destination_keeps(const struct destination_keep *keep)
{
	return keep->kept && keep->kept->good;
}

void destination_forget(struct destination_keep *keep)
{
	if (keep->kept)
		keep->kept->release(keep->kept);
	keep->kept = NULL;
}

const struct pulse *destination_pulse(const struct destination_context *context, const struct place *place)
{
	const struct kind *kind = kind_of(place);

	return kind->pulse ? kind->pulse(context, place) : NULL;
}

struct destination_put *destination_put(const struct destination_context *context,
	const struct delivery *delivery, const struct bundle *bundle, const struct observed *before,
	destination_put_fn done, void *userdata)
{
	const struct kind *kind = kind_of(delivery->place);
	struct destination_put *put = kind->put(context, delivery, bundle, before, done, userdata);

	put->kind = kind;
	return put;
}

struct destination_put *destination_put_cancel(struct destination_put *put)
{
	if (put)
		put->kind->put_cancel(put);
	return NULL;
}

struct destination_tag *destination_tag(const struct destination_context *context,
	const struct delivery *delivery, const char *object_id, const struct fingerprint *anchor,
	bool moves, destination_tag_fn done, void *userdata)
{
	const struct kind *kind = kind_of(delivery->place);
	struct destination_tag *tag = kind->tag(
		context, delivery, object_id, anchor, moves, done, userdata);

	tag->kind = kind;
	return tag;
}

struct destination_tag *destination_tag_cancel(struct destination_tag *tag)
{
	if (tag)
		tag->kind->tag_cancel(tag);
	return NULL;
}

bool destination_can_tag(const struct place *place)
{
	return kind_of(place)->tag != NULL;
}

const char *destination_tag_action(const struct place *place)
{
	return kind_of(place)->tag_action;
}

const char *destination_tag_policy(const struct place *place)
{
	return kind_of(place)->tag_policy;
}

int destination_accepts(const struct delivery *delivery, const struct bundle *bundle,
	const struct certificate *in_place, struct error *err)
{
	const struct kind *kind = kind_of(delivery->place);

	return kind->accepts ? kind->accepts(delivery, bundle, in_place, err) : 0;
}

const char *destination_note(const struct place *place, const struct bundle *bundle)
{
	const struct kind *kind = kind_of(place);

	return kind->note ? kind->note(place, bundle) : NULL;
}

int destination_check(const struct place *place, struct error *err)
{
	const struct kind *kind = kind_of(place);

	return kind->check ? kind->check(place->destination, err) : 0;
}

bool destination_names_objects(const struct place *place)
{
	return place_kind_of(place->destination)->names_objects;
}

bool destination_hides_objects(const struct place *place)
{
	return place_kind_of(place->destination)->hides_objects;
}

bool destination_counts_puts(const struct place *place)
{
	return kind_of(place)->budget != NULL;
}

void destination_budget_done(struct destination_budget *budget)
{
	free(budget->near);
	free(budget->spent);
	*budget = (struct destination_budget){ 0 };
}

char *destination_counted_as(const struct place *place)
{
	return mem_printf("%s/%s", place_part(place, "account") ?: place->destination->name, place_part(place, "region") ?: "-");
}

void destination_budget(
	const struct place *place, unsigned held, unsigned puts, struct destination_budget *ret_budget)
{
	_cleanup_(freep) char *name = destination_counted_as(place);

	*ret_budget = (struct destination_budget){ 0 };
	if (destination_counts_puts(place))
		kind_of(place)->budget(name, held, puts, ret_budget);
}

char *destination_holder(const struct certificate *certificate)
{
	_cleanup_(freep) char *names = bounded_join(certificate->names, "'");

	return bounded_printf(BOUNDED_TEXT / 2, "%s%s%sissued by (%s)",
		certificate->names ? "for " : "", certificate->names ? names : "",
		certificate->names ? ", " : "", certificate->issuer);
}

struct observed *seen_free(struct observed *seen, size_t count)
{
	for (size_t i = 0; seen && i < count; i++)
		observed_done(&seen[i]);
	free(seen);
	return NULL;
}

struct aws_session *place_session(
	const struct destination_context *context, const struct place *place)
{
	const struct desired_access *access = &place->destination->access;
	struct aws_identity identity = {
		.profile = access->profile,
		.role_arn = place_aws(place)->role_arn,
		.external_id = place_aws(place)->external_id,
		.role_session_name = access->role_session_name,
		.source_identity = access->source_identity,
		.session_tags = access->session_tags,
		.endpoint_url = place_aws(place)->endpoint_url,
	};

	assert(context->aws);
	return aws_session_get(context->aws, &identity);
}
