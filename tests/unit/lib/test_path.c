/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that are walked and judged: real directories, and other users where root runs this. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/os/file.h"
#include "lib/os/path.h"

#define OTHER 12345 /* a user and a group that nobody here is */

static char directory[] = "/tmp/certferry-path-XXXXXX";
static int home = -1;

static void put(const char *path)
{
	assert_int_equal(file_replace(path, path, strlen(path), 0644, NULL), 0);
}

/* a/b/c/file, and a file of that name beside each directory. */
static int setup(void **state)
{
	memcpy(directory + sizeof(directory) - sizeof("XXXXXX"), "XXXXXX", sizeof("XXXXXX"));
	(void)umask(022);
	home = open(".", O_RDONLY | O_DIRECTORY);
	if (home < 0 || !mkdtemp(directory) || chdir(directory) < 0)
		return -1;
	if (mkdir("a", 0755) < 0 || mkdir("a/b", 0755) < 0 || mkdir("a/b/c", 0755) < 0)
		return -1;
	put("file");
	put("a/file");
	put("a/b/file");
	put("a/b/c/file");
	return 0;
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

/* Opening ${path} opens what open(2) would, which says its own name. */
static void expect_opened(const char *path, const char *name)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(fd_closep) int fd = -1;
	char text[64] = "";

	if (path_open(AT_FDCWD, "", path, O_RDONLY, PATH_OURS, &fd, &err) < 0)
		fail_msg("'%s': %s", path, err.text);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	assert_string_equal(text, name);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void expect_errno(const char *path, int flags, int number)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *expected = mem_printf("open '%s': %s", path, strerror(number));
	int fd = -1;

	assert_int_equal(path_open(AT_FDCWD, "", path, flags, PATH_OURS, &fd, &err), -number);
	assert_int_equal(fd, -1);
	assert_int_equal(err.code, number);
	assert_string_equal(err.text, expected);
}

/* Refused with words that name the directory and the command. */
static void expect_refused(const char *path, enum path_trust trust, const char *words)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int fd = -1;

	if (path_open_trusted(path, O_RDONLY, trust, &fd, &err) != -EACCES)
		fail_msg("'%s' is not refused: %s", path, words);
	assert_int_equal(fd, -1);
	assert_int_equal(err.code, 0);
	assert_int_equal(err.kind, ERROR_DENIED);
	if (!strstr(err.text, words))
		fail_msg("expected '%s', found '%s'", words, err.text);
}

static void expect_trusted(const char *path, enum path_trust trust)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(fd_closep) int fd = -1;

	if (path_open_trusted(path, O_RDONLY, trust, &fd, &err) < 0)
		fail_msg("'%s': %s", path, err.text);
}

static void link_to(const char *target, const char *name)
{
	(void)unlink(name);
	assert_int_equal(symlink(target, name), 0);
}

static void test_opens_what_open_opens(void **state)
{
	_cleanup_(freep) char *absolute = mem_printf("%s/a/b/file", directory);
	_cleanup_(freep) char *slashes = mem_printf("/.//%s///a/./b/../b//file", directory);
	_cleanup_(fd_closep) int fd = -1, a = open("a", O_RDONLY | O_DIRECTORY);

	expect_opened("file", "file");
	expect_opened("./a/b/c/file", "a/b/c/file");
	expect_opened("a/b/c/../file", "a/b/file");
	expect_opened(absolute, "a/b/file");
	expect_opened(slashes, "a/b/file");
	assert_int_equal(path_open(a, "a", "b/file", O_RDONLY, PATH_OURS, &fd, NULL), 0);
	fd = fd_close(fd);
	assert_int_equal(path_open(a, "a", absolute, O_RDONLY, PATH_OURS, &fd, NULL), 0);
	fd = fd_close(fd);
	assert_int_equal(path_open(AT_FDCWD, "", "a/b/", O_RDONLY | O_DIRECTORY, PATH_OURS, &fd, NULL), 0);
	fd = fd_close(fd);
	assert_int_equal(path_open(AT_FDCWD, "", "/", O_RDONLY | O_DIRECTORY, PATH_OURS, &fd, NULL), 0);
}

