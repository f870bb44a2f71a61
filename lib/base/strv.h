/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_STRV_H
#define LIB_BASE_STRV_H

/*
 * A list of strings: an array that ends with NULL, owned with its strings.  NULL is the
 * empty list.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/mem.h"

/* strv_append(list, text): copy ${text} to the end of *${list}. */
void strv_append(char ***list, const char *text);

/* strv_length(list), strv_has(list, text): case matters. */
size_t strv_length(char *const *list);
bool strv_has(char *const *list, const char *text);

/* strv_copy(list): a deep copy that the caller owns; NULL for NULL. */
char **strv_copy(char *const *list);

/* strv_equal(a, b): the same strings in the same order. */
bool strv_equal(char *const *a, char *const *b);

/* strv_join(list, separator): one string that the caller owns; "" for an empty list. */
char *strv_join(char *const *list, const char *separator);

/* strv_free(list): release it; returns NULL. */
char **strv_free(char **list);

DEFINE_CLEANUP(char **, strv_free);

#define STRV_FOREACH(item, list) for (char *const *item = (list); item && *item; item++)

#endif
