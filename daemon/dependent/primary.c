/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/primary.h"

#include <string.h>

#include "daemon/dependent/unit_advice.h"
#include "lib/base/error.h"
#include "lib/base/strv.h"
#include "lib/systemd/unit_now.h"

/* A person waits; reading a unit is a matter of milliseconds. */
#define READ_TIMEOUT (5 * USEC_PER_SEC)

/* The primary name of the unit ${name} into ${unit}, or false: it is as it is configured. */
static bool read_unit(const char *name, bool *asking, struct unit *unit)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (!*asking || !unit_name_is_valid(name))
		return false;
	if (unit_now_read(name, READ_TIMEOUT, unit, &err) < 0) {
		*asking = err.kind != ERROR_RETRY; /* no systemd: it is not waited for again */
		return false;
	}
	return unit_name_is_valid(unit->id);
}

char **primary_names(const struct desired *desired)
{
	bool asking = true;
	char **names = NULL;

	for (size_t i = 0; i < desired->dependent_count; i++) {
		const struct desired_dependent *dependent = &desired->dependents[i];
		const char *name = dependent->unit.name ?: "";
		struct unit unit;
		bool known = dependent->kind == DEPENDENT_SYSTEMD && read_unit(name, &asking, &unit);

		strv_append(&names, known ? unit.id : name);
	}
	return names;
}

char **units_advice(const struct desired *desired)
{
	bool asking = true;
	char **list = NULL;

	for (size_t i = 0; i < desired->dependent_count; i++) {
		const struct desired_dependent *dependent = &desired->dependents[i];
		_cleanup_(strv_freep) char **found = NULL;
		struct unit unit;

		if (dependent->kind != DEPENDENT_SYSTEMD ||
			!read_unit(dependent->unit.name ?: "", &asking, &unit) ||
			strcmp(unit.load_state, "loaded") != 0)
			continue;
		found = unit_advice(desired, dependent, &unit, APPARMOR_DIRECTORY);
		STRV_FOREACH (sentence, found)
			strv_append(&list, *sentence);
	}
	return list;
}