static void test_follows_links(void **state)
{
	_cleanup_(freep) char *far = mem_printf("%s/a/b", directory);

	link_to("a/b/file", "near");
	expect_opened("near", "a/b/file");
	link_to(far, "far");
	expect_opened("far/file", "a/b/file");
	expect_opened("far/../file", "a/file"); /* of where the link leads */
	link_to("../../../far", "a/b/c/up");
	expect_opened("a/b/c/up/c/file", "a/b/c/file");
	link_to("c", "a/b/..data"); /* as a ConfigMap's volume has it */
	link_to("..data/file", "a/b/config.yaml");
	expect_opened("a/b/config.yaml", "a/b/c/file");
	link_to("b/", "a/slash");
	expect_opened("a/slash/file", "a/b/file");

	link_to("loop", "loop");
	expect_errno("loop", O_RDONLY, ELOOP);
	link_to("nowhere", "broken");
	expect_errno("broken", O_RDONLY, ENOENT);
}

static void test_fails_as_open_does(void **state)
{
	_cleanup_(freep) char *name = mem_printf("%0300d", 0);

	expect_errno("", O_RDONLY, ENOENT);
	expect_errno("none", O_RDONLY, ENOENT);
	expect_errno("a/none/file", O_RDONLY, ENOENT);
	expect_errno("file/x", O_RDONLY, ENOTDIR);
	expect_errno("file/", O_RDONLY, ENOTDIR);
	expect_errno("file", O_RDONLY | O_DIRECTORY, ENOTDIR);
	expect_errno(name, O_RDONLY, ENAMETOOLONG);
}

/* The files of this process itself have no names to walk. */
static void test_opens_descriptors(void **state)
{
	_cleanup_(fd_closep) int fd = open("a/file", O_RDONLY);
	_cleanup_(freep) char *path = mem_printf("/dev/fd/%d", fd), *pipe_path = NULL;
	int pair[2];

	assert_true(fd >= 0);
	expect_opened(path, "a/file");
	assert_int_equal(pipe(pair), 0);
	pipe_path = mem_printf("/proc/self/fd/%d", pair[0]);
	assert_int_equal(write(pair[1], "piped", 5), 5);
	expect_opened(pipe_path, "piped");
	close(pair[0]);
	close(pair[1]);
}

static void test_parents_that_all_can_write(void **state)
{
	_cleanup_(freep) char *absolute = mem_printf("%s/a/b/c/file", directory);
	_cleanup_(freep) char *command = mem_printf("chmod go-w '%s/a'", directory);

	expect_trusted("a/b/c/file", PATH_OURS);
	assert_int_equal(chmod("a", 0777), 0);
	expect_refused("a/b/c/file", PATH_OURS, "others can rename what is in 'a' (mode 0777)");
	expect_refused("a/b/c/file", PATH_OUR_GROUP, "chmod go-w 'a'");
	expect_refused("a/b/c/file", PATH_NOT_EVERYBODY, "chmod o-w 'a'");
	expect_refused("a/b", PATH_OURS, "chmod go-w 'a'");
	expect_refused("a/b/c/../../../file", PATH_OURS, "chmod go-w 'a'");
	expect_refused(absolute, PATH_OURS, command);
	expect_trusted("file", PATH_OURS);
	link_to("a/b/c", "short");
	expect_refused("short/file", PATH_OURS, "'short/file': chmod go-w 'a'");

	/* What is not there now can be there when the name is used. */
	expect_refused("a/none", PATH_NOT_EVERYBODY, "others can rename what is in 'a' (mode 0777)");
	expect_refused("a/none/file", PATH_OURS, "chmod go-w 'a'");
	link_to("none", "a/broken");
	expect_refused("a/broken", PATH_NOT_EVERYBODY, "chmod o-w 'a'");

	assert_int_equal(chmod("a", 01777), 0); /* as /tmp: what is ours stays where it is */
	expect_errno("a/none", O_RDONLY, ENOENT);
	expect_trusted("a/b/c/file", PATH_OURS);
	assert_int_equal(chmod("a", 02755), 0);
	expect_trusted("a/b/c/file", PATH_OURS);
	assert_int_equal(chmod("a/b/c", 0757), 0);
	expect_refused("a/b/c", PATH_OURS, "others could change 'a/b/c' (mode 0757): chmod go-w 'a/b/c'");
	expect_refused("a/b/c/file", PATH_OURS, "chmod go-w 'a/b/c'");
}

