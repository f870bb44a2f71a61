/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/schema.h"
#include "daemon/config/text.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"

/* Who can write the configuration can have keys sent anywhere, and units restarted. */
static bool is_trusted(
	const char *path, const struct stat *status, struct config_problems *problems)
{
	const char *kind = S_ISDIR(status->st_mode) ? "directory" : "file";

	if (status->st_uid != 0 && status->st_uid != geteuid())
		problem_add_file(problems, path,
			"the %s belongs to user %u, who could change it; make it root's: chown "
			"root '%s'",
			kind, (unsigned)status->st_uid, path);
	else if ((status->st_mode & S_IWOTH) ||
		 ((status->st_mode & S_IWGRP) && status->st_gid != 0))
		problem_add_file(problems, path,
			"others than root could change the %s (mode %04o); take that away: chmod "
			"go-w '%s'",
			kind, (unsigned)(status->st_mode & 07777), path);
	else
		return true;
	return false;
}

static int read_all(int fd, struct buf *content)
{
	char block[16384];

	/* One byte beyond the limit is enough for the YAML layer to refuse it. */
	while (content->length <= YAML_SIZE_MAX) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		buf_append(content, block, (size_t)n);
	}
	return 0;
}

void files_add(struct config_files *files, const char *path, const char *text, size_t length,
	struct config_problems *problems)
{
	struct yaml_document *document = yaml_parse(path, text, length);

	problem_add_document(problems, document);
	files->incomplete |= document->problem_count > 0;
	files->documents = mem_resize(
		files->documents, files->count + 1, sizeof(*files->documents));
	files->documents[files->count++] = document;
}

/* Judged and read by the same descriptor, so that nobody can put another file in between. */
static bool read_trusted(const char *path, struct buf *content, struct config_problems *problems)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	int r;

	if (fd < 0 && errno == ENOENT) {
		problem_add_file(problems, path,
			"there is no such file; write it (every key is in "
			"/usr/share/doc/certferry/certferry.yaml), or name another with --config "
			"FILE");
		return false;
	}
	if (fd < 0 || fstat(fd, &status) < 0) {
		problem_add_file(problems, path,
			"cannot be opened: %s; the daemon's user must be able to read it",
			strerror(errno));
		return false;
	}
	if (!S_ISREG(status.st_mode)) {
		problem_add_file(problems, path, "is not a regular file; name the file itself");
		return false;
	}
	if (!is_trusted(path, &status, problems))
		return false;
	r = read_all(fd, content);
	if (r < 0)
		problem_add_file(problems, path, "cannot be read: %s", strerror(-r));
	return r == 0;
}

