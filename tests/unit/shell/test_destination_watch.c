/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files as the programs see them that use them: who watches hears of a switch, who reads finds a
 * whole pair at any moment, and a switch that was killed anywhere is finished.
 */

#include "tests/unit/shell/test_destination_files.h"

#include <dirent.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/strv.h"
#include "lib/log/log.h"

#define SWITCHES 20

static struct bundle *another(struct world *world, long serial)
{
	return make_bundle(&world->issuer, "www.example.com", serial, 1800 - serial);
}

static void assert_entries(const char *path, const char *const *expected)
{
	_cleanup_(strv_freep) char **found = NULL;
	_cleanup_(freep) char *got = NULL, *wanted = strv_join((char **)expected, " ");
	struct dirent **list;
	int count = scandir(path, &list, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (strcmp(list[i]->d_name, ".") != 0 && strcmp(list[i]->d_name, "..") != 0)
			strv_append(&found, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	got = strv_join(found, " ");
	assert_string_equal(got, wanted);
}

static void assert_nothing_left(struct world *world)
{
	assert_entries(world->directory,
		(const char *const[]){ ".certferry.web", ".versions", "web", NULL });
	assert_entries(at(world, "web"),
		(const char *const[]){ "..data", "fullchain.pem", "privkey.pem", NULL });
}

/* --- Who watches --- */

struct watcher {
	int fd;
	int watches[8];
	const char *names[8]; /* what each of them watches */
	size_t count;
};

static void watch(struct watcher *watcher, const char *name, const char *path, uint32_t flags)
{
	watcher->names[watcher->count] = name;
	watcher->watches[watcher->count] = inotify_add_watch(
		watcher->fd, path, IN_ALL_EVENTS | flags);
	assert_true(watcher->watches[watcher->count++] >= 0);
}

static const char *watched(const struct watcher *watcher, int watch)
{
	for (size_t i = 0; i < watcher->count; i++)
		if (watcher->watches[i] == watch)
			return watcher->names[i];
	return "nothing";
}

static const char *event_name(uint32_t mask)
{
	return mask & IN_MOVED_TO      ? "moved-to"
	       : mask & IN_DELETE_SELF ? "deleted-self"
	       : mask & IN_MOVE_SELF   ? "moved-self"
				       : NULL;
}

/*
 * "DIR moved-to .certferry.web", of the events that programs act on; of temporary names nobody
 * knows.
 */
static char **events(struct watcher *watcher)
{
	char buffer[65536] __attribute__((aligned(8)));
	ssize_t length = read(watcher->fd, buffer, sizeof(buffer));
	char **list = NULL;

	for (ssize_t i = 0; i < length;) {
		const struct inotify_event *event = (const struct inotify_event *)(buffer + i);
		const char *what = event_name(event->mask), *name = event->len ? event->name : "";
		_cleanup_(freep) char *text = mem_printf("%s %s%s%s", watched(watcher, event->wd),
			what ?: "", *name ? " " : "", name);

		if (what && !strstr(name, ".tmp"))
			strv_append(&list, text);
		i += (ssize_t)sizeof(*event) + event->len;
	}
	return list;
}

static void assert_heard(struct watcher *watcher, const char *const *expected)
{
	_cleanup_(strv_freep) char **heard = events(watcher);
	_cleanup_(freep) char *got = heard ? strv_join(heard, "\n") : mem_strdup("");
	_cleanup_(freep) char *wanted = strv_join((char **)expected, "\n");

	assert_string_equal(got, wanted);
}

/*
 * The version before is taken from those who watch it itself only after all paths lead to the new
 * one.
 */
static void test_every_kind_of_watch_hears_of_a_switch(void **state)
{
	struct world *world = *state;
	struct bundle *renewed = another(world, 7);
	struct watcher watcher = { .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC) };
	_cleanup_(freep) char *key = NULL, *kept = NULL;

	assert_int_equal(put(world, world->bundle), 0);
	age(world);
	watch(&watcher, "file", at(world, "web/privkey.pem"), 0);
	watch(&watcher, "link", at(world, "web/privkey.pem"), IN_DONT_FOLLOW);
	watch(&watcher, "directory", at(world, "web"), 0);
	watch(&watcher, "parent", at(world, "."), 0);

	assert_int_equal(put(world, renewed), 0);
	assert_heard(&watcher,
		(const char *const[]){ "directory moved-to ..data",
			"directory moved-to fullchain.pem", "directory moved-to privkey.pem",
			"link deleted-self", "parent moved-to .certferry.web", NULL });
	key = content(at(world, "web/privkey.pem"));
	assert_string_equal(key, secret_borrow(renewed->key));

	assert_holds(world, renewed); /* a look, within the time of grace */
	assert_heard(&watcher, (const char *const[]){ NULL });
	age(world);
	assert_holds(world, renewed);
	assert_heard(&watcher, (const char *const[]){ "file deleted-self", NULL });
	kept = content(at(world, ".versions/web/%s/privkey.pem", version_name(world->bundle)));
	assert_string_equal(kept, secret_borrow(world->bundle->key)); /* to go back to by hand */
	assert_int_equal(
		mode(at(world, ".versions/web/%s/privkey.pem", version_name(world->bundle))), 0640);

	/* Nothing more is done where all is done. */
	assert_holds(world, renewed);
	assert_heard(&watcher, (const char *const[]){ NULL });
	fd_close(watcher.fd);
	bundle_free(renewed);
}

static void on_seen(void *userdata, struct observed *seen, const struct error *err)
{
	bool *done = userdata;

	assert_null(err);
	observed_done(seen);
	free(seen);
	*done = true;
}

static void test_a_daemon_that_goes_on_needs_no_other_look(void **state)
{
	struct world *world = *state;
	struct bundle *renewed = another(world, 7);
	struct watcher watcher = { .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC) };
	struct pollfd wait = { .fd = watcher.fd, .events = POLLIN };
	struct look_item item = { .delivery = &world->delivery };
	bool done = false;

	assert_int_equal(put(world, world->bundle), 0);
	assert_int_equal(put(world, renewed), 0);
	fresh_loop(world);
	destination_look(&world->context, &item, 1, NULL, 42, on_seen, &done);
	while (!done)
		assert_true(sd_event_run(world->context.event, USEC_PER_SEC) >= 0);
	watch(&watcher, "file",
		at(world, ".versions/web/%s/privkey.pem", version_name(world->bundle)), 0);
	for (int i = 0; i < 60 && poll(&wait, 1, 0) == 0; i++)
		assert_true(sd_event_run(world->context.event, USEC_PER_SEC / 10) >= 0);
	assert_heard(&watcher, (const char *const[]){ "file deleted-self", NULL });
	assert_true(exists(at(world, ".versions/web/%s/privkey.pem", version_name(world->bundle))));
	fd_close(watcher.fd);
	bundle_free(renewed);
}

