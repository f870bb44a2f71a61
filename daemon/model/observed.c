/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/observed.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

void source_certificate_done(struct source_certificate *certificate)
{
	free(certificate->arn);
	free(certificate->region);
	free(certificate->domain);
	strv_free(certificate->names);
	free(certificate->type);
	free(certificate->status);
	free(certificate->key_algorithm);
	free(certificate->serial);
	strv_free(certificate->tags);
	free(certificate->problem);
	*certificate = (struct source_certificate){ 0 };
}

static int compare_arn(const void *key, const void *item)
{
	return strcmp(key, ((const struct source_certificate *)item)->arn);
}

const struct source_certificate *source_view_find(const struct source_view *view, const char *arn)
{
	if (!view || !view->count)
		return NULL;
	return bsearch(arn, view->items, view->count, sizeof(*view->items), compare_arn);
}

struct source_view *source_view_free(struct source_view *view)
{
	if (!view)
		return NULL;
	for (size_t i = 0; i < view->count; i++)
		source_certificate_done(&view->items[i]);
	free(view->items);
	free(view);
	return NULL;
}

void candidate_done(struct candidate *candidate)
{
	free(candidate->arn);
	free(candidate->domain);
	strv_free(candidate->in_use_by);
	free(candidate->refusal);
	*candidate = (struct candidate){ 0 };
}

void observed_done(struct observed *observed)
{
	free(observed->object_id);
	free(observed->revision);
	for (size_t i = 0; i < observed->candidate_count; i++)
		candidate_done(&observed->candidates[i]);
	free(observed->candidates);
	free(observed->leaf_pem);
	free(observed->chain_pem);
	error_done(&observed->error);
	*observed = (struct observed){ 0 };
}

const char *observed_state_name(enum observed_state state)
{
	static const char *const names[] = {
		[OBSERVED_UNKNOWN] = "unknown",
		[OBSERVED_ABSENT] = "absent",
		[OBSERVED_PRESENT] = "present",
		[OBSERVED_DEMOTED] = "demoted",
		[OBSERVED_GONE] = "gone",
		[OBSERVED_ADOPTABLE] = "adopt?",
		[OBSERVED_FOREIGN] = "foreign",
	};

	return names[state];
}
