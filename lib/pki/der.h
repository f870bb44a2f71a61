/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_DER_H
#define LIB_PKI_DER_H

/*
 * Just enough of DER (X.690 section 10) to read and write private keys in place, in the secure
 * heap: OpenSSL's own decoders copy them to the ordinary one on the way.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/pki/secret.h"

enum der_tag {
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_CONTEXT_0 = 0xa0, /* [0], constructed */
	DER_CONTEXT_1 = 0xa1,
};

/* Bytes that are being read; borrowed. */
struct der {
	const unsigned char *at;
	size_t left;
};

/* der_peek(from, tag): does an element of this tag come next? */
bool der_peek(const struct der *from, enum der_tag tag);

/**
 * der_take(from, tag, content):
 * Read the next element, which must have this tag and a definite, shortest length within ${from};
 * false, and nothing moved, otherwise.
 */
bool der_take(struct der *from, enum der_tag tag, struct der *ret_content);

/* der_take_whole(from, tag, element): the same with its header. */
bool der_take_whole(struct der *from, enum der_tag tag, struct der *ret_element);

/* der_take_number(from, number): an INTEGER that is not negative, without its leading zero byte. */
bool der_take_number(struct der *from, struct der *ret_number);

/* der_take_small(from, value): is the next element the INTEGER ${value} (below 128)? */
bool der_take_small(struct der *from, unsigned char value);

/* der_equal(a, b): the same bytes. */
bool der_equal(const struct der *a, const struct der *b);

/* der_size(length): the size of an element with ${length} bytes of content. */
size_t der_size(size_t length);

/* der_append_header(secret, tag, length): the header of such an element; -ENOSPC as
 * secret_append(). */
int der_append_header(struct secret *secret, enum der_tag tag, size_t length);

/* der_append(secret, tag, data, length): the whole element. */
int der_append(struct secret *secret, enum der_tag tag, const void *data, size_t length);

#endif
