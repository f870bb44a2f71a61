/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/listing.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/source/source.h"
#include "lib/base/strv.h"
#include "lib/pki/outline.h"

/* Room for one more: doubled at each power of two. */
static struct source_certificate *append(struct source_view *view)
{
	if ((view->count & (view->count - 1)) == 0)
		view->items = mem_resize(
			view->items, MAX(1, 2 * view->count), sizeof(*view->items));
	return &view->items[view->count++];
}

static char *take_or_empty(char **text)
{
	char *taken = take(*text);

	return taken ? taken : mem_strdup("");
}

void listing_add(struct source_view *view, const char *region, struct acm_summary *summary)
{
	*append(view) = (struct source_certificate){
		.arn = take(summary->arn),
		.region = mem_strdup(region),
		.domain = take_or_empty(&summary->domain),
		.names = take(summary->names),
		.more_names = summary->more_names,
		.type = take_or_empty(&summary->type),
		.status = take_or_empty(&summary->status),
		.key_algorithm = take_or_empty(&summary->key_algorithm),
		.exportable = summary->exportable,
		.cloudfront = summary->cloudfront,
		.keyless = summary->keyless,
		.ineligible = summary->ineligible,
		.serial = take(summary->serial),
		.not_before = summary->not_before,
		.not_after = summary->not_after,
	};
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + ROOM_TEXT : 0;
}

size_t listing_size(const struct source_certificate *certificate)
{
	/* The array grows by doubling. */
	size_t size = 2 * sizeof(*certificate) + text_size(certificate->arn) + text_size(certificate->region) +
		      text_size(certificate->domain) + text_size(certificate->type) + text_size(certificate->status) +
		      text_size(certificate->key_algorithm) + text_size(certificate->serial);

	STRV_FOREACH (name, certificate->names)
		size += sizeof(*name) + text_size(*name);
	return size;
}

static int compare(const void *left, const void *right)
{
	const struct source_certificate *a = left, *b = right;
	int order = strcmp(a->arn, b->arn);

	if (order != 0)
		return order;
	if (a->not_before != b->not_before)
		return a->not_before > b->not_before ? 1 : -1;
	return (a->serial != NULL) - (b->serial != NULL);
}

void listing_sort(struct source_view *view)
{
	size_t kept = 0;

	if (view->count == 0)
		return;
	qsort(view->items, view->count, sizeof(*view->items), compare);
	for (size_t i = 1; i < view->count; i++) {
		if (strcmp(view->items[kept].arn, view->items[i].arn) == 0)
			source_certificate_done(&view->items[kept]);
		else
			kept++;
		if (kept != i)
			view->items[kept] = view->items[i];
	}
	view->count = kept + 1;
}

/* A leading zero octet is the encoding's, and not written by all. */
static const char *skip_zero(const char *serial)
{
	return strncmp(serial, "00:", 3) == 0 ? serial + 3 : serial;
}

static bool serial_differs(const char *a, const char *b)
{
	return a && b && strcmp(skip_zero(a), skip_zero(b)) != 0;
}

static bool is_unchanged(
	const struct source_certificate *now, const struct source_certificate *before)
{
	return now->not_before == before->not_before && now->not_after == before->not_after &&
	       !serial_differs(now->serial, before->serial);
}

static bool text_equal(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "") == 0;
}

/* What a summary leaves out (a look's may have no names, nor a list's a serial) is no news. */
bool listing_tells_nothing(
	const struct source_certificate *before, const char *region, const struct acm_summary *summary)
{
	return before->not_before == summary->not_before &&
	       before->not_after == summary->not_after && before->more_names == summary->more_names &&
	       before->exportable == summary->exportable && before->cloudfront == summary->cloudfront &&
	       before->keyless == summary->keyless && before->ineligible == summary->ineligible &&
	       text_equal(before->status, summary->status) && text_equal(before->type, summary->type) &&
	       text_equal(before->key_algorithm, summary->key_algorithm) &&
	       text_equal(before->region, region) &&
	       (!summary->domain || text_equal(before->domain, summary->domain)) &&
	       (!summary->names || strv_equal(before->names, summary->names)) &&
	       (!summary->serial || (before->serial && !serial_differs(before->serial, summary->serial)));
}

static void inherit(struct source_certificate *now, const struct source_certificate *before,
	bool problems, usec_t doubted)
{
	now->tags = strv_copy(before->tags);
	if (!*now->domain) {
		free(now->domain);
		now->domain = mem_strdup(before->domain);
	}
	if (!now->names)
		now->names = strv_copy(before->names);
	if (!now->serial && now->not_before >= doubted)
		return;
	if (!is_unchanged(now, before) || !digest_is_set(&before->version.digest))
		return;
	now->version = before->version;
	if (problems)
		now->problem = mem_strdup(before->problem);
	if (!now->serial)
		now->serial = mem_strdup(before->serial);
}

/* source_view_find() where one sorted view is gone through along with ${view}: it goes on from ${at}. */
static const struct source_certificate *find_next(const struct source_view *view, size_t *at, const char *arn)
{
	while (view && *at < view->count) {
		const int order = strcmp(view->items[*at].arn, arn);

		if (order >= 0)
			return order == 0 ? &view->items[*at] : NULL;
		(*at)++;
	}
	return NULL;
}

