/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/acm_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/acm_wire.h"
#include "lib/aws/member.h"
#include "lib/base/strv.h"

enum field {
	FIELD_ARN,
	FIELD_DOMAIN,
	FIELD_NAME,
	FIELD_MORE_NAMES,
	FIELD_STATUS,
	FIELD_TYPE,
	FIELD_ALGORITHM,
	FIELD_EXPORT_OPTION,
	FIELD_MANAGED_BY,
	FIELD_ORIGIN,
	FIELD_HIERARCHY,
	FIELD_ELIGIBILITY,
	FIELD_IN_USE,
	FIELD_SERIAL,
	FIELD_NOT_BEFORE,
	FIELD_NOT_AFTER,
	FIELD_IMPORTED_AT,
};

static const struct page_field listed_fields[] = {
	{ "CertificateArn", PAGE_ITEM, false, PAGE_STRING, FIELD_ARN },
	{ "DomainName", PAGE_ITEM, false, PAGE_STRING, FIELD_DOMAIN },
	{ "SubjectAlternativeNameSummaries", PAGE_ITEM, true, PAGE_STRING, FIELD_NAME },
	{ "HasAdditionalSubjectAlternativeNames", PAGE_ITEM, false, PAGE_BOOLEAN, FIELD_MORE_NAMES },
	{ "Status", PAGE_ITEM, false, PAGE_STRING, FIELD_STATUS },
	{ "Type", PAGE_ITEM, false, PAGE_STRING, FIELD_TYPE },
	{ "KeyAlgorithm", PAGE_ITEM, false, PAGE_STRING, FIELD_ALGORITHM },
	{ "ExportOption", PAGE_ITEM, false, PAGE_STRING, FIELD_EXPORT_OPTION },
	{ "ManagedBy", PAGE_ITEM, false, PAGE_STRING, FIELD_MANAGED_BY },
	{ "CertificateKeyPairOrigin", PAGE_ITEM, false, PAGE_STRING, FIELD_ORIGIN },
	{ "RootHierarchyType", PAGE_ITEM, false, PAGE_STRING, FIELD_HIERARCHY },
	{ "RenewalEligibility", PAGE_ITEM, false, PAGE_STRING, FIELD_ELIGIBILITY },
	{ "InUse", PAGE_ITEM, false, PAGE_BOOLEAN, FIELD_IN_USE },
	{ "NotBefore", PAGE_ITEM, false, PAGE_TIME, FIELD_NOT_BEFORE },
	{ "NotAfter", PAGE_ITEM, false, PAGE_TIME, FIELD_NOT_AFTER },
	{ "ImportedAt", PAGE_ITEM, false, PAGE_TIME, FIELD_IMPORTED_AT },
};

enum { X509, SUBJECT, ALTERNATIVES, METADATA, ACM_METADATA };

static const struct page_field found_fields[] = {
	[X509] = { "X509Attributes", PAGE_ITEM, false, PAGE_OBJECT, PAGE_PATH },
	[SUBJECT] = { "Subject", X509, false, PAGE_OBJECT, PAGE_PATH },
	[ALTERNATIVES] = { "SubjectAlternativeNames", X509, true, PAGE_OBJECT, PAGE_PATH },
	[METADATA] = { "CertificateMetadata", PAGE_ITEM, false, PAGE_OBJECT, PAGE_PATH },
	[ACM_METADATA] = { "AcmCertificateMetadata", METADATA, false, PAGE_OBJECT, PAGE_PATH },
	{ "CertificateArn", PAGE_ITEM, false, PAGE_STRING, FIELD_ARN },
	{ "CommonName", SUBJECT, false, PAGE_STRING, FIELD_DOMAIN },
	{ "DnsName", ALTERNATIVES, false, PAGE_STRING, FIELD_NAME },
	{ "SerialNumber", X509, false, PAGE_STRING, FIELD_SERIAL },
	{ "KeyAlgorithm", X509, false, PAGE_STRING, FIELD_ALGORITHM },
	{ "NotBefore", X509, false, PAGE_TIME, FIELD_NOT_BEFORE },
	{ "NotAfter", X509, false, PAGE_TIME, FIELD_NOT_AFTER },
	{ "Status", ACM_METADATA, false, PAGE_STRING, FIELD_STATUS },
	{ "Type", ACM_METADATA, false, PAGE_STRING, FIELD_TYPE },
	{ "ExportOption", ACM_METADATA, false, PAGE_STRING, FIELD_EXPORT_OPTION },
	{ "ManagedBy", ACM_METADATA, false, PAGE_STRING, FIELD_MANAGED_BY },
	{ "CertificateKeyPairOrigin", ACM_METADATA, false, PAGE_STRING, FIELD_ORIGIN },
	{ "RenewalEligibility", ACM_METADATA, false, PAGE_STRING, FIELD_ELIGIBILITY },
	{ "InUse", ACM_METADATA, false, PAGE_BOOLEAN, FIELD_IN_USE },
	{ "ImportedAt", ACM_METADATA, false, PAGE_TIME, FIELD_IMPORTED_AT },
};

static void items_clear(struct acm_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		acm_summary_done(&page->items[i]);
	page->count = 0;
}

static void item_clear(struct acm_page *page)
{
	acm_summary_done(&page->item);
	free(take(page->export_option));
	page->n2 = false;
}

static void on_begin(void *userdata)
{
	struct acm_page *page = userdata;

	items_clear(page);
	item_clear(page);
	error_done(&page->problem);
}

static void on_item(void *userdata)
{
	item_clear(userdata);
}

static bool is_text(const char *text, const char *value)
{
	return text && strcmp(text, value) == 0;
}

