/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/profile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "lib/os/path.h"
#include "lib/pki/secret.h"

#define FILE_MAX ((size_t)1 << 20)

/* section is "profile NAME" or "services NAME", whatever the file called it. */
struct entry {
	char *section, *key, *value;
	unsigned line;
	bool credentials_file;
};

struct profiles {
	char *config_path, *credentials_path;
	struct entry *entries;
	size_t count;
};

/* The file's text, a line at a time; a key's indentation tells a nested key from the next one. */
struct parser {
	const char *path, *line, *end;
	size_t length; /* of the line, blanks at its end excluded */
	size_t indent;
	unsigned number;
	char *section, *outer;
	size_t outer_indent;
	char **sections, **keys; /* seen: in the file, and in the section */
	profile_item_fn each;
	void *userdata;
};

static int parser_fail(const struct parser *parser, struct error *err, const char *what)
{
	return error_set(err, ERROR_INVALID, 0, "%s:%u: %s", parser->path, parser->number, what);
}

/* Moves to the next line; false at the end. */
static bool parser_next(struct parser *parser, const char **rest)
{
	size_t left = (size_t)(parser->end - *rest);
	const char *newline;

	if (left == 0)
		return false;
	newline = memchr(*rest, '\n', left);
	parser->line = *rest;
	parser->length = newline ? (size_t)(newline - *rest) : left;
	*rest += parser->length + (newline ? 1 : 0);
	parser->number++;
	while (parser->length && strchr(" \t\r", parser->line[parser->length - 1]))
		parser->length--;
	for (parser->indent = 0; parser->indent < parser->length; parser->indent++)
		if (!strchr(" \t", parser->line[parser->indent]))
			break;
	parser->line += parser->indent;
	parser->length -= parser->indent;
	return true;
}

/* Of two that are the same, either could be meant. */
static int parser_add(struct parser *parser, char ***seen, const char *name, struct error *err)
{
	if (strv_has(*seen, name))
		return error_set(err, ERROR_INVALID, 0, "%s:%u: '%s' is there twice", parser->path,
			parser->number, name);
	strv_append(seen, name);
	return 0;
}

static int parse_section(struct parser *parser, struct error *err)
{
	const char *close = memrchr(parser->line, ']', parser->length);
	struct profile_item item = { .key = "", .value = "", .line = parser->number };

	if (!close)
		return parser_fail(parser, err, "a section without its ']'");
	free(parser->section);
	parser->section = mem_strndup(parser->line + 1, (size_t)(close - parser->line) - 1);
	free(parser->outer);
	parser->outer = NULL;
	parser->keys = strv_free(parser->keys);
	if (parser_add(parser, &parser->sections, parser->section, err) < 0)
		return -EINVAL;
	item.section = parser->section;
	return parser->each(parser->userdata, &item, err);
}

static size_t key_length(const struct parser *parser)
{
	size_t length = 0;

	while (length < parser->length && parser->line[length] != '=' &&
		parser->line[length] != ':')
		length++;
	return length;
}

