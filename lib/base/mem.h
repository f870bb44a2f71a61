/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_MEM_H
#define LIB_BASE_MEM_H

/*
 * Memory that is never NULL, and the two words that move ownership: a cleanup attribute
 * on the local that owns, and take() where it gives up.
 *
 * When memory is gone the process ends (design law "Errors"): everything certferryd does
 * can be observed again, so a restart is simpler and better tested than a thousand
 * branches that no test reaches.  The secure heap (lib/pki/secret.h) is the exception.
 */

#include <stdarg.h>
#include <stddef.h>

/* Runs f(&variable) when the variable's scope ends. */
#define _cleanup_(f) __attribute__((cleanup(f)))

/* take(pointer): the pointer's value; the variable becomes NULL, so its cleanup does nothing. */
#define take(pointer)                                                                              \
	__extension__({                                                                            \
		__typeof__(pointer) *take_from_ = &(pointer);                                      \
		__typeof__(pointer) take_value_ = *take_from_;                                     \
		*take_from_ = NULL;                                                                \
		take_value_;                                                                       \
	})

/* DEFINE_CLEANUP(type, free_function): defines free_functionp() for _cleanup_(). */
#define DEFINE_CLEANUP(type, free_function)                                                        \
	static inline void free_function##p(type *pointer)                                         \
	{                                                                                          \
		if (*pointer)                                                                      \
			(void)free_function(*pointer);                                             \
	}                                                                                          \
	struct define_cleanup_needs_a_semicolon_

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/**
 * mem_alloc(size):
 * Return ${size} zeroed bytes (at least one).  Never NULL.  Release with free().
 */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/**
 * mem_resize(pointer, count, size):
 * Resize ${pointer} (NULL allowed) to ${count} elements of ${size} bytes; new bytes are
 * not set.  Ends the process when the product overflows or memory is gone.
 */
void *mem_resize(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));

/**
 * mem_dup(data, size), mem_strdup(text), mem_strndup(text, length):
 * Copies that the caller owns.  mem_strdup(NULL) is NULL; the others take no NULL.
 */
void *mem_dup(const void *data, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t length) __attribute__((returns_nonnull));

/**
 * mem_printf(format, ...), mem_vprintf(format, arguments):
 * A formatted string that the caller owns.
 */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *mem_vprintf(const char *format, va_list arguments)
	__attribute__((format(printf, 1, 0), returns_nonnull));

/**
 * mem_join(first, ..., NULL):
 * The texts one after the other, a string that the caller owns: what mem_printf() makes of as many "%s", for
 * what is made with each request.
 */
char *mem_join(const char *first, ...) __attribute__((sentinel, returns_nonnull));

/**
 * mem_exhausted():
 * What every "no memory" comes to: say so on standard error and abort without a core.
 * For libraries that report it (OpenSSL, libcurl, jansson, sd-*) instead of ending.
 */
void mem_exhausted(void) __attribute__((noreturn));

/* For _cleanup_(freep) on anything that free() releases. */
void freep(void *pointer_to_pointer);

#define mem_new(type) ((type *)mem_alloc(sizeof(type)))

#endif
