/* SPDX-License-Identifier: Apache-2.0 */

/* Files: what lies where, what is kept, what is refused, and what a crash may leave behind. */

#include "tests/unit/shell/test_destination_files.h"

#include <errno.h>
#include <sched.h>
#include <sys/wait.h>

static void test_first_delivery(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *leaf = certificate_pem(world->bundle->leaf);
	_cleanup_(freep) char *chain = certificate_list_pem(&world->bundle->chain);
	_cleanup_(freep) char *full = mem_printf("%s%s", leaf, chain);
	_cleanup_(freep) char *got = NULL, *key = NULL;
	struct stat stamp;

	assert_int_equal(look(world)->state, OBSERVED_ABSENT);
	assert_int_equal(put(world, world->bundle), 0);
	assert_string_equal(world->object_id, at(world, "web"));

	assert_string_equal(target(at(world, "web/..data")),
		at(world, "../.versions/web/%s", version_name(world->bundle)) +
			strlen(world->directory) + 1);
	assert_string_equal(target(at(world, "web/fullchain.pem")), "..data/fullchain.pem");
	assert_string_equal(target(at(world, "web/privkey.pem")), "..data/privkey.pem");
	assert_int_equal(lstat(at(world, ".certferry.web"), &stamp), 0);
	assert_true(S_ISREG(stamp.st_mode) && stamp.st_size == 0);
	got = content(at(world, "web/fullchain.pem"));
	key = content(at(world, "web/privkey.pem"));
	assert_string_equal(got, full);
	assert_string_equal(key, secret_borrow(world->bundle->key));

	assert_int_equal(mode(at(world, ".versions")), 02750);
	assert_int_equal(mode(at(world, ".versions/web")), 02750);
	assert_int_equal(mode(at(world, ".versions/web/%s", version_name(world->bundle))), 02750);
	assert_int_equal(mode(at(world, "web")), 02750);
	assert_int_equal(mode(at(world, "web/..data/privkey.pem")), 0640);

	assert_holds(world, world->bundle);
	assert_int_equal(world->seen->at, 42);
	assert_string_equal(world->seen->object_id, at(world, "web"));
	assert_string_equal(world->seen->leaf_pem, leaf);
	assert_string_equal(world->seen->chain_pem, chain);
	assert_null(world->seen->revision);
	assert_true(world->seen->changed_at > (usec_t)(time(NULL) - 60) * USEC_PER_SEC);
}

static void test_every_layout(void **state)
{
	static const struct {
		enum layout layout;
		const char *files[4];
	} layouts[] = {
		{ LAYOUT_NGINX, { "fullchain.pem", "privkey.pem" } },
		{ LAYOUT_APACHE, { "cert.pem", "chain.pem", "privkey.pem" } },
		{ LAYOUT_HAPROXY, { "haproxy.pem" } },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		world->destination.layout = layouts[i].layout;
		world->delivery.object = (char *)layout_name(layouts[i].layout);
		assert_int_equal(put(world, world->bundle), 0);
		for (size_t k = 0; layouts[i].files[k]; k++)
			assert_true(exists(
				at(world, "%s/%s", world->delivery.object, layouts[i].files[k])));
		assert_holds(world, world->bundle);

		/* Each file counts: without it, the version is not there. */
		for (size_t k = 0; layouts[i].files[k]; k++) {
			assert_int_equal(unlink(at(world, "%s/..data/%s", world->delivery.object,
						 layouts[i].files[k])),
				0);
			assert_int_equal(look(world)->state, OBSERVED_PRESENT);
			assert_false(digest_is_set(&world->seen->version.digest));
			assert_int_equal(put(world, world->bundle), 0);
			assert_holds(world, world->bundle);
		}
	}
}

static void assert_foreign(struct world *world)
{
	assert_int_equal(look(world)->state, OBSERVED_FOREIGN);
	assert_int_equal(world->seen->error.kind, ERROR_CONFLICT);
	assert_non_null(strstr(world->seen->error.text, "as:"));
	assert_int_equal(put(world, world->bundle), -EEXIST);
}

