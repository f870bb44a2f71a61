/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_AWS_H
#define LIB_AWS_AWS_H

/*
 * The AWS client: one struct aws for the process (connection pool, clock correction, base
 * credentials, rate lanes), one struct aws_session for each identity, one struct aws_call for
 * each request.  Retries within seconds happen here and callers see only final answers; what
 * to do within hours is the planner's.  Error codes of AWS are compared here (fault.c) and
 * nowhere else.
 */

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/aws/service.h"
#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/http/http.h"

struct aws;
struct aws_call;
struct aws_session;
struct aws_share;
struct page;
struct pulse;
struct secret;
struct sd_event;

/**
 * aws_new(event, aws, err):
 * The client on ${event}.  Reads, as the AWS CLI takes them, the profile files (AWS_CONFIG_FILE, else ~/.aws/config;
 * AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials), AWS_DEFAULT_PROFILE or AWS_PROFILE, AWS_REGION or
 * AWS_DEFAULT_REGION or else the profile's region, AWS_CA_BUNDLE or else its ca_bundle, AWS_MAX_ATTEMPTS or else its
 * max_attempts; contacts nobody.  ERROR_INVALID, with the variable or with the file and the line: a profile that is
 * named and absent, profile files and CA bundles that cannot be read or make no sense, a number of attempts that is
 * none.
 * ERROR_RETRY: the secure heap is full.  Missing credentials are found at the first call.
 */
int aws_new(struct sd_event *event, struct aws **ret_aws, struct error *err);

/**
 * aws_environment_region(region, err):
 * What aws_default_region() of a client would be, or NULL, for whoever needs no client.  Errors are those of aws_new()
 * about profiles.  The caller owns it.
 */
int aws_environment_region(char **ret_region, struct error *err);

/**
 * aws_environment_trust(err):
 * Would a client of this environment have CA certificates to verify AWS by?  0, or ERROR_ABSENT with
 * the cure where the environment names none and the system has none.  Other errors are those of
 * aws_new() about profiles and CA bundles.
 */
int aws_environment_trust(struct error *err);

/* aws_default_region(aws): the environment's or profile's region, or NULL. */
const char *aws_default_region(const struct aws *aws);

/* aws_profile_region(aws, profile): that of requests as ${profile}: the environment's, else the profile's, else (and
 * for NULL) aws_default_region(). */
const char *aws_profile_region(const struct aws *aws, const char *profile);

/* aws_own_region(aws, profile): where ${profile} itself is at home, as botocore has it: the environment's region, else the
 * profile's, and never another profile's; for NULL aws_default_region().  NULL: nothing says one. */
const char *aws_own_region(const struct aws *aws, const char *profile);

/* aws_now(aws): the wall clock corrected by what AWS's Date headers say of it: those of the environment's
 * endpoints and of identities that keep the time. */
usec_t aws_now(const struct aws *aws);

/**
 * aws_set_skew_callback(aws, callback, userdata):
 * ${callback} is called with the signed offset in microseconds when the clock is found more
 * than five minutes off, once until it is right again.
 */
void aws_set_skew_callback(
	struct aws *aws, void (*callback)(void *userdata, int64_t offset), void *userdata);

/**
 * aws_set_quota(aws, service, operation, rate):
 * ${operation} of ${service} ("acm", "secretsmanager") is sent at most ${rate} times a second to each
 * account and region, at once and until it is set again; 0: as often as AWS publishes.  Operations
 * that share a rate are set together.  Identities whose account nothing has told yet (session.h) count as an
 * account each.  0, or -ENOENT when AWS publishes no rate for it.
 */
int aws_set_quota(struct aws *aws, const char *service, const char *operation, double rate);

