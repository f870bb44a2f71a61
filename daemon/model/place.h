/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_PLACE_H
#define DAEMON_MODEL_PLACE_H

/*
 * Where deliveries go, and what a kind of destination says of its places without asking anybody.
 *
 * A kind has two halves, each a file and a row of a table.  This one holds what plan and
 * configuration have to know: which places a destination comes to, which two are one, which keys
 * mean something there.  It is in the model because the plan is pure and sees nothing else.  The
 * half that looks and puts (daemon/destination/kind.h) does I/O, and only transfer and conductor
 * reach it.
 */

#include "daemon/model/desired.h"

/* One account and region of a destination, a directory, ...  Deliveries of the same place share
 * one.  It begins the structure in which its kind keeps what else a place is (place_aws.h). */
struct place {
	const struct desired_destination *destination;
	size_t index; /* among the places of its expansion */
	char *name; /* what a delivery's name has behind the certificate's: DESTINATION[/KEY] */
	char *key; /* what the record calls it, whichever destination names it: "ACCOUNT/REGION" */
	char *via; /* how it is reached, where ${key} does not say which place it is; else NULL */
};

/* What all places of a kind have in common. */
struct place_kind {
	const char *name; /* as the configuration writes it */
	const char *objects; /* what is made there, for people: "files" */
	bool in_aws; /* its places are an account and a region each, or the AWS environment's own */
	bool reads_lag; /* what was written there may be seen only some seconds later */
	bool names_objects; /* see destination_names_objects() */
	bool hides_objects; /* see destination_hides_objects() */
	bool nests_objects; /* an object may not lie below another one's name */
	/* Those of "arn", "recreate", "adopt" and "only" that mean something. */
	const char *const *delivery_keys;
	unsigned adopts; /* bits 1 << enum adopt that adopt: may have; with others this is said: */
	const char *adopt_refusal;

	/* The places of a destination have numbers, from 0: how many they are; whether ${wish}
	 * leaves number ${number}; and to make it, but for destination, index and name.
	 * ${region}: for those without one (NULL: not known). */
	size_t (*count)(const struct desired_destination *destination);
	bool (*leaves)(const struct desired_destination *destination,
		const struct desired_delivery *wish, const char *region, size_t number);
	struct place *(*make)(
		const struct desired_destination *destination, const char *region, size_t number);
	void (*free)(struct place *place);
	/* A part of it that has a name, borrowed, or NULL: "account", "region".  NULL: there are
	 * none. */
	const char *(*part)(const struct place *place, const char *name);
	/* See place_object_text(). */
	char *(*object_text)(const struct place *place, const char *object);
	/* Where its objects lie, of the configuration alone, for kinds whose destinations can lead to one object:
	 * what two of them and their objects' names make of "SHARED/NAME" is compared (the caller owns it; NULL: not
	 * given).  NULL: each destination is taken for a place of its own. */
	char *(*shared)(const struct desired_destination *destination);
	/* What is wrong with a configured name of an object, each a sentence; the caller owns the
	 * list.  NULL: nothing. */
	char **(*object_problems)(const char *object);
	/* What is unwise about the name of an object, as far as it is known; the caller owns it.
	 * NULL: nothing. */
	char *(*object_warning)(const char *object);
};

/* The rows, by enum destination_kind; a NULL ends them. */
extern const struct place_kind *const place_kinds[];

/* place_kind_of(destination): the row of its kind. */
const struct place_kind *place_kind_of(const struct desired_destination *destination);

/* place_new(destination, region, number, index): the place with this number, which gets ${index}.
 * It is for whoever expands; release it with place_free(), which returns NULL. */
struct place *place_new(const struct desired_destination *destination, const char *region,
	size_t number, size_t index);
struct place *place_free(struct place *place);

/* place_part(place, name): "account", "region", ...; borrowed; NULL where it has none of this name
 * or does not know it. */
const char *place_part(const struct place *place, const char *name);

/* place_compare(a, b): the order in which one and the same place, whatever destinations name it,
 * is equal to itself. */
int place_compare(const struct place *a, const struct place *b);

/* place_object_text(place, object): ${object} with its place, for people: "222222222222/eu-west-1
 * tls/pay".  The caller owns it. */
char *place_object_text(const struct place *place, const char *object);

/* What placeholders in a text stand for: "{certificate}", "{domain}" and the parts of a place.
 * What is NULL stays as it is written. */
struct placeholders {
	const struct place *place;
	const char *certificate;
	const char *domain;
};

/* placeholders_replace(text, values): a copy of ${text} (NULL: NULL) with them replaced. */
char *placeholders_replace(const char *text, const struct placeholders *values);

#endif
