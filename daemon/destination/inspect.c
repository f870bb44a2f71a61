/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/inspect.h"

#include "daemon/destination/kind.h"

static const struct kind *kind_of(const struct place *place)
{
	return kinds[place->destination->kind];
}

bool destination_can_inspect(const struct desired_destination *destination)
{
	return kinds[destination->kind]->inspect != NULL;
}

struct destination_inspect *destination_inspect(const struct destination_context *context,
	const struct place *place, const char *object_id, destination_inspect_fn done,
	void *userdata)
{
	const struct kind *kind = kind_of(place);
	struct destination_inspect *inspect = kind->inspect(context, place, object_id);

	inspect->kind = kind;
	inspect->done = done;
	inspect->userdata = userdata;
	return inspect;
}

struct destination_inspect *destination_inspect_cancel(struct destination_inspect *inspect)
{
	if (inspect)
		inspect->kind->inspect_cancel(inspect);
	return NULL;
}

void inspect_ended(const struct destination_inspect *inspect, const struct inspected *seen,
	const struct error *err)
{
	const struct inspected gone = { .gone = true };
	const bool absent = err && err->kind == ERROR_ABSENT;

	inspect->done(inspect->userdata, absent ? &gone : err ? NULL : seen, absent ? NULL : err);
}