static void test_flat_layout(void **state)
{
	struct world *world = *state;

	world->destination.layout = LAYOUT_HAPROXY_FLAT;
	write_text(at(world, "web.pem"), "somebody's");
	assert_foreign(world);
	assert_false(exists(at(world, "web")));
	assert_int_equal(unlink(at(world, "web.pem")), 0);
	assert_int_equal(symlink("elsewhere.pem", at(world, "web.pem")), 0);
	assert_foreign(world);
	assert_int_equal(unlink(at(world, "web.pem")), 0);

	assert_int_equal(put(world, world->bundle), 0);
	assert_string_equal(target(at(world, "web.pem")), "web/haproxy.pem");
	assert_true(exists(at(world, "web.pem")));
	assert_holds(world, world->bundle);
	assert_int_equal(unlink(at(world, "web.pem")), 0);
	assert_int_equal(symlink("x", at(world, ".web.pem.89abcdef.tmp")), 0);
	assert_holds(world, world->bundle);
	assert_true(exists(at(world, "web.pem")));
	assert_string_equal(target(at(world, ".web.pem.89abcdef.tmp")), "");

	/* A link that leads somewhere stays; one that would lead nowhere goes. */
	world->destination.layout = LAYOUT_HAPROXY;
	assert_holds(world, world->bundle);
	assert_true(exists(at(world, "web.pem")));
	world->destination.layout = LAYOUT_NGINX;
	assert_int_equal(put(world, world->bundle), 0);
	assert_string_equal(target(at(world, "web.pem")), "");
	assert_holds(world, world->bundle);
}

/* It is the same where NAME is a link. */
static void test_flat_layout_beside_a_link(void **state)
{
	struct world *world = *state;

	world->destination.layout = LAYOUT_HAPROXY_FLAT;
	assert_int_equal(put(world, world->bundle), 0);
	show_by_link(world, world->bundle);
	assert_int_equal(unlink(at(world, "web.pem")), 0);
	assert_holds(world, world->bundle);
	assert_true(exists(at(world, "web.pem")));
	assert_int_equal(target(at(world, "web"))[0], '.');
}

static void test_changed_layout_is_written_again(void **state)
{
	struct world *world = *state;

	assert_int_equal(put(world, world->bundle), 0);
	world->destination.layout = LAYOUT_HAPROXY;
	look(world);
	assert_false(digest_is_set(&world->seen->version.digest));
	assert_int_equal(put(world, world->bundle), 0);
	assert_holds(world, world->bundle);
	assert_string_equal(target(at(world, "web/privkey.pem")), "");
	assert_string_equal(target(at(world, "web/haproxy.pem")), "..data/haproxy.pem");
}

static void test_previous_version_is_kept(void **state)
{
	struct world *world = *state;
	char names[3][17];

	for (int i = 0; i < 3; i++) {
		struct bundle *bundle = make_bundle(
			&world->issuer, "www.example.com", 10 + i, 1000 - i);

		age(world);
		assert_int_equal(put(world, bundle), 0);
		assert_holds(world, bundle);
		strcpy(names[i], version_name(bundle));
		bundle_free(bundle);
	}
	assert_false(exists(at(world, ".versions/web/%s", names[0])));
	assert_true(exists(at(world, ".versions/web/%s", names[1])));
	assert_true(exists(at(world, ".versions/web/%s", names[2])));
}

static void test_nothing_of_others_is_removed(void **state)
{
	struct world *world = *state;

	assert_int_equal(put(world, world->bundle), 0);
	assert_int_equal(mkdir(at(world, ".versions/web/notes"), 0755), 0);
	assert_int_equal(mkdir(at(world, ".versions/web/0123456789abcdef"), 0755), 0);
	write_text(at(world, ".versions/web/0123456789abcdef/dhparam.pem"), "mine");
	for (int i = 0; i < 2; i++) {
		struct bundle *bundle = make_bundle(
			&world->issuer, "www.example.com", 10 + i, 1000 - i);

		age(world);
		assert_int_equal(put(world, bundle), 0);
		bundle_free(bundle);
	}
	assert_true(exists(at(world, ".versions/web/notes")));
	assert_true(exists(at(world, ".versions/web/0123456789abcdef/dhparam.pem")));
	assert_false(exists(at(world, ".versions/web/%s", version_name(world->bundle))));
}

