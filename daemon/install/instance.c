/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/install/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/os/file.h"
#include "lib/os/path.h"

#define LETTERS_DIGITS  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_MAX_LENGTH 64
#define VALUE_MAX       ((size_t)1024)
#define ID_MAX          ((unsigned long)INT_MAX) /* 4294967295 is "as it is" to chown(2) */

bool instance_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= NAME_MAX_LENGTH && *name != '.' &&
	       strspn(name, LETTERS_DIGITS "_.-") == length;
}

/* Is ${path} made of steps that are names, each of which begins with none of ${never}? */
static bool is_clean(const char *path, const char *never)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 0 || length > NAME_MAX || strchr(never, *path) ||
			(length == 1 && *path == '.') ||
			(length == 2 && strncmp(path, "..", 2) == 0))
			return false;
		path += length;
		if (*path == '/' && !*++path)
			return false;
	}
	return true;
}

static int take_path(char **at, const char *value, struct error *err)
{
	if (*value != '/' || !value[1] || !is_clean(value + 1, "/"))
		return error_set(err, ERROR_INVALID, 0,
			"must be an absolute path without '.', '..', '//' and a slash at the end");
	*at = mem_strdup(value);
	return 0;
}

static int set_directory(struct instance *instance, const char *value, struct error *err)
{
	return take_path(&instance->directory, value, err);
}

static int set_target(struct instance *instance, const char *value, struct error *err)
{
	return take_path(&instance->target, value, err);
}

/* Of what the configuration admits. */
static int set_object(struct instance *instance, const char *value, struct error *err)
{
	if (!*value || !is_clean(value, "/.") ||
		strspn(value, LETTERS_DIGITS "/_+=.@-") != strlen(value))
		return error_set(err, ERROR_INVALID, 0,
			"must be the delivery's as: in certferry.yaml, a relative path in which no "
			"part is empty or begins with a dot");
	instance->object = mem_strdup(value);
	return 0;
}

/* False: it is not a number. */
static bool read_id(const char *value, unsigned long *ret_id)
{
	if (!*value || strlen(value) > 10 || strspn(value, "0123456789") != strlen(value))
		return false;
	*ret_id = strtoul(value, NULL, 10);
	return *ret_id <= ID_MAX;
}

static int set_owner(struct instance *instance, const char *value, struct error *err)
{
	const struct passwd *user;
	unsigned long id;

	if (read_id(value, &id)) {
		instance->owner = (uid_t)id;
		return 0;
	}
	user = *value ? getpwnam(value) : NULL;
	if (!user)
		return error_set(
			err, ERROR_ABSENT, 0, "must be a user of this host, by name or number");
	instance->owner = user->pw_uid;
	return 0;
}

static int set_group(struct instance *instance, const char *value, struct error *err)
{
	const struct group *group;
	unsigned long id;

	if (read_id(value, &id)) {
		instance->group = (gid_t)id;
		return 0;
	}
	group = *value ? getgrnam(value) : NULL;
	if (!group)
		return error_set(
			err, ERROR_ABSENT, 0, "must be a group of this host, by name or number");
	instance->group = group->gr_gid;
	return 0;
}

/* A private key is nobody's beyond the group, and no group's to write. */
static int set_mode(struct instance *instance, const char *value, struct error *err)
{
	static const struct {
		const char *text;
		mode_t mode;
	} modes[] = { { "0400", 0400 }, { "0440", 0440 }, { "0600", 0600 }, { "0640", 0640 } };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcmp(value, modes[i].text) == 0) {
			instance->mode = modes[i].mode;
			return 0;
		}
	return error_set(err, ERROR_INVALID, 0, "must be 0400, 0440, 0600 or 0640");
}

static const struct key {
	const char *name;
	int (*set)(struct instance *instance, const char *value, struct error *err);
} keys[] = {
	{ "directory", set_directory },
	{ "as", set_object },
	{ "target", set_target },
	{ "owner", set_owner },
	{ "group", set_group },
	{ "mode", set_mode },
};

static int find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int read_line(struct instance *instance, char *line, unsigned *seen, struct error *err)
{
	char *value = strchr(line, '=');
	int key;

	if (!*line || *line == '#')
		return 0;
	if (!value)
		return error_set(err, ERROR_INVALID, 0, "it must be KEY=VALUE");
	*value++ = '\0';
	key = find_key(line);
	if (key < 0)
		return error_set(err, ERROR_INVALID, 0,
			"there is no such key; there are directory, as, target, owner, group and "
			"mode");
	if (*seen & 1u << key)
		return error_set(err, ERROR_INVALID, 0, "'%s' is there twice", keys[key].name);
	*seen |= 1u << key;
	if (strlen(value) > VALUE_MAX)
		return error_set(err, ERROR_INVALID, 0, "'%s' is longer than %zu bytes",
			keys[key].name, VALUE_MAX);
	return keys[key].set(instance, value, err) < 0 ? error_wrap(err, "'%s'", keys[key].name)
						       : 0;
}

int instance_parse(const char *text, struct instance *ret_instance, struct error *err)
{
	_cleanup_(instance_done) struct instance instance = { 0 };
	_cleanup_(freep) char *copy = mem_strdup(text);
	char *rest = copy, *line;
	unsigned seen = 0, number = 0;

	while ((line = strsep(&rest, "\n"))) {
		number++;
		if (read_line(&instance, line, &seen, err) < 0)
			return error_wrap(err, "line %u", number);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!(seen & 1u << i))
			return error_set(err, ERROR_INVALID, 0,
				"the key '%s' is missing; see certferry-install(8)", keys[i].name);
	*ret_instance = instance;
	instance = (struct instance){ 0 };
	return 0;
}

int instance_read(const char *path, struct instance *ret_instance, struct error *err)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;
	int r;

	r = path_open_trusted(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, PATH_OURS, &fd, err);
	if (r < 0)
		return r;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return error_set(err, ERROR_DENIED, 0, "'%s' is not a regular file", path);
	r = file_read_fd(fd, path, INSTANCE_FILE_MAX, &text, err);
	if (r < 0)
		return r;
	if (strlen(text.data) != text.length)
		return error_set(err, ERROR_INVALID, 0, "'%s' holds a byte of zero", path);
	return instance_parse(text.data, ret_instance, err) < 0 ? error_wrap(err, "'%s'", path) : 0;
}

void instance_done(struct instance *instance)
{
	free(take(instance->directory));
	free(take(instance->object));
	free(take(instance->target));
}
