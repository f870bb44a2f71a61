/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/proof.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bounded.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/strv.h"

static const char *const names[] = {
	[PROVE_NONE] = "",
	[PROVE_MATCHED] = "matched",
	[PROVE_WRONG] = "wrong",
	[PROVE_UNPROVEN] = "unproven",
};

const char *prove_result_name(enum prove_result result)
{
	return names[result];
}

const char *proof_text(const struct proof_record *proof)
{
	return proof->result == PROVE_MATCHED ? names[PROVE_MATCHED] : proof->text;
}

static void set_result(struct proof_record *proof, enum prove_result result, const char *words)
{
	bool seen_otherwise = result == PROVE_WRONG || result == PROVE_UNPROVEN;
	char *text = seen_otherwise ? mem_printf("%s: %s", names[result], words) : NULL;

	free(proof->text);
	proof->result = result;
	proof->text = text;
}

static void endpoint_done(struct endpoint_record *endpoint)
{
	free(endpoint->endpoint);
	free(endpoint->addresses);
	free(endpoint->words);
}

static void forget_endpoints(struct proof_record *proof)
{
	for (size_t i = 0; i < proof->endpoint_count; i++)
		endpoint_done(&proof->endpoints[i]);
	free(proof->endpoints);
	proof->endpoints = NULL;
	proof->endpoint_count = 0;
}

void proof_set(struct proof_record *proof, enum prove_result result, const char *words)
{
	set_result(proof, result, words);
	forget_endpoints(proof);
}

void proof_parse(char *text, struct proof_record *ret_proof)
{
	const size_t length = strlen(names[PROVE_WRONG]);

	*ret_proof = (struct proof_record){ .result = PROVE_NONE };
	if (!text)
		return;
	if (strcmp(text, names[PROVE_MATCHED]) == 0) {
		ret_proof->result = PROVE_MATCHED;
		free(text);
		return;
	}
	ret_proof->result = strncmp(text, names[PROVE_WRONG], length) == 0 ? PROVE_WRONG : PROVE_UNPROVEN;
	ret_proof->text = text;
}

/* --- endpoints --- */

bool proof_split(const char *connect, char **ret_host, char **ret_port)
{
	const char *colon = strrchr(connect, ':');
	size_t length;

	if (!colon || colon == connect || !colon[1])
		return false;
	length = colon - connect;
	if (connect[0] == '[') {
		if (length < 3 || connect[length - 1] != ']')
			return false;
		connect++;
		length -= 2;
	} else if (memchr(connect, ':', length)) {
		return false;
	}
	*ret_host = mem_strndup(connect, length);
	*ret_port = mem_strdup(colon + 1);
	return true;
}

char *proof_endpoint(const struct desired_proof *wish)
{
	static const char *const headers[] = {
		[PROXY_NONE] = "",
		[PROXY_V1] = " proxy_protocol=v1",
		[PROXY_V2] = " proxy_protocol=v2",
	};
	const char *starttls = starttls_name(wish->starttls);

	return mem_printf("%s%s%s%s%s%s", wish->connect, wish->server_name ? " server_name=" : "",
		wish->server_name ?: "", *starttls ? " starttls=" : "", starttls,
		headers[wish->proxy_protocol]);
}

const struct endpoint_record *proof_find(
	const struct proof_record *proof, const struct desired_proof *wish)
{
	_cleanup_(freep) char *endpoint = proof_endpoint(wish);

	for (size_t i = 0; i < proof->endpoint_count; i++)
		if (strcmp(proof->endpoints[i].endpoint, endpoint) == 0)
			return &proof->endpoints[i];
	return NULL;
}

bool proof_move(struct proof_record *proof, const struct desired_proof *wish)
{
	const struct endpoint_record *seen = proof_find(proof, wish);

	if (!seen || !seen->looked_at)
		return false;
	proof->endpoints[seen - proof->endpoints].looked_at = 0;
	return true;
}

bool proof_is_of(
	const struct proof_record *proof, const struct desired_proof *wishes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct endpoint_record *seen = proof_find(proof, &wishes[i]);

		if (!seen || !seen->looked_at)
			return false;
	}
	return proof->endpoint_count == count;
}

const char *proof_shown(
	const struct proof_record *proof, const struct desired_proof *wishes, size_t count)
{
	if (count == 0)
		return NULL;
	if (proof->endpoint_count > 0 && !proof_is_of(proof, wishes, count))
		return "unproven: its endpoints or their addresses have changed since the last check";
	return proof_text(proof);
}

