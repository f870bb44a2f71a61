/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_TAGGING_H
#define LIB_AWS_TAGGING_H

/* Resource Groups Tagging API, version 2017-01-26: finding resources by tag.  As in lib/aws/acm.h.
 * What it says lags behind changes and may list what is gone: confirm before relying on it. */

#include "lib/aws/aws.h"

struct tagging_operation;

/* tagging_item_fn(userdata, arn, tags): one resource; "KEY=VALUE" strings, borrowed. */
typedef void (*tagging_item_fn)(void *userdata, const char *arn, char *const *tags);
typedef void (*tagging_done_fn)(void *userdata, const struct error *err);

/* tagging_find(session, region, resource_type, key, on_item, on_done, userdata): GetResources, all pages
 * of 100: resources of ${resource_type} ("acm:certificate") that carry the tag ${key}. */
struct tagging_operation *tagging_find(struct aws_session *session, const char *region,
	const char *resource_type, const char *key, tagging_item_fn on_item, tagging_done_fn on_done,
	void *userdata);

/* tagging_bound(operation, room): as acm_bound(). */
struct room;
void tagging_bound(struct tagging_operation *operation, struct room *room);

/* tagging_cancel(operation): as acm_cancel(). */
struct tagging_operation *tagging_cancel(struct tagging_operation *operation);

#endif
