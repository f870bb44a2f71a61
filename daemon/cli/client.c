/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "lib/os/clock.h"

#define BUS_NAME      "org.certferry1"
#define OBJECT_PATH   "/org/certferry1"
#define INTERFACE     "org.certferry1.Manager"

#define READ_TIMEOUT  (25 * USEC_PER_SEC)
#define ORDER_TIMEOUT (150 * USEC_PER_SEC) /* a person may be typing a password */

struct client {
	sd_bus *bus;
	/* The job that is waited for; its signal may have come before its number was known, and is
	 * dispatched after. */
	uint32_t job;
	bool is_done;
	bool is_lost; /* the daemon went away */
	int exit_status;
	char *json;
};

/* What sd-bus and the daemon call things, in words that say what to do next. */
static const struct {
	const char *name;
	enum error_kind kind;
	int code;
	const char *text; /* NULL: the error's own */
} errors[] = {
	{ SD_BUS_ERROR_SERVICE_UNKNOWN, ERROR_RETRY, CLIENT_UNREACHABLE,
		"certferryd does not respond on the system bus; is it running? "
		"(systemctl status certferryd)" },
	{ SD_BUS_ERROR_NAME_HAS_NO_OWNER, ERROR_RETRY, CLIENT_UNREACHABLE,
		"certferryd does not respond on the system bus; is it running? "
		"(systemctl status certferryd)" },
	{ SD_BUS_ERROR_NO_REPLY, ERROR_RETRY, CLIENT_UNREACHABLE,
		"certferryd did not respond in time; is it shutting down, or stuck? "
		"(systemctl status certferryd; journalctl -u certferryd)" },
	{ SD_BUS_ERROR_TIMEOUT, ERROR_RETRY, CLIENT_UNREACHABLE,
		"certferryd did not respond in time; is it stuck? "
		"(systemctl status certferryd; journalctl -u certferryd)" },
	{ SD_BUS_ERROR_ACCESS_DENIED, ERROR_DENIED, CLIENT_UNREACHABLE,
		"permission denied: only root and members of group certferry-admin can talk to certferryd" },
	{ SD_BUS_ERROR_UNKNOWN_METHOD, ERROR_BUG, CLIENT_UNREACHABLE,
		"the running certferryd has another version and does not know this request; "
		"restart it (systemctl restart certferryd)" },
	{ "org.certferry1.Error.Denied", ERROR_DENIED, CLIENT_UNREACHABLE, NULL },
	{ "org.certferry1.Error.NotFound", ERROR_ABSENT, 0, NULL },
	{ "org.certferry1.Error.Invalid", ERROR_INVALID, 0, NULL },
};

static int fail(const sd_bus_error *error, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (error->name && strcmp(error->name, errors[i].name) == 0)
			return error_set(err, errors[i].kind, errors[i].code, "%s",
				errors[i].text ?: error->message ?: error->name);
	return error_set(err, ERROR_RETRY, 0, "certferryd: %s",
		error->message ?: error->name ?: "unknown error");
}

static int fail_bus(int number, struct error *err)
{
	return error_set(err, ERROR_RETRY, CLIENT_UNREACHABLE,
		"failed to reach certferryd over the system bus: %s",
		strerrordesc_np(abs(number)) ?: "unknown error");
}

static int on_job_done(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct client *client = userdata;
	int32_t exit_status;
	const char *json;
	uint32_t job;

	if (sd_bus_message_read(message, "uis", &job, &exit_status, &json) <= 0)
		return 0;
	if (client->is_done || job != client->job)
		return 0;
	client->is_done = true;
	client->exit_status = exit_status;
	client->json = mem_strdup(json);
	return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	const char *name, *from, *to;
	struct client *client = userdata;

	if (sd_bus_message_read(message, "sss", &name, &from, &to) > 0 && *from)
		client->is_lost = true;
	return 0;
}

int client_open(struct client **ret_client, struct error *err)
{
	_cleanup_(client_freep) struct client *client = mem_new(struct client);
	int r;

	r = sd_bus_open_system_with_description(&client->bus, "certferry");
	if (r < 0)
		return fail_bus(r, err);
	*ret_client = take(client);
	return 0;
}

/* Needed before the job is ordered: its end may be told at once. */
static int client_listen(struct client *client)
{
	int r;

	r = sd_bus_match_signal(client->bus, NULL, BUS_NAME, OBJECT_PATH, INTERFACE, "JobDone",
		on_job_done, client);
	if (r >= 0)
		r = sd_bus_add_match(client->bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',"
			"path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
			"member='NameOwnerChanged',arg0='" BUS_NAME "'",
			on_owner_changed, client);
	return r;
}

