/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dependent is at one step at a time:
 *	GLANCE	does its endpoint serve TLS, before it is told?	prove != NULL, glance != NULL
 *	LOOK	it is being looked at				call != NULL
 *	RESUME	an intent was found: what came of it?		call != NULL
 *	TELL	its intent is on disk, it is being told		call != NULL
 *	PROVE	told; what it serves is being looked at		prove != NULL
 * and then what it was owed is settled, or the failure is written down; or what it serves is what
 * it served before, and it is told once more, with more than its action ("escalated").
 *
 * Where the record was lost it is only questioned: LOOK, then PROVE, and neither causes a restart; they find out
 * whether one is owed.
 */
#include "daemon/actor/tell.h"

#include <stdlib.h>
#include <string.h>

#include <systemd/sd-event.h>

#include "daemon/dependent/prove_all.h"
#include "daemon/transition/dependent.h"
#include "daemon/transition/schedule.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

/* How long a telling waits for a look at what is to be read. */
#define LOOK_AWAITED USEC_PER_SEC

/* How long a telling waits for a glance at what is served before it. */
#define GLANCE_AWAITED (3 * USEC_PER_SEC)

/* What an endpoint may rightly serve, the likeliest first. */
struct wants {
	struct prove_want *list;
	size_t count;
	bool by_name; /* the proof's name told them: they are of this endpoint, and no other */
};

/* What a telling is about: the rows as they were when it began, for others may come meanwhile. */
struct telling {
	struct telling *next;
	struct tell *tell;
	const struct tracked_dependent *dependent;
	struct dependent_call *call;
	struct prove_all *prove;
	struct sd_event_source *glance; /* its time limit */
	bool *had_tls; /* of each endpoint at which a glance was cast; or NULL */
	struct owed_record *rows;
	size_t count;
	usec_t in_place_since; /* the latest of the due rows */
	bool question; /* the record was lost: find out whether anything is owed */
	bool told; /* a job was done, or was found to have been done */
	bool reloaded; /* that was a reload, which should leave its ports as they were */
	struct wants *wants; /* of each endpoint that is being looked at */
	size_t wants_count;
	bool escalated; /* its action was in vain: more is to be done */
	bool settled; /* nothing of its rows is owed any more: they are what it was told of before */
};

struct tell {
	struct inventory *inventory;
	const struct stock *stock;
	struct dependent_host host;
	struct telling *tellings;
};

static void forget_wants(struct telling *telling)
{
	for (size_t i = 0; i < telling->wants_count; i++)
		free(telling->wants[i].list);
	free(telling->wants);
	telling->wants = NULL;
	telling->wants_count = 0;
}

static void telling_end(struct telling *telling)
{
	for (struct telling **at = &telling->tell->tellings; *at; at = &(*at)->next)
		if (*at == telling) {
			*at = telling->next;
			break;
		}
	dependent_cancel(telling->call);
	prove_all_cancel(telling->prove);
	sd_event_source_disable_unref(telling->glance);
	free(telling->had_tls);
	inventory_release_dependent(telling->tell->inventory, telling->dependent);
	for (size_t i = 0; i < telling->count; i++)
		owed_record_done(&telling->rows[i]);
	free(telling->rows);
	forget_wants(telling);
	free(telling);
}

static struct telling *telling_new(struct tell *tell, const struct tracked_dependent *dependent)
{
	struct telling *telling = mem_new(struct telling);

	*telling = (struct telling){ .next = tell->tellings, .tell = tell, .dependent = dependent };
	tell->tellings = telling;
	inventory_claim_dependent(tell->inventory, dependent);
	return telling;
}

