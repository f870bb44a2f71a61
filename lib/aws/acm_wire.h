/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_ACM_WIRE_H
#define LIB_AWS_ACM_WIRE_H

/* ACM's JSON in both directions, without a network.  Answers that lack what they must have are
 * ERROR_RETRY; unknown members and values are passed over. */

#include <jansson.h>

#include "lib/aws/acm_types.h"
#include "lib/base/error.h"

/* acm_list_body(scope), acm_search_body(since): what the first page is asked with; the caller owns
 * it. */
json_t *acm_list_body(enum acm_scope scope);
json_t *acm_search_body(usec_t since);

/* acm_export_body(arn, passphrase, body, err), acm_import_body(import, body, err): in the secure
 * heap. */
int acm_export_body(const char *arn, const struct secret *passphrase, struct secret **ret_body,
	struct error *err);
int acm_import_body(const struct acm_import *import, struct secret **ret_body, struct error *err);

/* acm_add_tags_body(arn, tags): "KEY=VALUE"; the caller owns it, NULL where one of them is not UTF-8. */
json_t *acm_add_tags_body(const char *arn, char *const *tags);

/* acm_algorithm(name): ${name}, in which older answers write RSA-2048 and EC-prime256v1, as it is written now; NULL is
 * fine. */
char *acm_algorithm(char *name);

/* acm_check_arn(arn, err): is it an ARN of ACM's?  NULL is none. */
int acm_check_arn(const char *arn, struct error *err);

/* acm_parse_arn(answer, arn, err): its CertificateArn, borrowed from ${answer}. */
int acm_parse_arn(const json_t *answer, const char **ret_arn, struct error *err);

/* acm_parse_material(answer, leaf, chain, err): of GetCertificate and ExportCertificate,
 * borrowed; "" without a chain. */
int acm_parse_material(
	const json_t *answer, const char **ret_leaf, const char **ret_chain, struct error *err);

#endif
