/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/os/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Relocated code is written code: it would be lost. */
static bool has_text_relocations(const struct dl_phdr_info *object)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];
		const ElfW(Dyn) *entry = header->p_type == PT_DYNAMIC
			? (const ElfW(Dyn) *)(object->dlpi_addr + header->p_vaddr) : NULL;

		for (; entry && entry->d_tag != DT_NULL; entry++)
			if (entry->d_tag == DT_TEXTREL ||
				(entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
				return true;
	}
	return false;
}

/* Segments that are loaded without the right to write hold what is in the file, and nothing else.  (What is made
 * read-only after relocation lies in a writable one.) */
static int give_back_object(struct dl_phdr_info *object, size_t size, void *userdata)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	if (has_text_relocations(object))
		return 0;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + header->p_vaddr;
		uintptr_t begin = (from + page - 1) & ~(page - 1), end = (from + header->p_memsz) & ~(page - 1);

		if (header->p_type == PT_LOAD && !(header->p_flags & PF_W) && begin < end)
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void memory_trim(void)
{
	(void)malloc_trim(0);
}

void memory_give_back(void)
{
	memory_trim();
	(void)dl_iterate_phdr(give_back_object, NULL);
}

void memory_forget(void *begin, size_t length)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)begin;
	uintptr_t first = (from + page - 1) & ~(page - 1), last = (from + length) & ~(page - 1);

	if (first < last)
		(void)madvise((void *)first, last - first, MADV_DONTNEED);
}
