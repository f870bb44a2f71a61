/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/renewals.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/source/source.h"

/* So many questions keep ACM's quota for them busy. */
#define ASKED_AT_ONCE 8

struct question {
	struct renewals *renewals;
	char *arn;
	struct source_renewal *call; /* NULL: it is free */
};

struct renewals {
	struct inventory *inventory;
	const struct destination_context *context;
	const struct stock *stock;
	struct question questions[ASKED_AT_ONCE];
	size_t next; /* the first certificate that was not come to; SIZE_MAX: none is left */
	bool all;
};

static void question_done(struct question *question)
{
	source_renewal_cancel(question->call);
	free(question->arn);
	*question = (struct question){ .renewals = question->renewals };
}

static void go_on(struct renewals *renewals);

static void on_answer(
	void *userdata, const char *status, const char *reason, const struct error *err)
{
	struct question *question = userdata;
	struct renewals *renewals = question->renewals;
	const struct tracked_certificate *const *certificates;
	size_t count;

	question->call = NULL;
	certificates = inventory_find_arn(renewals->inventory, question->arn, &count);
	for (size_t i = 0; i < count; i++)
		inventory_renewal_seen(
			renewals->inventory, certificates[i], status, err ? err->text : reason);
	question_done(question);
	go_on(renewals);
	if (!renewals_are_busy(renewals))
		inventory_changed(renewals->inventory);
}

/* --- the next ones --- */

/* Is it to be asked about?  (What is expiring no more is forgotten by the way.) */
static bool is_wanted(
	const struct renewals *renewals, const struct tracked_certificate *certificate)
{
	if (!inventory_is_expiring(renewals->inventory, certificate, NULL)) {
		inventory_renewal_forget(renewals->inventory, certificate);
		return false;
	}
	return certificate->seen && (renewals->all || !certificate->renewal.asked);
}

static bool is_asked(const struct renewals *renewals, const char *arn)
{
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		if (renewals->questions[i].call && strcmp(renewals->questions[i].arn, arn) == 0)
			return true;
	return false;
}

static struct question *find_free(struct renewals *renewals)
{
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		if (!renewals->questions[i].call)
			return &renewals->questions[i];
	return NULL;
}

static void go_on(struct renewals *renewals)
{
	const struct stock *stock = renewals->stock;
	struct question *question = find_free(renewals);

	for (; question && renewals->next < stock->certificate_count; renewals->next++) {
		const struct tracked_certificate *certificate = stock->certificates[renewals->next];

		if (!is_wanted(renewals, certificate) || is_asked(renewals, certificate->arn))
			continue;
		question->arn = mem_strdup(certificate->arn);
		question->call = source_renewal(renewals->context->aws, stock->world->desired,
			certificate->arn, on_answer, question);
		question = find_free(renewals);
	}
}

void renewals_ask(struct renewals *renewals, bool all)
{
	renewals->all = all || (renewals->all && renewals_are_busy(renewals));
	renewals->next = 0;
	go_on(renewals);
}

/* --- birth and death --- */

bool renewals_are_busy(const struct renewals *renewals)
{
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		if (renewals->questions[i].call)
			return true;
	return false;
}

bool renewals_rest(const struct renewals *renewals, size_t first, size_t count)
{
	if (!renewals_are_busy(renewals))
		return true;
	if (renewals->next < first + count)
		return false;
	for (size_t i = first; i < first + count; i++)
		if (is_asked(renewals, renewals->stock->certificates[i]->arn))
			return false;
	return true;
}

void renewals_cancel(struct renewals *renewals)
{
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		question_done(&renewals->questions[i]);
	renewals->next = SIZE_MAX;
}

struct renewals *renewals_new(
	struct inventory *inventory, const struct destination_context *context)
{
	struct renewals *renewals = mem_new(struct renewals);

	renewals->inventory = inventory;
	renewals->context = context;
	renewals->stock = inventory_stock(inventory);
	renewals->next = SIZE_MAX;
	for (size_t i = 0; i < ASKED_AT_ONCE; i++)
		renewals->questions[i].renewals = renewals;
	return renewals;
}

struct renewals *renewals_free(struct renewals *renewals)
{
	if (!renewals)
		return NULL;
	renewals_cancel(renewals);
	free(renewals);
	return NULL;
}