void files_read(struct config_files *files, const char *path, struct config_problems *problems)
{
	_cleanup_(buf_done) struct buf content = BUF_NULL;

	if (read_trusted(path, &content, problems))
		files_add(files, path, content.data, content.length, problems);
	else
		files->incomplete = true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static void read_drop_ins(struct config_files *files, DIR *stream, const char *directory,
	struct config_problems *problems)
{
	_cleanup_(strv_freep) char **names = NULL;
	const struct dirent *entry;

	while ((entry = readdir(stream))) {
		_cleanup_(freep) char *path = mem_printf("%s/%s", directory, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (ends_with(entry->d_name, ".yaml"))
			strv_append(&names, entry->d_name);
		else if (ends_with(entry->d_name, ".yml"))
			problem_add_file(
				problems, path, "would not be read; its name must end in .yaml");
	}
	if (names)
		qsort(names, strv_length(names), sizeof(*names), compare_names);
	STRV_FOREACH(name, names)
	{
		_cleanup_(freep) char *path = mem_printf("%s/%s", directory, *name);

		files_read(files, path, problems);
	}
}

/* An open directory that can be trusted, or NULL; one that is missing is no problem. */
static DIR *open_trusted(
	struct config_files *files, const char *directory, struct config_problems *problems)
{
	DIR *stream = opendir(directory);
	struct stat status;

	if (!stream && errno == ENOENT)
		return NULL;
	if (!stream)
		problem_add_file(
			problems, directory, "the directory cannot be read: %s", strerror(errno));
	else if (fstat(dirfd(stream), &status) == 0 && is_trusted(directory, &status, problems))
		return stream;
	files->incomplete = true;
	if (stream)
		closedir(stream);
	return NULL;
}

void files_read_directory(
	struct config_files *files, const char *directory, struct config_problems *problems)
{
	_cleanup_(freep) char *path = mem_printf("%s/certferry.yaml", directory);
	_cleanup_(freep) char *drop_ins = mem_printf("%s/conf.d", directory);
	DIR *stream = open_trusted(files, directory, problems);

	if (stream)
		closedir(stream);
	files_read(files, path, problems);
	stream = open_trusted(files, drop_ins, problems);
	if (stream) {
		read_drop_ins(files, stream, drop_ins, problems);
		closedir(stream);
	}
}

static void refuse_second(struct config_problems *problems, const struct yaml_node *second,
	const struct yaml_node *first)
{
	_cleanup_(freep) char *key = text_quote(second->key->text);

	problem_add(problems, second->key, "%s is set twice, first at %s:%u:%u; keep one of them",
		key, first->key->file, first->key->line, first->key->column);
}

/* Moves the items of ${from} behind those of ${to}. */
static void move_items(struct yaml_node *to, struct yaml_node *from)
{
	for (size_t i = 0; i < from->count; i++)
		yaml_node_add(to, from->items[i]);
	from->count = 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct yaml_node *x = *(struct yaml_node *const *)a;
	const struct yaml_node *y = *(struct yaml_node *const *)b;

	return strcmp(x->key->text, y->key->text);
}

/* The order of the files was kept so far; merging by a stable sort keeps the first one first. */
static int compare_items_placed(const void *a, const void *b)
{
	const struct yaml_node *x = *(struct yaml_node *const *)a;
	const struct yaml_node *y = *(struct yaml_node *const *)b;
	int r = compare_items(a, b);

	if (!r)
		r = strcmp(x->file, y->file);
	if (!r)
		r = x->line < y->line ? -1 : x->line > y->line;
	return r;
}

/* Sorts the names of ${map} and keeps of each the first; what the YAML layer refused goes too. */
static void sort_names(struct yaml_node *map, struct config_problems *problems)
{
	size_t kept = 0;

	if (map->count)
		qsort(map->items, map->count, sizeof(*map->items), compare_items_placed);
	for (size_t i = 0; i < map->count; i++) {
		struct yaml_node *item = map->items[i];

		if (item->type != YAML_REFUSED && kept &&
			compare_items(&map->items[kept - 1], &item) == 0) {
			refuse_second(problems, item, map->items[kept - 1]);
			yaml_node_free(item);
		} else if (item->type == YAML_REFUSED) {
			yaml_node_free(item);
		} else {
			map->items[kept++] = item;
		}
	}
	map->count = kept;
}

/* A second file may add to a map of the first, but never set again what that has set. */
static void unite_item(
	struct yaml_node *root, struct yaml_node *item, struct config_problems *problems)
{
	const struct schema_row *row = schema_find(&schema_root, item->key->text, 0);
	struct yaml_node *first = row ? yaml_find(root, item->key->text) : NULL;

	if (!first || item->type == YAML_REFUSED) {
		yaml_node_add(root, item);
		return;
	}
	if (first->type == YAML_MAP && item->type == YAML_MAP)
		move_items(first, item);
	else if (first->type != YAML_REFUSED)
		refuse_second(problems, item, first);
	yaml_node_free(item);
}

void files_unite(struct config_files *files, struct config_problems *problems)
{
	const char *name = files->count ? files->documents[0]->file : "certferry.yaml";

	files->root = yaml_node_new(YAML_MAP, name, 1, 1);
	for (size_t i = 0; i < files->count; i++) {
		struct yaml_node *from = files->documents[i]->root;

		if (from && from->type != YAML_MAP) {
			problem_add(problems, from,
				"a map of keys is needed here; write 'KEY: VALUE' lines");
			files->incomplete = true;
			continue;
		}
		for (size_t j = 0; from && j < from->count; j++)
			unite_item(files->root, from->items[j], problems);
		if (from)
			from->count = 0;
	}
	for (size_t i = 0; i < files->root->count; i++) {
		struct yaml_node *item = files->root->items[i];

		if (item->type == YAML_MAP)
			sort_names(item, problems);
	}
}

void files_done(struct config_files *files)
{
	yaml_node_free(files->root);
	for (size_t i = 0; i < files->count; i++)
		yaml_document_free(files->documents[i]);
	free(files->documents);
	*files = CONFIG_FILES_NULL;
}
