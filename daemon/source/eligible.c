/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/source/source.h"

static const struct {
	const char *status;
	const char *refusal;
} refusals[] = {
	{ "PENDING_VALIDATION", "it is PENDING_VALIDATION: ACM has not issued it yet" },
	{ "INACTIVE", "it is INACTIVE: ACM has not issued it yet" },
	{ "VALIDATION_TIMED_OUT", "it is VALIDATION_TIMED_OUT: ACM never issued it" },
	{ "FAILED", "it is FAILED: ACM never issued it" },
	{ "EXPIRED", "it is EXPIRED" },
	{ "REVOKED", "it is REVOKED" },
};

static const char *refuse_type(const struct source_certificate *certificate)
{
	if (strcmp(certificate->type, "IMPORTED") == 0)
		return "its type is IMPORTED, and ACM does not export imported certificates";
	if (certificate->cloudfront)
		return "it belongs to CloudFront, and ACM does not export such certificates";
	if (certificate->keyless)
		return "an ACME client, or somebody else outside ACM, made its key, and ACM does not "
		       "have it";
	if (strcmp(certificate->type, "AMAZON_ISSUED") == 0)
		return "it is a public certificate that was not requested as exportable";
	return "ACM does not export certificates of its type";
}

static const char *refuse_status(const char *status)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (strcmp(status, refusals[i].status) == 0)
			return refusals[i].refusal;
	return "its status is not ISSUED";
}

const char *source_refusal(const struct source_certificate *certificate)
{
	if (!certificate->exportable)
		return refuse_type(certificate);
	if (strcmp(certificate->status, "ISSUED") != 0)
		return refuse_status(certificate->status);
	return NULL;
}
