/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/strv.h"
#include "lib/os/file.h"

/* What a file of the kernel's may have. */
#define FILE_MOST ((size_t)64 << 10)

#define MIB ((uint64_t)1 << 20)

/* MemoryMax= that is larger than the unit's is a multiple of so many MiB. */
#define MEMORY_STEP ((uint64_t)32)

static uint64_t get_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return UINT64_MAX;
	if (limit.rlim_cur < LIMITS_DESCRIPTORS && limit.rlim_cur < limit.rlim_max) {
		struct rlimit raised = { MIN(limit.rlim_max, (rlim_t)LIMITS_DESCRIPTORS), limit.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			limit = raised;
	}
	return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

/* Where the control group's limit is, by a line of /proc/self/cgroup (cgroups(7)); NULL: the line is about something else. */
static char *limit_file(const char *root, const char *line, size_t length)
{
	static const struct {
		const char *before, *folder, *file;
	} versions[] = {
		{ "0::", "", "memory.max" },
		{ ":memory:", "/memory", "memory.limit_in_bytes" },
	};
	_cleanup_(freep) char *copy = mem_strndup(line, length);

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		const char *found = strstr(copy, versions[i].before);

		if (found && (i > 0 || found == copy))
			return mem_printf("%s/sys/fs/cgroup%s%s/%s", root, versions[i].folder,
				found + strlen(versions[i].before), versions[i].file);
	}
	return NULL;
}

/* "max", or on version 1 a number that no memory has, is no limit. */
static uint64_t read_limit(const char *path)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	uint64_t value;
	char *end;

	if (file_read(path, FILE_MOST, &text, NULL) < 0)
		return UINT64_MAX;
	value = strtoull(text.data, &end, 10);
	return end == text.data || value > INT64_MAX / 2 ? UINT64_MAX : value;
}

static uint64_t get_memory(const char *root)
{
	_cleanup_(freep) char *path = mem_printf("%s/proc/self/cgroup", root);
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	uint64_t least = UINT64_MAX;

	if (file_read(path, FILE_MOST, &text, NULL) < 0)
		return UINT64_MAX;
	for (const char *line = text.data; *line;) {
		size_t length = strcspn(line, "\n");
		_cleanup_(freep) char *file = limit_file(root, line, length);

		if (file)
			least = MIN(least, read_limit(file));
		line += length + (line[length] == '\n');
	}
	return least;
}

void limits_get(const char *root, struct limits *ret_limits)
{
	*ret_limits = (struct limits){ get_descriptors(), get_memory(root) };
}

uint64_t limits_memory(size_t certificates, size_t deliveries)
{
	const size_t more = certificates > CERTIFICATES_AT_REST ? certificates - CERTIFICATES_AT_REST : 0;

	return LIMITS_MEMORY + (uint64_t)more * CERTIFICATE_ROOM + (uint64_t)deliveries * DELIVERY_ROOM;
}

unsigned limits_unit_memory(size_t certificates, size_t deliveries)
{
	const uint64_t step = MEMORY_STEP * MIB, needed = limits_memory(certificates, deliveries);

	return needed <= UNIT_MEMORY * MIB ? UNIT_MEMORY : (unsigned)((needed + step - 1) / step * MEMORY_STEP);
}

char **limits_judge(const struct limits *limits, size_t certificates, size_t deliveries)
{
	const uint64_t needed = limits_memory(certificates, deliveries);
	char **problems = NULL;

	if (limits->descriptors < LIMITS_DESCRIPTORS) {
		_cleanup_(freep) char *text = mem_printf(
			"certferry may need %d open files and its limit is %" PRIu64 "; connections, file writes and the "
			"certferry command can fail.  Set LimitNOFILE=2048 in the unit (systemctl edit certferryd), or raise ulimit -Hn",
			LIMITS_DESCRIPTORS, limits->descriptors);

		strv_append(&problems, text);
	}
	if (limits->memory < needed) {
		_cleanup_(freep) char *text = mem_printf(
			"certferry may need %" PRIu64 " MiB of memory and its control group allows %" PRIu64
			" MiB; the kernel can kill it.  Set MemoryMax=%uM in the unit (systemctl edit certferryd)",
			needed / MIB + 1, limits->memory / MIB, limits_unit_memory(certificates, deliveries));

		strv_append(&problems, text);
	}
	return problems;
}
