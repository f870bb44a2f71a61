/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What certferry-install does as root, in the hands of an attacker who is the daemon's user: each
 * test of reading begins with a pair that is good, and breaks one thing of it.
 */

#include "tests/unit/shell/test_destination_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/install/confine.h"
#include "daemon/install/instance.h"
#include "daemon/install/pair.h"
#include "daemon/install/target.h"
#include "lib/base/buf.h"
#include "lib/os/file.h"

#define OTHER_USER 65534

struct world {
	char top[64];
	struct instance instance;
	struct issuer issuer;
	struct bundle *bundle; /* what is shown */
	char version[PAIR_VERSION_SIZE];
	struct pair pair;
	struct error error;
};

/* A path below the top; of one expression at a time. */
static const char *at(const struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static const char *at(const struct world *world, const char *format, ...)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];
	va_list arguments;
	int length = snprintf(path, sizeof(paths[0]), "%s/", world->top);

	va_start(arguments, format);
	(void)vsnprintf(path + length, sizeof(paths[0]) - (size_t)length, format, arguments);
	va_end(arguments);
	return path;
}

static void write_text(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, data, size), 0);
	assert_int_equal(close(fd), 0);
}

static void make_directories(const char *path)
{
	_cleanup_(freep) char *copy = mem_strdup(path);

	for (char *slash = copy; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		assert_true(mkdir(copy, 0750) == 0 || errno == EEXIST);
		*slash = '/';
	}
	assert_true(mkdir(copy, 0750) == 0 || errno == EEXIST);
}

static void put_copy_of(const char *from, const char *to)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	assert_int_equal(file_read(from, 1 << 20, &text, NULL), 0);
	write_text(to, text.data, text.length);
}

static void version_of(const struct certificate *leaf, char version[static PAIR_VERSION_SIZE])
{
	char fingerprint[FINGERPRINT_TEXT_SIZE];

	fingerprint_format(&leaf->fingerprint, fingerprint);
	memcpy(version, fingerprint, PAIR_VERSION_SIZE - 1);
	version[PAIR_VERSION_SIZE - 1] = '\0';
}

static const char *certificates_path(const struct world *world)
{
	return at(
		world, "tls/.versions/%s/%s/fullchain.pem", world->instance.object, world->version);
}

static const char *key_path(const struct world *world)
{
	return at(world, "tls/.versions/%s/%s/privkey.pem", world->instance.object, world->version);
}

static void point_data(const struct world *world, const char *says)
{
	const char *path = at(world, "tls/%s/..data", world->instance.object);

	(void)unlink(path);
	assert_int_equal(symlink(says, path), 0);
}

/* As daemon/destination lays a bundle down for ${up} (../ for each step of the object). */
static void lay(struct world *world, struct bundle *bundle, const char *up)
{
	_cleanup_(freep) char *leaf = certificate_pem(bundle->leaf);
	_cleanup_(freep) char *chain = certificate_list_pem(&bundle->chain);
	_cleanup_(freep) char *certificates = mem_printf("%s%s", leaf, chain);
	_cleanup_(freep) char *says = NULL;

	if (world->bundle && world->bundle != bundle)
		bundle_free(world->bundle);
	world->bundle = bundle;
	version_of(bundle->leaf, world->version);
	make_directories(at(world, "tls/%s", world->instance.object));
	make_directories(at(world, "tls/.versions/%s/%s", world->instance.object, world->version));
	write_text(certificates_path(world), certificates, strlen(certificates));
	write_text(key_path(world), secret_borrow(bundle->key), secret_length(bundle->key));
	says = mem_printf("%s.versions/%s/%s", up, world->instance.object, world->version);
	point_data(world, says);
}

