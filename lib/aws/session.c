/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/session.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/client.h"
#include "lib/aws/profile.h"
#include "lib/aws/retry.h"
#include "lib/aws/sts.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

#define REFRESH_LEFT   (10 * USEC_PER_MINUTE)
#define REFRESH_SPREAD (5 * USEC_PER_MINUTE)
#define DENIED_FOR     USEC_PER_MINUTE
#define FAILED_FOR     USEC_PER_MINUTE

void session_plan(
	usec_t now, usec_t expires, unsigned chance, usec_t *ret_refresh, usec_t *ret_unusable)
{
	usec_t life = usec_sub(expires, now);
	usec_t left = REFRESH_LEFT + REFRESH_SPREAD / 1000 * (chance % 1000);

	if (expires == USEC_INFINITY) {
		*ret_refresh = *ret_unusable = USEC_INFINITY;
		return;
	}
	*ret_refresh = expires - MIN(left, life / 4);
	*ret_unusable = expires - MIN(USEC_PER_MINUTE, life / 10);
}

static void session_wake(struct aws_session *session, const struct error *err)
{
	unsigned round = session->round++;
	struct session_waiter *waiter;

	/* Who comes to wait now belongs to the next round. */
	while ((waiter = TAILQ_FIRST(&session->waiters)) && waiter->round == round) {
		session_leave(waiter);
		waiter->wake(waiter->userdata, err);
	}
}

/* ${account} (NULL: it is not told) is taken over. */
static void session_take_account(struct aws_session *session, char *account)
{
	if (!account || session->account_told) {
		free(account);
		return;
	}
	free(session->account);
	session->account = account;
	session->account_told = true;
}

void session_learn_account(struct aws_session *session, const char *arn)
{
	if (!session->account_told)
		session_take_account(session, sts_account(arn));
}

static void session_keep(struct aws_session *session, struct credentials *credentials)
{
	session_take_account(session, mem_strdup(credentials->account));
	credentials_free(session->credentials);
	session->credentials = credentials;
	session->generation++;
	session_plan(aws_now(session->aws), credentials->expires, (unsigned)random_below(1000),
		&session->refresh_at, &session->unusable_at);
	error_done(&session->denial);
}

/* A file of credentials that is absent is no absence of what the caller asks AWS about; nor does the code of the
 * request that was to bring them say anything of the caller's. */
static void session_judge(struct error *err)
{
	err->code = 0;
	if (err->kind == ERROR_ABSENT || err->kind == ERROR_CONFLICT)
		err->kind = ERROR_DENIED;
}

static void on_fetched(void *userdata, struct credentials *credentials, const struct error *err)
{
	struct aws_session *session = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	session->fetching = false;
	if (credentials) {
		session_keep(session, credentials);
		session_wake(session, NULL);
		return;
	}
	/* The provider may keep its own copy of the error only for so long. */
	error_copy(&failure, err);
	session_judge(&failure);
	session->refresh_again = usec_add(clock_monotonic(), FAILED_FOR);
	if (failure.kind != ERROR_RETRY) {
		error_copy(&session->denial, &failure);
		session->denied_until = usec_add(clock_monotonic(), DENIED_FOR);
	}
	session_wake(session, &failure);
}

static int on_begin(sd_event_source *source, void *userdata)
{
	struct aws_session *session = userdata;

	session->provider->fetch(session->provider, session->fetch_region, on_fetched, session);
	return 0;
}