/* What it is owed now, or, where it is owed nothing, what is not known. */
static void copy_rows(struct telling *telling)
{
	const struct tracked_dependent *dependent = telling->dependent;

	telling->question = true;
	for (size_t i = 0; i < dependent->owed_count; i++)
		if (dependent->owed[i]->owed == OWED_DUE)
			telling->question = false;
	telling->rows = mem_alloc(dependent->owed_count * sizeof(*telling->rows));
	for (size_t i = 0; i < dependent->owed_count; i++) {
		const struct owed_record *row = dependent->owed[i];

		if (row->owed != (telling->question ? OWED_UNKNOWN : OWED_DUE))
			continue;
		telling->rows[telling->count] = *row;
		telling->rows[telling->count].dependent = mem_strdup(row->dependent);
		telling->rows[telling->count].delivery = mem_strdup(row->delivery);
		telling->in_place_since = MAX(telling->in_place_since, row->since);
		telling->escalated |= transition_is_escalated(&dependent->record, row);
		telling->count++;
	}
}

/* --- ends --- */

static void tell_failed(struct telling *telling, const struct error *err)
{
	inventory_tell_failed(telling->tell->inventory, telling->dependent, err);
	telling_end(telling);
}

/* Everything that the telling was about is settled; ${proof} is what was seen of it, or NULL. */
static void tell_settled(struct telling *telling, const struct proof_record *proof)
{
	const struct digest served = digest_of_leaf(
		proof ? &proof->endpoints[0].leaf : &(struct fingerprint){ 0 });

	inventory_told(telling->tell->inventory, telling->dependent,
		&(struct told_fact){
			.rows = telling->rows,
			.count = telling->settled ? 0 : telling->count,
			.told = telling->told,
			.proof = proof,
			.version = &served,
		});
	telling_end(telling);
}

/* What it was told of, it goes on without. */
static void tell_escalated(struct telling *telling, const struct digest *version,
	const struct proof_record *proof)
{
	inventory_tell_escalated(telling->tell->inventory, telling->dependent,
		&(struct told_fact){
			.rows = telling->rows,
			.count = telling->count,
			.proof = proof,
			.version = version,
		});
	telling_end(telling);
}

/* It cannot be known, and so it is not restarted; it stays a question, and status shows it. */
static void tell_unknown(struct telling *telling)
{
	inventory_tell_unknown(telling->tell->inventory, telling->dependent);
	telling_end(telling);
}

/* The questioned rows turned out to be owed. */
static void tell_owed_after_all(struct telling *telling)
{
	inventory_owed_after_all(telling->tell->inventory, telling->dependent);
	telling_end(telling);
}

static void tell_later(struct telling *telling, usec_t when)
{
	inventory_tell_put_off(telling->tell->inventory, telling->dependent, when);
	telling_end(telling);
}

/* --- proof --- */

static void say_proof(const struct telling *telling, const struct proof_record *proof)
{
	static const enum change_event events[] = {
		[PROVE_MATCHED] = CHANGE_SERVES,
		[PROVE_WRONG] = CHANGE_SERVES_WRONG,
		[PROVE_UNPROVEN] = CHANGE_SERVES_UNSEEN,
	};
	_cleanup_(freep) char *words = proof_words(proof);
	const struct change change = { .event = events[proof->result], .words = words };

	say_dependent(telling->tell->inventory, telling->dependent, &change);
}

/* Does the certificate of this delivery cover the name that the proof asks for? */
static bool proof_is_about(
	const struct desired_proof *proof, const struct tracked_delivery *delivery)
{
	_cleanup_(freep) char *host = NULL, *port = NULL;
	const bool is_split = proof_split(proof->connect, &host, &port);
	/* Whom no name is sent, it shows what it shows for the host. */
	const bool sent = proof->server_name && strcmp(proof->server_name, PROVE_NO_NAME) != 0;
	const char *name = sent ? proof->server_name : is_split ? host : "";
	const char *rest = strchr(name, '.');
	_cleanup_(freep) char *wildcard = rest ? mem_printf("*%s", rest) : mem_strdup("");
	const struct source_certificate *seen = delivery->certificate->seen;

	return seen && (strv_has(seen->names, name) || strv_has(seen->names, wildcard));
}