/* Whether ACM has the key and gives it out. */
static bool is_exportable(const struct acm_page *page)
{
	if (page->item.cloudfront || page->item.keyless)
		return false;
	return is_text(page->item.type, "PRIVATE") ||
	       (is_text(page->item.type, "AMAZON_ISSUED") && is_text(page->export_option, "ENABLED"));
}

/* An endpoint that overlooks a filter lists what is not of the scope. */
static bool is_in_scope(const struct acm_page *page)
{
	switch (page->scope) {
	case ACM_SCOPE_IMPORTED:
		return is_text(page->item.type, "IMPORTED");
	case ACM_SCOPE_N2:
		return page->n2;
	case ACM_SCOPE_USUAL:
	case ACM_SCOPE_ORIGINS:
		break;
	}
	return true;
}

static void on_item_end(void *userdata)
{
	struct acm_page *page = userdata;
	struct acm_summary *item = &page->item;

	if (page->problem.kind != ERROR_NONE || acm_check_arn(item->arn, &page->problem) < 0)
		return;
	if (!is_in_scope(page))
		return;
	item->exportable = is_exportable(page);
	if (page->listing == ACM_LISTING_SEARCH && !item->domain && item->names)
		item->domain = mem_strdup(item->names[0]);
	if (page->count == page->room) {
		page->room = page->room ? 2 * page->room : 16;
		page->items = mem_resize(page->items, page->room, sizeof(*page->items));
	}
	page->items[page->count++] = *item;
	*item = (struct acm_summary){ 0 };
}

static char *lower(char *text)
{
	if (text)
		text_lower(text);
	return text;
}

static void add_name(struct acm_page *page, enum json_event event, const char *text, size_t length)
{
	_cleanup_(freep) char *name = lower(page_text(event, text, length));

	if (name)
		strv_append(&page->item.names, name);
}

static void on_value(void *userdata, int id, enum json_event event, const char *text, size_t length)
{
	struct acm_page *page = userdata;
	struct acm_summary *item = &page->item;

	switch ((enum field)id) {
	case FIELD_ARN:
		item->arn = page_text(event, text, length);
		break;
	case FIELD_DOMAIN:
		item->domain = lower(page_text(event, text, length));
		break;
	case FIELD_NAME:
		add_name(page, event, text, length);
		break;
	case FIELD_MORE_NAMES:
		item->more_names = event == JSON_EVENT_TRUE;
		break;
	case FIELD_STATUS:
		item->status = page_text(event, text, length);
		break;
	case FIELD_TYPE:
		item->type = page_text(event, text, length);
		break;
	case FIELD_ALGORITHM:
		item->key_algorithm = acm_algorithm(page_text(event, text, length));
		break;
	case FIELD_EXPORT_OPTION:
		page->export_option = page_text(event, text, length);
		break;
	case FIELD_MANAGED_BY:
		item->cloudfront = page_is(event, text, length, "CLOUDFRONT");
		break;
	case FIELD_ORIGIN:
		item->keyless = page_is(event, text, length, "ACME") ||
				page_is(event, text, length, "CUSTOMER_PROVIDED");
		break;
	case FIELD_HIERARCHY:
		page->n2 = event == JSON_EVENT_STRING;
		break;
	case FIELD_ELIGIBILITY:
		item->ineligible = page_is(event, text, length, "INELIGIBLE");
		break;
	case FIELD_IN_USE:
		item->in_use = event == JSON_EVENT_TRUE;
		break;
	case FIELD_SERIAL:
		item->serial = lower(page_text(event, text, length));
		break;
	case FIELD_NOT_BEFORE:
		item->not_before = page_time(event, text, length);
		break;
	case FIELD_NOT_AFTER:
		item->not_after = page_time(event, text, length);
		break;
	case FIELD_IMPORTED_AT:
		item->imported_at = page_time(event, text, length);
		break;
	}
}

static const struct page_format listed_format = {
	.items = "CertificateSummaryList",
	.token = "NextToken",
	.pages_max = 256, /* of 1,000: a quarter of a million certificates, half a minute at ACM's rate */
	.fields = listed_fields,
	.fields_count = ARRAY_SIZE(listed_fields),
	.on_begin = on_begin,
	.on_item = on_item,
	.on_item_end = on_item_end,
	.on_value = on_value,
};

static const struct page_format found_format = {
	.items = "Results",
	.token = "NextToken",
	.pages_max = 512, /* of 500 */
	.fields = found_fields,
	.fields_count = ARRAY_SIZE(found_fields),
	.on_begin = on_begin,
	.on_item = on_item,
	.on_item_end = on_item_end,
	.on_value = on_value,
};

void acm_page_init(struct acm_page *page, enum acm_listing listing, enum acm_scope scope)
{
	*page = (struct acm_page){ .listing = listing, .scope = scope };
	page_init(&page->page, listing == ACM_LISTING_LIST ? &listed_format : &found_format, page);
}

int acm_page_check(struct acm_page *page, struct error *err)
{
	int r;

	r = page_check(&page->page, err);
	if (r < 0)
		return r;
	if (page->problem.kind != ERROR_NONE) {
		error_move(err, &page->problem);
		return -EAGAIN;
	}
	if (page->listing == ACM_LISTING_SEARCH && !page->page.named)
		return 0;
	return page_need_items(&page->page, err);
}

struct acm_summary *acm_page_take(struct acm_page *page, size_t *ret_count)
{
	page_hand_over(&page->page);
	*ret_count = page->count;
	page->count = page->room = 0;
	return take(page->items);
}

void acm_page_done(struct acm_page *page)
{
	items_clear(page);
	item_clear(page);
	error_done(&page->problem);
	page_done(&page->page);
	free(page->items);
}
