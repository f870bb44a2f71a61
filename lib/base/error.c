/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bounded.h"

static const struct {
	const char *name;
	int number;
} kinds[] = {
	[ERROR_NONE] = { "none", 0 },
	[ERROR_RETRY] = { "retry", EAGAIN },
	[ERROR_DENIED] = { "denied", EACCES },
	[ERROR_ABSENT] = { "absent", ENOENT },
	[ERROR_INVALID] = { "invalid", EINVAL },
	[ERROR_CONFLICT] = { "conflict", EEXIST },
	[ERROR_QUOTA] = { "quota", EDQUOT },
	[ERROR_BUG] = { "bug", ENOTRECOVERABLE },
};

static enum error_kind kind_of_errno(int number)
{
	switch (number) {
	case EACCES:
	case EPERM:
	case EROFS:
		return ERROR_DENIED;
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return ERROR_ABSENT;
	case EEXIST:
	case ENOTEMPTY:
		return ERROR_CONFLICT;
	case EINVAL:
	case ENAMETOOLONG:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
		return ERROR_INVALID;
	case EDQUOT:
		return ERROR_QUOTA;
	default:
		return ERROR_RETRY;
	}
}

static void error_fill(struct error *err, enum error_kind kind, int code, char *text)
{
	text = bounded(text, BOUNDED_TEXT);
	if (!err) {
		free(text);
		return;
	}
	free(err->text);
	*err = (struct error){ .kind = kind, .code = code, .text = text };
}

int error_set(struct error *err, enum error_kind kind, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error_fill(err, kind, code, mem_vprintf(format, arguments));
	va_end(arguments);
	return -kinds[kind].number;
}

int error_set_errno(struct error *err, int number, const char *format, ...)
{
	_cleanup_(freep) char *context = NULL;
	va_list arguments;

	number = abs(number);
	va_start(arguments, format);
	context = mem_vprintf(format, arguments);
	va_end(arguments);
	error_fill(err, kind_of_errno(number), number,
		mem_printf("%s: %s", context, strerrordesc_np(number) ?: "unknown error"));
	return -number;
}

int error_wrap(struct error *err, const char *format, ...)
{
	_cleanup_(freep) char *context = NULL;
	va_list arguments;

	if (!err)
		return -EIO;
	va_start(arguments, format);
	context = mem_vprintf(format, arguments);
	va_end(arguments);
	error_fill(err, err->kind, err->code, mem_printf("%s: %s", context, err->text ?: "?"));
	return error_result(err);
}

int error_result(const struct error *err)
{
	return -kinds[err->kind].number;
}

void error_copy(struct error *to, const struct error *from)
{
	error_fill(to, from->kind, from->code, mem_strdup(from->text));
}

void error_move(struct error *to, struct error *from)
{
	error_fill(to, from->kind, from->code, take(from->text));
	*from = ERROR_NULL;
}

void error_done(struct error *err)
{
	free(err->text);
	*err = ERROR_NULL;
}

const char *error_kind_name(enum error_kind kind)
{
	return kind < ARRAY_SIZE(kinds) ? kinds[kind].name : "bug";
}

enum error_kind error_kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (name && strcmp(kinds[i].name, name) == 0)
			return (enum error_kind)i;
	return ERROR_NONE;
}
