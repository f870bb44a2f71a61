/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/config: the case files of tests/cases/config, who may write the files, that nothing
 * absurd or secret gets through, and that example, manual and JSON Schema name every key.
 *
 * A case file has parts that begin with "== NAME".  `base` takes base.yaml as certferry.yaml; a
 * name that ends in .yaml is a file of the configuration directory; `expect` has either all
 * problems, or "ok" and some of the values, as KEY.PATH = VALUE; `warnings` has all warnings, and
 * where it is missing, there are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/config/schema.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "lib/yaml/yaml.h"

#define CASES "tests/cases/config"

static char directory[64];

static char *read_text(const char *path)
{
	struct buf text = BUF_NULL;

	if (file_read(path, 1 << 22, &text, NULL) < 0)
		fail_msg("cannot read %s", path);
	return buf_take(&text);
}

static void put(const char *name, const char *text)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s", directory, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int make_directory(void **state)
{
	char conf_d[80];

	umask(022);
	snprintf(directory, sizeof(directory), "/tmp/certferry-test-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(conf_d, sizeof(conf_d), "%s/conf.d", directory);
	return mkdir(conf_d, 0755);
}

static void remove_all(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		_cleanup_(freep) char *below = mem_printf("%s/%s", path, entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlink(below) < 0)
			remove_all(below);
	}
	if (stream)
		closedir(stream);
	(void)rmdir(path);
}

static int remove_directory(void **state)
{
	remove_all(directory);
	return 0;
}

/* All as they are printed with ${word}, without the directory that nobody knows; "" if none. */
static char *problems_text(const struct config_problems *problems, const char *word)
{
	struct buf text = BUF_NULL;
	char *printed = NULL, *from;
	size_t size;
	FILE *stream = open_memstream(&printed, &size);

	config_problems_print(problems, word, stream);
	fclose(stream);
	from = printed;
	for (char *found; (found = strstr(from, directory)); from = found + strlen(directory) + 1)
		buf_append(&text, from, (size_t)(found - from));
	buf_append_string(&text, from);
	free(printed);
	return buf_take(&text);
}

static void dump_section(struct buf *out, const char *path, const struct schema_section *section,
	const char *structure);

static void dump_word(struct buf *out, const struct schema_row *row, unsigned value)
{
	const char *separator = "";

	for (const struct schema_word *word = row->words; word->name; word++) {
		bool is = row->type == SCHEMA_WORD ? word->value == value
						   : (word->value & value) != 0;

		if (!is || word->later)
			continue;
		buf_printf(out, "%s%s", separator, word->name);
		separator = ", ";
	}
	/* What is chosen by other keys has no word in the row. */
	if (!*separator)
		buf_printf(out, "%u", value);
}

static void dump_array(
	struct buf *out, const char *path, const struct schema_row *row, const char *structure)
{
	const char *array = *(char *const *)(structure + row->offset);
	size_t count = *(const size_t *)(structure + row->count_offset);

	buf_printf(out, "%s = %zu\n", path, count);
	if (row->type == SCHEMA_SOME && count == 1) {
		dump_section(out, path, row->section, array);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *entry = array + i * row->section->size;
		_cleanup_(freep) char *below =
			row->type == SCHEMA_NAMED ? mem_printf("%s.%s", path, *(char *const *)entry)
						  : mem_printf("%s.%zu", path, i);

		dump_section(out, below, row->section, entry);
	}
}

static void dump_row(
	struct buf *out, const char *path, const struct schema_row *row, const char *structure)
{
	const char *value = structure + row->offset;
	_cleanup_(freep) char *text = NULL;

