/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OS_MEMORY_H
#define LIB_OS_MEMORY_H

/* What a process that is about to sleep for long gives back. */

/**
 * memory_give_back():
 * Return free heap to the kernel (malloc_trim(3)), and unmap the program's and its libraries' code and constants as
 * far as they lie in memory (madvise(2), MADV_DONTNEED): they are found again in the page cache when they are next
 * needed, at the cost of a minor fault for some pages.  Nothing that was ever written is touched.
 */
void memory_give_back(void);

#endif
