/* SPDX-License-Identifier: Apache-2.0 */
/* Key quotas: of the configuration against what the AWS client knows to be published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include <cmocka.h>

#include "daemon/config/config.h"
#include "daemon/config/schema.h"
#include "lib/aws/aws.h"
#include "lib/aws/lane.h"
#include "lib/pki/secret.h"

static const char minimal[] = "certificates: {a: {match: {domain: x.example.com}}}\n";

struct check {
	struct aws *aws;
	size_t count;
};

/* The default is what is published, and the client takes the rate. */
static void check_quota(void *userdata, const char *service, const char *operation, double rate)
{
	struct check *check = userdata;
	enum aws_service number = strcmp(service, "acm") == 0 ? AWS_ACM : AWS_SECRETSMANAGER;
	const char *group;

	if (lane_published(number, operation, &group) != rate)
		fail_msg("%s %s: %g is not what is published", service, operation, rate);
	assert_int_equal(aws_set_quota(check->aws, service, operation, rate), 0);
	check->count++;
}

static void test_defaults_are_published(void **state)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;
	struct check check = { 0 };
	sd_event *event;

	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(aws_new(event, &check.aws, NULL), 0);
	assert_int_equal(config_parse("x", minimal, strlen(minimal), &desired, &problems), 0);
	schema_each_quota(desired, check_quota, &check);
	assert_int_equal(check.count, 10);
	assert_true(aws_set_quota(check.aws, "acm", "NoSuchOperation", 1) < 0);
	assert_true(aws_set_quota(check.aws, "sts", "AssumeRole", 1) < 0);
	assert_true(aws_set_quota(check.aws, "nothing", "ImportCertificate", 1) < 0);
	aws_free(check.aws);
	sd_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_published),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
