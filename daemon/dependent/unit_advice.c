/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/unit_advice.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"

#define OUR_USER      "certferry"
#define INSTALLER     "certferry-install@"
#define GROUPS_MOST   256
#define PROFILE_LIMIT ((size_t)1 << 20)

/* --- what it reads --- */

/* Does certferry-install(8), told before it, copy the files for it, so that it reads none of ours? */
static bool reads_a_copy(const struct desired *desired, const struct desired_dependent *dependent)
{
	STRV_FOREACH (name, dependent->after) {
		const struct desired_dependent *before = desired_find_dependent(desired, *name);

		if (before && before->kind == DEPENDENT_SYSTEMD &&
			strncmp(before->unit.name, INSTALLER, strlen(INSTALLER)) == 0)
			return true;
	}
	return false;
}

/* Does it read files of ${destination}? */
static bool is_told_of(const struct desired *desired, const struct desired_dependent *dependent,
	const struct desired_destination *destination)
{
	for (size_t i = 0; i < desired->certificate_count; i++)
		for (size_t k = 0; k < desired->certificates[i].deliver_count; k++) {
			const struct desired_delivery *wish = &desired->certificates[i].deliver[k];

			if (strv_has(wish->then, dependent->name) &&
				desired_find_destination(desired, wish->to) == destination)
				return true;
		}
	return false;
}

/* --- AppArmor's profiles --- */

/* "/usr/sbin/named" is confined by the profile in usr.sbin.named, as far as packages write them. */
static char *profile_name(const char *program)
{
	char *name = mem_strdup(program + strspn(program, "/"));

	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '.';
	return name;
}

static bool is_there(const char *directory, const char *below, const char *name)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s%s", directory, below, name);

	return access(path, F_OK) == 0;
}

/* Its text, or, where there is none, or it only complains, NULL; the caller owns it. */
static char *read_profile(const char *apparmor, const char *name, const char *program)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s", apparmor, name);
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	const char *head, *end, *complain;

	if (is_there(apparmor, "disable/", name) || is_there(apparmor, "force-complain/", name) ||
		file_read(path, PROFILE_LIMIT, &text, NULL) < 0 || !text.data)
		return NULL;
	/* "profile named /usr/sbin/named flags=(complain) {" */
	head = strstr(text.data, program);
	end = head ? strchr(head, '{') : NULL;
	complain = end ? strstr(head, "complain") : NULL;
	return end && !(complain && complain < end) ? buf_take(&text) : NULL;
}

