/* SPDX-License-Identifier: Apache-2.0 */
/* A role, assumed with the credentials of another session (AWS STS AssumeRole). */
#include <stdlib.h>
#include <string.h>

#include "lib/aws/call.h"
#include "lib/aws/provider.h"
#include "lib/aws/session.h"
#include "lib/aws/sts.h"
#include "lib/base/strv.h"

#define DENIED_ACTION "is not authorized to perform: "

struct assumer {
	struct provider provider;
	struct aws_session *source;
	char *arn;
	char *form;
	struct aws_call *call; /* while a fetch is under way */
	provider_done_fn done;
	void *userdata;
};

/* AssumeRole needs these as well, where the session gets a source identity or tags. */
static const char *const session_actions[] = { "sts:SetSourceIdentity", "sts:TagSession" };

/* Which of them AWS denies, or NULL: "... is not authorized to perform: sts:TagSession on ...". */
static const char *denied_session_action(const char *text)
{
	const char *found = strstr(text, DENIED_ACTION);

	for (size_t i = 0; found && i < ARRAY_SIZE(session_actions); i++) {
		const char *end = found + strlen(DENIED_ACTION) + strlen(session_actions[i]);

		if (strncmp(found + strlen(DENIED_ACTION), session_actions[i],
			    strlen(session_actions[i])) == 0 &&
			(*end == ' ' || *end == '\0'))
			return session_actions[i];
	}
	return NULL;
}

/* Of AssumeRole itself STS does not say which of the three it was. */
static void add_advice(struct error *err)
{
	_cleanup_(freep) char *text = take(err->text);
	const char *action = denied_session_action(text);

	if (action)
		err->text = mem_printf(
			"%s; the role's trust policy and this identity's policy must both allow %s, in the "
			"trust policy without the condition sts:ExternalId, which is a key of "
			"sts:AssumeRole alone",
			text, action);
	else
		err->text = mem_printf(
			"%s; is there such a role, does its trust policy admit this identity with "
			"this external id, and may this identity assume it (sts:AssumeRole)?",
			text);
}

static void on_answer(void *userdata, const char *body, size_t length, const struct error *err)
{
	struct assumer *assumer = userdata;
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	assumer->call = NULL;
	if (err) {
		error_copy(&failure, err);
	} else if (sts_read_credentials(body, length, &credentials, &failure) == 0) {
		assumer->done(assumer->userdata, take(credentials), NULL);
		return;
	} else {
		(void)error_wrap(&failure, "AssumeRole");
	}
	(void)error_wrap(&failure, "assume role '%s'", assumer->arn);
	if (failure.code == AWS_CODE_ACCESS_DENIED)
		add_advice(&failure);
	assumer->done(assumer->userdata, NULL, &failure);
}

static void assumer_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	struct assumer *assumer = (struct assumer *)provider;

	assumer->done = done;
	assumer->userdata = userdata;
	assumer->call = call_start_form(assumer->source,
		&(struct form_request){
			.service = AWS_STS,
			.operation = "AssumeRole",
			.region = sts_region(
				session_region(assumer->source), assumer->arn, region),
			.form = assumer->form,
		},
		on_answer, assumer);
}

static void assumer_release(struct provider *provider)
{
	struct assumer *assumer = (struct assumer *)provider;

	aws_call_cancel(assumer->call);
	free(assumer->arn);
	free(assumer->form);
	free(assumer);
}

struct provider *provider_role_new(struct aws_session *source, const struct role *role)
{
	struct assumer *assumer = mem_new(struct assumer);

	*assumer = (struct assumer){
		.provider = { assumer_fetch, assumer_release },
		.source = source,
		.arn = mem_strdup(role->arn),
		.form = sts_assume_role_form(role),
	};
	return &assumer->provider;
}
