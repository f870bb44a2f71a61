/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OS_PATH_H
#define LIB_OS_PATH_H

/*
 * Files and directories that are used only if others cannot change them.  Each directory on the way
 * is opened from the one before it and judged by that descriptor, links included, and what comes of
 * it is a descriptor again: whoever goes on with it uses what was judged.  A name that has been
 * judged so leads to the same object until root or this process's user makes it lead elsewhere.
 */

#include <stdbool.h>

#include "lib/base/error.h"

struct stat;

/* Who may be able to change a file, or put another into a directory. */
enum path_trust {
	PATH_OURS, /* root, root's group and this process's user */
	PATH_OUR_GROUP, /* they and this process's group */
	PATH_NOT_EVERYBODY, /* any owner and group: for files that belong to other programs too */
};

/* path_is_safe(status, trust): can nobody but those of ${trust} change what ${status} describes? */
bool path_is_safe(const struct stat *status, enum path_trust trust);

/**
 * path_open(directory, shown, path, flags, trust, fd, err):
 * Open ${path} with ${flags} of open(2) (not O_CREAT; O_CLOEXEC is added), from the open ${directory}
 * unless it begins with a slash; ${shown} is that directory's name for messages (AT_FDCWD and "" for
 * the working directory).  ERROR_DENIED with the code 0, the directory and the command that helps in
 * its words: others than those of ${trust} could rename what lies on the way, or the last of it, or make what is not there.
 * Anything else is open(2)'s errno.  A sticky directory (/tmp) may be everybody's, where what is on
 * the way in it belongs to root or this process's user.  What is opened itself is not judged, not
 * even its owner: the caller does it by the descriptor.
 */
int path_open(int directory, const char *shown, const char *path, int flags, enum path_trust trust, int *ret_fd,
	struct error *err);

/**
 * path_open_trusted(path, flags, trust, fd, err):
 * path_open() from the working directory, and what is opened is judged, too: ERROR_DENIED with the command that helps.
 * With PATH_NOT_EVERYBODY only regular files are.
 */
int path_open_trusted(const char *path, int flags, enum path_trust trust, int *ret_fd, struct error *err);

#endif
