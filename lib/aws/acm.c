/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every operation is a struct operation with the callback of its kind: a single request ends with
 * its answer, a listing asks for the next page before it hands out the one that came, since
 * whoever gets a page may cancel.
 */

#include "lib/aws/acm.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/acm_description.h"
#include "lib/aws/acm_page.h"
#include "lib/aws/acm_wire.h"
#include "lib/aws/member.h"
#include "lib/aws/operation.h"
#include "lib/aws/session.h"
#include "lib/base/strv.h"

struct acm_operation {
	struct operation operation;
	void *userdata;
	union {
		acm_done_fn listed;
		acm_get_fn got;
		acm_export_fn exported;
		acm_import_fn imported;
		acm_tags_fn tags;
		acm_done_fn tagged;
		acm_describe_fn described;
	} on;
	/* Listings only. */
	acm_page_fn on_page;
	struct acm_page page;
	/* Descriptions only. */
	struct acm_description_page *description;
	/* Imports only. */
	bool is_new;
};

struct acm_operation *acm_cancel(struct acm_operation *o)
{
	bool listing;

	if (!o)
		return NULL;
	listing = o->on_page != NULL;
	operation_done(&o->operation);
	if (listing)
		acm_page_done(&o->page);
	if (o->description)
		acm_description_done(o->description);
	free(o->description);
	free(o);
	return NULL;
}

DEFINE_CLEANUP(struct acm_operation *, acm_cancel);

static struct acm_operation *acm_new(
	struct aws_session *session, const char *name, operation_fn on_answer, void *userdata)
{
	struct acm_operation *o = mem_new(struct acm_operation);

	o->operation = (struct operation){
		.session = session,
		.service = AWS_ACM,
		.name = name,
		.on_answer = on_answer,
	};
	o->userdata = userdata;
	return o;
}

/* An answer that cannot be used: the failure to tell instead of it. */
static const struct error *refuse(const struct acm_operation *o, struct error *problem)
{
	error_wrap(problem, "%s", o->operation.name);
	return problem;
}

/* Listings. */

static size_t text_size(const char *text)
{
	return text ? strlen(text) + ROOM_TEXT : 0;
}

size_t acm_summary_size(const struct acm_summary *summary)
{
	size_t size = sizeof(*summary) + text_size(summary->arn) + text_size(summary->domain) +
		text_size(summary->status) + text_size(summary->type) + text_size(summary->key_algorithm) +
		text_size(summary->serial);

	STRV_FOREACH (name, summary->names)
		size += sizeof(*name) + text_size(*name);
	return size;
}

static void summaries_free(struct acm_summary *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		acm_summary_done(&items[i]);
	free(items);
}

