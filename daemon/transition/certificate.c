/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/transition/certificate.h"

#include <string.h>

#include "daemon/transition/schedule.h"
#include "lib/base/intern.h"

/* An export that failed is repeated after its back-off, give or take up to a tenth of it. */
#define EXPORT_SHARE 10

static struct attempts attempts_of(struct certificate_record *record)
{
	return (struct attempts){ &record->failures, &record->next_try, &record->problem };
}

bool transition_version_seen(
	struct certificate_record *record, const struct version *version, bool serial, struct changes *changes)
{
	bool other = !digest_equal(&version->digest, &record->version.digest);

	if (!other && !serial)
		return false;
	record->version = *version;
	record->newest = MAX(record->newest, version->not_before);
	if (!other)
		return true;
	record->failures = 0;
	record->next_try = 0;
	changes_add(changes, CHANGE_VERSION_SEEN)->version = version;
	return true;
}

void transition_exported(struct certificate_record *record, const struct version *version, const char *anchor,
	size_t deliveries, struct changes *changes)
{
	const struct attempts attempts = attempts_of(record);
	struct change *change = changes_add(changes, deliveries ? CHANGE_EXPORTED : CHANGE_EXPORTED_ALONE);

	attempts_succeeded(&attempts);
	record->version = *version;
	record->exported = version->digest;
	record->newest = MAX(record->newest, version->not_before);
	if (anchor && !record->anchor)
		record->anchor = intern(anchor);
	change->version = version;
	change->count = deliveries;
}

void transition_export_failed(struct certificate_record *record, const struct error *err, unsigned chance, usec_t now,
	struct changes *changes)
{
	const struct attempts attempts = attempts_of(record);
	struct change *change = changes_add(changes, CHANGE_EXPORT_FAILED);

	attempts_failed(&attempts, err, EXPORT_SHARE, chance, now);
	change->error = err;
	change->attempt = record->failures;
	change->next_try = record->next_try;
}

bool transition_anchor_replaced(struct certificate_record *record, const char *anchor)
{
	if (!anchor || !record->anchor || strcmp(record->anchor, anchor) == 0)
		return false;
	intern_unref(record->anchor);
	record->anchor = intern(anchor);
	return true;
}
