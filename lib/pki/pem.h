/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_PEM_H
#define LIB_PKI_PEM_H

/*
 * The textual encoding of RFC 7468, strictly: blocks of one kind with nothing but white space
 * between them, base64 without spaces within.  ACM calls a block with spaces at the end of its
 * lines invalid, so does this.  Nothing here allocates, so it may be used on secrets.
 */

#include <stddef.h>
#include <sys/types.h>

#include "lib/pki/secret.h"

/* A run of text that is being read. */
struct pem_text {
	const char *at;
	size_t left;
};

/**
 * pem_next(text, label, body, err):
 * Find the next block of kind ${label} ("CERTIFICATE") and move ${text} behind it.  1: ${body} is
 * its base64, line ends included; 0: nothing but white space was left; ERROR_INVALID: something
 * else stands there, or the block has no end.  The message never quotes the text.
 */
int pem_next(
	struct pem_text *text, const char *label, struct pem_text *ret_body, struct error *err);

/* pem_decoded_room(body): at most so many bytes does the body decode to. */
size_t pem_decoded_room(const struct pem_text *body);

/* pem_decode(body, data): the body's bytes into ${data}, which has pem_decoded_room() bytes; their
 * number, or -EINVAL where it is not base64. */
ssize_t pem_decode(const struct pem_text *body, unsigned char *data);

/* pem_size(label, length): the characters that ${length} bytes take as PEM, without a NUL. */
size_t pem_size(const char *label, size_t length);

/* pem_append(secret, label, data, length): the block in 64 columns; -ENOSPC as secret_append(). */
int pem_append(struct secret *secret, const char *label, const void *data, size_t length);

#endif