static void add_want(struct wants *wants, const struct prove_want *want, bool first)
{
	for (size_t i = 0; i < wants->count; i++)
		if (fingerprint_equal(&wants->list[i].leaf, &want->leaf))
			return;
	wants->list = mem_resize(wants->list, wants->count + 1, sizeof(*wants->list));
	if (first)
		memmove(wants->list + 1, wants->list, wants->count * sizeof(*wants->list));
	wants->list[first ? 0 : wants->count] = *want;
	wants->count++;
}

/* What is in place at a delivery. */
static struct prove_want want_of(const struct tracked_delivery *delivery)
{
	const struct source_certificate *source = delivery->certificate->seen;

	return (struct prove_want){
		.leaf = digest_leaf(&delivery->observed.version.digest),
		.key = leaf_key_find(source ? source->key_algorithm : NULL),
	};
}

/* The version of a row, of which more is known where it is in place still. */
static struct prove_want want_of_row(const struct telling *telling, const struct owed_record *row)
{
	const struct stock *stock = telling->tell->stock;
	const struct slot *slot = stock_find_slot(stock, row->delivery);
	const struct source_certificate *source = slot ? stock_certificate(stock, slot)->seen : NULL;

	return (struct prove_want){
		.leaf = digest_leaf(&row->digest),
		.key = leaf_key_find(source ? source->key_algorithm : NULL),
	};
}

/* The delivery of a slot, if the dependent is told of it and a version is in place there. */
static const struct tracked_delivery *find_served(const struct telling *telling, size_t slot)
{
	const struct stock *stock = telling->tell->stock;
	const struct tracked_delivery *delivery;

	if (!strv_has(stock_wish(stock, &stock->slots[slot])->then, telling->dependent->name))
		return NULL;
	delivery = inventory_open(telling->tell->inventory, slot);
	return delivery->observed.state == OBSERVED_PRESENT ? delivery : NULL;
}

/* The versions in place of all deliveries that this dependent serves: the endpoint shows one of
 * them.  Where the proof's name tells which, only that one counts. */
static struct wants find_wants(const struct telling *telling, const struct desired_proof *proof)
{
	const size_t count = telling->tell->stock->delivery_count;
	struct wants wants = { NULL, 0, false };

	for (size_t i = 0; i < count; i++) {
		const struct tracked_delivery *delivery = find_served(telling, i);

		if (delivery && proof_is_about(proof, delivery)) {
			const struct prove_want want = want_of(delivery);

			wants.by_name = true;
			add_want(&wants, &want, false);
		}
	}
	for (size_t i = 0; i < count && !wants.by_name; i++) {
		const struct tracked_delivery *delivery = find_served(telling, i);
		const struct prove_want want =
			delivery ? want_of(delivery) : (struct prove_want){ 0 };

		if (delivery)
			add_want(&wants, &want, false);
	}
	for (size_t i = 0; i < telling->count && !wants.by_name; i++) {
		const struct prove_want want = want_of_row(telling, &telling->rows[i]);

		add_want(&wants, &want, true);
	}
	return wants;
}

/* Is what ${row} is about there, whole, as far as it was looked at?  */
static bool row_is_in_place(const struct telling *telling, const struct owed_record *row)
{
	const struct slot *slot = stock_find_slot(telling->tell->stock, row->delivery);
	const struct tracked_delivery *delivery =
		slot ? find_served(telling, (size_t)(slot - telling->tell->stock->slots)) : NULL;

	return delivery && digest_equal(&delivery->observed.version.digest, &row->digest);
}

/* The first of the versions that it was told of which ${wants} have, and which is in place still; or
 * NULL. */
static const struct digest *find_untaken(const struct telling *telling, const struct wants *wants)
{
	for (size_t i = 0; i < wants->count; i++)
		for (size_t row = 0; row < telling->count; row++) {
			const struct digest *version = &telling->rows[row].digest;
			const struct fingerprint leaf = digest_leaf(version);

			if (fingerprint_equal(&leaf, &wants->list[i].leaf) &&
				row_is_in_place(telling, &telling->rows[row]))
				return version;
		}
	return NULL;
}

/* What is wrong at its endpoints together: the former version only where each that does not show the
 * new one shows that. */
