/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One question.  It is ASKED, of ACM, Secrets Manager or the file system, by one of three handles,
 * and ends with done().
 */

#include "daemon/destination/inspect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "daemon/destination/kind.h"
#include "lib/aws/acm.h"
#include "lib/aws/secretsmanager.h"

struct destination_inspect {
	destination_inspect_fn done;
	void *userdata;
	char *path; /* of files */
	struct acm_operation *acm;
	struct sm_operation *secret;
	sd_event_source *file;
};

struct destination_inspect *destination_inspect_cancel(struct destination_inspect *inspect)
{
	if (!inspect)
		return NULL;
	acm_cancel(inspect->acm);
	sm_cancel(inspect->secret);
	sd_event_source_disable_unref(inspect->file);
	free(inspect->path);
	free(inspect);
	return NULL;
}

/* The only end. */
static void finish(
	struct destination_inspect *inspect, const struct inspected *seen, const struct error *err)
{
	const struct inspected gone = { .gone = true };
	const bool absent = err && err->kind == ERROR_ABSENT;

	inspect->done(inspect->userdata, absent ? &gone : err ? NULL : seen, absent ? NULL : err);
	destination_inspect_cancel(inspect);
}

static void on_import(
	void *userdata, const struct acm_description *description, const struct error *err)
{
	struct destination_inspect *inspect = userdata;
	const struct inspected seen = { .knows_users = true,
		.users = description ? description->in_use_by : NULL };

	inspect->acm = NULL;
	finish(inspect, &seen, err);
}

static void on_secret(
	void *userdata, const struct sm_description *description, const struct error *err)
{
	struct destination_inspect *inspect = userdata;
	const struct inspected seen = { .gone = description && description->deleted };

	inspect->secret = NULL;
	finish(inspect, &seen, err);
}

static int on_file(sd_event_source *source, void *userdata)
{
	struct destination_inspect *inspect = userdata;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	const struct inspected seen = { .gone = false };
	struct stat status;

	if (lstat(inspect->path, &status) < 0)
		(void)error_set(&err,
			errno == ENOENT || errno == ENOTDIR ? ERROR_ABSENT : ERROR_RETRY, errno,
			"failed to read '%s': %s", inspect->path, strerror(errno));
	finish(inspect, &seen, err.text ? &err : NULL);
	return 0;
}

struct destination_inspect *destination_inspect(const struct destination_context *context,
	const struct place *place, const char *object_id, destination_inspect_fn done,
	void *userdata)
{
	struct destination_inspect *inspect = mem_new(struct destination_inspect);

	*inspect = (struct destination_inspect){ .done = done, .userdata = userdata };
	switch (place->destination->kind) {
	case DESTINATION_ACM:
		inspect->acm = acm_describe(place_session(context, place), place_aws(place)->region,
			object_id, on_import, inspect);
		break;
	case DESTINATION_SECRETSMANAGER:
		inspect->secret = sm_describe(place_session(context, place),
			place_aws(place)->region, object_id, on_secret, inspect);
		break;
	case DESTINATION_FILE:
		inspect->path = mem_strdup(object_id);
		if (sd_event_add_defer(context->event, &inspect->file, on_file, inspect) < 0)
			mem_exhausted();
		break;
	}
	return inspect;
}
