/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/lane.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/rate.h"
#include "lib/aws/retry.h"
#include "lib/base/mem.h"
#include "lib/os/clock.h"

/* Requests a second for an account in a region ("Quotas" of the ACM user guide, Secrets Manager
 * quotas).  A group is a rate that several operations share. */
static const struct published_rate {
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

/* What the lanes of one account, region and service have in common. */
struct client {
	char *key;
	struct retry_tokens tokens;
};

struct lane {
	char *key;
	struct lanes *lanes;
	struct client *client;
	const struct published_rate *published; /* or NULL */
	struct rate rate;
	TAILQ_HEAD(, lane_waiter) waiters;
	sd_event_source *timer; /* armed while somebody waits */
};

struct lanes {
	struct sd_event *event;
	void *tree; /* of lanes */
	void *clients;
	double configured[ARRAY_SIZE(published)]; /* 0: as published */
};

static const struct published_rate *published_find(enum aws_service service, const char *operation)
{
	for (size_t i = 0; i < ARRAY_SIZE(published); i++)
		if (published[i].service == service &&
			strcmp(published[i].operation, operation) == 0)
			return &published[i];
	return NULL;
}

/* The name of what ${operation} shares its lane with. */
static const char *group_of(const struct published_rate *row, const char *operation)
{
	return row && row->group ? row->group : operation;
}

double lane_published(enum aws_service service, const char *operation, const char **ret_group)
{
	const struct published_rate *row = published_find(service, operation);

	*ret_group = group_of(row, operation);
	return row ? row->published : 0;
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

/* Lanes and clients both begin with their key. */
static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct client *client_get(
	struct lanes *lanes, const char *account, const char *region, enum aws_service service)
{
	_cleanup_(freep) char *key = mem_printf("%s %s %d", account, region, (int)service);
	struct client *const *found = tfind(&key, &lanes->clients, compare_keys);
	struct client *client;

	if (found)
		return *found;
	client = mem_new(struct client);
	client->key = take(key);
	client->tokens = RETRY_TOKENS_FULL;
	if (!tsearch(client, &lanes->clients, compare_keys))
		mem_exhausted();
	return client;
}

/* What a lane may send: as configured, else as published. */
static double allowed(const struct lanes *lanes, const struct published_rate *row)
{
	if (!row)
		return 0;
	return lanes->configured[row - published] ?: row->published;
}

static struct lane *lane_new(struct lanes *lanes, char *key, const struct published_rate *row)
{
	struct lane *lane = mem_new(struct lane);

	lane->key = key;
	lane->lanes = lanes;
	lane->published = row;
	TAILQ_INIT(&lane->waiters);
	rate_init(&lane->rate, allowed(lanes, row));
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
	const struct published_rate *row = published_find(service, operation);
	_Static_assert(AWS_SERVICE_COUNT < 10, "a service is one digit of a key");
	const char number[] = { (char)('0' + service), '\0' };
	_cleanup_(freep) char *key = mem_join(
		account, " ", region, " ", number, " ", group_of(row, operation), NULL);
	struct lane *const *found = tfind(&key, &lanes->tree, compare_keys);
	struct lane *lane;

	if (found)
		return *found;
	lane = lane_new(lanes, take(key), row);
	lane->client = client_get(lanes, account, region, service);
	if (!tsearch(lane, &lanes->tree, compare_keys))
		mem_exhausted();
	return lane;
}

struct lane *lane_get_unpublished(struct lanes *lanes, const char *server)
{
	return lane_get(lanes, "", server, AWS_SERVICE_COUNT, "");
}

struct retry_tokens *lane_tokens(struct lane *lane)
{
	return &lane->client->tokens;
}

/* --- configured rates --- */

static bool share_rate(const struct published_rate *a, const struct published_rate *b)
{
	return a == b || (a->service == b->service && a->group && b->group &&
				 strcmp(a->group, b->group) == 0);
}

static void lane_republish(const void *node, VISIT visit, void *userdata)
{
	struct lane *lane = *(struct lane *const *)node;
	double rate = allowed(userdata, lane->published);

	if ((visit != preorder && visit != leaf) || lane->rate.published == rate)
		return;
	rate_publish(&lane->rate, rate, clock_monotonic());
	if (!TAILQ_EMPTY(&lane->waiters))
		lane_arm(lane);
}

bool lanes_set_quota(
	struct lanes *lanes, enum aws_service service, const char *operation, double rate)
{
	const struct published_rate *row = published_find(service, operation);

	if (!row)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(published); i++)
		if (share_rate(&published[i], row))
			lanes->configured[i] = rate;
	twalk_r(lanes->tree, lane_republish, lanes);
	return true;
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

void lane_throttled(struct lane *lane, usec_t pause)
{
	rate_throttled(&lane->rate, clock_monotonic(), pause);
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

static void client_free(void *pointer)
{
	struct client *client = pointer;

	free(client->key);
	free(client);
}

struct lanes *lanes_free(struct lanes *lanes)
{
	if (!lanes)
		return NULL;
	tdestroy(lanes->tree, lane_free);
	tdestroy(lanes->clients, client_free);
	sd_event_unref(lanes->event);
	free(lanes);
	return NULL;
}
