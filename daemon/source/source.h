/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_SOURCE_H
#define DAEMON_SOURCE_SOURCE_H

/*
 * The source: the central account's ACM.  A look is the cheap poll for changes, a sweep the full
 * comparison, an export takes one version with its key.  All async: one completion, never from inside
 * start; cancel means no callback.  What comes out are values of daemon/model.
 */

#include "daemon/model/bundle.h"
#include "daemon/model/desired.h"
#include "daemon/model/observed.h"
#include "lib/aws/aws.h"

struct recognized;
struct source_read;
struct source_export;

/* What to read.  Everything is borrowed until the completion or the cancel. */
struct source_request {
	struct aws *aws;
	const struct desired *desired;
	char **regions; /* the source's, never empty */
	/* What is known already, from the last read or from the record: a certificate whose dates and
	 * serial are unchanged keeps its version and tags without being read.  NULL: nothing. */
	const struct source_view *known;
	/* source_check() only: the ARNs of the certificates that are meant, sorted. */
	char **only;
	size_t only_count;
	usec_t now;
	usec_t since; /* look only: NotBefore at or after this (last look less 72 hours) */
	/* One for each of ${regions}, kept from look to look by the caller (NULL: not kept): a look sets it where
	 * searching is refused and listing is not, so that the next one lists at once; a sweep tries anew. */
	bool *search_refused;
	/* What listings have said before of what is ${known}, which is needed then; kept from reading to reading by the
	 * caller, who forgets it when that changes.  It spares most of the work.  NULL: what is known, if anything, is
	 * from the record, and all that is listed is news. */
	struct recognized *recognized;
	/* NULL, or where more versions have to be read than ACM answers at once, which takes minutes for many, called
	 * before the completion: once with what was listed, as a view (given to the callee) in which those are unread;
	 * then with each of them as it has been read, or could not be.  They may not cancel the reading;
	 * ${known} is not needed any more. */
	void (*on_listed)(void *userdata, struct source_view *view);
	void (*on_version)(void *userdata, const struct source_certificate *certificate);
};

/**
 * source_read_fn(userdata, view, err):
 * ${view}: all certificates seen, sorted by ARN, given to the callee (NULL with ${err}).  After a look:
 * the known ones with what changed put in.  Versions are read (GetCertificate) only for certificates
 * that an entry of the configuration names or matches, that are ISSUED and exportable, and whose dates
 * or serial changed, or whose version is not known; one whose version could not be read keeps the
 * digest unset and says why in its problem, and the others are read all the same.  Tags are read
 * only at a sweep, and only where an entry matches by tags; those that cannot be read stay as known.
 * A region that cannot be listed is the failure of the whole, and so are more certificates than
 * source.certificates_max, or what does not fit into the memory for them (AWS_CODE_NO_ROOM).  NULL without an error:
 * there is nothing but what was known, a sweep has shown all of that, and nothing of it has to be read.  (Where there
 * is no ${recognized}, and at a sweep that reads tags, there always is a view.)
 */
typedef void (*source_read_fn)(void *userdata, struct source_view *view, const struct error *err);

/* source_sweep(...): ListCertificates of every region, and SearchCertificates for the serials of what was issued within
 * three days (where that is refused, those are read again). */
struct source_read *source_sweep(const struct source_request *request, source_read_fn done, void *userdata);

/* source_look(...): SearchCertificates; where that is denied or unknown, ListCertificates (see search_refused).
 * What is gone stays in the view until the next sweep. */
struct source_read *source_look(const struct source_request *request, source_read_fn done, void *userdata);

/**
 * source_check(...): what a sweep finds out, of the certificates of ${only} alone; all others stay as they are ${known},
 * and are not read whatever has changed.  Needs ${known} and ${recognized}.  Only the regions of these ARNs are listed.
 */
struct source_read *source_check(const struct source_request *request, source_read_fn done, void *userdata);

/**
 * source_read_next(read, arn):
 * Somebody waits for ${arn}: while the versions are told one by one, it is the next that is read and told, also when it was
 * read already or needed no reading.  False where they are not, or where it was not listed.
 */
bool source_read_next(struct source_read *read, const char *arn);

/* source_room(desired): the memory that there is for what is new in a listing, in bytes; source_view_size(view): what of
 * that ${view} takes when all of it is new, as after a start. */
size_t source_room(const struct desired *desired);
size_t source_view_size(const struct source_view *view);

/* source_read_cancel(read): NULL is fine; returns NULL. */
struct source_read *source_read_cancel(struct source_read *read);

/* source_export_fn(userdata, bundle, err): ${bundle} is given to the callee, NULL with ${err}. */
typedef void (*source_export_fn)(void *userdata, struct bundle *bundle, const struct error *err);

/**
 * source_export(aws, desired, arn, done, userdata):
 * ExportCertificate under a passphrase made for this export and wiped after it; the key decrypted into the
 * secure heap.  Parsed, not verified.  ERROR_RETRY when the secure heap is full.
 */
struct source_export *source_export(struct aws *aws, const struct desired *desired, const char *arn,
	source_export_fn done, void *userdata);

/* source_export_cancel(export): wipes; does not undo what was asked.  NULL is fine; returns NULL. */
struct source_export *source_export_cancel(struct source_export *export);

/**
 * source_refusal(certificate):
 * Why ${certificate} cannot be carried, in words ("it is EXPIRED", "its type is IMPORTED: ACM does not
 * export imported certificates", ...), or NULL: it can.
 */
const char *source_refusal(const struct source_certificate *certificate);

#endif
