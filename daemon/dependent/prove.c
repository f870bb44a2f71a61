/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/prove.h"

#include <stdlib.h>
#include <string.h>

#include <systemd/sd-event.h>

#include "daemon/dependent/handshake.h"
#include "daemon/dependent/own.h"
#include "daemon/dependent/resolve.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

/*
 * A proof is at one step at a time:
 *	WAIT	it waits its turn				see turn.h
 *	RESOLVE	the host's addresses are being looked up	resolve != NULL
 *	LOOK	each address is looked at, some side by side	probes != NULL
 *	BAD	what is to be connected to makes no sense	defer != NULL
 * It ends when every address shows the wanted leaf, or at the time limit with what was seen last.
 */
struct probe {
	struct prove *prove;
	struct address address;
	struct handshake *handshake; /* looking */
	bool wants; /* to look, as soon as it may */
	struct sd_event_source *pause;
	/* Servers that have an RSA and an EC certificate show most clients one of them, so that a
	 * look can take several handshakes, one for each of these kinds. */
	enum leaf_key asks;
	struct served shown[LEAF_KEYS]; /* to who asks so, in the look under way */
	bool asked[LEAF_KEYS];
	struct served last[LEAF_KEYS]; /* of the last look that was complete */
	const char *why; /* of that: no answer, in words that stand in last */
	unsigned looks;
};

struct prove {
	struct sd_event *event;
	struct turn turn;
	char *connect; /* as configured, for words */
	char *host;
	char *port;
	char *server_name; /* NULL: none is sent */
	char *domain; /* whom XMPP speaks to */
	enum starttls_protocol starttls;
	enum proxy_protocol proxy_protocol;
	struct prove_want *wants;
	size_t want_count;
	struct fingerprint former;
	bool each_key, once;
	struct sd_event_source *timer;
	struct sd_event_source *defer;
	struct resolve *resolve;
	struct probe *probes;
	size_t probe_count;
	size_t looking; /* of them */
	size_t next; /* address to look at, if it wants to */
	usec_t within;
	usec_t began; /* its turn */
	prove_done_fn on_done;
	void *userdata;
};

#define AGAIN_AFTER  (500 * USEC_PER_MSEC)
/* Each look leaves a line in some servers' logs: one that takes minutes is asked less and less
 * often, after so small a part of the time that it has taken already. */
#define AGAIN_PART   20
#define LOOK_TIMEOUT (3 * USEC_PER_SEC)
/* Mail servers let clients wait for the greeting (postscreen 6 s), and FTP's look up names. */
#define TALK_TIMEOUT (8 * USEC_PER_SEC)

static const char *const key_words[] = {
	[LEAF_ANY] = "other",
	[LEAF_RSA] = "RSA",
	[LEAF_EC] = "EC",
};

/* Fingerprints are told apart by as much as names their directories. */
#define SHORT_FINGERPRINT 16

struct prove *prove_cancel(struct prove *prove)
{
	if (!prove)
		return NULL;
	turn_leave(&prove->turn);
	for (size_t i = 0; i < prove->probe_count; i++) {
		handshake_cancel(prove->probes[i].handshake);
		sd_event_source_disable_unref(prove->probes[i].pause);
	}
	free(prove->probes);
	resolve_cancel(prove->resolve);
	sd_event_source_disable_unref(prove->defer);
	sd_event_source_disable_unref(prove->timer);
	free(prove->wants);
	free(prove->domain);
	free(prove->server_name);
	free(prove->port);
	free(prove->host);
	free(prove->connect);
	free(prove);
	return NULL;
}

/* Of all that the name has; the caller owns it. */
static char *words_addresses(const struct prove *prove)
{
	_cleanup_(strv_freep) char **list = NULL;

	for (size_t i = 0; i < prove->probe_count; i++) {
		char address[ADDRESS_TEXT_SIZE];

		strv_append(&list, address_format(&prove->probes[i].address, address));
	}
	return list ? strv_join(list, " ") : NULL;
}

