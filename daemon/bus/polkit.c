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

/* Either call != NULL: polkit is being asked; or unsent != NULL: it could not be. */
struct polkit_check {
	char *action;
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

static int refuse_unanswered(struct polkit_check *check, const char *why, struct error *err)
{
	return error_set(err, ERROR_DENIED, 0,
		"polkit did not answer about '%s', so certferryd denies it: %s; is polkit installed and "
		"running? (systemctl status polkit)",
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

/* The answer is (bba{ss}): authorized, challenge, details. */
static int judge(struct polkit_check *check, sd_bus_message *reply, struct error *err)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	int authorized = 0, challenge = 0;
	int r;

	if (error)
		return refuse_unanswered(check, error->message ?: error->name, err);
	r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
	if (r > 0)
		r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
	if (r <= 0)
		return refuse_unanswered(check, "its answer makes no sense", err);
	return authorized ? 0 : refuse(check, challenge, err);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct polkit_check *check = userdata;

	check->call = sd_bus_slot_unref(check->call);
	finish(check, judge(check, reply, &err) < 0 ? &err : NULL);
	return 0;
}

static int on_unsent(sd_event_source *source, void *userdata)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct polkit_check *check = userdata;

	refuse_unanswered(check, strerrordesc_np(check->error), &err);
	finish(check, &err);
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
