/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration: a struct desired or problems, never both, never neither.
 * With clang -fsanitize=fuzzer it fuzzes; with -DFUZZ_REPLAY it runs the files of its arguments.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config/config.h"
#include "lib/os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;
	int r = config_parse("fuzz", (const char *)data, size, &desired, &problems);

	if ((r < 0) != (problems.count > 0) || (r < 0) != !desired)
		abort();
	return 0;
}

#ifdef FUZZ_REPLAY
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		_cleanup_(buf_done) struct buf content = BUF_NULL;

		if (file_read(argv[i], 1 << 22, &content, NULL) < 0)
			return 1;
		(void)LLVMFuzzerTestOneInput((const uint8_t *)content.data, content.length);
	}
	return 0;
}
#endif