/* The only end.  ${seen} has all but its words, of which ${what} is the second half. */
static void prove_finish(struct prove *prove, struct proof_seen *seen, const char *what)
{
	_cleanup_(freep) char *words = mem_printf("%s: %s", prove->connect, what);
	_cleanup_(freep) char *addresses = words_addresses(prove);
	prove_done_fn done = prove->on_done;
	void *userdata = prove->userdata;

	seen->words = words;
	seen->addresses = addresses;
	prove_cancel(prove);
	done(userdata, seen);
}

/* --- what an address shows --- */

static bool prove_wants(const struct prove *prove, const struct served *served)
{
	for (size_t i = 0; i < prove->want_count; i++)
		if (fingerprint_equal(&served->leaf, &prove->wants[i].leaf))
			return true;
	return false;
}

static bool prove_wants_key(const struct prove *prove, enum leaf_key key)
{
	for (size_t i = 0; i < prove->want_count; i++)
		if (prove->wants[i].key == key)
			return true;
	return false;
}

/* Has it two kinds of keys, of which it shows a wrong leaf beside a right one? */
static bool shows_wrong_key(const struct prove *prove, const struct served shown[LEAF_KEYS])
{
	for (enum leaf_key key = LEAF_RSA; prove->each_key && key < LEAF_KEYS; key++)
		if (fingerprint_is_set(&shown[key].leaf) && shown[key].key == key &&
			prove_wants_key(prove, key) && !prove_wants(prove, &shown[key]))
			return true;
	return false;
}

static bool shows_wanted(const struct prove *prove, const struct served shown[LEAF_KEYS])
{
	for (enum leaf_key key = LEAF_ANY; key < LEAF_KEYS; key++)
		if (prove_wants(prove, &shown[key]))
			return true;
	return false;
}

static bool probe_matches(const struct probe *probe)
{
	return shows_wanted(probe->prove, probe->last) && !shows_wrong_key(probe->prove, probe->last);
}

/* It shows the wanted one to those alone who ask for it. */
static bool probe_matches_if_asked(const struct probe *probe)
{
	const struct served *usual = &probe->last[LEAF_ANY];

	return probe_matches(probe) && fingerprint_is_set(&usual->leaf) &&
	       !prove_wants(probe->prove, usual);
}

/* The next leaf that it shows beside the wanted ones, from ${key} on; LEAF_KEYS: there is none. */
static enum leaf_key probe_next_wrong(const struct probe *probe, enum leaf_key key)
{
	for (; key < LEAF_KEYS; key++) {
		const struct served *shown = &probe->last[key];
		bool again = key != LEAF_ANY &&
			     fingerprint_equal(&shown->leaf, &probe->last[LEAF_ANY].leaf);

		if (fingerprint_is_set(&shown->leaf) && !again && !prove_wants(probe->prove, shown))
			break;
	}
	return key;
}

static bool probe_is_wrong(const struct probe *probe)
{
	return !probe_matches(probe) && probe_next_wrong(probe, LEAF_ANY) < LEAF_KEYS;
}

static bool probe_is_without_tls(const struct probe *probe)
{
	for (enum leaf_key key = LEAF_ANY; key < LEAF_KEYS; key++)
		if (fingerprint_is_set(&probe->last[key].leaf))
			return false;
	return probe->last[LEAF_ANY].no_tls;
}

static bool probe_is_refused(const struct probe *probe)
{
	return probe->last[LEAF_ANY].refused || probe->last[LEAF_RSA].refused ||
	       probe->last[LEAF_EC].refused;
}

static bool probe_is_unreachable(const struct probe *probe)
{
	return probe->last[LEAF_ANY].unreachable || probe->last[LEAF_RSA].unreachable ||
	       probe->last[LEAF_EC].unreachable;
}