static struct proven_wrong wrong_of(const struct telling *telling, const struct proof_seen *seen)
{
	struct proven_wrong wrong = { .former = true, .own = true };

	for (size_t i = 0; i < telling->wants_count; i++) {
		if (seen[i].result == PROVE_MATCHED)
			continue;
		wrong.version = wrong.version ?: find_untaken(telling, &telling->wants[i]);
		wrong.former &= seen[i].former;
		wrong.own &= seen[i].own;
	}
	return wrong;
}

/* It serves something else after the full time. */
static void told_in_vain(struct telling *telling, const struct proof_seen *seen,
	struct proof_record *proof)
{
	const struct tracked_dependent *dependent = telling->dependent;
	const struct proven_wrong wrong = wrong_of(telling, seen);

	switch (transition_escalation(&dependent->record, &dependent->words, &wrong)) {
	case ESCALATION_DO:
		tell_escalated(telling, wrong.version, proof);
		return;
	case ESCALATION_ADVISE:
		proof_advise(proof, dependent->words.advice);
		break;
	default:
		break;
	}
	say_proof(telling, proof);
	tell_settled(telling, proof);
}

/* With what a glance saw before; and who was reloaded and listens no more has lost its TLS, while one
 * that was restarted may still be at its start. */
static struct proof_record judge_seen(const struct telling *telling, const struct proof_seen *seen)
{
	const struct tracked_dependent *dependent = telling->dependent;
	const size_t count = dependent->dependent->prove_count;
	_cleanup_(freep) struct proof_seen *all = mem_alloc(count * sizeof(*all));

	for (size_t i = 0; i < count; i++) {
		all[i] = seen[i];
		all[i].had_tls = telling->had_tls && telling->had_tls[i];
		all[i].no_tls |= seen[i].refused && telling->reloaded;
	}
	return proof_judge(&dependent->record.proof, dependent->dependent->prove, all, count,
		inventory_now(telling->tell->inventory));
}

static void on_proven(void *userdata, const struct proof_seen *seen)
{
	struct telling *telling = userdata;
	struct proof_record proof = judge_seen(telling, seen);

	telling->prove = NULL;
	if (!telling->question && proof.result == PROVE_WRONG) {
		told_in_vain(telling, seen, &proof);
		proof_record_done(&proof);
		return;
	}
	say_proof(telling, &proof);
	if (telling->question && proof.result == PROVE_WRONG)
		tell_owed_after_all(telling);
	else if (telling->question && proof.result == PROVE_UNPROVEN)
		tell_unknown(telling);
	else
		tell_settled(telling, &proof);
	proof_record_done(&proof);
}

/* The version that it was last seen to serve there. */
static struct fingerprint former_of(const struct dependent_record *record, const struct desired_proof *proof)
{
	const struct endpoint_record *seen = proof_find(&record->proof, proof);

	if (seen)
		return seen->proven;
	return record->proof.endpoint_count ? (struct fingerprint){ 0 } : digest_leaf(&record->proven);
}

/* False: there is nothing to look at, or nothing that should be seen there. */
static bool start_proof(struct telling *telling)
{
	const struct desired_dependent *dependent = telling->dependent->dependent;
	const size_t count = dependent->prove_count;
	_cleanup_(freep) struct prove_request *requests = mem_alloc(count * sizeof(*requests));
	size_t wanted = 0;

	forget_wants(telling);
	telling->wants = mem_alloc(count * sizeof(*telling->wants));
	telling->wants_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct wants wants = find_wants(telling, &dependent->prove[i]);

		telling->wants[i] = wants;
		wanted += wants.count;
		requests[i] = (struct prove_request){
			.proof = &dependent->prove[i],
			.wants = wants.list,
			.want_count = wants.count,
			.each_key = wants.by_name,
			.former = former_of(&telling->dependent->record, &dependent->prove[i]),
		};
	}
	if (wanted > 0)
		telling->prove = prove_all_start(
			telling->tell->host.event, requests, count, on_proven, telling);
	return wanted > 0;
}

