/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_TRUST_H
#define LIB_HTTP_TRUST_H

/*
 * Whom TLS trusts: the CA certificates of a file or directory, parsed once (a bundle of the system
 * costs some 10 ms and a megabyte) and shared by all connections, again only when the file has
 * changed.
 */

#include <openssl/ssl.h>
#include <stdbool.h>

#include "lib/base/error.h"

struct trust;

/**
 * trust_new(path, trust, err):
 * The CA certificates in ${path}, a file or a directory as openssl-rehash(1) leaves it (NULL: the
 * system's directory, else its file, read when they are needed).  ERROR_INVALID when they cannot be read, with errno as
 * the code, or are none; ERROR_DENIED where everybody could change ${path} or put another one in its place.
 */
int trust_new(const char *path, struct trust **ret_trust, struct error *err);

/* trust_apply(trust, context, changed): have ${context} verify its peers by them; -EINVAL when there are none and the
 * file cannot be read.  ${ret_changed}: others are trusted than at the call before. */
int trust_apply(struct trust *trust, SSL_CTX *context, bool *ret_changed);

/* trust_lack(trust): a sentence for a trust that trust_apply() has nothing of, with the cure: which
 * file of the system's is missing.  The caller owns it. */
char *trust_lack(const struct trust *trust);

/* trust_check(trust, err): can certificates be verified by it?  0, or ERROR_ABSENT with trust_lack(). */
int trust_check(struct trust *trust, struct error *err);

/* trust_path(trust): where they are; "" for a system without any. */
const char *trust_path(const struct trust *trust);

/* trust_free(trust): connections that use it keep what they need.  Returns NULL. */
struct trust *trust_free(struct trust *trust);

#endif
