/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/aws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/client.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/lane.h"
#include "lib/aws/profile.h"
#include "lib/aws/retry.h"
#include "lib/aws/session.h"
#include "lib/os/clock.h"

#define SKEW_IGNORED ((int64_t)(5 * USEC_PER_SEC))
#define SKEW_CORRECT ((int64_t)USEC_PER_MINUTE)
#define SKEW_TOLD    ((int64_t)(5 * USEC_PER_MINUTE)) /* beyond it AWS refuses signatures */

/* The first of two variables that is set and not empty. */
static const char *variable(const char *name, const char *other)
{
	const char *value = getenv(name);

	if ((!value || !*value) && other)
		value = getenv(other);
	return value && *value ? value : NULL;
}

/* The environment's region, which counts before a profile's; else ${profile}'s; or NULL. */
static const char *region_of(const struct profiles *profiles, const char *profile)
{
	const char *region = variable("AWS_REGION", "AWS_DEFAULT_REGION");

	if (!region && profile)
		region = profile_get(profiles, profile, "region");
	return region && *region ? region : NULL;
}

/* The file that ${name} names, "~/" at its start being the home directory; else ${fallback}
 * there. */
static char *file_path(const char *name, const char *fallback)
{
	const char *path = variable(name, NULL);
	const char *home = variable("HOME", NULL);

	if (path && strncmp(path, "~/", 2) != 0)
		return mem_strdup(path);
	if (!home)
		return NULL;
	return mem_printf("%s/%s", home, path ? path + 2 : fallback);
}

/* How often a request is sent at most.  Like the AWS CLI, refuses to begin with what is no number. */
static int configure_attempts(struct aws *aws, struct error *err)
{
	const char *fixed = variable("AWS_MAX_ATTEMPTS", NULL);
	const char *text = fixed ?: profile_get(aws->profiles, aws->profile, "max_attempts");

	aws->attempts = RETRY_ATTEMPTS;
	aws->attempts_fixed = fixed != NULL;
	if (!text || !*text || retry_attempts(text, &aws->attempts) == 0)
		return 0;
	return error_set(err, ERROR_INVALID, 0,
		"%s: '%.32s' is no number of attempts; write 1 to %d, or remove it for %d",
		fixed ? "AWS_MAX_ATTEMPTS" : "max_attempts of the AWS profile", text,
		RETRY_ATTEMPTS_MAX, RETRY_ATTEMPTS);
}

/* The profile files, and which profile the environment means. */
static int load_profiles(struct profiles **ret_profiles, const char **ret_profile, struct error *err)
{
	_cleanup_(freep) char *config = file_path("AWS_CONFIG_FILE", ".aws/config");
	_cleanup_(freep) char *credentials = file_path(
		"AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	const char *profile = variable("AWS_DEFAULT_PROFILE", "AWS_PROFILE");
	int r;

	r = profiles_load(config, credentials, &profiles, err);
	if (r < 0)
		return error_wrap(err, "AWS profiles");
	if (profile && !profile_exists(profiles, profile))
		return error_set(err, ERROR_INVALID, 0,
			"AWS_PROFILE or AWS_DEFAULT_PROFILE: there is no profile '%s' in '%s' or '%s'", profile,
			config ?: "~/.aws/config", credentials ?: "~/.aws/credentials");
	*ret_profiles = take(profiles);
	*ret_profile = profile ?: "default";
	return 0;
}

int aws_environment_region(char **ret_region, struct error *err)
{
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	const char *profile;
	int r;

	r = load_profiles(&profiles, &profile, err);
	if (r < 0)
		return r;
	*ret_region = mem_strdup(region_of(profiles, profile));
	return 0;
}

static int aws_configure(struct aws *aws, struct error *err)
{
	const char *profile;
	int r;

	r = load_profiles(&aws->profiles, &profile, err);
	if (r < 0)
		return r;
	aws->profile = mem_strdup(profile);
	aws->region = mem_strdup(region_of(aws->profiles, profile));
	return configure_attempts(aws, err);
}

/* The CA certificates that the environment or the profile names; else the host's. */
static int connect_http(struct aws *aws, struct error *err)
{
	const char *fixed = variable("AWS_CA_BUNDLE", NULL);
	const char *own = profile_get(aws->profiles, aws->profile, "ca_bundle");
	const char *path = fixed ?: own ?: variable("REQUESTS_CA_BUNDLE", NULL);
	_cleanup_(freep) char *where = NULL;

	if (http_new(aws->event, path && *path ? path : NULL, &aws->http, err) >= 0)
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
	aws->room.most = AWS_ROOM;
	TAILQ_INIT(&aws->shares);
	r = aws_configure(aws, err);
	if (r < 0)
		return r;
	r = connect_http(aws, err);
	if (r < 0)
		return r;
	*ret_aws = take(aws);
	return 0;
}

const char *aws_default_region(const struct aws *aws)
{
	return aws->region;
}

const char *aws_profile_region(const struct aws *aws, const char *profile)
{
	return region_of(aws->profiles, profile) ?: aws->region;
}

usec_t aws_now(const struct aws *aws)
{
	return (usec_t)((int64_t)clock_now() + aws->offset);
}

void aws_set_skew_callback(
	struct aws *aws, void (*callback)(void *userdata, int64_t offset), void *userdata)
{
	aws->skew_callback = callback;
	aws->skew_userdata = userdata;
}

void aws_set_heard_callback(struct aws *aws, void (*callback)(void *userdata), void *userdata)
{
	aws->heard_callback = callback;
	aws->heard_userdata = userdata;
}

/* Answers come faster than their dates change. */
static int read_date(struct aws *aws, const char *text, usec_t *ret_date)
{
	if (*text && strcmp(aws->date_text, text) == 0) {
		*ret_date = aws->date;
		return 0;
	}
	if (time_parse_http(text, ret_date) < 0)
		return -EINVAL;
	if (strlen(text) < sizeof(aws->date_text)) {
		(void)strcpy(aws->date_text, text);
		aws->date = *ret_date;
	}
	return 0;
}

void aws_note_date(struct aws_session *session, const struct http_response *response, bool refused)
{
	struct aws *aws = session->aws;
	int64_t *offset = session->own_clock ? &session->offset : &aws->offset;
	const char *text = http_response_header(response, "Date");
	usec_t date;
	int64_t difference;

	if (!text || read_date(aws, text, &date) < 0)
		return;
	/* The header has whole seconds: on average half of one has been cut off. */
	difference = (int64_t)(date + USEC_PER_SEC / 2) - (int64_t)clock_now();
	if (llabs(difference) > (refused ? SKEW_IGNORED : SKEW_CORRECT))
		*offset = difference;
	else if (llabs(difference) < SKEW_IGNORED)
		*offset = 0;
	if (session->own_clock)
		return;
	if (llabs(difference) < SKEW_TOLD)
		aws->offset_told = false;
	else if (aws->skew_callback && !aws->offset_told) {
		aws->offset_told = true;
		aws->skew_callback(aws->skew_userdata, difference);
	}
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
