/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_VAULT_CLIENT_H
#define LIB_VAULT_CLIENT_H

/* What the parts of the client share.  Not for use outside lib/vault. */

#include <stdbool.h>
#include <sys/queue.h>

#include "lib/aws/pulse.h"
#include "lib/vault/lease.h"
#include "lib/vault/vault.h"

struct lane;
struct lanes;
struct vault_login;

/* One that waits for a token.  Zeroed but for wake and userdata, it waits for none. */
struct token_waiter {
	void (*wake)(void *userdata, const struct error *err); /* NULL: it is there */
	void *userdata;
	struct vault *vault; /* that it waits for, or NULL */
	unsigned round;
	TAILQ_ENTRY(token_waiter) link;
};

/* The settings, with nothing borrowed. */
struct vault_own {
	char *address; /* without a slash at its end */
	char *namespace; /* "team/a/", encoded; "" for the root */
	enum vault_method method;
	char *auth_mount; /* encoded */
	char *token_file, *role_id_file, *secret_id_file;
	char *certificate_file, *key_file;
	struct aws_session *aws;
	char *role, *server_id, *sts_region;
};

/* Made and freed by life.c.  The token belongs to token.c. */
struct vault {
	struct sd_event *event;
	struct http *http;
	struct lanes *lanes;
	struct lane *lane; /* all requests share what the server admits */
	struct pulse pulse;
	void (*heard_callback)(void *userdata);
	void *heard_userdata;
	struct vault_own own;

	struct secret *token; /* or NULL */
	unsigned generation; /* counts the tokens it has had */
	struct lease lease; /* of the token */
	usec_t first; /* how long the token was good for when it was new */
	usec_t obtained; /* monotonic */
	struct vault_login *login; /* under way, or NULL */
	struct vault_call *renewal; /* under way, or NULL */
	struct sd_event_source *begin; /* starts a login, never from inside token_wait() */
	struct sd_event_source *timer; /* at lease.act_at */
	struct error denial;
	usec_t denied_until;
	TAILQ_HEAD(, token_waiter) waiters;
	unsigned round;
};

/* --- token.c: fetched once however many wait, renewed, and replaced before it ends --- */

/* token_init(vault): there is none yet. */
void token_init(struct vault *vault);

/* token_check(vault, err): 1: it can be used now; 0: token_wait() is needed; negative: less than a minute ago there was
 * none, for a reason that is no ERROR_RETRY. */
int token_check(struct vault *vault, struct error *err);

/* token_wait(vault, waiter): have one fetched; ${wake} is called once, never from inside.
 * token_leave(waiter): no longer; fine for one that does not wait. */
void token_wait(struct vault *vault, struct token_waiter *waiter);
void token_leave(struct token_waiter *waiter);

/* token_expire(vault, generation): this token was refused; it is dropped unless a newer one has come already. */
void token_expire(struct vault *vault, unsigned generation);

/* token_is_fresh(vault): was it obtained a moment ago? */
bool token_is_fresh(const struct vault *vault);

/* token_done(vault): forget it; whatever is under way for it is cancelled. */
void token_done(struct vault *vault);

/* --- login.c --- */

/* login_fn(userdata, token, lease, err): ${token} is given to the callee, ${lease} is not planned yet; or NULL, NULL and why. */
typedef void (*login_fn)(void *userdata, struct secret *token, const struct lease *lease, const struct error *err);

/* login_start(vault, done, userdata): log in by the settings' method.  ${done} comes once, never from inside. */
struct vault_login *login_start(struct vault *vault, login_fn done, void *userdata);

/* login_cancel(login): returns NULL. */
struct vault_login *login_cancel(struct vault_login *login);

/* --- call.c --- */

/* call_start_bare(vault, request, token, done, userdata): as vault_call_start(), but with ${token}, borrowed until the
 * completion, or with none (NULL: it is a login), and it waits for no other. */
struct vault_call *call_start_bare(struct vault *vault, const struct vault_request *request, const struct secret *token,
	vault_done_fn done, void *userdata);

#endif
