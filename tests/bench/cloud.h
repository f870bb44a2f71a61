/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_CLOUD_H
#define TESTS_BENCH_CLOUD_H

/*
 * An AWS that is fast: ACM, tagging and STS of one source account and of many destination accounts, in memory.
 * It answers requests, it owns no socket and no clock: tests/bench/server.c puts it behind TLS, the
 * simulation (tests/simulation) calls it with a virtual clock.  What tests/cloud checks in depth
 * (signatures, policies, IAM) it does not check; who asks is told by the access key in the
 * Authorization header's Credential, which AssumeRole gave out for the account of the role; any other key is
 * the source account's.  Regions are not told apart.  Not thread-safe.
 *
 * Certificate number i is c00000i.g000.example.com (issuer_name() in tests/bench/issuer.h), EC P-256, PRIVATE, and has
 * the ARN of cloud_arn().  Leaves are made when they are first asked for, so 100,000 certificates are there
 * in a tenth of a second.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/time.h"

struct cloud;

#define CLOUD_SOURCE  "111111111111" /* the account of the source */
#define CLOUD_ACCOUNT 222222220000ull /* the first destination account */
#define CLOUD_REGION  "eu-west-1"

struct cloud_settings {
	unsigned certificates; /* exportable PRIVATE ones at the source, at most a million */
	unsigned accounts; /* destination accounts, CLOUD_ACCOUNT upwards */
	bool imported; /* every certificate is imported already in each account, tagged as certferry does:
			certferry:source, certferry:name as cloud_name() says, and certferry:anchor */
	unsigned crowded, crowd; /* the first so many accounts have so many imports more: somebody else's, with the names
			of ours, and without a tag */
	bool spread; /* instead: each account has the certificates of one domain, ISSUER_GROUP of them */
	bool by_domain; /* certferry:name is the certificate's domain instead */
	bool no_search; /* SearchCertificates is denied, as to those who may only list */
	bool quotas; /* refuse (ThrottlingException) what is above ACM's published rates: an exact token
			bucket for each account and operation that holds one second's worth, one at least */
};

/* cloud_new(settings, now): the certificates, from one CA.  Never fails. */
struct cloud *cloud_new(const struct cloud_settings *settings, usec_t now);

/* cloud_renew(cloud, first, count, now): certificates ${first}.. get a new key and a new leaf under the same ARN,
 * dated an hour back, as private CAs do. */
void cloud_renew(struct cloud *cloud, unsigned first, unsigned count, usec_t now);

/* cloud_ca(cloud): the CA's certificate in PEM, borrowed. */
const char *cloud_ca(const struct cloud *cloud);

/* cloud_arn(index, arn): the ARN of certificate ${index} at the source.  Returns ${arn}. */
#define CLOUD_ARN_SIZE 96
char *cloud_arn(unsigned index, char arn[static CLOUD_ARN_SIZE]);

/* cloud_name(index, name): "cert-000001", the certferry:name of what is imported already.  Returns ${name}. */
#define CLOUD_NAME_SIZE 24
char *cloud_name(unsigned index, char name[static CLOUD_NAME_SIZE]);

/* cloud_import_body(cloud, index, body): an ImportCertificate request for certificate ${index} as it is now. */
void cloud_import_body(struct cloud *cloud, unsigned index, struct buf *ret_body);

/* One request.  All borrowed for the call.  Strings may be NULL where a request lacks them. */
struct cloud_request {
	const char *authorization;
	const char *target; /* X-Amz-Target; NULL: the query protocol (STS) */
	const char *body;
	size_t length;
};

/* The answer.  body belongs to the cloud and is valid until the next call. */
struct cloud_answer {
	int status;
	const char *content_type;
	const char *error; /* value for X-Amzn-ErrorType, or NULL */
	const char *body;
	size_t length;
};

/* cloud_ask(cloud, request, now, answer): carry ${request} out at ${now} (wall clock). */
void cloud_ask(struct cloud *cloud, const struct cloud_request *request, usec_t now, struct cloud_answer *ret_answer);

/* What has happened since the start, for checks and makespans.  All but requests and throttled count successes. */
struct cloud_counts {
	unsigned long requests, exports, imports, lists, throttled, refused; /* refused: any error but throttling */
	unsigned long source_listings; /* listings and searches of the source that were answered */
	usec_t first_export, last_import; /* 0: none yet */
};

void cloud_count(const struct cloud *cloud, struct cloud_counts *ret_counts);

/* cloud_in_sync(cloud, first): how many (certificate, account) pairs hold the leaf that the source has now, of the
 * destination accounts from number ${first} on. */
unsigned long cloud_in_sync(const struct cloud *cloud, unsigned first);

struct cloud *cloud_free(struct cloud *cloud);

#endif
