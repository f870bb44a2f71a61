/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/secret_judge.h"

#include <string.h>

#include "daemon/destination/secret_body.h"
#include "daemon/destination/secret_foreign.h"
#include "daemon/destination/tags.h"
#include "daemon/model/place_aws.h"
#include "lib/base/strv.h"

/* The version that ${secret_id}'s readers get; NULL: none. */
static const char *find_current(const struct sm_description *description)
{
	for (size_t i = 0; i < description->version_count; i++)
		if (strv_has(description->versions[i].stages, "AWSCURRENT"))
			return description->versions[i].id;
	return NULL;
}

static bool has_version(const struct sm_description *description, const char *id)
{
	for (size_t i = 0; i < description->version_count; i++)
		if (strcmp(description->versions[i].id, id) == 0)
			return true;
	return false;
}

static bool is_in_the_way(
	const struct look_item *item, const struct sm_description *description, struct error *err)
{
	const struct delivery *delivery = item->delivery;
	const char *region = place_aws(delivery->place)->region ?: "";

	if (description->deleted)
		error_set(err, ERROR_CONFLICT, 0,
			"secret '%s' in %s is scheduled for deletion: restore it (aws "
			"secretsmanager restore-secret --region %s --secret-id %s), or choose "
			"another name with as:",
			delivery->object, region, region, delivery->object);
	else if (description->owning_service)
		error_set(err, ERROR_CONFLICT, 0,
			"'%s' manages secret '%s' in %s, and nobody else can write it: choose another "
			"name with as:",
			description->owning_service, delivery->object, region);
	else if (!tags_are_of(description->tags, delivery) &&
		 !tags_former(description->tags, delivery) && delivery->wish->adopt != ADOPT_YES)
		error_set(err, ERROR_CONFLICT, 0,
			"certferry does not manage secret '%s' in %s (its tags " TAG_SOURCE
			" and " TAG_NAME " do not name this delivery): set adopt: true to take it "
			"over, or choose another name with as:",
			delivery->object, region);
	return err->kind != ERROR_NONE;
}

/*
 * The current version is not the wanted one: what was confirmed of it is believed, unless that is
 * the very certificate that is wanted, for then its chain or its layout is another.
 */
static void believe(const struct look_item *item, const char *current, struct observed *seen)
{
	if (current && item->revision && strcmp(current, item->revision) == 0 &&
		!digest_equal(&item->confirmed.digest, &item->wanted.digest))
		seen->version = item->confirmed;
}

/* Which version it holds, without its value. */
static void see_version(const struct look_item *item, const struct sm_description *description,
	const char *current, struct observed *seen)
{
	const struct delivery *delivery = item->delivery;
	char token[SECRET_TOKEN_SIZE];

	believe(item, current, seen);
	if (!digest_is_set(&item->wanted.digest))
		return;
	secret_token(delivery->place->destination, delivery->object, &item->wanted, token);
	if (current && strcmp(current, token) == 0)
		seen->version = item->wanted;
	else if (current && has_version(description, token))
		seen->state = OBSERVED_DEMOTED;
}

bool secret_judge(const struct look_item *item, const struct sm_description *description,
	struct observed *seen)
{
	const struct delivery *delivery = item->delivery;
	const char *current = find_current(description);

	seen->object_id = mem_strdup(description->arn);
	seen->revision = mem_strdup(current);
	tags_see(description->tags, delivery, seen);
	if (is_in_the_way(item, description, &seen->error)) {
		seen->state = OBSERVED_FOREIGN;
		return false;
	}
	seen->state = OBSERVED_PRESENT;
	see_version(item, description, current, seen);
	return secret_foreign(item, description, current, seen);
}
