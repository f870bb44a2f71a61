/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INSTALL_CONFINE_H
#define DAEMON_INSTALL_CONFINE_H

#include "lib/base/error.h"

/**
 * confine(directory, err):
 * From here on this process reads no file, writes below the open ${directory} alone, and makes no
 * set-user-ID or set-group-ID file there: what it has read is about to be parsed, and a mistake in
 * a parser must not be worth root.  The former is Landlock's, and left out where the kernel has
 * none (before 5.13, or not enabled); the latter is seccomp's, as RestrictSUIDSGID= has it, which
 * takes openat2(2) away too early.
 */
int confine(int directory, struct error *err);

#endif
