/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUS_POLKIT_H
#define DAEMON_BUS_POLKIT_H

/*
 * Asking polkit whether the sender of a message may do something.  It fails closed: no polkit, an
 * error, an answer that makes no sense and none in time are all refusals, but for root, who needs no
 * polkit on this host for anything else either (systemd asks it nothing about root).  What polkit
 * refuses is refused to root too.
 */

#include "lib/base/error.h"

struct polkit_check;
struct sd_bus_message;

/* polkit_check_fn(userdata, err): once, never from inside polkit_check(); ${err} is NULL when the
 * sender may, else says why not, and is borrowed. */
typedef void (*polkit_check_fn)(void *userdata, const struct error *err);

/**
 * polkit_check(message, action, done, userdata):
 * May the sender of ${message} do ${action}?  A person may be asked for a password when the message
 * allows that (ALLOW_INTERACTIVE_AUTHORIZATION); then the answer may take two minutes, else 25
 * seconds.
 */
struct polkit_check *polkit_check(struct sd_bus_message *message, const char *action,
	polkit_check_fn done, void *userdata);

/* polkit_check_cancel(check): no callback after this returns.  NULL is fine; returns NULL. */
struct polkit_check *polkit_check_cancel(struct polkit_check *check);

DEFINE_CLEANUP(struct polkit_check *, polkit_check_cancel);

#endif
