/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/inside.h"

#include <stdlib.h>

#include "lib/os/clock.h"

struct inventory *inventory_new(const struct inventory_request *request)
{
	struct inventory *inventory = mem_new(struct inventory);

	inventory->destinations = request->destinations;
	inventory->once = request->once;
	inventory->dry_run = request->dry_run;
	inventory->on_changed = request->on_changed;
	inventory->userdata = request->userdata;
	inventory->announce = announce_new(&(struct announce_request){
		.now = clock_monotonic,
		.history = write_history,
		.userdata = inventory,
		.once = request->once,
	});
	agenda_init(&inventory->agenda);
	return inventory;
}

struct inventory *inventory_free(struct inventory *inventory)
{
	if (!inventory)
		return NULL;
	forget_all(inventory);
	leftovers_forget(inventory);
	agenda_done(&inventory->agenda);
	record_free(inventory->record);
	error_done(&inventory->stock.record_error);
	announce_free(inventory->announce);
	free(inventory->unsaved);
	free(inventory);
	return NULL;
}

const struct stock *inventory_stock(const struct inventory *inventory)
{
	return &inventory->stock;
}

usec_t inventory_now(const struct inventory *inventory)
{
	return destination_now(inventory->destinations);
}

void inventory_changed(struct inventory *inventory)
{
	inventory->on_changed(inventory->userdata);
}

struct announce *inventory_announce(const struct inventory *inventory)
{
	return inventory->announce;
}
