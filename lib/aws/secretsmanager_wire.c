/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/secretsmanager_wire.h"

#include <stdlib.h>
#include <string.h>

#include "lib/aws/compose.h"
#include "lib/aws/member.h"
#include "lib/base/strv.h"
#include "lib/pki/secret.h"

static void value_members(struct compose *c, const struct sm_write *write)
{
	compose_string(c, "ClientRequestToken", write->token);
	compose_text(c, "SecretString", secret_borrow(write->value), secret_length(write->value));
}

static void create_members(struct compose *c, const void *data)
{
	const struct sm_write *write = data;

	compose_string(c, "Name", write->secret_id);
	value_members(c, write);
	compose_string(c, "Description", write->description);
	compose_string(c, "KmsKeyId", write->kms_key);
	compose_tags(c, "Tags", write->tags);
}

int sm_create_body(const struct sm_write *write, struct secret **ret_body, struct error *err)
{
	return compose(create_members, write, ret_body, err);
}

static void put_members(struct compose *c, const void *data)
{
	const struct sm_write *write = data;

	compose_string(c, "SecretId", write->secret_id);
	value_members(c, write);
}

int sm_put_body(const struct sm_write *write, struct secret **ret_body, struct error *err)
{
	return compose(put_members, write, ret_body, err);
}

json_t *sm_tag_body(const char *secret_id, char *const *tags)
{
	return json_pack("{s:s, s:o}", "SecretId", secret_id, "Tags", member_tag_list(tags));
}

static int parse_secret_arn(const json_t *answer, const char **ret_arn, struct error *err)
{
	const char *arn;
	int r;

	r = member_need(answer, "ARN", &arn, err);
	if (r < 0)
		return r;
	if (strncmp(arn, "arn:", 4) != 0 || !strstr(arn, ":secretsmanager:"))
		return error_set(err, ERROR_RETRY, 0, "response whose ARN is of no secret");
	*ret_arn = arn;
	return 0;
}

static void parse_versions(const json_t *stages, struct sm_described *described)
{
	const size_t count = json_object_size(stages);
	const char *id;
	json_t *labels;

	described->versions = mem_alloc(count * sizeof(*described->versions));
	described->description.versions = described->versions;
	json_object_foreach((json_t *)stages, id, labels)
		described->versions[described->description.version_count++] = (struct sm_version){
		.id = id,
		.stages = member_strings(stages, id),
	};
}

static const struct member description_members[] = { { "DeletedDate", MEMBER_TIME },
	{ "OwningService", MEMBER_STRING }, { "RotationEnabled", MEMBER_BOOLEAN },
	{ "Tags", MEMBER_TAGS }, { "VersionIdsToStages", MEMBER_STAGES }, { 0 } };

int sm_parse_description(
	const json_t *answer, struct sm_described *ret_described, struct error *err)
{
	const json_t *deleted = json_object_get(answer, "DeletedDate");
	struct sm_described described = { 0 };
	struct sm_description *description = &described.description;
	const char *arn, *name;
	int r;

	r = parse_secret_arn(answer, &arn, err);
	if (r < 0)
		return r;
	r = member_need(answer, "Name", &name, err);
	if (r == 0)
		r = member_check(answer, description_members, err);
	if (r < 0)
		return r;
	description->arn = arn;
	description->name = name;
	description->deleted = deleted && !json_is_null(deleted);
	description->owning_service = member_string(answer, "OwningService");
	description->rotation = member_true(answer, "RotationEnabled");
	described.tags = member_tags(answer, "Tags");
	description->tags = described.tags;
	parse_versions(json_object_get(answer, "VersionIdsToStages"), &described);
	*ret_described = described;
	return 0;
}

void sm_described_done(struct sm_described *described)
{
	for (size_t i = 0; i < described->description.version_count; i++)
		strv_free((char **)described->versions[i].stages);
	free(described->versions);
	strv_free(described->tags);
	*described = (struct sm_described){ 0 };
}

static const struct member value_members_read[] = { { "SecretString", MEMBER_STRING },
	{ "SecretBinary", MEMBER_STRING }, { 0 } };

/* The value is a text of JSON in JSON, and so are keys in it: jansson's memory is wiped. */
int sm_parse_value(const json_t *answer, struct sm_valued *ret_valued, struct error *err)
{
	const json_t *text = json_object_get(answer, "SecretString");
	struct sm_valued valued = { 0 };
	const char *name, *arn;
	json_t *member;
	size_t count = 0;
	int r;

	r = parse_secret_arn(answer, &arn, err);
	if (r == 0)
		r = member_check(answer, value_members_read, err);
	if (r < 0)
		return r;
	valued.object = json_loadb(json_string_value(text) ?: "", json_string_length(text),
		JSON_ALLOW_NUL, NULL);
	if (!json_is_object(valued.object)) {
		json_decref(valued.object);
		valued.object = NULL;
	}
	valued.fields = mem_alloc((json_object_size(valued.object) + 1) * sizeof(*valued.fields));
	json_object_foreach(valued.object, name, member)
		valued.fields[count++] = mem_strdup(name);
	valued.value = (struct sm_value){ .fields = valued.fields, .object = valued.object };
	*ret_valued = valued;
	return 0;
}

void sm_valued_done(struct sm_valued *valued)
{
	json_decref(valued->object);
	strv_free(valued->fields);
	*valued = (struct sm_valued){ 0 };
}

static const struct member written_members[] = { { "VersionId", MEMBER_STRING }, { 0 } };

int sm_parse_written(
	const json_t *answer, const char *token, const char **ret_arn, struct error *err)
{
	const char *version = member_string(answer, "VersionId"), *arn;
	int r;

	r = parse_secret_arn(answer, &arn, err);
	if (r == 0)
		r = member_check(answer, written_members, err);
	if (r < 0)
		return r;
	if (token && version && strcmp(version, token) != 0)
		return error_set(err, ERROR_RETRY, 0, "answer for version '%s' instead of '%s'",
			version, token);
	*ret_arn = arn;
	return 0;
}