static char *key_copy(const char *text, size_t length)
{
	char *key;

	while (length && strchr(" \t", text[length - 1]))
		length--;
	key = mem_strndup(text, length);
	for (char *c = key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return key;
}

static int parse_item(struct parser *parser, struct error *err)
{
	bool nested = parser->outer && parser->indent > parser->outer_indent;
	_cleanup_(freep) char *key = NULL, *full = NULL;
	struct profile_item item = { .section = parser->section, .line = parser->number };
	size_t length = key_length(parser);

	if (!parser->section)
		return parser_fail(parser, err, "a key before the first section");
	if (length == parser->length)
		/* A value over several lines: nothing that is read here has one. */
		return nested ? 0 : parser_fail(parser, err, "neither a section nor 'key = value'");
	key = key_copy(parser->line, length);
	if (!*key)
		return parser_fail(parser, err, "a value without a key");
	for (length++; length < parser->length && strchr(" \t", parser->line[length]);)
		length++;
	item.value = parser->line + length;
	item.value_length = parser->length - length;
	full = nested ? mem_printf("%s.%s", parser->outer, key) : mem_strdup(key);
	item.key = full;
	if (!nested) {
		if (parser_add(parser, &parser->keys, key, err) < 0)
			return -EINVAL;
		free(parser->outer);
		parser->outer = take(key);
		parser->outer_indent = parser->indent;
	}
	return parser->each(parser->userdata, &item, err);
}

int profile_parse(const char *path, const char *text, size_t length, profile_item_fn each,
	void *userdata, struct error *err)
{
	struct parser parser = {
		.path = path, .end = text + length, .each = each, .userdata = userdata
	};
	int r = 0;

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (r >= 0 && parser_next(&parser, &text)) {
		if (memchr(parser.line, '\0', parser.length))
			r = parser_fail(&parser, err, "a NUL byte: this is not a text file");
		else if (parser.length == 0 || *parser.line == '#' || *parser.line == ';')
			continue;
		else if (*parser.line == '[')
			r = parse_section(&parser, err);
		else
			r = parse_item(&parser, err);
	}
	free(parser.section);
	free(parser.outer);
	strv_free(parser.sections);
	strv_free(parser.keys);
	return r < 0 ? r : 0;
}

/* "profile NAME" of the section "WORD NAME" or "WORD "NAME"", if its first word is ${word}. */
static char *named_section(const char *section, const char *word)
{
	size_t length = strlen(word);
	const char *name = section + strspn(section, " \t");
	const char *end;

	if (strncmp(name, word, length) != 0 || !name[length] || !strchr(" \t", name[length]))
		return NULL;
	name += length;
	name += strspn(name, " \t");
	end = name + strlen(name);
	while (end > name && strchr(" \t", end[-1]))
		end--;
	if (end - name >= 2 && (*name == '"' || *name == '\'') && end[-1] == *name) {
		name++;
		end--;
	}
	return end > name ? mem_strndup(name, (size_t)(end - name)) : NULL;
}

char *profile_section(const char *section, bool credentials_file)
{
	const char *name = section + strspn(section, " \t");

	if (strncmp(name, "default", 7) == 0 && name[7 + strspn(name + 7, " \t")] == '\0')
		return mem_strdup("default");
	return credentials_file ? mem_strdup(section) : named_section(section, "profile");
}

static bool is_secret(const char *key)
{
	return strcmp(key, "aws_secret_access_key") == 0 || strcmp(key, "aws_session_token") == 0 ||
	       strcmp(key, "aws_security_token") == 0;
}

struct collecting {
	struct profiles *profiles;
	bool credentials_file;
};

static int collect(void *userdata, const struct profile_item *item, struct error *err)
{
	const struct collecting *collecting = userdata;
	struct profiles *profiles = collecting->profiles;
	_cleanup_(freep) char *profile = profile_section(
		item->section, collecting->credentials_file);
	_cleanup_(freep) char *services = named_section(item->section, "services");
	struct entry *entry;

	/* An empty profile is one; empty services are none, as in botocore. */
	if (!profile && (!services || !*item->key))
		return 0;
	profiles->entries = mem_resize(
		profiles->entries, profiles->count + 1, sizeof(profiles->entries[0]));
	entry = &profiles->entries[profiles->count++];
	*entry = (struct entry){
		.section = profile ? mem_printf("profile %s", profile)
				   : mem_printf("services %s", services),
		.key = mem_strdup(item->key),
		.value = mem_strndup(item->value, is_secret(item->key) ? 0 : item->value_length),
		.line = item->line,
		.credentials_file = collecting->credentials_file,
	};
	return 0;
}

/* 1: there is something to read. */
static int profile_file_open(const char *path, int *ret_fd, struct error *err)
{
	struct stat status;
	int r;

	/* It may say which program is run. */
	r = path_open_trusted(path, O_RDONLY | O_NOCTTY, PATH_NOT_EVERYBODY, ret_fd, err);
	if (r < 0)
		return r;
	if (fstat(*ret_fd, &status) == 0 && status.st_size == 0 && !S_ISFIFO(status.st_mode))
		return 0;
	return 1;
}

int profile_file_read(const char *path, struct secret **ret_content, struct error *err)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	_cleanup_(fd_closep) int fd = -1;
	struct secret *content = NULL;
	int r = path ? profile_file_open(path, &fd, &problem) : 0;

	if (r > 0)
		r = secret_read_open(fd, path, FILE_MAX, &content, &problem);
	if (r == 0 || r == -ENOENT) {
		*ret_content = content;
		return 0;
	}
	if (problem.kind != ERROR_RETRY)
		problem.kind = ERROR_INVALID;
	r = error_result(&problem);
	if (err)
		error_move(err, &problem);
	return r;
}

