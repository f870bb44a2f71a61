/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A role, assumed with a token that someone else puts into a file and renews there: Kubernetes (EKS' IAM roles for
 * service accounts), CI systems.  The file is read at each fetch; the request is not signed, the token is the proof.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/aws/call.h"
#include "lib/aws/provider.h"
#include "lib/aws/session.h"
#include "lib/aws/sts.h"
#include "lib/pki/secret.h"

/* What STS takes (AWS STS API Reference, AssumeRoleWithWebIdentity). */
#define TOKEN_MAX ((size_t)20000)

struct identity {
	struct provider provider;
	struct aws_session *session;
	char *arn, *session_name;
	char *token_file;
	struct aws_call *call; /* while a fetch is under way */
	provider_done_fn done;
	void *userdata;
};

/* The only end of a fetch.  ${credentials} or else ${err}. */
static void identity_finish(
	struct identity *identity, struct credentials *credentials, struct error *err)
{
	if (!credentials)
		(void)error_wrap(err, "assume role '%s' with the web identity token in '%s'",
			identity->arn, identity->token_file);
	identity->done(identity->userdata, credentials, credentials ? NULL : err);
}

static void on_answer(void *userdata, const char *body, size_t length, const struct error *err)
{
	struct identity *identity = userdata;
	struct credentials *credentials = NULL;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	identity->call = NULL;
	if (err)
		error_copy(&failure, err);
	else
		(void)sts_read_credentials(body, length, &credentials, &failure);
	identity_finish(identity, credentials, &failure);
}

static int identity_form(
	const struct identity *identity, struct secret **ret_form, struct error *err)
{
	const struct role role = { .arn = identity->arn, .session_name = identity->session_name };
	_cleanup_(secret_freep) struct secret *token = NULL;
	int r;

	r = secret_read_file(identity->token_file, TOKEN_MAX, &token, err);
	if (r < 0)
		return r;
	return sts_web_identity_form(&role, token, ret_form, err);
}

static void identity_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	struct identity *identity = (struct identity *)provider;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct secret *form;

	identity->done = done;
	identity->userdata = userdata;
	if (identity_form(identity, &form, &err) < 0) {
		identity_finish(identity, NULL, &err);
		return;
	}
	identity->call = call_start_form(identity->session,
		&(struct form_request){
			.service = AWS_STS,
			.operation = "AssumeRoleWithWebIdentity",
			.region = sts_region(
				session_region(identity->session), identity->arn, region),
			.secret_form = form,
			.secret_name = "an identity token",
		},
		on_answer, identity);
}

static void identity_release(struct provider *provider)
{
	struct identity *identity = (struct identity *)provider;

	aws_call_cancel(identity->call);
	free(identity->arn);
	free(identity->session_name);
	free(identity->token_file);
	free(identity);
}

struct provider *provider_web_identity_new(
	struct aws_session *unsigned_session, const struct role *role, const char *token_file)
{
	struct identity *identity = mem_new(struct identity);

	*identity = (struct identity){
		.provider = { identity_fetch, identity_release },
		.session = unsigned_session,
		.arn = mem_strdup(role->arn),
		.session_name = mem_strdup(role->session_name),
		.token_file = mem_strdup(token_file),
	};
	return &identity->provider;
}
