/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/provider.h"

#include <stdarg.h>
#include <stdlib.h>

struct provider *provider_free(struct provider *provider)
{
	if (provider)
		provider->release(provider);
	return NULL;
}

struct refusal {
	struct provider provider;
	struct error err;
};

static void refusal_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	done(userdata, NULL, &((struct refusal *)provider)->err);
}

static void refusal_release(struct provider *provider)
{
	struct refusal *refusal = (struct refusal *)provider;

	error_done(&refusal->err);
	free(refusal);
}

struct provider *provider_refusal_new(enum error_kind kind, const char *format, ...)
{
	struct refusal *refusal = mem_new(struct refusal);
	_cleanup_(freep) char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	refusal->provider = (struct provider){ refusal_fetch, refusal_release };
	(void)error_set(&refusal->err, kind, 0, "%s", text);
	return &refusal->provider;
}

static void unsigned_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	struct credentials *credentials = mem_new(struct credentials);

	credentials->key_id = mem_strdup("");
	credentials->expires = USEC_INFINITY;
	done(userdata, credentials, NULL);
}

static void unsigned_release(struct provider *provider)
{
	free(provider);
}

struct provider *provider_unsigned_new(void)
{
	struct provider *provider = mem_new(struct provider);

	*provider = (struct provider){ unsigned_fetch, unsigned_release };
	return provider;
}
