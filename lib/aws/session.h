/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SESSION_H
#define LIB_AWS_SESSION_H

/*
 * An identity and its credentials: fetched once however many wait, kept while they are good,
 * refreshed behind the scenes before they expire.  Not for use outside lib/aws.
 */

#include <stdbool.h>
#include <sys/queue.h>

#include "lib/aws/aws.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/provider.h"
#include "lib/aws/pulse.h"

/* One that waits for credentials.  Zeroed but for wake and userdata, it waits for none. */
struct session_waiter {
	void (*wake)(void *userdata, const struct error *err); /* NULL: they are there */
	void *userdata;
	struct aws_session *session; /* that it waits for, or NULL */
	unsigned round;
	TAILQ_ENTRY(session_waiter) link;
};

/* A service in a region, and whether it answers. */
struct peer {
	struct peer *next;
	enum aws_service service;
	char *region;
	struct pulse pulse;
};

struct aws_session {
	struct aws *aws;
	TAILQ_ENTRY(aws_session) link;
	char *key; /* equal for equal identities */
	char *label; /* who this is, for logs */
	/* Whose quotas its requests use: sts_account() of the role it assumes, else provider_account(), else what its
	 * credentials or AWS's answers tell; until one of them does, the label stands for it, and another session of the
	 * same account is taken for one of another. */
	char *account;
	bool account_told;
	char *region; /* of the environment or its profile, or NULL */
	char *endpoint_url;
	struct endpoint_settings endpoints;
	bool own_clock; /* its endpoint's clock counts for its own requests only */
	int64_t offset; /* of that clock */
	unsigned attempts; /* of one request in standard mode */

	struct provider *provider;
	struct sd_event_source *begin; /* starts a fetch, never from inside session_wait() */
	bool fetching;
	char *fetch_region;
	struct credentials *credentials; /* or NULL */
	unsigned generation; /* counts the credentials it has had */
	usec_t refresh_at, unusable_at; /* corrected wall clock */
	usec_t refresh_again; /* monotonic: after a refresh that failed */
	struct error denial; /* whatever a try in a moment would meet again, be it not ERROR_DENIED */
	usec_t denied_until; /* monotonic */
	TAILQ_HEAD(, session_waiter) waiters;
	unsigned round;
	struct peer *peers; /* all that were ever asked */
};

/* session_get_keyed(aws, key, profile, provider): the session called ${key}, which fetches with
 * ${provider} (taken over in any case) and has the settings of ${profile} (NULL: the default
 * one) if it is new. */
struct aws_session *session_get_keyed(
	struct aws *aws, const char *key, const char *profile, struct provider *provider);

/* session_region(session): the environment's region, else the profile's, or NULL. */
const char *session_region(const struct aws_session *session);

/**
 * session_check(session, err):
 * 1: the credentials can be used now; 0: session_wait() is needed; negative: less than a minute ago
 * there were none, for a reason that is no ERROR_RETRY.  Starts a refresh when one is due.
 */
int session_check(struct aws_session *session, struct error *err);

/* session_wait(session, waiter, region): have them fetched, for a request to ${region};
 * ${wake} is called once, never from inside. */
void session_wait(struct aws_session *session, struct session_waiter *waiter, const char *region);

/* session_leave(waiter): no longer; fine for one that does not wait. */
void session_leave(struct session_waiter *waiter);

/* session_learn_account(session, arn): what an answer calls ${arn} is in the account whose quotas count, unless that was
 * told already. */
void session_learn_account(struct aws_session *session, const char *arn);

/* session_pulse(session, service, region): as aws_pulse(), for whoever asks. */
struct pulse *session_pulse(struct aws_session *session, enum aws_service service, const char *region);

/* session_expire(session, generation): AWS refused these credentials; they are dropped
 * unless newer ones have come already. */
void session_expire(struct aws_session *session, unsigned generation);

/**
 * session_plan(now, expires, chance, refresh, unusable):
 * When credentials that are valid from ${now} until ${expires} are to be refreshed (10 to 15
 * minutes before the end, by ${chance}, random in 0..999; at a quarter of a short life left) and
 * from when on they may no longer be used.  Pure.
 */
void session_plan(
	usec_t now, usec_t expires, unsigned chance, usec_t *ret_refresh, usec_t *ret_unusable);

/* sessions_forget_denials(aws): see aws_forget_denials(). */
void sessions_forget_denials(struct aws *aws);

/* sessions_free(aws): all of them; their fetches are cancelled. */
void sessions_free(struct aws *aws);

#endif
