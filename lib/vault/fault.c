/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statuses and words are those of OpenBao 2.7.2 and Vault 1.21, seen.  The namespace is in the path
 * because a server without namespaces ignores the header X-Vault-Namespace and would do what was asked
 * in the root namespace; of a path that it does not know it says "no handler for route".
 */
#include "lib/vault/fault.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/base/bounded.h"
#include "lib/base/buf.h"
#include "lib/vault/vault.h"

#define WORDS_MOST ((size_t)400)

static const char *const names[TROUBLE_COUNT] = {
	[TROUBLE_OTHER] = "other",
	[TROUBLE_FOREIGN] = "foreign",
	[TROUBLE_DOWN] = "down",
	[TROUBLE_SEALED] = "sealed",
	[TROUBLE_STANDBY] = "standby",
	[TROUBLE_DR_SECONDARY] = "dr-secondary",
	[TROUBLE_PERFORMANCE_STANDBY] = "performance-standby",
	[TROUBLE_BEHIND] = "behind",
	[TROUBLE_THROTTLED] = "throttled",
	[TROUBLE_TOKEN] = "token",
	[TROUBLE_DENIED] = "denied",
	[TROUBLE_LOGIN] = "login",
	[TROUBLE_NOT_RENEWED] = "not-renewed",
	[TROUBLE_NO_MOUNT] = "no-mount",
	[TROUBLE_ABSENT] = "absent",
	[TROUBLE_DELETED] = "deleted",
	[TROUBLE_CHANGED] = "changed",
	[TROUBLE_ENGINE] = "engine",
};

const char *vault_trouble_name(enum vault_trouble trouble)
{
	return trouble < TROUBLE_COUNT ? names[trouble] : "?";
}

/* How each is dealt with. */
static const struct {
	enum fault_class class;
	enum error_kind kind;
	int code;
} terms[TROUBLE_COUNT] = {
	[TROUBLE_OTHER] = { FAULT_FINAL, ERROR_INVALID, 0 },
	[TROUBLE_FOREIGN] = { FAULT_TRANSIENT, ERROR_RETRY, 0 },
	[TROUBLE_DOWN] = { FAULT_TRANSIENT, ERROR_RETRY, 0 },
	/* These last longer than any retry within seconds. */
	[TROUBLE_SEALED] = { FAULT_FINAL, ERROR_RETRY, VAULT_CODE_SEALED },
	[TROUBLE_STANDBY] = { FAULT_FINAL, ERROR_RETRY, 0 },
	[TROUBLE_DR_SECONDARY] = { FAULT_FINAL, ERROR_RETRY, 0 },
	[TROUBLE_PERFORMANCE_STANDBY] = { FAULT_FINAL, ERROR_RETRY, 0 },
	[TROUBLE_BEHIND] = { FAULT_TRANSIENT, ERROR_RETRY, 0 },
	[TROUBLE_THROTTLED] = { FAULT_THROTTLE, ERROR_RETRY, 0 },
	[TROUBLE_TOKEN] = { FAULT_EXPIRED, ERROR_DENIED, 0 },
	[TROUBLE_DENIED] = { FAULT_EXPIRED, ERROR_DENIED, 0 }, /* a policy may have changed since the login */
	[TROUBLE_LOGIN] = { FAULT_FINAL, ERROR_DENIED, 0 },
	[TROUBLE_NOT_RENEWED] = { FAULT_FINAL, ERROR_DENIED, 0 },
	[TROUBLE_NO_MOUNT] = { FAULT_FINAL, ERROR_INVALID, VAULT_CODE_NO_MOUNT },
	[TROUBLE_ABSENT] = { FAULT_FINAL, ERROR_ABSENT, 0 },
	[TROUBLE_DELETED] = { FAULT_FINAL, ERROR_ABSENT, VAULT_CODE_DELETED },
	[TROUBLE_CHANGED] = { FAULT_FINAL, ERROR_CONFLICT, VAULT_CODE_CHANGED },
	[TROUBLE_ENGINE] = { FAULT_FINAL, ERROR_INVALID, VAULT_CODE_KV1 },
};

