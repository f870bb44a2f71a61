/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/desired.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

/* Both structures begin with their name, by which their arrays are sorted. */
static int compare_destination(const void *key, const void *item)
{
	return strcmp(key, ((const struct desired_destination *)item)->name);
}

static int compare_dependent(const void *key, const void *item)
{
	return strcmp(key, ((const struct desired_dependent *)item)->name);
}

const struct desired_destination *desired_find_destination(const struct desired *desired, const char *name)
{
	if (!desired->destination_count)
		return NULL;
	return bsearch(name, desired->destinations, desired->destination_count,
		sizeof(*desired->destinations), compare_destination);
}

const struct desired_dependent *desired_find_dependent(const struct desired *desired, const char *name)
{
	if (!desired->dependent_count)
		return NULL;
	return bsearch(name, desired->dependents, desired->dependent_count,
		sizeof(*desired->dependents), compare_dependent);
}

const char *desired_find_adopt(const struct desired *desired, const char *delivery)
{
	size_t length = strlen(delivery);

	STRV_FOREACH(item, desired->adopt)
		if (strncmp(*item, delivery, length) == 0 && (*item)[length] == '=')
			return *item + length + 1;
	return NULL;
}

const char *layout_name(enum layout layout)
{
	static const char *const names[] = {
		[LAYOUT_ACM] = "acm",
		[LAYOUT_PEM] = "pem",
		[LAYOUT_KUBERNETES] = "kubernetes",
		[LAYOUT_FIELDS] = "fields",
		[LAYOUT_NGINX] = "nginx",
		[LAYOUT_APACHE] = "apache",
		[LAYOUT_HAPROXY] = "haproxy",
		[LAYOUT_HAPROXY_FLAT] = "haproxy-flat",
	};

	return names[layout];
}

const char *action_name(enum action action)
{
	static const char *const names[] = {
		[ACTION_RESTART] = "restart",
		[ACTION_RELOAD] = "reload",
		[ACTION_RELOAD_OR_RESTART] = "reload-or-restart",
		[ACTION_START] = "start",
	};

	return names[action];
}

const char *starttls_name(enum starttls_protocol protocol)
{
	static const char *const names[] = {
		[STARTTLS_NONE] = "",
		[STARTTLS_SMTP] = "smtp",
		[STARTTLS_IMAP] = "imap",
		[STARTTLS_POP3] = "pop3",
		[STARTTLS_LDAP] = "ldap",
		[STARTTLS_POSTGRES] = "postgres",
		[STARTTLS_MYSQL] = "mysql",
		[STARTTLS_FTP] = "ftp",
		[STARTTLS_XMPP] = "xmpp",
		[STARTTLS_NATS] = "nats",
	};

	return names[protocol];
}

static void access_done(struct desired_access *access)
{
	free(access->profile);
	free(access->role_arn);
	free(access->external_id);
	free(access->role_session_name);
	free(access->source_identity);
	strv_free(access->session_tags);
	free(access->endpoint_url);
}

static void proofs_done(struct desired_proof *proofs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(proofs[i].connect);
		free(proofs[i].server_name);
	}
	free(proofs);
}

static void delivery_done(struct desired_delivery *delivery)
{
	free(delivery->to);
	free(delivery->as);
	free(delivery->arn);
	strv_free(delivery->then);
	proofs_done(delivery->prove, delivery->prove_count);
	strv_free(delivery->only_accounts);
	strv_free(delivery->only_regions);
}

static void certificate_done(struct desired_certificate *certificate)
{
	free(certificate->name);
	free(certificate->arn);
	free(certificate->match_domain);
	strv_free(certificate->match_tags);
	strv_free(certificate->names);
	for (size_t i = 0; i < certificate->deliver_count; i++)
		delivery_done(&certificate->deliver[i]);
	free(certificate->deliver);
}

static void vault_done(struct desired_vault *vault)
{
	free(vault->address);
	free(vault->namespace);
	free(vault->mount);
	free(vault->ca_file);
	free(vault->auth_mount);
	free(vault->token_file);
	free(vault->role_id_file);
	free(vault->secret_id_file);
	free(vault->certificate_file);
	free(vault->key_file);
	free(vault->role);
	free(vault->server_id);
	free(vault->sts_region);
}

static void destination_done(struct desired_destination *destination)
{
	free(destination->name);
	access_done(&destination->access);
	strv_free(destination->accounts);
	strv_free(destination->regions);
	strv_free(destination->tags);
	free(destination->kms_key);
	free(destination->fields.certificate);
	free(destination->fields.chain);
	free(destination->fields.fullchain);
	free(destination->fields.private_key);
	free(destination->fields.ca);
	free(destination->directory);
	free(destination->group);
	vault_done(&destination->vault);
}

static void dependent_done(struct desired_dependent *dependent)
{
	free(dependent->name);
	strv_free(dependent->after);
	free(dependent->unit.name);
	proofs_done(dependent->prove, dependent->prove_count);
}

void dependent_words_done(struct dependent_words *words)
{
	free(words->target);
	*words = (struct dependent_words){ 0 };
}

struct desired *desired_free(struct desired *desired)
{
	if (!desired)
		return NULL;
	strv_free(desired->source.regions);
	access_done(&desired->source.access);
	free(desired->source.trust);
	free(desired->events.queue_url);
	free(desired->events.region);
	access_done(&desired->events.access);
	for (size_t i = 0; i < desired->certificate_count; i++)
		certificate_done(&desired->certificates[i]);
	free(desired->certificates);
	for (size_t i = 0; i < desired->destination_count; i++)
		destination_done(&desired->destinations[i]);
	free(desired->destinations);
	for (size_t i = 0; i < desired->dependent_count; i++)
		dependent_done(&desired->dependents[i]);
	free(desired->dependents);
	strv_free(desired->adopt);
	free(desired);
	return NULL;
}
