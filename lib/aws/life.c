/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/aws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/client.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/environment.h"
#include "lib/aws/lane.h"
#include "lib/aws/profile.h"
#include "lib/aws/session.h"

/* The CA certificates that the environment or the profile names; else the host's. */
static int connect_http(struct aws *aws, struct error *err)
{
	const char *fixed = environment_variable("AWS_CA_BUNDLE", NULL);
	const char *own = profile_get(aws->profiles, aws->profile, "ca_bundle");
	const char *path = environment_ca_bundle(aws->profiles, aws->profile);
	_cleanup_(freep) char *where = NULL;

	if (http_new(aws->event, path, &aws->http, err) >= 0)
		return 0;
	if (fixed || !own)
		return error_wrap(err, fixed ? "AWS_CA_BUNDLE" : "REQUESTS_CA_BUNDLE");
	where = profile_where(aws->profiles, aws->profile, "ca_bundle");
	return error_wrap(err, "%s: profile '%s': ca_bundle", where, aws->profile);
}

static int on_begin(sd_event_source *source, void *userdata)
{
	calls_begin(userdata);
	return 0;
}

int aws_new(struct sd_event *event, struct aws **ret_aws, struct error *err)
{
	_cleanup_(aws_freep) struct aws *aws = mem_new(struct aws);
	int r;

	aws->event = sd_event_ref(event);
	TAILQ_INIT(&aws->sessions);
	TAILQ_INIT(&aws->begun);
	if (sd_event_add_defer(event, &aws->begin, on_begin, aws) < 0 ||
		sd_event_source_set_enabled(aws->begin, SD_EVENT_OFF) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(aws->begin, "aws-begin");
	aws->lanes = lanes_new(event);
	TAILQ_INIT(&aws->shares);
	r = environment_load(aws, err);
	if (r < 0)
		return r;
	r = connect_http(aws, err);
	if (r < 0)
		return r;
	*ret_aws = take(aws);
	return 0;
}

void aws_set_heard_callback(struct aws *aws, void (*callback)(void *userdata), void *userdata)
{
	aws->heard_callback = callback;
	aws->heard_userdata = userdata;
}

int aws_set_quota(struct aws *aws, const char *service, const char *operation, double rate)
{
	for (int i = 0; i < AWS_SERVICE_COUNT; i++)
		if (strcmp(service_find((enum aws_service)i)->signing_name, service) == 0)
			return lanes_set_quota(aws->lanes, (enum aws_service)i, operation, rate) ? 0
												: -ENOENT;
	return -ENOENT;
}

void aws_forget_denials(struct aws *aws)
{
	sessions_forget_denials(aws);
}

size_t aws_connections(const struct aws *aws)
{
	return http_connections(aws->http);
}

void aws_rest(struct aws *aws)
{
	http_rest(aws->http);
}

struct aws *aws_free(struct aws *aws)
{
	if (!aws)
		return NULL;
	sessions_free(aws);
	lanes_free(aws->lanes);
	http_free(aws->http);
	sd_event_source_disable_unref(aws->begin);
	profiles_free(aws->profiles);
	sd_event_unref(aws->event);
	free(aws->profile);
	free(aws->region);
	free(aws);
	return NULL;
}
