/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/source.h"

#include "daemon/source/kind.h"

static const struct source_kind_row *kind_of(const struct desired *desired)
{
	return source_kinds[desired->source.kind];
}

/* What the kind keeps is its own: another kind's is released. */
static void keep(const struct source_kind_row *kind, struct source_memory *memory)
{
	if (memory->kept && memory->kept->kind != kind)
		source_forget(memory);
	if (memory->kept || !kind->keep)
		return;
	memory->kept = kind->keep(memory);
	memory->kept->kind = kind;
}

struct source_read *source_read(const struct source_request *request,
	const struct source_read_events *events, void *userdata)
{
	const struct source_kind_row *kind = kind_of(request->desired);
	struct source_read *read;

	keep(kind, request->memory);
	read = kind->read(request, events, userdata);
	read->kind = kind;
	return read;
}

struct source_read *source_read_cancel(struct source_read *read)
{
	if (read)
		read->kind->read_cancel(read);
	return NULL;
}

bool source_read_next(struct source_read *read, const char *arn)
{
	return read->kind->read_next && read->kind->read_next(read, arn);
}

void source_known_changed(struct source_memory *memory)
{
	if (memory->kept)
		memory->kept->kind->kept_changed(memory->kept);
}

void source_forget(struct source_memory *memory)
{
	if (memory->kept)
		memory->kept->kind->kept_free(memory->kept);
	memory->kept = NULL;
}

struct source_obtain *source_obtain(struct aws *aws, const struct desired *desired,
	const struct source_certificate *certificate, source_obtain_fn done, void *userdata)
{
	const struct source_kind_row *kind = kind_of(desired);
	struct source_obtain *obtain = kind->obtain(aws, desired, certificate, done, userdata);

	obtain->kind = kind;
	return obtain;
}

struct source_renewal *source_renewal(struct aws *aws, const struct desired *desired, const char *arn,
	source_renewal_fn done, void *userdata)
{
	const struct source_kind_row *kind = kind_of(desired);
	struct source_renewal *renewal = kind->renewal ? kind->renewal(aws, desired, arn, done, userdata) : NULL;

	if (renewal)
		renewal->kind = kind;
	return renewal;
}

struct source_renewal *source_renewal_cancel(struct source_renewal *renewal)
{
	if (renewal)
		renewal->kind->renewal_cancel(renewal);
	return NULL;
}

struct source_obtain *source_obtain_cancel(struct source_obtain *obtain)
{
	if (obtain)
		obtain->kind->obtain_cancel(obtain);
	return NULL;
}
