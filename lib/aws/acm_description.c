/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/acm_description.h"

#include <stdlib.h>
#include <string.h>

#include "lib/aws/acm_wire.h"
#include "lib/base/strv.h"

enum field {
	FIELD_ARN,
	FIELD_IN_USE_BY,
	FIELD_TYPE,
	FIELD_STATUS,
	FIELD_ALGORITHM,
	FIELD_RENEWAL_STATUS,
	FIELD_RENEWAL_REASON,
	FIELD_VALIDATION,
	FIELD_VALIDATION_DOMAIN,
	FIELD_VALIDATION_STATUS,
};

enum { RENEWAL, VALIDATION };

static const struct page_field fields[] = {
	[RENEWAL] = { "RenewalSummary", PAGE_ITEM, false, PAGE_OBJECT, PAGE_PATH },
	[VALIDATION] = { "DomainValidationOptions", RENEWAL, true, PAGE_OBJECT, FIELD_VALIDATION },
	{ "DomainName", VALIDATION, false, PAGE_STRING, FIELD_VALIDATION_DOMAIN },
	{ "ValidationStatus", VALIDATION, false, PAGE_STRING, FIELD_VALIDATION_STATUS },
	{ "RenewalStatus", RENEWAL, false, PAGE_STRING, FIELD_RENEWAL_STATUS },
	{ "RenewalStatusReason", RENEWAL, false, PAGE_STRING, FIELD_RENEWAL_REASON },
	{ "CertificateArn", PAGE_ITEM, false, PAGE_STRING, FIELD_ARN },
	{ "InUseBy", PAGE_ITEM, true, PAGE_STRING, FIELD_IN_USE_BY },
	{ "Type", PAGE_ITEM, false, PAGE_STRING, FIELD_TYPE },
	{ "Status", PAGE_ITEM, false, PAGE_STRING, FIELD_STATUS },
	{ "KeyAlgorithm", PAGE_ITEM, false, PAGE_STRING, FIELD_ALGORITHM },
};

static void clear(struct acm_description_page *page)
{
	struct acm_description *description = &page->description;

	strv_free(description->in_use_by);
	free(description->type);
	free(description->status);
	free(description->key_algorithm);
	free(description->renewal_status);
	free(description->renewal_reason);
	strv_free(description->renewal_waits);
	free(take(page->domain));
	*description = (struct acm_description){ 0 };
	free(take(page->arn));
}

static void on_begin(void *userdata)
{
	clear(userdata);
}

static void on_item(void *userdata)
{
}

/* One of the domains that the renewal validates begins, or all of it was read. */
static void note_validation(struct acm_description_page *page, bool begins)
{
	if (!begins && page->domain && !page->validated)
		strv_append(&page->description.renewal_waits, page->domain);
	free(take(page->domain));
	page->validated = false;
}

static void on_value(void *userdata, int id, enum json_event event, const char *text, size_t length)
{
	struct acm_description_page *page = userdata;
	struct acm_description *description = &page->description;
	_cleanup_(freep) char *value = page_text(event, text, length);

	switch ((enum field)id) {
	case FIELD_ARN:
		page->arn = take(value);
		break;
	case FIELD_IN_USE_BY:
		if (value)
			strv_append(&description->in_use_by, value);
		break;
	case FIELD_TYPE:
		description->type = take(value);
		break;
	case FIELD_STATUS:
		description->status = take(value);
		break;
	case FIELD_ALGORITHM:
		description->key_algorithm = acm_algorithm(take(value));
		break;
	case FIELD_RENEWAL_STATUS:
		description->renewal_status = take(value);
		break;
	case FIELD_RENEWAL_REASON:
		description->renewal_reason = take(value);
		break;
	case FIELD_VALIDATION:
		note_validation(page, event == JSON_EVENT_OBJECT);
		break;
	case FIELD_VALIDATION_DOMAIN:
		free(page->domain);
		page->domain = take(value);
		break;
	case FIELD_VALIDATION_STATUS:
		page->validated = value && strcmp(value, "SUCCESS") == 0;
		break;
	}
}

static const struct page_format format = {
	.items = "Certificate",
	.single = true,
	.values_max = 20000, /* as for answers that are no pages */
	.list_max = 5000, /* of those who use it; nobody publishes a limit */
	.fields = fields,
	.fields_count = ARRAY_SIZE(fields),
	.on_begin = on_begin,
	.on_item = on_item,
	.on_item_end = on_item,
	.on_value = on_value,
};

void acm_description_init(struct acm_description_page *page)
{
	*page = (struct acm_description_page){ 0 };
	page_init(&page->page, &format, page);
}

int acm_description_check(const struct acm_description_page *page, struct error *err)
{
	int r;

	r = page_need_items(&page->page, err);
	return r < 0 ? r : acm_check_arn(page->arn, err);
}

void acm_description_done(struct acm_description_page *page)
{
	clear(page);
	page_done(&page->page);
}
