/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_VERIFY_H
#define DAEMON_TRANSFER_VERIFY_H

/*
 * What must hold before the first write, in three questions: is the bundle sound
 * (verify_bundle), would the destination take it (destination_accepts), and what would it change
 * for those who use the one in place (verify_change).  Pure: values and a time in, a verdict
 * out.
 *
 * Every refusal names the rule that it breaks and says what breaks it: "rule
 * 'key-matches-leaf': the private key does not belong to the leaf certificate (subject
 * CN=a.example.com)".  ERROR_INVALID but for the two rules of what is not valid yet and for a
 * full secure heap, which are ERROR_RETRY.
 */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/model/bundle.h"
#include "daemon/model/desired.h"
#include "daemon/transfer/verify_terms.h"

/**
 * verify_bundle(bundle, terms, anchor, err):
 * 0 when ${bundle} is sound.  ${ret_anchor}: the end of its chain, borrowed from ${bundle}, to
 * be recorded as the anchor of what comes later; NULL when there were anchors.  A chain ends at
 * an anchor when one of its certificates has the anchor's name and key, or when an anchor
 * issued its last one (chains of public certificates leave their root out).  All of the chain
 * must hold, also what lies beyond an anchor that is valid; only an end of it that has expired does
 * not count: see verify_beyond_note().
 */
int verify_bundle(const struct bundle *bundle, const struct verify_terms *terms,
	const struct certificate **ret_anchor, struct error *err);

/**
 * verify_beyond_note(bundle, terms):
 * Of a sound ${bundle}: the first certificate of its chain that has expired, which does not matter as
 * a valid anchor stands before it or in its place.  In words, to be logged, which the caller owns;
 * NULL: there is none.
 */
char *verify_beyond_note(const struct bundle *bundle, const struct verify_terms *terms);

/* In bytes, whatever the certificate in place holds: a sentence has room for what can be done as well. */
#define CHANGE_TEXT_MOST ((size_t)1536)

/* What a delivery would take from those who use the certificate in place. */
struct change {
	unsigned lost; /* enum accept; 0: nothing */
	bool lost_client_auth; /* ACCEPT_CLIENT_AUTH is for clientAuth itself */
	char *text; /* each loss in words: "the renewed certificate lacks the name 'a'; it ..."; NULL: none */
};

/**
 * verify_change(bundle, in_place, chain_in_place, change):
 * Compare.  Lost names; lost extended key usages (all under ACCEPT_CLIENT_AUTH, which is the
 * one that goes missing in practice); for private certificates, those whose chain ends in a
 * self-signed root, another issuing CA or root (ACCEPT_ISSUER): a CA that was issued anew with
 * the same name and key is the same.  ${chain_in_place} may be NULL or empty: not known.  Fills
 * an empty ${ret_change}.
 */
void verify_change(const struct bundle *bundle, const struct certificate *in_place,
	const struct certificate_list *chain_in_place, struct change *ret_change);

/*
 * Of an entry that was pointed at another source certificate, and of what it would take from those
 * who use the former one, more than of a renewal: bits beside those of enum accept, which nothing
 * accepts but an approval.
 */
#define CHANGE_KEY     (1U << 8) /* another type or size of the key */
#define CHANGE_UNKNOWN (1U << 9) /* what is in place cannot be read */

/* verify_add_key(bundle, in_place, change): put it into ${change} where the key's type or size is
 * another one; verify_add_unknown(change): where it cannot be known. */
void verify_add_key(
	const struct bundle *bundle, const struct certificate *in_place, struct change *change);
void verify_add_unknown(struct change *change);

/* verify_same_authority(bundle, in_place, chain_in_place): is ${in_place} of the CA that issued
 * ${bundle}'s leaf, or, where neither chain ends in a root of somebody's own, of the organization
 * that has it?  (A public one uses several.) ${chain_in_place} may be NULL or empty: not known. */
bool verify_same_authority(const struct bundle *bundle, const struct certificate *in_place,
	const struct certificate_list *chain_in_place);

void change_done(struct change *change);

/* Does a chain end where it did before?  A chain that ends elsewhere, or of which nobody knows where the former ones
 * ended, is a change (ACCEPT_ISSUER) for those who use what is in place. */
enum anchor_standing {
	ANCHOR_KNOWN, /* it ends where it is to, or nothing came before it */
	ANCHOR_OTHER, /* another end was trusted */
	ANCHOR_FORGOTTEN, /* certferry delivered here before, and it is not known any more what was trusted */
};

/* Does a chain end where the record says that its certificate's first one did? */
enum anchor_pin {
	PIN_NONE, /* nothing is recorded of the certificate */
	PIN_AGREES,
	PIN_DISAGREES,
};

/* What is known of one delivery, where source.trust does not decide. */
struct anchor_known {
	enum anchor_pin pin; /* of its certificate */
	bool confirmed; /* the record knows what was put there, and so the pin speaks for it */
	struct fingerprint recorded; /* bundle_anchor() of what was put there last; unset: not known */
	bool own; /* what is there bears certferry's mark for this delivery: it delivered there before */
	struct fingerprint borne; /* what the object says of its anchor.  It lies with others, who can forge it: it counts
				   * for this delivery alone, and where the record does not know better */
};

/**
 * verify_standing(bundle, known):
 * The pin decides where there is one, for a delivery that the record knows.  Of one that it does not know (it was lost),
 * what an object of certferry's bears must agree too, so that what happened at another place lets nothing through here:
 * the pin may be of what was delivered there since.  A digest
 * agrees when it is that of a certificate in ${bundle}'s chain.  (That it is of what issued the chain's last one cannot be
 * seen from it: a public chain that became shorter is ANCHOR_OTHER by a digest.)
 */
enum anchor_standing verify_standing(const struct bundle *bundle, const struct anchor_known *known);

/* verify_add_anchor(bundle, standing, change): put ${standing} into ${change}, unless another issuing CA or root is in it
 * already. */
void verify_add_anchor(
	const struct bundle *bundle, enum anchor_standing standing, struct change *change);

/**
 * verify_change_held(change, accepted, usage, now, yields_at):
 * Must it wait?  Yes for a loss that is not ${accepted} (enum accept), until ${yields_at}
 * (expiry_yields_at() of the one in place; USEC_INFINITY: nothing is): then an outage would be
 * worse; but lost clientAuth under USAGE_CLIENT is that outage, and waits on.
 */
bool verify_change_held(const struct change *change, unsigned accepted, enum usage usage,
	usec_t now, usec_t yields_at);

#endif
