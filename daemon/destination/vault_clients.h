/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_VAULT_CLIENTS_H
#define DAEMON_DESTINATION_VAULT_CLIENTS_H

/*
 * The clients of Vault, one for each server, namespace and way to log in: deliveries of several
 * destinations share its token, its connections and its turn.  Made when they are first needed.
 */

#include "daemon/model/desired.h"
#include "lib/vault/vault.h"

struct aws;
struct sd_event;
struct vault_clients;

/* vault_clients_new(event, aws, heard, userdata): none yet; as whom ${aws} (NULL: nobody) acts by itself is who logs in by
 * AWS, so it has to live longer; ${heard} is told when one of them answers again
 * (vault_set_heard_callback()), NULL: nobody is. */
struct vault_clients *vault_clients_new(struct sd_event *event, struct aws *aws, void (*heard)(void *userdata), void *userdata);

/**
 * vault_clients_get(clients, desired, vault, err):
 * The client of ${desired}, valid as long as ${clients}.  Errors are those of vault_new(), and
 * ERROR_DENIED where a credential is named and the unit has none.
 */
int vault_clients_get(struct vault_clients *clients, const struct desired_vault *desired, struct vault **ret_vault,
	struct error *err);

/* vault_clients_find(clients, desired): the same, if it is there; else NULL. */
struct vault *vault_clients_find(const struct vault_clients *clients, const struct desired_vault *desired);

/* vault_clients_rest(clients), vault_clients_forget_denials(clients): of each.  NULL is fine. */
void vault_clients_rest(struct vault_clients *clients);
void vault_clients_forget_denials(struct vault_clients *clients);

/* vault_credential(name, path, err): where the file ${name} is: itself where it begins with a slash, else that credential
 * of the unit.  The caller owns it.  ERROR_DENIED where the unit has none. */
int vault_credential(const char *name, char **ret_path, struct error *err);

/* vault_clients_free(clients): all calls must have ended or been cancelled.  NULL is fine.  Returns NULL. */
struct vault_clients *vault_clients_free(struct vault_clients *clients);

#endif
