/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_ACM_TYPES_H
#define LIB_AWS_ACM_TYPES_H

/* What lib/aws/acm.h speaks of, for it and for what reads and writes ACM's JSON. */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/time.h"

struct secret;

/* What is listed, of any key type. */
enum acm_scope {
	ACM_SCOPE_USUAL, /* what ACM lists unless it is asked for more */
	ACM_SCOPE_IMPORTED, /* of that, those of Type IMPORTED */
	ACM_SCOPE_ORIGINS, /* that, and those that ACME clients requested */
	ACM_SCOPE_N2, /* those of Amazon's N2 hierarchy, which ACM lists by themselves only */
};

/* A certificate as ListCertificates and SearchCertificates show it.  Absent members are NULL, 0 or false. */
struct acm_summary {
	char *arn;
	char *domain; /* lower case */
	char **names; /* lower case */
	bool more_names;
	char *status;
	char *type;
	char *key_algorithm; /* as the leaf's: "RSA_2048", "EC_prime256v1" (RSA-2048 of older answers is rewritten) */
	bool exportable; /* Type PRIVATE, or AMAZON_ISSUED with ExportOption ENABLED; neither of the next two */
	bool cloudfront; /* ManagedBy CLOUDFRONT */
	bool keyless;	 /* CertificateKeyPairOrigin ACME or CUSTOMER_PROVIDED */
	bool ineligible;     /* RenewalEligibility INELIGIBLE */
	bool in_use;
	char *serial; /* SearchCertificates only */
	usec_t not_before;
	usec_t not_after;
	usec_t imported_at;
};

void acm_summary_done(struct acm_summary *summary);

/* acm_summary_size(summary): the memory that it has, in bytes, about; for a struct room. */
size_t acm_summary_size(const struct acm_summary *summary);

struct acm_import {
	const char *arn; /* NULL: a new import */
	const char *leaf;
	const char *chain; /* "" for none: the member is left out */
	const struct secret *key;
	char *const *tags; /* "KEY=VALUE"; only for a new import (with arn: a bug) */
};

/* What DescribeCertificate says that a listing does not. */
struct acm_description {
	char **in_use_by;
	char *type;
	char *status;
	char *key_algorithm;
	char *renewal_status; /* of RenewalSummary, or NULL */
	char *renewal_reason;
	char **renewal_waits; /* its domains that are not validated */
};

/* acm_arn_region(arn): the region that an ARN of ACM names, owned by the caller; NULL when ${arn} is none. */
char *acm_arn_region(const char *arn);

#endif
