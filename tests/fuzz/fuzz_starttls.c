/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what a server says before TLS: the first is the protocol, the second how large the
 * pieces are in which the rest comes.  It ends, what is said of it ends, and what is kept of it is
 * bounded.
 * With clang -fsanitize=fuzzer it fuzzes; with -DFUZZ_REPLAY it runs the files of its arguments.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dependent/starttls.h"
#include "lib/base/mem.h"
#include "tests/fuzz/replay.h"

#define BOUND ((size_t)17 << 10)

static void play(struct starttls *talk, const uint8_t *data, size_t size, size_t piece)
{
	_cleanup_(buf_done) struct buf send = BUF_NULL;
	enum starttls_state state = STARTTLS_TALKING;

	starttls_begin(talk, talk->protocol, "pay.example.com", &send);
	for (size_t at = 0; at < size && state == STARTTLS_TALKING; at += piece)
		state = starttls_receive(talk, data + at, MIN(piece, size - at), &send);
	if (talk->received.length > BOUND || (state == STARTTLS_FAILED) != (talk->why[0] != '\0'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[320] = "";
	struct starttls talk = { 0 };

	if (size < 2)
		return 0;
	talk.protocol = STARTTLS_SMTP + data[0] % STARTTLS_NATS;
	play(&talk, data + 2, size - 2, 1 + data[1]);
	starttls_done(&talk);
	if (starttls_explain(data + 2, size - 2, why, sizeof(why)) != (why[0] != '\0'))
		abort();
	return 0;
}