static bool is_path_byte(char c)
{
	return c == '/' || c == '.' || c == '-' || c == '_' || (c >= '0' && c <= '9') ||
	       (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Has ${rules} one for all below ${directory} (of ${length})? */
static bool has_rule(const char *rules, const char *directory, size_t length)
{
	_cleanup_(freep) char *rule = mem_printf("%.*s/**", (int)length, directory);

	for (const char *at = strstr(rules, rule); at; at = strstr(at + 1, rule))
		if (at == rules || !is_path_byte(at[-1]))
			return true;
	return false;
}

/* Or for a directory above that? */
static bool lets_read(const char *rules, const char *directory)
{
	for (size_t length = strlen(directory); length > 1; length--)
		if ((!directory[length] || directory[length] == '/') &&
			has_rule(rules, directory, length))
			return true;
	return false;
}

static bool is_named_in(const char *apparmor, const char *name, const char *directory)
{
	_cleanup_(freep) char *path = mem_printf("%s/local/%s", apparmor, name);
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	return file_read(path, PROFILE_LIMIT, &text, NULL) == 0 && text.data &&
	       lets_read(text.data, directory);
}

/* --- who reads --- */

struct reader {
	const char *name; /* of the user, in words */
	char account[64]; /* of the user, as it is known here */
	uid_t uid;
	bool is_root; /* and may read everything */
	bool is_confined; /* root, by AppArmor, and so it may not */
	gid_t groups[GROUPS_MOST]; /* the first is its own */
	size_t group_count;
};

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static const struct passwd *find_user(const char *text)
{
	return is_number(text) ? getpwuid((uid_t)strtoul(text, NULL, 10)) : getpwnam(text);
}

static bool find_group(const char *text, gid_t *ret_gid)
{
	const struct group *group = is_number(text) ? NULL : getgrnam(text);

	if (!group && !is_number(text))
		return false;
	*ret_gid = group ? group->gr_gid : (gid_t)strtoul(text, NULL, 10);
	return true;
}

static void add_group(struct reader *reader, gid_t gid)
{
	if (reader->group_count < GROUPS_MOST)
		reader->groups[reader->group_count++] = gid;
}

/* False when there are too many to judge by. */
static bool add_own_groups(struct reader *reader, gid_t first)
{
	gid_t groups[GROUPS_MOST];
	int count = GROUPS_MOST;

	if (getgrouplist(reader->account, first, groups, &count) < 0)
		return false;
	for (int i = 0; i < count; i++)
		add_group(reader, groups[i]);
	return true;
}

/* ${list}, which is joined by spaces. */
static void add_groups(struct reader *reader, const char *list)
{
	_cleanup_(freep) char *names = mem_strdup(list);
	char *rest = NULL;
	gid_t gid;

	for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		if (find_group(name, &gid))
			add_group(reader, gid);
}

static bool keeps_root_from_reading(uint64_t capabilities)
{
	const uint64_t all = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;

	return capabilities && !(capabilities & all);
}

/* A profile allows no capability that it does not name. */
static bool takes_reading_from_root(const struct unit *unit, const char *apparmor)
{
	_cleanup_(freep) char *name = profile_name(unit->program);
	_cleanup_(freep) char *profile = *name ? read_profile(apparmor, name, unit->program) : NULL;

	return profile && !strstr(profile, "dac_override") && !strstr(profile, "dac_read_search");
}

/* False when it cannot be found out. */
static bool find_reader(const struct unit *unit, const char *apparmor, struct reader *ret_reader)
{
	const struct passwd *user = unit->dynamic_user
					    ? NULL
					    : find_user(*unit->user ? unit->user : "root");
	struct reader reader = { .name = unit->user, .uid = (uid_t)-1 };
	gid_t gid;

	if (!user && !unit->dynamic_user)
		return false;
	if (*unit->group ? find_group(unit->group, &gid) : user != NULL)
		add_group(&reader, *unit->group ? gid : user->pw_gid);
	if (user) {
		reader.uid = user->pw_uid;
		reader.is_confined = user->pw_uid == 0 && takes_reading_from_root(unit, apparmor);
		reader.is_root = user->pw_uid == 0 && !reader.is_confined &&
				 !keeps_root_from_reading(unit->capabilities);
		(void)snprintf(reader.account, sizeof(reader.account), "%s", user->pw_name);
		if (!add_own_groups(&reader, user->pw_gid))
			return false;
		if (user->pw_uid == 0)
			reader.name = "root without CAP_DAC_OVERRIDE";
	}
	if (unit->dynamic_user)
		reader.name = "its dynamic user";
	add_groups(&reader, unit->groups);
	*ret_reader = reader;
	return true;
}

/* Whose the files are: the group of their directory, or, where that passes none on, our own. */
static bool find_files_group(const struct desired_destination *destination, gid_t *ret_gid)
{
	const struct passwd *us = geteuid() == 0 ? getpwnam(OUR_USER) : NULL;
	struct stat status;

	if (destination->group)
		return find_group(destination->group, ret_gid);
	if (stat(destination->directory, &status) < 0)
		return false;
	*ret_gid = status.st_mode & S_ISGID ? status.st_gid : us ? us->pw_gid : getegid();
	return true;
}

static bool may_read(const struct reader *reader, gid_t gid)
{
	const struct passwd *us = getpwnam(OUR_USER);

	if (reader->is_root || (us && us->pw_uid == reader->uid))
		return true;
	for (size_t i = 0; i < reader->group_count; i++)
		if (reader->groups[i] == gid)
			return true;
	return false;
}

static char *group_name(gid_t gid)
{
	const struct group *group = getgrgid(gid);

	return group ? mem_strdup(group->gr_name) : mem_printf("%u", (unsigned)gid);
}

static char *advise_group(const struct desired_dependent *dependent,
	const struct desired_destination *destination, const struct reader *reader)
{
	_cleanup_(freep) char *files = NULL, *own = NULL, *cure = NULL;
	gid_t gid;

	if (!find_files_group(destination, &gid) || may_read(reader, gid))
		return NULL;
	files = group_name(gid);
	own = reader->group_count ? group_name(reader->groups[0]) : NULL;
	cure = own && (reader->uid != 0 || reader->is_confined)
		       ? mem_printf("set 'group: %s' at that destination, or ", own)
		       : mem_strdup("");
	return mem_printf(
		"dependents.%s.unit: '%s' runs as %s, which is not in group '%s' and cannot read "
		"the files of destination '%s' ('%s'); %sset SupplementaryGroups=%s in a drop-in "
		"of the unit",
		dependent->name, dependent->unit.name, reader->name, files, destination->name,
		destination->directory, cure, files);
}

/* --- AppArmor --- */

static char *advise_apparmor(const struct desired_dependent *dependent,
	const struct desired_destination *destination, const char *program, const char *apparmor)
{
	_cleanup_(freep) char *name = profile_name(program);
	_cleanup_(freep) char *profile = *name ? read_profile(apparmor, name, program) : NULL;
	const char *directory = destination->directory;

	if (!profile || lets_read(profile, directory) || is_named_in(apparmor, name, directory))
		return NULL;
	return mem_printf("dependents.%s.unit: AppArmor's profile '%s/%s' lets '%s' read nothing "
			  "in '%s'; add the "
			  "line '  %s/** r,' to '%s/local/%s', then run apparmor_parser -r '%s/%s'",
		dependent->name, apparmor, name, dependent->unit.name, directory, directory,
		apparmor, name, apparmor, name);
}

/* --- units that hand on --- */

static bool is_true(const char *program)
{
	const char *slash = strrchr(program, '/');

	return slash && strcmp(slash, "/true") == 0;
}

static char *advise_instance(const struct desired_dependent *dependent, const struct unit *unit)
{
	const char *others = *unit->reloads ? unit->reloads : unit->parts;
	const char *line = is_true(unit->reload_program) ? "ExecReload" : "ExecStart";

	if (!*others || !(is_true(unit->reload_program) || is_true(unit->program)))
		return NULL;
	return mem_printf("dependents.%s.unit: '%s' does nothing itself (%s=%s) and hands on to "
			  "other units, so its "
			  "job succeeds even if theirs fail; name instead: %s",
		dependent->name, dependent->unit.name, line,
		is_true(unit->reload_program) ? unit->reload_program : unit->program, others);
}

static void append(char ***list, char *sentence)
{
	_cleanup_(freep) char *text = sentence;

	if (text)
		strv_append(list, text);
}

char **unit_advice(const struct desired *desired, const struct desired_dependent *dependent,
	const struct unit *unit, const char *apparmor)
{
	struct reader reader = { 0 };
	bool known = find_reader(unit, apparmor, &reader);
	char **list = NULL;

	append(&list, advise_instance(dependent, unit));
	if (list || reads_a_copy(desired, dependent))
		return list; /* who hands on does not read either */
	for (size_t i = 0; i < desired->destination_count; i++) {
		const struct desired_destination *destination = &desired->destinations[i];

		if (destination->kind != DESTINATION_FILE ||
			!is_told_of(desired, dependent, destination))
			continue;
		if (known)
			append(&list, advise_group(dependent, destination, &reader));
		append(&list, advise_apparmor(dependent, destination, unit->program, apparmor));
	}
	return list;
}
