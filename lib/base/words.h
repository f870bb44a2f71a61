/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_WORDS_H
#define LIB_BASE_WORDS_H

/**
 * words_split(text, words):
 * The words of a command line as a POSIX shell's quoting makes them, and nothing else of a shell: blanks and line
 * ends separate, '...' is literal, "..." too but for \" and \\, a backslash elsewhere makes the next character literal.
 * These are the rules of Python's shlex.split(), by which AWS's own tools read credential_process.  No words: NULL.
 * -EINVAL for a quote that is not closed or a backslash at the end.  The caller owns the list.
 */
int words_split(const char *text, char ***ret_words);

#endif
