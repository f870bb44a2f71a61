/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places whose looks and tags are answered when the test says so: a row in the daemon's table of kinds of destination, in place
 * of ACM's.
 */
#include "tests/unit/shell/inventory_bed.h"

#include "daemon/destination/kind.h"

#define CALLS_MOST 256

/* A look or a tag that is under way. */
struct fake_call {
	union {
		struct destination_look look;
		struct destination_tag tag;
	} base; /* first */
	const char *place; /* its name */
	struct destination_keep *keep;
	const struct look_item *items; /* of a look */
	size_t count;
	destination_look_fn on_look;
	destination_tag_fn on_tag;
	bool moves; /* of a tag */
	void *userdata;
};

static struct {
	struct fake_call *calls[CALLS_MOST];
	size_t count;
	unsigned cancels;
} fake;

static inline struct fake_call *fake_begin(const struct place *place)
{
	struct fake_call *call = mem_new(struct fake_call);

	assert_true(fake.count < CALLS_MOST);
	call->place = place->name;
	fake.calls[fake.count++] = call;
	return call;
}

static inline void fake_end(struct fake_call *call)
{
	for (size_t i = 0; i < fake.count; i++)
		if (fake.calls[i] == call) {
			fake.calls[i] = fake.calls[--fake.count];
			free(call);
			return;
		}
	fail_msg("it ends twice");
}

static inline struct destination_look *fake_look(const struct destination_context *context,
	const struct look_item *items, size_t count, struct destination_keep *keep, usec_t now,
	destination_look_fn done, void *userdata)
{
	struct fake_call *call = fake_begin(items[0].delivery->place);

	for (size_t i = 1; i < count; i++)
		assert_ptr_equal(items[i].delivery->place, items[0].delivery->place);
	call->items = items;
	call->count = count;
	call->keep = keep;
	call->on_look = done;
	call->userdata = userdata;
	return &call->base.look;
}

static inline struct destination_tag *fake_tag(const struct destination_context *context,
	const struct delivery *delivery, const char *object_id, const struct fingerprint *anchor, bool moves,
	destination_tag_fn done, void *userdata)
{
	struct fake_call *call = fake_begin(delivery->place);

	call->on_tag = done;
	call->moves = moves;
	call->userdata = userdata;
	return &call->base.tag;
}

static inline void fake_look_cancel(struct destination_look *look)
{
	fake.cancels++;
	fake_end((struct fake_call *)look);
}

static inline void fake_tag_cancel(struct destination_tag *tag)
{
	fake.cancels++;
	fake_end((struct fake_call *)tag);
}

static const struct kind fake_kind = {
	.look = fake_look,
	.look_cancel = fake_look_cancel,
	.tag = fake_tag,
	.tag_cancel = fake_tag_cancel,
	.tag_action = "acm:AddTagsToCertificate",
	.tag_policy = "destination.json",
};

const struct kind *const kinds[] = {
	[DESTINATION_ACM] = &fake_kind,
	[DESTINATION_SECRETSMANAGER] = &secretsmanager_kind,
	[DESTINATION_FILE] = &file_kind,
};

/* The call under way at the place of that name, or NULL. */
static inline struct fake_call *fake_at(const char *place)
{
	for (size_t i = 0; i < fake.count; i++)
		if (strcmp(fake.calls[i]->place, place) == 0)
			return fake.calls[i];
	return NULL;
}

/* It is answered: ${state} for all that it is about, with the source's version where something is there; or ${err}. */
static inline void fake_looked(struct fake_call *call, enum observed_state state, const struct error *err)
{
	struct fake_call done = *call;
	struct observed *seen = err ? NULL : mem_alloc(done.count * sizeof(*seen));

	for (size_t i = 0; seen && i < done.count; i++) {
		seen[i].state = state;
		if (state == OBSERVED_PRESENT)
			seen[i].version = done.items[i].wanted;
	}
	fake_end(call);
	done.on_look(done.userdata, seen, err);
}

static inline void fake_tagged(struct fake_call *call, const struct error *err)
{
	struct fake_call done = *call;

	fake_end(call);
	done.on_tag(done.userdata, err);
}
