/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_ACM_DESCRIPTION_H
#define LIB_AWS_ACM_DESCRIPTION_H

/* A certificate as DescribeCertificate sends it, read as it arrives: it is asked for each delivery at each sweep, and
 * little of it is wanted.  Pure.  Not for use outside lib/aws. */

#include "lib/aws/acm_types.h"
#include "lib/aws/page.h"

struct acm_description_page {
	struct page page; /* to be fed */
	struct acm_description description;
	char *arn;
	char *domain; /* of the validation that is being read */
	bool validated;
};

/* acm_description_init(page): release with acm_description_done(). */
void acm_description_init(struct acm_description_page *page);

/* acm_description_check(page, err): after page_end(): ERROR_RETRY when the answer lacks what it must have.  Otherwise
 * page->description is good until the next page_begin(). */
int acm_description_check(const struct acm_description_page *page, struct error *err);

void acm_description_done(struct acm_description_page *page);

#endif
