/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus/manager.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "daemon/bus/answer.h"
#include "daemon/bus/polkit.h"
#include "daemon/bus/properties.h"
#include "daemon/bus/refuse.h"
#include "lib/base/printable.h"
#include "lib/base/time.h"
#include "lib/log/log.h"

/*
 * Reading is answer.c's.  A change is a request, at one step at a time:
 *	MAY	polkit is asked whether its sender may		check != NULL
 *	WHO	the bus is asked for the sender's uid, for the record	owner != NULL
 *	DONE	it was handed to the conductor, and is answered and released
 */

#define OBJECT_PATH "/org/certferry1"
#define INTERFACE   "org.certferry1.Manager"
#define WHO_TIMEOUT (10 * USEC_PER_SEC)

/* Whoever may talk to us still may not fill our memory, or the journal. */
#define REQUESTS_OF_ONE 4 /* connection */
#define NAME_MOST	1024

struct manager {
	sd_bus *connection;
	sd_bus_slot *object;
	struct properties *properties;
	const struct bus_handlers *handlers;
	void *userdata;
	struct request *requests;
	size_t request_count;
	struct answers *answers;
};

struct request;

/* Hands the request to the conductor and answers it with a number, or fills err. */
typedef int (*request_fn)(const struct request *request, const char *who, uint32_t *ret_number, struct error *err);

struct request {
	struct manager *manager;
	struct request *next;
	sd_bus_message *message;
	char *delivery; /* what is asked about; "": all */
	request_fn act;
	enum approval may; /* of an approval: what polkit is asked about */
	struct polkit_check *check;
	sd_bus_slot *owner;
};

static void request_free(struct request *request)
{
	struct request **link = &request->manager->requests;

	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
	request->manager->request_count--;
	polkit_check_cancel(request->check);
	sd_bus_slot_unref(request->owner);
	sd_bus_message_unref(request->message);
	free(request->delivery);
	free(request);
}

static const char *request_subject(const struct request *request)
{
	return *request->delivery ? request->delivery : "all deliveries";
}

static void request_fail(struct request *request, const struct error *err)
{
	log_write(LOG_NOTICE, NULL, NULL, "Denied %s on %s for %s: %s",
		sd_bus_message_get_member(request->message), request_subject(request),
		sd_bus_message_get_sender(request->message), err->text);
	(void)bus_refuse(request->message, err);
	request_free(request);
}

static void request_act(struct request *request, const char *who)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	uint32_t number = 0;

	if (request->act(request, who, &number, &err) < 0) {
		(void)bus_refuse(request->message, &err);
	} else {
		log_write(LOG_INFO, NULL, NULL, "Accepted %s on %s from %s",
			sd_bus_message_get_member(request->message), request_subject(request), who);
		(void)sd_bus_reply_method_return(request->message, "u", number);
	}
	request_free(request);
}

static int on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *who = NULL;
	struct request *request = userdata;
	uint32_t uid;

	request->owner = sd_bus_slot_unref(request->owner);
	if (sd_bus_message_is_method_error(reply, NULL) ||
		sd_bus_message_read(reply, "u", &uid) < 0) {
		error_set(&err, ERROR_DENIED, 0, "the bus does not say who sent the request");
		request_fail(request, &err);
		return 0;
	}
	who = mem_printf("uid %u", uid);
	request_act(request, who);
	return 0;
}

/* Asked by hand, since sd_bus_query_sender_creds() would wait for the answer and stop the loop. */
static int request_ask_who(struct request *request)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	sd_bus *bus = request->manager->connection;
	int r;

	r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.DBus",
		"/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", sd_bus_message_get_sender(request->message));
	if (r >= 0)
		r = sd_bus_call_async(bus, &request->owner, call, on_owner, request, WHO_TIMEOUT);
	return r;
}

static void on_checked(void *userdata, const struct error *refused)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct request *request = userdata;
	int r;

	request->check = NULL;
	if (refused) {
		request_fail(request, refused);
		return;
	}
	r = request_ask_who(request);
	if (r < 0) {
		error_set_errno(&err, r, "ask the bus who sent the request");
		request_fail(request, &err);
	}
}

