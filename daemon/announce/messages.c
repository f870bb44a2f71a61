/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/announce/messages.h"

#define SAY_DEFINE(name, id) const char SAY_##name[] = id;
SAY_EVENTS(SAY_DEFINE)
#undef SAY_DEFINE
