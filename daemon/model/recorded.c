/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/recorded.h"

#include <stdlib.h>

#include "lib/base/intern.h"

void certificate_record_done(struct certificate_record *record)
{
	free(record->arn);
	free(record->serial);
	intern_unref(record->anchor);
	free(record->problem);
	*record = (struct certificate_record){ 0 };
}

void delivery_record_done(struct delivery_record *record)
{
	free(record->name);
	free(record->object);
	free(record->former);
	free(record->object_id);
	free(record->revision);
	free(record->problem);
	free(record->hold_reason);
	proof_record_done(&record->proof);
	free(record->leaf);
	free(record->chain);
	*record = (struct delivery_record){ 0 };
}

void owed_record_done(struct owed_record *record)
{
	free(record->dependent);
	free(record->delivery);
	*record = (struct owed_record){ 0 };
}

void dependent_record_done(struct dependent_record *record)
{
	free(record->name);
	free(record->problem);
	free(record->target);
	free(record->token);
	proof_record_done(&record->proof);
	*record = (struct dependent_record){ 0 };
}