/* Told (or found told): with a proof where one is asked for. */
static void tell_succeeded(struct telling *telling)
{
	if (!start_proof(telling))
		tell_settled(telling, NULL);
}

/* What it was told of, and settled: the versions that are in place now. */
static void recall_rows(struct telling *telling)
{
	const struct stock *stock = telling->tell->stock;

	telling->settled = true;
	for (size_t i = 0; i < stock->delivery_count; i++) {
		const struct tracked_delivery *delivery = find_served(telling, i);

		if (!delivery)
			continue;
		telling->rows =
			mem_resize(telling->rows, telling->count + 1, sizeof(*telling->rows));
		telling->rows[telling->count++] = (struct owed_record){
			.dependent = mem_strdup(telling->dependent->name),
			.delivery = mem_strdup(delivery->delivery->name),
			.digest = delivery->observed.version.digest,
			.owed = OWED_DUE,
			.since = delivery->observed.changed_at
					 ?: telling->dependent->record.told_at,
		};
	}
}

void tell_prove_again(struct tell *tell, const struct tracked_dependent *dependent)
{
	struct telling *telling = telling_new(tell, dependent);

	recall_rows(telling);
	if (start_proof(telling))
		return;
	inventory_prove_later(
		tell->inventory, dependent, inventory_now(tell->inventory) + PROVE_AGAIN);
	telling_end(telling);
}

/* --- the job --- */

/* What it is, and how it is told this time.  Good until the world changes. */
static const struct desired_dependent *told_as(
	const struct telling *telling, struct desired_dependent *stronger)
{
	const struct desired_dependent *dependent = telling->dependent->dependent;

	return telling->escalated && dependent_strengthen(dependent, stronger) ? stronger : dependent;
}

/* "restart", "Restarted": of this time. */
static struct dependent_words words_of(const struct telling *telling)
{
	struct desired_dependent stronger;

	return dependent_describe(told_as(telling, &stronger));
}

static void start_look(struct telling *telling);

static void on_told(void *userdata, enum told told, const struct error *err)
{
	struct telling *telling = userdata;
	_cleanup_(dependent_words_done) struct dependent_words words = words_of(telling);
	_cleanup_(freep) char *unhung = NULL;
	struct change change;

	telling->call = NULL;
	if (told == TOLD_FAILED) {
		inventory_tell_not_asked(telling->tell->inventory, telling->dependent);
		tell_failed(telling, err);
		return;
	}
	telling->told = told == TOLD_DONE || told == TOLD_DONE_STRONGER;
	telling->reloaded = told == TOLD_DONE && words.reloads;
	if (told == TOLD_DONE_STRONGER)
		unhung = mem_printf(
			"Ended the reload that hung, by a %s of", words.stronger ?: words.action);
	change = (struct change){
		.event = told == TOLD_STOPPED ? CHANGE_TOLD_STOPPED : CHANGE_TOLD,
		.words = unhung ?: words.done ?: words.action,
	};
	say_dependent(telling->tell->inventory, telling->dependent, &change);
	if (told == TOLD_STOPPED)
		tell_settled(telling, NULL);
	else
		tell_succeeded(telling);
}

static struct dependent_intent last_intent(const struct tracked_dependent *dependent)
{
	return (struct dependent_intent){ dependent->record.token, dependent->record.intended_at };
}

static struct tell_request request_for(
	const struct telling *telling, struct desired_dependent *stronger)
{
	return (struct tell_request){
		.dependent = told_as(telling, stronger),
		.again = telling->dependent->hangs,
		.not_before = telling->in_place_since,
		.intent = last_intent(telling->dependent),
	};
}

static void start_tell(struct telling *telling, const char *token)
{
	struct tell *tell = telling->tell;
	struct desired_dependent stronger;
	struct tell_request request;

	if (!inventory_tell_intended(tell->inventory, telling->dependent, token)) {
		telling_end(telling);
		return;
	}
	request = request_for(telling, &stronger);
	telling->call = dependent_tell(&tell->host, &request, on_told, telling);
}

