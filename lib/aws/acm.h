/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_ACM_H
#define LIB_AWS_ACM_H

/*
 * AWS Certificate Manager, API version 2015-12-08: the operations in use, typed.  Errors are those
 * of aws_done_fn (lib/aws/aws.h), wrapped with the operation's name already.  Every operation gives a
 * handle for acm_cancel(); completions come exactly once and never from inside the call that starts.
 */

#include "lib/aws/acm_types.h"
#include "lib/aws/aws.h"
#include "lib/aws/room.h"

struct acm_operation;
struct secret;

/* acm_page_fn(userdata, items, count): one page; the items may be emptied by taking their members. */
typedef void (*acm_page_fn)(void *userdata, struct acm_summary *items, size_t count);

/* acm_done_fn(userdata, err): the end; ${err} is NULL on success. */
typedef void (*acm_done_fn)(void *userdata, const struct error *err);

/**
 * acm_list(session, region, scope, on_page, on_done, userdata):
 * ListCertificates, all pages, 1000 each, all seven key types asked for (the default hides most),
 * every status, of ${scope}.  A token that comes twice, or more than 256 pages, end with ERROR_RETRY (an
 * endless listing).  An endpoint that does not know the filters of ACM_SCOPE_ORIGINS and ACM_SCOPE_N2
 * overlooks them, or ends with ERROR_INVALID.
 */
struct acm_operation *acm_list(struct aws_session *session, const char *region,
	enum acm_scope scope, acm_page_fn on_page, acm_done_fn on_done, void *userdata);

/* acm_bound(operation, room): right after a listing was started: each page has to fit into ${room} with what was put
 * there of those before, or it ends with ERROR_RETRY and AWS_CODE_NO_ROOM.  Borrowed until the end. */
void acm_bound(struct acm_operation *operation, struct room *room);

/**
 * acm_search(session, region, since, on_page, on_done, userdata):
 * SearchCertificates with NotBefore at or after ${since}, all pages, 500 each.  ERROR_DENIED or
 * AWS_CODE_UNKNOWN_OPERATION: the caller falls back to acm_list().
 */
struct acm_operation *acm_search(struct aws_session *session, const char *region, usec_t since,
	acm_page_fn on_page, acm_done_fn on_done, void *userdata);

/* acm_get_fn(userdata, leaf, chain, err): PEM texts as received (${chain} may be ""), borrowed; NULL with ${err}. */
typedef void (*acm_get_fn)(void *userdata, const char *leaf, const char *chain, const struct error *err);

/* acm_get(...): GetCertificate. */
struct acm_operation *acm_get(struct aws_session *session, const char *region, const char *arn,
	acm_get_fn on_done, void *userdata);

/* acm_export_fn: as acm_get_fn, with the encrypted PKCS#8 key. */
typedef void (*acm_export_fn)(void *userdata, const char *leaf, const char *chain, const char *key,
	const struct error *err);

/**
 * acm_export(session, region, arn, passphrase, on_done, userdata):
 * ExportCertificate.  ${passphrase} is borrowed until this returns.  The refusals right after a renewal
 * are retried for a quarter of a minute and then ERROR_RETRY with AWS_CODE_NOT_YET.
 */
struct acm_operation *acm_export(struct aws_session *session, const char *region, const char *arn,
	const struct secret *passphrase, acm_export_fn on_done, void *userdata);

/* acm_import_fn(userdata, arn, err): the ARN written to, borrowed. */
typedef void (*acm_import_fn)(void *userdata, const char *arn, const struct error *err);

/**
 * acm_import(session, region, import, on_done, userdata):
 * ImportCertificate; ${import} is borrowed until this returns.  A new import is never repeated when it
 * is not known whether it arrived: ERROR_RETRY with AWS_CODE_AMBIGUOUS.  Over an ARN it is harmless
 * and retried.  The body lives in the secure heap: ERROR_RETRY through ${on_done} when that is full.
 */
struct acm_operation *acm_import(struct aws_session *session, const char *region,
	const struct acm_import *import, acm_import_fn on_done, void *userdata);

/* acm_tags_fn(userdata, tags, err): "KEY=VALUE" strings, NULL-terminated, borrowed (NULL: none). */
typedef void (*acm_tags_fn)(void *userdata, char *const *tags, const struct error *err);

/* acm_tags(...): ListTagsForCertificate. */
struct acm_operation *acm_tags(struct aws_session *session, const char *region, const char *arn,
	acm_tags_fn on_done, void *userdata);

/* acm_add_tags(...): AddTagsToCertificate, "KEY=VALUE", beside those that it has or in place of those with the same key. */
struct acm_operation *acm_add_tags(struct aws_session *session, const char *region, const char *arn,
	char *const *tags, acm_done_fn on_done, void *userdata);

typedef void (*acm_describe_fn)(void *userdata, const struct acm_description *description,
	const struct error *err);

/* acm_describe(...): DescribeCertificate; the description is borrowed. */
struct acm_operation *acm_describe(struct aws_session *session, const char *region, const char *arn,
	acm_describe_fn on_done, void *userdata);

/* acm_cancel(operation): no callback after this returns; does not undo what was sent.  NULL is fine; returns NULL. */
struct acm_operation *acm_cancel(struct acm_operation *operation);

#endif
