/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/fault.h"

#include <fnmatch.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/aws.h"
#include "lib/aws/xml.h"

#define NAME_MAX_BYTES    128
#define MESSAGE_MAX_BYTES 512
#define BODY_MAX_BYTES    65536 /* no refusal of AWS's is longer */

#define WRONG_SECRET "the secret access key does not belong to the access key id"
#define NO_KEY                                                                                     \
	"there is no such access key id in this partition, or it was deleted or switched off, or " \
	"the account has not enabled this region"

/* Code 0 stands for the HTTP status. */
struct meaning {
	enum fault_class class;
	enum error_kind kind;
	int code;
};

/* The first row that matches counts.  Patterns are fnmatch(3)'s; message is a part, of any
 * case. */
static const struct {
	const char *name;
	const char *operation;
	const char *message;
	struct meaning meaning;
} meanings[] = {
	/* Too fast.  None of this was executed. */
	{ "*Throttl*", NULL, NULL, { FAULT_THROTTLE, ERROR_RETRY, 0 } },
	{ "TooManyRequests*", NULL, NULL, { FAULT_THROTTLE, ERROR_RETRY, 0 } },
	{ "RequestLimitExceeded", NULL, NULL, { FAULT_THROTTLE, ERROR_RETRY, 0 } },
	{ "BandwidthLimitExceeded", NULL, NULL, { FAULT_THROTTLE, ERROR_RETRY, 0 } },
	{ "ProvisionedThroughputExceededException", NULL, NULL,
		{ FAULT_THROTTLE, ERROR_RETRY, 0 } },
	{ "TransactionInProgressException", NULL, NULL, { FAULT_THROTTLE, ERROR_RETRY, 0 } },
	{ "PriorRequestNotComplete", NULL, NULL, { FAULT_THROTTLE, ERROR_RETRY, 0 } },
	{ "SlowDown", NULL, NULL, { FAULT_THROTTLE, ERROR_RETRY, 0 } },
	{ "KmsThrottled", NULL, NULL, { FAULT_THROTTLE, ERROR_RETRY, 0 } },

	/* Used up: ACM's certificates or imports a year, Secrets Manager's secrets.  Although the
	 * SDKs take LimitExceededException for a throttle, a retry only uses up more. */
	{ "LimitExceeded*", NULL, NULL, { FAULT_FINAL, ERROR_QUOTA, 0 } },
	{ "ServiceQuotaExceeded*", NULL, NULL, { FAULT_FINAL, ERROR_QUOTA, 0 } },

	/* Time. */
	{ "InvalidSignatureException", NULL, "signature expired", { FAULT_SKEW, ERROR_RETRY, 0 } },
	{ "InvalidSignatureException", NULL, "not yet current", { FAULT_SKEW, ERROR_RETRY, 0 } },
	{ "SignatureDoesNotMatch", NULL, "signature expired", { FAULT_SKEW, ERROR_RETRY, 0 } },
	{ "SignatureDoesNotMatch", NULL, "not yet current", { FAULT_SKEW, ERROR_RETRY, 0 } },
	{ "RequestExpired", NULL, NULL, { FAULT_SKEW, ERROR_RETRY, 0 } },
	{ "RequestTimeTooSkewed", NULL, NULL, { FAULT_SKEW, ERROR_RETRY, 0 } },
	{ "RequestInTheFuture", NULL, NULL, { FAULT_SKEW, ERROR_RETRY, 0 } },

	/* Who asks.  A mistyped secret key shows as a signature that does not match. */
	{ "ExpiredToken*", NULL, NULL, { FAULT_EXPIRED, ERROR_DENIED, 0 } },
	{ "InvalidClientTokenId", NULL, NULL, { FAULT_EXPIRED, ERROR_DENIED, 0 } },
	{ "UnrecognizedClient*", NULL, NULL, { FAULT_EXPIRED, ERROR_DENIED, 0 } },
	{ "InvalidToken*", NULL, NULL, { FAULT_EXPIRED, ERROR_DENIED, 0 } },
	{ "InvalidIdentityToken*", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "IDPRejectedClaim*", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "InvalidAccessKeyId", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "InvalidSignatureException", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "SignatureDoesNotMatch", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "AuthFailure", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "IncompleteSignature*", NULL, NULL, { FAULT_FINAL, ERROR_BUG, 0 } },
	{ "MissingAuthenticationToken*", NULL, NULL, { FAULT_FINAL, ERROR_BUG, 0 } },
	{ "*AccessDenied*", NULL, NULL,
		{ FAULT_FINAL, ERROR_DENIED, AWS_CODE_ACCESS_DENIED } },
	{ "AuthorizationError*", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "NotAuthorized*", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "UnauthorizedOperation", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "OptInRequired", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "RegionDisabledException", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "TagPolicyException", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "PublicPolicyException", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "EncryptionFailure", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "DecryptionFailure", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "InvalidSecurity", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },
	{ "KmsOptInRequired", NULL, NULL, { FAULT_FINAL, ERROR_DENIED, 0 } },

	/* Not yet. */
	{ "*", "ExportCertificate", "relation of type EXPORT",
		{ FAULT_NOT_YET, ERROR_RETRY, AWS_CODE_NOT_YET } },
	{ "RequestInProgressException", NULL, NULL,
		{ FAULT_FINAL, ERROR_RETRY, AWS_CODE_NOT_YET } },
	{ "ConflictException", NULL, NULL, { FAULT_BUSY, ERROR_RETRY, 0 } },
	{ "ConcurrentModificationException", NULL, NULL, { FAULT_BUSY, ERROR_RETRY, 0 } },

	/* What is there, or not. */
	{ "*NotFound*", NULL, NULL, { FAULT_FINAL, ERROR_ABSENT, 0 } },
	/* A queue, by its name of today and by the older protocol's. */
	{ "QueueDoesNotExist", NULL, NULL, { FAULT_FINAL, ERROR_ABSENT, 0 } },
	{ "*NonExistentQueue", NULL, NULL, { FAULT_FINAL, ERROR_ABSENT, 0 } },
	{ "ResourceExistsException", NULL, NULL, { FAULT_FINAL, ERROR_CONFLICT, 0 } },
	{ "ResourceInUseException", NULL, NULL, { FAULT_FINAL, ERROR_CONFLICT, 0 } },
	{ "PreconditionNotMetException", NULL, NULL, { FAULT_FINAL, ERROR_CONFLICT, 0 } },
	{ "InvalidRequestException", NULL, "scheduled for deletion",
		{ FAULT_FINAL, ERROR_INVALID, AWS_CODE_PENDING_DELETION } },
	{ "InvalidRequestException", NULL, "marked for deletion",
		{ FAULT_FINAL, ERROR_INVALID, AWS_CODE_PENDING_DELETION } },
	{ "InvalidRequestException", NULL, "marked deleted",
		{ FAULT_FINAL, ERROR_INVALID, AWS_CODE_PENDING_DELETION } },

	/* AWS's own trouble. */
	{ "OverLimit", NULL, NULL, { FAULT_FINAL, ERROR_RETRY, 0 } },
	{ "RequestTimeout*", NULL, NULL, { FAULT_TRANSIENT, ERROR_RETRY, 0 } },
	{ "Internal*", NULL, NULL, { FAULT_TRANSIENT, ERROR_RETRY, 0 } },
	{ "ServiceUnavailable*", NULL, NULL, { FAULT_TRANSIENT, ERROR_RETRY, 0 } },
	{ "ServerException", NULL, NULL, { FAULT_TRANSIENT, ERROR_RETRY, 0 } },
	{ "IDPCommunicationError*", NULL, NULL, { FAULT_TRANSIENT, ERROR_RETRY, 0 } },
};