	if (row->type == SCHEMA_SECTION) {
		dump_section(out, path, row->section, value);
		return;
	}
	if (row->type == SCHEMA_NAMED || row->type == SCHEMA_SECTIONS || row->type == SCHEMA_SOME) {
		dump_array(out, path, row, structure);
		return;
	}
	buf_printf(out, "%s = ", path);
	if (row->type == SCHEMA_TEXT) {
		const char *given = *(char *const *)value;

		buf_append_string(out, given ? given : "(none)");
	} else if (row->type == SCHEMA_DURATION) {
		text = duration_format(*(const usec_t *)value);
		buf_append_string(out, text);
	} else if (row->type == SCHEMA_INTEGER) {
		buf_printf(out, "%u", *(const unsigned *)value);
	} else if (row->type == SCHEMA_RATE) {
		buf_printf(out, "%g", *(const double *)value);
	} else if (row->type == SCHEMA_BOOL) {
		buf_append_string(out, *(const bool *)value ? "true" : "false");
	} else if (row->type == SCHEMA_WORD || row->type == SCHEMA_WORDS) {
		dump_word(out, row, *(const unsigned *)value);
	} else {
		text = strv_join(*(char **const *)value, ", ");
		buf_append_string(out, text);
	}
	buf_append_char(out, '\n');
}

static void dump_section(struct buf *out, const char *path, const struct schema_section *section,
	const char *structure)
{
	unsigned kinds = 0;

	if (section->kinds)
		kinds = 1u << *(const unsigned *)(structure +
						  schema_find(section, "kind", 0)->offset);
	SCHEMA_FOREACH(row, section)
	{
		_cleanup_(freep) char *below = mem_printf(
			"%s%s%s", path, *path ? "." : "", row->key);

		if (schema_of_kind(row, kinds))
			dump_row(out, below, row, structure);
	}
}

/* Each line of ${expected} behind "ok" is one of those of the dump. */
static void compare_values(const char *name, const struct desired *desired, const char *expected)
{
	_cleanup_(buf_done) struct buf dump = BUF_NULL;

	buf_append_char(&dump, '\n');
	dump_section(&dump, "", &schema_root, (const char *)desired);
	expected += strlen("ok\n");
	while (*expected) {
		size_t length = strcspn(expected, "\n");
		_cleanup_(freep) char *line = mem_printf("\n%.*s\n", (int)length, expected);

		if (!strstr(dump.data, line))
			fail_msg("%s: expected%sfound:%s", name, line, dump.data);
		expected += length + (expected[length] == '\n');
	}
}

static void check_case(const char *name, const char *expected, const char *expected_warnings)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL,
							       warnings = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;
	_cleanup_(freep) char *found = NULL, *warned = NULL;
	int r = config_load_directory(directory, &desired, &problems, &warnings);

	found = problems_text(&problems, "");
	warned = problems_text(&warnings, "warning: ");
	if (strcmp(warned, expected_warnings ?: "") != 0)
		fail_msg("%s: expected the warnings:\n%sfound:\n%s", name, expected_warnings ?: "", warned);
	assert_int_equal(r, problems.count ? -EINVAL : 0);
	assert_true(!desired == (r < 0));
	if (strncmp(expected, "ok\n", 3) == 0) {
		if (r < 0)
			fail_msg("%s: expected ok, found:\n%s", name, found);
		else
			compare_values(name, desired, expected);
	} else if (strcmp(found, expected) != 0) {
		fail_msg("%s: expected:\n%sfound:\n%s", name, expected, found);
	}
}

static void put_part(const char *name, const char *part, const char *text)
{
	_cleanup_(freep) char *base = NULL;

	if (strcmp(part, "base") == 0) {
		base = read_text(CASES "/base.yaml");
		put("certferry.yaml", base);
	} else if (strstr(part, ".y")) {
		put(part, text);
	} else {
		fail_msg("%s: unknown part '%s'", name, part);
	}
}

static void run_case(const char *name)
{
	_cleanup_(freep) char *path = mem_printf(CASES "/%s", name);
	_cleanup_(freep) char *text = read_text(path), *expected = NULL, *warnings = NULL;

	make_directory(NULL);
	for (char *part = strstr(text, "== "); part;) {
		char *title = part + strlen("== ");
		char *end = title + strcspn(title, "\n");
		char *next = strstr(end, "\n== ");
		_cleanup_(freep) char *body = mem_strndup(
			end + 1, next ? (size_t)(next - end) : strlen(end + 1));

		*end = '\0';
		if (strcmp(title, "expect") == 0)
			expected = take(body);
		else if (strcmp(title, "warnings") == 0)
			warnings = take(body);
		else
			put_part(name, title, body);
		part = next ? next + 1 : NULL;
	}
	if (expected)
		check_case(name, expected, warnings);
	else
		fail_msg("%s: nothing is expected", name);
	remove_directory(NULL);
}

