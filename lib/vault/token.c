/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token of a client.  One login is under way at a time, however many wait.  Some time before the
 * token ends it is renewed; where that does not help, the next login begins while the token still
 * works, and whoever asks meanwhile is served with it.
 */
#include <stdlib.h>
#include <systemd/sd-event.h>

#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"
#include "lib/vault/client.h"

#define DENIED_FOR USEC_PER_MINUTE
#define FRESH_FOR  (10 * USEC_PER_MINUTE) /* policies may be added to a role; each login counts, and leaves a token behind */

static void token_begin(struct vault *vault);

static void token_arm(struct vault *vault)
{
	usec_t time = vault->token ? vault->lease.act_at : USEC_INFINITY;

	if (sd_event_source_set_time(vault->timer, time) < 0 ||
		sd_event_source_set_enabled(vault->timer, time == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

static void token_wake(struct vault *vault, const struct error *err)
{
	unsigned round = vault->round++;
	struct token_waiter *waiter;

	/* Who comes to wait now belongs to the next round. */
	while ((waiter = TAILQ_FIRST(&vault->waiters)) && waiter->round == round) {
		token_leave(waiter);
		waiter->wake(waiter->userdata, err);
	}
}

static void token_keep(struct vault *vault, struct secret *token, const struct lease *lease)
{
	usec_t now = clock_monotonic();

	vault->renewal = vault_call_cancel(vault->renewal);
	secret_free(vault->token);
	vault->token = token;
	vault->generation++;
	vault->lease = *lease;
	vault->first = lease->duration;
	vault->obtained = now;
	lease_plan(&vault->lease, now, (unsigned)random_below(1000));
	error_done(&vault->denial);
	token_arm(vault);
}

/* A file that is absent is no absence of what the caller asks Vault about; nor does the code of what was to bring a token say
 * anything of the caller's, but that the server is sealed. */
static void token_judge(struct error *err)
{
	if (err->code != VAULT_CODE_SEALED)
		err->code = 0;
	if (err->kind == ERROR_ABSENT || err->kind == ERROR_CONFLICT)
		err->kind = ERROR_DENIED;
}

static void on_login(void *userdata, struct secret *token, const struct lease *lease, const struct error *err)
{
	struct vault *vault = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	vault->login = NULL;
	if (token) {
		token_keep(vault, token, lease);
		token_wake(vault, NULL);
		return;
	}
	error_copy(&failure, err);
	token_judge(&failure);
	if (failure.kind != ERROR_RETRY) {
		error_copy(&vault->denial, &failure);
		vault->denied_until = usec_add(clock_monotonic(), DENIED_FOR);
	}
	if (vault->token) {
		log_debug("no new token: %s; the one that is there works on", failure.text);
		lease_postpone(&vault->lease, clock_monotonic());
		token_arm(vault);
	}
	token_wake(vault, &failure);
}

static int on_begin(sd_event_source *source, void *userdata)
{
	struct vault *vault = userdata;

	if (!vault->login)
		vault->login = login_start(vault, on_login, vault);
	return 0;
}

static void token_begin(struct vault *vault)
{
	if (!vault->login && sd_event_source_set_enabled(vault->begin, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

/* Only a lease in the answer is a renewal: 204 is what a user that is gone gets. */
static void on_renewed(void *userdata, const json_t *body, const struct error *err)
{
	struct vault *vault = userdata;
	usec_t now = clock_monotonic();
	struct lease lease;

	vault->renewal = NULL;
	if (err && err->kind == ERROR_RETRY) {
		log_debug("the token is not renewed yet: %s", err->text);
		lease_postpone(&vault->lease, now);
		token_arm(vault);
		return;
	}
	if (err || lease_read(json_object_get(body, "auth"), &lease) < 0) {
		log_debug("the token is not renewed: %s", err ? err->text : "no lease was granted");
		token_begin(vault);
		return;
	}
	lease_plan(&lease, now, (unsigned)random_below(1000));
	vault->lease = lease;
	if (lease_is_short(&lease, vault->first))
		token_begin(vault);
	else
		token_arm(vault);
}

/* The time to act on the lease. */
static int on_timer(sd_event_source *source, uint64_t time, void *userdata)
{
	struct vault *vault = userdata;

	if (!vault->token || vault->login || vault->renewal)
		return 0;
	if (!vault->lease.renewable) {
		token_begin(vault);
		return 0;
	}
	vault->renewal = call_start_bare(vault,
		&(struct vault_request){
			.what = "renew the token",
			.method = "POST",
			.path = "auth/token/renew-self",
			.may_be_empty = true,
		},
		vault->token, on_renewed, vault);
	return 0;
}

void token_init(struct vault *vault)
{
	TAILQ_INIT(&vault->waiters);
	if (sd_event_add_defer(vault->event, &vault->begin, on_begin, vault) < 0 ||
		sd_event_source_set_enabled(vault->begin, SD_EVENT_OFF) < 0 ||
		sd_event_add_time(vault->event, &vault->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, vault) < 0 ||
		sd_event_source_set_enabled(vault->timer, SD_EVENT_OFF) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(vault->begin, "vault-login");
	(void)sd_event_source_set_description(vault->timer, "vault-renewal");
}

int token_check(struct vault *vault, struct error *err)
{
	usec_t now = clock_monotonic();

	if (vault->token && now < vault->lease.ends)
		return 1;
	if (vault->denial.kind != ERROR_NONE && now < vault->denied_until) {
		error_copy(err, &vault->denial);
		return error_result(err);
	}
	return 0;
}

void token_wait(struct vault *vault, struct token_waiter *waiter)
{
	waiter->vault = vault;
	waiter->round = vault->round;
	TAILQ_INSERT_TAIL(&vault->waiters, waiter, link);
	token_begin(vault);
}

void token_leave(struct token_waiter *waiter)
{
	if (waiter->vault)
		TAILQ_REMOVE(&waiter->vault->waiters, waiter, link);
	waiter->vault = NULL;
}

void token_expire(struct vault *vault, unsigned generation)
{
	if (generation != vault->generation || !vault->token)
		return;
	vault->renewal = vault_call_cancel(vault->renewal);
	vault->token = secret_free(vault->token);
	token_arm(vault);
}

bool token_is_fresh(const struct vault *vault)
{
	return vault->token && clock_monotonic() < vault->obtained + FRESH_FOR;
}

void vault_forget_denials(struct vault *vault)
{
	error_done(&vault->denial);
}

void token_done(struct vault *vault)
{
	vault->login = login_cancel(vault->login);
	vault->renewal = vault_call_cancel(vault->renewal);
	vault->token = secret_free(vault->token);
	sd_event_source_disable_unref(vault->begin);
	sd_event_source_disable_unref(vault->timer);
	error_done(&vault->denial);
}