/* --- Who reads --- */

static bool read_all(int directory, const char *name, char *text, size_t size)
{
	_cleanup_(fd_closep) int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	text[length < 0 ? 0 : length] = '\0';
	return length > 0;
}

static size_t find_text(char *const *texts, const char *text)
{
	size_t i = 0;

	while (texts[i] && strcmp(texts[i], text) != 0)
		i++;
	return i;
}

/*
 * Reads as fast as it can until it is ended; 1: a path was absent, 2: the pair that ..data held was
 * a mixed one.
 */
static int read_on(const struct world *world, char *const *leaves, char *const *keys)
{
	int root = open(at(world, "web"), O_PATH | O_DIRECTORY | O_CLOEXEC),
	    parent = open(world->directory, O_PATH | O_CLOEXEC);

	for (;;) {
		_cleanup_(fd_closep) int held = openat(
			root, "..data", O_PATH | O_DIRECTORY | O_CLOEXEC);
		char leaf[8192], key[8192];

		if (!read_all(parent, "web/fullchain.pem", leaf, sizeof(leaf)) ||
			!read_all(parent, "web/privkey.pem", key, sizeof(key)))
			return 1;
		if (!read_all(held, "fullchain.pem", leaf, sizeof(leaf)) ||
			!read_all(held, "privkey.pem", key, sizeof(key)))
			return 1;
		if (!leaves[find_text(leaves, leaf)] ||
			find_text(leaves, leaf) != find_text(keys, key))
			return 2;
	}
}

