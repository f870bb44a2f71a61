/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_PLACE_VAULT_H
#define DAEMON_MODEL_PLACE_VAULT_H

/* Places that are a mount of Vault's key/value engine: those of the kind vault. */

#include "daemon/model/place.h"

extern const struct place_kind vault_place_kind;

#endif
