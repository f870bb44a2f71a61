/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration: a struct desired or problems, never both, never neither.
 * With clang -fsanitize=fuzzer it fuzzes; with -DFUZZ_REPLAY it runs the files of its arguments.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config/config.h"
#include "tests/fuzz/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;
	int r = config_parse("fuzz", (const char *)data, size, &desired, &problems);

	if ((r < 0) != (problems.count > 0) || (r < 0) != !desired)
		abort();
	return 0;
}
