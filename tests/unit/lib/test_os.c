/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/os/lock.h"
#include "lib/os/memory.h"
#include "lib/os/path.h"

/* The directory of one test; the working directory while it runs, so that names stay short. */
static char directory[] = "/tmp/certferry-os-XXXXXX";
static int home = -1;

static int setup(void **state)
{
	memcpy(directory + sizeof(directory) - sizeof("XXXXXX"), "XXXXXX", sizeof("XXXXXX"));
	home = open(".", O_RDONLY | O_DIRECTORY);
	(void)umask(022);
	return home < 0 || !mkdtemp(directory) ? -1 : chdir(directory);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	return remove(path);
}

static int teardown(void **state)
{
	int r = fchdir(home);

	home = fd_close(home);
	return r < 0 ? r : nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static size_t count_files(void)
{
	DIR *here = opendir(".");
	size_t count = 0;

	assert_non_null(here);
	for (struct dirent *entry; (entry = readdir(here));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(here);
	return count;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static void assert_content(const char *path, const char *text)
{
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(file_read(path, 1 << 20, &content, &err), 0);
	assert_string_equal(content.data, text);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

/* --- reading --- */

static void test_read(void **state)
{
	_cleanup_(buf_done) struct buf content = BUF_NULL;

	put("file", "two");
	put("empty", "");
	buf_append_string(&content, "one ");
	assert_int_equal(file_read("file", 3, &content, NULL), 0);
	assert_string_equal(content.data, "one two");
	assert_int_equal(file_read("empty", 0, &content, NULL), 0);
	assert_string_equal(content.data, "one two");
}

/* Up to the limit and no byte more, whatever the size of what is read at once; nothing is left behind. */
static void test_read_limit(void **state)
{
	static const size_t sizes[] = { 1, 16383, 16384, 16385, 40000 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_(freep) char *data = mem_alloc(sizes[i]);
		_cleanup_(buf_done) struct buf content = BUF_NULL;
		_cleanup_(error_done) struct error err = ERROR_NULL;

		memset(data, 'x', sizes[i]);
		assert_int_equal(file_replace("file", data, sizes[i], 0600, NULL), 0);
		assert_int_equal(file_read("file", sizes[i], &content, &err), 0);
		assert_int_equal(content.length, sizes[i]);
		assert_memory_equal(content.data, data, sizes[i]);
		buf_clear(&content);
		buf_append_string(&content, "before");
		assert_int_equal(file_read("file", sizes[i] - 1, &content, &err), -EINVAL);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_non_null(strstr(err.text, "'file' is larger than the limit of"));
		assert_string_equal(content.data, "before");
		assert_int_equal(content.length, 6);
	}
}

static void test_read_refused(void **state)
{
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(file_read("none", 9, &content, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_ABSENT);
	assert_string_equal(err.text, "open 'none': No such file or directory");
	assert_int_equal(mkdir("folder", 0755), 0);
	assert_int_equal(file_read("folder", 9, &content, &err), -EISDIR);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.text, "'folder'"));
	assert_string_equal(content.data, "");
}

/* --- may it be believed? --- */

static int read_trusted(const char *path, struct error *err)
{
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	int r = file_read_trusted(path, 1 << 20, &content, err);

	assert_string_equal(content.data, r < 0 ? "" : "x");
	return r;
}

static void test_trusted(void **state)
{
	static const struct {
		mode_t mode;
		bool trusted;
	} modes[] = { { 0600, true }, { 0644, true }, { 0755, true }, { 0606, false },
		{ 0666, false }, { 0602, false } };

	put("file", "x");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;

		assert_int_equal(chmod("file", modes[i].mode), 0);
		assert_int_equal(read_trusted("file", &err), modes[i].trusted ? 0 : -EACCES);
		if (!modes[i].trusted)
			assert_non_null(strstr(err.text, "chmod go-w 'file'"));
	}
	assert_int_equal(read_trusted("none", NULL), -ENOENT);
}

static int open_public(const char *path, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;

	return path_open_trusted(path, O_RDONLY, PATH_NOT_EVERYBODY, &fd, err);
}

static void test_public(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	put("file", "x");
	assert_int_equal(chmod("file", 0664), 0);
	assert_int_equal(open_public("file", &err), 0);
	assert_int_equal(chmod("file", 0602), 0);
	assert_int_equal(open_public("file", &err), -EACCES);
	assert_non_null(strstr(err.text, "chmod o-w 'file'"));
	assert_int_equal(open_public("none", NULL), -ENOENT);
	assert_int_equal(open_public("/dev/null", NULL), 0);
	assert_int_equal(open_public("/tmp", NULL), 0);
}

/* Groups and owners can be given away by root only. */
static void test_trusted_owner(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (geteuid() != 0)
		skip();
	put("file", "x");
	assert_int_equal(chmod("file", 0660), 0);
	assert_int_equal(read_trusted("file", &err), 0);
	assert_int_equal(chown("file", 0, 12345), 0);
	assert_int_equal(read_trusted("file", &err), -EACCES);
	assert_int_equal(chmod("file", 0640), 0);
	assert_int_equal(read_trusted("file", NULL), 0);
	assert_int_equal(chown("file", 12345, 0), 0);
	assert_int_equal(read_trusted("file", &err), -EACCES);
	assert_non_null(strstr(err.text, "belongs to user 12345"));
}

/* --- writing --- */

static void test_write_at(void **state)
{
	_cleanup_(fd_closep) int here = open(".", O_RDONLY | O_DIRECTORY);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(file_write_at(here, "a", "text", 4, 0640, &err), 0);
	assert_content("a", "text");
	assert_int_equal(mode_of("a"), 0640);
	/* Wider than the umask, since readers need it. */
	assert_int_equal(umask(077), 022);
	assert_int_equal(file_write_at(here, "b", "", 0, 0644, &err), 0);
	assert_int_equal(umask(022), 077);
	assert_int_equal(mode_of("b"), 0644);
	assert_content("b", "");
	assert_int_equal(file_write_at(here, "a", "new", 3, 0640, &err), -EEXIST);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_content("a", "text");
	assert_int_equal(file_write_at(here, "none/a", "x", 1, 0640, &err), -ENOENT);
}

/* A link in the place of the file is not followed. */
static void test_write_at_link(void **state)
{
	_cleanup_(fd_closep) int here = open(".", O_RDONLY | O_DIRECTORY);

	assert_int_equal(symlink("elsewhere", "a"), 0);
	assert_true(file_write_at(here, "a", "x", 1, 0600, NULL) < 0);
	assert_true(access("elsewhere", F_OK) < 0);
}

static void test_replace(void **state)
{
	_cleanup_(freep) char *whole = mem_printf("%s/file", directory);

	put("file", "old");
	assert_int_equal(file_replace("file", "new", 3, 0600, NULL), 0);
	assert_content("file", "new");
	assert_int_equal(mode_of("file"), 0600);
	assert_int_equal(file_replace(whole, "newer", 5, 0644, NULL), 0);
	assert_content("file", "newer");
	assert_int_equal(count_files(), 1);
}

/* Who has the old one open goes on reading the old one: it is replaced, not written over. */
static void test_replace_keeps_readers(void **state)
{
	_cleanup_(fd_closep) int old = -1;
	char text[8] = "";

	put("file", "old");
	old = open("file", O_RDONLY);
	put("file", "new");
	assert_int_equal(read(old, text, sizeof(text) - 1), 3);
	assert_string_equal(text, "old");
}

static void test_replace_link(void **state)
{
	put("target", "target");
	assert_int_equal(symlink("target", "link"), 0);
	put("link", "file");
	assert_content("target", "target");
	assert_content("link", "file");
}

static void test_replace_refused(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	char name[300];

	assert_int_equal(file_replace("none/file", "x", 1, 0600, &err), -ENOENT);
	assert_string_equal(err.text, "open directory 'none': No such file or directory");
	assert_int_equal(mkdir("folder", 0755), 0);
	assert_true(file_replace("folder", "x", 1, 0600, &err) < 0);
	assert_non_null(strstr(err.text, "replace 'folder': rename"));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_true(file_replace(name, "x", 1, 0600, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_int_equal(count_files(), 1);
}

/* A full disk: the old one stays, nothing half written lies about, and the next time it works. */
static void test_replace_full(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *large = mem_alloc(8193);
	struct rlimit before, small;

	memset(large, 'x', 8192);
	put("file", "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){ .rlim_cur = 4096, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(file_replace("file", large, 8192, 0600, &err) < 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_non_null(strstr(err.text, "replace 'file': write"));
	assert_content("file", "old");
	assert_int_equal(count_files(), 1);
	put("file", large);
	assert_content("file", large);
}

/* At every moment there is a whole file: the old one or the new one. */
static void test_replace_never_less(void **state)
{
	_cleanup_(freep) char *one = mem_alloc(20001), *other = mem_alloc(20001);
	pid_t child;
	int status;

	memset(one, '1', 20000);
	memset(other, '2', 20000);
	put("file", one);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 50; i++)
			if (file_replace("file", i % 2 ? one : other, 20000, 0600, NULL) < 0)
				_exit(1);
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		_cleanup_(buf_done) struct buf content = BUF_NULL;

		assert_int_equal(file_read("file", 1 << 20, &content, NULL), 0);
		assert_int_equal(content.length, 20000);
		assert_string_equal(content.data, *content.data == '1' ? one : other);
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- links --- */

static void assert_link(const char *name, const char *target)
{
	char found[64];
	ssize_t length = readlink(name, found, sizeof(found) - 1);

	assert_true(length >= 0);
	found[length] = '\0';
	assert_string_equal(found, target);
}

static void test_link(void **state)
{
	_cleanup_(fd_closep) int here = open(".", O_RDONLY | O_DIRECTORY);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(link_replace(here, "current", ".versions/a", &err), 0);
	assert_link("current", ".versions/a");
	assert_int_equal(link_replace(here, "current", ".versions/b", &err), 0);
	assert_link("current", ".versions/b");
	assert_int_equal(count_files(), 1);
}

/* A link to a directory is replaced itself; nothing is put into that directory. */
static void test_link_to_directory(void **state)
{
	_cleanup_(fd_closep) int here = open(".", O_RDONLY | O_DIRECTORY);

	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(mkdir("b", 0755), 0);
	assert_int_equal(link_replace(here, "current", "a", NULL), 0);
	assert_int_equal(link_replace(here, "current", "b", NULL), 0);
	assert_link("current", "b");
	assert_int_equal(rmdir("a"), 0);
	assert_int_equal(rmdir("b"), 0);
}

static void test_link_refused(void **state)
{
	_cleanup_(fd_closep) int here = open(".", O_RDONLY | O_DIRECTORY);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(mkdir("current", 0755), 0);
	assert_true(link_replace(here, "current", "a", &err) < 0);
	assert_non_null(strstr(err.text, "'current'"));
	assert_int_equal(count_files(), 1);
	assert_int_equal(link_replace(-1, "x", "a", &err), -EBADF);
}

/* --- locks --- */

static void test_lock(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int fd = -1, second = -7;

	assert_int_equal(lock_take(AT_FDCWD, "lock", &fd, &err), 0);
	assert_int_equal(mode_of("lock"), 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* flock(2) belongs to what was opened, so that a second open is as good as another process. */
	assert_int_equal(lock_take(AT_FDCWD, "lock", &second, &err), -EEXIST);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_string_equal(err.text, "another process holds the lock 'lock'");
	assert_int_equal(second, -7);
	fd = fd_close(fd);
	assert_int_equal(fd, -1);
	assert_int_equal(lock_take(AT_FDCWD, "lock", &fd, &err), 0);
	(void)fd_close(fd);
}

/* A process that is killed leaves no lock behind. */
static void test_lock_killed(void **state)
{
	int fd = -1, ready[2], status;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (lock_take(AT_FDCWD, "lock", &fd, NULL) == 0)
			(void)!write(ready[1], "x", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(lock_take(AT_FDCWD, "lock", &fd, NULL), -EEXIST);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(lock_take(AT_FDCWD, "lock", &fd, NULL), 0);
	(void)fd_close(fd);
	(void)fd_close(ready[0]);
	(void)fd_close(ready[1]);
}

static void test_lock_refused(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int fd = -7;

	assert_int_equal(lock_take(AT_FDCWD, "none/lock", &fd, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_ABSENT);
	assert_int_equal(symlink("elsewhere", "lock"), 0);
	assert_int_equal(lock_take(AT_FDCWD, "lock", &fd, &err), -ELOOP);
	assert_true(access("elsewhere", F_OK) < 0);
	assert_int_equal(fd, -7);
}

/* --- clocks --- */

static void test_clock(void **state)
{
	usec_t before = clock_monotonic();

	assert_true(clock_monotonic() >= before);
	assert_true(clock_now() > 1700000000 * USEC_PER_SEC);
	assert_true(clock_now() < 10000000000 * USEC_PER_SEC); /* microseconds, not nanoseconds */
}

static void test_jitter(void **state)
{
	usec_t least = USEC_INFINITY, most = 0;

	for (int i = 0; i < 2000; i++) {
		usec_t time = jitter(USEC_PER_MINUTE, 10);

		assert_true(time >= 54 * USEC_PER_SEC && time <= 66 * USEC_PER_SEC);
		least = MIN(least, time);
		most = MAX(most, time);
	}
	assert_true(least < 56 * USEC_PER_SEC && most > 64 * USEC_PER_SEC);
	assert_true(jitter(0, 50) == 0);
	assert_true(jitter(USEC_PER_HOUR, 0) == USEC_PER_HOUR);
}

static void test_random(void **state)
{
	unsigned seen = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t value = random_below(8);

		assert_true(value < 8);
		seen |= 1u << value;
	}
	assert_int_equal(seen, 255);
	assert_int_equal(random_below(1), 0);
	assert_int_equal(random_below(0), 0);
}

static long proportional_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pss: %ld", &kib) == 1)
			break;
	if (file)
		(void)fclose(file);
	return kib;
}

static const char constant[1 << 18] = { [0] = 'a', [1 << 17] = 'b' };

static void test_give_back(void **state)
{
	static char written[1 << 14] = { 1 };
	char *heap = malloc(1 << 18);
	volatile unsigned sum = 0;
	long before, after;

	memset(written, 7, sizeof(written));
	memset(heap, 8, 1 << 18);
	for (size_t i = 0; i < sizeof(constant); i += 512)
		sum += (unsigned char)constant[i];
	before = proportional_kib();
	memory_give_back();
	after = proportional_kib();
	if (before > 0)
		assert_true(after + (long)sizeof(constant) / 2048 < before);
	for (size_t i = 0; i < sizeof(constant); i += 512)
		sum -= (unsigned char)constant[i];
	assert_int_equal(sum, 0);
	for (size_t i = 0; i < sizeof(written); i++)
		assert_int_equal(written[i], 7);
	for (size_t i = 0; i < 1 << 18; i++)
		assert_int_equal(heap[i], 8);
	free(heap);
}

/* Half of an allocation goes back before all of it is freed, and nothing else does. */
static void test_forget(void **state)
{
	const size_t length = (size_t)8 << 20;
	char *heap = malloc(length);
	long before, after;

	memset(heap, 8, length);
	before = proportional_kib();
	memory_forget(heap + 1, length / 2);
	after = proportional_kib();
	if (before > 0)
		assert_true(after + 3 * 1024 < before);
	assert_int_equal(heap[0], 8);
	for (size_t i = length / 2 + 1; i < length; i++)
		assert_int_equal(heap[i], 8);
	memory_forget(heap + length / 2, 1); /* no whole page */
	assert_int_equal(heap[length / 2 + 1], 8);
	free(heap);
}

#define OS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OS_TEST(test_read),
		OS_TEST(test_read_limit),
		OS_TEST(test_read_refused),
		OS_TEST(test_trusted),
		OS_TEST(test_public),
		OS_TEST(test_trusted_owner),
		OS_TEST(test_write_at),
		OS_TEST(test_write_at_link),
		OS_TEST(test_replace),
		OS_TEST(test_replace_keeps_readers),
		OS_TEST(test_replace_link),
		OS_TEST(test_replace_refused),
		OS_TEST(test_replace_full),
		OS_TEST(test_replace_never_less),
		OS_TEST(test_link),
		OS_TEST(test_link_to_directory),
		OS_TEST(test_link_refused),
		OS_TEST(test_lock),
		OS_TEST(test_lock_killed),
		OS_TEST(test_lock_refused),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_give_back),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