/* What to do about what AWS says in its own words, which name neither of the two. */
static const struct {
	const char *name;
	const char *message; /* a part of it, or NULL: the code stands for more than a wrong key */
	const char *advice;
} advices[] = {
	{ "SignatureDoesNotMatch", "signature we calculated", WRONG_SECRET },
	{ "InvalidSignatureException", "signature we calculated", WRONG_SECRET },
	{ "InvalidClientTokenId", NULL, NO_KEY },
	{ "UnrecognizedClient*", NULL, NO_KEY },
	{ "InvalidAccessKeyId", NULL, NO_KEY },
};

/* Operations that may be missing from an endpoint without anything being wrong: newer than many an
 * emulator, and with another way to the same end.  Only for these is "unknown" an absence; of any
 * other operation the caller could take it for the absence of the object that was asked about. */
static const char *const optional_operations[] = { "SearchCertificates", "GetResources" };

static struct meaning unknown_operation(const struct fault_answer *answer, enum fault_class class)
{
	struct meaning meaning = { class, ERROR_INVALID, AWS_CODE_UNKNOWN_OPERATION };

	for (size_t i = 0; answer->operation && i < ARRAY_SIZE(optional_operations); i++)
		if (strcmp(answer->operation, optional_operations[i]) == 0)
			meaning.kind = ERROR_ABSENT;
	return meaning;
}