/* What it was asked before a crash is known now, or that it was asked nothing, or neither: then
 * the intent stays open. */
static void on_resumed(void *userdata, enum told told, const struct error *err)
{
	struct telling *telling = userdata;

	telling->call = NULL;
	if (told == TOLD_FAILED) {
		tell_failed(telling, err);
	} else if (told == TOLD_NOTHING) {
		inventory_tell_not_asked(telling->tell->inventory, telling->dependent);
		start_look(telling);
	} else {
		telling->told = true;
		tell_succeeded(telling);
	}
}

static void start_resume(struct telling *telling)
{
	struct desired_dependent stronger;
	const struct tell_request request = request_for(telling, &stronger);

	telling->call = dependent_resume(&telling->tell->host, &request, on_resumed, telling);
}

/* Whoever is restarted must find what it reads at its start: is it there, whole, at all places of
 * which the action was in vain?  False: it was put off, or it is not there. */
static bool may_do_more(struct telling *telling)
{
	const struct stock *stock = telling->tell->stock;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	for (size_t i = 0; i < telling->count; i++) {
		const struct owed_record *row = &telling->rows[i];
		const struct slot *slot = stock_find_slot(stock, row->delivery);

		if (!transition_is_escalated(&telling->dependent->record, row))
			continue;
		if (slot && (slot->look_wanted || slot->claimed_by)) {
			tell_later(telling, inventory_now(telling->tell->inventory) + LOOK_AWAITED);
			return false;
		}
		if (row_is_in_place(telling, row))
			continue;
		error_set(&err, ERROR_RETRY, 0,
			"what '%s' delivers is missing or damaged, and the unit reads it at its start, so certferryd "
			"does not restart it",
			row->delivery);
		tell_failed(telling, &err);
		return false;
	}
	return true;
}

static void judge_owed(struct telling *telling, const struct dependent_seen *seen)
{
	struct dependent_facts facts = {
		.since = telling->in_place_since,
		.intent = last_intent(telling->dependent),
		.told_at = telling->dependent->record.told_at,
		.now = inventory_now(telling->tell->inventory),
	};
	struct desired_dependent stronger;
	struct dependent_verdict verdict;

	/* What was asked of it before the newest version was in place says nothing of that one. */
	if (facts.intent.at < facts.since)
		facts.intent.at = 0;
	verdict = dependent_judge(told_as(telling, &stronger), seen, &facts);
	switch (verdict.is) {
	case JUDGED_RESUME:
		start_resume(telling);
		break;
	case JUDGED_TOLD:
		tell_succeeded(telling);
		break;
	case JUDGED_LATER:
		tell_later(telling, verdict.when);
		break;
	default:
		if (!telling->escalated || may_do_more(telling))
			start_tell(telling, verdict.token);
	}
}

/* The earliest moment at which all questioned versions were in place, or 0 where that cannot be
 * known. */
static usec_t questioned_since(const struct telling *telling)
{
	const struct stock *stock = telling->tell->stock;
	usec_t since = 0;

	for (size_t i = 0; i < telling->count; i++) {
		const struct slot *slot = stock_find_slot(stock, telling->rows[i].delivery);
		const struct tracked_delivery *delivery =
			slot ? inventory_open(
				       telling->tell->inventory, (size_t)(slot - stock->slots))
			     : NULL;

		if (!delivery || !delivery->observed.changed_at)
			return 0;
		since = MAX(since, delivery->observed.changed_at);
	}
	return since;
}

static void judge_question(struct telling *telling, const struct dependent_seen *seen)
{
	const struct desired_dependent *dependent = telling->dependent->dependent;
	const struct dependent_facts facts = {
		.question = true,
		.since = questioned_since(telling),
		.now = inventory_now(telling->tell->inventory),
	};
	const struct dependent_verdict verdict = dependent_judge(dependent, seen, &facts);

	if (verdict.is != JUDGED_STOPPED && start_proof(telling))
		return;
	if (verdict.is == JUDGED_STOPPED || verdict.is == JUDGED_TOLD)
		tell_settled(telling, NULL);
	else if (verdict.is == JUDGED_TELL)
		tell_owed_after_all(telling);
	else
		tell_unknown(telling);
}

