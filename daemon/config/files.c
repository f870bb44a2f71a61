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
#include "lib/os/path.h"

/* Who can write the configuration can have keys sent anywhere, and units restarted. */
static bool is_trusted(
	const char *path, const struct stat *status, struct config_problems *problems)
{
	const char *kind = S_ISDIR(status->st_mode) ? "directory" : "file";

	if (status->st_uid != 0 && status->st_uid != geteuid())
		problem_add_file(problems, path,
			"the %s belongs to user %u, who could change it; change its owner: chown "
			"root '%s'",
			kind, (unsigned)status->st_uid, path);
	else if ((status->st_mode & S_IWOTH) ||
		 ((status->st_mode & S_IWGRP) && status->st_gid != 0))
		problem_add_file(problems, path,
			"users other than root could change the %s (mode %04o); remove that permission: chmod "
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

/* A directory of the configuration, open; files are reached from it and by no other way. */
struct folder {
	int fd; /* AT_FDCWD: paths are taken as they are */
	const char *path; /* "" for AT_FDCWD */
};

static char *folder_path(const struct folder *folder, const char *name)
{
	return *folder->path ? mem_printf("%s/%s", folder->path, name) : mem_strdup(name);
}

/* 0, or the negative errno; 1: the way there cannot be trusted, which is among ${problems} then. */
static int open_judged(const struct folder *folder, const char *name, int flags, int *ret_fd,
	struct config_problems *problems)
{
	_cleanup_(freep) char *path = folder_path(folder, name);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (path_open(folder->fd, folder->path, name, flags, PATH_OURS, ret_fd, &err) == 0)
		return 0;
	if (err.code != 0)
		return -err.code;
	problem_add_file(problems, path, "%s", err.text);
	return 1;
}

/* Judged and read by the same descriptor, so that nobody can put another file in between. */
static bool read_trusted(const struct folder *folder, const char *name, const char *path, struct buf *content,
	struct config_problems *problems)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;
	int r = open_judged(folder, name, O_RDONLY | O_NOCTTY | O_NONBLOCK, &fd, problems);

	if (r > 0)
		return false;
	if (r == 0 && fstat(fd, &status) < 0)
		r = -errno;
	if (r == -ENOENT) {
		problem_add_file(problems, path,
			"the file does not exist; create it (every key is in "
			"/usr/share/doc/certferry/certferry.yaml), or name another with --config "
			"FILE");
		return false;
	}
	if (r < 0) {
		problem_add_file(problems, path,
			"cannot be opened: %s; the daemon's user must be able to read it", strerror(-r));
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

static void read_file(struct config_files *files, const struct folder *folder, const char *name,
	struct config_problems *problems)
{
	_cleanup_(freep) char *path = folder_path(folder, name);
	_cleanup_(buf_done) struct buf content = BUF_NULL;

	if (read_trusted(folder, name, path, &content, problems))
		files_add(files, path, content.data, content.length, problems);
	else
		files->incomplete = true;
}

void files_read(struct config_files *files, const char *path, struct config_problems *problems)
{
	read_file(files, &(struct folder){ AT_FDCWD, "" }, path, problems);
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

static char **drop_in_names(const struct folder *folder, struct config_problems *problems)
{
	int fd = fcntl(folder->fd, F_DUPFD_CLOEXEC, 3);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char **names = NULL;

	if (!stream)
		fd_close(fd);
	while (stream && (entry = readdir(stream))) {
		_cleanup_(freep) char *path = folder_path(folder, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (ends_with(entry->d_name, ".yaml"))
			strv_append(&names, entry->d_name);
		else if (ends_with(entry->d_name, ".yml"))
			problem_add_file(
				problems, path, "is ignored; its name must end in .yaml");
	}
	if (stream)
		(void)closedir(stream);
	if (names)
		qsort(names, strv_length(names), sizeof(*names), compare_names);
	return names;
}

static void read_drop_ins(struct config_files *files, const struct folder *folder, struct config_problems *problems)
{
	_cleanup_(strv_freep) char **names = drop_in_names(folder, problems);

	STRV_FOREACH(name, names)
		read_file(files, folder, *name, problems);
}

/* Opens what can be trusted; -1 otherwise: one that is missing is no problem. */
static int open_folder(struct config_files *files, const struct folder *above, const char *name,
	struct config_problems *problems)
{
	_cleanup_(freep) char *path = folder_path(above, name);
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;
	int r = open_judged(above, name, O_RDONLY | O_DIRECTORY, &fd, problems);

	if (r == -ENOENT)
		return -1;
	if (r == 0 && fstat(fd, &status) < 0)
		r = -errno;
	if (r < 0)
		problem_add_file(problems, path, "the directory cannot be read: %s", strerror(-r));
	if (r != 0 || !is_trusted(path, &status, problems)) {
		files->incomplete = true;
		return -1;
	}
	r = fd;
	fd = -1;
	return r;
}

void files_read_directory(
	struct config_files *files, const char *directory, struct config_problems *problems)
{
	const struct folder nowhere = { AT_FDCWD, "" };
	_cleanup_(fd_closep) int fd = -1, drop_ins = -1;
	struct folder folder, below;

	fd = open_folder(files, &nowhere, directory, problems);
	if (fd < 0) {
		if (!files->incomplete) {
			_cleanup_(freep) char *path = mem_printf("%s/certferry.yaml", directory);

			files_read(files, path, problems);
		}
		return;
	}
	folder = (struct folder){ fd, directory };
	read_file(files, &folder, "certferry.yaml", problems);
	drop_ins = open_folder(files, &folder, "conf.d", problems);
	if (drop_ins >= 0) {
		_cleanup_(freep) char *path = folder_path(&folder, "conf.d");

		below = (struct folder){ drop_ins, path };
		read_drop_ins(files, &below, problems);
	}
}

static void refuse_second(struct config_problems *problems, const struct yaml_node *second,
	const struct yaml_node *first)
{
	_cleanup_(freep) char *key = text_quote(second->key->text);

	problem_add(problems, second->key, "%s is set twice, first at %s:%u:%u; remove one",
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
				"expected a map of keys; write 'KEY: VALUE' lines");
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