static void on_page(struct operation *operation)
{
	struct acm_operation *o = (struct acm_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	struct acm_summary *items;
	size_t count;
	int r;

	r = acm_page_check(&o->page, &problem);
	if (r == 0)
		r = operation_next(operation, &problem);
	if (r == 0) {
		items = acm_page_take(&o->page, &count);
		if (count > 0)
			session_learn_account(operation->session, items[0].arn);
		o->on_page(o->userdata, items, count); /* which may cancel */
		summaries_free(items, count);
		return;
	}
	refuse(o, &problem);
	operation_fail(operation, &problem);
}

static void on_listed(struct operation *operation, const json_t *answer, const struct error *err)
{
	struct acm_operation *o = (struct acm_operation *)operation;

	page_bound(&o->page.page, NULL); /* the room may go with who is told */
	o->on.listed(o->userdata, err);
	acm_cancel(o);
}

static struct acm_operation *listing_new(struct aws_session *session, const char *name,
	enum acm_listing listing, enum acm_scope scope)
{
	struct acm_operation *o = acm_new(session, name, on_listed, NULL);

	acm_page_init(&o->page, listing, scope);
	o->operation.page = &o->page.page;
	o->operation.on_page = on_page;
	return o;
}

struct acm_operation *acm_list(struct aws_session *session, const char *region,
	enum acm_scope scope, acm_page_fn page, acm_done_fn on_done, void *userdata)
{
	struct acm_operation *o = listing_new(session, "ListCertificates", ACM_LISTING_LIST, scope);

	o->userdata = userdata;
	o->on_page = page;
	o->on.listed = on_done;
	operation_list(&o->operation, region, acm_list_body(scope));
	return o;
}

void acm_bound(struct acm_operation *o, struct room *room)
{
	page_bound(&o->page.page, room);
}

struct acm_operation *acm_search(struct aws_session *session, const char *region, usec_t since,
	acm_page_fn page, acm_done_fn on_done, void *userdata)
{
	struct acm_operation *o = listing_new(
		session, "SearchCertificates", ACM_LISTING_SEARCH, ACM_SCOPE_USUAL);

	o->userdata = userdata;
	o->on_page = page;
	o->on.listed = on_done;
	operation_list(&o->operation, region, acm_search_body(since));
	return o;
}

/* Single requests. */

static void ask_about(struct acm_operation *o, const char *region, const char *arn)
{
	operation_ask(&o->operation, region, json_pack("{s:s}", "CertificateArn", arn));
}

static void on_get(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(acm_cancelp) struct acm_operation *o = (struct acm_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	const char *leaf = NULL, *chain = NULL;

	if (!err && acm_parse_material(answer, &leaf, &chain, &problem) < 0)
		err = refuse(o, &problem);
	o->on.got(o->userdata, leaf, chain, err);
}

struct acm_operation *acm_get(struct aws_session *session, const char *region, const char *arn,
	acm_get_fn on_done, void *userdata)
{
	struct acm_operation *o = acm_new(session, "GetCertificate", on_get, userdata);

	o->on.got = on_done;
	ask_about(o, region, arn);
	return o;
}

static void on_export(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(acm_cancelp) struct acm_operation *o = (struct acm_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	const char *leaf = NULL, *chain = NULL, *key = NULL;

	if (!err && (member_need(answer, "PrivateKey", &key, &problem) < 0 ||
			    acm_parse_material(answer, &leaf, &chain, &problem) < 0)) {
		key = NULL;
		err = refuse(o, &problem);
	}
	o->on.exported(o->userdata, leaf, chain, key, err);
}

struct acm_operation *acm_export(struct aws_session *session, const char *region, const char *arn,
	const struct secret *passphrase, acm_export_fn on_done, void *userdata)
{
	struct acm_operation *o = acm_new(session, "ExportCertificate", on_export, userdata);
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct secret *body;

	o->on.exported = on_done;
	if (acm_export_body(arn, passphrase, &body, &err) < 0) {
		refuse(o, &err);
		operation_fail(&o->operation, &err);
	} else {
		operation_ask_secret(&o->operation, region, body,
			"the passphrase of a private key", false);
	}
	return o;
}

static void on_import(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(acm_cancelp) struct acm_operation *o = (struct acm_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	const char *arn = NULL;

	if (!err && acm_parse_arn(answer, &arn, &problem) < 0) {
		/* Something was made, and it is not known what. */
		if (o->is_new)
			problem.code = AWS_CODE_AMBIGUOUS;
		err = refuse(o, &problem);
	}
	if (arn)
		session_learn_account(operation->session, arn);
	o->on.imported(o->userdata, arn, err);
}

struct acm_operation *acm_import(struct aws_session *session, const char *region,
	const struct acm_import *import, acm_import_fn on_done, void *userdata)
{
	struct acm_operation *o = acm_new(session, "ImportCertificate", on_import, userdata);
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct secret *body;

	assert(!import->arn || strv_length(import->tags) == 0);
	o->on.imported = on_done;
	o->is_new = !import->arn;
	if (acm_import_body(import, &body, &err) < 0) {
		refuse(o, &err);
		operation_fail(&o->operation, &err);
	} else {
		operation_ask_secret(&o->operation, region, body, "a private key", o->is_new);
	}
	return o;
}

static void on_tags(struct operation *operation, const json_t *answer, const struct error *err)
{
	static const struct member members[] = { { "Tags", MEMBER_TAGS }, { 0 } };
	_cleanup_(acm_cancelp) struct acm_operation *o = (struct acm_operation *)operation;
	_cleanup_(strv_freep) char **tags = NULL;
	_cleanup_(error_done) struct error problem = ERROR_NULL;

	if (!err && member_check(answer, members, &problem) < 0)
		err = refuse(o, &problem);
	if (!err)
		tags = member_tags(answer, "Tags");
	o->on.tags(o->userdata, tags, err);
}

struct acm_operation *acm_tags(struct aws_session *session, const char *region, const char *arn,
	acm_tags_fn on_done, void *userdata)
{
	struct acm_operation *o = acm_new(session, "ListTagsForCertificate", on_tags, userdata);

	o->on.tags = on_done;
	ask_about(o, region, arn);
	return o;
}

/* AddTagsToCertificate answers nothing. */
static void on_tagged(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(acm_cancelp) struct acm_operation *o = (struct acm_operation *)operation;

	o->on.tagged(o->userdata, err);
}

struct acm_operation *acm_add_tags(struct aws_session *session, const char *region, const char *arn,
	char *const *tags, acm_done_fn on_done, void *userdata)
{
	struct acm_operation *o = acm_new(session, "AddTagsToCertificate", on_tagged, userdata);

	o->on.tagged = on_done;
	o->operation.mute = true;
	operation_ask(&o->operation, region, acm_add_tags_body(arn, tags));
	return o;
}

static void on_describe_failed(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(acm_cancelp) struct acm_operation *o = (struct acm_operation *)operation;

	o->on.described(o->userdata, NULL, err);
}

static void on_describe(struct operation *operation)
{
	_cleanup_(acm_cancelp) struct acm_operation *o = (struct acm_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	const struct error *err = NULL;

	if (acm_description_check(o->description, &problem) < 0)
		err = refuse(o, &problem);
	o->on.described(o->userdata, err ? NULL : &o->description->description, err);
}

struct acm_operation *acm_describe(struct aws_session *session, const char *region, const char *arn,
	acm_describe_fn on_done, void *userdata)
{
	struct acm_operation *o = acm_new(session, "DescribeCertificate", on_describe_failed, userdata);

	o->on.described = on_done;
	o->description = mem_new(struct acm_description_page);
	acm_description_init(o->description);
	o->operation.page = &o->description->page;
	o->operation.on_page = on_describe;
	ask_about(o, region, arn);
	return o;
}
