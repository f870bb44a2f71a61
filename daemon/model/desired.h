/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_DESIRED_H
#define DAEMON_MODEL_DESIRED_H

/*
 * What the configuration asks for, as plain values.  Built by daemon/config, const
 * afterwards.  Strings that were not given are NULL; lists are NULL-terminated.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"

/* How AWS is reached for a source, a destination or a dependent; all optional.
 * ${role_arn} may hold {account} and {region}, ${external_id} of a destination {account},
 * ${endpoint_url} {region}. */
struct desired_access {
	char *profile;
	char *role_arn;
	char *external_id;
	char *role_session_name;
	char *source_identity;
	char **session_tags; /* "KEY=VALUE" */
	char *endpoint_url;
};

enum source_kind {
	SOURCE_ACM,
};

struct desired_source {
	enum source_kind kind;
	char **regions; /* empty: the AWS environment's own */
	struct desired_access access;
	char *trust; /* file of PEM anchors, or NULL: what was first seen is trusted */
	bool keep_eligible;
	unsigned certificates_max; /* more are not taken for the truth */
};

/* The queue whose events wake the daemon. */
struct desired_events {
	char *queue_url; /* NULL: none */
	char *region; /* the queue's */
	struct desired_access access;
};

#define PROVE_NO_NAME "none"

/* How TLS is asked for, where it does not begin with the first byte. */
enum starttls_protocol {
	STARTTLS_NONE,
	STARTTLS_SMTP,
	STARTTLS_IMAP,
	STARTTLS_POP3,
	STARTTLS_LDAP,
	STARTTLS_POSTGRES,
	STARTTLS_MYSQL,
	STARTTLS_FTP,
	STARTTLS_XMPP,
	STARTTLS_NATS,
};

/* starttls_name(protocol): as the configuration writes it; "" for NONE. */
const char *starttls_name(enum starttls_protocol protocol);

/* The version of HAProxy's header before everything else. */
enum proxy_protocol {
	PROXY_NONE,
	PROXY_V1,
	PROXY_V2,
};

/* A connection that must show the new leaf. */
struct desired_proof {
	char *connect;	   /* "HOST:PORT", "[V6]:PORT" */
	char *server_name; /* SNI; NULL: the host of connect; PROVE_NO_NAME: none is sent */
	usec_t within;	   /* how long the new leaf may take to be served */
	enum starttls_protocol starttls;
	enum proxy_protocol proxy_protocol;
};

/* What a person has accepted beforehand, of what a delivery would change for those who use it. */
enum accept {
	ACCEPT_NAMES = 1 << 0,
	ACCEPT_CLIENT_AUTH = 1 << 1,
	ACCEPT_ISSUER = 1 << 2,
};

enum usage {
	USAGE_SERVER, /* the default */
	USAGE_CLIENT,
};

enum adopt {
	ADOPT_ASK,    /* hold and show the candidates */
	ADOPT_IN_USE, /* take over the only candidate in use */
	ADOPT_BESIDE, /* import beside them */
	ADOPT_YES,    /* secretsmanager, vault: take over the existing secret */
};

struct desired_delivery {
	char *to;  /* destination's name */
	char *as;  /* object's name; placeholders allowed; NULL: {certificate} */
	char *arn; /* acm: the import to write over; placeholders allowed */
	enum adopt adopt;
	bool recreate;
	unsigned accept; /* enum accept, united with the certificate's */
	char **then;	 /* dependents' names */
	struct desired_proof *prove; /* each by itself; none: no proof is asked for */
	size_t prove_count;
	char **only_accounts; /* empty: all */
	char **only_regions;
};

struct desired_certificate {
	char *name;
	char *arn;	    /* exactly one of arn, match_domain, match_tags */
	char *match_domain; /* "*.example.com" matches one label, as in certificates */
	char **match_tags;  /* "KEY=VALUE", all of them */
	char **names;	    /* of any kind, that each version must cover; empty: none is asked for */
	enum usage usage;
	unsigned accept;
	bool keep_eligible;
	struct desired_delivery *deliver;
	size_t deliver_count;
};

enum destination_kind {
	DESTINATION_ACM,
	DESTINATION_SECRETSMANAGER,
	DESTINATION_FILE,
	DESTINATION_VAULT,
};

/* How one logs in to Vault. */
enum vault_auth {
	VAULT_AUTH_TOKEN,
	VAULT_AUTH_APPROLE,
	VAULT_AUTH_CERT,
	VAULT_AUTH_AWS,
};

/* A key/value engine of HashiCorp Vault or OpenBao.  Files: an absolute path, or the name of a credential of the unit. */
struct desired_vault {
	char *address;
	char *namespace; /* NULL: the root */
	char *mount;
	char *ca_file; /* NULL: the system's */
	enum vault_auth method;
	char *auth_mount; /* NULL: the method's own name */
	char *token_file;
	char *role_id_file;
	char *secret_id_file; /* NULL: the role asks for none */
	char *certificate_file;
	char *key_file;
	char *role; /* cert: NULL: any that fits; aws: NULL: named as the principal is */
	char *server_id; /* aws: or NULL */
	char *sts_region; /* aws: NULL: the global STS */
};

