/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as credentials: those that a program or a metadata service hands over, those of STS, and an AWS
 * configuration file.  What is taken can become headers.
 * With clang -fsanitize=fuzzer it fuzzes; with -DFUZZ_REPLAY it runs the files of its arguments.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/credentials.h"
#include "lib/aws/profile.h"
#include "lib/aws/sts.h"
#include "lib/base/strv.h"
#include "lib/base/words.h"
#include "lib/pki/secret.h"
#include "tests/fuzz/replay.h"

static void need_header(const char *text, size_t length)
{
	if (length == 0 || strlen(text) != length)
		abort();
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			abort();
}

static void need_usable(const struct credentials *credentials)
{
	need_header(credentials->key_id, strlen(credentials->key_id));
	if (credentials->token)
		need_header(secret_borrow(credentials->token), secret_length(credentials->token));
	if (secret_length(credentials->secret_key) == 0 || secret_length(credentials->secret_key) > SIGV4_SECRET_BYTES)
		abort();
}

/* A refusal says why. */
static void judge(int r, const struct credentials *credentials, const struct error *err)
{
	if ((r < 0) != (err->kind != ERROR_NONE) || (r < 0 && !err->text))
		abort();
	if (r == 0)
		need_usable(credentials);
}

static void read_json(const char *text, size_t size, bool temporary)
{
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = credentials_read(text, size, temporary, &credentials, &err);

	if (r == 0)
		r = credentials_check(credentials, "there", (usec_t)1700000000 * USEC_PER_SEC, &err);
	judge(r, credentials, &err);
}

static void read_sts(const char *text, size_t size)
{
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = sts_read_credentials(text, size, &credentials, &err);

	judge(r, credentials, &err);
}

static int on_item(void *userdata, const struct profile_item *item, struct error *err)
{
	_cleanup_(freep) char *value = mem_strndup(item->value, item->value_length), *section = NULL;
	_cleanup_(strv_freep) char **words = NULL;

	if (strlen(value) != item->value_length || strpbrk(value, "\n"))
		abort();
	section = profile_section(item->section, false);
	(void)words_split(value, &words);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	/* A copy that ends where the bytes do, so that whoever reads on is seen. */
	char *text = memcpy(mem_alloc(size + 1), data, size);

	read_json(text, size, true);
	read_json(text, size, false);
	read_sts(text, size);
	if ((profile_parse("config", text, size, on_item, NULL, &err) < 0) != (err.kind != ERROR_NONE))
		abort();
	free(text);
	return 0;
}
