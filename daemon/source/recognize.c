/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/recognize.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"

#define SIZE_FIRST 64

struct entry {
	struct summary_digest digest;
	uint32_t after; /* the certificate's place and 1; 0: nothing is here */
};

/* An open hash table; its size is a power of two. */
struct recognized {
	struct entry *entries;
	size_t count, size;
	EVP_MD *sha256;
	EVP_MD_CTX *hash;
	struct buf text; /* what is hashed */
};

struct recognized *recognized_new(void)
{
	struct recognized *recognized = mem_new(struct recognized);

	recognized->text = BUF_NULL;
	recognized->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	recognized->hash = EVP_MD_CTX_new();
	if (!recognized->sha256 || !recognized->hash)
		mem_exhausted();
	return recognized;
}

/* With its NUL, so that no two lists of texts are the same bytes; NULL is not "". */
static void add_text(struct buf *text, const char *part)
{
	buf_append_char(text, part ? '=' : '-');
	if (part)
		buf_append(text, part, strlen(part) + 1);
}

void recognized_digest(struct recognized *recognized, const char *region, const struct acm_summary *summary,
	struct summary_digest *ret_digest)
{
	const usec_t times[] = { summary->not_before, summary->not_after };
	const char flags[] = { summary->more_names, summary->exportable, summary->cloudfront,
		summary->keyless, summary->ineligible, summary->names != NULL };
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf *text = &recognized->text;

	buf_clear(text);
	buf_append(text, (const char *)times, sizeof(times));
	buf_append(text, flags, sizeof(flags));
	add_text(text, region);
	add_text(text, summary->arn);
	add_text(text, summary->domain);
	add_text(text, summary->status);
	add_text(text, summary->type);
	add_text(text, summary->key_algorithm);
	add_text(text, summary->serial);
	STRV_FOREACH (name, summary->names)
		add_text(text, *name);
	if (EVP_DigestInit_ex(recognized->hash, recognized->sha256, NULL) != 1 ||
		EVP_DigestUpdate(recognized->hash, text->data, text->length) != 1 ||
		EVP_DigestFinal_ex(recognized->hash, digest, NULL) != 1)
		mem_exhausted();
	memcpy(ret_digest->bytes, digest, sizeof(ret_digest->bytes));
}

/* Where ${digest} is, or the free entry where it belongs. */
static struct entry *entry_of(const struct recognized *recognized, const struct summary_digest *digest)
{
	uint32_t at;

	memcpy(&at, digest->bytes, sizeof(at));
	for (;; at++) {
		struct entry *entry = &recognized->entries[at & (recognized->size - 1)];

		if (!entry->after || memcmp(entry->digest.bytes, digest->bytes, sizeof(digest->bytes)) == 0)
			return entry;
	}
}

bool recognized_find(const struct recognized *recognized, const struct summary_digest *digest, size_t *ret_at)
{
	const struct entry *entry = recognized->size ? entry_of(recognized, digest) : NULL;

	if (!entry || !entry->after)
		return false;
	*ret_at = entry->after - 1;
	return true;
}

static void grow(struct recognized *recognized)
{
	struct entry *former = recognized->entries;
	const size_t size = recognized->size;

	recognized->size = size ? 2 * size : SIZE_FIRST;
	recognized->entries = mem_alloc(recognized->size * sizeof(*recognized->entries));
	for (size_t i = 0; i < size; i++)
		if (former[i].after)
			*entry_of(recognized, &former[i].digest) = former[i];
	free(former);
}

void recognized_put(struct recognized *recognized, const struct summary_digest *digest, size_t at)
{
	/* Two thirds of it at most are taken. */
	if (3 * (recognized->count + 1) > 2 * recognized->size)
		grow(recognized);
	*entry_of(recognized, digest) = (struct entry){ .digest = *digest, .after = (uint32_t)at + 1 };
	recognized->count++;
}

void recognized_forget(struct recognized *recognized)
{
	free(recognized->entries);
	recognized->entries = NULL;
	recognized->count = recognized->size = 0;
}

struct recognized *recognized_free(struct recognized *recognized)
{
	if (!recognized)
		return NULL;
	recognized_forget(recognized);
	EVP_MD_CTX_free(recognized->hash);
	EVP_MD_free(recognized->sha256);
	buf_done(&recognized->text);
	free(recognized);
	return NULL;
}
