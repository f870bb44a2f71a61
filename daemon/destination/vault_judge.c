/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/vault_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/destination/secret_body.h"
#include "daemon/destination/tags.h"
#include "lib/base/strv.h"

#define KEY_INTENT  "certferry:intent-"
#define KEY_VERSION "certferry:version-"

#define NUMBER_SIZE 24

static char *number_text(uint64_t number, char text[static NUMBER_SIZE])
{
	snprintf(text, NUMBER_SIZE, "%" PRIu64, number);
	return text;
}

/* What is said of version ${number} under ${prefix}, borrowed, or NULL. */
static const char *find_mark(char *const *custom, const char *prefix, uint64_t number)
{
	char text[NUMBER_SIZE];
	_cleanup_(freep) char *key = mem_printf("%s%s", prefix, number_text(number, text));

	return tags_find(custom, key);
}

/* --- what they say --- */

static bool stopped(const struct look_item *item, const struct kv_description *description, struct observed *seen)
{
	const struct delivery *delivery = item->delivery;
	const char *mount = delivery->place->destination->vault.mount, *name = delivery->object;

	if (description->deleted)
		error_set(&seen->error, ERROR_CONFLICT, 0,
			"version %" PRIu64 " of '%s/%s', the current one, is deleted or destroyed: restore it (kv undelete "
			"-mount=%s -versions=%" PRIu64 " %s), or remove all of the secret (kv metadata delete -mount=%s %s), "
			"and certferry writes it anew",
			description->current, mount, name, mount, description->current, name, mount, name);
	else if (!seen->own && !seen->former && delivery->wish->adopt != ADOPT_YES)
		error_set(&seen->error, ERROR_CONFLICT, 0,
			"certferry does not manage '%s/%s' (its custom metadata " TAG_SOURCE " and " TAG_NAME
			" do not name this delivery): set adopt: true to take it over, or choose another name with as:",
			mount, name);
	return seen->error.kind != ERROR_NONE;
}

/* A write of this very version was begun by us, and is not known to have ended. */
static bool is_intended(const struct look_item *item, const struct kv_description *description)
{
	const char *intent = find_mark(description->custom, KEY_INTENT, description->current);
	char text[FINGERPRINT_TEXT_SIZE];

	return intent && digest_is_set(&item->intended) && strcmp(intent, digest_format(&item->intended, text)) == 0;
}

static bool is_token(const char *mark)
{
	return strlen(mark) == SECRET_TOKEN_SIZE - 1 && strspn(mark, "0123456789abcdef") == SECRET_TOKEN_SIZE - 1;
}

/* Which version it holds, without its data.  What the record confirmed is believed while the number is the same, unless
 * that is the very certificate that is wanted: then its chain or its layout is another. */
static void see_version(const struct look_item *item, const char *mark, bool recorded, struct observed *seen)
{
	const struct delivery *delivery = item->delivery;
	char token[SECRET_TOKEN_SIZE];

	if (recorded && !digest_equal(&item->confirmed.digest, &item->wanted.digest))
		seen->version = item->confirmed;
	if (!mark || !digest_is_set(&item->wanted.digest))
		return;
	secret_token(delivery->place->destination, delivery->object, &item->wanted, token);
	if (strcmp(mark, token) == 0)
		seen->version = item->wanted;
}

void vault_judge(const struct look_item *item, const struct kv_description *description, struct observed *seen)
{
	const char *mark = find_mark(description->custom, KEY_VERSION, description->current);
	char number[NUMBER_SIZE];
	bool recorded;

	/* A number comes again where somebody removed the metadata. */
	seen->revision = mem_printf("%s %" PRIu64, number_text(description->current, number),
		description->written / USEC_PER_SEC);
	tags_see(description->custom, item->delivery, seen);
	recorded = item->revision && strcmp(item->revision, seen->revision) == 0;
	if (stopped(item, description, seen)) {
		seen->state = OBSERVED_FOREIGN;
		return;
	}
	seen->state = OBSERVED_PRESENT;
	seen->changed_at = 0;
	if (mark && !((seen->own || seen->former) && is_token(mark)))
		mark = NULL;
	see_version(item, mark, recorded, seen);
	if (!mark && !recorded && !is_intended(item, description))
		seen->foreign = mem_printf("has a current version that certferry did not write (version %s)", number);
}

/* --- what they are to say --- */

static void append_mark(char ***list, const char *prefix, uint64_t number, const char *value)
{
	char text[NUMBER_SIZE];
	_cleanup_(freep) char *mark =
		mem_printf("%s%s%s%s", prefix, number_text(number, text), value ? "=" : "", value ?: "");

	strv_append(list, mark);
}

char **vault_intent(const struct delivery *delivery, const struct digest *digest, const struct fingerprint *anchor,
	uint64_t number)
{
	char **list = tags_of(delivery, anchor), text[FINGERPRINT_TEXT_SIZE];

	append_mark(&list, KEY_INTENT, number, digest_format(digest, text));
	return list;
}

char **vault_retreat(uint64_t number)
{
	char **list = NULL;

	append_mark(&list, KEY_INTENT, number, NULL);
	return list;
}

/* Those of versions before ${number}, and what was begun. */
static void append_removals(char ***list, char *const *custom, uint64_t number)
{
	STRV_FOREACH (pair, custom) {
		_cleanup_(freep) char *key = mem_strndup(*pair, strcspn(*pair, "="));
		bool version = strncmp(key, KEY_VERSION, strlen(KEY_VERSION)) == 0;
		bool intent = strncmp(key, KEY_INTENT, strlen(KEY_INTENT)) == 0;
		uint64_t of = version || intent ? strtoull(strrchr(key, '-') + 1, NULL, 10) : UINT64_MAX;

		if (of < number)
			strv_append(list, key);
	}
	append_mark(list, KEY_INTENT, number, NULL);
}

char **vault_marks(const struct delivery *delivery, const struct bundle *bundle, uint64_t number, char *const *custom)
{
	struct version version = bundle_version(bundle);
	char token[SECRET_TOKEN_SIZE], text[FINGERPRINT_TEXT_SIZE], end[TIME_TEXT_SIZE];
	_cleanup_(freep) char *fingerprint = mem_printf("fingerprint=%s", digest_format(&version.digest, text));
	_cleanup_(freep) char *not_after = mem_printf("not_after=%s", time_format(version.not_after, end));
	struct fingerprint anchor;
	char **list;

	bundle_anchor(bundle, &anchor);
	list = tags_of(delivery, &anchor);
	secret_token(delivery->place->destination, delivery->object, &version, token);
	append_mark(&list, KEY_VERSION, number, token);
	append_removals(&list, custom, number);
	strv_append(&list, fingerprint);
	strv_append(&list, not_after);
	return list;
}
