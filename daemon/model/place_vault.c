/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/place_vault.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

static size_t vault_count(const struct desired_destination *destination)
{
	return 1;
}

static bool vault_leaves(const struct desired_destination *destination, const struct desired_delivery *wish,
	const char *region, size_t number)
{
	return true;
}

/* "https://vault.example:8200/team/secret": what two destinations that lead to one mount have in common. */
static char *vault_shared(const struct desired_destination *destination)
{
	const struct desired_vault *vault = &destination->vault;

	return mem_printf("%s/%s%s%s", vault->address ?: "-", vault->namespace ?: "", vault->namespace ? "/" : "",
		vault->mount ?: "-");
}

static struct place *vault_make(const struct desired_destination *destination, const char *region, size_t number)
{
	struct place *place = mem_new(struct place);

	place->key = vault_shared(destination);
	return place;
}

static void vault_free_place(struct place *place)
{
	free(place);
}

static char *vault_object_text(const struct place *place, const char *object)
{
	return mem_printf("%s/%s", place->key, object);
}

/* What a URL would take for another path. */
static char **vault_object_problems(const char *object)
{
	char **problems = NULL;

	for (const char *part = object;; part++) {
		size_t length = strcspn(part, "/");

		if (length == 0 || strncmp(part, ".", length) == 0 || strncmp(part, "..", length) == 0) {
			strv_append(&problems,
				"in Vault, no part between slashes may be empty, '.' or '..'; write it like tls/payments");
			return problems;
		}
		part += length;
		if (!*part)
			return problems;
	}
}

static const char *const delivery_keys[] = { "adopt", NULL };

const struct place_kind vault_place_kind = {
	.name = "vault",
	.objects = "secrets of Vault",
	.reads_lag = true,
	.hides_objects = true,
	.delivery_keys = delivery_keys,
	.adopts = 1u << ADOPT_ASK | 1u << ADOPT_YES,
	.adopt_refusal = "in-use and beside are for ACM; for a secret write true",
	.count = vault_count,
	.leaves = vault_leaves,
	.make = vault_make,
	.free = vault_free_place,
	.object_text = vault_object_text,
	.shared = vault_shared,
	.object_problems = vault_object_problems,
};
