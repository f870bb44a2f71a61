/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/transfer/carry_text.h"

#include <stdlib.h>

#include "lib/base/bounded.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

char *carry_gone_text(const char *object)
{
	return mem_printf(
		"'%s' does not exist any more; whatever used it has no certificate or another one. "
		"Set recreate: true to import it again, or name another import with arn:",
		object);
}

static void put_former(struct buf *text, const struct observed *former)
{
	char end[TIME_TEXT_SIZE];

	buf_printf(text,
		"; '%s' is in place from the source certificate that its entry named before",
		former->object_id ?: "its object");
	if (former->version.not_after)
		buf_printf(text, ", expires %s", time_format(former->version.not_after, end));
	if (former->users)
		buf_printf(text, " and is %s", former->users);
}

char *carry_former_text(const char *why, const struct observed *former)
{
	struct buf text = BUF_NULL;

	buf_append_string(&text, why);
	put_former(&text, former);
	buf_append_string(&text, ". To import the new one beside it, set another name with as:, "
				 "and let what uses the former one use "
				 "the new one; or name an import with arn:");
	return bounded(buf_take(&text), BOUNDED_TEXT);
}

char *carry_change_text(
	const struct change *change, const char *delivery, const struct observed *former)
{
	static const struct {
		enum accept accept;
		const char *name;
	} words[] = {
		{ ACCEPT_NAMES, "names" },
		{ ACCEPT_CLIENT_AUTH, "client-auth" },
		{ ACCEPT_ISSUER, "issuer" },
	};
	_cleanup_(strv_freep) char **accept = NULL;
	_cleanup_(freep) char *list = NULL;
	struct buf text = BUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (change->lost & words[i].accept)
			strv_append(&accept, words[i].name);
	buf_append_string(&text, change->text);
	if (former)
		put_former(&text, former);
	buf_printf(&text, "; if that is right, run 'certferry approve %s' for this certificate",
		delivery);
	if (accept && !(change->lost & (CHANGE_KEY | CHANGE_UNKNOWN))) {
		list = strv_join(accept, ", ");
		buf_printf(&text, ", or set accept: [%s] for this and all later ones", list);
	}
	return bounded(buf_take(&text), BOUNDED_TEXT);
}

int carry_newer_error(const char *object, const struct version *there, const struct version *here,
	struct error *err)
{
	char there_text[TIME_TEXT_SIZE], here_text[TIME_TEXT_SIZE];

	return error_set(err, ERROR_CONFLICT, 0,
		"certificate at '%s' is newer (valid from %s) than the source's (valid from %s); "
		"certferry "
		"never replaces a certificate with an older one of the same source certificate. "
		"Renew that one, "
		"or point the entry at another one",
		object, time_format(there->not_before, there_text),
		time_format(here->not_before, here_text));
}

int carry_readback_error(const char *object, const struct observed *seen, struct error *err)
{
	if (seen->error.kind == ERROR_NONE)
		return error_set(err, ERROR_RETRY, 0,
			"wrote '%s', but it does not show the renewed certificate yet; certferry "
			"checks it again",
			object);
	error_copy(err, &seen->error);
	return error_wrap(err, "wrote '%s', but failed to read it back", object);
}