static void session_begin(struct aws_session *session, const char *region)
{
	if (session->fetching)
		return;
	session->fetching = true;
	if (region) {
		free(session->fetch_region);
		session->fetch_region = mem_strdup(region);
	}
	if (sd_event_source_set_enabled(session->begin, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

int session_check(struct aws_session *session, struct error *err)
{
	usec_t now = aws_now(session->aws);

	if (session->credentials && now < session->unusable_at) {
		if (now >= session->refresh_at && clock_monotonic() >= session->refresh_again)
			session_begin(session, NULL);
		return 1;
	}
	if (session->denial.kind != ERROR_NONE && clock_monotonic() < session->denied_until) {
		error_copy(err, &session->denial);
		return error_result(err);
	}
	return 0;
}

void session_wait(struct aws_session *session, struct session_waiter *waiter, const char *region)
{
	waiter->session = session;
	waiter->round = session->round;
	TAILQ_INSERT_TAIL(&session->waiters, waiter, link);
	session_begin(session, region);
}

void session_leave(struct session_waiter *waiter)
{
	if (waiter->session)
		TAILQ_REMOVE(&waiter->session->waiters, waiter, link);
	waiter->session = NULL;
}

void session_expire(struct aws_session *session, unsigned generation)
{
	if (generation == session->generation)
		session->credentials = credentials_free(session->credentials);
}

struct pulse *session_pulse(struct aws_session *session, enum aws_service service, const char *region)
{
	struct peer *peer = session->peers;

	if (service == AWS_TAGGING)
		service = AWS_ACM;
	while (peer && (peer->service != service || strcmp(peer->region, region) != 0))
		peer = peer->next;
	if (!peer) {
		peer = mem_new(struct peer);
		*peer = (struct peer){ .next = session->peers, .service = service, .region = mem_strdup(region) };
		session->peers = peer;
	}
	return &peer->pulse;
}

const struct pulse *aws_pulse(struct aws_session *session, enum aws_service service, const char *region)
{
	return session_pulse(session, service, region);
}

const char *session_region(const struct aws_session *session)
{
	return session->region;
}

static struct aws_session *session_find(struct aws *aws, const char *key)
{
	struct aws_session *session;

	TAILQ_FOREACH(session, &aws->sessions, link)
	if (strcmp(session->key, key) == 0)
		return session;
	return NULL;
}

/* What the environment says counts for everybody, what a profile says for those who use it. */
static unsigned attempts_of(const struct aws *aws, const char *profile)
{
	const char *text = profile ? profile_get(aws->profiles, profile, "max_attempts") : NULL;
	unsigned attempts;

	if (aws->attempts_fixed || !text || retry_attempts(text, &attempts) < 0)
		return aws->attempts;
	return attempts;
}

static struct aws_session *session_new(
	struct aws *aws, const char *key, const char *profile, struct provider *provider)
{
	struct aws_session *session = mem_new(struct aws_session);

	*session = (struct aws_session){
		.aws = aws,
		.key = mem_strdup(key),
		.label = profile ? mem_printf("profile %s", profile)
				 : mem_strdup("own credentials"),
		.region = mem_strdup(aws_profile_region(aws, profile)),
		.attempts = attempts_of(aws, profile),
		.provider = provider,
	};
	session->account = mem_strdup(session->label);
	TAILQ_INIT(&session->waiters);
	endpoint_settings_load(&session->endpoints, aws->profiles, profile ?: aws->profile);
	if (sd_event_add_defer(aws->event, &session->begin, on_begin, session) < 0 ||
		sd_event_source_set_enabled(session->begin, SD_EVENT_OFF) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(session->begin, "aws-session");
	TAILQ_INSERT_TAIL(&aws->sessions, session, link);
	return session;
}

struct aws_session *session_get_keyed(
	struct aws *aws, const char *key, const char *profile, struct provider *provider)
{
	struct aws_session *session = session_find(aws, key);

	if (!session)
		return session_new(aws, key, profile, provider);
	provider_free(provider);
	return session;
}

static void key_add(struct buf *key, const char *value)
{
	/* The length makes it unambiguous. */
	buf_printf(key, "%zu:%s,", value ? strlen(value) + 1 : 0, value ?: "");
}

static char *identity_key(const struct aws_identity *identity)
{
	struct buf key = BUF_NULL;

	key_add(&key, identity->profile);
	key_add(&key, identity->role_arn);
	key_add(&key, identity->external_id);
	key_add(&key, identity->role_session_name);
	key_add(&key, identity->source_identity);
	key_add(&key, identity->endpoint_url);
	key_add(&key, identity->keeps_time ? "time" : NULL);
	STRV_FOREACH(tag, identity->session_tags)
		key_add(&key, *tag);
	return buf_take(&key);
}

struct aws_session *aws_session_get(struct aws *aws, const struct aws_identity *identity)
{
	const struct aws_identity own = { .profile = identity->profile };
	const struct role role = {
		.arn = identity->role_arn,
		.external_id = identity->external_id,
		.session_name = identity->role_session_name,
		.source_identity = identity->source_identity,
		.tags = identity->session_tags,
	};
	_cleanup_(freep) char *key = identity_key(identity);
	struct aws_session *session = session_find(aws, key);
	struct provider *provider;

	if (session)
		return session;
	provider = role.arn ? provider_role_new(aws_session_get(aws, &own), &role)
			    : provider_find(aws, identity->profile);
	session = session_new(aws, key, identity->profile, provider);
	session->endpoint_url = mem_strdup(identity->endpoint_url);
	session->own_clock = identity->endpoint_url && !identity->keeps_time;
	if (role.arn) {
		free(session->label);
		session->label = mem_strdup(role.arn);
	}
	free(session->account);
	session->account = mem_strdup(session->label);
	session_take_account(session, role.arn ? sts_account(role.arn) : provider_account(aws, identity->profile));
	return session;
}

void sessions_forget_denials(struct aws *aws)
{
	struct aws_session *session;

	TAILQ_FOREACH(session, &aws->sessions, link)
	{
		error_done(&session->denial);
		session->refresh_again = 0;
	}
}

static void peers_free(struct peer *peer)
{
	while (peer) {
		struct peer *next = peer->next;

		free(peer->region);
		free(peer);
		peer = next;
	}
}

static void session_free(struct aws_session *session)
{
	peers_free(session->peers);
	sd_event_source_disable_unref(session->begin);
	credentials_free(session->credentials);
	endpoint_settings_done(&session->endpoints);
	error_done(&session->denial);
	free(session->key);
	free(session->label);
	free(session->account);
	free(session->region);
	free(session->endpoint_url);
	free(session->fetch_region);
	free(session);
}

void sessions_free(struct aws *aws)
{
	struct aws_session *session;

	/* A provider may have a request under way that waits in another session. */
	TAILQ_FOREACH(session, &aws->sessions, link)
	session->provider = provider_free(session->provider);
	while ((session = TAILQ_FIRST(&aws->sessions))) {
		TAILQ_REMOVE(&aws->sessions, session, link);
		session_free(session);
	}
}
