/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/settled.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/intern.h"

/* --- versions, shared by the deliveries of a certificate --- */

static bool version_equal(const struct version *a, const struct version *b)
{
	return digest_equal(&a->digest, &b->digest) && fingerprint_equal(&a->chain, &b->chain) &&
	       a->not_before == b->not_before && a->not_after == b->not_after;
}

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* NULL: there is no room for another. */
static struct kept_version *version_keep(
	struct kept_version *versions, const struct delivery_record *record)
{
	const struct version *version = &record->confirmed;
	char text[FINGERPRINT_TEXT_SIZE];
	const char *anchor = fingerprint_is_set(&record->anchor)
				     ? fingerprint_format(&record->anchor, text)
				     : NULL;
	struct kept_version *found = NULL;

	for (size_t i = 0; i < VERSIONS_KEPT; i++) {
		struct kept_version *kept = &versions[i];

		if (kept->references ? version_equal(&kept->version, version) &&
					       text_equal(kept->anchor, anchor)
				     : !found)
			found = kept;
		if (found == kept && kept->references)
			break;
	}
	if (!found)
		return NULL;
	if (!found->references++) {
		found->version = *version;
		found->anchor = intern(anchor);
	}
	return found;
}

/* --- texts in parts --- */

static void pack_object(struct settled *settled, const char *id)
{
	size_t length = id ? strlen(id) : 0;

	if (length > UUID_LENGTH && uuid_parse(id + length - UUID_LENGTH, settled->uuid) == 0) {
		_cleanup_(freep) char *prefix = mem_strndup(id, length - UUID_LENGTH);

		settled->id = intern(prefix);
		settled->id_has_uuid = true;
	} else {
		settled->id = intern(id);
	}
}

char *settled_object(const struct settled *settled)
{
	char uuid[UUID_LENGTH + 1];

	if (!settled->id_has_uuid)
		return mem_strdup(settled->id);
	uuid_format(settled->uuid, uuid);
	return mem_join(settled->id, uuid, NULL);
}

#define NUMBER_SIZE sizeof("18446744073709551615")

/* In ${text}, from its end on: printf() is slow, and there are very many. */
static const char *number_format(uint64_t number, char text[static NUMBER_SIZE])
{
	char *at = text + NUMBER_SIZE - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return at;
}

static char *dated_revision(const struct version *version, uint64_t number)
{
	char before[NUMBER_SIZE], after[NUMBER_SIZE], last[NUMBER_SIZE];

	return mem_join(number_format(version->not_before, before), " ",
		number_format(version->not_after, after), " ", number_format(number, last), NULL);
}

static void pack_revision(struct settled *settled, const char *revision)
{
	const char *last = revision ? strrchr(revision, ' ') : NULL;
	_cleanup_(freep) char *dated = NULL;
	uint64_t number = last ? strtoull(last + 1, NULL, 10) : 0;

	if (!revision)
		return;
	dated = settled->version && !settled->number
			? dated_revision(&settled->version->version, number)
			: NULL;
	if (dated && strcmp(dated, revision) == 0) {
		settled->number = number;
		settled->number_is_revision = true;
	} else {
		settled->revision = intern(revision);
	}
}

char *settled_revision(const struct settled *settled)
{
	if (settled->number_is_revision)
		return dated_revision(&settled->version->version, settled->number);
	return mem_strdup(settled->revision);
}

/* --- packing --- */

/*
 * Every member of what is packed, in its order, and where it is kept: one that is added and not
 * named here does not compile, and whoever names it sees to it in record_is_settled() or
 * seen_is_settled(), settled_pack() and settled_unpack().
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wmissing-field-initializers"
/* clang-format off: a member a line */

static const struct delivery_record record_members __attribute__((unused)) = {
	NULL, /* name: the delivery's */
	NULL, /* object: object_key() makes it */
	NULL, /* former: not settled */
	NULL, /* object_id: id, uuid */
	NULL, /* revision: revision, number */
	{ {
		  { 0 },
	  },
		{
			{ 0 },
		},
		0, 0 }, /* confirmed: version */
	0, /* confirmed_at */
	{ { 0 } }, /* intended: not settled */
	0, /* intended_at: not settled */
	false, /* ambiguous: not settled */
	0, /* failures: not settled */
	0, /* next_try: not settled */
	ERROR_NONE, /* kind: not settled */
	NULL, /* problem: not settled */
	HOLD_NONE, /* hold: not settled */
	NULL, /* hold_reason: not settled */
	{ { 0 } }, /* held: not settled */
	0, /* held_accept: not settled */
	{ { 0 } }, /* approved */
	false, /* guard_passed */
	{ PROVE_NONE, NULL, NULL, 0 }, /* proof: proven; what was seen at endpoints: not settled */
	{ { 0 } }, /* proven */
	{ { 0 } }, /* anchor: version */
	NULL, /* leaf: not settled */
	NULL, /* chain: not settled */
};

