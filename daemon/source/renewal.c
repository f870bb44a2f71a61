/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One question why ACM does not renew a certificate.  It is at one step at a time:
 *	ASKED	ACM is being asked			operation != NULL
 *	FAILING	it could not even be asked	deferred != NULL
 * and ends with done().
 */

#include "daemon/source/acm.h"

#include <stdlib.h>

#include "daemon/source/access.h"
#include "lib/aws/acm.h"
#include "lib/aws/defer.h"
#include "lib/base/bounded.h"

struct acm_renewal {
	struct source_renewal base; /* first */
	source_renewal_fn done;
	void *userdata;
	struct acm_operation *operation;
	struct sd_event_source *deferred;
};

static void acm_renewal_free(struct acm_renewal *renewal)
{
	acm_cancel(renewal->operation);
	sd_event_source_unref(renewal->deferred);
	free(renewal);
}

/* The only end. */
static void finish(struct acm_renewal *renewal, const char *status, const char *reason,
	const struct error *err)
{
	renewal->done(renewal->userdata, status, reason, err);
	acm_renewal_free(renewal);
}

/* Of what waits for validation ACM gives no reason as a rule, but says which domains it waits
 * for. */
static void on_described(
	void *userdata, const struct acm_description *description, const struct error *err)
{
	struct acm_renewal *renewal = userdata;
	_cleanup_(freep) char *domains = NULL;

	renewal->operation = NULL;
	if (err) {
		finish(renewal, NULL, NULL, err);
		return;
	}
	if (description->renewal_waits)
		domains = bounded_join(description->renewal_waits, "");
	finish(renewal, description->renewal_status, description->renewal_reason ?: domains, NULL);
}

static int on_deferred(struct sd_event_source *source, void *userdata)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_INVALID, 0, "this is not the ARN of an ACM certificate");
	finish(userdata, NULL, NULL, &err);
	return 0;
}

struct source_renewal *acm_source_renewal(struct aws *aws, const struct desired *desired,
	const char *arn, source_renewal_fn done, void *userdata)
{
	_cleanup_(freep) char *region = acm_arn_region(arn);
	struct acm_renewal *renewal = mem_new(struct acm_renewal);

	renewal->done = done;
	renewal->userdata = userdata;
	if (region)
		renewal->operation = acm_describe(source_session(aws, &desired->source.access),
			region, arn, on_described, renewal);
	else
		renewal->deferred = defer(on_deferred, renewal, "source-renewal");
	return &renewal->base;
}

void acm_source_renewal_cancel(struct source_renewal *renewal)
{
	acm_renewal_free((struct acm_renewal *)renewal);
}