static pid_t start_reader(const struct world *world, char *const *leaves, char *const *keys)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(read_on(world, leaves, keys));
	assert_true(pid > 0);
	return pid;
}

static void end_reader(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status)); /* it never ended by itself */
}

static void test_readers_find_a_whole_pair_at_any_moment(void **state)
{
	struct world *world = *state;
	_cleanup_(strv_freep) char **leaves = NULL, **keys = NULL;
	struct bundle *bundles[SWITCHES];
	pid_t reader;

	for (int i = 0; i < SWITCHES; i++) {
		_cleanup_(freep) char *leaf = NULL, *chain = NULL, *full = NULL;

		bundles[i] = another(world, 10 + i);
		leaf = certificate_pem(bundles[i]->leaf);
		chain = certificate_list_pem(&bundles[i]->chain);
		full = mem_printf("%s%s", leaf, chain);
		strv_append(&leaves, full);
		strv_append(&keys, secret_borrow(bundles[i]->key));
	}
	assert_int_equal(put(world, bundles[0]), 0);
	reader = start_reader(world, leaves, keys);
	for (int i = 1; i < SWITCHES; i++) {
		assert_int_equal(put(world, bundles[i]), 0);
		assert_holds(world, bundles[i]);
	}
	end_reader(reader); /* before time is made to pass: who holds a version has some seconds */
	age(world);
	assert_holds(world, bundles[SWITCHES - 1]); /* older ones go */
	for (int i = 0; i < SWITCHES; i++)
		bundle_free(bundles[i]);
}

/* Who has opened it reads it to the end, however many switches there are meanwhile. */
static void test_a_version_that_was_shown_a_moment_ago_is_left_to_its_readers(void **state)
{
	struct world *world = *state;

	assert_int_equal(put(world, world->bundle), 0);
	for (int i = 0; i < 3; i++) {
		struct bundle *renewed = another(world, 7 + i);

		if (i == 2)
			age(world);
		assert_int_equal(put(world, renewed), 0);
		assert_int_equal(i < 2, exists(at(world, ".versions/web/%s/privkey.pem",
						version_name(world->bundle))));
		bundle_free(renewed);
	}
}

/* --- What was there before --- */