enum layout {
	LAYOUT_ACM,	   /* secretsmanager, vault: Certificate, CertificateChain, PrivateKey */
	LAYOUT_PEM,	   /* CERTIFICATE_PEM, CERTIFICATE_CHAIN_PEM, PRIVATE_KEY_PEM */
	LAYOUT_KUBERNETES, /* tls.crt (leaf and chain), tls.key, ca.crt (the chain's last) */
	LAYOUT_FIELDS,	   /* secretsmanager, vault: names of one's own, see fields */
	LAYOUT_NGINX,	   /* file: fullchain.pem privkey.pem */
	LAYOUT_APACHE,	   /* file: cert.pem chain.pem privkey.pem */
	LAYOUT_HAPROXY,	   /* file: haproxy.pem (leaf, chain, key) */
	LAYOUT_HAPROXY_FLAT, /* file: the same, and beside NAME a link NAME.pem to it */
};

/* Names of one's own in a secret; a part whose name is NULL is left out. */
struct desired_fields {
	char *certificate;
	char *chain;
	char *fullchain;
	char *private_key;
	char *ca;
};

struct desired_destination {
	char *name;
	enum destination_kind kind;
	struct desired_access access;
	char **accounts; /* aws: empty: the role's or the credentials' own */
	char **regions;	 /* aws: empty: the AWS environment's own */
	char **tags;	 /* "KEY=VALUE", put on new objects */
	char *kms_key;	 /* secretsmanager; placeholders allowed */
	enum layout layout;
	struct desired_fields fields;
	char *directory; /* file */
	char *group;	 /* file: the group its files must have, or NULL */
	struct desired_vault vault; /* vault */
};

enum action {
	ACTION_RESTART,
	ACTION_RELOAD,
	ACTION_RELOAD_OR_RESTART,
	ACTION_START, /* oneshot units: how a script is run */
};

/* What there is a kind for: a row of the table in daemon/dependent/kinds.c each. */
enum dependent_number {
	DEPENDENT_SYSTEMD,
	DEPENDENT_NUMBERS,
};

/* A unit of this host's systemd. */
struct desired_unit {
	char *name;
	enum action action;
	usec_t settle; /* how long after its job its state is looked at again */
};

/* What is to be told.  What it is told, and how, only its kind knows: the members named after the kinds are theirs. */
struct desired_dependent {
	char *name;
	enum dependent_number kind;
	char **after; /* names of those that are told before it, where they owe the same delivery */
	usec_t timeout; /* how long telling it may take */
	struct desired_proof *prove; /* each by itself; none: no proof is asked for */
	size_t prove_count;
	struct desired_unit unit; /* systemd */
};

/* A dependent in the words of its kind, for people. */
struct dependent_words {
	const char *kind;   /* "systemd", as the configuration writes it */
	const char *action; /* what is done: "reload-or-restart" */
	const char *done;   /* and in a sentence that says so: "Reloaded" */
	char *target;	    /* to what: "nginx.service"; owned */
	const char *pause;  /* why it may have to wait after it was told: "to stay below its start limit" */
	const char *stronger; /* what else may be done where the action brought it no new version: "restart"; NULL: nothing */
	const char *advice; /* what a person can do then, where nothing else may be; or NULL */
	bool reloads; /* the action leaves its processes and ports alone */
	const char *unit;   /* systemd: the unit, borrowed from what it describes; else NULL */
};

/* dependent_words_done(words): release what they own. */
void dependent_words_done(struct dependent_words *words);

/* Requests a second to each account and region, by operation. */
struct desired_quotas {
	struct {
		double list, search, describe, get, tags, export, import;
	} acm;
	struct {
		double create, put, tag;
	} secretsmanager;
};

struct desired {
	struct desired_source source;
	struct desired_quotas quotas;
	struct desired_events events;
	usec_t poll;
	usec_t sweep;
	unsigned guard;
	usec_t warn; /* 0: by each certificate's lifetime */
	struct desired_certificate *certificates; /* sorted by name */
	size_t certificate_count;
	struct desired_destination *destinations; /* sorted by name */
	size_t destination_count;
	struct desired_dependent *dependents; /* sorted by name */
	size_t dependent_count;
	char **adopt; /* "DELIVERY=ARN": imports to take over, one a delivery (key adopt:) */
};

/* desired_find_destination(desired, name), desired_find_dependent(desired, name): NULL if there is none. */
const struct desired_destination *desired_find_destination(const struct desired *desired, const char *name);
const struct desired_dependent *desired_find_dependent(const struct desired *desired, const char *name);

/* desired_find_adopt(desired, delivery): the ARN that key adopt: gives for the delivery named so, or NULL. */
const char *desired_find_adopt(const struct desired *desired, const char *delivery);

/* Names of the enumerations as the configuration writes them. */
const char *destination_kind_name(enum destination_kind kind);
const char *layout_name(enum layout layout);
const char *action_name(enum action action);

/* desired_free(desired): returns NULL. */
struct desired *desired_free(struct desired *desired);

DEFINE_CLEANUP(struct desired *, desired_free);

#endif
