/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/aws/profile.h"
#include "lib/base/buf.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"

static int list_item(void *userdata, const struct profile_item *item, struct error *err)
{
	if (*item->key) /* else it is the section itself */
		buf_printf(userdata, "%u [%s] %s=%.*s\n", item->line, item->section, item->key,
			(int)item->value_length, item->value);
	return 0;
}

static void check_items(const char *text, const char *expected)
{
	_cleanup_(buf_done) struct buf items = BUF_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (profile_parse("F", text, strlen(text), list_item, &items, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(items.data, expected);
}

static void check_error(const char *text, size_t length, const char *expected)
{
	_cleanup_(buf_done) struct buf items = BUF_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(profile_parse("F", text, length, list_item, &items, &err), -EINVAL);
	assert_string_equal(err.text, expected);
}

static void test_items(void **state)
{
	check_items("", "");
	check_items("# only\n\n ; comments", "");
	check_items("[a]\nk=v\n", "2 [a] k=v\n");
	check_items("\xef\xbb\xbf[a]\r\nK1 = v = w : x \r\nk2: y # z", "2 [a] k1=v = w : x\n"
								       "3 [a] k2=y # z\n");
	check_items("[a]\nempty=\nnext=1", "2 [a] empty=\n3 [a] next=1\n");
	check_items("[profile \"with space\"] # c\nk=v", "2 [profile \"with space\"] k=v\n");
}

static void test_indentation(void **state)
{
	/* All keys indented alike are no nested ones. */
	check_items("[a]\n  one=1\n  two=2\n", "2 [a] one=1\n3 [a] two=2\n");
	check_items("[services x]\nacm =\n  endpoint_url = http://h\n\tother = 1\nsts=\n  a = b\n",
		"2 [services x] acm=\n3 [services x] acm.endpoint_url=http://h\n"
		"4 [services x] acm.other=1\n5 [services x] sts=\n6 [services x] sts.a=b\n");
	/* A value that goes on in the next line: of no use here. */
	check_items("[a]\nk=v\n  more\nl=w", "2 [a] k=v\n4 [a] l=w\n");
	check_items("[a]\nk=\n[b]\n  n=1", "2 [a] k=\n4 [b] n=1\n");
}

static void test_errors(void **state)
{
	check_error("k=v\n", 4, "F:1: a key before the first section");
	check_error("\n[a\nk=v\n", 8, "F:2: a section without its ']'");
	check_error("[a]\nnonsense\n", 13, "F:2: neither a section nor 'key = value'");
	check_error("[a]\n = v\n", 9, "F:2: a value without a key");
	check_error("[a]\nk=\0v\n", 9, "F:2: a NUL byte: this is not a text file");
	check_error("[a]\n[b]\n[a]\n", 12, "F:3: 'a' is there twice");
	check_error("[a]\nk=v\nK:w\n", 12, "F:3: 'k' is there twice");
}

static void check_section(const char *section, bool credentials_file, const char *expected)
{
	_cleanup_(freep) char *name = profile_section(section, credentials_file);

	if (!expected)
		assert_null(name);
	else
		assert_string_equal(name, expected);
}

static void test_sections(void **state)
{
	check_section("default", false, "default");
	check_section("default", true, "default");
	check_section("profile x", false, "x");
	check_section("profile\t\"x y\" ", false, "x y");
	check_section("profile default", false, "default");
	check_section("x", false, NULL);
	check_section("x", true, "x");
	check_section("profiles x", false, NULL);
	check_section("profile", false, NULL);
	check_section("profile ", false, NULL);
	check_section("services x", false, NULL);
	check_section("sso-session x", false, NULL);
}

struct files {
	char directory[32];
	char *config, *credentials;
};

static void files_write(struct files *files, const char *config, const char *credentials)
{
	snprintf(files->directory, sizeof(files->directory), "/tmp/test_profile.XXXXXX");
	assert_non_null(mkdtemp(files->directory));
	files->config = mem_printf("%s/config", files->directory);
	files->credentials = mem_printf("%s/credentials", files->directory);
	if (config)
		assert_int_equal(
			file_replace(files->config, config, strlen(config), 0600, NULL), 0);
	if (credentials)
		assert_int_equal(file_replace(files->credentials, credentials, strlen(credentials),
					 0600, NULL),
			0);
}

static void files_done(struct files *files)
{
	(void)unlink(files->config);
	(void)unlink(files->credentials);
	assert_int_equal(rmdir(files->directory), 0);
	free(files->config);
	free(files->credentials);
}

static void test_load(void **state)
{
	_cleanup_(files_done) struct files files;
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	_cleanup_(freep) char *where = NULL, *expected = NULL;

	files_write(&files,
		"[default]\nregion=eu-west-1\naws_access_key_id=CONFIG\n[profile a]\nregion=r2\n"
		"credential_process=p\n[profile empty]\n[a]\nregion=ignored\n[services s]\nacm=\n "
		"endpoint_url=http://h\n",
		"[default]\naws_access_key_id=CREDENTIALS\naws_secret_access_key=hush\n[b]\nregion="
		"r3\n");
	assert_int_equal(profiles_load(files.config, files.credentials, &profiles, NULL), 0);
	assert_string_equal(profile_get(profiles, "default", "region"), "eu-west-1");
	assert_string_equal(profile_get(profiles, "default", "aws_access_key_id"), "CREDENTIALS");
	/* Known to be there, and not kept. */
	assert_string_equal(profile_get(profiles, "default", "aws_secret_access_key"), "");
	assert_string_equal(profile_get(profiles, "a", "region"), "r2");
	assert_string_equal(profile_get(profiles, "b", "region"), "r3");
	assert_null(profile_get(profiles, "b", "aws_access_key_id"));
	assert_true(profile_exists(profiles, "a"));
	assert_true(profile_exists(profiles, "empty"));
	assert_false(profile_exists(profiles, "c"));
	assert_true(profile_has(profiles, false, "default", "aws_access_key_id"));
	assert_true(profile_has(profiles, true, "default", "aws_access_key_id"));
	assert_false(profile_has(profiles, true, "default", "region"));
	assert_false(profile_has(profiles, true, "a", "region"));
	assert_string_equal(profile_get_service(profiles, "s", "acm.endpoint_url"), "http://h");
	assert_null(profile_get_service(profiles, "t", "acm.endpoint_url"));
	where = profile_where(profiles, "default", "aws_secret_access_key");
	expected = mem_printf("%s:3", files.credentials);
	assert_string_equal(where, expected);
}

static void test_load_nothing(void **state)
{
	_cleanup_(files_done) struct files files;
	struct profiles *profiles = NULL;

	files_write(&files, "\n", "");
	assert_int_equal(profiles_load(files.config, files.credentials, &profiles, NULL), 0);
	profiles = profiles_free(profiles);
	assert_int_equal(profiles_load("/nonexistent/config", NULL, &profiles, NULL), 0);
	profiles = profiles_free(profiles);
	assert_int_equal(profiles_load("/dev/null", "/dev/null", &profiles, NULL), 0);
	assert_false(profile_exists(profiles, "default"));
	profiles_free(profiles);
}

static void test_load_errors(void **state)
{
	_cleanup_(files_done) struct files files;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *expected = NULL;
	struct profiles *profiles = NULL;

	files_write(&files, "[default]\nregion\n", NULL);
	expected = mem_printf("%s:2: neither a section nor 'key = value'", files.config);
	assert_int_equal(profiles_load(files.config, files.credentials, &profiles, &err), -EINVAL);
	assert_string_equal(err.text, expected);
	assert_null(profiles);
	/* Not even one byte is nothing. */
	assert_int_equal(file_replace(files.config, "x", 1, 0600, NULL), 0);
	assert_int_equal(profiles_load(files.config, files.credentials, &profiles, &err), -EINVAL);
	assert_non_null(strstr(err.text, ":1: a key before the first section"));
	assert_int_equal(profiles_load(files.directory, NULL, &profiles, &err), -EINVAL);
	assert_non_null(strstr(err.text, files.directory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_indentation),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_nothing),
		cmocka_unit_test(test_load_errors),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