/* Blanks and what cannot be printed become one space. */
static char *words_of(const json_t *errors)
{
	struct buf text = BUF_NULL;
	const json_t *item;
	size_t index;

	json_array_foreach(errors, index, item)
	{
		const char *word = json_string_value(item) ?: "";

		if (text.length)
			buf_append_string(&text, "; ");
		for (; *word; word++)
			if (iscntrl((unsigned char)*word) || *word == ' ') {
				if (text.length && text.data[text.length - 1] != ' ')
					buf_append_char(&text, ' ');
			} else {
				buf_append_char(&text, *word);
			}
	}
	while (text.length && text.data[text.length - 1] == ' ')
		text.data[--text.length] = '\0';
	return bounded(buf_take(&text), WORDS_MOST);
}

/* What of an answer decides. */
struct reading {
	const struct vault_answer *answer;
	bool json; /* it is an object */
	bool empty; /* nothing at all */
	bool has_version; /* data.metadata: a version is known, without its data */
	bool has_warning;
	char *words; /* of its errors; "" for none */
};

static void read_answer(const struct vault_answer *answer, struct reading *reading)
{
	json_t *json = json_loadb(answer->body ?: "", answer->length, JSON_REJECT_DUPLICATES, NULL);
	const json_t *data = json_object_get(json, "data");

	*reading = (struct reading){
		.answer = answer,
		.json = json_is_object(json),
		.empty = answer->length == 0,
		.has_version = json_is_object(json_object_get(data, "metadata")),
		.has_warning = json_array_size(json_object_get(json, "warnings")) > 0,
		.words = words_of(json_object_get(json, "errors")),
	};
	json_decref(json);
}

static bool says(const struct reading *reading, const char *words)
{
	return strstr(reading->words, words) != NULL;
}

static enum vault_trouble judge_403(const struct reading *reading)
{
	if (says(reading, "preflight capability check"))
		return TROUBLE_NO_MOUNT;
	if (reading->answer->login)
		return TROUBLE_LOGIN;
	if (says(reading, "permission denied") && says(reading, "1 error occurred"))
		return TROUBLE_DENIED;
	return TROUBLE_TOKEN;
}

static enum vault_trouble judge_404(const struct reading *reading)
{
	if (says(reading, "no handler for route") || says(reading, "namespace not found"))
		return TROUBLE_NO_MOUNT;
	if (reading->has_version)
		return TROUBLE_DELETED;
	if (reading->has_warning || says(reading, "unsupported path"))
		return TROUBLE_ENGINE;
	return *reading->words ? TROUBLE_OTHER : TROUBLE_ABSENT;
}

/* A login's refusal is a 400 whatever the reason; that its own back end gives no answer passes. */
static enum vault_trouble judge_login_400(const struct reading *reading)
{
	if (says(reading, "giving up after") || says(reading, "connection refused") || says(reading, "i/o timeout"))
		return TROUBLE_DOWN;
	return TROUBLE_LOGIN;
}

static enum vault_trouble judge_400(const struct reading *reading)
{
	if (says(reading, "check-and-set parameter did not match"))
		return TROUBLE_CHANGED;
	if (says(reading, "token not found") || says(reading, "cannot be renewed"))
		return TROUBLE_NOT_RENEWED;
	return reading->answer->login ? judge_login_400(reading) : TROUBLE_OTHER;
}

static enum vault_trouble judge_500(const struct reading *reading)
{
	if (says(reading, "Vault is sealed") || says(reading, "is sealed") || says(reading, "not initialized"))
		return TROUBLE_SEALED;
	if (says(reading, "failed to renew entry"))
		return TROUBLE_NOT_RENEWED;
	if (says(reading, "standby"))
		return TROUBLE_STANDBY;
	return TROUBLE_DOWN;
}

static enum vault_trouble judge(const struct reading *reading)
{
	long status = reading->answer->status;

	if (status == 307 && reading->answer->location)
		return TROUBLE_STANDBY;
	if (status == 472)
		return TROUBLE_DR_SECONDARY;
	if (status == 473)
		return TROUBLE_PERFORMANCE_STANDBY;
	if (status == 429)
		return TROUBLE_THROTTLED;
	if (status >= 500)
		return judge_500(reading);
	/* All else that is Vault's own is JSON; a PATCH of what is not there has no body. */
	if (status < 400 || (!reading->json && !(status == 404 && reading->empty)))
		return TROUBLE_FOREIGN;
	switch (status) {
	case 400:
		return judge_400(reading);
	case 403:
		return judge_403(reading);
	case 404:
		return judge_404(reading);
	case 405:
		return TROUBLE_ENGINE;
	case 412:
		return TROUBLE_BEHIND;
	default:
		return TROUBLE_OTHER;
	}
}

