/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_FORMAT_H
#define DAEMON_CONFIG_FORMAT_H

/*
 * What a text may look like.  Each format is one pattern that is a POSIX extended regular
 * expression and an ECMAScript one alike, so that the daemon and the JSON Schema judge by the
 * same words; what a pattern cannot say is a function beside it.
 */

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/time.h"

enum format {
	FORMAT_ANY, /* printable text */
	FORMAT_NAME,
	FORMAT_ACCOUNT,
	FORMAT_REGION,
	FORMAT_PROFILE,
	FORMAT_ROLE_ARN,
	FORMAT_EXTERNAL_ID,
	FORMAT_EXTERNAL_IDS, /* the same with placeholders */
	FORMAT_SESSION_NAME,
	FORMAT_TAG_KEY,
	FORMAT_TAG_VALUE,
	FORMAT_URL,
	FORMAT_QUEUE_URL,
	FORMAT_PATH,
	FORMAT_CERTIFICATE_ARN,
	FORMAT_IMPORT_ARN, /* the same with placeholders */
	FORMAT_DOMAIN,
	FORMAT_SUBJECT, /* what a certificate can be for: a name of any kind of lib/pki/name.h */
	FORMAT_DELIVERY,
	FORMAT_OBJECT,
	FORMAT_KMS_KEY,
	FORMAT_FIELD,
	FORMAT_GROUP,
	FORMAT_UNIT,
	FORMAT_HOST,
	FORMAT_HOST_PORT,
	FORMAT_VAULT_ADDRESS,
	FORMAT_VAULT_PATH,
	FORMAT_CREDENTIAL,
	FORMAT_COUNT_,
};

enum placeholder {
	PLACEHOLDER_ACCOUNT = 1 << 0,
	PLACEHOLDER_REGION = 1 << 1,
	PLACEHOLDER_CERTIFICATE = 1 << 2,
	PLACEHOLDER_DOMAIN = 1 << 3,
};
#define PLACEHOLDERS_ALL 15u

struct format_description {
	const char *what; /* "an account id" */
	const char *right; /* "write its 12 digits" */
	const char *pattern; /* NULL: any printable text */
	unsigned min, max; /* length in bytes */
	/* NULL, or what else is wrong with a text of the pattern: "what; what would be right" */
	const char *(*check)(const char *text);
	bool lower; /* case means nothing: kept in lower case */
	bool quiet; /* never shown in messages */
};

/* Patterns are compiled when first used; this is where they are kept. */
struct format_cache {
	regex_t compiled[FORMAT_COUNT_];
	bool ready[FORMAT_COUNT_];
};

/* format_describe(format): its name and pattern; static. */
const struct format_description *format_describe(enum format format);

/**
 * format_check(cache, format, placeholders, text):
 * What is wrong with ${text}, "what; what would be right", which the caller owns; or NULL.
 * ${placeholders} are those that it may hold, 0 where braces mean nothing.
 */
char *format_check(
	struct format_cache *cache, enum format format, unsigned placeholders, const char *text);

/* format_normal(format, text): as it is kept (case, slashes of paths); the caller owns it. */
char *format_normal(enum format format, const char *text);

/**
 * format_duration(text, ret), format_integer(text, ret):
 * "90s", "15m", "6h", "40d"; "25".  NULL, or what is wrong, which the caller owns.
 */
char *format_duration(const char *text, usec_t *ret);
char *format_integer(const char *text, unsigned *ret);

/* format_rate(text, ret): "1", "0.5", at most three decimals; ${ret} is in thousandths.  As above. */
char *format_rate(const char *text, uint64_t *ret);

/* format_placeholders(text): enum placeholder of those that occur in ${text}. */
unsigned format_placeholders(const char *text);

/* format_partition(region): what begins the ARNs of ${region}: "aws", "aws-cn", ... */
const char *format_partition(const char *region);

void format_cache_done(struct format_cache *cache);

#endif