/* An address to which this host has no way says nothing about the server; and the two addresses of
 * localhost are one host: where nothing listens on one of them, the other speaks for it.  Both are
 * no passing things when they are seen twice. */
static bool probe_may_be_silent(const struct probe *probe)
{
	bool is_localhost = strcmp(probe->prove->host, "localhost") == 0;

	return probe->looks > 1 &&
	       (probe_is_unreachable(probe) || (is_localhost && probe_is_refused(probe)));
}

static bool probe_is_missing(const struct probe *probe)
{
	return !probe_matches(probe) && !probe_may_be_silent(probe);
}

static size_t prove_count(const struct prove *prove, bool (*is)(const struct probe *))
{
	size_t count = 0;

	for (size_t i = 0; i < prove->probe_count; i++)
		count += is(&prove->probes[i]);
	return count;
}

static const struct probe *prove_first(
	const struct prove *prove, bool (*is)(const struct probe *), bool wanted)
{
	for (size_t i = 0; i < prove->probe_count; i++)
		if (is(&prove->probes[i]) == wanted)
			return &prove->probes[i];
	return NULL;
}

static bool prove_is_complete(const struct prove *prove)
{
	size_t matched = prove_count(prove, probe_matches);

	return matched > 0 &&
	       matched + prove_count(prove, probe_may_be_silent) == prove->probe_count;
}

/* --- words --- */

static char *words_leaf(const struct served *served)
{
	char expiry[TIME_TEXT_SIZE], seen[FINGERPRINT_TEXT_SIZE];

	return mem_printf("%.*s (expires %s)", SHORT_FINGERPRINT,
		fingerprint_format(&served->leaf, seen), time_format(served->not_after, expiry));
}

static char *words_leaves(const struct probe *probe)
{
	enum leaf_key first = probe_next_wrong(probe, LEAF_ANY);
	enum leaf_key second = probe_next_wrong(probe, first + 1);
	_cleanup_(freep) char *one = words_leaf(&probe->last[first]), *two = NULL;

	if (second == LEAF_KEYS)
		return mem_printf("another certificate, %s", one);
	two = words_leaf(&probe->last[second]);
	return mem_printf("other certificates, %s %s and %s %s", key_words[probe->last[first].key],
		one, key_words[probe->last[second].key], two);
}

static char *words_wants(const struct prove *prove)
{
	_cleanup_(strv_freep) char **wants = NULL;

	for (size_t i = 0; i < prove->want_count; i++) {
		char text[FINGERPRINT_TEXT_SIZE];

		fingerprint_format(&prove->wants[i].leaf, text);
		text[SHORT_FINGERPRINT] = '\0';
		strv_append(&wants, text);
	}
	return strv_join(wants, " or ");
}

static char *words_wrong(const struct prove *prove)
{
	const struct probe *probe = prove_first(prove, probe_is_wrong, true);
	_cleanup_(freep) char *leaves = words_leaves(probe), *wants = words_wants(prove);
	char address[ADDRESS_TEXT_SIZE];

	return mem_printf("%s still serves %s, instead of %s; %zu of %zu addresses do",
		address_format(&probe->address, address), leaves, wants,
		prove_count(prove, probe_is_wrong), prove->probe_count);
}

static char *words_unproven(const struct prove *prove)
{
	/* The first that counts, if there is one. */
	const struct probe *missing = prove_first(prove, probe_is_missing, true);
	const struct probe *probe = missing ?: prove_first(prove, probe_matches, false);
	size_t silent = prove->probe_count - prove_count(prove, probe_matches);
	char address[ADDRESS_TEXT_SIZE];

	return mem_printf("no answer from %zu of %zu addresses: %s: %s", silent, prove->probe_count,
		address_format(&probe->address, address), probe->why ?: "no answer in time");
}

/* The kind of key by which it is asked for, where that is needed. */
static const char *word_asked(const struct probe *probe)
{
	return key_words[prove_wants(probe->prove, &probe->last[LEAF_RSA]) ? LEAF_RSA : LEAF_EC];
}

