/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/systemd/unit_settings.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/strv.h"

typedef int (*read_fn)(sd_bus_message *message, const char *line, struct unit_settings *settings);

static int read_environment(
	sd_bus_message *message, const char *line, struct unit_settings *settings)
{
	return sd_bus_message_read_strv_extend(message, &settings->environment);
}

static void add(struct unit_settings *settings, const char *line, const char *value)
{
	_cleanup_(freep) char *text = mem_printf("%s=%s", line, value);

	strv_append(&settings->lines, text);
}

static int read_text(sd_bus_message *message, const char *line, struct unit_settings *settings)
{
	const char *value;
	int r = sd_bus_message_read(message, "s", &value);

	if (r > 0 && *value)
		add(settings, line, value);
	return r;
}

static int read_texts(sd_bus_message *message, const char *line, struct unit_settings *settings)
{
	const char *value;
	int r = sd_bus_message_enter_container(message, 'a', "s");

	while (r >= 0 && (r = sd_bus_message_read(message, "s", &value)) > 0)
		add(settings, line, value);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* A path, and whether it may be missing. */
static int read_files(sd_bus_message *message, const char *line, struct unit_settings *settings)
{
	const char *path;
	int optional, r = sd_bus_message_enter_container(message, 'a', "(sb)");

	while (r >= 0 && (r = sd_bus_message_read(message, "(sb)", &path, &optional)) > 0) {
		_cleanup_(freep) char *value = mem_printf("%s%s", optional ? "-" : "", path);

		add(settings, line, value);
	}
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* A credential's name, and where it comes from. */
static int read_credentials(
	sd_bus_message *message, const char *line, struct unit_settings *settings)
{
	const char *name, *path;
	int r = sd_bus_message_enter_container(message, 'a', "(ss)");

	while (r >= 0 && (r = sd_bus_message_read(message, "(ss)", &name, &path)) > 0) {
		_cleanup_(freep) char *value = mem_printf("%s:%s", name, path);

		add(settings, line, value);
	}
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

static const struct {
	const char *property, *line, *signature;
	read_fn read;
} rows[] = {
	{ "User", "User", "s", read_text },
	{ "Group", "Group", "s", read_text },
	{ "SupplementaryGroups", "SupplementaryGroups", "as", read_texts },
	{ "Environment", NULL, "as", read_environment },
	{ "EnvironmentFiles", "EnvironmentFile", "a(sb)", read_files },
	{ "LoadCredential", "LoadCredential", "a(ss)", read_credentials },
	{ "LoadCredentialEncrypted", "LoadCredentialEncrypted", "a(ss)", read_credentials },
};

static int read_property(sd_bus_message *message, const char *name, struct unit_settings *settings)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r;

		if (strcmp(rows[i].property, name) != 0)
			continue;
		r = sd_bus_message_enter_container(message, 'v', rows[i].signature);
		if (r >= 0)
			r = rows[i].read(message, rows[i].line, settings);
		return r < 0 ? r : sd_bus_message_exit_container(message);
	}
	return sd_bus_message_skip(message, "v");
}

int unit_settings_parse(sd_bus_message *message, struct unit_settings *settings)
{
	int r = sd_bus_message_enter_container(message, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		const char *name;

		r = sd_bus_message_read(message, "s", &name);
		if (r >= 0)
			r = read_property(message, name, settings);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

void unit_settings_done(struct unit_settings *settings)
{
	settings->environment = strv_free(settings->environment);
	settings->lines = strv_free(settings->lines);
}
