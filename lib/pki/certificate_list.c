/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lists of certificates as people have them: exported by programs, printed with explanations, put
 * together by hand on any system.  What surrounds a block is ignored; but what looks like a part of
 * one is a mistake, since a root that is silently left out is missed only when a certificate comes
 * that it has issued.
 */

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/pki/certificate.h"
#include "lib/pki/pem.h"

#define LIST_MAX  4096
#define BEGIN     "-----BEGIN "
#define END       "-----END "
#define DASHES    "-----"
#define LABEL_MAX 64
#define UTF8_MARK "\xEF\xBB\xBF"

struct reader {
	const char *at, *end;
	unsigned line; /* of ${at}, from 1 on */
};

/* A block: where its body lies, and on which line it begins. */
struct block {
	char label[LABEL_MAX + 1];
	struct reader body; /* from behind the label on */
	const char *stop; /* of the body */
	unsigned line;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\v';
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

static int refuse(unsigned line, const char *what, struct error *err)
{
	return error_set(err, ERROR_INVALID, 0, "line %u: %s", line, what);
}

/* One line ends by LF, CR LF or CR. */
static void step(struct reader *reader)
{
	char c = *reader->at++;

	if (c == '\n' || (c == '\r' && (reader->at == reader->end || *reader->at != '\n')))
		reader->line++;
}

static void step_to(struct reader *reader, const char *at)
{
	while (reader->at < at)
		step(reader);
}

static bool stands(const struct reader *reader, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(reader->end - reader->at) >= length &&
	       memcmp(reader->at, text, length) == 0;
}

static void skip_line(struct reader *reader)
{
	while (reader->at < reader->end && !is_line_end(*reader->at))
		step(reader);
}

/* To what stands first on the next line that is not empty. */
static void skip_white(struct reader *reader)
{
	while (reader->at < reader->end && (is_blank(*reader->at) || is_line_end(*reader->at)))
		step(reader);
}

/*
 * What stands between the words that ${reader} is at and the dashes behind them: it can be shown.
 */
static bool read_label(struct reader *reader, const char *words, char label[static LABEL_MAX + 1])
{
	const char *begin = reader->at + strlen(words), *stop = begin;

	while (stop < reader->end && *stop != '-' && *stop >= ' ' && *stop <= '~')
		stop++;
	if ((size_t)(stop - begin) > LABEL_MAX || (size_t)(reader->end - stop) < strlen(DASHES) ||
		memcmp(stop, DASHES, strlen(DASHES)) != 0)
		return false;
	memcpy(label, begin, (size_t)(stop - begin));
	label[stop - begin] = '\0';
	step_to(reader, stop + strlen(DASHES));
	return true;
}

/* Base64 has no dash: the first one ends the body. */
static int read_block(struct reader *reader, struct block *block, struct error *err)
{
	char label[LABEL_MAX + 1];

	block->line = reader->line;
	if (!read_label(reader, BEGIN, block->label))
		return refuse(
			block->line, "the line that begins a block does not end with -----", err);
	block->body = *reader;
	while (reader->at < reader->end && *reader->at != '-')
		step(reader);
	block->stop = reader->at;
	if (!stands(reader, END))
		return refuse(block->line, "the block that begins here has no end", err);
	if (!read_label(reader, END, label) || strcmp(label, block->label) != 0)
		return refuse(reader->line,
			"the line that ends a block does not fit the one that begins it", err);
	return 0;
}

/* 1: a block; 0: only text is left. */
static int next_block(struct reader *reader, struct block *block, struct error *err)
{
	for (;; skip_line(reader)) {
		skip_white(reader);
		if (reader->at == reader->end)
			return 0;
		if (stands(reader, END))
			return refuse(reader->line,
				"a block ends here that does not begin; is its first line damaged?",
				err);
		if (stands(reader, BEGIN)) {
			int r = read_block(reader, block, err);

			return r < 0 ? r : 1;
		}
	}
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '=';
}

static int decode_body(const struct block *block, struct buf *der, struct error *err)
{
	_cleanup_(buf_done) struct buf digits = BUF_NULL;
	_cleanup_(freep) unsigned char *data = NULL;
	struct pem_text text;
	ssize_t length;

	for (struct reader reader = block->body; reader.at < block->stop; step(&reader)) {
		if (is_base64(*reader.at))
			buf_append_char(&digits, *reader.at);
		else if (!is_blank(*reader.at) && !is_line_end(*reader.at))
			return refuse(reader.line,
				"a character that is not base64 stands in a certificate", err);
	}
	text = (struct pem_text){ digits.data, digits.length };
	data = mem_alloc(pem_decoded_room(&text));
	length = digits.length ? pem_decode(&text, data) : -1;
	if (length < 0)
		return refuse(block->line,
			"the certificate that begins here is cut off or not base64", err);
	buf_append(der, (const char *)data, (size_t)length);
	return 0;
}

/*
 * OpenSSL's own: a certificate, and what it is trusted for.  0 where that does not include TLS
 * servers.
 */
static size_t trusted_length(const struct buf *der)
{
	const unsigned char *begin = (const unsigned char *)der->data, *whole = begin,
			    *alone = begin;
	X509 *x509 = d2i_X509_AUX(NULL, &whole, (long)der->length);
	bool refused = x509 &&
		       X509_check_trust(x509, X509_TRUST_SSL_SERVER, 0) == X509_TRUST_REJECTED;
	bool read = x509 && whole == begin + der->length;

	X509_free(x509);
	x509 = d2i_X509(NULL, &alone, (long)der->length);
	X509_free(x509);
	ERR_clear_error();
	if (!read)
		return der->length; /* and so not a certificate */
	return refused ? 0 : (size_t)(alone - begin);
}

static bool is_certificate(const char *label)
{
	return strcmp(label, "CERTIFICATE") == 0 || strcmp(label, "X509 CERTIFICATE") == 0 ||
	       strcmp(label, "X.509 CERTIFICATE") == 0;
}

static int add_block(const struct block *block, struct certificate_list *list, struct error *err)
{
	_cleanup_(buf_done) struct buf der = BUF_NULL;
	struct certificate *certificate = NULL;
	bool trusted = strcmp(block->label, "TRUSTED CERTIFICATE") == 0;
	size_t length;
	int r;

	if (!trusted && !is_certificate(block->label))
		return error_set(err, ERROR_INVALID, 0,
			"line %u: a block '%s', where only certificates can stand", block->line,
			block->label);
	if (list->count == LIST_MAX)
		return error_set(err, ERROR_INVALID, 0, "line %u: more than %d certificates",
			block->line, LIST_MAX);
	r = decode_body(block, &der, err);
	if (r < 0)
		return r;
	length = trusted ? trusted_length(&der) : der.length;
	if (!length)
		return 0;
	r = certificate_decode((const unsigned char *)der.data, length, &certificate, err);
	if (r < 0)
		return error_wrap(err, "line %u", block->line);
	certificate_list_append(list, certificate);
	return 0;
}

int certificate_list_parse(
	const char *pem, size_t length, struct certificate_list *ret_list, struct error *err)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	struct reader reader = { pem, pem + length, 1 };
	struct block block;
	int r;

	if (length > CERTIFICATE_TEXT_MAX)
		return error_set(err, ERROR_INVALID, 0, "more than %zu bytes of certificates",
			CERTIFICATE_TEXT_MAX);
	if (stands(&reader, "\xFF\xFE") || stands(&reader, "\xFE\xFF"))
		return refuse(1, "the text is UTF-16; save it as UTF-8", err);
	if (stands(&reader, UTF8_MARK))
		reader.at += strlen(UTF8_MARK);
	while ((r = next_block(&reader, &block, err)) > 0) {
		r = add_block(&block, &list, err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	*ret_list = list;
	list = (struct certificate_list){ 0 };
	return 0;
}

bool certificate_list_has_root(const struct certificate_list *list)
{
	return list && list->count > 0 && certificate_is_self_signed(list->items[list->count - 1]);
}
