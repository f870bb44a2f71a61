/* SPDX-License-Identifier: Apache-2.0 */
/* What the source shows of certificates. */
#include "daemon/inventory/inside.h"

#include <stdlib.h>

#include "daemon/source/source.h"
#include "daemon/transition/certificate.h"

/* --- what is to be written down --- */

static void save_later(struct inventory *inventory, struct tracked_certificate *certificate)
{
	if (certificate->unsaved)
		return;
	if (inventory->unsaved_count == inventory->unsaved_room) {
		inventory->unsaved_room = MAX(2 * inventory->unsaved_room, (size_t)16);
		inventory->unsaved = mem_resize(
			inventory->unsaved, inventory->unsaved_room, sizeof(*inventory->unsaved));
	}
	certificate->unsaved = true;
	inventory->unsaved[inventory->unsaved_count++] = certificate;
}

void forget_unsaved(struct inventory *inventory, struct tracked_certificate *certificate)
{
	size_t kept = 0;

	if (!certificate->unsaved)
		return;
	certificate->unsaved = false;
	for (size_t i = 0; i < inventory->unsaved_count; i++)
		if (inventory->unsaved[i] != certificate)
			inventory->unsaved[kept++] = inventory->unsaved[i];
	inventory->unsaved_count = kept;
}

void inventory_save_versions(struct inventory *inventory)
{
	bool together;

	if (!inventory->unsaved_count)
		return;
	together = inventory_begin(inventory);
	for (size_t i = 0; i < inventory->unsaved_count; i++) {
		inventory->unsaved[i]->unsaved = false;
		(void)save_certificate(inventory, inventory->unsaved[i]);
	}
	inventory_commit(inventory, together);
	free(inventory->unsaved);
	inventory->unsaved = NULL;
	inventory->unsaved_count = inventory->unsaved_room = 0;
}

/* --- what is seen --- */

/* Notes the version that a certificate was seen to have, and says so when it is new. */
static void note_version(struct inventory *inventory, struct tracked_certificate *certificate)
{
	const struct source_certificate *seen = certificate->seen;
	struct changes changes = { 0 };

	if (!seen || !digest_is_set(&seen->version.digest))
		return;
	if (!transition_version_seen(&certificate->record, &seen->version,
		    seen->serial && !certificate->has_serial, &changes))
		return; /* one version has one serial */
	save_later(inventory, certificate);
	say_certificate_changes(inventory, certificate, &changes);
}

/* Why a certificate that the configuration asks for is not delivered; NULL: there is no reason.
 * The caller owns it. */
static char *refusal_of(const struct tracked_certificate *certificate)
{
	const struct source_certificate *seen = certificate->seen;

	if (!seen)
		return mem_printf("'%s' does not exist in the source account. Is the ARN right, "
				  "and its region in "
				  "source.regions?",
			certificate->arn);
	return mem_strdup(source_refusal(seen) ?: seen->problem);
}

void inventory_listed(struct inventory *inventory, const struct tracked_certificate *certificate)
{
	struct tracked_certificate *own = own_certificate(certificate);
	char *why = refusal_of(certificate);
	const struct change change = { .event = why ? CHANGE_REFUSED : CHANGE_ACCEPTED,
		.words = why };

	say_certificate(inventory, certificate, &change);
	free(own->refusal);
	own->refusal = why;
}

void inventory_version_read(
	struct inventory *inventory, const struct tracked_certificate *certificate)
{
	note_version(inventory, own_certificate(certificate));
	inventory_listed(inventory, certificate);
}

void inventory_read_next(
	struct inventory *inventory, const struct tracked_certificate *certificate, bool next)
{
	own_certificate(certificate)->read_next = next;
}

/* --- how long it lasts --- */

bool inventory_is_expiring(const struct inventory *inventory,
	const struct tracked_certificate *certificate, const struct version *version)
{
	const struct expiry expiry = stock_expiry(&inventory->stock, certificate, version);

	return expiry_state(&expiry, inventory_now(inventory)) != EXPIRY_FAR;
}

void inventory_renewal_forget(
	struct inventory *inventory, const struct tracked_certificate *certificate)
{
	struct tracked_certificate *own = own_certificate(certificate);

	own->renewal.asked = false;
	free(take(own->renewal.status));
	free(take(own->renewal.reason));
}

void inventory_renewal_seen(struct inventory *inventory,
	const struct tracked_certificate *certificate, const char *status, const char *reason)
{
	struct tracked_certificate *own = own_certificate(certificate);

	inventory_renewal_forget(inventory, certificate);
	own->renewal.asked = true;
	own->renewal.status = mem_strdup(status);
	own->renewal.reason = mem_strdup(reason);
}