static bool is_directory(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void test_a_link_becomes_a_directory_at_the_next_write(void **state)
{
	struct world *world = *state;
	struct bundle *renewed = another(world, 7);

	assert_int_equal(put(world, world->bundle), 0);
	assert_int_equal(world->news.change, SHOWN_AS_BEFORE);
	show_by_link(world, world->bundle);
	assert_holds(world, world->bundle);
	assert_false(is_directory(at(world, "web")));
	assert_int_equal(put(world, renewed), 0);
	assert_true(is_directory(at(world, "web")));
	assert_nothing_left(world);
	assert_holds(world, renewed);
	assert_int_equal(world->news.change, SHOWN_BECAME_DIRECTORY);
	assert_string_equal(world->news.path, at(world, "web"));
	assert_null(world->news.why.text);
	bundle_free(renewed);
}

/* The kernel's answer where a file system cannot exchange. */
static void refuse_exchange(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RENAME_EXCHANGE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(77);
}

static void test_a_link_stays_where_it_cannot_be_exchanged(void **state)
{
	struct world *world = *state;
	struct watcher watcher = { .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC) };
	struct bundle *renewed = another(world, 7);
	int status;
	pid_t pid;

	assert_int_equal(put(world, world->bundle), 0);
	show_by_link(world, world->bundle);
	pid = fork();
	if (pid == 0) {
		refuse_exchange();
		_exit(put(world, renewed) != 0 || world->news.change != SHOWN_STAYS_LINK ||
			!world->news.why.text ||
			strcmp(world->news.path, at(world, "web")) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_string_equal(
		target(at(world, "web")), at(world, ".versions/web/%s", version_name(renewed)) +
						  strlen(world->directory) + 1);
	assert_holds(world, renewed);
	watch(&watcher, "file",
		at(world, ".versions/web/%s/privkey.pem", version_name(world->bundle)), 0);
	age(world);
	assert_holds(world, renewed);
	assert_heard(&watcher, (const char *const[]){ "file deleted-self", NULL });
	fd_close(watcher.fd);
	assert_int_equal(put(world, world->bundle), 0); /* once it can, it is */
	assert_true(is_directory(at(world, "web")));
	assert_holds(world, world->bundle);
	bundle_free(renewed);
}

/* --- What is left to be done --- */

static struct timespec time_of(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	return status.st_mtim;
}

static void set_back(const char *path)
{
	struct timespec times[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void test_a_switch_is_finished_by_a_look(void **state)
{
	struct world *world = *state;
	struct timespec switched, after;

	assert_int_equal(put(world, world->bundle), 0);
	switched = time_of(at(world, "web/..data"));
	for (int what = 0; what < 4; what++) {
		if (what == 0)
			assert_int_equal(unlink(at(world, "web/privkey.pem")), 0);
		else if (what == 1)
			assert_int_equal(unlink(at(world, ".certferry.web")), 0);
		else if (what == 2)
			set_back(at(world, ".certferry.web"));
		else
			assert_int_equal(
				symlink("..data/haproxy.pem", at(world, "web/haproxy.pem")), 0);

		/* Who may only look says so, and does nothing. */
		world->context.only_look = true;
		look(world);
		assert_false(digest_is_set(&world->seen->version.digest));
		world->context.only_look = false;
		assert_holds(world, world->bundle);
		assert_string_equal(target(at(world, "web/privkey.pem")), "..data/privkey.pem");
		assert_string_equal(target(at(world, "web/haproxy.pem")), "");
		after = time_of(at(world, ".certferry.web"));
		assert_true(after.tv_sec > switched.tv_sec ||
			    (after.tv_sec == switched.tv_sec && after.tv_nsec >= switched.tv_nsec));
		after = time_of(at(world, "web/..data"));
		assert_memory_equal(&after, &switched, sizeof(after));
	}
}

static void test_a_clock_that_was_set_back_does_not_make_it_switch_for_ever(void **state)
{
	struct world *world = *state;
	struct timespec times[] = { { .tv_sec = time(NULL) + 86400 },
		{ .tv_sec = time(NULL) + 86400 } },
			stamped, again;

	assert_int_equal(put(world, world->bundle), 0);
	assert_int_equal(
		utimensat(AT_FDCWD, at(world, "web/..data"), times, AT_SYMLINK_NOFOLLOW), 0);
	assert_holds(world, world->bundle);
	stamped = time_of(at(world, ".certferry.web"));
	assert_int_equal(stamped.tv_sec, times[0].tv_sec);
	assert_holds(world, world->bundle);
	again = time_of(at(world, ".certferry.web"));
	assert_memory_equal(&again, &stamped, sizeof(again));
}

/* What somebody has put in the place of a link is not thrown away. */
static void test_a_file_in_the_place_of_a_link_is_foreign(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *kept = NULL;

	assert_int_equal(put(world, world->bundle), 0);
	write_text(at(world, "web/privkey.pem"), "mine");
	write_text(at(world, "web/dhparam.pem"), "mine too");
	assert_int_equal(look(world)->state, OBSERVED_FOREIGN);
	assert_non_null(strstr(world->seen->error.text, at(world, "web/privkey.pem")));
	assert_int_equal(put(world, world->bundle), -EEXIST);
	kept = content(at(world, "web/privkey.pem"));
	assert_string_equal(kept, "mine");
	assert_int_equal(unlink(at(world, "web/privkey.pem")), 0);
	assert_holds(world, world->bundle);
	assert_true(exists(at(world, "web/dhparam.pem")));
}

static void test_nothing_is_written_into_the_directory_of_another(void **state)
{
	struct world *world = *state;

	assert_int_equal(put(world, world->bundle), 0);
	world->delivery.object = (char *)"web/below";
	assert_int_equal(look(world)->state, OBSERVED_FOREIGN);
	assert_int_equal(put(world, world->bundle), -EEXIST);
	assert_false(exists(at(world, "web/below")));
}

/* --- Killed anywhere --- */

/* What the kernel says of a stop at a system call (ptrace(2)): C libraries differ in its name. */
struct syscall_stop {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t instruction, stack, number, arguments[6];
};

/* Is it one that changes what others see? */
static bool is_change(long number)
{
	static const long changes[] = { SYS_renameat, SYS_renameat2, SYS_symlinkat, SYS_unlinkat,
		SYS_mkdirat, SYS_openat, SYS_fsync, SYS_utimensat, SYS_fchmod };

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (number == changes[i])
			return true;
	return false;
}

static int look_again(struct world *world, struct bundle *bundle)
{
	return look(world)->error.kind ? -1 : 0;
}

/* Does ${act} in a process that is killed before its change ${number}; false: it made fewer. */
static bool is_killed(struct world *world, int (*act)(struct world *world, struct bundle *bundle),
	struct bundle *bundle, int number)
{
	struct syscall_stop info;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		_exit(act(world, bundle) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD), 0);
	while (WIFSTOPPED(status)) {
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info),
					    &info) > 0);
			if (info.op == PTRACE_SYSCALL_INFO_ENTRY &&
				is_change((long)info.number) && --number == 0)
				(void)kill(pid, SIGKILL);
		}
		(void)ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	assert_true(number <= 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
	return number <= 0;
}

/* Both paths lead to files of one version, at any time. */
static void assert_pair(struct world *world, const struct bundle *one, const struct bundle *other)
{
	_cleanup_(freep) char *key = content(at(world, "web/privkey.pem"));
	_cleanup_(freep) char *text = content(at(world, "web/fullchain.pem"));
	const struct bundle *held = strcmp(key, secret_borrow(one->key)) == 0 ? one : other;
	_cleanup_(freep) char *leaf = certificate_pem(held->leaf);

	assert_string_equal(key, secret_borrow(held->key));
	assert_memory_equal(text, leaf, strlen(leaf));
}

/* Nothing else is below .versions than these, with their anchors. */
static void assert_versions(
	struct world *world, const struct bundle *one, const struct bundle *other)
{
	char names[4][32];
	const char *sorted[] = { names[0], names[1], names[2], names[3], NULL };

	strcpy(names[0], version_name(one));
	strcpy(names[2], version_name(other));
	if (strcmp(names[0], names[2]) > 0) {
		strcpy(names[1], names[0]);
		strcpy(names[0], names[2]);
		strcpy(names[2], names[1]);
	}
	snprintf(names[1], sizeof(names[1]), "%.16s.anchor", names[0]);
	snprintf(names[3], sizeof(names[3]), "%.16s.anchor", names[2]);
	assert_entries(at(world, ".versions/web"), sorted);
}

enum start {
	START_EMPTY,
	START_LINK,
	START_DIRECTORY,
};

static void begin(struct world *world, enum start start)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s' '%s' '%s'", at(world, "web"),
		at(world, ".certferry.web"), at(world, ".versions"));
	assert_int_equal(system(command), 0);
	if (start == START_EMPTY)
		return;
	assert_int_equal(put(world, world->bundle), 0);
	age(world);
	if (start == START_LINK)
		show_by_link(world, world->bundle);
}