/**
 * The room for what is kept of listings: answers that are well formed can still be without end.  Each has a share, which
 * grows with what has come: nobody who gives no answer has any of it.  All of them may have AWS_ROOM, of which
 * AWS_ROOM_FIRST is for what each has first, AWS_SHARE_FIRST: however much few of them have, the others can begin.  Of those
 * that have more, one alone may have as much as it likes.  A share that has shrunk has nothing of all that, but of
 * AWS_ROOM_READING.
 *
 * aws_share_new(aws): a share of nothing.
 * aws_share_take(share, bytes): false when there is not so much left; then nothing is taken.  Before that, those that are
 * spared are asked for theirs.
 * aws_share_give(share): all of it is free again.
 * aws_share_shrink(share, bytes, now): it has no more than ${bytes}, and those for a long time; at ${now} (monotonic).  False
 * when there is not so much left, also after aws_share_press(); then it has what it had.
 * aws_share_bind(share, give_way, userdata): whom to ask to give it back; see aws_share_press().  NULL: nobody.
 * aws_share_spare(share, give_way, userdata): the same, but whoever lacks room may ask at once, in aws_share_take(): it shrinks
 * then, or gives all.
 * aws_share_earn(share): whom it is for comes forward: it may keep it for AWS_ROOM_EARNED longer.
 * aws_share_press(share, bytes, now): ${share} waits for ${bytes} in all at ${now} (monotonic): of the others that have had theirs for
 * AWS_ROOM_HELD or longer, or took nothing more for AWS_ROOM_STILL, the largest is asked for it: its ${give_way} is called,
 * which gives all of it and cancels what needs it.  False when there is none.
 * aws_share_free(share): it is free again, too.  Returns NULL.
 *
 * No ${give_way} may call back whomever it is for, or free what another share belongs to, before the loop's next turn.
 */
struct aws_share *aws_share_new(struct aws *aws);
bool aws_share_take(struct aws_share *share, size_t bytes);
void aws_share_give(struct aws_share *share);
bool aws_share_shrink(struct aws_share *share, size_t bytes, usec_t now);
void aws_share_bind(struct aws_share *share, void (*give_way)(void *userdata), void *userdata);
void aws_share_spare(struct aws_share *share, void (*give_way)(void *userdata), void *userdata);
void aws_share_earn(struct aws_share *share);
bool aws_share_press(struct aws_share *share, size_t bytes, usec_t now);
struct aws_share *aws_share_free(struct aws_share *share);

/* What all requests may take at a time: connections, what each of them costs, and bytes of answers that are held. */
#define AWS_CALLS_MAX HTTP_CALLS_MAX
#define AWS_CALL_ROOM HTTP_CALL_ROOM
#define AWS_HELD_MAX  HTTP_HELD_MAX

/* Some 8,000 certificates with a few names each; of it, what is for the first of each, some 100 of 42 places. */
#define AWS_ROOM	((size_t)8 << 20)
#define AWS_ROOM_FIRST	((size_t)4 << 20)
#define AWS_SHARE_FIRST ((size_t)96 << 10)

/* Which imports of 15 places are still to be told whose they are, with 2,500 each. */
#define AWS_ROOM_READING ((size_t)1 << 20)

/* So long may anybody have room for which others wait, or have it without taking more; and so much longer for each step. */
#define AWS_ROOM_HELD	(10 * USEC_PER_SEC)
#define AWS_ROOM_STILL	(2 * USEC_PER_SEC)
#define AWS_ROOM_EARNED USEC_PER_SEC

/* Who asks, and through which door.  Everything is optional; strings are borrowed for the call of
 * aws_session_get() only. */
struct aws_identity {
	const char *profile; /* instead of the environment's own credentials */
	const char *role_arn; /* assumed with them */
	const char *external_id;
	const char *role_session_name; /* NULL: certferry-HOST, cleaned and cut to 64 */
	const char *source_identity;
	char *const *session_tags; /* "KEY=VALUE", NULL-terminated */
	const char *endpoint_url; /* for the service called, not for STS; {region} is replaced */
	bool keeps_time; /* aws_now() believes the clock of endpoint_url too */
};

/**
 * aws_session_get(aws, identity):
 * The session of ${identity}: equal identities share one (credentials are fetched once, however
 * many wait, refreshed ahead of their expiry, and fetched anew once after ExpiredToken; where there are
 * none, be it that AssumeRole is denied or that a program prints something else, nobody is asked again
 * for a minute unless aws_forget_denials() or it was an ERROR_RETRY).  Owned by ${aws} and
 * valid as long as it.
 */
struct aws_session *aws_session_get(struct aws *aws, const struct aws_identity *identity);

/**
 * aws_pulse(session, service, region):
 * Whether ${service} of ${region} answers to ${session} (lib/aws/pulse.h); valid as long as the session.  The tagging API
 * is asked about what ACM holds, and counts as it.  Long polls count nothing.
 */
