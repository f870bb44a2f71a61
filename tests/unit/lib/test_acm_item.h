/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_LIB_TEST_ACM_ITEM_H
#define TESTS_UNIT_LIB_TEST_ACM_ITEM_H

/* One certificate of a listing, read as a page that arrives byte by byte.  Include after cmocka. */

#include <string.h>

#include "lib/aws/acm_page.h"

static int read_item(enum acm_listing listing, const char *item, struct acm_summary *ret_summary,
	struct error *err)
{
	_cleanup_(freep) char *text = mem_printf("{\"%s\": [%s]}",
		listing == ACM_LISTING_LIST ? "CertificateSummaryList" : "Results", item);
	_cleanup_(acm_page_done) struct acm_page page;
	int r;

	acm_page_init(&page, listing, ACM_SCOPE_USUAL);
	page_begin(&page.page);
	for (size_t i = 0; text[i]; i++)
		assert_int_equal(page_read(&page.page, text + i, 1), 0);
	assert_int_equal(page_end(&page.page), 0);
	r = acm_page_check(&page, err);
	if (r < 0)
		return r;
	assert_int_equal(page.count, 1);
	*ret_summary = page.items[0];
	page.items[0] = (struct acm_summary){ 0 };
	return 0;
}

#endif
