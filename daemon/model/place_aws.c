/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/place_aws.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

#define ACCOUNT_LENGTH 12

#define ACM_NAME_MOST  256 /* a tag's value */

#define SECRET_SUFFIX  6
#define ALPHANUMERIC   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

const struct place_aws *place_aws(const struct place *place)
{
	assert(place_kind_of(place->destination)->in_aws);
	return (const struct place_aws *)place;
}

/* A list that is empty still stands for one place, whose account or region is not known. */
static size_t count_or_one(char *const *list)
{
	return MAX(strv_length(list), (size_t)1);
}

static size_t aws_count(const struct desired_destination *destination)
{
	return count_or_one(destination->accounts) * count_or_one(destination->regions);
}

/* The account of "arn:aws:iam::222222222222:role/x", which is not ended; NULL where it does not
 * say. */
static const char *arn_account(const char *arn)
{
	const char *field = arn;

	for (int i = 0; field && i < 4; i++) {
		field = strchr(field, ':');
		if (field)
			field++;
	}
	if (!field || strspn(field, "0123456789") != ACCOUNT_LENGTH || field[ACCOUNT_LENGTH] != ':')
		return NULL;
	return field;
}

/* Of the place with this number; what the role says goes into ${room}. */
static const char *account_of(const struct desired_destination *destination, size_t number,
	char room[static ACCOUNT_LENGTH + 1])
{
	const char *own;

	if (destination->accounts)
		return destination->accounts[number / count_or_one(destination->regions)];
	own = arn_account(destination->access.role_arn);
	if (!own)
		return NULL;
	memcpy(room, own, ACCOUNT_LENGTH);
	room[ACCOUNT_LENGTH] = '\0';
	return room;
}

static const char *region_of(
	const struct desired_destination *destination, const char *region, size_t number)
{
	return destination->regions
		       ? destination->regions[number % count_or_one(destination->regions)]
		       : region;
}

/* Is ${item} among those that `only:` leaves?  An empty list leaves all. */
static bool only_has(char *const *only, const char *item)
{
	return !only || !*only || (item && strv_has(only, item));
}

static bool aws_leaves(const struct desired_destination *destination,
	const struct desired_delivery *wish, const char *region, size_t number)
{
	char room[ACCOUNT_LENGTH + 1];

	return only_has(wish->only_accounts, account_of(destination, number, room)) &&
	       only_has(wish->only_regions, region_of(destination, region, number));
}

/* The account decides which place it is, and where that is not known, how it is reached. */
static struct place *aws_make(
	const struct desired_destination *destination, const char *region, size_t number)
{
	char room[ACCOUNT_LENGTH + 1];
	struct place_aws *aws = mem_new(struct place_aws);
	const struct placeholders values = { .place = &aws->place };

	aws->place.destination = destination;
	aws->account = mem_strdup(account_of(destination, number, room));
	aws->region = mem_strdup(region_of(destination, region, number));
	aws->role_arn = placeholders_replace(destination->access.role_arn, &values);
	aws->external_id = placeholders_replace(destination->access.external_id, &values);
	aws->endpoint_url = placeholders_replace(destination->access.endpoint_url, &values);
	aws->place.key = mem_printf("%s/%s", aws->account ?: "own", aws->region ?: "-");
	if (!aws->account)
		aws->place.via = mem_printf(
			"%s\n%s", destination->access.profile ?: "", aws->role_arn ?: "");
	return &aws->place;
}

static void aws_free(struct place *place)
{
	struct place_aws *aws = (struct place_aws *)place;

	free(aws->account);
	free(aws->region);
	free(aws->role_arn);
	free(aws->external_id);
	free(aws->endpoint_url);
	free(aws);
}

static const char *aws_part(const struct place *place, const char *name)
{
	if (strcmp(name, "account") == 0)
		return place_aws(place)->account;
	return strcmp(name, "region") == 0 ? place_aws(place)->region : NULL;
}

static char *aws_object_text(const struct place *place, const char *object)
{
	return mem_printf("%s %s", place->key, object);
}

static char **acm_object_problems(const char *object)
{
	_cleanup_(freep) char *problem = NULL;
	char **problems = NULL;

	if (strlen(object) <= ACM_NAME_MOST)
		return NULL;
	problem = mem_printf(
		"%zu characters are too many for the tag certferry:name; the maximum is %d",
		strlen(object), ACM_NAME_MOST);
	strv_append(&problems, problem);
	return problems;
}

/* Secrets Manager puts a hyphen and six letters or digits behind a secret's name to make its ARN,
 * and takes an ARN without them as well (AWS API reference, CreateSecret, Name). */
static char *secret_object_warning(const char *object)
{
	const char *hyphen = strrchr(object, '-');

	if (!hyphen || strlen(hyphen + 1) != SECRET_SUFFIX ||
		strspn(hyphen + 1, ALPHANUMERIC) != SECRET_SUFFIX)
		return NULL;
	return mem_printf("'%s' ends with a hyphen and six characters, as the ARN of a secret does; AWS "
			  "advises against that, because a partial ARN can then find the wrong secret; "
			  "choose another name for a new secret",
		object);
}

static const char *const acm_delivery_keys[] = { "arn", "recreate", "adopt", "only", NULL };
static const char *const secretsmanager_delivery_keys[] = { "adopt", "only", NULL };

const struct place_kind acm_place_kind = {
	.name = "acm",
	.objects = "imports",
	.in_aws = true,
	.reads_lag = true,
	.names_objects = true,
	.delivery_keys = acm_delivery_keys,
	.adopts = 1u << ADOPT_ASK | 1u << ADOPT_IN_USE | 1u << ADOPT_BESIDE,
	.adopt_refusal = "true is for secrets; for ACM write in-use, beside, or arn: ARN",
	.count = aws_count,
	.leaves = aws_leaves,
	.make = aws_make,
	.free = aws_free,
	.part = aws_part,
	.object_text = aws_object_text,
	.object_problems = acm_object_problems,
};

const struct place_kind secretsmanager_place_kind = {
	.name = "secretsmanager",
	.objects = "secrets",
	.in_aws = true,
	.reads_lag = true,
	.hides_objects = true,
	.delivery_keys = secretsmanager_delivery_keys,
	.adopts = 1u << ADOPT_ASK | 1u << ADOPT_YES,
	.adopt_refusal = "in-use and beside are for ACM; for a secret write true",
	.count = aws_count,
	.leaves = aws_leaves,
	.make = aws_make,
	.free = aws_free,
	.part = aws_part,
	.object_text = aws_object_text,
	.object_warning = secret_object_warning,
};