const char *endpoint_leaf(
	const struct endpoint_record *endpoint, char text[static FINGERPRINT_TEXT_SIZE])
{
	if (!fingerprint_is_set(&endpoint->leaf))
		return NULL;
	fingerprint_format(&endpoint->leaf, text);
	return text;
}

bool proof_wishes_equal(const struct desired_proof *a, size_t a_count, const struct desired_proof *b,
	size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		_cleanup_(freep) char *one = proof_endpoint(&a[i]), *other = proof_endpoint(&b[i]);

		if (strcmp(one, other) != 0)
			return false;
	}
	return true;
}

static struct endpoint_record *add_endpoint(struct proof_record *proof)
{
	proof->endpoints = mem_resize(
		proof->endpoints, proof->endpoint_count + 1, sizeof(*proof->endpoints));
	proof->endpoints[proof->endpoint_count] = (struct endpoint_record){ 0 };
	return &proof->endpoints[proof->endpoint_count++];
}

/* --- judging --- */

static char *lost_words(const char *words)
{
	const char *colon = strstr(words, ": ");
	int length = colon ? (int)(colon - words) : 0;

	return mem_printf("%.*s%sTLS is gone, which was served before; check the server's log for the "
			  "certificate or key that it refuses: %s",
		length, words, colon ? ": " : "", colon ? colon + 2 : words);
}

static struct endpoint_record judge_endpoint(const struct endpoint_record *before,
	const struct desired_proof *wish, const struct proof_seen *seen, usec_t now)
{
	static const struct fingerprint never;
	const bool had_tls = seen->had_tls || (before && before->had_tls);
	const bool was_lost = before && before->result == PROVE_WRONG && !fingerprint_is_set(&before->leaf);
	const bool no_tls = seen->no_tls || (seen->refused && was_lost);
	const bool lost = seen->result == PROVE_UNPROVEN && no_tls && had_tls;
	const struct fingerprint *proven = seen->result == PROVE_MATCHED ? &seen->leaf
					   : before			? &before->proven
									: &never;

	return (struct endpoint_record){
		.endpoint = proof_endpoint(wish),
		.result = lost ? PROVE_WRONG : seen->result,
		.looked_at = now,
		.leaf = seen->leaf,
		.proven = *proven,
		.had_tls = had_tls || fingerprint_is_set(&seen->leaf),
		.addresses = mem_strdup(seen->addresses),
		.words = lost ? lost_words(seen->words) : mem_strdup(seen->words),
	};
}

static enum prove_result worst_of(const struct proof_record *proof)
{
	static const unsigned weights[] = {
		[PROVE_MATCHED] = 1, [PROVE_UNPROVEN] = 2, [PROVE_WRONG] = 3
	};
	enum prove_result worst = PROVE_NONE;

	for (size_t i = 0; i < proof->endpoint_count; i++)
		if (weights[proof->endpoints[i].result] > weights[worst])
			worst = proof->endpoints[i].result;
	return worst;
}

char *proof_words(const struct proof_record *proof)
{
	_cleanup_(strv_freep) char **words = NULL;

	for (size_t i = 0; i < proof->endpoint_count; i++)
		if (proof->endpoints[i].result == proof->result)
			strv_append(&words, proof->endpoints[i].words);
	return strv_join(words, "; ");
}

void proof_advise(struct proof_record *proof, const char *advice)
{
	_cleanup_(freep) char *words = NULL;

	for (size_t i = 0; i < proof->endpoint_count; i++) {
		struct endpoint_record *endpoint = &proof->endpoints[i];
		char *advised;

		if (endpoint->result != PROVE_WRONG)
			continue;
		advised = mem_printf("%s: %s", endpoint->words, advice);
		free(endpoint->words);
		endpoint->words = advised;
		break;
	}
	words = proof_words(proof);
	set_result(proof, proof->result, words);
}

struct proof_record proof_judge(const struct proof_record *before, const struct desired_proof *wishes,
	const struct proof_seen *seen, size_t count, usec_t now)
{
	struct proof_record proof = { .result = PROVE_NONE };
	_cleanup_(freep) char *words = NULL;

	for (size_t i = 0; i < count; i++)
		*add_endpoint(&proof) =
			judge_endpoint(proof_find(before, &wishes[i]), &wishes[i], &seen[i], now);
	proof.result = worst_of(&proof);
	words = proof_words(&proof);
	set_result(&proof, proof.result, words);
	return proof;
}

