/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/announce/sentence.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "lib/base/buf.h"

/* --- sentences --- */

struct sentence {
	const struct change_subject *subject;
	const struct change *change;
	unsigned others;
	size_t number; /* the last one that was written: a plural is about it */
	struct buf text;
};

static void put_text(struct sentence *sentence, const char *text)
{
	buf_append_string(&sentence->text, text ?: "");
}

static void put_number(struct sentence *sentence, size_t number)
{
	sentence->number = number;
	buf_printf(&sentence->text, "%zu", number);
}

static void put_name(struct sentence *sentence)
{
	put_text(sentence, sentence->subject->name);
}

static void put_delivery(struct sentence *sentence)
{
	put_text(sentence, sentence->subject->delivery ? sentence->subject->delivery->name : NULL);
}

static void put_target(struct sentence *sentence)
{
	put_text(sentence, sentence->subject->target);
}

static void put_error(struct sentence *sentence)
{
	put_text(sentence, sentence->change->error ? sentence->change->error->text : NULL);
}

static void put_words(struct sentence *sentence)
{
	put_text(sentence, sentence->change->words);
}

static void put_who(struct sentence *sentence)
{
	put_text(sentence, sentence->change->who);
}

static void put_hold(struct sentence *sentence)
{
	put_text(sentence, hold_name(sentence->change->hold));
}

static void put_end(struct sentence *sentence)
{
	char end[TIME_TEXT_SIZE];

	put_text(sentence, time_format(sentence->change->version->not_after, end));
}

static void put_again(struct sentence *sentence)
{
	char when[TIME_TEXT_SIZE];

	if (sentence->change->next_try)
		buf_printf(&sentence->text, "; next try at %s", time_format(sentence->change->next_try, when));
}

static void put_count(struct sentence *sentence)
{
	put_number(sentence, sentence->change->count);
}

static void put_total(struct sentence *sentence)
{
	put_number(sentence, sentence->change->total);
}

static void put_others(struct sentence *sentence)
{
	if (sentence->others)
		buf_printf(&sentence->text, " (and %u more since the last warning)", sentence->others);
}

static void put_plural(struct sentence *sentence, const char *word, size_t one, size_t length)
{
	if (sentence->number == 1)
		buf_append(&sentence->text, word, one);
	else
		buf_append(&sentence->text, word + one + 1, length - one - 1);
}

static void put_word(struct sentence *sentence, const char *word, size_t length)
{
	static const struct {
		const char *word;
		void (*put)(struct sentence *sentence);
	} words[] = {
		{ "name", put_name },
		{ "delivery", put_delivery },
		{ "target", put_target },
		{ "error", put_error },
		{ "words", put_words },
		{ "who", put_who },
		{ "hold", put_hold },
		{ "end", put_end },
		{ "again", put_again },
		{ "count", put_count },
		{ "total", put_total },
		{ "others", put_others },
	};
	const char *bar = memchr(word, '|', length);

	if (bar) {
		put_plural(sentence, word, (size_t)(bar - word), length);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == length && memcmp(words[i].word, word, length) == 0) {
			words[i].put(sentence);
			return;
		}
	assert(!"a sentence has a word in braces that nobody knows");
}

char *sentence_make(
	const char *pattern, const struct change_subject *subject, const struct change *change, unsigned others)
{
	struct sentence sentence = { .subject = subject, .change = change, .others = others, .text = BUF_NULL };

	while (*pattern) {
		size_t plain = strcspn(pattern, "{"), length;

		buf_append(&sentence.text, pattern, plain);
		pattern += plain;
		if (!*pattern)
			break;
		length = strcspn(pattern + 1, "}");
		assert(pattern[1 + length] == '}');
		put_word(&sentence, pattern + 1, length);
		pattern += 1 + length + 1;
	}
	return buf_take(&sentence.text);
}

/* --- fields --- */

static void add_certificate(struct log_fields *fields, const char *name, const char *arn)
{
	log_field(fields, "CERTFERRY_CERTIFICATE", "%s", name);
	log_field(fields, "CERTFERRY_SOURCE_ARN", "%s", arn);
}

static void add_delivery(struct log_fields *fields, const struct delivery *delivery)
{
	const struct place *place = delivery->place;

	add_certificate(fields, delivery->certificate, delivery->source_arn);
	log_field(fields, "CERTFERRY_DELIVERY", "%s", delivery->name);
	log_field(fields, "CERTFERRY_DESTINATION", "%s", place->destination->name);
	log_field(fields, "CERTFERRY_OBJECT", "%s", delivery->object);
	if (place_part(place, "account"))
		log_field(fields, "CERTFERRY_ACCOUNT", "%s", place_part(place, "account"));
	if (place_part(place, "region"))
		log_field(fields, "CERTFERRY_REGION", "%s", place_part(place, "region"));
}

static void add_subject(struct log_fields *fields, const struct change_subject *subject)
{
	if (subject->delivery)
		add_delivery(fields, subject->delivery);
	else if (subject->source_arn)
		add_certificate(fields, subject->name, subject->source_arn);
	if (subject->target)
		log_field(fields, "CERTFERRY_DEPENDENT", "%s", subject->name);
	if (subject->unit)
		log_field(fields, "CERTFERRY_UNIT", "%s", subject->unit);
}

static void add_version(struct log_fields *fields, const struct version *version)
{
	char fingerprint[DIGEST_TEXT_SIZE], end[TIME_TEXT_SIZE];

	if (digest_is_set(&version->digest)) /* of what others put there the dates may be all */
		log_field(fields, "CERTFERRY_FINGERPRINT", "%s",
			digest_format(&version->digest, fingerprint));
	log_field(fields, "CERTFERRY_NOT_AFTER", "%s", time_format(version->not_after, end));
}

static void add_error(struct log_fields *fields, const struct error *err)
{
	log_field(fields, "CERTFERRY_ERROR_KIND", "%s", error_kind_name(err->kind));
	log_field(fields, "CERTFERRY_ERROR_CODE", "%d", err->code);
	log_field(fields, "CERTFERRY_ERROR", "%s", err->text ?: "");
}

void sentence_fields(const struct change_subject *subject, const struct change *change, struct log_fields *fields)
{
	char when[TIME_TEXT_SIZE];

	add_subject(fields, subject);
	if (change->version)
		add_version(fields, change->version);
	if (change->error)
		add_error(fields, change->error);
	if (change->next_try) {
		log_field(fields, "CERTFERRY_ATTEMPT", "%u", change->attempt);
		log_field(fields, "CERTFERRY_NEXT_TRY", "%s", time_format(change->next_try, when));
	}
	if (change->hold)
		log_field(fields, "CERTFERRY_HOLD", "%s", hold_name(change->hold));
	if (change->event == CHANGE_APPROVED)
		log_field(fields, "CERTFERRY_APPROVED_BY", "%s", change->who);
}
