/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ACM of another account or region.  A put is one request: a first import with its tags, so that
 * it can never be there without them, or an import over the same ARN, to which ACM takes no tags.
 */

#include <stdlib.h>
#include <systemd/sd-event.h>

#include "daemon/destination/acm_look.h"
#include "daemon/destination/kind.h"
#include "daemon/destination/tags.h"
#include "lib/aws/acm.h"
#include "lib/base/strv.h"

struct acm_put {
	struct acm_operation *operation;
	destination_put_fn done;
	void *userdata;
};

static void on_imported(void *userdata, const char *arn, const struct error *err)
{
	_cleanup_(freep) struct acm_put *put = userdata;

	put->operation = NULL;
	put->done(put->userdata, arn, err);
}

static bool is_over(const struct observed *before)
{
	return before->state == OBSERVED_PRESENT;
}

static void *acm_put(const struct destination_context *context, const struct delivery *delivery,
	const struct bundle *bundle, const struct observed *before, destination_put_fn done,
	void *userdata)
{
	_cleanup_(freep) char *leaf = certificate_pem(bundle->leaf);
	_cleanup_(freep) char *chain = certificate_list_pem(&bundle->chain);
	_cleanup_(strv_freep) char **tags = is_over(before) ? NULL : tags_of(delivery);
	struct acm_import import = {
		.arn = is_over(before) ? before->object_id : NULL,
		.leaf = leaf,
		.chain = chain,
		.key = bundle->key,
		.tags = tags,
	};
	struct acm_put *put = mem_new(struct acm_put);

	*put = (struct acm_put){ .done = done, .userdata = userdata };
	put->operation = acm_import(place_session(context, delivery->place),
		delivery->place->region, &import, on_imported, put);
	return put;
}

static void *acm_put_cancel(void *handle)
{
	struct acm_put *put = handle;

	acm_cancel(put->operation);
	free(put);
	return NULL;
}

const struct kind acm_kind = {
	.look = acm_look,
	.look_cancel = acm_look_cancel,
	.put = acm_put,
	.put_cancel = acm_put_cancel,
};
