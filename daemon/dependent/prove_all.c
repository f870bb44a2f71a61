/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/prove_all.h"

#include <stdlib.h>

struct one {
	struct prove_all *all;
	struct prove *prove; /* under way */
};

struct prove_all {
	struct one *ones;
	struct proof_seen *seen; /* whose texts are owned */
	size_t count;
	size_t left; /* under way */
	prove_all_fn on_done;
	void *userdata;
};

struct prove_all *prove_all_cancel(struct prove_all *all)
{
	if (!all)
		return NULL;
	for (size_t i = 0; i < all->count; i++) {
		prove_cancel(all->ones[i].prove);
		free((char *)all->seen[i].words);
		free((char *)all->seen[i].addresses);
	}
	free(all->ones);
	free(all->seen);
	free(all);
	return NULL;
}

static void on_proven(void *userdata, const struct proof_seen *seen)
{
	struct one *one = userdata;
	struct prove_all *all = one->all;
	struct proof_seen *kept = &all->seen[one - all->ones];

	one->prove = NULL;
	*kept = *seen;
	kept->words = mem_strdup(seen->words);
	kept->addresses = mem_strdup(seen->addresses);
	if (--all->left > 0)
		return;
	all->on_done(all->userdata, all->seen);
	prove_all_cancel(all);
}

struct prove_all *prove_all_start(struct sd_event *event, const struct prove_request *requests,
	size_t count, prove_all_fn done, void *userdata)
{
	struct prove_all *all = mem_new(struct prove_all);

	all->ones = mem_alloc(count * sizeof(*all->ones));
	all->seen = mem_alloc(count * sizeof(*all->seen));
	all->count = all->left = count;
	all->on_done = done;
	all->userdata = userdata;
	for (size_t i = 0; i < count; i++) {
		all->ones[i].all = all;
		all->ones[i].prove = prove_start(event, &requests[i], on_proven, &all->ones[i]);
	}
	return all;
}
