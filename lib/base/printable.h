/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_PRINTABLE_H
#define LIB_BASE_PRINTABLE_H

/*
 * Text that came from outside, for a terminal, a log or a message: no control character of ASCII or of Unicode's
 * U+0080 to U+009F, nothing but UTF-8 (RFC 3629).
 */

#include <stddef.h>

/* printable_length(text): how many bytes the first character of the NUL-terminated ${text}, which is not at its end, has: 1
 * to 4; 0: it is a control character, or no UTF-8.
 * unprintable_length(text, instead): how many bytes that is then, and what stands for each of them: a blank for a control
 * character, a question mark for what is no UTF-8. */
size_t printable_length(const char *text);
size_t unprintable_length(const char *text, char *ret_instead);

/* printable(text): in place, each such byte gives way to that.  Returns ${text}; NULL is fine. */
char *printable(char *text);

#endif