/* No code of AWS's: the status is all there is. */
static struct meaning meaning_of_status(const struct fault_answer *answer)
{
	bool ours = answer->request_id || answer->error_type;

	switch (answer->status) {
	case 401:
	case 403:
	case 407:
		return (struct meaning){ FAULT_FINAL, ERROR_DENIED, 0 };
	case 404:
	case 501:
		return unknown_operation(answer, FAULT_FINAL);
	case 413:
		return (struct meaning){ FAULT_FINAL, ERROR_INVALID, 0 };
	case 429:
		return (struct meaning){ FAULT_THROTTLE, ERROR_RETRY, 0 };
	case 500:
		/* Some emulators say so to an operation that they do not have. */
		if (!ours && unknown_operation(answer, FAULT_TRANSIENT).kind == ERROR_ABSENT)
			return unknown_operation(answer, FAULT_TRANSIENT);
	}
	/* Whoever that was, it says nothing of what was asked. */
	return (struct meaning){ FAULT_TRANSIENT, ERROR_RETRY, 0 };
}

static struct meaning meaning_of_name(const struct fault_answer *answer, const struct fault *fault)
{
	if (strcmp(fault->name, "UnknownOperationException") == 0 || answer->status == 501)
		return unknown_operation(answer, FAULT_FINAL);
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (fnmatch(meanings[i].name, fault->name, 0) == 0 &&
			(!meanings[i].operation ||
				strcmp(meanings[i].operation, answer->operation ?: "") == 0) &&
			(!meanings[i].message || strcasestr(fault->message, meanings[i].message)))
			return meanings[i].meaning;
	if (answer->status == 429)
		return (struct meaning){ FAULT_THROTTLE, ERROR_RETRY, 0 };
	if (answer->status >= 500)
		return (struct meaning){ FAULT_TRANSIENT, ERROR_RETRY, 0 };
	return (struct meaning){ FAULT_FINAL, ERROR_INVALID, 0 };
}

