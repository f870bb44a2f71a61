/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ACM of another account or region.  A put is one request: a first import with its tags, so that
 * it can never be there without them, or an import over the same ARN, to which ACM takes no tags.
 */

#include <stdlib.h>
#include <systemd/sd-event.h>

#include "daemon/destination/acm_accept.h"
#include "daemon/destination/acm_look.h"
#include "daemon/destination/inspect.h"
#include "daemon/destination/kind.h"
#include "daemon/destination/tags.h"
#include "lib/aws/acm.h"
#include "lib/base/strv.h"

struct acm_put {
	struct destination_put base; /* first */
	struct acm_operation *operation;
	destination_put_fn done;
	void *userdata;
};

static void on_imported(void *userdata, const char *arn, const struct error *err)
{
	_cleanup_(freep) struct acm_put *put = userdata;

	put->operation = NULL;
	put->done(put->userdata, arn, NULL, err);
}

static bool is_over(const struct observed *before)
{
	return before->state == OBSERVED_PRESENT;
}

static struct destination_put *acm_put(const struct destination_context *context, const struct delivery *delivery,
	const struct bundle *bundle, const struct observed *before, destination_put_fn done,
	void *userdata)
{
	_cleanup_(freep) char *leaf = certificate_pem(bundle->leaf);
	_cleanup_(freep) char *chain = certificate_list_pem(&bundle->chain);
	_cleanup_(strv_freep) char **tags = NULL;
	struct acm_import import = {
		.arn = is_over(before) ? before->object_id : NULL,
		.leaf = leaf,
		.chain = chain,
		.key = bundle->key,
	};
	struct acm_put *put = mem_new(struct acm_put);
	struct fingerprint anchor;

	bundle_anchor(bundle, &anchor);
	if (!is_over(before))
		import.tags = tags = tags_of(delivery, &anchor);
	*put = (struct acm_put){ .done = done, .userdata = userdata };
	put->operation = acm_import(place_session(context, delivery->place),
		place_aws(delivery->place)->region, &import, on_imported, put);
	return &put->base;
}

static void acm_put_cancel(struct destination_put *handle)
{
	struct acm_put *put = (struct acm_put *)handle;

	acm_cancel(put->operation);
	free(put);
}

struct acm_tag {
	struct destination_tag base; /* first */
	struct acm_operation *operation;
	destination_tag_fn done;
	void *userdata;
};

static void on_tagged(void *userdata, const struct error *err)
{
	_cleanup_(freep) struct acm_tag *tag = userdata;

	tag->operation = NULL;
	tag->done(tag->userdata, err);
}

static struct destination_tag *acm_tag(const struct destination_context *context,
	const struct delivery *delivery, const char *object_id, const struct fingerprint *anchor,
	bool moves, destination_tag_fn done, void *userdata)
{
	_cleanup_(strv_freep) char **tags = tags_of_anchor(moves ? delivery : NULL, anchor);
	struct acm_tag *tag = mem_new(struct acm_tag);

	*tag = (struct acm_tag){ .done = done, .userdata = userdata };
	tag->operation = acm_add_tags(place_session(context, delivery->place), place_aws(delivery->place)->region,
		object_id, tags, on_tagged, tag);
	return &tag->base;
}

static void acm_tag_cancel(struct destination_tag *handle)
{
	struct acm_tag *tag = (struct acm_tag *)handle;

	acm_cancel(tag->operation);
	free(tag);
}

/* ACM's quotas for each account and region (aws.amazon.com/acm, "Quotas"): certificates held by import, and imports
 * within 365 days. */
#define IMPORTED_LIMIT 2500
#define IMPORTS_LIMIT  5000
#define NEAR_PERCENT   80

static bool is_near(unsigned used, unsigned limit)
{
	return used * 100 >= limit * NEAR_PERCENT;
}

static void acm_budget(const char *name, unsigned held, unsigned puts, struct destination_budget *ret_budget)
{
	if (is_near(held, IMPORTED_LIMIT) || is_near(puts, IMPORTS_LIMIT))
		ret_budget->near = mem_printf(
			"ACM in %s has %u of %u imported certificates and accepted %u of %u imports in 365 days", name,
			held, IMPORTED_LIMIT, puts, IMPORTS_LIMIT);
	if (held >= IMPORTED_LIMIT || puts >= IMPORTS_LIMIT)
		ret_budget->spent = mem_printf("ACM in %s has %u imported certificates (limit %u) and accepted %u "
					       "imports in 365 days (limit %u), so certferry imports no new certificate; "
					       "delete unused imports or ask AWS for a higher quota",
			name, held, IMPORTED_LIMIT, puts, IMPORTS_LIMIT);
}

static const struct pulse *acm_pulse(const struct destination_context *context, const struct place *place)
{
	return aws_pulse(place_session(context, place), AWS_ACM, place_aws(place)->region);
}

struct acm_inspect {
	struct destination_inspect base; /* first */
	struct acm_operation *operation;
};

static void on_described(
	void *userdata, const struct acm_description *description, const struct error *err)
{
	_cleanup_(freep) struct acm_inspect *inspect = userdata;
	const struct inspected seen = { .knows_users = true,
		.users = description ? description->in_use_by : NULL };

	inspect_ended(&inspect->base, &seen, err);
}

static struct destination_inspect *acm_inspect(
	const struct destination_context *context, const struct place *place, const char *object_id)
{
	struct acm_inspect *inspect = mem_new(struct acm_inspect);

	inspect->operation = acm_describe(place_session(context, place), place_aws(place)->region,
		object_id, on_described, inspect);
	return &inspect->base;
}

static void acm_inspect_cancel(struct destination_inspect *handle)
{
	struct acm_inspect *inspect = (struct acm_inspect *)handle;

	acm_cancel(inspect->operation);
	free(inspect);
}

const struct kind acm_kind = {
	.look = acm_look,
	.pulse = acm_pulse,
	.look_cancel = acm_look_cancel,
	.put = acm_put,
	.put_cancel = acm_put_cancel,
	.tag = acm_tag,
	.tag_cancel = acm_tag_cancel,
	.inspect = acm_inspect,
	.inspect_cancel = acm_inspect_cancel,
	.tag_action = "acm:AddTagsToCertificate",
	.tag_policy = "destination-acm.json",
	.accepts = acm_accepts,
	.note = acm_note,
	.budget = acm_budget,
};