static int is_case(const struct dirent *entry)
{
	return strstr(entry->d_name, ".case") != NULL;
}

static void test_cases(void **state)
{
	struct dirent **entries;
	int count = scandir(CASES, &entries, is_case, alphasort);

	assert_true(count >= 60);
	for (int i = 0; i < count; i++) {
		run_case(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* -- who may write the files -- */

static void expect_text(const char *words)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;
	_cleanup_(freep) char *found = NULL;

	(void)config_load_directory(directory, &desired, &problems, NULL);
	found = problems_text(&problems, "");
	if (*words ? !strstr(found, words) : *found)
		fail_msg("expected '%s', found '%s'", words, found);
}

static void change(const char *name, mode_t mode, uid_t user, gid_t group)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s", directory, name);

	assert_int_equal(chown(path, user, group), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_writable_by_others(void **state)
{
	_cleanup_(freep) char *base = read_text(CASES "/base.yaml");
	uid_t user = geteuid();
	gid_t group = user ? getegid() : 65534;

	put("certferry.yaml", base);
	put("conf.d/x.yaml", "poll: 1h\n");
	expect_text("");
	change("certferry.yaml", 0646, user, group);
	expect_text("certferry.yaml: users other than root could change the file (mode 0646)");
	change("certferry.yaml", 0660, user, group);
	expect_text("certferry.yaml: users other than root could change the file (mode 0660)");
	change("certferry.yaml", 0640, user, group);
	change("conf.d/x.yaml", 0666, user, group);
	expect_text("conf.d/x.yaml: users other than root could change the file");
	change("conf.d/x.yaml", 0644, user, group);
	change("conf.d", 01777, user, group);
	expect_text("conf.d: users other than root could change the directory (mode 1777)");
	change("conf.d", 0755, user, group);
	expect_text("");
}

static void test_of_other_users(void **state)
{
	_cleanup_(freep) char *base = read_text(CASES "/base.yaml");

	if (geteuid() != 0)
		skip();
	put("certferry.yaml", base);
	change("certferry.yaml", 0664, 0, 0);
	expect_text("");
	change("certferry.yaml", 0600, 65534, 65534);
	expect_text("certferry.yaml: the file belongs to user 65534, who could change it");
	change("certferry.yaml", 0600, 0, 0);
	change("conf.d", 0755, 65534, 0);
	expect_text("conf.d: the directory belongs to user 65534");
}

static void expect_file_text(const char *path, const char *words)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;
	_cleanup_(freep) char *found = NULL;

	(void)config_load(path, &desired, &problems, NULL);
	found = problems_text(&problems, "");
	if (*words ? !strstr(found, words) : *found)
		fail_msg("%s: expected '%s', found '%s'", path, words, found);
}

/* Who can rename a directory above the files can put others in their place. */
static void test_below_a_directory_of_others(void **state)
{
	_cleanup_(freep) char *base = read_text(CASES "/base.yaml");
	_cleanup_(freep) char *file = mem_printf("%s/conf.d/certferry.yaml", directory);
	_cleanup_(freep) char *link = mem_printf("%s/certferry.yaml", directory);

	put("conf.d/certferry.yaml", base);
	expect_file_text(file, "");
	assert_int_equal(chmod(directory, 0777), 0);
	expect_file_text(file, "conf.d/certferry.yaml: others can rename what is in");
	assert_int_equal(chmod(directory, 0755), 0);
	change("conf.d", 0777, geteuid(), getegid());
	expect_file_text(file, "chmod go-w");
	assert_int_equal(symlink("conf.d/certferry.yaml", link), 0);
	expect_file_text(link, "conf.d' (mode 0777)");
	change("conf.d", 01777, geteuid(), getegid());
	expect_file_text(file, "");
	change("conf.d", 0755, geteuid(), getegid());
	expect_file_text(link, "");
}

/* As a ConfigMap's volume is made, its directory having been made fit. */
static void test_links_of_a_volume(void **state)
{
	_cleanup_(freep) char *base = read_text(CASES "/base.yaml");
	_cleanup_(freep) char *version = mem_printf("%s/conf.d/..2026", directory);
	_cleanup_(freep) char *data = mem_printf("%s/conf.d/..data", directory);
	_cleanup_(freep) char *link = mem_printf("%s/conf.d/base.yaml", directory);

	put("certferry.yaml", "poll: 1h\n");
	assert_int_equal(mkdir(version, 0755), 0);
	put("conf.d/..2026/base.yaml", base);
	assert_int_equal(symlink("..2026", data), 0);
	assert_int_equal(symlink("..data/base.yaml", link), 0);
	expect_text("");
	change("conf.d/..2026", 0757, geteuid(), getegid());
	expect_text("conf.d/base.yaml: others can rename what is in");
	(void)unlink(link);
	(void)unlink(data);
}

static void test_no_plain_file(void **state)
{
	_cleanup_(freep) char *base = read_text(CASES "/base.yaml");
	_cleanup_(freep) char *path = mem_printf("%s/certferry.yaml", directory);

	expect_text("certferry.yaml: the file does not exist; create it");
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_text("certferry.yaml: is not a regular file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("conf.d", path), 0);
	expect_text("certferry.yaml: is not a regular file");
	assert_int_equal(unlink(path), 0);
	put("elsewhere", base);
	assert_int_equal(symlink("elsewhere", path), 0);
	expect_text("");
	change("elsewhere", 0646, geteuid(), getegid());
	expect_text("certferry.yaml: users other than root could change the file");
}

static void test_one_file_alone(void **state)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;

	put("conf.d/x.yaml", "nonsense: 1\n");
	assert_int_equal(config_load(CASES "/base.yaml", &desired, &problems, NULL), 0);
	assert_non_null(desired);
	desired = desired_free(desired);
	assert_int_equal(config_load("/nonexistent/x.yaml", &desired, &problems, NULL), -EINVAL);
	assert_null(desired);
	assert_int_equal(problems.count, 1);
	assert_int_equal(problems.items[0].line, 0);
}

static void test_state_directory(void **state)
{
	_cleanup_(freep) char *base = read_text(CASES "/base.yaml");

	put("certferry.yaml", base);
	setenv("STATE_DIRECTORY", "/run/other:/srv/", 1);
	expect_text("destinations.files.directory: is in the state directory /srv,");
	setenv("STATE_DIRECTORY", "/srv/tl", 1);
	expect_text("");
	unsetenv("STATE_DIRECTORY");
}

static void test_at_most_twenty(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	for (size_t i = 0; i < 30; i++)
		buf_printf(&text, "unknown%zu: 1\n", i);
	put("certferry.yaml", text.data);
	expect_text("certferry.yaml:19:1: unknown key 'unknown18'; remove it, or see "
		    "certferry.yaml(5) for "
		    "the keys\nand 11 more\n");
}

/* -- nothing absurd, nothing secret -- */

/* conf/certferry.yaml with every setting in force. */
static char *uncommented(void)
{
	_cleanup_(freep) char *example = read_text("conf/certferry.yaml");
	struct buf text = BUF_NULL;

	for (char *line = example; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t indent = strspn(line, " "), length = strcspn(line, "\n");
		bool setting = line[indent] == '#' && line[indent + 1] != ' ' &&
			       indent + 1 < length;

		buf_append(&text, line, indent);
		if (setting)
			buf_append(&text, line + indent + 1, length - indent - 1);
		buf_append_char(&text, '\n');
	}
	return buf_take(&text);
}

/* Loads ${text} with ${absurd} in place of one value in four, in turn, the first being ${first};
 * what is said of it may not contain ${secret}. */
static void load_with(const char *text, const char *absurd, size_t first, const char *secret)
{
	size_t count = 4 - first % 4;

	for (const char *colon = text; (colon = strchr(colon + 1, ':'));) {
		_cleanup_(config_problems_done) struct config_problems problems =
			CONFIG_PROBLEMS_NULL;
		_cleanup_(desired_freep) struct desired *desired = NULL;
		_cleanup_(buf_done) struct buf changed = BUF_NULL;
		_cleanup_(freep) char *found = NULL;
		int r;

		if ((colon[1] != ' ' && colon[1] != '\n') || count++ % 4)
			continue;
		buf_append(&changed, text, (size_t)(colon - text));
		buf_printf(&changed, ": %s\n", absurd);
		buf_append_string(&changed, colon + strcspn(colon, "\n"));
		r = config_parse("x.yaml", changed.data, changed.length, &desired, &problems);
		assert_int_equal(r, problems.count ? -EINVAL : 0);
		assert_true(!desired == (r < 0));
		found = problems_text(&problems, "");
		if (secret && strstr(found, secret))
			fail_msg("a secret is shown: %s", found);
		for (const char *c = found; *c; c++)
			assert_true(*c == '\n' ||
				    ((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f));
	}
}

static void test_absurd(void **state)
{
	static const char *const values[] = { "", "~", "[]", "{}", "[[]]", "{a: {b: c}}", "\"\"",
		"' '", "\"\\0\"", "\"\\x1b[31m\\n\"", "\"\\u202e\xc3\xa9\"", "%s%n%d", "\"{\"",
		"\"{}\"", "\"{account\"", "\"}{\"", "../../..", "/", "-1",
		"99999999999999999999999999", "1e9", "0s", "999999999d", "999999999h", "0",
		"arn:aws:acm:::", "\"*\"", "[::]:0", "\"[:::::]:443\"", ".", "a/b/c/d/e", "[a, a]",
		"[~]", "[[a], {b: c}]", "*x", "&x y", "!!binary eA==" };
	_cleanup_(freep) char *text = uncommented();
	_cleanup_(buf_done) struct buf longest = BUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		load_with(text, values[i], i, NULL);
	while (longest.length < 5000)
		buf_append_string(&longest, "a.b/c:{account}");
	longest.data[0] = '"';
	buf_append_char(&longest, '"');
	load_with(text, longest.data, 0, NULL);
}

static void test_secrets(void **state)
{
	static const char *const secrets[] = { "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12",
		"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "AKIAIOSFODNN7EXAMPLE",
		"hvs.CAESIJ0a1b2c3d4e5f" };
	_cleanup_(freep) char *text = uncommented();

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		_cleanup_(freep) char *list = mem_printf("[%s, %s]", secrets[i], secrets[i]);
		_cleanup_(freep) char *key = mem_printf("{%s: %s}", secrets[i], secrets[i]);
		_cleanup_(freep) char *below = mem_printf(
			"{%s: {password: %s}}", secrets[i], secrets[i]);

		load_with(text, secrets[i], i + 0, secrets[i]);
		load_with(text, list, i + 1, secrets[i]);
		load_with(text, key, i + 2, secrets[i]);
		load_with(text, below, i + 3, secrets[i]);
	}
}

/* -- example, manual and JSON Schema -- */

/* A key that cannot stand beside the one that is shown is in the words about that. */
static bool named_instead(const struct schema_row *row)
{
	_cleanup_(freep) char *example = read_text("conf/certferry.yaml");
	_cleanup_(freep) char *words = mem_printf("# Instead, several: %s: [", row->key);

	return row->excludes && strstr(example, words);
}

/* The maps in ${nodes} (all entries of one section) name every row of ${section}. */
static void check_example(
	const char *path, const struct schema_section *section, const struct yaml_node *nodes)
{
	SCHEMA_FOREACH(row, section)
	{
		_cleanup_(freep) char *below = mem_printf("%s.%s", path, row->key);
		struct yaml_node all = { .type = YAML_LIST };
		bool initial = !row->initial;

		for (size_t i = 0; i < nodes->count; i++) {
			struct yaml_node *value = yaml_find(nodes->items[i], row->key);

			if (!value)
				continue;
			if (row->type == SCHEMA_NAMED || row->type == SCHEMA_SECTIONS ||
				(row->type == SCHEMA_SOME && value->type == YAML_LIST))
				for (size_t j = 0; j < value->count; j++)
					yaml_node_add(&all, value->items[j]);
			else
				yaml_node_add(&all, value);
			initial |= value->type == YAML_TEXT && row->initial &&
				   strcmp(value->text, row->initial) == 0;
		}
		if (!all.count && !named_instead(row))
			fail_msg("conf/certferry.yaml has no %s", below);
		if (!initial)
			fail_msg("conf/certferry.yaml does not have %s at its default", below);
		if (row->section)
			check_example(below, row->section, &all);
		free(all.items);
	}
}

static void test_example(void **state)
{
	_cleanup_(freep) char *text = uncommented();
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;
	_cleanup_(yaml_document_freep) struct yaml_document *document = NULL;
	_cleanup_(freep) char *found = NULL;
	struct yaml_node top = { .type = YAML_LIST };

	(void)config_parse("conf/certferry.yaml", text, strlen(text), &desired, &problems);
	found = problems_text(&problems, "");
	assert_string_equal(found, "");
	document = yaml_parse("conf/certferry.yaml", text, strlen(text));
	yaml_node_add(&top, document->root);
	check_example("", &schema_root, &top);
	free(top.items);
}

/* The manual's items of ${key} between ${start} and ${end}: is one there that says ${initial}? */
static bool has_item(const char *start, const char *end, const char *key, const char *initial)
{
	_cleanup_(freep) char *item = mem_printf("\n.It Ic %s\n", key);
	_cleanup_(freep) char *said = mem_printf("\nDefault: %s.\n", initial ? initial : "");

	for (const char *at = start; (at = strstr(at, item)) && at < end; at++) {
		const char *behind = strstr(at + 1, "\n.It "), *close = strstr(at, "\n.El");
		const char *found = initial ? strstr(at, said) : at;

		behind = behind && behind < close ? behind : close;
		if (found && found < behind)
			return true;
	}
	return false;
}

static bool manual_has(const char *manual, const char *heading, const struct schema_row *row)
{
	bool section = heading[1] < 'a'; /* in capitals */
	_cleanup_(freep) char *line = mem_printf("\n.S%c %s\n", section ? 'h' : 's', heading);
	const char *start = strstr(manual, line), *end, *subsection;

	if (!start)
		return false;
	start += strlen(line) - 1;
	end = strstr(start, "\n.Sh ");
	subsection = strstr(start, "\n.Ss ");
	if (subsection && (!end || subsection < end))
		end = subsection;
	return has_item(start, end ? end : start + strlen(start), row->key, row->initial);
}

static void check_manual(
	const char *manual, const char *heading, const struct schema_section *section)
{
	static const struct {
		const char *key, *heading;
	} headings[] = {
		{ "source", "SOURCE" },
		{ "certificates", "CERTIFICATES" },
		{ "match", "Match" },
		{ "deliver", "Deliver" },
		{ "prove", "Prove" },
		{ "only", "Only" },
		{ "destinations", "DESTINATIONS" },
		{ "fields", "Fields" },
		{ "dependents", "DEPENDENTS" },
	};

	SCHEMA_FOREACH(row, section)
	{
		if (!manual_has(manual, heading, row) && !manual_has(manual, "ACCESS", row))
			fail_msg("conf/certferry.yaml.5: section %s has no '%s' with default '%s'",
				heading, row->key, row->initial ? row->initial : "");
		for (size_t i = 0; row->section && i < ARRAY_SIZE(headings); i++)
			if (strcmp(headings[i].key, row->key) == 0)
				check_manual(manual, headings[i].heading, row->section);
	}
}

static void test_manual(void **state)
{
	_cleanup_(freep) char *manual = read_text("conf/certferry.yaml.5");

	check_manual(manual, "TOP LEVEL", &schema_root);
}

static void test_json_schema(void **state)
{
	_cleanup_(freep) char *committed = read_text("conf/certferry.schema.json");
	char *made = NULL;
	size_t size;
	FILE *stream = open_memstream(&made, &size);
	bool same;

	assert_int_equal(config_schema_json(stream), 0);
	fclose(stream);
	same = strcmp(made, committed) == 0;
	if (!same && getenv("CERTFERRY_UPDATE"))
		assert_int_equal(
			file_replace("conf/certferry.schema.json", made, size, 0644, NULL), 0);
	free(made);
	if (!same)
		fail_msg("conf/certferry.schema.json is not what the schema's rows say; to write "
			 "it anew, "
			 "run this test with CERTFERRY_UPDATE=1 in the environment");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test_setup_teardown(
			test_writable_by_others, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_of_other_users, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_below_a_directory_of_others, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_links_of_a_volume, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_no_plain_file, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_one_file_alone, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_state_directory, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_at_most_twenty, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_absurd, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_secrets, make_directory, remove_directory),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_json_schema),
	};

	unsetenv("STATE_DIRECTORY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
