/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/systemd/unit_parse.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "lib/base/encode.h"

static const char *const active_names[] = {
	[UNIT_INACTIVE] = "inactive",
	[UNIT_ACTIVATING] = "activating",
	[UNIT_ACTIVE] = "active",
	[UNIT_RELOADING] = "reloading",
	[UNIT_DEACTIVATING] = "deactivating",
	[UNIT_FAILED] = "failed",
};

#define ROOM(member) offsetof(struct unit, member), sizeof(((struct unit *)NULL)->member)

/* Where a property goes. */
static const struct property {
	const char *name;
	char type; /* as in D-Bus; 'a' for the invocation, 'A' for the active state, 'n' for a name,
		    * 'L' for a list of names, 'P' for the first program */
	size_t offset;
	size_t size;
} properties[] = {
	{ "Id", 'n', ROOM(id) },
	{ "LoadState", 's', ROOM(load_state) },
	{ "ActiveState", 'A', ROOM(active) },
	{ "SubState", 's', ROOM(sub_state) },
	{ "Result", 's', ROOM(result) },
	{ "Type", 's', ROOM(type) },
	{ "InvocationID", 'a', ROOM(invocation_id) },
	{ "CanReload", 'b', ROOM(can_reload) },
	{ "RemainAfterExit", 'b', ROOM(remain_after_exit) },
	{ "ConditionResult", 'b', ROOM(condition_result) },
	{ "ConditionTimestamp", 't', ROOM(condition_checked) },
	{ "NRestarts", 'u', ROOM(restarts) },
	{ "InactiveExitTimestamp", 't', ROOM(starting_since) },
	{ "ActiveEnterTimestamp", 't', ROOM(active_since) },
	{ "StateChangeTimestamp", 't', ROOM(state_changed) },
	{ "TimeoutStartUSec", 't', ROOM(start_timeout) },
	{ "StartLimitIntervalUSec", 't', ROOM(start_limit_interval) },
	{ "StartLimitBurst", 'u', ROOM(start_limit_burst) },
	{ "User", 'n', ROOM(user) },
	{ "Group", 'n', ROOM(group) },
	{ "SupplementaryGroups", 'L', ROOM(groups) },
	{ "DynamicUser", 'b', ROOM(dynamic_user) },
	{ "CapabilityBoundingSet", 't', ROOM(capabilities) },
	{ "ExecStart", 'P', ROOM(program) },
	{ "ExecReload", 'P', ROOM(reload_program) },
	{ "PropagatesReloadTo", 'L', ROOM(reloads) },
	{ "ConsistsOf", 'L', ROOM(parts) },
};

static const struct property *property_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			return &properties[i];
	return NULL;
}

static enum unit_active active_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(active_names); i++)
		if (strcmp(active_names[i], name) == 0)
			return (enum unit_active)i;
	return UNIT_UNKNOWN;
}

/* Words of 23 characters and less; a longer one of a later systemd is cut. */
static int parse_word(sd_bus_message *message, bool is_active, void *field)
{
	const char *word;
	int r;

	r = sd_bus_message_read(message, "v", "s", &word);
	if (r < 0)
		return r;
	if (is_active)
		*(enum unit_active *)field = active_find(word);
	else
		(void)snprintf(field, sizeof(((struct unit *)NULL)->result), "%s", word);
	return 0;
}

/* One that does not fit is none. */
static int parse_name(sd_bus_message *message, char *name, size_t size)
{
	const char *text;
	int r = sd_bus_message_read(message, "v", "s", &text);

	if (r >= 0 && strlen(text) < size)
		(void)stpcpy(name, text);
	return r;
}

