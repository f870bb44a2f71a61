/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what certferry-install reads: up to the first zero byte root's file, up to the next
 * the certificates, then the key.  With clang -fsanitize=fuzzer it fuzzes; with -DFUZZ_REPLAY it
 * runs the files of its arguments.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/install/instance.h"
#include "daemon/install/pair.h"
#include "lib/pki/certificate.h"
#include "tests/fuzz/replay.h"

/* What came before ${data} became the rest. */
static size_t next_part(const uint8_t **data, size_t *size, const char **ret_part)
{
	const uint8_t *end = memchr(*data, '\0', *size);
	size_t length = end ? (size_t)(end - *data) : *size;

	*ret_part = (const char *)*data;
	*data += end ? length + 1 : length;
	*size -= end ? length + 1 : length;
	return length;
}

static void try_instance(const char *text)
{
	_cleanup_(instance_done) struct instance instance = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = instance_parse(text, &instance, &err);

	if ((r == 0) != (err.text == NULL) || (r == 0) != (instance.target != NULL))
		abort();
	if (r == 0 &&
		(*instance.directory != '/' || *instance.target != '/' || *instance.object == '/' ||
			strstr(instance.object, "..") == instance.object || instance.mode & 07137))
		abort();
}

/* The one that ..data must name for it to be judged further. */
static void name_version(struct pair *pair)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	char fingerprint[FINGERPRINT_TEXT_SIZE] = "0123456789abcdef";

	if (certificate_chain_parse(
		    pair->certificates.data, pair->certificates.length, &list, NULL) == 0 &&
		list.count)
		fingerprint_format(&list.items[0]->fingerprint, fingerprint);
	memcpy(pair->version, fingerprint, PAIR_VERSION_SIZE - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	const struct instance instance = { .directory = (char *)"/d", .object = (char *)"o" };
	_cleanup_(pair_done) struct pair pair = PAIR_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *text = NULL;
	const char *part;
	size_t length;
	bool locked;
	int r;

	if (!ready && secret_heap_init(&locked, NULL) < 0)
		abort();
	ready = true;
	length = next_part(&data, &size, &part);
	text = mem_strndup(part, length);
	try_instance(text);
	length = next_part(&data, &size, &part);
	buf_append(&pair.certificates, part, length);
	name_version(&pair);
	if (secret_from(data, size, &pair.key, NULL) < 0)
		return 0;
	r = pair_judge(&instance, &pair, &err);
	if ((r == 0) != (err.text == NULL) || (r == 0 && !pair.not_after))
		abort();
	return 0;
}
