/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_KIND_H
#define DAEMON_SOURCE_KIND_H

/* What each kind of source gives to source.c.  The contracts are those of source.h. */

#include "daemon/source/source.h"

/* What a kind has under way or keeps begins with one of these; source.c fills it in. */
struct source_read {
	const struct source_kind_row *kind;
};

struct source_obtain {
	const struct source_kind_row *kind;
};

struct source_renewal {
	const struct source_kind_row *kind;
};

struct source_kept {
	const struct source_kind_row *kind;
};

struct source_kind_row {
	const char *name;
	struct source_read *(*read)(const struct source_request *request,
		const struct source_read_events *events, void *userdata);
	void (*read_cancel)(struct source_read *read);
	bool (*read_next)(struct source_read *read, const char *arn);
	/* What it keeps: made at the first reading, told that what is known has become something
	 * else, released.  All NULL: nothing. */
	struct source_kept *(*keep)(const struct source_memory *memory);
	void (*kept_changed)(struct source_kept *kept);
	void (*kept_free)(struct source_kept *kept);
	struct source_obtain *(*obtain)(struct aws *aws, const struct desired *desired,
		const struct source_certificate *certificate, source_obtain_fn done,
		void *userdata);
	void (*obtain_cancel)(struct source_obtain *obtain);
	/* Both NULL: it knows nothing of renewals. */
	struct source_renewal *(*renewal)(struct aws *aws, const struct desired *desired,
		const char *arn, source_renewal_fn done, void *userdata);
	void (*renewal_cancel)(struct source_renewal *renewal);
};

/* The rows, by enum source_kind. */
extern const struct source_kind_row *const source_kinds[];

extern const struct source_kind_row acm_source;

#endif
