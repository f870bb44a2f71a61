/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_IDENTITY_H
#define LIB_HTTP_IDENTITY_H

/* The certificate and key that a pool shows to servers that ask for one. */

#include <openssl/ssl.h>

#include "lib/base/error.h"

struct identity;

/**
 * identity_new(certificate_file, key_file, identity, err):
 * From PEM files: the certificate with its chain behind it, and its key, unencrypted, which is read
 * into the secure heap.  ERROR_INVALID, with the file, for what is none and where they do not belong
 * together; the errors of secret_read_file().
 */
int identity_new(const char *certificate_file, const char *key_file, struct identity **ret_identity, struct error *err);

/* identity_apply(identity, context): have ${context} show it; -EINVAL where it cannot. */
int identity_apply(const struct identity *identity, SSL_CTX *context);

/* identity_free(identity): connections that use it keep what they need; NULL is fine.  Returns NULL. */
struct identity *identity_free(struct identity *identity);

DEFINE_CLEANUP(struct identity *, identity_free);

#endif
