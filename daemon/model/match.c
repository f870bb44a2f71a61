/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/match.h"

#include <string.h>
#include <strings.h>

#include "lib/base/strv.h"

static bool domain_matches(const char *wanted, const char *name)
{
	const char *parent;

	if (!name || !*name)
		return false;
	if (strncmp(wanted, "*.", 2) != 0)
		return strcasecmp(wanted, name) == 0;
	parent = strchr(name, '.');
	return parent && parent != name && strcasecmp(wanted + 1, parent) == 0;
}

static bool any_name_matches(const char *wanted, const struct source_certificate *certificate)
{
	if (domain_matches(wanted, certificate->domain))
		return true;
	STRV_FOREACH(name, certificate->names)
	if (domain_matches(wanted, *name))
		return true;
	return false;
}

static bool has_tags(const struct source_certificate *certificate, char *const *wanted)
{
	STRV_FOREACH(tag, wanted)
	if (!strv_has(certificate->tags, *tag))
		return false;
	return true;
}

bool source_matches(
	const struct desired_certificate *entry, const struct source_certificate *certificate)
{
	if (entry->arn)
		return strcmp(entry->arn, certificate->arn) == 0;
	if (entry->match_domain)
		return any_name_matches(entry->match_domain, certificate);
	return entry->match_tags && *entry->match_tags && has_tags(certificate, entry->match_tags);
}
