/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INSTALL_INSTANCE_H
#define DAEMON_INSTALL_INSTANCE_H

/*
 * What an instance of certferry-install@.service installs: /etc/certferry/install/NAME.conf, lines
 * of KEY=VALUE, which root alone decides.  Every key must be there once; empty lines and those that
 * begin with '#' say nothing.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"

#define INSTANCE_FILE_MAX ((size_t)16 << 10)

struct instance {
	char *directory; /* DIRECTORY of the file destination: absolute */
	char *object; /* AS of the delivery, below it; no step is empty or begins with a dot */
	char *target; /* the directory to install into: absolute */
	uid_t owner; /* of the installed files */
	gid_t group;
	mode_t mode;
};

/* instance_name_is_valid(name): letters, digits, '_', '.' and '-', not first a '.', 64 at most. */
bool instance_name_is_valid(const char *name);

/* instance_parse(text, instance, err): ERROR_INVALID names the line, or the key that is missing. */
int instance_parse(const char *text, struct instance *ret_instance, struct error *err);

/**
 * instance_read(path, instance, err):
 * The same of a file.  ERROR_DENIED, with the command that helps, where others than root (or, of a
 * process that is not root's, its user) could change it or put another one in its place.
 */
int instance_read(const char *path, struct instance *ret_instance, struct error *err);

/* instance_done(instance): release it.  For _cleanup_(instance_done). */
void instance_done(struct instance *instance);

#endif
