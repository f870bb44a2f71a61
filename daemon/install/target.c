/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/install/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/os/path.h"

#define DATA           "..data"
#define DIRECTORY_MODE 0755 /* names are no secrets, and the owner must get through */
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static const char *const files[] = { PAIR_CERTIFICATES, PAIR_KEY };

/* "..", a version, "-" and 8 hex digits. */
static bool is_ours(const char *name)
{
	const char *digits = "0123456789abcdef";

	return strlen(name) == 2 + PAIR_VERSION_SIZE + 8 && strncmp(name, "..", 2) == 0 &&
	       strspn(name + 2, digits) == PAIR_VERSION_SIZE - 1 &&
	       name[2 + PAIR_VERSION_SIZE - 1] == '-' &&
	       strspn(name + 2 + PAIR_VERSION_SIZE, digits) == 8;
}

/* --- TARGET --- */

/* The directory that TARGET lies in, which only root can write to, as all above it. */
static int open_parent(const char *path, const char **ret_name, int *ret_fd, struct error *err)
{
	const char *name = strrchr(path, '/') + 1;
	_cleanup_(freep) char *parent = name == path + 1
						? mem_strdup("/")
						: mem_strndup(path, (size_t)(name - path - 1));

	*ret_name = name;
	return path_open_trusted(parent, O_RDONLY | O_DIRECTORY, PATH_OURS, ret_fd, err);
}

static int open_directory(const char *path, int *ret_fd, struct error *err)
{
	_cleanup_(fd_closep) int parent = -1;
	_cleanup_(fd_closep) int fd = -1;
	const char *name;
	struct stat status;
	int r;

	r = open_parent(path, &name, &parent, err);
	if (r < 0)
		return r;
	r = directory_make(parent, name, DIRECTORY_MODE);
	if (r < 0 && r != -EEXIST)
		return error_set_errno(err, r, "make the directory");
	fd = openat(parent, name, OPEN_DIRECTORY);
	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "open the directory");
	if (!path_is_safe(&status, PATH_OURS))
		return error_set(err, ERROR_DENIED, 0,
			"others than root own it or can write to it (user %u, mode %04o)",
			(unsigned)status.st_uid, (unsigned)(status.st_mode & 07777));
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* --- the links --- */

/* What the link ${name} says, NULL where there is none. */
static int read_link(int directory, const char *name, char **ret_says, struct error *err)
{
	char says[PATH_MAX];
	ssize_t length = readlinkat(directory, name, says, sizeof(says));

	if (length < 0 && errno == EINVAL)
		return error_set(err, ERROR_CONFLICT, EEXIST,
			"'%s' is not a link; move it away, or choose another target", name);
	if (length < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "read the link '%s'", name);
	*ret_says = length < 0 ? NULL : mem_strndup(says, (size_t)length);
	return 0;
}

static int foreign(const char *name, const char *says, struct error *err)
{
	return error_set(err, ERROR_CONFLICT, EEXIST,
		"the link '%s' leads to '%.200s', where certferry-install never lets it lead; "
		"remove it, "
		"or choose another target",
		name, says);
}

static char *file_says(const char *file)
{
	return mem_printf(DATA "/%s", file);
}

/* Nothing is begun where something else is in the way of one of the links. */
static int check_links(struct target *target, struct error *err)
{
	int r;

	r = read_link(target->fd, DATA, &target->before, err);
	if (r == 0 && target->before && !is_ours(target->before))
		r = foreign(DATA, target->before, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		_cleanup_(freep) char *says = NULL, *wanted = file_says(files[i]);

		r = read_link(target->fd, files[i], &says, err);
		if (r == 0 && says && strcmp(says, wanted) != 0)
			r = foreign(files[i], says, err);
	}
	return r;
}

/* Those that are there say so already; link_put() would make them anew for nothing. */
static int make_file_links(const struct target *target, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(freep) char *says = file_says(files[i]);

		if (symlinkat(says, target->fd, files[i]) < 0 && errno != EEXIST)
			return error_set_errno(err, errno, "make the link '%s'", files[i]);
	}
	return 0;
}

