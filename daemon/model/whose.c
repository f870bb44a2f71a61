/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/whose.h"

#include <string.h>

#include "daemon/model/desired.h"
#include "lib/base/bounded.h"

/* A record about another object says nothing about this one. */
static bool is_recorded(const struct observed *seen, const struct delivery_record *record)
{
	return record && digest_is_set(&record->confirmed.digest) &&
	       (!record->object_id || !seen->object_id ||
		       strcmp(record->object_id, seen->object_id) == 0);
}

/* Was it confirmed, or ordered, or read at the source by certferry itself? */
static bool is_known(const struct observed *seen, const struct delivery_record *record,
	const struct digest *exported)
{
	const struct digest *digest = &seen->version.digest;

	if (exported && digest_is_set(exported) && digest_equal(digest, exported))
		return true;
	return record &&
	       ((is_recorded(seen, record) && digest_equal(digest, &record->confirmed.digest)) ||
		       (digest_is_set(&record->intended) &&
			       digest_equal(digest, &record->intended)));
}

static bool is_of_former(const struct observed *seen, const struct delivery_record *record)
{
	return record && record->former &&
	       (digest_equal(&seen->version.digest, &record->confirmed.digest) ||
		       digest_equal(&seen->version.digest, &record->intended));
}

/* A person has named the import, or has said that the one in use is meant. */
static bool is_ordered(const struct delivery *delivery)
{
	return delivery->arn || (delivery->wish && delivery->wish->adopt == ADOPT_IN_USE);
}

/* There is no record of it. */
static enum whose whose_unrecorded(
	const struct observed *seen, const struct delivery *delivery, const struct version *wanted)
{
	/* What begins later may be a later version of this very certificate. */
	if (is_ordered(delivery))
		return version_is_older(wanted, &seen->version) ? WHOSE_OTHERS : WHOSE_OURS;
	if (seen->former)
		return WHOSE_FORMER;
	return seen->own && version_is_older(&seen->version, wanted) ? WHOSE_OURS : WHOSE_OTHERS;
}

enum whose whose(const struct observed *seen, const struct delivery *delivery,
	const struct delivery_record *record, const struct digest *exported,
	const struct version *wanted)
{
	if (!digest_is_set(&seen->version.digest))
		return seen->former || (record && record->former) ? WHOSE_FORMER : WHOSE_OURS;
	if (digest_equal(&seen->version.digest, &wanted->digest))
		return WHOSE_OURS;
	if (is_known(seen, record, exported))
		return is_of_former(seen, record) ? WHOSE_FORMER : WHOSE_OURS;
	/* Also one that a person shows again: certferry keeps the version before for that. */
	if (seen->marked && !version_is_older(wanted, &seen->version))
		return WHOSE_OURS;
	return is_recorded(seen, record) ? WHOSE_OTHERS : whose_unrecorded(seen, delivery, wanted);
}

bool whose_needs_issuer(const struct observed *seen, const struct delivery *delivery,
	const struct delivery_record *record, const struct digest *exported)
{
	return digest_is_set(&seen->version.digest) && !is_known(seen, record, exported) &&
	       !is_recorded(seen, record) && !is_ordered(delivery) && !seen->former &&
	       !seen->marked;
}

char *whose_hold_text(const struct observed *seen, const struct delivery *delivery)
{
	char end[TIME_TEXT_SIZE];

	return bounded_printf(BOUNDED_TEXT,
		"'%s' has a certificate that, as far as certferry knows, others put there%s%s "
		"(expires %s). certferry "
		"writes nothing there until you run 'certferry approve %s', by exactly this name",
		seen->object_id ?: delivery->object, seen->holder ? ", " : "", seen->holder ?: "",
		time_format(seen->version.not_after, end), delivery->name);
}