/*
 * What a run finds that follows one that was killed: a look, and a put where the look says that it
 * is needed.
 */
static void go_on(struct world *world, enum start start, struct bundle *renewed)
{
	struct observed *seen = look(world);
	struct version wanted = bundle_version(renewed);
	bool current = digest_equal(&seen->version.digest, &wanted.digest);

	assert_true(seen->state == OBSERVED_PRESENT ||
		    (start == START_EMPTY && seen->state == OBSERVED_ABSENT));
	if (current && is_directory(at(world, "web"))) /* without a put, all of it is done now */
		assert_string_equal(target(at(world, "web/privkey.pem")), "..data/privkey.pem");
	if (!current)
		assert_int_equal(put(world, renewed), 0);
	assert_holds(world, renewed);
	age(world);
	assert_holds(world, renewed); /* what was left goes, with the version before */
	assert_holds(world, renewed);
}

static void kill_at(struct world *world, enum start start, struct bundle *renewed, int most)
{
	int number = 1;

	for (;; number++) {
		begin(world, start);
		if (!is_killed(world, put, renewed, number))
			break;
		if (start != START_EMPTY || exists(at(world, "web")))
			assert_pair(world, world->bundle, renewed);
		go_on(world, start, renewed);
		assert_nothing_left(world);
		if (start != START_EMPTY)
			assert_versions(world, world->bundle, renewed);
	}
	assert_true(number > most);
}