static void test_nested_name(void **state)
{
	struct world *world = *state;

	world->delivery.object = (char *)"tls/eu/payments";
	assert_int_equal(look(world)->state, OBSERVED_ABSENT);
	assert_int_equal(put(world, world->bundle), 0);
	assert_int_equal(
		strncmp(target(at(world, "tls/eu/payments/..data")), "../../../.versions/tls/eu/payments/", 35), 0);
	assert_true(exists(at(world, "tls/eu/.certferry.payments")));
	assert_int_equal(mode(at(world, "tls/eu")), 02750);
	assert_holds(world, world->bundle);
}

static void test_bad_names(void **state)
{
	static const char *const names[] = { "../out", "/etc", "a//b", "a/", ".versions",
		".versions/a", ".", "a/../../b", "", ".hidden", "tls/.web", "a/..data" };
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		world->delivery.object = (char *)names[i];
		assert_int_equal(look(world)->state, OBSERVED_UNKNOWN);
		assert_int_equal(put(world, world->bundle), -EINVAL);
		assert_non_null(strstr(world->error.text, "as:"));
	}
	assert_false(exists(at(world, ".versions")));
}

static void test_foreign_objects(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *kept = NULL;

	write_text(at(world, "web"), "somebody's");
	assert_foreign(world);
	kept = content(at(world, "web"));
	assert_string_equal(kept, "somebody's");

	assert_int_equal(unlink(at(world, "web")), 0);
	assert_int_equal(mkdir(at(world, "web"), 0755), 0);
	assert_foreign(world);
	assert_int_equal(symlink(".versions/web/0123456789abcdef", at(world, "web/..data")), 0); /* one step short */
	assert_foreign(world);
	assert_int_equal(unlink(at(world, "web/..data")), 0);
	assert_int_equal(symlink("../.versions/api/0123456789abcdef", at(world, "web/..data")), 0);
	assert_foreign(world);
	assert_int_equal(unlink(at(world, "web/..data")), 0);

	assert_int_equal(rmdir(at(world, "web")), 0);
	assert_int_equal(symlink("/etc/ssl", at(world, "web")), 0);
	assert_foreign(world);

	assert_int_equal(unlink(at(world, "web")), 0);
	assert_int_equal(symlink(".versions/other/0123456789abcdef", at(world, "web")), 0);
	assert_foreign(world);
}

/* What others put into a directory of ours is replaced, or left behind, when it was let go. */
static void test_what_others_put_there(void **state)
{
	struct world *world = *state;
	struct bundle *next = make_bundle(&world->issuer, "www.example.com", 3, 60);
	_cleanup_(freep) char *revision = NULL, *kept = NULL;

	assert_int_equal(put(world, world->bundle), 0);
	write_text(at(world, "web/dhparam.pem"), "beside ours: it stays");
	write_text(at(world, "web/..data/.fullchain.pem.89abcdef.tmp"), "a crash of ours");
	look(world);
	assert_null(world->seen->foreign);
	assert_null(world->seen->revision);

	write_text(at(world, "web/..data/x\x1b.pem"), "theirs");
	look(world);
	assert_int_equal(world->seen->state, OBSERVED_PRESENT);
	assert_non_null(strstr(world->seen->foreign, "put there: 'x .pem'; "));
	assert_int_equal(put(world, next), -EAGAIN);
	assert_holds(world, world->bundle);

	/* Their link is no switch that was cut off. */
	assert_int_equal(unlink(at(world, "web/privkey.pem")), 0);
	assert_int_equal(symlink("/etc/ssl/x.key", at(world, "web/privkey.pem")), 0);
	look(world);
	assert_non_null(strstr(world->seen->foreign, "'privkey.pem -> /etc/ssl/x.key', 'x .pem'"));
	assert_false(digest_is_set(&world->seen->version.digest));
	assert_string_equal(target(at(world, "web/privkey.pem")), "/etc/ssl/x.key");
	revision = mem_strdup(world->seen->revision);

	world->let_go = revision;
	look(world);
	assert_null(world->seen->foreign);
	assert_string_equal(world->seen->revision, revision);
	assert_int_equal(put(world, next), 0);
	world->let_go = NULL;
	assert_holds(world, next);
	assert_null(world->seen->foreign);
	assert_string_equal(target(at(world, "web/privkey.pem")), "..data/privkey.pem");
	kept = content(at(world, ".versions/web/%s/x\x1b.pem", version_name(world->bundle)));
	assert_string_equal(kept, "theirs");
	assert_true(exists(at(world, "web/dhparam.pem")));
	bundle_free(next);
}

