/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_SECRET_JUDGE_H
#define DAEMON_DESTINATION_SECRET_JUDGE_H

#include "daemon/destination/destination.h"
#include "lib/aws/secretsmanager.h"

/**
 * secret_judge(item, description, seen):
 * What a secret's description says of ${item}: ours or not, and which version it holds, without
 * its value.  revision becomes the id of the current version: while that stays, what was confirmed
 * is believed.  True: the fields of that version are worth asking for (secret_foreign()).
 */
bool secret_judge(const struct look_item *item, const struct sm_description *description,
	struct observed *seen);

#endif
