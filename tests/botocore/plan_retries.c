/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_retries: when the client would send failed requests again.  The line "client" starts with a
 * full store of tokens; any other line of the input is a request: how many attempts may be made in
 * all (0: as many as there are without being told), then what comes of each, all parted by tabs:
 * "success", or STATUS,CODE,CHANCE,HINT of a failure, where STATUS is 0 if there was no answer (CODE
 * is then "timeout" or "cut") and HINT is the header x-amz-retry-after, or nothing.  The answer, a
 * line for each request, is how many microseconds later each next attempt is made, as far as they
 * are, and then the tokens that are left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/fault.h"
#include "lib/aws/retry.h"

/* As aws/call.c takes it. */
static enum fault_class class_of(long status, const char *code)
{
	_cleanup_(fault_done) struct fault fault = FAULT_NULL;

	if (!status)
		return FAULT_TRANSIENT; /* in time or not */
	fault_read(&(struct fault_answer){ .operation = "Operation", .status = status, .error_type = code }, &fault);
	return fault.class;
}

static struct retry_failure read_failure(char *text, unsigned attempts)
{
	long status = atol(strsep(&text, ","));
	const char *code = strsep(&text, ",");
	unsigned chance = (unsigned)atoi(strsep(&text, ","));

	return (struct retry_failure){
		.class = class_of(status, code),
		.attempts = attempts,
		.chance = chance,
		.hint = retry_hint(status, text, NULL),
	};
}

static void answer(char *line, struct retry_tokens *tokens)
{
	unsigned attempts = (unsigned)atoi(strsep(&line, "\t"));
	struct retry retry = { 0 };
	char *outcome;

	while ((outcome = strsep(&line, "\t"))) {
		struct retry_failure failure;
		usec_t delay;

		if (strcmp(outcome, "success") == 0) {
			retry_succeeded(&retry, tokens);
			break;
		}
		failure = read_failure(outcome, attempts);
		if (!retry_next(&retry, tokens, &failure, &delay))
			break;
		printf("%llu ", (unsigned long long)delay);
	}
	printf("%u\n", tokens->left);
}

int main(void)
{
	struct retry_tokens tokens = RETRY_TOKENS_FULL;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while ((length = getline(&line, &room, stdin)) > 0) {
		line[length - 1] = '\0';
		if (strcmp(line, "client") == 0)
			tokens = RETRY_TOKENS_FULL;
		else
			answer(line, &tokens);
	}
	free(line);
	return 0;
}