static void add_to(const struct world *world, const char *file, const char *text)
{
	FILE *stream = fopen(at(world, "web/%s", file), "a");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static const char *foreign(struct world *world)
{
	return look(world)->foreign;
}

/* What they added to files of ours is theirs; a file that is damaged is made anew, as ever. */
static void test_what_others_added(void **state)
{
	struct world *world = *state;
	struct bundle *next = make_bundle(&world->issuer, "www.example.com", 3, 60);
	_cleanup_(freep) char *whole = NULL;
	static const char dh[] = "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n";

	world->destination.layout = LAYOUT_HAPROXY;
	assert_int_equal(put(world, world->bundle), 0);
	add_to(world, "haproxy.pem", "\n \n");
	assert_null(foreign(world));
	add_to(world, "haproxy.pem", dh);
	assert_non_null(strstr(foreign(world), "'haproxy.pem: DH PARAMETERS'"));
	assert_int_equal(put(world, next), -EAGAIN);

	/* Theirs, also where it has no end; ours is damaged there. */
	assert_int_equal(put(world, world->bundle), -EAGAIN);
	whole = content(at(world, "web/..data/haproxy.pem"));
	*strstr(whole, "-----BEGIN DH") = '\0';
	write_text(at(world, "web/..data/haproxy.pem"), whole);
	add_to(world, "haproxy.pem", "-----BEGIN DH PARAMETERS-----\nAAAA\n");
	assert_non_null(strstr(foreign(world), "'haproxy.pem: DH PARAMETERS'"));
	write_text(at(world, "web/..data/haproxy.pem"), whole);
	add_to(world, "haproxy.pem", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n");
	assert_null(foreign(world));
	write_text(at(world, "web/..data/haproxy.pem"), whole);
	add_to(world, "haproxy.pem", "-----BEGIN PRIVATE KEY\nAAAA\n-----END PRIVATE KEY-----\n");
	assert_null(foreign(world));

	write_text(at(world, "web/..data/haproxy.pem"), dh);
	assert_null(foreign(world));
	write_text(at(world, "web/..data/haproxy.pem"), "");
	assert_null(foreign(world));
	assert_int_equal(put(world, next), 0);
	assert_holds(world, next);

	world->destination.layout = LAYOUT_NGINX;
	assert_int_equal(put(world, world->bundle), 0);
	add_to(world, "fullchain.pem", "# until Friday\n");
	assert_non_null(strstr(foreign(world), "'fullchain.pem: text'"));
	assert_int_equal(truncate(at(world, "web/fullchain.pem"), 100), 0);
	assert_null(foreign(world));
	assert_int_equal(put(world, world->bundle), 0);
	assert_null(foreign(world));
	bundle_free(next);
}

static void test_links_on_the_way_are_not_followed(void **state)
{
	struct world *world = *state;

	assert_int_equal(mkdir(at(world, "elsewhere"), 0750), 0);
	assert_int_equal(symlink("elsewhere", at(world, "tls")), 0);
	world->delivery.object = (char *)"tls/web";
	assert_foreign(world);

	world->delivery.object = (char *)"web";
	assert_int_equal(symlink("elsewhere", at(world, ".versions")), 0);
	assert_foreign(world);
	assert_int_equal(rmdir(at(world, "elsewhere")), 0);
}

static void test_link_inside_a_version_is_not_read(void **state)
{
	struct world *world = *state;

	assert_int_equal(put(world, world->bundle), 0);
	assert_int_equal(rename(at(world, "web/..data/privkey.pem"), at(world, "stolen.pem")), 0);
	assert_int_equal(symlink("../../../stolen.pem", at(world, "web/..data/privkey.pem")), 0);
	look(world);
	assert_false(digest_is_set(&world->seen->version.digest));
	assert_int_equal(put(world, world->bundle), 0);
	assert_holds(world, world->bundle);
}

static void test_damage_is_seen(void **state)
{
	struct world *world = *state;
	struct bundle *other = make_bundle(&world->issuer, "www.example.com", 3, 60);

	assert_int_equal(put(world, world->bundle), 0);
	write_text(at(world, "web/..data/privkey.pem"), secret_borrow(other->key));
	assert_int_equal(look(world)->state, OBSERVED_PRESENT);
	assert_false(digest_is_set(&world->seen->version.digest));
	assert_int_equal(world->seen->version.not_before, world->bundle->leaf->not_before);
	assert_non_null(world->seen->leaf_pem);

	write_text(at(world, "web/..data/privkey.pem"), "");
	look(world);
	assert_false(digest_is_set(&world->seen->version.digest));
	write_text(at(world, "web/..data/fullchain.pem"), "-----BEGIN CERTIFICATE-----\nAAAA");
	look(world);
	assert_int_equal(world->seen->state, OBSERVED_PRESENT);
	assert_int_equal(world->seen->version.not_before, 0);
	assert_null(world->seen->leaf_pem);

	assert_int_equal(put(world, world->bundle), 0);
	assert_holds(world, world->bundle);
	bundle_free(other);
}

static void test_version_comes_from_the_certificate(void **state)
{
	struct world *world = *state;
	struct bundle *other = make_bundle(&world->issuer, "www.example.com", 3, 60);
	char from[512];

	assert_int_equal(put(world, other), 0);
	strcpy(from, at(world, ".versions/web/%s", version_name(other)));
	assert_int_equal(
		rename(from, at(world, ".versions/web/%s", version_name(world->bundle))), 0);
	assert_int_equal(unlink(at(world, "web/..data")), 0);
	assert_int_equal(symlink(at(world, "../.versions/web/%s", version_name(world->bundle)) +
					 strlen(world->directory) + 1,
				 at(world, "web/..data")),
		0);
	assert_holds(world, other);
	bundle_free(other);
}

static void test_leftovers_of_a_crash(void **state)
{
	struct world *world = *state;

	assert_int_equal(mkdir(at(world, ".versions"), 0750), 0);
	assert_int_equal(mkdir(at(world, ".versions/web"), 0750), 0);
	assert_int_equal(mkdir(at(world, ".versions/web/.new-01234567"), 0750), 0);
	write_text(at(world, ".versions/web/.new-01234567/privkey.pem"), "half");
	assert_int_equal(
		mkdir(at(world, ".versions/web/%s", version_name(world->bundle)), 0750), 0);
	write_text(
		at(world, ".versions/web/%s/fullchain.pem", version_name(world->bundle)), "half");
	assert_int_equal(symlink("x", at(world, ".web.89abcdef.tmp")), 0);
	assert_int_equal(symlink("x", at(world, ".other.89abcdef.tmp")), 0);

	assert_int_equal(look(world)->state, OBSERVED_ABSENT);
	assert_int_equal(put(world, world->bundle), 0);
	assert_holds(world, world->bundle);
	assert_false(exists(at(world, ".versions/web/.new-01234567")));
	assert_int_equal(readlink(at(world, ".web.89abcdef.tmp"), (char[8]){ 0 }, 8), -1);
	assert_int_equal(readlink(at(world, ".other.89abcdef.tmp"), (char[8]){ 0 }, 8), 1);
}

static void test_dangling_link_is_ours(void **state)
{
	struct world *world = *state;

	assert_int_equal(symlink(".versions/web/0123456789abcdef", at(world, "web")), 0);
	assert_int_equal(look(world)->state, OBSERVED_ABSENT);
	assert_int_equal(put(world, world->bundle), 0);
	assert_holds(world, world->bundle);
}

static void test_check(void **state)
{
	struct world *world = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(destination_check(world->delivery.place, &err), 0);

	assert_int_equal(chmod(world->directory, 0757), 0);
	assert_int_equal(destination_check(world->delivery.place, &err), -EACCES);
	assert_non_null(strstr(err.text, "others can write"));
	assert_int_equal(put(world, world->bundle), -EACCES);
	assert_int_equal(chmod(world->directory, 0770), 0); /* by our own group alone */
	assert_int_equal(destination_check(world->delivery.place, &err), 0);
	assert_int_equal(chmod(world->directory, 0750), 0);

	world->destination.group = (char *)"no-such-group";
	assert_int_equal(destination_check(world->delivery.place, &err), -ENOENT);

	world->destination.group = (char *)(getegid() == 0 ? "root" : "daemon");
	assert_int_equal(destination_check(world->delivery.place, &err), -EACCES);
	assert_non_null(strstr(err.text, "2750 certferry"));
	world->destination.group = (char *)"daemon";
	assert_int_equal(destination_check(world->delivery.place, &err), -EACCES);
	assert_non_null(strstr(err.text, "2750 certferry daemon -"));
	world->destination.group = NULL;

	world->destination.directory = (char *)"/nowhere/at/all";
	assert_int_equal(destination_check(world->delivery.place, &err), -ENOENT);
	assert_non_null(strstr(err.text, "d /nowhere/at/all 0750 certferry certferry -' into "
					 "/etc/tmpfiles.d/certferry-files.conf"));
	assert_int_equal(look(world)->state, OBSERVED_UNKNOWN);
}

/* Whoever can write into it could own what is made there later, or hand it to a group of his. */
static void test_directory_of_others_is_refused(void **state)
{
	struct world *world = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(world->directory, 1, 0), 0); /* daemon */
	assert_int_equal(destination_check(world->delivery.place, &err), -EACCES);
	assert_non_null(strstr(err.text, "user 1, group 0"));
	assert_int_equal(put(world, world->bundle), -EACCES);

	assert_int_equal(chown(world->directory, 0, 1), 0);
	assert_int_equal(destination_check(world->delivery.place, &err), 0);
	assert_int_equal(chmod(world->directory, 0770), 0);
	assert_int_equal(destination_check(world->delivery.place, &err), -EACCES);
	assert_int_equal(put(world, world->bundle), -EACCES);
	assert_false(exists(at(world, ".versions")));
}

/* Who can rename what is above it could have the keys written elsewhere, or others read. */
static void test_directory_below_one_of_others_is_refused(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *tls = mem_printf("%s/tls", world->directory);
	_cleanup_(freep) char *command = mem_printf("chmod go-w '%s'", world->directory);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(mkdir(tls, 0750), 0);
	world->destination.directory = tls;
	assert_int_equal(put(world, world->bundle), 0);
	assert_int_equal(chmod(world->directory, 0777), 0);
	assert_int_equal(destination_check(world->delivery.place, &err), -EACCES);
	assert_non_null(strstr(err.text, command));
	assert_int_equal(put(world, world->bundle), -EACCES);
	assert_non_null(strstr(world->error.text, command));
	assert_int_equal(look(world)->state, OBSERVED_PRESENT); /* looking goes on */

	assert_int_equal(chmod(world->directory, 02750), 0);
	assert_int_equal(put(world, world->bundle), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(world->directory, 1, 0), 0);
	assert_int_equal(put(world, world->bundle), -EACCES);
	assert_non_null(strstr(world->error.text, "user 1 owns"));
	assert_int_equal(chown(world->directory, 0, 0), 0);
}

/* Made by others while the directory was open to them. */
static void test_way_of_others_is_refused(void **state)
{
	struct world *world = *state;

	assert_int_equal(mkdir(at(world, ".versions"), 0750), 0);
	assert_int_equal(chmod(at(world, ".versions"), 0757), 0);
	assert_foreign(world);
	assert_int_equal(chmod(at(world, ".versions"), 0750), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(at(world, ".versions/web"), 0750), 0);
	assert_int_equal(chown(at(world, ".versions/web"), 1, 1), 0);
	assert_foreign(world);
	assert_int_equal(rmdir(at(world, ".versions/web")), 0);
	assert_int_equal(put(world, world->bundle), 0);
	assert_holds(world, world->bundle);
}

static void test_group_is_inherited_or_refused(void **state)
{
	struct world *world = *state;
	struct stat status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(world->directory, 0, 1), 0); /* daemon */
	assert_int_equal(chmod(world->directory, 02750), 0);
	world->destination.group = (char *)"daemon";
	assert_int_equal(put(world, world->bundle), 0);
	assert_int_equal(stat(at(world, "web/privkey.pem"), &status), 0);
	assert_int_equal(status.st_gid, 1);

	assert_int_equal(mkdir(at(world, ".versions/b"), 0750), 0);
	assert_int_equal(chown(at(world, ".versions/b"), 0, 0), 0);
	assert_int_equal(chmod(at(world, ".versions/b"), 0750), 0);
	world->delivery.object = (char *)"b";
	assert_int_equal(put(world, world->bundle), -EACCES);
	assert_non_null(strstr(world->error.text, "set-group-id"));
	assert_false(exists(at(world, "b")));
}

