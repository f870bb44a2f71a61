/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/delivery.h"

#include <stdlib.h>

const char *delivery_named_arn(const struct delivery *delivery)
{
	return place_kind_of(delivery->place->destination)->names_objects ? delivery->arn : NULL;
}

const char *delivery_object_name(const struct delivery *delivery)
{
	return delivery_named_arn(delivery) ?: delivery->object;
}

void delivery_done(struct delivery *delivery)
{
	free(delivery->name);
	free(delivery->certificate);
	free(delivery->source_arn);
	free(delivery->object);
	free(delivery->arn);
	free(delivery->kms_key);
	*delivery = (struct delivery){ 0 };
}
