/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/dropin.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/model/place_file.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

static const char head[] =
	"# Opens certferryd's sandbox for its configuration.  `certferryd --unit-dropin` printed this, for\n"
	"# /etc/systemd/system/certferryd.service.d/10-paths.conf.  Generate it again when the file\n"
	"# destinations of the configuration change, the credential_process of a profile, or the number of its\n"
	"# deliveries by much.\n"
	"[Service]\n";

static const char nothing[] = "# This configuration writes no files and runs no program: no drop-in is needed.\n";

/* One word of a list of paths, systemd.syntax(7): quoted, with specifiers taken literally. */
static void append_path(struct buf *text, const char *path)
{
	for (const char *c = path; *c; c++) {
		if (*c == '"' || *c == '\\')
			buf_append_char(text, '\\');
		if (*c == '%')
			buf_append_char(text, '%');
		buf_append_char(text, *c);
	}
}

static bool is_writable_as_a_line(const char *path)
{
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ')
			return false;
	return path[0] == '/';
}

/* The directory itself, whose setgid bit gives new files their group, is made by tmpfiles. */
static void append_directory(struct buf *text, const struct desired_destination *destination)
{
	buf_printf(text, "# Destination '%s'; a line in /etc/tmpfiles.d/%s creates its directory:\n",
		destination->name, place_file_tmpfiles(destination->directory));
	buf_append_string(text, "#   d \"");
	append_path(text, destination->directory);
	buf_printf(text, "\" 2750 certferry %s -\n", destination->group ?: "certferry");
	/* The dash: a directory that is missing stops its own deliveries, not the service. */
	buf_append_string(text, "ReadWritePaths=\"-");
	append_path(text, destination->directory);
	buf_append_string(text, "\"\n");
}

static void append_program(struct buf *text, const char *path)
{
	buf_append_string(text, "ExecPaths=\"-");
	append_path(text, path);
	buf_append_string(text, "\"\n");
}

static void append_memory(struct buf *text, const struct dropin_memory *memory)
{
	if (memory->limit)
		buf_printf(text,
			"# %zu deliveries of %zu certificates need more memory than the unit allows:\n"
			"MemoryMax=%uM\n",
			memory->deliveries, memory->certificates, memory->limit);
	if (memory->matches)
		buf_append_string(text,
			"# certferryd knows what entries with match: find only when it has read the source: it says then\n"
			"# whether MemoryMax= suffices.\n");
}

char *unit_dropin(const struct desired *desired, char *const *programs,
	const struct dropin_memory *memory)
{
	_cleanup_(strv_freep) char **seen = NULL;
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	buf_append_string(&text, head);
	for (size_t i = 0; i < desired->destination_count; i++) {
		const struct desired_destination *destination = &desired->destinations[i];

		if (!destination->directory ||
			!is_writable_as_a_line(destination->directory) ||
			strv_has(seen, destination->directory))
			continue;
		strv_append(&seen, destination->directory);
		append_directory(&text, destination);
	}
	if (programs)
		buf_append_string(&text, "# credential_process of the AWS profiles:\n");
	STRV_FOREACH(program, programs)
	{
		if (is_writable_as_a_line(*program))
			append_program(&text, *program);
	}
	if (!seen && !programs && !memory->limit)
		buf_append_string(&text, nothing);
	append_memory(&text, memory);
	return buf_take(&text);
}
