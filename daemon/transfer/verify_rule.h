/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_VERIFY_RULE_H
#define DAEMON_TRANSFER_VERIFY_RULE_H

/* Between the files of verify. */

#include "daemon/model/bundle.h"
#include "daemon/transfer/verify_terms.h"

/* refuse(err, rule, format, ...): "rule 'NAME': <formatted>", of the rule's kind. */
int refuse(struct error *err, enum verify_rule rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* How a certificate is called in messages: WHO_FORMAT with WHO(certificate). */
#define WHO_FORMAT       "(subject %s)"
#define WHO(certificate) (*(certificate)->subject ? (certificate)->subject : "empty")

/* verify_chain(bundle, terms, err): the rules of the chain and its time. */
int verify_chain(const struct bundle *bundle, const struct verify_terms *terms, struct error *err);

/* verify_path(bundle, terms, err): OpenSSL's path validation (RFC 5280 section 6). */
int verify_path(const struct bundle *bundle, const struct verify_terms *terms, struct error *err);

/* same_ca(a, b): the same name and key, whatever certificate says so. */
bool same_ca(const struct certificate *a, const struct certificate *b);

/* chain_is_private(chain): it ends in a self-signed root, which chains of public certificates leave
 * out. */
bool chain_is_private(const struct certificate_list *chain);

#endif
