/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OS_MEMORY_H
#define LIB_OS_MEMORY_H

#include <stddef.h>

/* What a process gives back: before it sleeps, or of what it has read for the last time. */

/* memory_trim(): return free heap to the kernel (malloc_trim(3)). */
void memory_trim(void);

/**
 * memory_give_back():
 * Before a long sleep, or one with other work after it than before: memory_trim(), and unmap the program's and its
 * libraries' code and constants as far as they lie in memory (madvise(2), MADV_DONTNEED): they are found again in the
 * page cache when they are next needed, at the cost of a minor fault for some pages.  Nothing that was ever written is
 * touched.
 */
void memory_give_back(void);

/**
 * memory_forget(begin, length):
 * The caller reads nothing of these bytes any more, which are its own and were malloc'd: give back the whole pages among
 * them at once, before all of the allocation is freed.  It can be written again; what it holds is undefined.
 */
void memory_forget(void *begin, size_t length);

#endif
