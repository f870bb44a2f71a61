/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_VERIFY_RULE_H
#define DAEMON_TRANSFER_VERIFY_RULE_H

/* Between the files of verify. */

#include "daemon/model/bundle.h"
#include "daemon/model/rule.h"
#include "daemon/transfer/verify_terms.h"

/* verify_chain(bundle, terms, err): the rules of the chain and its time. */
int verify_chain(const struct bundle *bundle, const struct verify_terms *terms, struct error *err);

/* verify_path(bundle, terms, err): OpenSSL's path validation (RFC 5280 section 6). */
int verify_path(const struct bundle *bundle, const struct verify_terms *terms, struct error *err);

/* same_ca(a, b): the same name and key, whatever certificate says so. */
bool same_ca(const struct certificate *a, const struct certificate *b);

#endif
