/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/event.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

#define SHOWN_MAX    64 /* characters of the sender's in a message of ours */
#define RESOURCES_MAX 10 /* ACM names one */

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

static const struct {
	const char *type;
	enum event_asks asks;
} types[] = {
	{ "ACM Certificate Available", EVENT_ASKS_LOOK },
	{ "ACM Certificate Rotated", EVENT_ASKS_LOOK },
	{ "ACM Certificate Expired", EVENT_ASKS_SWEEP },
	{ "ACM Certificate Revoked", EVENT_ASKS_SWEEP },
	{ "ACM Certificate Revoked By CA", EVENT_ASKS_SWEEP },
	{ "ACM Certificate Approaching Expiration", EVENT_ASKS_NOTHING },
	{ "ACM Certificate Renewal Action Required", EVENT_ASKS_NOTHING },
};

/* Of what a stranger wrote, what may stand in a log: a part, and no character that means something there. */
static char *shown(const char *text)
{
	char *copy = mem_strndup(text, strnlen(text, SHOWN_MAX));

	for (char *c = copy; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '\'')
			*c = '?';
	return copy;
}

static int refuse(struct error *err, const char *what, const char *text)
{
	_cleanup_(freep) char *part = text ? shown(text) : NULL;

	if (!part)
		return error_set(err, ERROR_INVALID, 0, "%s", what);
	return error_set(err, ERROR_INVALID, 0, "%s '%s'", what, part);
}

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name)) ?: "";
}

static bool is_of(const char *text, const char *characters)
{
	return *text && strspn(text, characters) == strlen(text);
}

/* An import at the source changes nothing that is carried: ACM exports only what it issued. */
static enum event_asks asks_available(const json_t *detail)
{
	const char *action = text_of(detail, "Action");

	return strcmp(action, "IMPORT") == 0 || strcmp(action, "REIMPORT") == 0 ? EVENT_ASKS_NOTHING
										: EVENT_ASKS_LOOK;
}

static int read_type(const json_t *root, struct event *event, struct error *err)
{
	const json_t *detail = json_object_get(root, "detail");
	const char *type = text_of(root, "detail-type");

	if (strcmp(text_of(root, "source"), "aws.acm") != 0)
		return refuse(err, "it is not an ACM event: its source is", text_of(root, "source"));
	if (!json_is_object(detail))
		return refuse(err, "it has no detail", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].type, type) != 0)
			continue;
		event->asks = i == 0 ? asks_available(detail) : types[i].asks;
		event->type = mem_strdup(type);
		(void)time_parse_iso(text_of(detail, "CertificateExpirationDate"), &event->not_after);
		return 0;
	}
	return refuse(err, "ACM documents no event called", type);
}

static int read_id(const json_t *root, struct event *event, struct error *err)
{
	const char *id = text_of(root, "id");

	if (strlen(id) >= sizeof(event->id) || !is_of(id, LETTERS DIGITS "-"))
		return refuse(err, "its id is not one of EventBridge's:", id);
	memcpy(event->id, id, strlen(id) + 1);
	return 0;
}

static int read_origin(const json_t *root, const struct event_origin *origin, struct error *err)
{
	const char *account = text_of(root, "account"), *region = text_of(root, "region");

	if (strlen(account) != 12 || !is_of(account, DIGITS))
		return refuse(err, "its account is not an account id:", account);
	if (origin->account && strcmp(origin->account, account) != 0)
		return refuse(err, "it is not from the source's account but from", account);
	if (!strv_has(origin->regions, region))
		return refuse(err, "it is not from a region of the source but from", region);
	return 0;
}

/* arn:PARTITION:acm:REGION:ACCOUNT:certificate/ID, of the event's own region and account. */
static bool is_certificate(const json_t *root, const char *arn)
{
	_cleanup_(freep) char *middle = mem_printf(
		":acm:%s:%s:certificate/", text_of(root, "region"), text_of(root, "account"));
	size_t partition = strncmp(arn, "arn:", 4) == 0 ? strcspn(arn + 4, ":") : 0;
	const char *rest = arn + 4 + partition;

	return strncmp(arn, "arn:aws", 7) == 0 && strlen(arn) <= 256 &&
	       strncmp(rest, middle, strlen(middle)) == 0 &&
	       is_of(rest + strlen(middle), LETTERS DIGITS "-");
}

static int read_resources(const json_t *root, struct event *event, struct error *err)
{
	const json_t *list = json_object_get(root, "resources"), *item;
	size_t i;

	if (json_array_size(list) < 1 || json_array_size(list) > RESOURCES_MAX)
		return refuse(err, "it names no certificates, or too many", NULL);
	json_array_foreach(list, i, item)
	{
		const char *arn = json_string_value(item) ?: "";

		if (!is_certificate(root, arn))
			return refuse(err, "it is not about a certificate of its own account and region:", arn);
		strv_append(&event->arns, arn);
	}
	return 0;
}

static int read_event(const json_t *root, const struct event_origin *origin, struct event *event,
	struct error *err)
{
	int r = 0;

	if (!json_is_object(root))
		r = refuse(err, "it is not a JSON object", NULL);
	if (r == 0)
		r = read_type(root, event, err);
	if (r == 0)
		r = read_id(root, event, err);
	if (r == 0)
		r = read_origin(root, origin, err);
	if (r == 0)
		r = read_resources(root, event, err);
	return r;
}

int event_parse(const char *body, size_t length, const struct event_origin *origin, struct event *ret_event,
	struct error *err)
{
	_cleanup_(event_done) struct event event = EVENT_NULL;
	json_t *root;
	int r;

	if (length > EVENT_LENGTH_MAX)
		return error_set(err, ERROR_INVALID, 0, "it has %zu bytes, more than any ACM event", length);
	root = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
	r = read_event(root, origin, &event, err);
	json_decref(root);
	if (r < 0)
		return r;
	*ret_event = event;
	event = EVENT_NULL;
	return 0;
}

void event_done(struct event *event)
{
	free(event->type);
	strv_free(event->arns);
	*event = EVENT_NULL;
}
