/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_VAULT_VAULT_H
#define LIB_VAULT_VAULT_H

/*
 * The client of HashiCorp Vault and OpenBao: one struct vault for each server, namespace and way to
 * log in; it keeps the token, renews it, and logs in anew before it ends or when it is refused.
 * One struct vault_call is one request.  Retries within seconds happen here and callers see only
 * final answers.  What a refusal means is told in fault.c and nowhere else.  The key/value engine is
 * in kv.h.
 */

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

struct aws_session;
struct pulse;
struct sd_event;
struct secret;
struct vault;
struct vault_call;

enum vault_method {
	VAULT_TOKEN_FILE, /* a token that somebody else obtains; the file is read at each login */
	VAULT_APPROLE,
	VAULT_CERTIFICATE, /* the TLS certificate that the connection shows */
	VAULT_AWS, /* a signed GetCallerIdentity (lib/aws/proof.h) */
	VAULT_METHOD_COUNT,
};

/* Who is asked, and as whom.  Borrowed for the call of vault_new() only. */
struct vault_settings {
	const char *address; /* "https://vault.example:8200"; http: of loopback only */
	const char *namespace; /* "team/payments"; NULL: the root.  In the path, never by a header: see fault.c */
	const char *ca_file; /* NULL: the system's */
	enum vault_method method;
	const char *auth_mount; /* where the method is mounted; NULL: under its own name */
	const char *token_file;
	const char *role_id_file;
	const char *secret_id_file; /* NULL: the role asks for none */
	const char *certificate_file; /* with its chain; read at each login */
	const char *key_file;
	struct aws_session *aws; /* who proves itself; has to live as long as the client */
	const char *role; /* certificate: NULL: any that fits; aws: NULL: named as the principal is */
	const char *server_id; /* aws: what the server is to see in X-Vault-AWS-IAM-Server-ID; NULL: nothing */
	const char *sts_region; /* aws: of the STS that it asks; NULL: the global one */
};

/**
 * vault_new(event, settings, vault, err):
 * A client on ${event}; contacts nobody.  ERROR_INVALID: no address that can be used, one by which a
 * key would cross a network in the clear, a CA file that cannot be read; ERROR_DENIED: a CA file that
 * everybody could change.
 */
int vault_new(struct sd_event *event, const struct vault_settings *settings, struct vault **ret_vault, struct error *err);

/* vault_address(vault): of the settings, for messages. */
const char *vault_address(const struct vault *vault);

/* vault_event(vault): the event loop that it is on, borrowed. */
struct sd_event *vault_event(const struct vault *vault);

/* vault_pulse(vault): whether it answers (lib/aws/pulse.h); valid as long as ${vault}. */
const struct pulse *vault_pulse(const struct vault *vault);

/* vault_set_heard_callback(vault, callback, userdata): ${callback} is told of an answer that is news (pulse_heard()); it may
 * start and cancel nothing. */
void vault_set_heard_callback(struct vault *vault, void (*callback)(void *userdata), void *userdata);

/* vault_forget_denials(vault): an operator asked to try again now. */
void vault_forget_denials(struct vault *vault);

struct vault_request {
	const char *what; /* for messages: "write version 3 of 'secret/tls/pay'" */
	const char *method; /* "GET", "POST", "PATCH" */
	const char *path; /* behind /v1/ and the namespace; vault_path() makes it */
	const json_t *body; /* borrowed for the call of vault_call_start(); NULL: none */
	struct secret *secret_body; /* instead; taken over and wiped when the call ends */
	bool once; /* never sent again once it may have arrived */
	bool may_be_empty; /* an answer without a body is one: {} */
};

/**
 * vault_done_fn(userdata, body, err):
 * The completion: exactly once, never from inside vault_call_start().  On success ${body} is the
 * answer, an object, borrowed until it returns; otherwise NULL and ${err} says "WHAT: reason: what to
 * do".  Unreachable, sealed, standby, too many requests, an answer that is not Vault's: ERROR_RETRY;
 * no login, no right: ERROR_DENIED; nothing under that name, a version that is deleted or destroyed:
 * ERROR_ABSENT; no such mount or namespace, another kind of engine: ERROR_INVALID; a check-and-set
 * that did not match: ERROR_CONFLICT.
 */
typedef void (*vault_done_fn)(void *userdata, const json_t *body, const struct error *err);

/* vault_call_start(vault, request, done, userdata): never fails; see vault_done_fn.  The handle is
 * valid until ${done} or vault_call_cancel(). */
struct vault_call *vault_call_start(
	struct vault *vault, const struct vault_request *request, vault_done_fn done, void *userdata);

/* vault_call_cancel(call): no callback after this returns; does not undo what was sent.  Returns NULL. */
struct vault_call *vault_call_cancel(struct vault_call *call);

/* vault_path(first, ..., NULL): the texts with a slash between each two, without those around them, and with all that is
 * not a letter, a digit or one of "-._~/" encoded.  The caller owns it. */
char *vault_path(const char *first, ...) __attribute__((sentinel));

/* vault_rest(vault): nothing will be asked for a while: see http_rest(). */
void vault_rest(struct vault *vault);

/* vault_free(vault): all calls must have ended or been cancelled; not from inside a completion.  The
 * token is forgotten, not revoked: it ends by itself.  Returns NULL. */
struct vault *vault_free(struct vault *vault);

DEFINE_CLEANUP(struct vault *, vault_free);

/* Codes of struct error.code that callers may ask for besides the kind. */
enum {
	VAULT_CODE_AMBIGUOUS = 1003, /* sent, no answer: it may have taken effect: ERROR_RETRY; as AWS_CODE_AMBIGUOUS */
	VAULT_CODE_SEALED = 1101,
	VAULT_CODE_CHANGED = 1102, /* another version is current than the check-and-set said: ERROR_CONFLICT */
	VAULT_CODE_DELETED = 1103, /* there are versions, and this one is deleted or destroyed: ERROR_ABSENT */
	VAULT_CODE_NO_MOUNT = 1104, /* ERROR_INVALID, or ERROR_DENIED where the token may only not see it */
	VAULT_CODE_KV1 = 1105, /* the mount is no version 2 of kv: ERROR_INVALID */
};

#endif
