/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_ACM_H
#define DAEMON_SOURCE_ACM_H

/*
 * The kind of source that is the central account's ACM (the contracts are those of source.h).
 *
 * read.c: a look is SearchCertificates of every region; where that is denied or unknown,
 * ListCertificates.  What is gone stays in the view until the next sweep, which is
 * ListCertificates, again for Amazon's N2 hierarchy, and SearchCertificates for the serials of what
 * was issued within three days (where that is refused, those are read again).  A check lists the regions of the certificates
 * that are meant.  Versions are read by GetCertificate.
 *
 * export.c: ExportCertificate under a passphrase made for this export and wiped after it; the key
 * is decrypted into the secure heap.
 *
 * renewal.c: DescribeCertificate, for its RenewalSummary.
 */

#include "daemon/source/kind.h"

/* The members of struct source_kind_row, which say what each is for. */
struct source_read *acm_source_read(const struct source_request *request,
	const struct source_read_events *events, void *userdata);
void acm_source_read_cancel(struct source_read *read);
bool acm_source_read_next(struct source_read *read, const char *arn);
struct source_kept *acm_source_keep(const struct source_memory *memory);
void acm_source_kept_changed(struct source_kept *kept);
void acm_source_kept_free(struct source_kept *kept);
struct source_obtain *acm_source_obtain(struct aws *aws, const struct desired *desired,
	const struct source_certificate *certificate, source_obtain_fn done, void *userdata);
void acm_source_obtain_cancel(struct source_obtain *obtain);
struct source_renewal *acm_source_renewal(struct aws *aws, const struct desired *desired, const char *arn,
	source_renewal_fn done, void *userdata);
void acm_source_renewal_cancel(struct source_renewal *renewal);

#endif