static int parse_list(sd_bus_message *message, char *list, size_t size)
{
	size_t used = strlen(list);
	const char *text;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(message, "s", &text)) > 0)
		if (used + 1 + strlen(text) < size)
			used += (size_t)sprintf(list + used, "%s%s", used ? " " : "", text);
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* Commands, of which the first one's path is read. */
static int parse_program(sd_bus_message *message, char *program, size_t size)
{
	static const char command[] = "(sasbttttuii)";
	const char *text;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "a(sasbttttuii)");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', command);
	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'r', "sasbttttuii")) > 0) {
		r = sd_bus_message_read(message, "s", &text);
		if (r >= 0 && !*program && strlen(text) < size)
			(void)stpcpy(program, text);
		if (r >= 0)
			r = sd_bus_message_skip(message, "asbttttuii");
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int parse_invocation(sd_bus_message *message, char *text)
{
	const void *id;
	size_t length;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_read_array(message, 'y', &id, &length);
	if (r < 0)
		return r;
	/* Empty for a unit that never ran; all zero was seen for one that was just loaded. */
	if (length == 16 && memcmp(id, (const char[16]){ 0 }, 16) != 0)
		hex_encode(id, length, text);
	return sd_bus_message_exit_container(message);
}

static int parse_property(
	sd_bus_message *message, const struct property *property, struct unit *unit)
{
	void *field = (char *)unit + property->offset;
	uint32_t number;
	int flag, r;

	switch (property->type) {
	case 's':
	case 'A':
		return parse_word(message, property->type == 'A', field);
	case 'n':
		return parse_name(message, field, property->size);
	case 'L':
		return parse_list(message, field, property->size);
	case 'P':
		return parse_program(message, field, property->size);
	case 'a':
		return parse_invocation(message, field);
	case 'b':
		r = sd_bus_message_read(message, "v", "b", &flag);
		if (r >= 0)
			*(bool *)field = flag;
		return r;
	case 'u':
		r = sd_bus_message_read(message, "v", "u", &number);
		if (r >= 0)
			*(unsigned *)field = number;
		return r;
	default:
		return sd_bus_message_read(message, "v", "t", (usec_t *)field);
	}
}

int unit_parse(sd_bus_message *message, struct unit *unit)
{
	const struct property *property;
	const char *name;
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = sd_bus_message_read(message, "s", &name);
		if (r < 0)
			return r;
		property = property_find(name);
		r = property ? parse_property(message, property, unit)
			     : sd_bus_message_skip(message, "v");
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}
	return r;
}

static bool is_unit_type(const char *suffix)
{
	static const char *const types[] = { "service", "socket", "target", "device", "mount",
		"automount", "swap", "timer", "path", "slice", "scope" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i], suffix) == 0)
			return true;
	return false;
}

bool unit_name_is_valid(const char *name)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\@";
	const char *dot = strrchr(name, '.');
	const char *at = strchr(name, '@');

	if (!dot || dot == name || strlen(name) > 255 || !is_unit_type(dot + 1))
		return false;
	if (strspn(name, allowed) != strlen(name))
		return false;
	/* "@x.service" has no name, "x@.service" is a template and cannot run. */
	return !at || (at != name && dot > at + 1);
}

/* Errors of D-Bus and of systemd by what the caller can do about them.  All others: try later. */
static const struct {
	const char *name;
	enum error_kind kind;
	int code;
} bus_errors[] = {
	{ "org.freedesktop.DBus.Error.AccessDenied", ERROR_DENIED, 0 },
	{ "org.freedesktop.DBus.Error.AuthFailed", ERROR_DENIED, 0 },
	{ "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", ERROR_DENIED, 0 },
	{ "org.freedesktop.DBus.Error.InvalidArgs", ERROR_INVALID, 0 },
	{ "org.freedesktop.DBus.Error.NoReply", ERROR_RETRY, UNIT_CODE_MAY_RUN },
	{ "org.freedesktop.DBus.Error.UnknownObject", ERROR_ABSENT, 0 },
	{ "org.freedesktop.systemd1.NoSuchUnit", ERROR_ABSENT, 0 },
	{ "org.freedesktop.systemd1.LoadFailed", ERROR_INVALID, 0 },
	{ "org.freedesktop.systemd1.BadUnitSetting", ERROR_INVALID, 0 },
	{ "org.freedesktop.systemd1.UnitMasked", ERROR_DENIED, UNIT_CODE_MASKED },
	{ "org.freedesktop.systemd1.JobTypeNotApplicable", ERROR_INVALID,
		UNIT_CODE_NOT_APPLICABLE },
};

int unit_error(const sd_bus_error *bus_error, const char *name, struct error *err)
{
	const char *message = bus_error->message ?: bus_error->name;

	for (size_t i = 0; i < ARRAY_SIZE(bus_errors); i++)
		if (strcmp(bus_error->name, bus_errors[i].name) == 0)
			return error_set(err, bus_errors[i].kind, bus_errors[i].code,
				"systemd says of '%s': %s", name, message);
	return error_set(err, ERROR_RETRY, 0, "systemd says of '%s': %s (%s)", name, message,
		bus_error->name);
}
