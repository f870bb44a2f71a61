/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client NAME=VALUE...: the Vault client of lib/vault, driven by lines of standard input.  The
 * arguments are the settings ("address=https://...").  A line is begun as soon as it is read:
 *	mount MOUNT
 *	describe MOUNT NAME
 *	write MOUNT NAME CURRENT JSON
 *	mark MOUNT NAME KEY=VALUE...
 *	forget
 * and each has a line of JSON on standard output when it has ended, with the number of its line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/aws/aws.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/log/log.h"
#include "lib/pki/secret.h"
#include "lib/vault/kv.h"

#define WORDS_MOST 16

struct world {
	sd_event *event;
	struct vault *vault;
	struct buf input;
	unsigned lines, left;
	bool ended;
};

struct task {
	struct world *world;
	unsigned line;
};

/* ${said} is taken over. */
static void say(struct task *task, json_t *said, const struct error *err)
{
	struct world *world = task->world;

	(void)json_object_set_new(said, "line", json_integer(task->line));
	if (err) {
		(void)json_object_set_new(said, "error", json_string(error_kind_name(err->kind)));
		(void)json_object_set_new(said, "code", json_integer(err->code));
		(void)json_object_set_new(said, "text", json_string(err->text));
	}
	(void)json_dumpf(said, stdout, JSON_COMPACT);
	(void)putchar('\n');
	(void)fflush(stdout);
	json_decref(said);
	free(task);
	if (--world->left == 0 && world->ended)
		(void)sd_event_exit(world->event, 0);
}

static void on_done(void *userdata, uint64_t version, const struct error *err)
{
	say(userdata, json_pack("{s:I}", "version", (json_int_t)version), err);
}

static void on_description(void *userdata, const struct kv_description *description, const struct error *err)
{
	json_t *said = json_object(), *custom = json_array();

	STRV_FOREACH (pair, description ? description->custom : NULL)
		(void)json_array_append_new(custom, json_string(*pair));
	(void)json_object_set_new(said, "custom", custom);
	if (description) {
		(void)json_object_set_new(said, "current", json_integer((json_int_t)description->current));
		(void)json_object_set_new(said, "deleted", json_boolean(description->deleted));
		(void)json_object_set_new(said, "written", json_integer((json_int_t)(description->written / USEC_PER_SEC)));
	}
	say(userdata, said, err);
}

static void begin_write(struct task *task, char *const *words)
{
	struct secret *data;

	if (secret_from(words[4], strlen(words[4]), &data, NULL) < 0)
		abort();
	(void)kv_write(task->world->vault, words[1], words[2], strtoull(words[3], NULL, 10), data, on_done, task);
	secret_free(data);
}

static void begin(struct world *world, char *line)
{
	struct task *task = mem_new(struct task);
	char *words[WORDS_MOST + 1] = { NULL }, *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(line, " ", &rest); word && count < WORDS_MOST; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	*task = (struct task){ .world = world, .line = world->lines++ };
	world->left++;
	if (strcmp(words[0], "mount") == 0 && count == 2) {
		(void)kv_mount(world->vault, words[1], on_done, task);
	} else if (strcmp(words[0], "describe") == 0 && count == 3) {
		(void)kv_describe(world->vault, words[1], words[2], on_description, task);
	} else if (strcmp(words[0], "write") == 0 && count == 5) {
		begin_write(task, words);
	} else if (strcmp(words[0], "mark") == 0 && count > 3) {
		(void)kv_mark(world->vault, words[1], words[2], words + 3, on_done, task);
	} else if (strcmp(words[0], "forget") == 0) {
		vault_forget_denials(world->vault);
		say(task, json_object(), NULL);
	} else {
		(void)fprintf(stderr, "client: no such line: %s\n", words[0]);
		exit(2);
	}
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct world *world = userdata;
	char data[4096], *end;
	ssize_t length = read(fd, data, sizeof(data));

	if (length <= 0) {
		world->ended = true;
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
		if (world->left == 0)
			(void)sd_event_exit(world->event, 0);
		return 0;
	}
	buf_append(&world->input, data, (size_t)length);
	while ((end = strchr(world->input.data, '\n'))) {
		_cleanup_(freep) char *line = mem_strndup(world->input.data, (size_t)(end - world->input.data));
		_cleanup_(freep) char *rest = mem_strdup(end + 1);

		buf_clear(&world->input);
		buf_append_string(&world->input, rest);
		begin(world, line);
	}
	return 0;
}

static const char *setting(char **arguments, const char *name)
{
	size_t length = strlen(name);

	for (; *arguments; arguments++)
		if (strncmp(*arguments, name, length) == 0 && (*arguments)[length] == '=')
			return *arguments + length + 1;
	return NULL;
}

int main(int argc, char **argv)
{
	struct world world = { .input = BUF_NULL };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct vault_settings settings = {
		.address = setting(argv, "address"),
		.namespace = setting(argv, "namespace"),
		.ca_file = setting(argv, "ca_file"),
		.auth_mount = setting(argv, "auth_mount"),
		.token_file = setting(argv, "token_file"),
		.role_id_file = setting(argv, "role_id_file"),
		.secret_id_file = setting(argv, "secret_id_file"),
		.certificate_file = setting(argv, "certificate_file"),
		.key_file = setting(argv, "key_file"),
		.role = setting(argv, "role"),
		.server_id = setting(argv, "server_id"),
		.sts_region = setting(argv, "sts_region"),
		.method = setting(argv, "token_file") ? VAULT_TOKEN_FILE
			  : setting(argv, "aws")      ? VAULT_AWS
			  : setting(argv, "key_file") ? VAULT_CERTIFICATE
						      : VAULT_APPROLE,
	};
	struct aws *aws = NULL;
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0 || sd_event_default(&world.event) < 0)
		return 1;
	log_open("client", setting(argv, "debug") ? LOG_DEBUG : LOG_WARNING);
	if (settings.method == VAULT_AWS) {
		if (aws_new(world.event, &aws, &err) < 0)
			return 1;
		settings.aws = aws_session_get(aws, &(struct aws_identity){ 0 });
	}
	if (vault_new(world.event, &settings, &world.vault, &err) < 0) {
		(void)fprintf(stderr, "client: %s: %s\n", error_kind_name(err.kind), err.text);
		return 3;
	}
	if (sd_event_add_io(world.event, NULL, STDIN_FILENO, EPOLLIN, on_input, &world) < 0)
		return 1;
	(void)sd_event_loop(world.event);
	buf_done(&world.input);
	vault_free(world.vault);
	aws_free(aws);
	sd_event_unref(world.event);
	return 0;
}
