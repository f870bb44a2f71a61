/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_KIND_H
#define DAEMON_DESTINATION_KIND_H

/*
 * What each kind of destination gives to destination.c.  The contracts are those of
 * destination.h.
 */

/* Circle with daemon/destination/destination.c: a kind is written in its words. */
#include "daemon/destination/destination.h"
#include "daemon/model/place_aws.h"

/* What a kind keeps for the next look begins with this. */
struct destination_kept {
	void (*release)(struct destination_kept *kept);
	bool good; /* the next look takes it, and lists nothing */
};

/* What a kind has under way begins with one of these; destination.c fills it in. */
struct destination_look {
	const struct kind *kind;
};

struct destination_put {
	const struct kind *kind;
};

struct destination_tag {
	const struct kind *kind;
};

struct inspected;

struct destination_inspect {
	const struct kind *kind;
	void (*done)(void *userdata, const struct inspected *seen, const struct error *err);
	void *userdata;
};

struct kind {
	struct destination_look *(*look)(const struct destination_context *context,
		const struct look_item *items, size_t count, struct destination_keep *keep, usec_t now,
		destination_look_fn done, void *userdata);
	void (*look_cancel)(struct destination_look *look);
	const struct pulse *(*pulse)(const struct destination_context *context, const struct place *place); /* NULL:
		* nobody is asked */
	struct destination_put *(*put)(const struct destination_context *context, const struct delivery *delivery,
		const struct bundle *bundle, const struct observed *before, destination_put_fn done,
		void *userdata);
	void (*put_cancel)(struct destination_put *put);
	struct destination_tag *(*tag)(const struct destination_context *context,
		const struct delivery *delivery, const char *object_id,
		const struct fingerprint *anchor, bool moves, destination_tag_fn done,
		void *userdata);
	void (*tag_cancel)(struct destination_tag *tag); /* both NULL: objects bear no anchor */
	/* What nobody cares for any more.  It ends with inspect_ended(), after which the kind frees it; both NULL: it
	 * is never looked at. */
	struct destination_inspect *(*inspect)(
		const struct destination_context *context, const struct place *place, const char *object_id);
	void (*inspect_cancel)(struct destination_inspect *inspect);
	const char *tag_action, *tag_policy; /* NULL: nobody's to allow */
	int (*check)(const struct desired_destination *destination, struct error *err); /* NULL: nothing can be known */
	int (*accepts)(const struct delivery *delivery, const struct bundle *bundle,
		const struct certificate *in_place, struct error *err); /* NULL: whatever is sound */
	const char *(*note)(const struct place *place, const struct bundle *bundle); /* NULL: never a word */
	void (*budget)(const char *name, unsigned held, unsigned puts, struct destination_budget *ret_budget); /* NULL:
		* puts are not counted */
};

/* The rows, by enum destination_kind. */
extern const struct kind *const kinds[];

extern const struct kind acm_kind;
extern const struct kind secretsmanager_kind;
extern const struct kind file_kind;
extern const struct kind vault_kind;

/* place_session(context, place): the AWS session that reaches ${place}. */
struct aws_session *place_session(
	const struct destination_context *context, const struct place *place);

/* destination_holder(certificate): observed.holder of what is in place; the caller owns it. */
char *destination_holder(const struct certificate *certificate);

/* inspect_ended(inspect, seen, err): tell who asked; ERROR_ABSENT is that it is gone. */
void inspect_ended(const struct destination_inspect *inspect, const struct inspected *seen, const struct error *err);

/* seen_free(seen, count): release observations that nobody was given; returns NULL. */
struct observed *seen_free(struct observed *seen, size_t count);

#endif
