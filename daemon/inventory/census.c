/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/census.h"

#include <assert.h>

#include "lib/base/mem.h"

void census_move(struct census *census, const struct planned *before, const struct planned *after)
{
	assert(census->touched.known >= before->touched.known &&
		census->touched.unseen >= before->touched.unseen);
	assert(census->in_place >= before->in_place && census->held >= before->held);
	assert(census->failing >= before->failing && census->gathering >= before->gathers);
	census->touched.known += after->touched.known - before->touched.known;
	census->touched.unseen += after->touched.unseen - before->touched.unseen;
	census->in_place += after->in_place - before->in_place;
	census->held += after->held - before->held;
	census->failing += after->failing - before->failing;
	census->gathering += (unsigned)after->gathers - (unsigned)before->gathers;
}

struct plan_touched census_without(const struct census *census, const struct plan_touched *own)
{
	/* Some of its deliveries may have changed since they were counted. */
	return (struct plan_touched){
		.known = census->touched.known - MIN(own->known, census->touched.known),
		.unseen = census->touched.unseen - MIN(own->unseen, census->touched.unseen),
	};
}
