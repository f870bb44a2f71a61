/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/os/lock.h"

static char directory[] = "/tmp/certferry-test-os-XXXXXX";

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", directory, name);
}

static int make_directory(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

/* Everything that the tests left: a temporary name among it would be a failure of its own. */
static int remove_directory(void **state)
{
	DIR *stream = opendir(directory);
	int strays = 0;

	for (struct dirent *entry; (entry = readdir(stream));) {
		strays += strstr(entry->d_name, ".tmp") != NULL;
		(void)unlinkat(dirfd(stream), entry->d_name, 0);
	}
	(void)closedir(stream);
	return rmdir(directory) < 0 || strays ? -1 : 0;
}

static void test_replace_and_read(void **state)
{
	_cleanup_(freep) char *path = path_of("replaced");
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct stat status;

	assert_int_equal(file_replace(path, "old", 3, 0644, &err), 0);
	assert_int_equal(file_replace(path, "newer", 5, 0600, &err), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(file_read(path, 5, &content, &err), 0);
	assert_string_equal(content.data, "newer");
	assert_int_equal(file_read(path, 4, &content, &err), -EINVAL);
	assert_non_null(strstr(err.text, path));
}

static void test_replace_fails_with_its_path(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(buf_done) struct buf content = BUF_NULL;

	assert_int_equal(file_replace("/no/such/place", "x", 1, 0600, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_ABSENT);
	assert_non_null(strstr(err.text, "/no/such"));
	assert_int_equal(file_read("/no/such/place", 1, &content, &err), -ENOENT);
}

static void test_write_at_never_overwrites(void **state)
{
	_cleanup_(fd_closep) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(file_write_at(fd, "once", "1", 1, 0640, &err), 0);
	assert_int_equal(file_write_at(fd, "once", "2", 1, 0640, &err), -EEXIST);
	assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void test_link_switches(void **state)
{
	_cleanup_(fd_closep) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(error_done) struct error err = ERROR_NULL;
	char target[16] = "";

	assert_int_equal(link_replace(fd, "link", "one", &err), 0);
	assert_int_equal(link_replace(fd, "link", "two", &err), 0);
	assert_int_equal(readlinkat(fd, "link", target, sizeof(target) - 1), 3);
	assert_string_equal(target, "two");
}

static void test_trusted(void **state)
{
	_cleanup_(freep) char *path = path_of("trusted");
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(file_replace(path, "x", 1, 0644, &err), 0);
	assert_int_equal(file_check_trusted(path, &err), 0);
	assert_int_equal(chmod(path, 0646), 0);
	assert_int_equal(file_check_trusted(path, &err), -EACCES);
	assert_non_null(strstr(err.text, "chmod go-w"));
	assert_int_equal(file_check_trusted("/no/such/place", &err), -ENOENT);
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(chown(path, 0, 65534), 0);
	assert_int_equal(file_check_trusted(path, &err), -EACCES);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_int_equal(file_check_trusted(path, &err), -EACCES);
}

static void test_lock(void **state)
{
	_cleanup_(freep) char *path = path_of("lock");
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int first = -1, second = -1;

	assert_int_equal(lock_take(path, &first, &err), 0);
	assert_int_equal(lock_take(path, &second, &err), -EEXIST);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_int_equal(second, -1);
	first = fd_close(first);
	assert_int_equal(lock_take(path, &second, &err), 0);
	fd_close(second);
}

static void test_jitter_stays_in_its_bounds(void **state)
{
	for (int i = 0; i < 1000; i++) {
		usec_t value = jitter(1000, 10);

		assert_in_range(value, 900, 1100);
	}
	assert_int_equal(random_below(0), 0);
	assert_int_equal(random_below(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace_and_read), cmocka_unit_test(test_replace_fails_with_its_path),
		cmocka_unit_test(test_write_at_never_overwrites), cmocka_unit_test(test_link_switches),
		cmocka_unit_test(test_trusted), cmocka_unit_test(test_lock),
		cmocka_unit_test(test_jitter_stays_in_its_bounds),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