static int setup(void **state)
{
	struct world *world = mem_new(struct world);

	(void)snprintf(world->top, sizeof(world->top), "/tmp/test-install-XXXXXX");
	assert_non_null(mkdtemp(world->top));
	make_directories(at(world, "tls"));
	make_directories(at(world, "outside"));
	make_directories(at(world, "targets"));
	world->pair = PAIR_NULL;
	world->instance = (struct instance){
		.directory = mem_strdup(at(world, "tls")),
		.object = mem_strdup("db"),
		.target = mem_strdup(at(world, "targets/db")),
		.owner = geteuid(),
		.group = getegid(),
		.mode = 0600,
	};
	world->issuer = make_issuer("Root");
	lay(world, make_bundle(&world->issuer, "db.example.com", 2, 100), "../");
	alarm(20); /* nothing of this may wait for anybody */
	*state = world;
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct world *world = *state;

	alarm(0);
	assert_int_equal(nftw(world->top, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	pair_done(&world->pair);
	error_done(&world->error);
	instance_done(&world->instance);
	issuer_done(&world->issuer);
	bundle_free(world->bundle);
	free(world);
	return 0;
}

/* --- reading --- */

static int read_pair(struct world *world)
{
	pair_done(&world->pair);
	if (pair_read(&world->instance, &world->pair, &world->error) < 0)
		return -1;
	return pair_judge(&world->instance, &world->pair, &world->error);
}

static void expect_pair(struct world *world)
{
	_cleanup_(freep) char *leaf = certificate_pem(world->bundle->leaf);

	if (read_pair(world) < 0)
		fail_msg("it is refused: %s", world->error.text);
	assert_string_equal(world->pair.version, world->version);
	assert_memory_equal(world->pair.certificates.data, leaf, strlen(leaf));
	assert_string_equal(secret_borrow(world->pair.key), secret_borrow(world->bundle->key));
	assert_true(world->pair.not_after == world->bundle->leaf->not_after);
}

static void expect_refusal(struct world *world, enum error_kind kind, const char *says)
{
	assert_true(read_pair(world) < 0);
	if (!strstr(world->error.text, says))
		fail_msg("'%s' does not say '%s'", world->error.text, says);
	assert_int_equal(world->error.kind, kind);
	error_done(&world->error);
}

static void test_reads_what_is_shown(void **state)
{
	struct world *world = *state;

	expect_pair(world);
	lay(world, make_bundle(&world->issuer, "db.example.com", 3, 50), "../");
	expect_pair(world);
	free(world->instance.object);
	world->instance.object = mem_strdup("a/b/c");
	lay(world, make_bundle(&world->issuer, "c.example.com", 4, 50), "../../../");
	expect_pair(world);
}

static void test_believes_one_form_of_the_link(void **state)
{
	struct world *world = *state;
	const char *v = world->version;
	char *texts[] = {
		mem_printf("/etc"),
		mem_printf("../../outside"),
		mem_printf("%s/tls/.versions/db/%s", world->top, v),
		mem_printf(".versions/db/%s", v),
		mem_printf("../../.versions/db/%s", v),
		mem_printf("../../elsewhere/%s", v),
		mem_printf("../.versions/db2/%s", v),
		mem_printf("../.versions/db/../db/%s", v),
		mem_printf("../.versions//db/%s", v),
		mem_printf("../.versions/db/%s/", v),
		mem_printf("../.versions/db/%.15s", v),
		mem_printf("../.versions/db/%s0", v),
		mem_printf("../.versions/db/%.15sG", v),
		mem_printf("../.versions/db/%.15sA", v),
		mem_printf("../.versions/db/..//////////////"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		point_data(world, texts[i]);
		expect_refusal(
			world, ERROR_DENIED, "does not say ../.versions/db/ and 16 hex digits");
		free(texts[i]);
	}
	point_data(world, "../.versions/db/0123456789abcdef");
	expect_refusal(world, ERROR_ABSENT, "0123456789abcdef");
	assert_int_equal(unlink(at(world, "tls/db/..data")), 0);
	expect_refusal(world, ERROR_ABSENT, "read the link");
	write_text(at(world, "tls/db/..data"), "x", 1);
	expect_refusal(world, ERROR_INVALID, "read the link");
}

/* Moves ${path} below tls/ to outside/, whence a link leads to it. */
static void swap_for_link(struct world *world, const char *path)
{
	_cleanup_(freep) char *away = mem_strdup(at(world, "outside/moved"));

	assert_int_equal(rename(at(world, "tls/%s", path), away), 0);
	assert_int_equal(symlink(away, at(world, "tls/%s", path)), 0);
	expect_refusal(world, ERROR_DENIED, "symbolic link");
	assert_int_equal(unlink(at(world, "tls/%s", path)), 0);
	assert_int_equal(rename(away, at(world, "tls/%s", path)), 0);
	expect_pair(world);
}

static void test_goes_through_no_link(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *version = mem_printf(".versions/db/%s", world->version);
	_cleanup_(freep) char *certificates = mem_printf("%s/fullchain.pem", version);
	_cleanup_(freep) char *key = mem_printf("%s/privkey.pem", version);

	swap_for_link(world, "db");
	swap_for_link(world, ".versions");
	swap_for_link(world, ".versions/db");
	swap_for_link(world, version);
	swap_for_link(world, certificates);
	swap_for_link(world, key);
}

/* What root's file cannot say, as it is parsed, leads nowhere either. */
static void test_goes_out_of_no_directory(void **state)
{
	struct world *world = *state;

	free(world->instance.object);
	world->instance.object = mem_strdup("../outside");
	expect_refusal(world, ERROR_DENIED, "out of the directory");
}

/* Until it is killed: all that lies below .versions/ lies elsewhere, and here again, and so on. */
static void swap_for_ever(const struct world *world)
{
	_cleanup_(freep) char *versions = mem_strdup(at(world, "tls/.versions"));
	_cleanup_(freep) char *elsewhere = mem_strdup(at(world, "tls/.elsewhere"));

	while (renameat2(AT_FDCWD, versions, AT_FDCWD, elsewhere, RENAME_EXCHANGE) == 0)
		;
	_exit(1);
}

/* Whatever he does meanwhile: what lies elsewhere is never read. */
static void test_is_not_outrun(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *marked = mem_printf("%s\n", secret_borrow(world->bundle->key));
	_cleanup_(freep) char *place = mem_strdup(
		at(world, "outside/versions/db/%s", world->version));
	unsigned read = 0, refused = 0;
	pid_t pid;

	make_directories(place);
	put_copy_of(certificates_path(world),
		at(world, "outside/versions/db/%s/fullchain.pem", world->version));
	write_text(at(world, "outside/versions/db/%s/privkey.pem", world->version), marked,
		strlen(marked));
	assert_int_equal(symlink("../outside/versions", at(world, "tls/.elsewhere")), 0);
	pid = fork();
	if (pid == 0)
		swap_for_ever(world);
	for (unsigned i = 0; i < 20000 && (i < 200 || !read || !refused); i++) {
		if (read_pair(world) < 0) {
			refused++;
			continue;
		}
		read++;
		assert_string_equal(
			secret_borrow(world->pair.key), secret_borrow(world->bundle->key));
	}
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(read > 0 && refused > 0);
}

/* The way to DIRECTORY must not be the daemon's user's: he could put another in its place. */
static void test_directory_that_others_could_replace(void **state)
{
	struct world *world = *state;

	assert_int_equal(chmod(world->top, 0777), 0);
	expect_refusal(world, ERROR_DENIED, "chmod go-w");
	assert_int_equal(chmod(world->top, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(world->top, OTHER_USER, 0), 0);
		expect_refusal(world, ERROR_DENIED, "chown");
		assert_int_equal(chown(world->top, 0, 0), 0);
	}
	/* It itself is his. */
	assert_int_equal(chmod(at(world, "tls"), 0777), 0);
	expect_pair(world);
}

static void each_file(struct world *world, void (*break_it)(struct world *world, const char *path),
	enum error_kind kind, const char *says)
{
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_(freep) char *path = mem_strdup(
			i ? key_path(world) : certificates_path(world));
		_cleanup_(freep) char *away = mem_strdup(at(world, "outside/away"));

		assert_int_equal(rename(path, away), 0);
		break_it(world, path);
		expect_refusal(world, kind, says);
		if (unlink(path) < 0)
			assert_int_equal(rmdir(path), 0);
		(void)unlink(at(world, "outside/other-name"));
		assert_int_equal(rename(away, path), 0);
		expect_pair(world);
	}
}

static void put_nothing(struct world *world, const char *path)
{
	assert_int_equal(symlink("nowhere", path), 0); /* to be removed again */
}

static void put_copy(struct world *world, const char *path)
{
	put_copy_of(at(world, "outside/away"), path);
}

static void put_second_name(struct world *world, const char *path)
{
	put_copy(world, path);
	assert_int_equal(link(path, at(world, "outside/other-name")), 0);
}

static void put_fifo(struct world *world, const char *path)
{
	assert_int_equal(mkfifo(path, 0666), 0);
}

static void put_directory(struct world *world, const char *path)
{
	assert_int_equal(mkdir(path, 0777), 0);
}

static void put_socket(struct world *world, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_(freep) char *here = mem_strdup(at(world, "outside/socket"));

	memcpy(address.sun_path, here, strlen(here));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(rename(here, path), 0);
}

static void put_empty(struct world *world, const char *path)
{
	write_text(path, "", 0);
}

static void put_huge(struct world *world, const char *path)
{
	put_copy(world, path);
	assert_int_equal(truncate(path, (off_t)PAIR_FILE_MAX + 1), 0);
}

/* Nothing is allocated for it. */
static void put_endless(struct world *world, const char *path)
{
	write_text(path, "", 0);
	assert_int_equal(truncate(path, (off_t)1 << 40), 0);
}

static void put_zeros(struct world *world, const char *path)
{
	put_copy(world, path);
	assert_int_equal(truncate(path, (off_t)PAIR_FILE_MAX), 0);
}

static void put_others(struct world *world, const char *path)
{
	put_copy(world, path);
	assert_int_equal(chown(path, OTHER_USER, (gid_t)-1), 0);
}

static void test_reads_regular_files_alone(void **state)
{
	struct world *world = *state;

	each_file(world, put_nothing, ERROR_DENIED, "symbolic link");
	each_file(world, put_second_name, ERROR_DENIED, "has 2 names (hard links)");
	each_file(world, put_fifo, ERROR_DENIED, "is not a regular file");
	each_file(world, put_directory, ERROR_DENIED, "is not a regular file");
	each_file(world, put_socket, ERROR_ABSENT, "No such device or address");
	each_file(world, put_huge, ERROR_INVALID,
		"has 1048577 bytes, more than the limit of 1048576");
	each_file(world, put_endless, ERROR_INVALID, "more than the limit");
	each_file(world, put_empty, ERROR_INVALID, "");
	each_file(world, put_zeros, ERROR_INVALID, "");
	if (geteuid() == 0)
		each_file(world, put_others, ERROR_DENIED, "belongs to user 65534");
}

/* Who opens a file to read waits for him who holds such a lease, for 45 s by default. */
static void test_waits_for_no_lease(void **state)
{
	struct world *world = *state;
	_cleanup_(fd_closep) int fd = open(key_path(world), O_RDWR | O_CLOEXEC);
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	assert_int_equal(sigaction(SIGIO, &ignore, NULL), 0);
	assert_true(fd >= 0);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		skip();
	expect_refusal(world, ERROR_RETRY, "Resource temporarily unavailable");
}

static void put_pair(struct world *world, const struct certificate *leaf, const struct secret *key)
{
	_cleanup_(freep) char *text = leaf ? certificate_pem(leaf) : NULL;

	if (text)
		write_text(certificates_path(world), text, strlen(text));
	if (key)
		write_text(key_path(world), secret_borrow(key), secret_length(key));
}

static void test_pair_belongs_together(void **state)
{
	struct world *world = *state;
	_cleanup_(bundle_freep) struct bundle *other = make_bundle(
		&world->issuer, "db.example.com", 9, 10);

	put_pair(world, NULL, other->key);
	expect_refusal(world, ERROR_DENIED, "does not belong to the certificate");
	put_pair(world, other->leaf, other->key);
	expect_refusal(world, ERROR_DENIED, "is not of version");
	put_pair(world, other->leaf, world->bundle->key);
	expect_refusal(world, ERROR_DENIED, "is not of version");
	put_pair(world, world->bundle->leaf, world->bundle->key);
	expect_pair(world);
}

static void test_text_is_strict(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *leaf = certificate_pem(world->bundle->leaf);
	const char *key = secret_borrow(world->bundle->key);
	_cleanup_(freep) char *around = mem_printf("some words\n%s", leaf);
	_cleanup_(freep) char *twice = mem_printf("%s%s", key, key);
	_cleanup_(freep) char *both = mem_printf("%s%s", leaf, key);
	_cleanup_(freep) char *cut = mem_strndup(key, strlen(key) / 2);
	_cleanup_(buf_done) struct buf many = BUF_NULL;

	write_text(certificates_path(world), around, strlen(around));
	expect_refusal(world, ERROR_INVALID, "'fullchain.pem'");
	write_text(certificates_path(world), both, strlen(both));
	expect_refusal(world, ERROR_INVALID, "'fullchain.pem'");
	for (size_t i = 0; i < 1000; i++)
		buf_append_string(&many, leaf);
	write_text(certificates_path(world), many.data, many.length);
	expect_refusal(world, ERROR_INVALID, "'fullchain.pem'");
	write_text(certificates_path(world), "\n\n", 2);
	expect_refusal(world, ERROR_INVALID, "holds no certificate");
	write_text(certificates_path(world), leaf, strlen(leaf));
	write_text(key_path(world), twice, strlen(twice));
	expect_refusal(world, ERROR_INVALID, "'privkey.pem': more than one private key");
	write_text(key_path(world), cut, strlen(cut));
	expect_refusal(world, ERROR_INVALID, "'privkey.pem'");
	write_text(key_path(world), leaf, strlen(leaf));
	expect_refusal(world, ERROR_INVALID, "'privkey.pem'");
	write_text(key_path(world), key, strlen(key));
	expect_pair(world);
}

/* --- the target --- */

static char *text_of(const char *path)
{
	struct buf text = BUF_NULL;

	if (file_read(path, 1 << 20, &text, NULL) < 0)
		return NULL;
	return buf_take(&text);
}

static char *says(const char *path)
{
	char text[512];
	ssize_t length = readlink(path, text, sizeof(text));

	return length < 0 ? NULL : mem_strndup(text, (size_t)length);
}

static int put_pair_at_target(struct world *world)
{
	_cleanup_(target_done) struct target target = TARGET_NULL;

	if (target_open(&world->instance, &target, &world->error) < 0)
		return -1;
	return target_install(&world->instance, &target, &world->pair, &world->error);
}

static void install(struct world *world)
{
	expect_pair(world);
	if (put_pair_at_target(world) < 0)
		fail_msg("it is not installed: %s", world->error.text);
}

static void expect_installed(struct world *world)
{
	_cleanup_(freep) char *certificates = text_of(at(world, "targets/db/fullchain.pem"));
	_cleanup_(freep) char *key = text_of(at(world, "targets/db/privkey.pem"));
	_cleanup_(freep) char *data = says(at(world, "targets/db/..data"));
	struct stat status;

	assert_string_equal(certificates, world->pair.certificates.data);
	assert_string_equal(key, secret_borrow(world->bundle->key));
	assert_memory_equal(data + 2, world->version, PAIR_VERSION_SIZE - 1);
	for (unsigned i = 0; i < 2; i++) {
		const char *path = at(world, "targets/db/%s", i ? PAIR_KEY : PAIR_CERTIFICATES);

		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode, S_IFREG | world->instance.mode);
		assert_int_equal(status.st_uid, world->instance.owner);
		assert_int_equal(status.st_gid, world->instance.group);
		assert_int_equal(lstat(path, &status), 0);
		assert_true(S_ISLNK(status.st_mode));
	}
}

static unsigned count_versions(const struct world *world)
{
	_cleanup_(freep) char *command = mem_printf(
		"ls -a %s/targets/db | grep -c '^\\.\\.[0-9a-f]\\{16\\}-[0-9a-f]\\{8\\}$'",
		world->top);
	FILE *stream = popen(command, "r");
	unsigned count = 0;

	assert_int_equal(fscanf(stream, "%u", &count), 1);
	(void)pclose(stream);
	return count;
}

static void test_installs_and_switches(void **state)
{
	struct world *world = *state;
	_cleanup_(fd_closep) int held = -1;
	_cleanup_(freep) char *before = NULL;
	struct stat status;

	install(world);
	expect_installed(world);
	assert_int_equal(stat(at(world, "targets/db"), &status), 0);
	assert_int_equal(status.st_mode, S_IFDIR | 0755);
	assert_int_equal(stat(at(world, "targets/db/..data"), &status), 0);
	assert_int_equal(status.st_mode, S_IFDIR | 0755);
	assert_int_equal(count_versions(world), 1);

	/* Who has opened the pair goes on with it. */
	held = open(at(world, "targets/db/..data"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	before = text_of(at(world, "targets/db/privkey.pem"));
	lay(world, make_bundle(&world->issuer, "db.example.com", 3, 50), "../");
	install(world);
	expect_installed(world);
	assert_int_equal(count_versions(world), 2);
	{
		_cleanup_(fd_closep) int key = openat(held, PAIR_KEY, O_RDONLY | O_CLOEXEC);
		_cleanup_(buf_done) struct buf text = BUF_NULL;

		assert_int_equal(file_read_fd(key, PAIR_KEY, 1 << 20, &text, NULL), 0);
		assert_string_equal(text.data, before);
	}
	lay(world, make_bundle(&world->issuer, "db.example.com", 4, 25), "../");
	install(world);
	expect_installed(world);
	assert_int_equal(count_versions(world), 2);
	/* The same again does no harm. */
	install(world);
	expect_installed(world);
}

static void test_gives_files_to_their_owner(void **state)
{
	struct world *world = *state;

	if (geteuid() != 0)
		skip();
	world->instance.owner = OTHER_USER;
	world->instance.group = 65533;
	install(world);
	expect_installed(world);
	world->instance.owner = 0;
	world->instance.mode = 0640;
	install(world);
	expect_installed(world);
}

static void test_removes_what_a_crash_left(void **state)
{
	struct world *world = *state;

	install(world);
	make_directories(at(world, "targets/db/..0123456789abcdef-01234567"));
	write_text(at(world, "targets/db/..0123456789abcdef-01234567/privkey.pem"), "x", 1);
	make_directories(at(world, "targets/db/..0123456789abcdef"));
	assert_int_equal(unlink(at(world, "targets/db/privkey.pem")), 0); /* before that was made */
	lay(world, make_bundle(&world->issuer, "db.example.com", 3, 50), "../");
	install(world);
	expect_installed(world);
	assert_int_equal(count_versions(world), 2);
	assert_int_equal(
		rmdir(at(world, "targets/db/..0123456789abcdef")), 0); /* not ours, so kept */
}

static void expect_not_installed(struct world *world, enum error_kind kind, const char *text)
{
	assert_true(put_pair_at_target(world) < 0);
	if (!strstr(world->error.text, text))
		fail_msg("'%s' does not say '%s'", world->error.text, text);
	assert_int_equal(world->error.kind, kind);
	error_done(&world->error);
}

static void test_target_that_others_could_change(void **state)
{
	struct world *world = *state;

	expect_pair(world);
	assert_int_equal(chmod(at(world, "targets"), 0777), 0);
	expect_not_installed(world, ERROR_DENIED, "chmod go-w");
	assert_int_equal(access(at(world, "targets/db"), F_OK), -1);
	assert_int_equal(chmod(at(world, "targets"), 01777), 0);
	expect_not_installed(world, ERROR_DENIED, "chmod go-w");
	assert_int_equal(chmod(at(world, "targets"), 0755), 0);
	assert_int_equal(chmod(world->top, 0777), 0);
	expect_not_installed(world, ERROR_DENIED, "");
	assert_int_equal(chmod(world->top, 0755), 0);
	make_directories(at(world, "targets/db"));
	assert_int_equal(chmod(at(world, "targets/db"), 0775), 0);
	if (getegid() != 0)
		expect_not_installed(world, ERROR_DENIED, "others than root");
	assert_int_equal(chmod(at(world, "targets/db"), 0777), 0);
	expect_not_installed(world, ERROR_DENIED, "others than root");
	assert_int_equal(chmod(at(world, "targets/db"), 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(at(world, "targets/db"), OTHER_USER, 0), 0);
		expect_not_installed(world, ERROR_DENIED, "others than root");
		assert_int_equal(chown(at(world, "targets/db"), 0, 0), 0);
		assert_int_equal(chown(at(world, "targets"), OTHER_USER, 0), 0);
		expect_not_installed(world, ERROR_DENIED, "chown");
		assert_int_equal(chown(at(world, "targets"), 0, 0), 0);
	}
	install(world);
	expect_installed(world);
}

static void test_target_of_another_form(void **state)
{
	struct world *world = *state;

	expect_pair(world);
	assert_int_equal(symlink(at(world, "outside"), at(world, "targets/db")), 0);
	expect_not_installed(world, ERROR_INVALID, "open the directory");
	assert_int_equal(unlink(at(world, "targets/db")), 0);
	make_directories(at(world, "targets/db"));
	write_text(at(world, "targets/db/privkey.pem"), "mine", 4);
	expect_not_installed(world, ERROR_CONFLICT, "'privkey.pem' is not a link");
	assert_int_equal(unlink(at(world, "targets/db/privkey.pem")), 0);
	assert_int_equal(symlink("/etc/passwd", at(world, "targets/db/privkey.pem")), 0);
	expect_not_installed(
		world, ERROR_CONFLICT, "the link 'privkey.pem' leads to '/etc/passwd'");
	assert_int_equal(unlink(at(world, "targets/db/privkey.pem")), 0);
	assert_int_equal(symlink("/etc", at(world, "targets/db/..data")), 0);
	expect_not_installed(world, ERROR_CONFLICT, "the link '..data' leads to '/etc'");
	assert_int_equal(unlink(at(world, "targets/db/..data")), 0);
	make_directories(at(world, "targets/db/..data"));
	expect_not_installed(world, ERROR_CONFLICT, "'..data' is not a link");
	assert_int_equal(rmdir(at(world, "targets/db/..data")), 0);
	install(world);
	expect_installed(world);
}

/* The disk is full, or so it looks. */
static void test_failed_write_changes_nothing(void **state)
{
	struct world *world = *state;
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct rlimit limit, before;
	_cleanup_(freep) char *data = NULL, *after = NULL;

	install(world);
	data = says(at(world, "targets/db/..data"));
	lay(world, make_bundle(&world->issuer, "db.example.com", 3, 50), "../");
	expect_pair(world);
	assert_int_equal(sigaction(SIGXFSZ, &ignore, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 300; /* the key has less, the certificates more */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_not_installed(world, ERROR_RETRY, "write 'fullchain.pem'");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	after = says(at(world, "targets/db/..data"));
	assert_string_equal(after, data);
	assert_int_equal(count_versions(world), 1);
}

/* --- without root's rights --- */

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static bool is_refused(long result, int number)
{
	return result < 0 && errno == number;
}

/* In a process of its own: the first line that does not hold, or 0. */
static int try_confined(struct world *world)
{
	_cleanup_(target_done) struct target target = TARGET_NULL;
	const struct open_how how = { .flags = O_RDONLY };
	int fd;

	EXPECT(target_open(&world->instance, &target, NULL) == 0);
	EXPECT(confine(target.fd, NULL) == 0);
	/* What it is there for still works, and what was opened before. */
	EXPECT(pair_judge(&world->instance, &world->pair, NULL) == 0);
	EXPECT(target_install(&world->instance, &target, &world->pair, NULL) == 0);
	EXPECT(target_install(&world->instance, &target, &world->pair, NULL) == 0);
	EXPECT(is_refused(syscall(SYS_openat2, target.fd, "..data", &how, sizeof(how)), EPERM));
	EXPECT(is_refused(openat(target.fd, "x", O_WRONLY | O_CREAT, 04755), EPERM));
	EXPECT(is_refused(openat(target.fd, "x", O_WRONLY | O_CREAT, 02755), EPERM));
	EXPECT(is_refused(mkdirat(target.fd, "x", 02755), EPERM));
	EXPECT(is_refused(fchmodat(target.fd, "..data", 04755, 0), EPERM));
	EXPECT(is_refused(mknodat(target.fd, "x", S_IFREG | 04755, 0), EPERM));
	EXPECT(is_refused(execl("/bin/true", "true", NULL), EPERM));
	fd = openat(target.fd, "y", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	EXPECT(fd >= 0);
	EXPECT(is_refused(fchmod(fd, 04700), EPERM));
	EXPECT(fchmod(fd, 0700) == 0);
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0)
		return 0;
	EXPECT(is_refused(open("/etc/passwd", O_RDONLY), EACCES));
	EXPECT(is_refused(openat(target.fd, "fullchain.pem", O_RDONLY), EACCES));
	EXPECT(is_refused(open(at(world, "outside/x"), O_WRONLY | O_CREAT, 0600), EACCES));
	EXPECT(is_refused(unlink(at(world, "tls/db/..data")), EACCES));
	return 0;
}

static void test_parses_without_roots_rights(void **state)
{
	struct world *world = *state;
	int status;
	pid_t pid;

	expect_pair(world);
	pid = fork();
	if (pid == 0) {
		int line = try_confined(world);

		if (line)
			(void)fprintf(stderr, "line %d: errno %d\n", line, errno);
		_exit(line ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect_installed(world);
}

/* --- what root decided --- */

#define GOOD                                                                                       \
	"directory=/var/lib/certferry-tls\nas=db\ntarget=/var/lib/certferry-install/"              \
	"db\nowner=0\ngroup=0\nmode=0640\n"

static void test_instance_is_parsed(void **state)
{
	_cleanup_(instance_done) struct instance instance = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(instance_parse("# Of PostgreSQL\n\n" GOOD, &instance, &err), 0);
	assert_string_equal(instance.directory, "/var/lib/certferry-tls");
	assert_string_equal(instance.object, "db");
	assert_string_equal(instance.target, "/var/lib/certferry-install/db");
	assert_int_equal(instance.owner, 0);
	assert_int_equal(instance.group, 0);
	assert_int_equal(instance.mode, 0640);
	instance_done(&instance);
	assert_int_equal(
		instance_parse(
			"directory=/a\nas=x/y.z@1\ntarget=/b\nowner=root\ngroup=daemon\nmode=0400",
			&instance, &err),
		0);
	assert_string_equal(instance.object, "x/y.z@1");
	assert_int_equal(instance.owner, 0);
	assert_int_equal(instance.group, 1);
	assert_int_equal(instance.mode, 0400);
}

static void test_instance_is_refused(void **state)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{ "directory=tls", "line 1: 'directory': must be an absolute path" },
		{ "directory=", "absolute path" },
		{ "directory=/", "absolute path" },
		{ "directory=/a/../b", "absolute path" },
		{ "directory=/a/./b", "absolute path" },
		{ "directory=/a//b", "absolute path" },
		{ "directory=/a/", "absolute path" },
		{ "target=relative", "absolute path" },
		{ "target=/..", "absolute path" },
		{ "as=", "relative path" },
		{ "as=/db", "relative path" },
		{ "as=../db", "relative path" },
		{ "as=.versions/db", "relative path" },
		{ "as=a/.b", "relative path" },
		{ "as=a//b", "relative path" },
		{ "as=a/", "relative path" },
		{ "as=a b", "relative path" },
		{ "as=a\\b", "relative path" },
		{ "owner=", "must be a user" },
		{ "owner=no-such-user", "must be a user" },
		{ "owner=-1", "must be a user" },
		{ "owner=4294967295", "must be a user" },
		{ "owner=99999999999999999999", "must be a user" },
		{ "group=4294967295", "must be a group" },
		{ "group=no-such-group", "must be a group" },
		{ "mode=0644", "must be 0400, 0440, 0600 or 0640" },
		{ "mode=0660", "must be" },
		{ "mode=4600", "must be" },
		{ "mode=600", "must be" },
		{ "mode=", "must be" },
		{ "Mode=0600", "no such key" },
		{ "mode", "must be KEY=VALUE" },
		{ " mode=0600", "no such key" },
		{ "as=db\nas=db", "line 2: 'as' is there twice" },
		{ "as=db", "the key 'directory' is missing" },
		{ "", "the key 'directory' is missing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(instance_done) struct instance instance = { 0 };
		_cleanup_(error_done) struct error err = ERROR_NULL;

		if (instance_parse(bad[i].line, &instance, &err) == 0 ||
			!strstr(err.text, bad[i].says))
			fail_msg("'%s': '%s' does not say '%s'", bad[i].line, err.text ?: "",
				bad[i].says);
		assert_null(instance.directory);
	}
}

static void expect_instance_refused(struct world *world, enum error_kind kind, const char *text)
{
	struct instance instance = { 0 };

	assert_true(instance_read(at(world, "outside/db.conf"), &instance, &world->error) < 0);
	if (!strstr(world->error.text, text))
		fail_msg("'%s' does not say '%s'", world->error.text, text);
	assert_int_equal(world->error.kind, kind);
	error_done(&world->error);
}

static void test_instance_that_others_could_change(void **state)
{
	struct world *world = *state;
	_cleanup_(instance_done) struct instance instance = { 0 };
	const char *path = at(world, "outside/db.conf");

	write_text(path, GOOD, strlen(GOOD));
	assert_int_equal(instance_read(path, &instance, &world->error), 0);
	assert_int_equal(chmod(at(world, "outside/db.conf"), 0646), 0);
	expect_instance_refused(world, ERROR_DENIED, "chmod go-w");
	if (geteuid() == 0) {
		assert_int_equal(chmod(at(world, "outside/db.conf"), 0664), 0);
		assert_int_equal(chown(at(world, "outside/db.conf"), 0, 1), 0);
		expect_instance_refused(world, ERROR_DENIED, "chmod go-w");
		assert_int_equal(chmod(at(world, "outside/db.conf"), 0644), 0);
		assert_int_equal(chown(at(world, "outside/db.conf"), OTHER_USER, 0), 0);
		expect_instance_refused(world, ERROR_DENIED, "chown");
		assert_int_equal(chown(at(world, "outside/db.conf"), 0, 0), 0);
	}
	assert_int_equal(chmod(at(world, "outside/db.conf"), 0644), 0);
	assert_int_equal(chmod(at(world, "outside"), 0777), 0);
	expect_instance_refused(world, ERROR_DENIED, "chmod go-w");
	assert_int_equal(chmod(at(world, "outside"), 0755), 0);
	write_text(at(world, "outside/db.conf"), "as=db\0x", 7);
	expect_instance_refused(world, ERROR_INVALID, "a byte of zero");
	assert_int_equal(truncate(at(world, "outside/db.conf"), 1 << 20), 0);
	expect_instance_refused(world, ERROR_INVALID, "larger than the limit");
	assert_int_equal(unlink(at(world, "outside/db.conf")), 0);
	assert_int_equal(mkfifo(at(world, "outside/db.conf"), 0600), 0);
	expect_instance_refused(world, ERROR_DENIED, "not a regular file");
	assert_int_equal(unlink(at(world, "outside/db.conf")), 0);
	expect_instance_refused(world, ERROR_ABSENT, "db.conf");
}

static void test_names_of_instances(void **state)
{
	assert_true(instance_name_is_valid("postgresql"));
	assert_true(instance_name_is_valid("pg-15_main.a"));
	assert_false(instance_name_is_valid(""));
	assert_false(instance_name_is_valid("."));
	assert_false(instance_name_is_valid(".."));
	assert_false(instance_name_is_valid(".hidden"));
	assert_false(instance_name_is_valid("a/b"));
	assert_false(instance_name_is_valid("../x"));
	assert_false(instance_name_is_valid("a b"));
	assert_false(instance_name_is_valid("a\\x2fb"));
	assert_false(instance_name_is_valid(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_what_is_shown),
		TEST(test_believes_one_form_of_the_link),
		TEST(test_goes_through_no_link),
		TEST(test_goes_out_of_no_directory),
		TEST(test_is_not_outrun),
		TEST(test_directory_that_others_could_replace),
		TEST(test_reads_regular_files_alone),
		TEST(test_waits_for_no_lease),
		TEST(test_pair_belongs_together),
		TEST(test_text_is_strict),
		TEST(test_installs_and_switches),
		TEST(test_gives_files_to_their_owner),
		TEST(test_removes_what_a_crash_left),
		TEST(test_target_that_others_could_change),
		TEST(test_target_of_another_form),
		TEST(test_failed_write_changes_nothing),
		TEST(test_parses_without_roots_rights),
		cmocka_unit_test(test_instance_is_parsed),
		cmocka_unit_test(test_instance_is_refused),
		TEST(test_instance_that_others_could_change),
		cmocka_unit_test(test_names_of_instances),
	};

	if (secret_heap_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
