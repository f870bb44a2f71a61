/* SPDX-License-Identifier: Apache-2.0 */
/* Key prove: of a delivery or of a dependent. */
#include <stdlib.h>

#include "daemon/config/rules.h"
#include "daemon/config/text.h"
#include "daemon/model/proof.h"
#include "lib/base/strv.h"

void rules_prove(const struct rules *r, const struct desired_proof *proofs, size_t count, const char *path,
	const struct yaml_node *map)
{
	_cleanup_(strv_freep) char **endpoints = NULL;
	const struct yaml_node *list = yaml_find(map, "prove");

	for (size_t i = 0; i < count; i++) {
		_cleanup_(freep) char *endpoint = proofs[i].connect ? proof_endpoint(&proofs[i]) : NULL;
		_cleanup_(freep) char *shown = endpoint ? text_quote(endpoint) : NULL;

		if (!endpoint)
			continue;
		if (strv_has(endpoints, endpoint))
			complain(r, list->items[i], "%s.prove: %s is in this list twice; remove one", path,
				shown);
		strv_append(&endpoints, endpoint);
	}
}
