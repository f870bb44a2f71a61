/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FAILED_SETTINGS_H
#define DAEMON_FAILED_SETTINGS_H

/*
 * failed.conf: whom to tell.  Lines of KEY=VALUE; empty ones and those that begin with '#' say nothing.  An HTTPS URL is
 * often all that it takes to post somewhere: no message of these functions repeats a value.
 */

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/error.h"

#define SETTINGS_MAX ((size_t)16 << 10)

enum {
	SETTINGS_EACH_MAX = 8, /* addresses of mail, and URLs */
};

struct settings {
	char **mail;   /* addresses of mail, fit for the line To: */
	char **url;    /* they begin with https:// */
	char *ca_file; /* an absolute path, or NULL for the system's authorities */
};

/* settings_parse(text, settings, err): ERROR_INVALID names the line. */
int settings_parse(const char *text, struct settings *ret_settings, struct error *err);

/**
 * settings_read(path, owner, settings, err):
 * The same of a file, which only ${owner} may read: a regular file of that user's, with mode 0600 or 0400, in directories
 * where no others could replace it; otherwise ERROR_DENIED with the command that sets it right.  No file: nothing is set,
 * which is no error.
 */
int settings_read(const char *path, uid_t owner, struct settings *ret_settings, struct error *err);

/* settings_done(settings): release it.  For _cleanup_(settings_done). */
void settings_done(struct settings *settings);

#endif