static bool write_map(const char *path, const char *text)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* In a user namespace as PrivateUsers= makes it; 0: accepted, 1: refused, 2: there is none. */
static int check_in_namespace(const struct delivery *delivery)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0 || !write_map("/proc/self/setgroups", "deny") ||
			!write_map("/proc/self/uid_map", "0 0 1") ||
			!write_map("/proc/self/gid_map", "0 0 1"))
			_exit(2);
		_exit(destination_check(delivery->place, NULL) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The unit's sandbox shows all groups but its own as one. */
static void test_group_in_a_user_namespace(void **state)
{
	struct world *world = *state;
	int result;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(world->directory, 0, 1), 0);
	assert_int_equal(chmod(world->directory, 02750), 0);
	world->destination.group = (char *)"daemon";
	result = check_in_namespace(&world->delivery);
	if (result == 2)
		skip();
	assert_int_equal(result, 0);
	assert_int_equal(chown(world->directory, 0, 0), 0); /* one that can be told apart */
	assert_int_equal(check_in_namespace(&world->delivery), 1);
	assert_int_equal(chown(world->directory, 0, 1), 0);
	assert_int_equal(chmod(world->directory, 0750), 0);
	assert_int_equal(check_in_namespace(&world->delivery), 1);
}

static void on_tag(void *userdata, const struct error *err)
{
	struct world *world = userdata;

	assert_false(world->inside);
	error_done(&world->error);
	if (err)
		error_copy(&world->error, err);
}