static char *words_matched(const struct prove *prove)
{
	const struct probe *silent = prove_first(prove, probe_matches, false);
	const struct probe *asked = prove_first(prove, probe_matches_if_asked, true);
	size_t matched = prove_count(prove, probe_matches);
	const char *serve = matched == 1 ? "serves" : "serve";
	char address[ADDRESS_TEXT_SIZE];

	if (!silent && asked)
		return mem_printf("%zu address%s %s it to clients that take %s certificates alone",
			matched, matched == 1 ? "" : "es", serve, word_asked(asked));
	if (!silent)
		return mem_printf("%zu address%s %s it", matched, matched == 1 ? "" : "es", serve);
	address_format(&silent->address, address);
	if (probe_is_refused(silent))
		return mem_printf("%zu of %zu addresses %s it; nothing listens on %s", matched,
			prove->probe_count, serve, address);
	return mem_printf("%zu of %zu addresses %s it; this host has no way to %s (%s)", matched,
		prove->probe_count, serve, address, silent->why);
}

/* --- the end --- */

static struct fingerprint leaf_shown(const struct probe *probe, bool wanted)
{
	for (enum leaf_key key = LEAF_ANY; key < LEAF_KEYS; key++) {
		const struct served *shown = &probe->last[key];

		if (fingerprint_is_set(&shown->leaf) && prove_wants(probe->prove, shown) == wanted)
			return shown->leaf;
	}
	return (struct fingerprint){ 0 };
}

/* Of a server with several certificates, the former one is one of them. */
static bool shows_former(const struct probe *probe)
{
	const struct fingerprint *former = &probe->prove->former;

	for (enum leaf_key key = LEAF_ANY; fingerprint_is_set(former) && key < LEAF_KEYS; key++)
		if (fingerprint_equal(&probe->last[key].leaf, former))
			return probe_is_wrong(probe);
	return false;
}

/* One that is silent may have lost its TLS, and one that shows a wanted leaf has loaded it. */
static void see_former(const struct prove *prove, struct proof_seen *seen)
{
	seen->former = prove_count(prove, shows_former) > 0;
	seen->own = true;
	for (size_t i = 0; i < prove->probe_count; i++) {
		const struct probe *probe = &prove->probes[i];

		if (shows_former(probe))
			seen->own = seen->own && address_is_own(&probe->address);
		else if (!probe_may_be_silent(probe))
			seen->former = false;
	}
	seen->own = seen->own && seen->former;
}

static bool prove_is_refused(const struct prove *prove)
{
	size_t refused = prove_count(prove, probe_is_refused);

	return refused > 0 && refused + prove_count(prove, probe_is_unreachable) == prove->probe_count;
}

static void prove_conclude(struct prove *prove)
{
	_cleanup_(freep) char *words = NULL;
	struct proof_seen seen = { 0 };

	if (prove_is_complete(prove)) {
		seen.result = PROVE_MATCHED;
		seen.leaf = leaf_shown(prove_first(prove, probe_matches, true), true);
		words = words_matched(prove);
	} else if (prove_count(prove, probe_is_wrong) > 0) {
		seen.result = PROVE_WRONG;
		seen.leaf = leaf_shown(prove_first(prove, probe_is_wrong, true), false);
		see_former(prove, &seen);
		words = words_wrong(prove);
	} else {
		seen.result = PROVE_UNPROVEN;
		seen.no_tls = prove_count(prove, probe_is_without_tls) > 0;
		seen.refused = prove_is_refused(prove);
		words = words_unproven(prove);
	}
	prove_finish(prove, &seen, words);
}

/* Before any address was looked at. */
static void prove_fail(struct prove *prove, const char *what)
{
	struct proof_seen seen = { .result = PROVE_UNPROVEN };

	prove_finish(prove, &seen, what);
}