static int client_call(struct client *client, sd_bus_message *call, usec_t timeout,
	sd_bus_message **ret_reply, struct error *err)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_call(client->bus, call, timeout, &error, ret_reply);
	if (r >= 0)
		return 0;
	return sd_bus_error_is_set(&error) ? fail(&error, err) : fail_bus(r, err);
}

static int append_question(sd_bus_message *call, const struct client_question *question, int fd)
{
	int r = sd_bus_message_append(call, "h", fd);

	if (r >= 0 && strcmp(question->method, "WriteStatus") == 0)
		r = sd_bus_message_append(call, "s", question->name ?: "");
	if (r < 0)
		return r;
	return question->summary ? sd_bus_message_append(call, "a{sv}", 1, "summary", "b", 1)
				 : sd_bus_message_append(call, "a{sv}", 0);
}

/* The call has a descriptor of its own, which goes with it: what is read ends when the daemon closes its. */
static int send_question(
	struct client *client, const struct client_question *question, int fd, struct error *err)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	r = sd_bus_message_new_method_call(
		client->bus, &call, BUS_NAME, OBJECT_PATH, INTERFACE, question->method);
	if (r >= 0)
		r = append_question(call, question, fd);
	return r < 0 ? fail_bus(r, err) : client_call(client, call, READ_TIMEOUT, &reply, err);
}

int client_ask(struct client *client, const struct client_question *question, int *ret_fd, struct error *err)
{
	struct timeval patience = { .tv_sec = READ_TIMEOUT / USEC_PER_SEC };
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set_errno(err, errno, "make a socket for the answer");
	(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r = send_question(client, question, pair[1], err);
	(void)close(pair[1]);
	if (r < 0) {
		(void)close(pair[0]);
		return r;
	}
	*ret_fd = pair[0];
	return 0;
}

static int client_order_send(struct client *client, sd_bus_message *call, const char *delivery,
	sd_bus_message **ret_reply, struct error *err)
{
	int r;

	r = client_listen(client);
	if (r >= 0)
		r = sd_bus_message_append(call, "s", delivery ?: "");
	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(call, isatty(STDIN_FILENO));
	if (r < 0)
		return fail_bus(r, err);
	return client_call(client, call, ORDER_TIMEOUT, ret_reply, err);
}

int client_order(struct client *client, const char *method, const char *delivery,
	uint32_t *ret_number, struct error *err)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	r = sd_bus_message_new_method_call(
		client->bus, &call, BUS_NAME, OBJECT_PATH, INTERFACE, method);
	if (r < 0)
		return fail_bus(r, err);
	r = client_order_send(client, call, delivery, &reply, err);
	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "u", ret_number);
	return r < 0 ? fail_bus(r, err) : 0;
}

/* One turn of the connection: what has come is dispatched, or more is waited for until ${end}. */
static int client_turn(struct client *client, usec_t end)
{
	usec_t now = clock_monotonic();
	int r;

	r = sd_bus_process(client->bus, NULL);
	if (r != 0)
		return r;
	return sd_bus_wait(client->bus, end == USEC_INFINITY ? UINT64_MAX : usec_sub(end, now));
}

int client_wait(struct client *client, uint32_t job, usec_t timeout, int *ret_exit, char **ret_json,
	struct error *err)
{
	usec_t end = usec_add(clock_monotonic(), timeout);
	int r;

	client->job = job;
	while (!client->is_done) {
		if (client->is_lost)
			return error_set(err, ERROR_RETRY, CLIENT_UNREACHABLE,
				"certferryd stopped before job %u ended; unfinished work resumes when "
				"it starts again (systemctl status certferryd)",
				job);
		if (clock_monotonic() >= end)
			return error_set(err, ERROR_RETRY, CLIENT_TIMEOUT,
				"job %u is still running; "
				"certferry status shows its progress",
				job);
		r = client_turn(client, end);
		if (r < 0 && r != -EINTR)
			return fail_bus(r, err);
	}
	*ret_exit = client->exit_status;
	*ret_json = take(client->json);
	return 0;
}

int client_version(struct client *client, char **ret_version, struct error *err)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(freep) char *version = NULL;
	int r;

	r = sd_bus_get_property_string(
		client->bus, BUS_NAME, OBJECT_PATH, INTERFACE, "Version", &error, &version);
	if (r < 0)
		return sd_bus_error_is_set(&error) ? fail(&error, err) : fail_bus(r, err);
	*ret_version = take(version);
	return 0;
}

struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;
	sd_bus_close_unref(client->bus);
	free(client->json);
	free(client);
	return NULL;
}