/* What to do next, behind what is wrong. */
static char *explain(enum vault_trouble trouble, const struct reading *reading)
{
	const struct vault_answer *answer = reading->answer;
	const char *address = answer->address, *words = *reading->words ? reading->words : "no reason given";

	switch (trouble) {
	case TROUBLE_FOREIGN:
		return mem_printf("'%s' gave an answer that is not Vault's (status %ld); is a proxy answering instead, or is "
				  "the address of something else?",
			address, answer->status);
	case TROUBLE_DOWN:
		return mem_printf("'%s' is in trouble (status %ld: %s)", address, answer->status, words);
	case TROUBLE_SEALED:
		return mem_printf("'%s' is sealed and can do nothing; unseal it (vault operator unseal, bao operator unseal)",
			address);
	case TROUBLE_STANDBY:
		return mem_printf("'%s' is a standby and does not forward requests%s%s; use an address that leads to the "
				  "active server",
			address, answer->location ? ", it names " : "", answer->location ?: "");
	case TROUBLE_DR_SECONDARY:
		return mem_printf("'%s' is a disaster recovery secondary, which serves nobody; use the address of the primary",
			address);
	case TROUBLE_PERFORMANCE_STANDBY:
		return mem_printf("'%s' is a performance standby that does not forward this request; use an address that "
				  "leads to the active server",
			address);
	case TROUBLE_BEHIND:
		return mem_printf("'%s' has not yet seen what another server of its cluster wrote (412: %s)", address, words);
	case TROUBLE_THROTTLED:
		return mem_printf("'%s' takes no more requests now (429: %s); if this lasts, raise its rate limit quota",
			address, words);
	case TROUBLE_TOKEN:
		return mem_printf("'%s' does not accept the token: it has ended, was revoked or used up (%s); where it comes "
				  "from a file, put a new one there",
			address, words);
	case TROUBLE_DENIED:
		return mem_printf("the policies of the token do not allow it (%s); add what conf/vault has to its policies",
			words);
	case TROUBLE_LOGIN:
		return mem_printf("'%s' refused the login (%ld: %s); see whether the role is there and its credential (a "
				  "secret id, a certificate) has ended or may not be used from this host, and replace it",
			address, answer->status, words);
	case TROUBLE_NOT_RENEWED:
		return mem_printf("'%s' does not renew the token (%ld: %s)", address, answer->status, words);
	case TROUBLE_NO_MOUNT:
		return mem_printf("'%s' has no such mount or namespace, or the token can see nothing of it (%s); check "
				  "both names and the policy",
			address, words);
	case TROUBLE_ABSENT:
		return mem_printf("there is nothing under this name");
	case TROUBLE_DELETED:
		return mem_printf("this version is deleted or destroyed");
	case TROUBLE_CHANGED:
		return mem_printf("somebody wrote another version since it was looked at");
	case TROUBLE_ENGINE:
		return mem_printf("the mount is not a key/value engine of version 2 (%ld: %s); enable one (secrets enable "
				  "-version=2 kv), or upgrade it (kv enable-versioning)",
			answer->status, words);
	default:
		return mem_printf("'%s' refused it (%ld: %s)", address, answer->status, words);
	}
}

void vault_fault_read(const struct vault_answer *answer, struct vault_fault *fault)
{
	struct reading reading;
	enum vault_trouble trouble;

	read_answer(answer, &reading);
	trouble = judge(&reading);
	*fault = (struct vault_fault){
		.trouble = trouble,
		.class = terms[trouble].class,
		.kind = terms[trouble].kind,
		.code = terms[trouble].code,
		.text = bounded(explain(trouble, &reading), BOUNDED_TEXT),
	};
	/* A token that may not see a mount, and a mount that is not there, read the same. */
	if (trouble == TROUBLE_NO_MOUNT && answer->status == 403) {
		fault->kind = ERROR_DENIED;
		fault->class = FAULT_EXPIRED;
	}
	/* What is refused to a token of this moment is refused to the next one, but one that was used up. */
	if (fault->class == FAULT_EXPIRED && answer->fresh && trouble != TROUBLE_TOKEN)
		fault->class = FAULT_FINAL;
	free(reading.words);
}

void vault_fault_done(struct vault_fault *fault)
{
	free(fault->text);
	*fault = (struct vault_fault){ 0 };
}