/* LOOK */

static void look_some(struct prove *prove);

static int on_paused(sd_event_source *source, usec_t now, void *userdata)
{
	struct probe *probe = userdata;

	probe->pause = sd_event_source_disable_unref(probe->pause);
	probe->wants = true;
	look_some(probe->prove);
	return 0;
}

static usec_t pause_before_next(const struct prove *prove)
{
	return MAX(AGAIN_AFTER, (clock_monotonic() - prove->began) / AGAIN_PART);
}

/* Does it make sense to ask in other ways, after what was shown to this one? */
static bool is_there(const struct served *served)
{
	return fingerprint_is_set(&served->leaf) || served->no_tls;
}

/* The next kind of key to ask for in this look; LEAF_KEYS: it is complete. */
static enum leaf_key probe_next_key(const struct probe *probe)
{
	const struct prove *prove = probe->prove;
	bool matches = shows_wanted(prove, probe->shown);
	enum leaf_key usual = probe->shown[LEAF_ANY].key;
	enum leaf_key other = usual == LEAF_RSA ? LEAF_EC : LEAF_RSA;

	if (matches && !prove->each_key)
		return LEAF_KEYS;
	for (size_t i = 0; i < prove->want_count; i++)
		if (prove->wants[i].key != LEAF_ANY && !probe->asked[prove->wants[i].key])
			return prove->wants[i].key;
	if (!matches && !probe->asked[LEAF_ANY])
		return LEAF_ANY;
	if (!matches && usual != LEAF_ANY && prove_wants_key(prove, LEAF_ANY) && !probe->asked[other])
		return other;
	return LEAF_KEYS;
}

static void probe_begin_look(struct probe *probe)
{
	memset(probe->shown, 0, sizeof(probe->shown));
	memset(probe->asked, 0, sizeof(probe->asked));
	probe->asks = probe_next_key(probe);
}

/* What was shown.  True: the look is complete. */
static bool probe_take(struct probe *probe, const struct served *served)
{
	probe->shown[probe->asks] = *served;
	probe->asked[probe->asks] = true;
	probe->asks = is_there(served) ? probe_next_key(probe) : LEAF_KEYS;
	if (probe->asks != LEAF_KEYS)
		return false;
	memcpy(probe->last, probe->shown, sizeof(probe->last));
	probe->why = NULL;
	for (enum leaf_key key = LEAF_ANY; key < LEAF_KEYS && !probe->why; key++)
		if (probe->last[key].why[0])
			probe->why = probe->last[key].why;
	probe->looks++;
	return true;
}

static bool probe_has_looked(const struct probe *probe)
{
	return probe->looks > 0;
}

static bool prove_has_ended(const struct prove *prove)
{
	return prove_is_complete(prove) ||
	       (prove->once && prove_count(prove, probe_has_looked) == prove->probe_count);
}

