/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/secret_foreign.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/destination/secret_body.h"
#include "daemon/destination/tags.h"
#include "lib/base/bounded.h"
#include "lib/base/printable.h"
#include "lib/base/strv.h"

#define READ_POLICY "/usr/share/doc/certferry/iam/destination-secretsmanager-read.json"

/* In bytes, of a list of tags or fields: a sentence has both. */
#define LIST_MOST ((size_t)512)

/* In place of the id of a version where there is none. */
#define NO_VERSION "-"

/* --- whose it is --- */

/* The form of secret_token(): nobody else's tool makes such an id by itself. */
static bool is_token(const char *id)
{
	return strlen(id) == SECRET_TOKEN_SIZE - 1 &&
	       strspn(id, "0123456789abcdef") == SECRET_TOKEN_SIZE - 1;
}

static bool is_recorded(const struct look_item *item, const char *revision)
{
	return item->revision && strcmp(item->revision, revision) == 0;
}

static bool is_ours(const char *current, const struct observed *seen)
{
	return (seen->own || seen->former) && is_token(current);
}

/* --- tags --- */

static char *key_of(const char *tag)
{
	return mem_strndup(tag, strcspn(tag, "="));
}

/* "'owner=payments' becomes 'owner=platform'", ...: those that taking it over changes; or NULL. */
static char *changed_tags(
	const struct delivery *delivery, char *const *tags, const struct observed *seen)
{
	static const struct fingerprint unset;
	_cleanup_(strv_freep) char **wanted = NULL, **changes = NULL;

	if (delivery->wish->adopt != ADOPT_YES || seen->own || seen->former)
		return NULL;
	wanted = tags_of(delivery, &unset);
	STRV_FOREACH (tag, wanted) {
		_cleanup_(freep) char *key = key_of(*tag);
		const char *value = tags_find(tags, key);
		_cleanup_(freep) char *change = NULL;

		if (!value || strcmp(value, *tag + strlen(key) + 1) == 0)
			continue;
		change = printable(mem_printf("'%s=%s' becomes '%s'", key, value, *tag));
		strv_append(&changes, change);
	}
	return changes ? bounded(bounded_join(changes, ""), LIST_MOST) : NULL;
}

/* --- words --- */

bool secret_foreign(const struct look_item *item, const struct sm_description *description,
	const char *current, struct observed *seen)
{
	bool theirs = current && !is_ours(current, seen);
	_cleanup_(freep) char *tags = changed_tags(item->delivery, description->tags, seen);
	struct buf words = BUF_NULL;

	if (is_recorded(item, current ?: NO_VERSION))
		return false; /* it is ours, or was let go */
	if (!theirs && !tags)
		return false;
	if (!seen->revision)
		seen->revision = mem_strdup(NO_VERSION);
	if (theirs)
		buf_printf(&words, "has a current version that certferry did not write ('%.64s')",
			current);
	if (tags)
		buf_printf(&words, "%s%s: tag %s", theirs ? "; and " : "would get ",
			theirs ? "its tags change" : "other tags", tags);
	seen->foreign = printable(buf_take(&words));
	return theirs;
}

/* Those that certferry does not write. */
static char *others_fields(const struct look_item *item, const struct sm_value *value)
{
	const struct desired_destination *destination = item->delivery->place->destination;
	_cleanup_(freep) char **others =
		mem_alloc((strv_length(value->fields) + 1) * sizeof(*others)); /* ends with NULL */
	size_t count = 0;

	STRV_FOREACH (field, value->fields)
		if (!secret_body_has(destination, *field))
			others[count++] = *field;
	return count ? printable(bounded(bounded_join(others, "'"), LIST_MOST)) : NULL;
}

static char *field_words(const struct look_item *item, const struct sm_value *value)
{
	_cleanup_(freep) char *others = NULL;

	if (!value->object)
		return mem_strdup("its value is not a JSON object, and a delivery replaces it");
	others = others_fields(item, value);
	return others ? mem_printf("beside certferry's fields it has %s, and a delivery replaces "
				   "them all",
				others)
		      : mem_strdup("it has no field that certferry does not write, and a delivery "
				   "replaces them all");
}

/* What is denied may be the key that it is encrypted with, which AWS names then. */
static char *unread_words(const struct error *err)
{
	if (err->kind == ERROR_DENIED && !strstr(err->text, "kms:"))
		return mem_strdup("certferry may not read which fields it has "
				  "(secretsmanager:GetSecretValue, see " READ_POLICY
				  "), and a delivery replaces them all");
	return bounded_printf(BOUNDED_TEXT / 2,
		"certferry cannot read which fields it has, and a delivery replaces them all (%s)",
		err->text);
}

/* When what is there ends decides how urgent it is; what it is is not known by that. */
static void see_dates(
	const struct look_item *item, const struct sm_value *value, struct observed *seen)
{
	const char *field = secret_body_certificate(item->delivery->place->destination);
	const char *text = field ? sm_value_text(value, field) : NULL;
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };

	if (!text || certificate_chain_parse(text, strlen(text), &list, NULL) < 0 || !list.count)
		return;
	seen->version.not_before = list.items[0]->not_before;
	seen->version.not_after = list.items[0]->not_after;
}

void secret_foreign_fields(const struct look_item *item, const struct sm_value *value,
	const struct error *err, struct observed *seen)
{
	_cleanup_(freep) char *what = seen->foreign;
	_cleanup_(freep) char *words = value ? field_words(item, value) : unread_words(err);

	seen->foreign = mem_printf("%s; %s", what, words);
	if (value)
		see_dates(item, value, seen);
}
