/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INSTALL_PAIR_H
#define DAEMON_INSTALL_PAIR_H

/*
 * The certificate and the key that a file destination shows (layout nginx), read from where the
 * daemon's user can write: whatever lies there is taken for an attack until it is found to be what
 * certferryd makes.
 */

#include "daemon/install/instance.h"
#include "lib/base/buf.h"
#include "lib/base/time.h"
#include "lib/pki/secret.h"

#define PAIR_CERTIFICATES "fullchain.pem"
#define PAIR_KEY          "privkey.pem"
#define PAIR_FILE_MAX     ((size_t)1 << 20)
#define PAIR_VERSION_SIZE 17 /* the first 16 hex digits of the leaf's fingerprint, and NUL */

struct pair {
	char version[PAIR_VERSION_SIZE];
	struct buf certificates; /* the leaf with its chain, PEM */
	struct secret *key; /* PEM */
	usec_t not_after; /* of the leaf, once it was judged */
};

#define PAIR_NULL ((struct pair){ .certificates = BUF_NULL })

/**
 * pair_read(instance, pair, err):
 * ${pair} is PAIR_NULL before; release it with pair_done().  Nothing of it is parsed.  The link
 * ..data is read, never followed; what it says must be ../ (as often as AS has steps) .versions/AS/
 * and a version.  That version is opened below DIRECTORY through no link and no mount point, and
 * both files from that one descriptor: regular files of the user that owns the version, of at most
 * 1 MiB, with one name each.  ERROR_DENIED or ERROR_INVALID: something there is otherwise;
 * ERROR_RETRY: it is in use, or the secure heap is full.
 */
int pair_read(const struct instance *instance, struct pair *pair, struct error *err);

/**
 * pair_judge(instance, pair, err):
 * Is what was read that pair: the first certificate the version's, and the key its own?
 * ERROR_DENIED or ERROR_INVALID: no.
 */
int pair_judge(const struct instance *instance, struct pair *pair, struct error *err);

/* pair_done(pair): wipe and release it.  For _cleanup_(pair_done). */
void pair_done(struct pair *pair);

#endif
