/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failed/events.h"

#define FAILED_DEFINE(name, id) const char SAY_##name[] = id;
FAILED_EVENTS(FAILED_DEFINE)