const struct pulse *aws_pulse(struct aws_session *session, enum aws_service service, const char *region);

/* aws_set_heard_callback(aws, callback, userdata): ${callback} is told of an answer that is news (pulse_heard()); it may
 * start and cancel nothing. */
void aws_set_heard_callback(struct aws *aws, void (*callback)(void *userdata), void *userdata);

/* aws_forget_denials(aws): an operator asked to try again now. */
void aws_forget_denials(struct aws *aws);

struct aws_request {
	enum aws_service service;
	const char *operation; /* "ListCertificates" */
	const char *region;
	const json_t *body; /* JSON services: borrowed for the call of aws_call_start(); NULL: {} */
	/* Instead of body: taken over and wiped when the call ends; sent by https or to loopback only. */
	struct secret *secret_body;
	const char *secret_name; /* what is secret in it, for messages: "a private key"; a literal, NULL: "a secret" */
	struct page *page; /* of lib/aws: reads the answer as it arrives; ${done} gets no body then */
	size_t response_limit; /* bytes; 0: 1 MiB */
	bool may_be_empty; /* an answer without a body is one: {} */
	bool once; /* never retried here after the request may have reached AWS */
	/* AWS may let it wait (20 s at most): it waits for no lane, takes no retry
	 * tokens, and after a failure it is the caller who asks again, with a pause. */
	bool long_poll;
};

/**
 * aws_done_fn(userdata, body, err):
 * The completion: exactly once, never from inside aws_call_start().  On success, which is the status
 * 200 and no other, ${body} is the parsed object, borrowed until it returns; otherwise NULL and ${err} says
 * "OPERATION: CODE: message (request id ...)": throttled, unreachable, 5xx after all retries,
 * concurrent change, an answer that is not AWS's: ERROR_RETRY; AccessDenied, no or refused
 * credentials, a signature that does not match (a mistyped secret key): ERROR_DENIED;
 * ResourceNotFound: ERROR_ABSENT; validation: ERROR_INVALID; ResourceExists, in use:
 * ERROR_CONFLICT; LimitExceeded: ERROR_QUOTA; an unsigned request: ERROR_BUG.  An operation that
 * the endpoint does not know has the code AWS_CODE_UNKNOWN_OPERATION: ERROR_ABSENT for those that
 * an endpoint may lack (SearchCertificates, GetResources), ERROR_INVALID for all others, so that
 * nobody takes it for the absence of the object that was asked about.
 */
typedef void (*aws_done_fn)(void *userdata, const json_t *body, const struct error *err);

/* aws_call_start(session, request, done, userdata): never fails; see aws_done_fn.  The
 * handle is valid until ${done} or aws_call_cancel(). */
struct aws_call *aws_call_start(struct aws_session *session, const struct aws_request *request,
	aws_done_fn done, void *userdata);

/* aws_call_cancel(call): no callback after this returns; does not undo a request already
 * sent.  Returns NULL. */
struct aws_call *aws_call_cancel(struct aws_call *call);

/* aws_connections(aws): how many connections have been opened so far. */
size_t aws_connections(const struct aws *aws);

/* aws_rest(aws): nothing will be asked for a while: see http_rest().  Does nothing while calls are
 * under way. */
void aws_rest(struct aws *aws);

/* aws_free(aws): all calls must have ended or been cancelled; not from inside a completion.  Returns NULL. */
struct aws *aws_free(struct aws *aws);

DEFINE_CLEANUP(struct aws *, aws_free);

/* Error codes of struct error.code that callers may ask for besides the kind. */
enum {
	AWS_CODE_UNKNOWN_OPERATION = 501, /* this endpoint has no such operation */
	AWS_CODE_NOT_YET = 1001, /* not ready yet (export right after a renewal): ERROR_RETRY */
	AWS_CODE_PENDING_DELETION = 1002, /* the secret is scheduled for deletion: ERROR_INVALID */
	AWS_CODE_AMBIGUOUS = 1003, /* sent, no answer: it may have taken effect: ERROR_RETRY */
	AWS_CODE_ACCESS_DENIED = 1004, /* known, and not permitted to do this: ERROR_DENIED */
	AWS_CODE_NO_ROOM = 1005, /* more is listed than there is room for: ERROR_RETRY */
};

#endif
