/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failed/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/http/url.h"
#include "lib/os/file.h"
#include "lib/os/path.h"

#define ADDRESS_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+=_-@"
#define ADDRESS_MAX	   ((size_t)254)
#define BYTE_ORDER_MARK	   "\xef\xbb\xbf" /* editors of Windows begin a file with it */
#define URL_MAX		   ((size_t)2048)

void settings_done(struct settings *settings)
{
	settings->mail = strv_free(settings->mail);
	settings->url = strv_free(settings->url);
	free(take(settings->ca_file));
}

static int add(char ***list, const char *value, unsigned line, const char *key, struct error *err)
{
	if (strv_length(*list) >= SETTINGS_EACH_MAX)
		return error_set(err, ERROR_INVALID, 0, "line %u: more than %d lines of '%s'", line, SETTINGS_EACH_MAX,
			key);
	strv_append(list, value);
	return 0;
}

/* What it may hold keeps it one address: no blank, comma, quote, bracket or control character. */
static int set_mail(struct settings *settings, const char *value, unsigned line, struct error *err)
{
	if (!*value || *value == '-' || strlen(value) > ADDRESS_MAX ||
		strspn(value, ADDRESS_CHARACTERS) != strlen(value))
		return error_set(err, ERROR_INVALID, 0,
			"line %u: the value of 'mail' must be one address, such as root or ops@example.com; write a "
			"line for each",
			line);
	return add(&settings->mail, value, line, "mail", err);
}

static int set_url(struct settings *settings, const char *value, unsigned line, struct error *err)
{
	struct url url = { 0 };
	bool good = strncasecmp(value, "https://", 8) == 0 && strlen(value) <= URL_MAX && !strpbrk(value, " \t") &&
		    url_read(value, &url) == 0;

	url_done(&url);
	if (!good)
		return error_set(err, ERROR_INVALID, 0,
			"line %u: the value of 'url' must be a URL that begins with https://", line);
	return add(&settings->url, value, line, "url", err);
}

static int set_ca_file(struct settings *settings, const char *value, unsigned line, struct error *err)
{
	if (*value != '/' || settings->ca_file)
		return error_set(err, ERROR_INVALID, 0,
			"line %u: 'ca_file' must be the absolute path of one file, and can be set once", line);
	settings->ca_file = mem_strdup(value);
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct settings *settings, const char *value, unsigned line, struct error *err);
} keys[] = {
	{ "mail", set_mail },
	{ "url", set_url },
	{ "ca_file", set_ca_file },
};

/* ${text} without blanks at its ends; it is changed. */
static char *trimmed(char *text)
{
	size_t length;

	text += strspn(text, " \t\r");
	for (length = strlen(text); length > 0 && strchr(" \t\r", text[length - 1]); length--)
		text[length - 1] = '\0';
	return text;
}

static int set_line(struct settings *settings, char *text, unsigned line, struct error *err)
{
	char *key = trimmed(text), *value = strchr(key, '=');

	if (!*key || *key == '#')
		return 0;
	if (value) {
		*value++ = '\0';
		key = trimmed(key);
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (strcmp(keys[i].key, key) == 0)
				return keys[i].set(settings, trimmed(value), line, err);
	}
	return error_set(err, ERROR_INVALID, 0, "line %u must be mail=, url= or ca_file= with a value, or begin with #",
		line);
}

int settings_parse(const char *text, struct settings *ret_settings, struct error *err)
{
	_cleanup_(settings_done) struct settings settings = { 0 };
	_cleanup_(freep) char *copy = mem_strdup(text);
	char *rest = copy, *line;
	unsigned number = 0;

	if (strncmp(rest, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		rest += strlen(BYTE_ORDER_MARK);
	while ((line = strsep(&rest, "\n"))) {
		int r = set_line(&settings, line, ++number, err);

		if (r < 0)
			return r;
	}
	*ret_settings = settings;
	settings = (struct settings){ 0 };
	return 0;
}

static int check(int fd, const char *path, uid_t owner, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "'%s'", path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_DENIED, 0, "'%s' is not a regular file", path);
	if (status.st_uid != owner)
		return error_set(err, ERROR_DENIED, 0, "'%s' belongs to user %u: chown %u '%s'", path,
			(unsigned)status.st_uid, (unsigned)owner, path);
	if ((status.st_mode & 07777) != 0600 && (status.st_mode & 07777) != 0400)
		return error_set(err, ERROR_DENIED, 0, "'%s' has mode %04o, and may hold a secret: chmod 0600 '%s'", path,
			(unsigned)(status.st_mode & 07777), path);
	return 0;
}

/* The file for reading, or -1 where there is none. */
static int open_file(const char *path, uid_t owner, int *ret_fd, struct error *err)
{
	_cleanup_(error_done) struct error failure = ERROR_NULL;
	/* Without waiting for who writes into it, should it be a pipe. */
	int r = path_open(AT_FDCWD, "", path, O_RDONLY | O_NOCTTY | O_NONBLOCK, PATH_OURS, ret_fd, &failure);

	if (r == 0)
		return 0;
	if (failure.kind == ERROR_ABSENT) {
		*ret_fd = -1;
		return 0;
	}
	/* Without the capabilities that it mostly has, root is kept from the files of others. */
	if (failure.code == EACCES)
		return error_set(err, ERROR_DENIED, EACCES, "'%s' may not be read: chown %u '%s' && chmod 0600 '%s'",
			path, (unsigned)owner, path, path);
	error_move(err, &failure);
	return r;
}

int settings_read(const char *path, uid_t owner, struct settings *ret_settings, struct error *err)
{
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	_cleanup_(fd_closep) int fd = -1;
	int r;

	r = open_file(path, owner, &fd, err);
	if (r == 0 && fd < 0)
		*ret_settings = (struct settings){ 0 };
	if (r < 0 || fd < 0)
		return r;
	r = check(fd, path, owner, err);
	if (r == 0)
		r = file_read_fd(fd, path, SETTINGS_MAX, &content, err);
	if (r < 0)
		return r;
	if (strlen(content.data) != content.length)
		return error_set(err, ERROR_INVALID, 0, "'%s' holds a NUL byte", path);
	r = settings_parse(content.data, ret_settings, err);
	return r < 0 ? error_wrap(err, "'%s'", path) : 0;
}
