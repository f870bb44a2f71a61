/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_RECOGNIZE_H
#define DAEMON_SOURCE_RECOGNIZE_H

/*
 * What listings have said of certificates without telling anything new, from one reading of the source to the next.
 * Nearly all that is listed was listed just so before: it is recognized by a digest, in a table that is small and close
 * by, where a comparison would gather the certificate from all over the memory.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/aws/acm.h"

struct recognized;

/* Of all that the source wants to know of a summary and its region, the first bytes of a SHA-256: enough that no two
 * are the same by chance or by intent. */
struct summary_digest {
	unsigned char bytes[12];
};

/* recognized_new(): nothing yet. */
struct recognized *recognized_new(void);

/* recognized_digest(recognized, region, summary, digest): of a certificate of ${region}; in_use and imported_at do not
 * count. */
void recognized_digest(struct recognized *recognized, const char *region, const struct acm_summary *summary,
	struct summary_digest *ret_digest);

/* recognized_find(recognized, digest, at): was it remembered?  Then ${ret_at} is what recognized_put() was given. */
bool recognized_find(const struct recognized *recognized, const struct summary_digest *digest, size_t *ret_at);

/* recognized_put(recognized, digest, at): what has ${digest}, which was not found, tells nothing beyond the certificate
 * at ${at} of the view that is known. */
void recognized_put(struct recognized *recognized, const struct summary_digest *digest, size_t at);

/* recognized_forget(recognized): all of it; due whenever what is known has changed. */
void recognized_forget(struct recognized *recognized);

/* recognized_free(recognized): NULL is fine; returns NULL. */
struct recognized *recognized_free(struct recognized *recognized);

DEFINE_CLEANUP(struct recognized *, recognized_free);

#endif
