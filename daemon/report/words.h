/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REPORT_WORDS_H
#define DAEMON_REPORT_WORDS_H

/* The one table from a value of JSON, which never changes, to its word for people. */

/* report_word(value): of a state, hold or proof; ${value} itself where people read the same word.  Borrowed. */
const char *report_word(const char *value);

#endif