static int tag(struct world *world, const struct fingerprint *anchor)
{
	fresh_loop(world);
	world->inside = true;
	destination_tag(&world->context, &world->delivery, world->object_id, anchor, false, on_tag, world);
	world->inside = false;
	assert_true(sd_event_run(world->context.event, 0) > 0);
	return error_result(&world->error);
}

/* Nothing inside the version changes, where programs watch for changes. */
static void test_anchor_lies_beside_the_version(void **state)
{
	struct world *world = *state;
	struct fingerprint anchor, other = { .bytes = { 1 } };
	_cleanup_(freep) char *text = NULL;
	char hex[FINGERPRINT_TEXT_SIZE];
	struct stat before, after;

	assert_int_equal(look(world)->state, OBSERVED_ABSENT);
	assert_false(world->seen->own || world->seen->anchor_seen);
	assert_int_equal(put(world, world->bundle), 0);
	bundle_anchor(world->bundle, &anchor);
	look(world);
	assert_true(world->seen->own && world->seen->anchor_seen);
	assert_true(fingerprint_equal(&world->seen->anchor, &anchor));
	text = content(at(world, ".versions/web/%s.anchor", version_name(world->bundle)));
	assert_memory_equal(text, fingerprint_format(&anchor, hex), FINGERPRINT_TEXT_SIZE - 1);
	assert_string_equal(text + FINGERPRINT_TEXT_SIZE - 1, "\n");

	assert_int_equal(stat(at(world, "web/."), &before), 0);
	assert_int_equal(tag(world, &other), 0);
	assert_int_equal(stat(at(world, "web/."), &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	assert_int_equal(before.st_ino, after.st_ino);
	assert_true(fingerprint_equal(&look(world)->anchor, &other));
	assert_holds(world, world->bundle);

	/* What is no digest is not known. */
	write_text(at(world, ".versions/web/%s.anchor", version_name(world->bundle)), "nonsense\n");
	look(world);
	assert_true(world->seen->anchor_seen && !fingerprint_is_set(&world->seen->anchor));
	assert_int_equal(unlink(at(world, ".versions/web/%s.anchor", version_name(world->bundle))), 0);
	look(world);
	assert_true(world->seen->anchor_seen && !fingerprint_is_set(&world->seen->anchor));
}

/* It comes and goes with its version. */
static void test_anchor_goes_with_its_version(void **state)
{
	struct world *world = *state;
	char names[3][17];

	for (int i = 0; i < 3; i++) {
		struct bundle *bundle = make_bundle(
			&world->issuer, "www.example.com", 10 + i, 1000 - i);

		age(world);
		assert_int_equal(put(world, bundle), 0);
		strcpy(names[i], version_name(bundle));
		bundle_free(bundle);
	}
	assert_false(exists(at(world, ".versions/web/%s.anchor", names[0])));
	assert_true(exists(at(world, ".versions/web/%s.anchor", names[1])));
	assert_true(exists(at(world, ".versions/web/%s.anchor", names[2])));
}

static void test_tag_of_nothing_fails(void **state)
{
	struct world *world = *state;
	struct fingerprint anchor = { .bytes = { 1 } };

	assert_true(tag(world, &anchor) < 0);
	assert_int_equal(world->error.kind, ERROR_ABSENT);
	assert_false(exists(at(world, ".versions")));
}

static void test_cancel_says_nothing(void **state)
{
	struct world *world = *state;
	struct look_item item = { .delivery = &world->delivery };
	struct observed before = { .state = OBSERVED_ABSENT };

	fresh_loop(world);
	world->inside = true; /* a completion would assert */
	destination_look_cancel(destination_look(&world->context, &item, 1, NULL, 1, on_look, world));
	destination_put_cancel(destination_put(
		&world->context, &world->delivery, world->bundle, &before, on_put, world));
	destination_tag_cancel(destination_tag(&world->context, &world->delivery, "web",
		&world->bundle->leaf->fingerprint, false, on_tag, world));
	destination_look_cancel(NULL);
	destination_put_cancel(NULL);
	assert_int_equal(sd_event_run(world->context.event, 0), 0);
	assert_false(exists(at(world, "web")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_delivery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flat_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flat_layout_beside_a_link, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_changed_layout_is_written_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_previous_version_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_of_others_is_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nested_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_objects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_others_put_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_others_added, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_links_on_the_way_are_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_link_inside_a_version_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_version_comes_from_the_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers_of_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dangling_link_is_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_directory_of_others_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_directory_below_one_of_others_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_way_of_others_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_group_is_inherited_or_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_in_a_user_namespace, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_anchor_lies_beside_the_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anchor_goes_with_its_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tag_of_nothing_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_says_nothing, setup, teardown),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
