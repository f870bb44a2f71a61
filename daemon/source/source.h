/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_SOURCE_H
#define DAEMON_SOURCE_SOURCE_H

/*
 * The source: where certificates come from.  A kind says how it is read and how one version is
 * obtained with its key (kind.h); the first is ACM of the central account (acm.h).  Who reads it
 * again and again has a source_watch (watch.h).  All async: one completion, never from inside
 * start; cancel means no callback.  What comes out are values of daemon/model.
 */

#include "daemon/model/bundle.h"
#include "daemon/model/desired.h"
#include "daemon/model/observed.h"
#include "lib/aws/aws.h"

struct source_kept;
struct source_read;
struct source_obtain;
struct source_renewal;

/* What a reading is for: all that has changed, as cheaply as can be; everything; everything of
 * some certificates. */
enum source_reading {
	SOURCE_LOOK,
	SOURCE_SWEEP,
	SOURCE_CHECK,
};

/* What is kept from one reading to the next, by whoever reads (watch.h). */
struct source_memory {
	char **regions; /* the source's, never empty */
	/* What is known already: what has not changed since keeps its version and tags without
	 * being read.  NULL: nothing. */
	const struct source_view *known;
	bool remembered; /* that is from the record: all that is listed is news */
	struct source_kept *kept; /* the kind's own; NULL: nothing yet, or for other regions */
};

/* What to read.  Everything is borrowed until the completion or the cancel. */
struct source_request {
	enum source_reading reading;
	struct aws *aws;
	const struct desired *desired;
	struct source_memory *memory;
	char **only; /* a check: the ARNs of the certificates that are meant, sorted */
	size_t only_count;
	usec_t now;
	usec_t since; /* a look: NotBefore at or after this */
};

/**
 * What a reading says.
 *
 * on_read(userdata, view, err): the end.  ${view}: all certificates seen, sorted by ARN, given to
 * the callee (NULL with ${err}).  After a look: the known ones with what changed put in; after a
 * check: those that are not meant as they were known.  Versions are read only for certificates
 * that an entry of the configuration names or matches, that can be carried, and which have changed
 * or whose version is not known; one whose version could not be read keeps the digest unset and
 * says why in its problem, and the others are read all the same.  Tags are read only at a sweep or
 * check, and only where an entry matches by tags; those that cannot be read stay as known.  What
 * cannot be listed is the failure of the whole, and so are more certificates than
 * source.certificates_max, or what does not fit into the memory for them (AWS_CODE_NO_ROOM).  NULL
 * without an error: there is nothing but what was known, a sweep has shown all of that, and
 * nothing of it has to be read.  (Where what is known is remembered, and at a sweep that reads
 * tags, there always is a view.)
 *
 * on_listed, on_version: where more versions have to be read than are answered at once, which
 * takes minutes for many, called before the end: once with what was listed, as a view (given to
 * the callee) in which those are unread; then with each of them as it has been read, or could not
 * be.  They may not cancel the reading; what was known is not needed any more.
 *
 * on_reading (NULL: nobody cares): while few are to be read, the version of ${certificate}, as it was
 * listed, is being read now; it is known at the end.  It may not cancel the reading.
 */
struct source_read_events {
	void (*on_reading)(void *userdata, const struct source_certificate *certificate);
	void (*on_listed)(void *userdata, struct source_view *view);
	void (*on_version)(void *userdata, const struct source_certificate *certificate);
	void (*on_read)(void *userdata, struct source_view *view, const struct error *err);
};

/* source_read(request, events, userdata): a look, a sweep or a check, which needs what was read
 * before. */
struct source_read *source_read(
	const struct source_request *request, const struct source_read_events *events, void *userdata);

/**
 * source_read_next(read, arn):
 * Somebody waits for ${arn}: while the versions are told one by one, it is the next that is read
 * and told, also when it was read already or needed no reading.  False where they are not, or
 * where it was not listed.
 */
bool source_read_next(struct source_read *read, const char *arn);

/* source_room(desired): the memory that there is for what is new in a listing, in bytes;
 * source_view_size(view): what of that ${view} takes when all of it is new, as after a start. */
size_t source_room(const struct desired *desired);
size_t source_view_size(const struct source_view *view);

/* source_read_cancel(read): NULL is fine; returns NULL. */
struct source_read *source_read_cancel(struct source_read *read);

/* source_known_changed(memory): what is known is another view, or another version in it, than the
 * last reading was given.  source_forget(memory): release what the kind keeps. */
void source_known_changed(struct source_memory *memory);
void source_forget(struct source_memory *memory);

/* source_obtain_fn(userdata, bundle, err): ${bundle} is given to the callee, NULL with ${err}. */
typedef void (*source_obtain_fn)(void *userdata, struct bundle *bundle, const struct error *err);

/**
 * source_obtain(aws, desired, certificate, done, userdata):
 * The present version of ${certificate} with its key, which is in the secure heap.  Parsed, not
 * verified.  ERROR_RETRY when the secure heap is full.
 */
struct source_obtain *source_obtain(struct aws *aws, const struct desired *desired,
	const struct source_certificate *certificate, source_obtain_fn done, void *userdata);

/* source_obtain_cancel(obtain): wipes; does not undo what was asked.  NULL is fine; returns
 * NULL. */
struct source_obtain *source_obtain_cancel(struct source_obtain *obtain);

/* source_renewal_fn(userdata, status, reason, err): ACM's words for it ("FAILED", "CAA_ERROR"; the domains that it waits for
 * where it has no reason); NULL: none. */
typedef void (*source_renewal_fn)(
	void *userdata, const char *status, const char *reason, const struct error *err);

/* source_renewal(aws, desired, arn, done, userdata): what the source says of the renewal of the certificate ${arn}.  NULL
 * where the kind knows nothing of that.  source_renewal_cancel(renewal): NULL is fine; returns NULL. */
struct source_renewal *source_renewal(struct aws *aws, const struct desired *desired, const char *arn,
	source_renewal_fn done, void *userdata);
struct source_renewal *source_renewal_cancel(struct source_renewal *renewal);

/**
 * source_refusal(certificate):
 * Why ${certificate} cannot be carried, in words ("it is EXPIRED", "its type is IMPORTED: ACM does
 * not export imported certificates", ...), or NULL: it can.
 */
const char *source_refusal(const struct source_certificate *certificate);

#endif
