/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/reply.h"

#include <stdio.h>
#include <string.h>

#include "daemon/cli/cli.h"

void reply_done(json_t **reply)
{
	json_decref(*reply);
	*reply = NULL;
}

int reply_parse(const char *text, json_t **ret_reply, struct error *err)
{
	json_error_t problem;
	json_t *reply = json_loads(text, JSON_REJECT_DUPLICATES, &problem);

	if (!reply)
		return error_set(
			err, ERROR_INVALID, 0, "certferryd's answer is not JSON: %s", problem.text);
	if (reply_count(reply, "format") != 1) {
		json_decref(reply);
		return error_set(err, ERROR_INVALID, 0,
			"this certferry does not know the format of certferryd's answer: they "
			"have different versions (certferry version)");
	}
	*ret_reply = reply;
	return 0;
}

const char *reply_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

unsigned reply_count(const json_t *object, const char *key)
{
	return (unsigned)json_integer_value(json_object_get(object, key));
}

usec_t reply_time(const json_t *object, const char *key)
{
	usec_t time;

	return time_parse_iso(reply_text(object, key), &time) == 0 ? time : 0;
}

int reply_exit(const json_t *reply)
{
	return (int)reply_count(reply, "exit");
}

bool reply_is_under(const char *name, const char *top)
{
	size_t length = strlen(top);

	return strncmp(name, top, length) == 0 && (!name[length] || name[length] == '/');
}

static bool is_carried(const json_t *deliveries, const char *certificate)
{
	size_t i;
	json_t *item;

	json_array_foreach(deliveries, i,
		item) if (strcmp(reply_text(item, "certificate"), certificate) == 0) return true;
	return false;
}

static void keep_deliveries(json_t *deliveries, const char *name)
{
	for (size_t i = json_array_size(deliveries); i > 0; i--)
		if (!reply_is_under(reply_text(json_array_get(deliveries, i - 1), "name"), name))
			json_array_remove(deliveries, i - 1);
}

static void keep_certificates(json_t *certificates, const json_t *deliveries, const char *name)
{
	for (size_t i = json_array_size(certificates); i > 0; i--) {
		const char *own = reply_text(json_array_get(certificates, i - 1), "name");

		if (!reply_is_under(own, name) && !is_carried(deliveries, own))
			json_array_remove(certificates, i - 1);
	}
}

bool reply_select(json_t *status, const char *name)
{
	json_t *certificates = json_object_get(status, "certificates");
	json_t *deliveries = json_object_get(status, "deliveries");

	keep_deliveries(deliveries, name);
	keep_certificates(certificates, deliveries, name);
	json_array_clear(json_object_get(status, "dependents"));
	json_object_set_new(status, "exit", json_integer(reply_status_exit(status)));
	return json_array_size(certificates) || json_array_size(deliveries);
}

static bool has_expiring(const json_t *items)
{
	size_t i;
	json_t *item;

	json_array_foreach(items, i, item) if (json_is_true(json_object_get(item, "expiring"))) return true;
	return false;
}

/* The worst of what the members of a list come to. */
static int states_exit(const json_t *items, const char *good)
{
	int worst = CLI_OK;
	size_t i;
	json_t *item;

	json_array_foreach(items, i, item)
	{
		const char *state = reply_text(item, "state");

		if (strcmp(state, "failed") == 0)
			return CLI_FAILED;
		if (strcmp(state, good) != 0)
			worst = CLI_PENDING;
	}
	return worst;
}

int reply_status_exit(const json_t *status)
{
	int deliveries = states_exit(json_object_get(status, "deliveries"), "current");
	int dependents = states_exit(json_object_get(status, "dependents"), "told");
	size_t i;
	json_t *item;

	if (*reply_text(status, "source_problem") || *reply_text(status, "record_problem") ||
		*reply_text(status, "config_problem"))
		return CLI_FAILED;
	json_array_foreach(json_object_get(status, "certificates"), i,
		item) if (*reply_text(item, "problem")) return CLI_FAILED;
	if (deliveries == CLI_FAILED || dependents == CLI_FAILED || has_expiring(json_object_get(status, "deliveries")))
		return CLI_FAILED;
	return MAX(deliveries, dependents);
}

void reply_print(const json_t *reply)
{
	if (json_dumpf(reply, stdout, JSON_INDENT(2)) == 0)
		putchar('\n');
}
