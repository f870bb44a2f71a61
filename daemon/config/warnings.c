/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/warnings.h"

#include <string.h>

#include "daemon/config/regions.h"
#include "daemon/config/rules.h"
#include "daemon/model/place.h"
#include "lib/base/strv.h"
#include "lib/pki/name.h"

/* --- regions: AWS opens new ones, so one that is not known here is never refused --- */

static void check_region(
	const struct rules *r, const struct yaml_node *node, const char *path, const char *region)
{
	const char *guess;

	if (region_is_known(region))
		return;
	guess = region_nearest(region);
	if (guess)
		complain(r, node,
			"%s: this version of certferry does not know region '%s'; did you mean '%s'?",
			path, region, guess);
	else
		complain(r, node,
			"%s: this version of certferry does not know region '%s'; check its name, or ignore "
			"this if AWS has opened it since",
			path, region);
}

/* Each text of ${node}, a value or a list of them, that is one of ${regions}. */
static void check_regions(const struct rules *r, const struct yaml_node *node, const char *path,
	char *const *regions)
{
	if (node && node->type == YAML_TEXT && strv_has(regions, node->text))
		check_region(r, node, path, node->text);
	for (size_t i = 0; node && node->type == YAML_LIST && i < node->count; i++)
		check_regions(r, node->items[i], path, regions);
}

static void check_access_regions(const struct rules *r, const struct yaml_node *map,
	const char *above, char *const *regions)
{
	static const char *const keys[] = { "region", "regions" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_(freep) char *path = mem_printf("%s.%s", above, keys[i]);

		check_regions(r, yaml_find(map, keys[i]), path, regions);
	}
}

static void check_arn_region(const struct rules *r,
	const struct desired_certificate *certificate, const struct yaml_node *map)
{
	_cleanup_(freep) char *path = NULL, *region = NULL;
	const char *start;

	if (!certificate->arn || r->desired->source.regions)
		return; /* else it has to be one of those */
	path = mem_printf("certificates.%s.arn", rules_name(certificate->name));
	start = strstr(certificate->arn, ":acm:") + strlen(":acm:");
	region = mem_strndup(start, strcspn(start, ":"));
	check_region(r, rules_place(map, "arn"), path, region);
}

/* --- names asked for --- */

/* Whoever writes one waits for a certificate that never comes: ACM is asked for DNS names alone. */
static void check_subject(const struct rules *r,
	const struct desired_certificate *certificate, const struct yaml_node *node)
{
	const char *name = node->text;

	if (name && strv_has(certificate->names, name) && name_kind(name) != NAME_DNS)
		complain(r, node,
			"certificates.%s.names: '%s' is not a DNS name, but ACM issues certificates "
			"for DNS names only; with it, certferryd delivers no certificate of this entry",
			rules_name(certificate->name), name);
}

/* --- names of objects --- */

/* As it will be called, as far as the configuration says. */
static char *known_name(
	const struct desired_certificate *certificate, const struct desired_delivery *delivery)
{
	const struct placeholders known = {
		.certificate = certificate->arn ? certificate->name : NULL,
	};

	return placeholders_replace(delivery->as, &known);
}

static void check_object(const struct rules *r, const struct desired_certificate *certificate,
	const struct desired_delivery *delivery, const struct yaml_node *node)
{
	const struct desired_destination *to =
		delivery->to ? desired_find_destination(r->desired, delivery->to) : NULL;
	const struct place_kind *kind = to && rules_is_known(r, to) ? place_kind_of(to) : NULL;
	_cleanup_(freep) char *name = NULL, *warning = NULL;

	if (!kind || !kind->object_warning || !delivery->as)
		return;
	name = known_name(certificate, delivery);
	warning = kind->object_warning(name);
	if (warning)
		complain(r, rules_place(node, "as"), "certificates.%s.deliver.as: %s",
			rules_name(certificate->name), warning);
}

void warnings_find(const struct desired *desired, const struct yaml_node *root,
	struct config_problems *warnings)
{
	const struct rules r = { (struct desired *)desired, root, yaml_find(root, "certificates"),
		yaml_find(root, "destinations"), yaml_find(root, "dependents"), warnings };
	const struct yaml_node *events = yaml_find(root, "events");

	check_access_regions(&r, yaml_find(root, "source"), "source", desired->source.regions);
	if (desired->events.region)
		check_access_regions(&r, events, "events",
			(char *const[]){ desired->events.region, NULL });
	for (size_t i = 0; i < desired->destination_count; i++) {
		const struct desired_destination *destination = &desired->destinations[i];
		_cleanup_(freep) char *path =
			mem_printf("destinations.%s", rules_name(destination->name));

		check_access_regions(&r, r.destinations->items[i], path, destination->regions);
	}
	for (size_t i = 0; i < desired->certificate_count; i++) {
		const struct desired_certificate *certificate = &desired->certificates[i];
		const struct yaml_node *map = r.certificates->items[i];
		const struct yaml_node *list = yaml_find(map, "deliver");

		const struct yaml_node *names = yaml_find(map, "names");

		check_arn_region(&r, certificate, map);
		for (size_t j = 0; names && names->type == YAML_LIST && j < names->count; j++)
			check_subject(&r, certificate, names->items[j]);
		for (size_t j = 0; j < certificate->deliver_count; j++)
			check_object(&r, certificate, &certificate->deliver[j], list->items[j]);
	}
}
