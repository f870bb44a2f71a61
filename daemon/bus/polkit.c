/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus/polkit.h"

#include <errno.h>
#include <stdlib.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "lib/base/time.h"

#define TIMEOUT             (25 * USEC_PER_SEC)
#define TIMEOUT_INTERACTIVE (120 * USEC_PER_SEC) /* a person types a password */

enum {
	ALLOW_USER_INTERACTION = 1, /* of CheckAuthorization's flags */
};

/*
 * A check is at one of these:
 *	POLKIT	polkit is being asked			call != NULL, unanswered.kind == ERROR_NONE
 *	UNSENT	it could not be asked			unsent != NULL
 *	BUS	it gave no answer, and the bus is being asked whether the sender is root
 *							call != NULL, unanswered is the refusal of all others
 */
struct polkit_check {
	char *action;
	sd_bus_message *message; /* the sender's */
	struct error unanswered;
	polkit_check_fn done;
	void *userdata;
	sd_bus_slot *call;
	sd_event_source *unsent;
	int error; /* of sending */
};

struct polkit_check *polkit_check_cancel(struct polkit_check *check)
{
	if (!check)
		return NULL;
	sd_bus_slot_unref(check->call);
	sd_event_source_disable_unref(check->unsent);
	sd_bus_message_unref(check->message);
	error_done(&check->unanswered);
	free(check->action);
	free(check);
	return NULL;
}

/* The only end. */
static void finish(struct polkit_check *check, const struct error *err)
{
	polkit_check_fn done = check->done;
	void *userdata = check->userdata;

	polkit_check_cancel(check);
	done(userdata, err);
}

static void set_unanswered(struct polkit_check *check, const char *why)
{
	(void)error_set(&check->unanswered, ERROR_DENIED, 0,
		"polkit did not answer about '%s', so certferryd denies it: %s; is polkit installed "
		"(package polkitd) and running? (systemctl status polkit) Or run the command as root",
		check->action, why);
}

static int refuse(struct polkit_check *check, int is_challenge, struct error *err)
{
	if (is_challenge)
		return error_set(err, ERROR_DENIED, 0,
			"polkit requires a password for '%s', and certferryd has nobody to ask; run the "
			"command as root, or allow it with a polkit rule",
			check->action);
	return error_set(err, ERROR_DENIED, 0,
		"polkit does not allow you '%s'; run the command as root, or allow it with a polkit rule",
		check->action);
}

/* BUS */

static int on_user(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct polkit_check *check = userdata;
	uint32_t uid = UINT32_MAX;

	check->call = sd_bus_slot_unref(check->call);
	if (!sd_bus_message_get_error(reply))
		(void)sd_bus_message_read(reply, "u", &uid);
	error_move(&err, &check->unanswered);
	finish(check, uid == 0 ? NULL : &err);
	return 0;
}

/* The bus knows it of each connection, whatever namespace this process is in. */
static void ask_user(struct polkit_check *check, const char *why)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	set_unanswered(check, why);
	if (sd_bus_call_method_async(sd_bus_message_get_bus(check->message), &check->call,
		    "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
		    "GetConnectionUnixUser", on_user, check, "s",
		    sd_bus_message_get_sender(check->message)) >= 0)
		return;
	error_move(&err, &check->unanswered);
	finish(check, &err);
}

/* POLKIT */

/* The answer is (bba{ss}): authorized, challenge, details.  Or why there is none. */
static int judge(
	struct polkit_check *check, sd_bus_message *reply, const char **ret_why, struct error *err)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	int authorized = 0, challenge = 0;
	int r;

	*ret_why = error ? error->message ?: error->name : NULL;
	if (error)
		return 0;
	r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
	if (r > 0)
		r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
	if (r <= 0)
		*ret_why = "its answer makes no sense";
	return r <= 0 || authorized ? 0 : refuse(check, challenge, err);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct polkit_check *check = userdata;
	const char *why;
	int r;

	check->call = sd_bus_slot_unref(check->call);
	r = judge(check, reply, &why, &err);
	if (why)
		ask_user(check, why);
	else
		finish(check, r < 0 ? &err : NULL);
	return 0;
}

static int on_unsent(sd_event_source *source, void *userdata)
{
	struct polkit_check *check = userdata;

	check->unsent = sd_event_source_disable_unref(check->unsent);
	ask_user(check, strerrordesc_np(check->error));
	return 0;
}

/* CheckAuthorization(subject (sa{sv}), action_id s, details a{ss}, flags u, cancellation_id s).
 * The subject is the connection, which polkit asks the bus about: no uid of ours can be stale. */
static int send(struct polkit_check *check, sd_bus_message *message)
{
	int interactive = sd_bus_message_get_allow_interactive_authorization(message) > 0;
	sd_bus *bus = sd_bus_message_get_bus(message);
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r;

	r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.PolicyKit1",
		"/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
		"CheckAuthorization");
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
		sd_bus_message_get_sender(message), check->action, 0,
		(uint32_t)(interactive ? ALLOW_USER_INTERACTION : 0), "");
	if (r < 0)
		return r;
	return sd_bus_call_async(bus, &check->call, call, on_answer, check,
		interactive ? TIMEOUT_INTERACTIVE : TIMEOUT);
}

struct polkit_check *polkit_check(
	struct sd_bus_message *message, const char *action, polkit_check_fn done, void *userdata)
{
	struct polkit_check *check = mem_new(struct polkit_check);
	int r;

	*check = (struct polkit_check){
		.action = mem_strdup(action),
		.message = sd_bus_message_ref(message),
		.done = done,
		.userdata = userdata,
	};
	r = send(check, message);
	if (r >= 0)
		return check;
	check->error = -r;
	if (sd_event_add_defer(sd_bus_get_event(sd_bus_message_get_bus(message)), &check->unsent,
		    on_unsent, check) < 0)
		mem_exhausted();
	return check;
}
