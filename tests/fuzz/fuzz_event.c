/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a message of the queue of events: an event about certificates of the source, or a refusal that is
 * fit to be logged.  With clang -fsanitize=fuzzer it fuzzes; with -DFUZZ_REPLAY it runs the files of its arguments.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/source/event.h"
#include "lib/base/strv.h"
#include "tests/fuzz/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *regions[] = { (char *)"eu-west-1", NULL };
	const struct event_origin origin = { "111111111111", regions };
	_cleanup_(freep) char *body = mem_strndup((const char *)data, size);
	_cleanup_(event_done) struct event event = EVENT_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = event_parse(body, strlen(body), &origin, &event, &err);

	if ((r < 0) != (err.kind == ERROR_INVALID) || (r == 0) != (event.arns != NULL))
		abort();
	STRV_FOREACH(arn, event.arns)
		if (!strstr(*arn, ":acm:eu-west-1:111111111111:certificate/"))
			abort();
	for (const char *c = err.text ? err.text : ""; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
	return 0;
}
