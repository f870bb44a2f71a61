/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_ENCODE_H
#define LIB_BASE_ENCODE_H

/* Bytes as text and back: hexadecimal (lower case), UUIDs, base64 (RFC 4648 section 4), percent-encoding. */

#include <stddef.h>
#include <stdint.h>

/* hex_encode(data, length, text): ${text} has room for 2 * length + 1 bytes. */
void hex_encode(const void *data, size_t length, char *text);

/* hex_decode(text, data, length): exactly ${length} bytes from 2 * length digits of either
 * case; 0, or -EINVAL with ${data} untouched. */
int hex_decode(const char *text, void *data, size_t length);

/* The characters of a UUID, without the NUL. */
#define UUID_LENGTH 36

/* uuid_parse(text, uuid): "0f5c1b3e-...", in lower case and nothing after it; 0, or -EINVAL (${uuid} holds anything then). */
int uuid_parse(const char *text, unsigned char uuid[static 16]);

/* uuid_format(uuid, text): the same back. */
void uuid_format(const unsigned char uuid[static 16], char text[static UUID_LENGTH + 1]);

/* base64_length(length): the characters that base64_encode() writes, without the NUL. */
size_t base64_length(size_t length);

/* base64_encode(data, length, text): ${text} has room for base64_length(length) + 1 bytes.
 * Allocates nothing, so it may be used on secrets. */
void base64_encode(const void *data, size_t length, char *text);

/* percent_encode(text): RFC 3986 section 2.3 unreserved characters stay, all others become
 * %XX (upper case).  The caller owns the result. */
char *percent_encode(const char *text);

#endif
