/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_WIPING_H
#define LIB_PKI_WIPING_H

/*
 * Allocators for libraries that secrets pass through: they keep no state and leave nothing behind.
 * realloc() of the C library may move the block and leave the old bytes where they were, so growing
 * copies and wipes here.
 */

#include <stddef.h>

/* wiping_malloc(size) and so on: as malloc(3), calloc(3), realloc(3), strdup(3) and free(3), but
 * that no memory ends the process. */
void *wiping_malloc(size_t size);
void *wiping_calloc(size_t count, size_t size);
void *wiping_realloc(void *memory, size_t size);
char *wiping_strdup(const char *text);
void wiping_free(void *memory);

#endif