static int profiles_read(struct profiles *profiles, bool credentials_file, struct error *err)
{
	const char *path = profiles_path(profiles, credentials_file);
	_cleanup_(secret_freep) struct secret *content = NULL;
	struct collecting collecting = { profiles, credentials_file };
	int r;

	r = profile_file_read(path, &content, err);
	if (r < 0 || !content)
		return r;
	return profile_parse(
		path, secret_borrow(content), secret_length(content), collect, &collecting, err);
}

int profiles_load(const char *config_path, const char *credentials_path,
	struct profiles **ret_profiles, struct error *err)
{
	_cleanup_(profiles_freep) struct profiles *profiles = mem_new(struct profiles);
	int r;

	profiles->config_path = mem_strdup(config_path);
	profiles->credentials_path = mem_strdup(credentials_path);
	r = profiles_read(profiles, false, err);
	if (r < 0)
		return r;
	r = profiles_read(profiles, true, err);
	if (r < 0)
		return r;
	*ret_profiles = take(profiles);
	return 0;
}

enum { IN_CONFIG = 1, IN_CREDENTIALS = 2 };

/* The last one counts: the credentials file is read last. */
static const struct entry *entry_find_in(const struct profiles *profiles, unsigned files,
	const char *kind, const char *name, const char *key)
{
	_cleanup_(freep) char *section = mem_printf("%s %s", kind, name);

	for (size_t i = profiles->count; i > 0; i--) {
		const struct entry *entry = &profiles->entries[i - 1];

		if ((files & (entry->credentials_file ? IN_CREDENTIALS : IN_CONFIG)) &&
			strcmp(entry->section, section) == 0 &&
			(!key || strcmp(entry->key, key) == 0))
			return entry;
	}
	return NULL;
}

static const struct entry *entry_find(
	const struct profiles *profiles, const char *kind, const char *name, const char *key)
{
	return entry_find_in(profiles, IN_CONFIG | IN_CREDENTIALS, kind, name, key);
}

bool profile_exists(const struct profiles *profiles, const char *profile)
{
	return entry_find(profiles, "profile", profile, NULL);
}

const char *profile_get(const struct profiles *profiles, const char *profile, const char *key)
{
	const struct entry *entry = entry_find(profiles, "profile", profile, key);

	return entry ? entry->value : NULL;
}

bool profile_has(const struct profiles *profiles, bool credentials_file, const char *profile,
	const char *key)
{
	return entry_find_in(profiles, credentials_file ? IN_CREDENTIALS : IN_CONFIG, "profile",
		profile, key);
}

const char *profile_get_service(
	const struct profiles *profiles, const char *section, const char *key)
{
	const struct entry *entry = entry_find(profiles, "services", section, key);

	return entry ? entry->value : NULL;
}

static char *entry_where(const struct profiles *profiles, const struct entry *entry)
{
	if (!entry)
		return mem_strdup("?");
	return mem_printf("%s:%u", profiles_path(profiles, entry->credentials_file), entry->line);
}

char *profile_where(const struct profiles *profiles, const char *profile, const char *key)
{
	return entry_where(profiles, entry_find(profiles, "profile", profile, key));
}

char *profile_where_service(const struct profiles *profiles, const char *section, const char *key)
{
	return entry_where(profiles, entry_find(profiles, "services", section, key));
}

char **profiles_values(const struct profiles *profiles, const char *key)
{
	char **values = NULL;

	for (size_t i = 0; i < profiles->count; i++)
		if (strcmp(profiles->entries[i].key, key) == 0 &&
			strncmp(profiles->entries[i].section, "profile ", 8) == 0)
			strv_append(&values, profiles->entries[i].value);
	return values;
}

const char *profiles_path(const struct profiles *profiles, bool credentials_file)
{
	return credentials_file ? profiles->credentials_path : profiles->config_path;
}

struct profiles *profiles_free(struct profiles *profiles)
{
	if (!profiles)
		return NULL;
	for (size_t i = 0; i < profiles->count; i++) {
		free(profiles->entries[i].section);
		free(profiles->entries[i].key);
		free(profiles->entries[i].value);
	}
	free(profiles->entries);
	free(profiles->config_path);
	free(profiles->credentials_path);
	free(profiles);
	return NULL;
}
