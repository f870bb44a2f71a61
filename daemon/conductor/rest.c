/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/inside.h"

#include "daemon/destination/vault_clients.h"
#include "lib/os/clock.h"
#include "lib/os/memory.h"
#include "lib/pki/certificate.h"

/* With the next look further away than this, connections are not kept where no watchdog wakes the process to close them:
 * the other ends close them before. */
#define REST_LONG USEC_PER_MINUTE

/* What a look needs is kept for the next one: to fault its pages in again would cost up to a third of the look. */
static void give_back(const struct conductor *conductor)
{
	certificate_forget();
	if (conductor->worked)
		memory_give_back();
	else
		memory_trim();
}

/* Connections are kept for the moment after a sync, until the watchdog wakes the process; where there is none, they go now
 * if the next look is far away. */
void rest_begins(struct conductor *conductor)
{
	const struct watch_shown source = watch_show(conductor->watch);
	usec_t next = MIN(source.next_look, source.next_sweep);

	if (conductor->rested)
		return;
	conductor->rested = true;
	inventory_rest(conductor->inventory);
	if (!conductor->watchdog && next > usec_add(clock_monotonic(), REST_LONG))
		rest_longer(conductor);
	else
		give_back(conductor);
}

void rest_ends(struct conductor *conductor)
{
	const struct watch_shown source = watch_show(conductor->watch);

	conductor->rested = conductor->rested_longer = false;
	conductor->worked |= !source.reading || source.sweeping ||
			     transfers_are_busy(conductor->transfers);
}

void rest_longer(struct conductor *conductor)
{
	if (!conductor->rested || conductor->rested_longer)
		return;
	conductor->rested_longer = true;
	if (conductor->aws)
		aws_rest(conductor->aws);
	vault_clients_rest(conductor->destinations.vaults);
	give_back(conductor);
	conductor->worked = false;
}
