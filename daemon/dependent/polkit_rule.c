/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/polkit_rule.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/dependent/primary.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/systemd/unit.h"

/* What has the bus start it; the same on every distribution. */
#define POLKIT_SERVICE "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"

/* What systemd tells polkit of the method that each action calls. */
static const char *const verbs[] = {
	[ACTION_RESTART] = "try-restart",
	[ACTION_RELOAD] = "reload",
	[ACTION_RELOAD_OR_RESTART] = "reload-or-try-restart",
	[ACTION_START] = "start",
};

static const char head[] =
	"// Lets certferryd restart the units of its configuration, and no others.  `certferryd --polkit-rule`\n"
	"// printed this, for /etc/polkit-1/rules.d/50-certferry.rules.  Generate it again when these units change.\n"
	"polkit.addRule(function(action, subject) {\n"
	"\tif (action.id != \"org.freedesktop.systemd1.manage-units\" ||\n"
	"\t    subject.user != \"certferry\")\n"
	"\t\treturn polkit.Result.NOT_HANDLED;\n"
	"\tvar allowed = [";

static const char tail[] =
	"];\n"
	"\tvar asked = action.lookup(\"verb\") + \" \" + action.lookup(\"unit\");\n"
	"\treturn allowed.indexOf(asked) >= 0 ? polkit.Result.YES : polkit.Result.NO;\n"
	"});\n";

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every byte that could end the string or mean something in it is written as its number. */
static void append_quoted(struct buf *text, const char *string)
{
	buf_append_char(text, '"');
	for (const char *c = string; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '"' || *c == '\\' || (unsigned char)*c > '~')
			buf_printf(text, "\\x%02x", (unsigned char)*c);
		else
			buf_append_char(text, *c);
	buf_append_char(text, '"');
}

static void add_pair(char ***pairs, const char *unit, enum action action)
{
	_cleanup_(freep) char *pair = mem_printf("%s %s", unit, verbs[action]);

	if (!strv_has(*pairs, pair))
		strv_append(pairs, pair);
}

/* "VERB UNIT", sorted by unit, each once. */
static char **allowed_list(const struct desired *desired, char *const *names)
{
	_cleanup_(strv_freep) char **pairs = NULL;
	char **list = NULL;

	for (size_t i = 0; i < desired->dependent_count; i++) {
		const struct desired_dependent *dependent = &desired->dependents[i];

		if (dependent->kind != DEPENDENT_SYSTEMD || !unit_name_is_valid(names[i]))
			continue;
		add_pair(&pairs, names[i], dependent->unit.action);
		/* Where its reload is in vain. */
		if (dependent->unit.action == ACTION_RELOAD_OR_RESTART)
			add_pair(&pairs, names[i], ACTION_RESTART);
	}
	if (pairs)
		qsort(pairs, strv_length(pairs), sizeof(*pairs), compare);
	STRV_FOREACH (item, pairs) {
		int length = (int)strcspn(*item, " ");
		_cleanup_(freep) char *pair = mem_printf(
			"%s %.*s", *item + length + 1, length, *item);

		strv_append(&list, pair);
	}
	return list;
}

bool polkit_is_installed(void)
{
	return access(POLKIT_SERVICE, F_OK) == 0;
}

char *polkit_rule(const struct desired *desired)
{
	_cleanup_(strv_freep) char **names = primary_names(desired);

	return polkit_rule_of(desired, names);
}

char *polkit_rule_of(const struct desired *desired, char *const *names)
{
	_cleanup_(strv_freep) char **allowed = allowed_list(desired, names);
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	buf_append_string(&text, head);
	STRV_FOREACH (item, allowed) {
		buf_append_string(&text, item == allowed ? "\n\t\t" : ",\n\t\t");
		append_quoted(&text, *item);
	}
	if (allowed)
		buf_append_string(&text, "\n\t");
	buf_append_string(&text, tail);
	return buf_take(&text);
}

int polkit_explain(
	enum action action, const char *unit, const struct error *why, struct error *err)
{
	if (!polkit_is_installed())
		return error_set(err, ERROR_DENIED, why->code,
			"there is no polkit on this host, which has to let certferryd %s '%s' (%s); install "
			"the package polkitd, reload dbus.service, and install the rule that "
			"`certferryd --polkit-rule` prints as /etc/polkit-1/rules.d/50-certferry.rules",
			action_name(action), unit, why->text);
	return error_set(err, ERROR_DENIED, why->code,
		"polkit does not let certferryd %s '%s' (%s); install the rule that "
		"`certferryd --polkit-rule` prints on this host as "
		"/etc/polkit-1/rules.d/50-certferry.rules",
		action_name(action), unit, why->text);
}