static void test_parents_of_other_users(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown("a", OTHER, 0), 0);
	expect_refused("a/b/c/file", PATH_OURS, "user 12345 owns 'a' and could put something else in the place of "
						"'a/b/c/file': chown root 'a'");
	expect_refused("a/b/c/file", PATH_OUR_GROUP, "chown root 'a'");
	expect_trusted("a/b/c/file", PATH_NOT_EVERYBODY);
	assert_int_equal(chmod("a", 01777), 0); /* the owner of a sticky directory renames all of it */
	expect_refused("a/b/c/file", PATH_OURS, "user 12345 owns 'a'");
	expect_trusted("a/b/c/file", PATH_NOT_EVERYBODY);

	assert_int_equal(chown("a", 65534, 0), 0); /* anybody, as a user namespace shows them */
	expect_refused("a/b/c/file", PATH_OURS, "another user owns 'a'");

	assert_int_equal(chown("a", 0, OTHER), 0);
	expect_trusted("a/b/c/file", PATH_OURS);
	assert_int_equal(chown("a/b", OTHER, 0), 0); /* his own in a sticky directory */
	expect_refused("a/b", PATH_OURS, "'a/b' belongs to user 12345");
	expect_refused("a/b/c/file", PATH_OURS, "user 12345 owns 'b' in 'a', where others can write");
	expect_refused("a/b/c/file", PATH_OURS, "chown -h root 'a/b'");
	assert_int_equal(chown("a/b", 0, 0), 0);

	assert_int_equal(chmod("a", 0775), 0);
	expect_refused("a/b/c/file", PATH_OURS, "(mode 0775)");
	expect_trusted("a/b/c/file", PATH_NOT_EVERYBODY);
	assert_int_equal(chmod("a", 02755), 0); /* set-group-id alone gives nobody anything */
	expect_trusted("a/b/c/file", PATH_OURS);
	assert_int_equal(chown("a/b/c/file", OTHER, 0), 0);
	expect_refused("a/b/c/file", PATH_OURS, "'a/b/c/file' belongs to user 12345");
	expect_trusted("a/b/c/file", PATH_NOT_EVERYBODY);
}

/* A link in a sticky directory is its owner's to point elsewhere; anywhere else it is who can write there that counts. */
static void test_links_of_other_users(void **state)
{
	if (geteuid() != 0)
		skip();
	link_to("b/c", "a/link");
	assert_int_equal(lchown("a/link", OTHER, OTHER), 0);
	expect_trusted("a/link/file", PATH_OURS);
	assert_int_equal(chmod("a", 01777), 0);
	expect_refused("a/link/file", PATH_OURS, "user 12345 owns 'link' in 'a'");
	expect_trusted("a/link/file", PATH_NOT_EVERYBODY);
	assert_int_equal(lchown("a/link", 0, 0), 0);
	expect_trusted("a/link/file", PATH_OURS);
}

/* In a process of its own, as ${user} with the group OTHER: may a directory that this group can write be on the way? */
static int opened_by(uid_t user, enum path_trust trust)
{
	pid_t child = fork();
	int status, fd;

	if (child == 0) {
		if (setegid(OTHER) < 0 || seteuid(user) < 0)
			_exit(100);
		_exit(path_open_trusted("a/b/c/file", O_RDONLY, trust, &fd, NULL) == 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void test_our_own_group(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(chown("a", 0, OTHER), 0);
	assert_int_equal(chmod("a", 0775), 0);
	for (uid_t user = 0; user <= OTHER; user += OTHER) {
		assert_int_equal(opened_by(user, PATH_OUR_GROUP), 1);
		assert_int_equal(opened_by(user, PATH_OURS), 0);
	}
	assert_int_equal(chown("a", OTHER, OTHER), 0); /* ours, for who is that user */
	assert_int_equal(opened_by(OTHER, PATH_OUR_GROUP), 1);
	assert_int_equal(opened_by(0, PATH_OUR_GROUP), 0);
}

/* What was judged is what is used, whatever has its name by then. */
static void test_keeps_what_was_judged(void **state)
{
	_cleanup_(fd_closep) int fd = -1, file = -1;
	char text[16] = "";

	assert_int_equal(path_open_trusted("a/b", O_RDONLY | O_DIRECTORY, PATH_OURS, &fd, NULL), 0);
	assert_int_equal(rename("a/b", "a/was"), 0);
	assert_int_equal(mkdir("a/b", 0777), 0);
	put("a/b/file");
	assert_int_equal(path_open(fd, "a/b", "c/file", O_RDONLY, PATH_OURS, &file, NULL), 0);
	assert_true(read(file, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "a/b/c/file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_opens_what_open_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follows_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fails_as_open_does, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opens_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parents_that_all_can_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parents_of_other_users, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_of_other_users, setup, teardown),
		cmocka_unit_test_setup_teardown(test_our_own_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_what_was_judged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