static const struct observed seen_members __attribute__((unused)) = {
	OBSERVED_UNKNOWN, /* state */
	0, /* at: number, of nothing alone */
	{ {
		  { 0 },
	  },
		{
			{ 0 },
		},
		0, 0 }, /* version: as confirmed */
	NULL, /* object_id: as recorded */
	NULL, /* revision: as recorded */
	false, /* own: not kept, a look says it again */
	NULL, /* foreign: not settled */
	NULL, /* former: not settled */
	false, /* marked: not kept, a look says it again */
	NULL, /* holder: not settled */
	NULL, /* users: not settled */
	false, /* anchor_seen: not kept, tag_seen() has seen it */
	{ { 0 } }, /* anchor: the same */
	false, /* unused */
	NULL, /* candidates: not settled */
	0, /* candidate_count: not settled */
	0, /* candidate_total: not settled */
	NULL, /* room: not settled */
	0, /* imported_count: not kept, it is its place's */
	0, /* changed_at: number */
	NULL, /* leaf_pem: not settled */
	NULL, /* chain_pem: not settled */
	ERROR_NULL, /* error: not settled */
};

/* clang-format on */
#pragma GCC diagnostic pop

/* Is nothing recorded but, perhaps, that a version is confirmed? */
static bool record_is_settled(const struct delivery_record *record)
{
	const struct digest *confirmed = &record->confirmed.digest;
	bool unproven = record->proof.result == PROVE_NONE && !digest_is_set(&record->proven);
	bool proven = record->proof.result == PROVE_MATCHED && !record->proof.endpoint_count &&
		      digest_equal(&record->proven, confirmed);

	if (record->former || record->failures || record->next_try || record->kind ||
		record->problem || record->hold || record->hold_reason || record->held_accept ||
		record->ambiguous || record->intended_at || record->leaf || record->chain ||
		digest_is_set(&record->intended) || digest_is_set(&record->held) ||
		record->confirmed_at % USEC_PER_SEC ||
		record->confirmed_at / USEC_PER_SEC > UINT32_MAX)
		return false;
	if (digest_is_set(confirmed))
		return (proven || unproven) && (!digest_is_set(&record->approved) ||
						       digest_equal(&record->approved, confirmed));
	return unproven && !digest_is_set(&record->approved) &&
	       !fingerprint_is_set(&record->anchor) && !record->object_id && !record->revision &&
	       !record->confirmed_at && !record->confirmed.not_after;
}

/* Is what was seen there nothing, or just what is recorded?  (When a version was seen is not
 * kept, nor what the object bears, nor is how many imports its place holds: nobody asks for them of
 * a settled one.) */
static bool seen_is_settled(const struct observed *seen, const struct delivery_record *record)
{
	if (seen->error.text || seen->error.kind || seen->candidate_total || seen->leaf_pem ||
		seen->chain_pem || seen->foreign || seen->former || seen->holder || seen->users)
		return false;
	switch (seen->state) {
	case OBSERVED_UNKNOWN:
	case OBSERVED_ABSENT:
		return !seen->object_id && !seen->revision && !seen->unused && !seen->changed_at &&
		       !digest_is_set(&seen->version.digest);
	case OBSERVED_PRESENT:
		return digest_is_set(&record->confirmed.digest) &&
		       version_equal(&seen->version, &record->confirmed) &&
		       text_equal(seen->object_id, record->object_id) &&
		       text_equal(seen->revision, record->revision);
	default:
		return false;
	}
}

bool settled_pack(struct settled *settled, struct kept_version versions[static VERSIONS_KEPT],
	const struct delivery_record *record, const struct observed *seen, bool recorded)
{
	struct kept_version *version = NULL;

	if (!record_is_settled(record) || !seen_is_settled(seen, record))
		return false;
	if (digest_is_set(&record->confirmed.digest)) {
		version = version_keep(versions, record);
		if (!version)
			return false;
	}
	*settled = (struct settled){
		.version = version,
		.number = seen->state == OBSERVED_ABSENT ? seen->at : seen->changed_at,
		.confirmed_at = (uint32_t)(record->confirmed_at / USEC_PER_SEC),
		.state = (uint8_t)seen->state,
		.has_record = recorded,
		.unused = seen->unused,
		.proven = record->proof.result == PROVE_MATCHED,
		.approved = digest_is_set(&record->approved),
		.guard_passed = record->guard_passed,
	};
	pack_object(settled, record->object_id);
	pack_revision(settled, record->revision);
	return true;
}

bool settled_unpack(struct settled *settled, struct delivery_record *record, struct observed *seen)
{
	bool recorded = settled->has_record;

	record->object_id = settled_object(settled);
	record->revision = settled_revision(settled);
	record->confirmed_at = (usec_t)settled->confirmed_at * USEC_PER_SEC;
	record->guard_passed = settled->guard_passed;
	if (settled->version)
		record->confirmed = settled->version->version;
	if (settled->version && settled->version->anchor)
		(void)fingerprint_parse(settled->version->anchor, &record->anchor);
	if (settled->approved)
		record->approved = record->confirmed.digest;
	if (settled->proven) {
		record->proven = record->confirmed.digest;
		record->proof.result = PROVE_MATCHED;
	}
	seen->state = (enum observed_state)settled->state;
	if (seen->state == OBSERVED_ABSENT)
		seen->at = settled->number;
	else if (!settled->number_is_revision)
		seen->changed_at = settled->number;
	seen->unused = settled->unused;
	if (seen->state == OBSERVED_PRESENT) {
		seen->version = record->confirmed;
		seen->object_id = mem_strdup(record->object_id);
		seen->revision = mem_strdup(record->revision);
	}
	settled_done(settled);
	return recorded;
}

void settled_done(struct settled *settled)
{
	if (settled->version && --settled->version->references == 0)
		settled->version->anchor = intern_unref(settled->version->anchor);
	intern_unref(settled->id);
	intern_unref(settled->revision);
	*settled = (struct settled){ 0 };
}
