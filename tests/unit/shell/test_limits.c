/* SPDX-License-Identifier: Apache-2.0 */
/* What the process is allowed, as the kernel says it, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conductor/limits.h"
#include "lib/base/strv.h"

static char root[] = "/tmp/certferry-limits-XXXXXX";

/* A file below the root, with the folders above it. */
static void put(const char *name, const char *text)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s", root, name);
	FILE *file;

	for (char *slash = strchr(path + sizeof(root), '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static uint64_t memory(void)
{
	struct limits limits;

	limits_get(root, &limits);
	return limits.memory;
}

static void test_enough(void **state)
{
	const struct limits just = { LIMITS_DESCRIPTORS, LIMITS_MEMORY }, unknown = { UINT64_MAX, UINT64_MAX };

	assert_null(limits_judge(&just, 0, 0));
	assert_null(limits_judge(&unknown, 100000, 10000000));
}

static void test_too_few_descriptors(void **state)
{
	const struct limits limits = { LIMITS_DESCRIPTORS - 1, UINT64_MAX };
	_cleanup_(strv_freep) char **problems = limits_judge(&limits, 0, 0);

	assert_int_equal(strv_length(problems), 1);
	assert_non_null(strstr(problems[0], "may need 1112 open files and its limit is 1111; "));
	assert_non_null(strstr(problems[0], "LimitNOFILE=2048"));
}

static void test_too_little_memory(void **state)
{
	const struct limits limits = { 1024, 32 << 20 };
	_cleanup_(strv_freep) char **problems = limits_judge(&limits, 0, 0);

	assert_int_equal(strv_length(problems), 2);
	assert_non_null(strstr(problems[1], "may need 121 MiB of memory and its control group allows 32 MiB; "));
	assert_non_null(strstr(problems[1], "MemoryMax=128M"));
}

static void test_too_little_memory_for_many(void **state)
{
	const struct limits limits = { 2048, 128 << 20 };
	_cleanup_(strv_freep) char **few = limits_judge(&limits, 2500, 40000),
				   **many = limits_judge(&limits, 10000, 1000000);

	assert_null(few);
	assert_int_equal(strv_length(many), 1);
	assert_non_null(strstr(many[0], "may need 235 MiB of memory and its control group allows 128 MiB; "));
	assert_non_null(strstr(many[0], "MemoryMax=256M"));
}

static void test_memory_of_the_unit(void **state)
{
	static const struct {
		size_t certificates, deliveries;
		unsigned memory;
	} cases[] = {
		{ 0, 0, 128 }, { 100, 100, 128 }, { 2500, 40000, 128 }, { 1000, 78769, 128 },
		{ 1000, 78770, 160 }, { 10000, 100000, 160 }, { 10000, 1000000, 256 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const size_t certificates = cases[i].certificates, deliveries = cases[i].deliveries;

		assert_int_equal(limits_unit_memory(certificates, deliveries), cases[i].memory);
		assert_true(limits_memory(certificates, deliveries) <= (uint64_t)cases[i].memory << 20);
		assert_true(limits_memory(certificates, deliveries + 1) > limits_memory(certificates, deliveries));
	}
	assert_int_equal(limits_memory(0, 0), LIMITS_MEMORY);
}

static void test_control_groups(void **state)
{
	assert_true(memory() == UINT64_MAX); /* nothing can be read */
	put("proc/self/cgroup", "0::/system.slice/certferryd.service\n");
	assert_true(memory() == UINT64_MAX);
	put("sys/fs/cgroup/system.slice/certferryd.service/memory.max", "134217728\n");
	assert_int_equal(memory(), 128 << 20);
	put("sys/fs/cgroup/system.slice/certferryd.service/memory.max", "max\n");
	assert_true(memory() == UINT64_MAX);
	put("sys/fs/cgroup/system.slice/certferryd.service/memory.max", "");
	assert_true(memory() == UINT64_MAX);
	/* Version 1, and both at once. */
	put("proc/self/cgroup", "5:cpu:/a\n4:memory:/a\n0::/b");
	put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
	assert_true(memory() == UINT64_MAX);
	put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "67108864\n");
	assert_int_equal(memory(), 64 << 20);
	put("proc/self/cgroup", "nonsense\n:\n\n4:memory:\n");
	assert_true(memory() == UINT64_MAX);
}

/* The soft limit of a shell is no reason to warn, where the hard one leaves room. */
static void test_descriptors_are_raised(void **state)
{
	struct rlimit before, low;
	struct limits limits;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	if (before.rlim_max < LIMITS_DESCRIPTORS)
		skip();
	low = (struct rlimit){ 256, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	limits_get(root, &limits);
	assert_int_equal(limits.descriptors, LIMITS_DESCRIPTORS);
	low = (struct rlimit){ 256, 512 };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	limits_get(root, &limits);
	assert_int_equal(limits.descriptors, 512);
}

static int setup(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	_cleanup_(freep) char *command = mem_printf("rm -r '%s'", root);

	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enough),
		cmocka_unit_test(test_too_few_descriptors),
		cmocka_unit_test(test_too_little_memory),
		cmocka_unit_test(test_too_little_memory_for_many),
		cmocka_unit_test(test_memory_of_the_unit),
		cmocka_unit_test(test_control_groups),
		cmocka_unit_test(test_descriptors_are_raised), /* the last: a hard limit is not raised again */
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
