/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_ACM_PAGE_H
#define LIB_AWS_ACM_PAGE_H

/* Pages of certificates, as ListCertificates and SearchCertificates send them, read as they arrive.
 * Pure.  Not for use outside lib/aws. */

#include "lib/aws/acm_types.h"
#include "lib/aws/page.h"

enum acm_listing {
	ACM_LISTING_LIST, /* ListCertificates */
	ACM_LISTING_SEARCH, /* SearchCertificates, which may leave the list out when it finds nothing */
};

struct acm_page {
	struct page page; /* to be fed */
	enum acm_listing listing;
	enum acm_scope scope; /* what is not of it is left out */
	struct acm_summary *items; /* those of the page */
	size_t count, room;
	struct acm_summary item; /* the one that is being read */
	char *export_option; /* of it */
	bool n2;	     /* it is of Amazon's N2 hierarchy */
	struct error problem; /* the first item that cannot be used */
};

/* acm_page_init(page, listing, scope): release with acm_page_done(). */
void acm_page_init(struct acm_page *page, enum acm_listing listing, enum acm_scope scope);

/* acm_page_check(page, err): after page_end(): ERROR_RETRY when the page lacks what it must have.
 * Otherwise page->items are good until the next page begins. */
int acm_page_check(struct acm_page *page, struct error *err);

/* acm_page_take(page, count): its items, which the caller owns, and counts if it keeps them, from now on. */
struct acm_summary *acm_page_take(struct acm_page *page, size_t *ret_count);

void acm_page_done(struct acm_page *page);

#endif
