/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_REPLAY_H
#define TESTS_FUZZ_REPLAY_H

/* With -DFUZZ_REPLAY: a program that gives the files of its arguments to what is fuzzed, one after another. */

#include <stddef.h>
#include <stdint.h>

#include "lib/os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

#endif