static void on_looked(void *userdata, const struct dependent_seen *seen, const struct error *err)
{
	struct telling *telling = userdata;

	telling->call = NULL;
	if (err)
		tell_failed(telling, err);
	else if (telling->question)
		judge_question(telling, seen);
	else
		judge_owed(telling, seen);
}

static void start_look(struct telling *telling)
{
	struct desired_dependent stronger;

	telling->call = dependent_look(
		&telling->tell->host, told_as(telling, &stronger), on_looked, telling);
}

/* --- the glance: that a reload lost TLS can be known only of who had it --- */

static void glance_end(struct telling *telling)
{
	telling->prove = prove_all_cancel(telling->prove);
	telling->glance = sd_event_source_disable_unref(telling->glance);
	start_look(telling);
}

static void on_glanced(void *userdata, const struct proof_seen *seen)
{
	struct telling *telling = userdata;
	const size_t count = telling->dependent->dependent->prove_count;

	telling->prove = NULL;
	telling->had_tls = mem_alloc(count * sizeof(*telling->had_tls));
	for (size_t i = 0; i < count; i++)
		telling->had_tls[i] = fingerprint_is_set(&seen[i].leaf);
	glance_end(telling);
}

static int on_glance_limit(sd_event_source *source, usec_t now, void *userdata)
{
	glance_end(userdata);
	return 0;
}

/* Is it about to be told, and is there an endpoint of which that is not recorded? */
static bool needs_glance(const struct telling *telling)
{
	const struct desired_dependent *dependent = telling->dependent->dependent;

	for (size_t i = 0; !telling->question && i < dependent->prove_count; i++) {
		const struct endpoint_record *seen =
			proof_find(&telling->dependent->record.proof, &dependent->prove[i]);

		if (!seen || !seen->had_tls)
			return true;
	}
	return false;
}

static void start_glance(struct telling *telling)
{
	const struct desired_dependent *dependent = telling->dependent->dependent;
	struct sd_event *event = telling->tell->host.event;
	const size_t count = dependent->prove_count;
	_cleanup_(freep) struct prove_request *requests = mem_alloc(count * sizeof(*requests));

	for (size_t i = 0; i < count; i++)
		requests[i] = (struct prove_request){ .proof = &dependent->prove[i], .once = true };
	telling->prove = prove_all_start(event, requests, count, on_glanced, telling);
	if (sd_event_add_time_relative(event, &telling->glance, CLOCK_MONOTONIC, GLANCE_AWAITED, 0,
		    on_glance_limit, telling) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(telling->glance, "tell-glance");
}

void tell_start(struct tell *tell, const struct tracked_dependent *dependent)
{
	struct telling *telling = telling_new(tell, dependent);

	copy_rows(telling);
	if (needs_glance(telling))
		start_glance(telling);
	else
		start_look(telling);
}

/* --- birth and death --- */

bool tell_is_busy(const struct tell *tell)
{
	return tell->tellings != NULL;
}

void tell_new_world(struct tell *tell, const struct world *world)
{
	struct telling *next;

	for (struct telling *telling = tell->tellings; telling; telling = next) {
		next = telling->next;
		if (!inventory_keeps_dependent(world, telling->dependent))
			telling_end(telling);
	}
}

void tell_cancel(struct tell *tell)
{
	while (tell->tellings)
		telling_end(tell->tellings);
}

struct tell *tell_new(struct inventory *inventory, const struct dependent_host *host)
{
	struct tell *tell = mem_new(struct tell);

	tell->inventory = inventory;
	tell->stock = inventory_stock(inventory);
	tell->host = *host;
	return tell;
}

struct tell *tell_free(struct tell *tell)
{
	if (!tell)
		return NULL;
	tell_cancel(tell);
	free(tell);
	return NULL;
}
