/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FAILED_POST_H
#define DAEMON_FAILED_POST_H

/* A message, posted to an HTTPS URL. */

#include "lib/base/error.h"

struct http;
struct sd_event;

/**
 * post_send(event, http, url, json, err):
 * POST ${json} to ${url} and wait until it was taken (any status from 200 to 299).  What can pass (no connection, the
 * statuses 429 and 500 to 599) is tried three times within a minute: ERROR_RETRY; other statuses, redirects among them,
 * are ERROR_DENIED.  The words name scheme and host of the URL alone.
 */
int post_send(struct sd_event *event, struct http *http, const char *url, const char *json, struct error *err);

/* post_origin(url): scheme, host and port, which may be shown.  The caller owns it. */
char *post_origin(const char *url);

#endif
