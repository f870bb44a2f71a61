/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_LOOP_H
#define LIB_HTTP_LOOP_H

/*
 * libcurl's multi interface on sd-event (libcurl-multi(3), "MULTI_SOCKET").  What libcurl calls
 * only arms event sources; the ends of transfers are told when it has returned, so whoever is told
 * may add and remove transfers, its own included.
 */

#include <curl/curl.h>

#include "lib/base/mem.h"

struct loop;
struct sd_event;

/* loop_done_fn(userdata, easy, result): ${easy} has ended and is no longer in the loop. */
typedef void (*loop_done_fn)(void *userdata, CURL *easy, CURLcode result);

/* loop_new(event, done, userdata): a loop on ${event} with a pool of kept-alive connections. */
struct loop *loop_new(struct sd_event *event, loop_done_fn done, void *userdata);

/* loop_add(loop, easy): start the transfer; it ends in ${done}, never from inside this call. */
void loop_add(struct loop *loop, CURL *easy);

/* loop_remove(loop, easy): forget an unfinished transfer; no ${done} for it after this. */
void loop_remove(struct loop *loop, CURL *easy);

/* loop_opened(loop, fd), loop_closing(loop, fd): libcurl has a new socket for a connection, and is about to close it. */
void loop_opened(struct loop *loop, int fd);
void loop_closing(struct loop *loop, int fd);

/* loop_close_connections(loop): close those that are kept alive; no transfer may be left. */
void loop_close_connections(struct loop *loop);

/* loop_free(loop): close all connections; no transfer may be left.  Returns NULL. */
struct loop *loop_free(struct loop *loop);

DEFINE_CLEANUP(struct loop *, loop_free);

#endif
