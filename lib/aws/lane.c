/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/lane.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/rate.h"
#include "lib/os/clock.h"

struct lane {
	char *key;
	struct lanes *lanes;
	struct rate rate;
	TAILQ_HEAD(, lane_waiter) waiters;
	sd_event_source *timer; /* armed while somebody waits */
};

struct lanes {
	struct sd_event *event;
	void *tree;
};

/* Requests a second for an account in a region ("Quotas" of the ACM user guide, Secrets Manager
 * quotas).  A group is a quota that several operations share. */
static const struct {
	enum aws_service service;
	const char *operation;
	const char *group;
	double published;
} published[] = {
	{ AWS_ACM, "AddTagsToCertificate", NULL, 5 },
	{ AWS_ACM, "DeleteCertificate", NULL, 10 },
	{ AWS_ACM, "DescribeCertificate", NULL, 10 },
	{ AWS_ACM, "ExportCertificate", NULL, 10 },
	{ AWS_ACM, "GetAccountConfiguration", NULL, 1 },
	{ AWS_ACM, "GetCertificate", NULL, 10 },
	{ AWS_ACM, "ImportCertificate", NULL, 1 },
	{ AWS_ACM, "ListCertificates", NULL, 8 },
	{ AWS_ACM, "ListTagsForCertificate", NULL, 10 },
	{ AWS_ACM, "PutAccountConfiguration", NULL, 1 },
	{ AWS_ACM, "RemoveTagsFromCertificate", NULL, 5 },
	{ AWS_ACM, "RenewCertificate", NULL, 5 },
	{ AWS_ACM, "RequestCertificate", NULL, 5 },
	{ AWS_ACM, "SearchCertificates", NULL, 5 },
	{ AWS_ACM, "UpdateCertificateOptions", NULL, 5 },
	{ AWS_SECRETSMANAGER, "PutSecretValue", "write", 50 },
	{ AWS_SECRETSMANAGER, "UpdateSecret", "write", 50 },
	{ AWS_SECRETSMANAGER, "UpdateSecretVersionStage", "write", 50 },
	{ AWS_SECRETSMANAGER, "CreateSecret", NULL, 50 },
	{ AWS_SECRETSMANAGER, "DeleteSecret", NULL, 50 },
	{ AWS_SECRETSMANAGER, "TagResource", "tag", 50 },
	{ AWS_SECRETSMANAGER, "UntagResource", "tag", 50 },
};

double lane_published(enum aws_service service, const char *operation, const char **ret_group)
{
	*ret_group = operation;
	for (size_t i = 0; i < ARRAY_SIZE(published); i++) {
		if (published[i].service != service ||
			strcmp(published[i].operation, operation) != 0)
			continue;
		*ret_group = published[i].group ?: operation;
		return published[i].published;
	}
	return 0;
}

static void lane_arm(struct lane *lane)
{
	usec_t next = rate_next(&lane->rate, clock_monotonic());

	if (sd_event_source_set_time(lane->timer, next) < 0 ||
		sd_event_source_set_enabled(lane->timer, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

static int on_turn(sd_event_source *source, uint64_t now, void *userdata)
{
	struct lane *lane = userdata;
	struct lane_waiter *waiter;

	while ((waiter = TAILQ_FIRST(&lane->waiters))) {
		usec_t time = clock_monotonic();

		if (rate_next(&lane->rate, time) > time) {
			lane_arm(lane);
			break;
		}
		rate_take(&lane->rate, time);
		lane_leave(waiter);
		waiter->go(waiter->userdata);
	}
	return 0;
}

struct lanes *lanes_new(struct sd_event *event)
{
	struct lanes *lanes = mem_new(struct lanes);

	lanes->event = sd_event_ref(event);
	return lanes;
}

static int lane_compare(const void *a, const void *b)
{
	return strcmp(((const struct lane *)a)->key, ((const struct lane *)b)->key);
}

static struct lane *lane_new(struct lanes *lanes, char *key, double rate)
{
	struct lane *lane = mem_new(struct lane);

	lane->key = key;
	lane->lanes = lanes;
	TAILQ_INIT(&lane->waiters);
	rate_init(&lane->rate, rate);
	if (sd_event_add_time(lanes->event, &lane->timer, CLOCK_MONOTONIC, 0, 1, on_turn, lane) <
			0 ||
		sd_event_source_set_enabled(lane->timer, SD_EVENT_OFF) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(lane->timer, "aws-lane");
	return lane;
}

struct lane *lane_get(struct lanes *lanes, const char *account, const char *region,
	enum aws_service service, const char *operation)
{
	const char *group;
	double rate = lane_published(service, operation, &group);
	_cleanup_(freep) char *key = mem_printf(
		"%s %s %d %s", account, region, (int)service, group);
	const struct lane wanted = { .key = key };
	struct lane *const *found = tfind(&wanted, &lanes->tree, lane_compare);
	struct lane *lane;

	if (found)
		return *found;
	lane = lane_new(lanes, take(key), rate);
	if (!tsearch(lane, &lanes->tree, lane_compare))
		mem_exhausted();
	return lane;
}

bool lane_enter(struct lane *lane, struct lane_waiter *waiter)
{
	usec_t now = clock_monotonic();

	if (TAILQ_EMPTY(&lane->waiters) && rate_next(&lane->rate, now) <= now) {
		rate_take(&lane->rate, now);
		return true;
	}
	waiter->lane = lane;
	TAILQ_INSERT_TAIL(&lane->waiters, waiter, link);
	lane_arm(lane);
	return false;
}

void lane_leave(struct lane_waiter *waiter)
{
	if (waiter->lane)
		TAILQ_REMOVE(&waiter->lane->waiters, waiter, link);
	waiter->lane = NULL;
}

void lane_throttled(struct lane *lane)
{
	rate_throttled(&lane->rate, clock_monotonic());
	if (!TAILQ_EMPTY(&lane->waiters))
		lane_arm(lane);
}

void lane_succeeded(struct lane *lane)
{
	rate_succeeded(&lane->rate);
}

static void lane_free(void *pointer)
{
	struct lane *lane = pointer;

	sd_event_source_disable_unref(lane->timer);
	free(lane->key);
	free(lane);
}

struct lanes *lanes_free(struct lanes *lanes)
{
	if (!lanes)
		return NULL;
	tdestroy(lanes->tree, lane_free);
	sd_event_unref(lanes->event);
	free(lanes);
	return NULL;
}
