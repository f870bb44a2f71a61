/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program prints (`credential_process`): for credentials that only somebody's own program can get, such as
 * those of IAM Roles Anywhere.  Without Expiration they are good for ever, until AWS refuses them.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/client.h"
#include "lib/aws/programs.h"
#include "lib/aws/provider.h"
#include "lib/base/strv.h"
#include "lib/base/words.h"
#include "lib/os/file.h"
#include "lib/os/path.h"
#include "lib/os/process.h"
#include "lib/pki/secret.h"

#define OUTPUT_MAX ((size_t)64 << 10)
#define TIME_MAX   (60 * USEC_PER_SEC)

struct runner {
	struct provider provider;
	struct aws *aws;
	char *profile, *command;
	struct secret *output; /* while a fetch is under way */
	struct process *process;
	provider_done_fn done;
	void *userdata;
};

/* The only end of a fetch.  ${credentials} or else ${err}. */
static void runner_finish(
	struct runner *runner, struct credentials *credentials, struct error *err)
{
	runner->output = secret_free(runner->output);
	if (!credentials)
		(void)error_wrap(err, "profile '%s': credential_process", runner->profile);
	runner->done(runner->userdata, credentials, credentials ? NULL : err);
}

static int check_version(const char *text, size_t length, struct error *err)
{
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	json_int_t version = json_integer_value(json_object_get(object, "Version"));

	json_decref(object);
	if (version != 1)
		return error_set(err, ERROR_INVALID, 0,
			"its output is not a JSON object with \"Version\": 1");
	return 0;
}

static int read_output(const struct runner *runner, size_t length,
	struct credentials **ret_credentials, struct error *err)
{
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	const char *text = secret_borrow(runner->output);
	int r;

	r = check_version(text, length, err);
	if (r < 0)
		return r;
	r = credentials_read(text, length, false, &credentials, err);
	if (r < 0)
		return error_wrap(err, "its output");
	r = credentials_check(credentials, "its output", aws_now(runner->aws), err);
	if (r < 0)
		return r;
	*ret_credentials = take(credentials);
	return 0;
}

static void on_printed(void *userdata, size_t length, const struct error *err)
{
	struct runner *runner = userdata;
	struct credentials *credentials = NULL;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	runner->process = NULL;
	if (err) {
		error_copy(&failure, err);
		/* Whatever became of the program: it is not run again for each request that needs it. */
		failure.kind = ERROR_DENIED;
	} else {
		(void)read_output(runner, length, &credentials, &failure);
	}
	runner_finish(runner, credentials, &failure);
}

/*
 * It is run by its name, which a script wants to be called by; where this passes, it takes more than
 * anybody to have that name mean another file.  What else keeps it from being run, running it tells.
 */
static int check_program(const char *path, struct error *err)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	_cleanup_(fd_closep) int fd = -1;

	if (path_open_trusted(path, O_PATH, PATH_NOT_EVERYBODY, &fd, &problem) == 0 || problem.code != 0)
		return 0;
	if (err)
		error_move(err, &problem);
	return -EACCES;
}

static int runner_start(struct runner *runner, struct error *err)
{
	_cleanup_(strv_freep) char **words = NULL;
	_cleanup_(freep) char *program = NULL;
	int r;

	if (words_split(runner->command, &words) < 0)
		return error_set(err, ERROR_INVALID, 0,
			"a quote is not closed, or a backslash is at the end");
	if (!words)
		return error_set(err, ERROR_INVALID, 0, "no program is named");
	program = program_find(words[0]);
	r = check_program(program, err);
	if (r < 0)
		return r;
	r = secret_new(OUTPUT_MAX, &runner->output, err);
	if (r < 0)
		return r;
	runner->process = process_start(runner->aws->event,
		&(struct process_request){
			.program = program,
			.words = words,
			.output = secret_extend(runner->output, OUTPUT_MAX),
			.room = OUTPUT_MAX,
			.timeout = TIME_MAX,
		},
		on_printed, runner);
	return 0;
}

static void runner_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	struct runner *runner = (struct runner *)provider;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	runner->done = done;
	runner->userdata = userdata;
	if (runner_start(runner, &err) < 0)
		runner_finish(runner, NULL, &err);
}

static void runner_release(struct provider *provider)
{
	struct runner *runner = (struct runner *)provider;

	process_cancel(runner->process);
	secret_free(runner->output);
	free(runner->profile);
	free(runner->command);
	free(runner);
}

struct provider *provider_process_new(struct aws *aws, const char *profile, const char *command)
{
	struct runner *runner = mem_new(struct runner);

	*runner = (struct runner){
		.provider = { runner_fetch, runner_release },
		.aws = aws,
		.profile = mem_strdup(profile),
		.command = mem_strdup(command),
	};
	return &runner->provider;
}