void listing_inherit(
	struct source_view *view, const struct source_view *known, bool problems, usec_t doubted)
{
	for (size_t i = 0, at = 0; i < view->count; i++) {
		const struct source_certificate *before = find_next(known, &at, view->items[i].arn);

		if (before)
			inherit(&view->items[i], before, problems, doubted);
	}
}

void listing_drop_known(struct source_view *view, const struct source_view *known, bool *seen)
{
	size_t kept = 0;

	for (size_t i = 0, at = 0; i < view->count; i++) {
		struct source_certificate *now = &view->items[i];
		const struct source_certificate *before = find_next(known, &at, now->arn);

		if (before && ((seen[at] && now->not_before < before->not_before) || source_certificate_equal(now, before))) {
			seen[at] = true;
			source_certificate_done(now);
		} else {
			view->items[kept++] = *now;
		}
	}
	view->count = kept;
}

void listing_join(struct source_view *view, const struct source_view *known, const bool *seen)
{
	const size_t count = view->count;

	for (size_t i = 0, at = 0; known && i < known->count; i++) {
		/* As it was before the first was put in; the items may have moved since. */
		const struct source_view listed = { .items = view->items, .count = count };

		if ((!seen || seen[i]) && !find_next(&listed, &at, known->items[i].arn))
			source_certificate_copy(append(view), &known->items[i]);
	}
	if (view->count > count)
		listing_sort(view);
}

bool listing_needs_tags(const struct desired *desired)
{
	for (size_t i = 0; i < desired->certificate_count; i++)
		if (desired->certificates[i].match_tags && *desired->certificates[i].match_tags)
			return true;
	return false;
}

bool listing_needs_version(
	struct match_index *entries, const struct source_certificate *certificate)
{
	const size_t *found;

	return !digest_is_set(&certificate->version.digest) && !source_refusal(certificate) &&
	       match_index_find(entries, certificate, &found) > 0;
}

/* Is ${leaf} an older issue than the one that was listed?  Of one second's issues the serial
 * tells. */
static bool is_behind(const struct outline *leaf, const struct source_certificate *listed)
{
	if (usec_add(leaf->not_before, USEC_PER_SEC) <= listed->not_before)
		return true;
	return leaf->not_before < usec_add(listed->not_before, USEC_PER_SEC) &&
	       serial_differs(leaf->serial, listed->serial);
}

static void set_version(
	struct source_certificate *certificate, struct outline *leaf, const struct fingerprint *chain)
{
	struct version version = {
		.digest = digest_of_leaf(&leaf->fingerprint),
		.not_before = leaf->not_before,
		.not_after = leaf->not_after,
		.chain = *chain,
	};

	certificate->version = version;
	free(certificate->serial);
	certificate->serial = take(leaf->serial);
	free(certificate->problem);
	certificate->problem = NULL;
}

/* What is not in its plainest form is parsed for what is wrong with it. */
static int read_leaf(const char *pem, struct outline *ret_leaf, struct error *err)
{
	_cleanup_(certificate_freep) struct certificate *leaf = NULL;
	int r;

	if (outline_read(pem, strlen(pem), ret_leaf) == 0)
		return 0;
	r = certificate_parse(pem, strlen(pem), &leaf, err);
	if (r < 0)
		return r;
	*ret_leaf = (struct outline){
		.fingerprint = leaf->fingerprint,
		.serial = mem_strdup(leaf->serial),
		.not_before = leaf->not_before,
		.not_after = leaf->not_after,
	};
	return 0;
}

static int read_chain(const char *pem, struct fingerprint *ret_digest, struct error *err)
{
	_cleanup_(certificate_list_done) struct certificate_list chain = { 0 };
	int r;

	if (certificate_text_digest(pem, strlen(pem), ret_digest) == 0)
		return 0;
	r = certificate_chain_parse(pem, strlen(pem), &chain, err);
	if (r == 0)
		certificate_list_digest(&chain, ret_digest);
	return r;
}

/*
 * Which version it is and from when to when: nothing is believed of it here beyond what the listing says.  An export is
 * parsed and verified before anything of it goes anywhere.
 */
int listing_set_version(struct source_certificate *certificate, const char *leaf_pem,
	const char *chain_pem, struct error *err)
{
	_cleanup_(outline_done) struct outline leaf = { 0 };
	struct fingerprint chain;
	char date[TIME_TEXT_SIZE];
	int r;

	r = read_leaf(leaf_pem, &leaf, err);
	if (r < 0)
		return error_wrap(err, "leaf");
	r = read_chain(chain_pem, &chain, err);
	if (r < 0)
		return error_wrap(err, "chain");
	if (is_behind(&leaf, certificate))
		return error_set(err, ERROR_RETRY, 0, "ACM still answers with the certificate valid from %s",
			time_format(leaf.not_before, date));
	set_version(certificate, &leaf, &chain);
	return 0;
}
