/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/dependent.h"

/* Circle with daemon/dependent/kind.h: the kinds do what dependent.h promises. */
#include "daemon/dependent/kind.h"

static const struct dependent_kind *kind_of(const struct desired_dependent *dependent)
{
	return dependent_kinds[dependent->kind];
}

static struct dependent_call *started(const struct dependent_kind *kind, struct dependent_call *call)
{
	call->kind = kind;
	return call;
}

bool dependent_needs_bus(const struct desired_dependent *dependent)
{
	return kind_of(dependent)->needs_bus;
}

struct dependent_words dependent_describe(const struct desired_dependent *dependent)
{
	return kind_of(dependent)->describe(dependent);
}

bool dependent_strengthen(const struct desired_dependent *dependent, struct desired_dependent *ret_stronger)
{
	const struct dependent_kind *kind = kind_of(dependent);

	*ret_stronger = *dependent;
	return kind->strengthen && kind->strengthen(ret_stronger);
}

struct dependent_call *dependent_look(const struct dependent_host *host, const struct desired_dependent *dependent,
	dependent_look_fn done, void *userdata)
{
	const struct dependent_kind *kind = kind_of(dependent);

	return started(kind, kind->look(host, dependent, done, userdata));
}

struct dependent_verdict dependent_judge(const struct desired_dependent *dependent, const struct dependent_seen *seen,
	const struct dependent_facts *facts)
{
	return kind_of(dependent)->judge(dependent, seen, facts);
}

struct dependent_call *dependent_tell(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata)
{
	const struct dependent_kind *kind = kind_of(request->dependent);

	return started(kind, kind->tell(host, request, done, userdata));
}

struct dependent_call *dependent_resume(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata)
{
	const struct dependent_kind *kind = kind_of(request->dependent);

	return started(kind, kind->resume(host, request, done, userdata));
}

struct dependent_call *dependent_cancel(struct dependent_call *call)
{
	if (call)
		call->kind->cancel(call);
	return NULL;
}
