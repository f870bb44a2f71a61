/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan/expansion.h"

#include <stdlib.h>

#include "lib/base/strv.h"

void delivery_make(const struct desired *desired, const struct expanded_certificate *certificate,
	const struct place *place, const struct desired_delivery *wish, struct delivery *ret_delivery)
{
	const struct placeholders values = { place, certificate->name, certificate->domain };
	struct delivery delivery = {
		.name = mem_join(certificate->name, "/", place->name, NULL),
		.certificate = mem_strdup(certificate->name),
		.source_arn = mem_strdup(certificate->arn),
		.place = place,
		.entry = certificate->entry,
		.wish = wish,
		.object = wish->as ? placeholders_replace(wish->as, &values) : mem_strdup(certificate->name),
		.arn = placeholders_replace(wish->arn, &values),
		.kms_key = placeholders_replace(place->destination->kms_key, &values),
	};
	const char *adopted = desired_find_adopt(desired, delivery.name);

	if (adopted && !delivery.arn)
		delivery.arn = mem_strdup(adopted);
	*ret_delivery = delivery;
}

void expansion_delivery(
	const struct expansion *expansion, size_t index, struct delivery *ret_delivery)
{
	const struct expanded_delivery *item = &expansion->deliveries[index];
	const struct expanded_certificate *certificate = &expansion->certificates[item->certificate];

	delivery_make(expansion->desired, certificate, expansion->places[item->place],
		&certificate->entry->deliver[item->wish], ret_delivery);
}

char *expansion_line(const struct expansion *expansion, size_t index)
{
	_cleanup_(delivery_done) struct delivery delivery = { 0 };
	_cleanup_(freep) char *object = NULL, *then = NULL;

	expansion_delivery(expansion, index, &delivery);
	object = place_object_text(delivery.place, delivery.arn ?: delivery.object);
	then = strv_join(delivery.wish->then, " ");
	return mem_printf("%s %s -> %s %s%s%s\n", delivery.name, delivery.source_arn,
		destination_kind_name(delivery.place->destination->kind), object,
		*then ? " then " : "", then);
}

void expansion_forget_deliveries(struct expansion *expansion)
{
	free(take(expansion->deliveries));
	expansion->delivery_count = 0;
}

struct expansion *expansion_free(struct expansion *expansion)
{
	if (!expansion)
		return NULL;
	expansion_forget_deliveries(expansion);
	for (size_t i = 0; i < expansion->place_count; i++)
		place_free(expansion->places[i]);
	free(expansion->places);
	for (size_t i = 0; i < expansion->certificate_count; i++) {
		free(expansion->certificates[i].name);
		free(expansion->certificates[i].arn);
		free(expansion->certificates[i].domain);
	}
	free(expansion->certificates);
	strv_free(expansion->problems);
	free(expansion);
	return NULL;
}