/* AWS's words may echo input: no control characters, and an end, not within a character. */
static char *clean(const char *text, size_t length, size_t limit)
{
	char *copy;

	if (length > limit) {
		length = limit;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	copy = mem_alloc(length + 1);
	memcpy(copy, text, length);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
			copy[i] = ' ';
	return copy;
}

/* "com.amazonaws.sqs#QueueDoesNotExist:http://..." is QueueDoesNotExist. */
static char *bare_name(const char *name)
{
	const char *hash = strrchr(name, '#');
	size_t length;

	if (hash)
		name = hash + 1;
	length = strcspn(name, ":, \r\n\t");
	return clean(name, length, NAME_MAX_BYTES);
}

static void read_json(const json_t *body, struct fault *fault)
{
	const char *name = json_string_value(json_object_get(body, "__type"));
	const char *message = json_string_value(json_object_get(body, "message"));

	if (!name)
		name = json_string_value(json_object_get(body, "code"));
	if (!message)
		message = json_string_value(json_object_get(body, "Message"));
	if (name && !fault->name)
		fault->name = bare_name(name);
	if (message)
		fault->message = clean(message, strlen(message), MESSAGE_MAX_BYTES);
}

static char *xml_text(const struct fault_answer *answer, const char *path, size_t limit)
{
	_cleanup_(freep) char *plain = NULL;
	const char *text;
	size_t length;

	if (xml_find(answer->body, answer->body_length, path, &text, &length) < 0)
		return NULL;
	plain = mem_alloc(length + 1);
	return clean(plain, xml_unescape(text, length, plain), limit);
}

static void read_xml(const struct fault_answer *answer, struct fault *fault)
{
	_cleanup_(freep) char *name = xml_text(answer, "ErrorResponse/Error/Code", NAME_MAX_BYTES);

	if (!name)
		return;
	if (!fault->name)
		fault->name = bare_name(name);
	fault->message = xml_text(answer, "ErrorResponse/Error/Message", MESSAGE_MAX_BYTES);
	if (!fault->request_id)
		fault->request_id = xml_text(answer, "ErrorResponse/RequestId", NAME_MAX_BYTES);
}

/* What AWS would have signed, line by line: of use to whoever writes a client only, and longer than all the rest. */
static void cut_canonical_string(char *message)
{
	char *dump = strstr(message, "The Canonical String for this request");

	while (dump && dump > message && dump[-1] == ' ')
		dump--;
	if (dump)
		*dump = '\0';
}

static void read_body(const struct fault_answer *answer, struct fault *fault)
{
	json_t *body;

	if (!answer->body || answer->body_length > BODY_MAX_BYTES)
		return;
	body = json_loadb(answer->body, answer->body_length, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(body))
		read_json(body, fault);
	else
		read_xml(answer, fault);
	json_decref(body);
}

void fault_read(const struct fault_answer *answer, struct fault *fault)
{
	struct meaning meaning;

	*fault = FAULT_NULL;
	if (answer->error_type && *answer->error_type)
		fault->name = bare_name(answer->error_type);
	if (answer->request_id)
		fault->request_id = clean(
			answer->request_id, strlen(answer->request_id), NAME_MAX_BYTES);
	read_body(answer, fault);
	if (!fault->message)
		fault->message = mem_strdup("");
	cut_canonical_string(fault->message);
	if (fault->name && *fault->name) {
		meaning = meaning_of_name(answer, fault);
	} else {
		meaning = meaning_of_status(answer);
		fault->foreign = true;
		free(fault->name);
		fault->name = mem_printf("HTTP %ld", answer->status);
	}
	fault->class = meaning.class;
	fault->kind = meaning.kind;
	fault->code = meaning.code ?: (int)answer->status;
}

static const char *advice(const struct fault *fault)
{
	for (size_t i = 0; fault->kind == ERROR_DENIED && i < ARRAY_SIZE(advices); i++)
		if (fnmatch(advices[i].name, fault->name, 0) == 0 &&
			(!advices[i].message || strcasestr(fault->message, advices[i].message)))
			return advices[i].advice;
	return "";
}

int fault_error(const struct fault *fault, const char *operation, struct error *err)
{
	const char *message = fault->message, *what_to_do = advice(fault);

	if (fault->code == AWS_CODE_UNKNOWN_OPERATION && !*message)
		message = "this endpoint does not know the operation";
	else if (!*message && fault->foreign && fault->code / 100 == 3)
		message = "a redirect, and signed requests follow none: is a proxy or portal in "
			  "between, or the endpoint's URL wrong?";
	else if (!*message && strncmp(fault->name, "HTTP ", 5) == 0)
		message = "response has no error code of AWS; is a proxy answering instead of AWS?";
	return error_set(err, fault->kind, fault->code, "%s: %s%s%s%s%s%s%s%s", operation, fault->name,
		*message ? ": " : "", message, fault->request_id ? " (request id " : "",
		fault->request_id ?: "", fault->request_id ? ")" : "", *what_to_do ? "; " : "", what_to_do);
}

void fault_done(struct fault *fault)
{
	free(fault->name);
	free(fault->message);
	free(fault->request_id);
	*fault = FAULT_NULL;
}