/* --- as one text --- */

/* A field: what it must not hold becomes a space. */
static void append_field(struct buf *text, const char *value, char end)
{
	_cleanup_(freep) char *field = bounded(mem_strdup(value ?: ""), BOUNDED_TEXT);

	for (char *at = field; *at; at++)
		if (*at == '\t' || *at == '\n')
			*at = ' ';
	buf_printf(text, "%s%c", field, end);
}

char *proof_format_endpoints(const struct proof_record *proof)
{
	struct buf text = BUF_NULL;

	for (size_t i = 0; i < proof->endpoint_count; i++) {
		const struct endpoint_record *endpoint = &proof->endpoints[i];
		char leaf[FINGERPRINT_TEXT_SIZE] = "", proven[FINGERPRINT_TEXT_SIZE] = "";

		if (fingerprint_is_set(&endpoint->leaf))
			fingerprint_format(&endpoint->leaf, leaf);
		if (fingerprint_is_set(&endpoint->proven))
			fingerprint_format(&endpoint->proven, proven);
		append_field(&text, endpoint->endpoint, '\t');
		buf_printf(&text, "%s\t%" PRIu64 "\t%s\t%s\t%s\t", names[endpoint->result],
			endpoint->looked_at, leaf, proven, endpoint->had_tls ? "tls" : "");
		append_field(&text, endpoint->addresses, '\t');
		append_field(&text, endpoint->words, '\n');
	}
	return proof->endpoint_count ? buf_take(&text) : NULL;
}

static enum prove_result find_result(const char *name)
{
	for (enum prove_result result = PROVE_MATCHED; result <= PROVE_UNPROVEN; result++)
		if (strcmp(names[result], name) == 0)
			return result;
	return PROVE_NONE;
}

static struct fingerprint parse_leaf(const char *text)
{
	struct fingerprint leaf = { 0 };

	return fingerprint_parse(text, &leaf) == 0 ? leaf : (struct fingerprint){ 0 };
}

enum field { ENDPOINT, RESULT, LOOKED_AT, LEAF, PROVEN, HAD_TLS, ADDRESSES, WORDS, FIELDS };

static void parse_endpoint(char *const fields[FIELDS], struct proof_record *proof)
{
	enum prove_result result = find_result(fields[RESULT]);
	struct endpoint_record *endpoint;

	if (result == PROVE_NONE || !*fields[ENDPOINT])
		return;
	endpoint = add_endpoint(proof);
	endpoint->endpoint = mem_strdup(fields[ENDPOINT]);
	endpoint->result = result;
	endpoint->looked_at = strtoull(fields[LOOKED_AT], NULL, 10);
	endpoint->leaf = parse_leaf(fields[LEAF]);
	endpoint->proven = parse_leaf(fields[PROVEN]);
	endpoint->had_tls = *fields[HAD_TLS];
	endpoint->addresses = *fields[ADDRESSES] ? mem_strdup(fields[ADDRESSES]) : NULL;
	endpoint->words = mem_strdup(fields[WORDS]);
}

void proof_parse_endpoints(const char *text, struct proof_record *proof)
{
	_cleanup_(freep) char *copy = mem_strdup(text ?: "");
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *fields[FIELDS] = { NULL };
		int count = 0;

		while (line && count < FIELDS)
			fields[count++] = strsep(&line, "\t");
		if (count == FIELDS && !line)
			parse_endpoint(fields, proof);
	}
}

/* --- values --- */

bool proof_equal(const struct proof_record *a, const struct proof_record *b)
{
	return a->result == b->result && strcmp(a->text ?: "", b->text ?: "") == 0;
}

void proof_copy(struct proof_record *to, const struct proof_record *from)
{
	*to = (struct proof_record){ .result = from->result, .text = mem_strdup(from->text) };
	for (size_t i = 0; i < from->endpoint_count; i++) {
		const struct endpoint_record *one = &from->endpoints[i];
		struct endpoint_record *endpoint = add_endpoint(to);

		*endpoint = *one;
		endpoint->endpoint = mem_strdup(one->endpoint);
		endpoint->addresses = mem_strdup(one->addresses);
		endpoint->words = mem_strdup(one->words);
	}
}

void proof_record_done(struct proof_record *proof)
{
	free(proof->text);
	proof->text = NULL;
	forget_endpoints(proof);
	proof->result = PROVE_NONE;
}