static void on_served(void *userdata, const struct served *served)
{
	struct probe *probe = userdata;
	struct prove *prove = probe->prove;

	probe->handshake = NULL;
	prove->looking--;
	if (!probe_take(probe, served)) {
		probe->wants = true;
		look_some(prove);
		return;
	}
	if (prove_has_ended(prove)) {
		prove_conclude(prove);
		return;
	}
	look_some(prove);
	if (probe_matches(probe) || prove->once)
		return;
	probe_begin_look(probe);
	if (sd_event_add_time_relative(prove->event, &probe->pause, CLOCK_MONOTONIC,
		    pause_before_next(prove), 0, on_paused, probe) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(probe->pause, "prove-again");
}

static void probe_look(struct probe *probe)
{
	struct prove *prove = probe->prove;
	struct handshake_request request = {
		.address = &probe->address,
		.server_name = prove->server_name,
		.starttls = prove->starttls,
		.domain = prove->domain,
		.proxy_protocol = prove->proxy_protocol,
		.key = probe->asks,
		.timeout = prove->starttls ? TALK_TIMEOUT : LOOK_TIMEOUT,
	};

	probe->wants = false;
	prove->looking++;
	probe->handshake = handshake_start(prove->event, &request, on_served, probe);
}

/* In turn, so that no address waits for another to answer twice. */
static void look_some(struct prove *prove)
{
	for (size_t i = 0; i < prove->probe_count && prove->looking < ADDRESSES_AT_ONCE; i++) {
		struct probe *probe = &prove->probes[prove->next];

		prove->next = (prove->next + 1) % prove->probe_count;
		if (probe->wants)
			probe_look(probe);
	}
}

static int on_time_limit(sd_event_source *source, usec_t now, void *userdata)
{
	struct prove *prove = userdata;

	if (prove->resolve)
		prove_fail(prove, "failed to resolve the name in time");
	else
		prove_conclude(prove);
	return 0;
}

/* RESOLVE */

static void on_resolved(void *userdata, const struct address *list, size_t count, const char *why)
{
	_cleanup_(freep) char *words = NULL;
	struct prove *prove = userdata;

	prove->resolve = NULL;
	if (count == 0) {
		words = mem_printf("failed to resolve '%s': %s", prove->host, why);
		prove_fail(prove, words);
		return;
	}
	prove->probes = mem_alloc(count * sizeof(*prove->probes));
	prove->probe_count = count;
	for (size_t i = 0; i < count; i++) {
		prove->probes[i].prove = prove;
		prove->probes[i].address = list[i];
		prove->probes[i].wants = true;
		probe_begin_look(&prove->probes[i]);
	}
	look_some(prove);
}

static int on_bad(sd_event_source *source, void *userdata)
{
	prove_fail(userdata, "is not HOST:PORT or [ADDRESS]:PORT");
	return 0;
}

/* SNI takes names only (RFC 6066 section 3). */
static bool is_name(const char *host)
{
	return !strchr(host, ':') && host[strspn(host, "0123456789.")];
}

/* The name to send, or NULL. */
static const char *name_to_send(const struct desired_proof *proof, const char *host)
{
	if (!proof->server_name)
		return is_name(host) ? host : NULL;
	return strcmp(proof->server_name, PROVE_NO_NAME) == 0 ? NULL : proof->server_name;
}

static void prove_begin(void *userdata)
{
	struct prove *prove = userdata;

	prove->began = clock_monotonic();
	if (sd_event_add_time_relative(prove->event, &prove->timer, CLOCK_MONOTONIC, prove->within,
		    0, on_time_limit, prove) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(prove->timer, "prove-limit");
	prove->resolve = resolve_start(prove->event, prove->host, prove->port, on_resolved, prove);
}

struct prove *prove_start(struct sd_event *event, const struct prove_request *request,
	prove_done_fn done, void *userdata)
{
	struct prove *prove = mem_new(struct prove);

	prove->event = event;
	prove->connect = mem_strdup(request->proof->connect);
	prove->want_count = request->want_count;
	prove->wants = mem_alloc(request->want_count * sizeof(*prove->wants));
	for (size_t i = 0; i < request->want_count; i++)
		prove->wants[i] = request->wants[i];
	prove->former = request->former;
	prove->each_key = request->each_key;
	prove->once = request->once;
	prove->on_done = done;
	prove->userdata = userdata;
	if (!proof_split(prove->connect, &prove->host, &prove->port)) {
		if (sd_event_add_defer(event, &prove->defer, on_bad, prove) < 0)
			mem_exhausted();
		return prove;
	}
	prove->server_name = mem_strdup(name_to_send(request->proof, prove->host));
	prove->domain = mem_strdup(prove->server_name ?: prove->host);
	prove->starttls = request->proof->starttls;
	prove->proxy_protocol = request->proof->proxy_protocol;
	prove->within = request->proof->within;
	turn_wait(&prove->turn, event, prove_begin, prove);
	return prove;
}