/* With the end of a switch to be made, and copies of the version before. */
static void kill_look_at(struct world *world, struct bundle *renewed, int most)
{
	struct stat original, copy;
	int number = 1;

	for (bool killed = true; killed; number++) {
		const char *before;

		begin(world, START_DIRECTORY);
		assert_int_equal(put(world, renewed), 0);
		age(world);
		assert_int_equal(unlink(at(world, ".certferry.web")), 0);
		assert_int_equal(unlink(at(world, "web/privkey.pem")), 0);
		before = at(world, ".versions/web/%s/privkey.pem", version_name(world->bundle));
		assert_int_equal(stat(before, &original), 0);
		killed = is_killed(world, look_again, renewed, number);
		assert_true(exists(at(world, "web/fullchain.pem")));
		assert_holds(world, renewed);
		assert_holds(world, renewed);
		assert_nothing_left(world);
		assert_true(exists(at(world, "web/privkey.pem")));
		before = at(world, ".versions/web/%s/privkey.pem", version_name(world->bundle));
		assert_int_equal(stat(before, &copy), 0);
		assert_true(copy.st_size == original.st_size &&
			    copy.st_mtim.tv_sec > original.st_mtim.tv_sec);
		assert_versions(world, world->bundle, renewed);
	}
	assert_true(number > most);
}

static void test_killed_anywhere(void **state)
{
	struct world *world = *state;
	struct bundle *renewed = another(world, 7);

	log_level_set(LOG_ERR);
	kill_at(world, START_EMPTY, renewed, 20);
	kill_at(world, START_LINK, renewed, 20);
	kill_at(world, START_DIRECTORY, renewed, 20);
	kill_look_at(world, renewed, 20);
	log_level_set(LOG_INFO);
	bundle_free(renewed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_every_kind_of_watch_hears_of_a_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_daemon_that_goes_on_needs_no_other_look, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_readers_find_a_whole_pair_at_any_moment, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_version_that_was_shown_a_moment_ago_is_left_to_its_readers, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_a_link_becomes_a_directory_at_the_next_write, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_link_stays_where_it_cannot_be_exchanged, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_switch_is_finished_by_a_look, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_clock_that_was_set_back_does_not_make_it_switch_for_ever, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_in_the_place_of_a_link_is_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_nothing_is_written_into_the_directory_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_anywhere, setup, teardown),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