/* Names are kept, looked for and written to the log. */
static int check_name(const char *name, struct error *err)
{
	_cleanup_(freep) char *plain = printable(mem_strdup(name));

	if (strnlen(name, NAME_MOST) == NAME_MOST)
		return error_set(err, ERROR_INVALID, 0, "the name is too long for a delivery");
	if (strcmp(name, plain) != 0)
		return error_set(err, ERROR_INVALID, 0, "the name has control characters, which no delivery has");
	return 0;
}

/* All who may talk to us together fill no more than REQUESTS_MOST, and one of them REQUESTS_OF_ONE. */
static int check_requests(struct manager *manager, sd_bus_message *message, struct error *err)
{
	const char *sender = sd_bus_message_get_sender(message) ?: "";
	size_t theirs = 0;

	for (const struct request *request = manager->requests; request; request = request->next)
		theirs += strcmp(sd_bus_message_get_sender(request->message) ?: "", sender) == 0;
	if (manager->request_count < REQUESTS_MOST && theirs < REQUESTS_OF_ONE)
		return 0;
	return error_set(err, ERROR_RETRY, 0, "%zu requests wait for polkit already, %zu of them yours; try again later",
		manager->request_count, theirs);
}

/* The action that polkit is asked about, and what is to be asked for with it. */
typedef const char *(*action_fn)(struct request *request);

static int request_start(struct manager *manager, sd_bus_message *message, action_fn action, request_fn act)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct request *request;
	const char *delivery;
	int r;

	r = sd_bus_message_read(message, "s", &delivery);
	if (r < 0)
		return r;
	r = check_name(delivery, &err);
	if (r == 0)
		r = check_requests(manager, message, &err);
	if (r < 0)
		return bus_refuse(message, &err);
	request = mem_new(struct request);
	*request = (struct request){
		.manager = manager,
		.next = manager->requests,
		.message = sd_bus_message_ref(message),
		.delivery = mem_strdup(delivery),
		.act = act,
	};
	manager->requests = request;
	manager->request_count++;
	request->check = polkit_check(message, action(request), on_checked, request);
	return 1;
}

static const char *action_sync(struct request *request)
{
	return "org.certferry1.sync";
}

static int act_sync(const struct request *request, const char *who, uint32_t *ret_number, struct error *err)
{
	const struct manager *manager = request->manager;

	return manager->handlers->sync(manager->userdata, request->delivery, ret_number, err);
}

static const char *action_approve(struct request *request)
{
	static const char *const actions[] = {
		[APPROVAL_PLAIN] = "org.certferry1.approve",
		[APPROVAL_TRUST] = "org.certferry1.approve-trust",
	};

	request->may = request->manager->handlers->approval(request->manager->userdata, request->delivery);
	return actions[request->may];
}

/* What came to hold it since polkit was asked is let go only as far as polkit was asked for. */
static int act_approve(const struct request *request, const char *who, uint32_t *ret_number, struct error *err)
{
	const struct manager *manager = request->manager;

	return manager->handlers->approve(
		manager->userdata, request->delivery, request->may, who, ret_number, err);
}

static int method_sync(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	return request_start(userdata, message, action_sync, act_sync);
}

static int method_approve(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	return request_start(userdata, message, action_approve, act_approve);
}

/* --- reading --- */

/* As one message, which a great installation's answer does not fit into. */
static int reply_text(struct manager *manager, sd_bus_message *message, enum bus_subject subject)
{
	const struct bus_question question = { .subject = subject, .name = "" };
	_cleanup_(error_done) struct error err = ERROR_NULL;

	return answers_begin(manager->answers, message, &question, -1, &err) < 0 ? bus_refuse(message, &err) : 1;
}

static int method_status(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	return reply_text(userdata, message, BUS_STATUS);
}

static int method_plan(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	return reply_text(userdata, message, BUS_PLAN);
}

static int method_candidates(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	return reply_text(userdata, message, BUS_CANDIDATES);
}

/* a{sv}: "summary" b.  What is not known is an error, or its sender would believe that it was heeded. */
static int read_options(sd_bus_message *message, struct bus_question *question)
{
	int r = sd_bus_message_enter_container(message, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		const char *key;
		int summary = 0;

		r = sd_bus_message_read(message, "s", &key);
		if (r >= 0 && (strcmp(key, "summary") != 0 || question->subject != BUS_STATUS))
			return -EINVAL;
		if (r >= 0)
			r = sd_bus_message_read(message, "v", "b", &summary);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
		question->summary = summary;
	}
	return r;
}

