/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/addresses.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/dependent/resolve.h"
#include "lib/base/strv.h"

/* An endpoint of a delivery or a dependent of the present world. */
struct asked {
	bool of_dependent;
	size_t index; /* its slot, or its number among the dependents */
	size_t endpoint; /* in its prove: */
};

struct addresses {
	struct inventory *inventory;
	const struct stock *stock;
	struct sd_event *event;
	struct asked *asked;
	size_t count, next;
	struct resolve *resolve; /* of the one before next; NULL: none is looked up */
};

/* What can be proven of whom ${asked} is about, and what was. */
static const struct desired_proof *wish_of(
	struct addresses *addresses, const struct asked *asked, const struct endpoint_record **ret_seen)
{
	const struct stock *stock = addresses->stock;
	const struct desired_proof *wish;
	const struct proof_record *proof;

	if (asked->of_dependent) {
		const struct tracked_dependent *dependent = stock->dependents[asked->index];

		wish = &dependent->dependent->prove[asked->endpoint];
		proof = &dependent->record.proof;
	} else {
		const struct tracked_delivery *delivery =
			inventory_open(addresses->inventory, asked->index);

		wish = &delivery->delivery->wish->prove[asked->endpoint];
		proof = &delivery->record.proof;
	}
	*ret_seen = proof_find(proof, wish);
	return wish;
}

/* --- which --- */

/* An address stays the same, and so do those of localhost. */
static bool can_move(const char *host)
{
	return !strchr(host, ':') && host[strspn(host, "0123456789.")] && strcmp(host, "localhost") != 0;
}

static void add(struct addresses *addresses, const struct asked *asked)
{
	addresses->asked = mem_resize(
		addresses->asked, addresses->count + 1, sizeof(*addresses->asked));
	addresses->asked[addresses->count++] = *asked;
}

/* What was seen at an endpoint is kept at full size, and so are those of whom it was seen. */
static void gather(struct addresses *addresses)
{
	const struct stock *stock = addresses->stock;

	for (size_t i = 0; i < stock->dependent_count; i++)
		for (size_t k = 0; k < stock->dependents[i]->dependent->prove_count; k++)
			add(addresses, &(struct asked){ true, i, k });
	for (size_t i = 0; i < stock->delivery_count; i++)
		for (size_t k = 0; stock->slots[i].open &&
				   k < stock_wish(stock, &stock->slots[i])->prove_count;
			k++)
			add(addresses, &(struct asked){ false, i, k });
}

/* --- the answers --- */

static bool has_moved(const struct endpoint_record *seen, const struct address *list, size_t count)
{
	_cleanup_(strv_freep) char **before = NULL;
	_cleanup_(freep) char *copy = mem_strdup(seen->addresses);
	char *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		strv_append(&before, word);
	for (size_t i = 0; i < count; i++) {
		char text[ADDRESS_TEXT_SIZE];

		if (!strv_has(before, address_format(&list[i], text)))
			return true;
	}
	return strv_length(before) != count;
}

static void look_up_next(struct addresses *addresses);

static void on_resolved(void *userdata, const struct address *list, size_t count, const char *why)
{
	struct addresses *addresses = userdata;
	const struct asked *asked = &addresses->asked[addresses->next - 1];
	const struct endpoint_record *seen;
	const struct desired_proof *wish = wish_of(addresses, asked, &seen);

	addresses->resolve = NULL;
	if (count > 0 && seen && seen->addresses && has_moved(seen, list, count)) {
		if (asked->of_dependent)
			inventory_dependent_moved(addresses->inventory,
				addresses->stock->dependents[asked->index], wish);
		else
			inventory_delivery_moved(addresses->inventory,
				inventory_open(addresses->inventory, asked->index), wish);
	}
	look_up_next(addresses);
}

static void look_up_next(struct addresses *addresses)
{
	while (!addresses->resolve && addresses->next < addresses->count) {
		const struct asked *asked = &addresses->asked[addresses->next++];
		const struct endpoint_record *seen;
		const struct desired_proof *wish = wish_of(addresses, asked, &seen);
		_cleanup_(freep) char *host = NULL, *port = NULL;

		if (seen && seen->looked_at && seen->addresses &&
			proof_split(wish->connect, &host, &port) && can_move(host))
			addresses->resolve = resolve_start(
				addresses->event, host, port, on_resolved, addresses);
	}
	if (!addresses->resolve)
		addresses_cancel(addresses);
}

void addresses_check(struct addresses *addresses)
{
	if (addresses->resolve)
		return;
	gather(addresses);
	look_up_next(addresses);
}

/* --- birth and death --- */

void addresses_cancel(struct addresses *addresses)
{
	addresses->resolve = resolve_cancel(addresses->resolve);
	free(addresses->asked);
	addresses->asked = NULL;
	addresses->count = addresses->next = 0;
}

struct addresses *addresses_new(struct inventory *inventory, struct sd_event *event)
{
	struct addresses *addresses = mem_new(struct addresses);

	addresses->inventory = inventory;
	addresses->stock = inventory_stock(inventory);
	addresses->event = event;
	return addresses;
}

struct addresses *addresses_free(struct addresses *addresses)
{
	if (!addresses)
		return NULL;
	addresses_cancel(addresses);
	free(addresses);
	return NULL;
}