static int switch_links(const struct target *target, const char *name, struct error *err)
{
	int r;

	r = link_replace(target->fd, DATA, name, err);
	if (r == 0)
		r = make_file_links(target, err);
	if (r == 0 && fsync(target->fd) < 0)
		r = error_set_errno(err, errno, "fsync");
	return r;
}

/* --- the files --- */

/* The owner comes last: root may not change the mode of a file that is not its own (the sandbox has
 * no CAP_FOWNER), and until the directory is opened to all, the owner cannot reach it. */
static int write_file(const struct instance *instance, int directory, const char *name,
	const char *data, size_t size, struct error *err)
{
	_cleanup_(fd_closep) int fd = openat(
		directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return error_set_errno(err, errno, "create '%s'", name);
	r = file_write_fd(fd, data, size);
	if (r == 0 && fchmod(fd, instance->mode) < 0)
		r = -errno;
	if (r == 0 && fchown(fd, instance->owner, instance->group) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? error_set_errno(err, r, "write '%s'", name) : 0;
}

static int write_pair(
	const struct instance *instance, const struct pair *pair, int directory, struct error *err)
{
	int r;

	r = write_file(instance, directory, PAIR_CERTIFICATES, pair->certificates.data,
		pair->certificates.length, err);
	if (r == 0)
		r = write_file(instance, directory, PAIR_KEY, secret_borrow(pair->key),
			secret_length(pair->key), err);
	if (r == 0 && (fchmod(directory, DIRECTORY_MODE) < 0 || fsync(directory) < 0))
		r = error_set_errno(err, errno, "finish the directory of the new files");
	return r;
}

static int write_version(const struct instance *instance, const struct pair *pair, int target,
	const char *name, struct error *err)
{
	_cleanup_(fd_closep) int directory = -1;

	if (mkdirat(target, name, 0700) < 0)
		return error_set_errno(err, errno, "make '%s'", name);
	directory = openat(target, name, OPEN_DIRECTORY);
	if (directory < 0)
		return error_set_errno(err, errno, "open '%s'", name);
	return write_pair(instance, pair, directory, err);
}

/* --- what is left of others --- */

static void remove_version(int target, const char *name)
{
	_cleanup_(fd_closep) int directory = openat(target, name, OPEN_DIRECTORY);

	for (size_t i = 0; directory >= 0 && i < ARRAY_SIZE(files); i++)
		(void)unlinkat(directory, files[i], 0);
	(void)unlinkat(target, name, AT_REMOVEDIR);
}

/* What fails of it is there to be removed the next time. */
static void remove_older(const struct target *target, const char *name)
{
	int fd = openat(target->fd, ".", OPEN_DIRECTORY);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		fd_close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(stream));)
		if (is_ours(entry->d_name) && strcmp(entry->d_name, name) != 0 &&
			(!target->before || strcmp(entry->d_name, target->before) != 0))
			remove_version(target->fd, entry->d_name);
	(void)closedir(stream);
}

int target_open(const struct instance *instance, struct target *target, struct error *err)
{
	int r;

	r = open_directory(instance->target, &target->fd, err);
	if (r == 0)
		r = check_links(target, err);
	return r < 0 ? error_wrap(err, "target '%s'", instance->target) : 0;
}

int target_install(const struct instance *instance, const struct target *target,
	const struct pair *pair, struct error *err)
{
	_cleanup_(freep) char *name = mem_printf(
		"..%s-%08x", pair->version, (unsigned)random_below(UINT32_MAX));
	int r;

	r = write_version(instance, pair, target->fd, name, err);
	if (r < 0)
		remove_version(target->fd, name);
	/* Where it fails here ..data may lead to it already; if not, the next run removes it. */
	if (r == 0)
		r = switch_links(target, name, err);
	if (r == 0)
		remove_older(target, name);
	return r < 0 ? error_wrap(err, "target '%s'", instance->target) : 0;
}

void target_done(struct target *target)
{
	target->fd = fd_close(target->fd);
	free(take(target->before));
}