static int write_text(struct manager *manager, sd_bus_message *message, enum bus_subject subject)
{
	struct bus_question question = { .subject = subject, .name = "" };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int fd, r = sd_bus_message_read(message, "h", &fd);

	if (r >= 0 && subject == BUS_STATUS)
		r = sd_bus_message_read(message, "s", &question.name);
	if (r < 0)
		return r;
	r = check_name(question.name, &err);
	if (r == 0 && read_options(message, &question) < 0)
		r = error_set(&err, ERROR_INVALID, 0, "certferryd does not know one of the options");
	if (r == 0)
		r = answers_begin(manager->answers, message, &question, fd, &err);
	return r < 0 ? bus_refuse(message, &err) : sd_bus_reply_method_return(message, "");
}

static int method_write_status(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	return write_text(userdata, message, BUS_STATUS);
}

static int method_write_plan(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	return write_text(userdata, message, BUS_PLAN);
}

static int method_write_candidates(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	return write_text(userdata, message, BUS_CANDIDATES);
}

static int get_version(sd_bus *connection, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	return sd_bus_message_append(reply, "s", CERTFERRY_VERSION);
}

/* UNPRIVILEGED: who may talk to us at all is the bus policy's matter, who may change something is
 * polkit's; sd-bus would ask for root by itself. */
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_METHOD_WITH_NAMES(
		"Status", "", , "s", SD_BUS_PARAM(json), method_status, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_NAMES(
		"Plan", "", , "s", SD_BUS_PARAM(json), method_plan, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_NAMES("Candidates", "", , "s", SD_BUS_PARAM(json), method_candidates,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_NAMES("WriteStatus", "hsa{sv}",
		SD_BUS_PARAM(socket) SD_BUS_PARAM(name) SD_BUS_PARAM(options), "", , method_write_status,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_NAMES("WritePlan", "ha{sv}", SD_BUS_PARAM(socket) SD_BUS_PARAM(options), "", ,
		method_write_plan, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_NAMES("WriteCandidates", "ha{sv}", SD_BUS_PARAM(socket) SD_BUS_PARAM(options), "", ,
		method_write_candidates, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_NAMES("Sync", "s", SD_BUS_PARAM(delivery), "u", SD_BUS_PARAM(job),
		method_sync, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_NAMES("Approve", "s", SD_BUS_PARAM(delivery), "u", SD_BUS_PARAM(count),
		method_approve, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_NAMES("JobDone", "uis",
		SD_BUS_PARAM(job) SD_BUS_PARAM(exit_status) SD_BUS_PARAM(json), 0),
	SD_BUS_VTABLE_END,
};

struct manager *manager_new(struct sd_bus *connection, struct properties *properties,
	const struct bus_handlers *handlers, void *userdata)
{
	struct manager *manager = mem_new(struct manager);

	*manager = (struct manager){
		.connection = sd_bus_ref(connection),
		.properties = properties,
		.handlers = handlers,
		.userdata = userdata,
		.answers = answers_new(sd_bus_get_event(connection), handlers, userdata),
	};
	if (sd_bus_add_object_vtable(
		    connection, &manager->object, OBJECT_PATH, INTERFACE, vtable, manager) < 0)
		mem_exhausted(); /* the table is constant: nothing else can be wrong */
	properties_serve(properties, connection, OBJECT_PATH, INTERFACE);
	return manager;
}

void manager_job_done(struct manager *manager, uint32_t job, int exit_status, const char *json)
{
	int r;

	r = sd_bus_emit_signal(manager->connection, OBJECT_PATH, INTERFACE, "JobDone", "uis", job,
		(int32_t)exit_status, json);
	if (r < 0)
		log_write(LOG_WARNING, NULL, NULL,
			"Failed to send JobDone for job %u: %s", job,
			strerrordesc_np(-r));
}

struct manager *manager_free(struct manager *manager)
{
	if (!manager)
		return NULL;
	while (manager->requests)
		request_free(manager->requests);
	answers_free(manager->answers);
	properties_serve(manager->properties, NULL, NULL, NULL);
	sd_bus_slot_unref(manager->object);
	sd_bus_unref(manager->connection);
	free(manager);
	return NULL;
}
