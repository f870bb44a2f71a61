/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/install/pair.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/os/file.h"
#include "lib/os/path.h"
#include "lib/pki/key.h"

#define DATA     "..data"
#define VERSIONS ".versions"

/* What lies below ${root}, reached through nothing that could lead elsewhere.  With O_NONBLOCK it
 * waits neither for who writes to a FIFO nor for who holds a lease. */
static int open_beneath(int root, const char *path, uint64_t flags, int *ret_fd, struct error *err)
{
	const struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd >= 0) {
		*ret_fd = (int)fd;
		return 0;
	}
	if (errno == ELOOP)
		return error_set(err, ERROR_DENIED, ELOOP,
			"'%s' leads through a symbolic link; certferryd makes none there", path);
	if (errno == EXDEV)
		return error_set(err, ERROR_DENIED, EXDEV,
			"'%s' leads to another file system or out of the directory", path);
	return error_set_errno(err, errno, "open '%s'", path);
}

/* ../ for each step of ${object}, .versions/, ${object} and a slash. */
static char *data_prefix(const char *object)
{
	struct buf prefix = BUF_NULL;

	buf_append_string(&prefix, "../");
	for (const char *c = object; *c; c++)
		if (*c == '/')
			buf_append_string(&prefix, "../");
	buf_append_string(&prefix, VERSIONS "/");
	buf_append_string(&prefix, object);
	buf_append_char(&prefix, '/');
	return buf_take(&prefix);
}

/* The version that ${object} shows: the text of a link, of which one form alone is believed. */
static int find_version(
	int root, const char *object, char ret_version[static PAIR_VERSION_SIZE], struct error *err)
{
	_cleanup_(freep) char *prefix = data_prefix(object);
	_cleanup_(fd_closep) int shown = -1;
	char says[PATH_MAX];
	ssize_t length;
	int r;

	r = open_beneath(root, object, O_PATH | O_DIRECTORY, &shown, err);
	if (r < 0)
		return r;
	length = readlinkat(shown, DATA, says, sizeof(says) - 1);
	if (length < 0)
		return error_set_errno(err, errno, "read the link '%s/" DATA "'", object);
	says[length] = '\0';
	if ((size_t)length != strlen(prefix) + PAIR_VERSION_SIZE - 1 ||
		strncmp(says, prefix, strlen(prefix)) != 0 ||
		strspn(says + strlen(prefix), "0123456789abcdef") != PAIR_VERSION_SIZE - 1)
		return error_set(err, ERROR_DENIED, 0,
			"the link '%s/" DATA
			"' does not say %s and 16 hex digits, as certferryd's do",
			object, prefix);
	memcpy(ret_version, says + strlen(prefix), PAIR_VERSION_SIZE);
	return 0;
}

/* Another name of a file could be somebody else's key; another owner, too. */
static int judge_file(const char *name, const struct stat *status, uid_t owner, struct error *err)
{
	if (!S_ISREG(status->st_mode))
		return error_set(err, ERROR_DENIED, 0, "'%s' is not a regular file", name);
	if (status->st_nlink != 1)
		return error_set(err, ERROR_DENIED, 0,
			"'%s' has %ju names (hard links) instead of one", name,
			(uintmax_t)status->st_nlink);
	if (status->st_uid != owner)
		return error_set(err, ERROR_DENIED, 0,
			"'%s' belongs to user %u, and its directory to user %u", name,
			(unsigned)status->st_uid, (unsigned)owner);
	if (status->st_size > (off_t)PAIR_FILE_MAX)
		return error_set(err, ERROR_INVALID, 0,
			"'%s' has %jd bytes, more than the limit of %zu", name,
			(intmax_t)status->st_size, PAIR_FILE_MAX);
	return 0;
}

static int open_file(int version, const char *name, int *ret_fd, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat directory, status;
	int r;

	r = open_beneath(version, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd, err);
	if (r == 0 && (fstat(version, &directory) < 0 || fstat(fd, &status) < 0))
		r = error_set_errno(err, errno, "open '%s'", name);
	if (r == 0)
		r = judge_file(name, &status, directory.st_uid, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* From here on only what was read counts, whatever becomes of the files. */
static int read_files(int version, struct pair *pair, struct error *err)
{
	_cleanup_(fd_closep) int certificates = -1;
	_cleanup_(fd_closep) int key = -1;
	int r;

	r = open_file(version, PAIR_CERTIFICATES, &certificates, err);
	if (r == 0)
		r = open_file(version, PAIR_KEY, &key, err);
	if (r == 0)
		r = file_read_fd(
			certificates, PAIR_CERTIFICATES, PAIR_FILE_MAX, &pair->certificates, err);
	if (r == 0)
		r = secret_read_open(key, PAIR_KEY, PAIR_FILE_MAX, &pair->key, err);
	return r;
}

static int read_version(
	int root, const struct instance *instance, struct pair *pair, struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(fd_closep) int version = -1;
	int r;

	r = find_version(root, instance->object, pair->version, err);
	if (r < 0)
		return r;
	path = mem_printf(VERSIONS "/%s/%s", instance->object, pair->version);
	r = open_beneath(root, path, O_RDONLY | O_DIRECTORY, &version, err);
	if (r == 0)
		r = read_files(version, pair, err);
	return r;
}

int pair_read(const struct instance *instance, struct pair *pair, struct error *err)
{
	_cleanup_(fd_closep) int root = -1;
	int r;

	/* DIRECTORY is the daemon's user's; the way to it must not be. */
	r = path_open(
		AT_FDCWD, "", instance->directory, O_RDONLY | O_DIRECTORY, PATH_OURS, &root, err);
	if (r == 0)
		r = read_version(root, instance, pair, err);
	if (r < 0)
		return error_wrap(err, "'%s/%s'", instance->directory, instance->object);
	return 0;
}

static int judge_leaf(struct pair *pair, const struct certificate *leaf, struct error *err)
{
	char fingerprint[FINGERPRINT_TEXT_SIZE];
	bool matches = false;
	int r;

	fingerprint_format(&leaf->fingerprint, fingerprint);
	if (strncmp(fingerprint, pair->version, PAIR_VERSION_SIZE - 1) != 0)
		return error_set(err, ERROR_DENIED, 0,
			"'" PAIR_CERTIFICATES
			"' is not of version %s: its first certificate is %.16s",
			pair->version, fingerprint);
	r = key_matches(pair->key, leaf, &matches, err);
	if (r < 0)
		return error_wrap(err, "'" PAIR_KEY "'");
	if (!matches)
		return error_set(err, ERROR_DENIED, 0,
			"the key in '" PAIR_KEY
			"' does not belong to the certificate in '" PAIR_CERTIFICATES "'");
	pair->not_after = leaf->not_after;
	return 0;
}

static int judge(struct pair *pair, struct error *err)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };

	if (certificate_chain_parse(
		    pair->certificates.data, pair->certificates.length, &list, err) < 0)
		return error_wrap(err, "'" PAIR_CERTIFICATES "'");
	if (list.count == 0)
		return error_set(
			err, ERROR_INVALID, 0, "'" PAIR_CERTIFICATES "' holds no certificate");
	return judge_leaf(pair, list.items[0], err);
}

int pair_judge(const struct instance *instance, struct pair *pair, struct error *err)
{
	if (judge(pair, err) < 0)
		return error_wrap(err, "'%s/%s'", instance->directory, instance->object);
	return 0;
}

void pair_done(struct pair *pair)
{
	buf_done(&pair->certificates);
	pair->key = secret_free(pair->key);
}
