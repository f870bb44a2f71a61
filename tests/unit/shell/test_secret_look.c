/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A look at secrets, with a Secrets Manager that answers when the test says so: in place of
 * lib/aws/secretsmanager.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include <cmocka.h>

#include "daemon/destination/destination.h"
#include "daemon/model/place_aws.h"
#include "lib/aws/secretsmanager.h"
#include "lib/pki/secret.h"

#define DESCRIBED_MOST 64
#define SECRETS	       100

/* --- Secrets Manager --- */

struct sm_operation {
	struct sm_operation *next;
	char *secret_id;
	char *version_id;
	sm_describe_fn on_described; /* or */
	sm_value_fn on_value;
	void *userdata;
};

static struct {
	struct sm_operation *asked; /* the last first */
	size_t describing, describing_most;
	size_t reading, reading_most, read;
} manager;

static struct sm_operation *ask(const char *secret_id, const char *version_id, void *userdata)
{
	struct sm_operation *operation = mem_new(struct sm_operation);

	*operation = (struct sm_operation){
		.next = manager.asked,
		.secret_id = mem_strdup(secret_id),
		.version_id = mem_strdup(version_id),
		.userdata = userdata,
	};
	manager.asked = operation;
	return operation;
}

struct sm_operation *sm_describe(struct aws_session *session, const char *region,
	const char *secret_id, sm_describe_fn on_done, void *userdata)
{
	struct sm_operation *operation = ask(secret_id, NULL, userdata);

	operation->on_described = on_done;
	manager.describing++;
	manager.describing_most = MAX(manager.describing_most, manager.describing);
	return operation;
}

struct sm_operation *sm_get(struct aws_session *session, const char *region, const char *secret_id,
	const char *version_id, sm_value_fn on_done, void *userdata)
{
	struct sm_operation *operation = ask(secret_id, version_id, userdata);

	operation->on_value = on_done;
	manager.reading++;
	manager.reading_most = MAX(manager.reading_most, manager.reading);
	return operation;
}

struct sm_operation *sm_cancel(struct sm_operation *operation)
{
	struct sm_operation **at = &manager.asked;

	if (!operation)
		return NULL;
	while (*at != operation)
		at = &(*at)->next;
	*at = operation->next;
	manager.describing -= operation->on_described != NULL;
	manager.reading -= operation->on_value != NULL;
	free(operation->secret_id);
	free(operation->version_id);
	free(operation);
	return NULL;
}

const char *sm_value_text(const struct sm_value *value, const char *field)
{
	return NULL;
}

/* A look writes nothing. */

struct sm_operation *sm_create(struct aws_session *session, const char *region,
	const struct sm_write *write, sm_write_fn on_done, void *userdata)
{
	fail();
	return NULL;
}

struct sm_operation *sm_put(struct aws_session *session, const char *region,
	const struct sm_write *write, sm_write_fn on_done, void *userdata)
{
	fail();
	return NULL;
}

struct sm_operation *sm_promote(struct aws_session *session, const char *region,
	const char *secret_id, const char *from, const char *to, sm_write_fn on_done,
	void *userdata)
{
	fail();
	return NULL;
}

struct sm_operation *sm_tag(struct aws_session *session, const char *region, const char *secret_id,
	char *const *tags, sm_write_fn on_done, void *userdata)
{
	fail();
	return NULL;
}

/* Others wrote what it holds now. */
static void answer_described(const struct sm_operation *operation)
{
	const char *const stages[] = { "AWSCURRENT", NULL };
	_cleanup_(freep) char *version = mem_printf("of-%s", operation->secret_id);
	const struct sm_version versions[] = { { version, (char *const *)stages } };
	const struct sm_description description = {
		.arn = operation->secret_id,
		.name = operation->secret_id,
		.versions = versions,
		.version_count = 1,
	};

	operation->on_described(operation->userdata, &description, NULL);
}

static void answer_value(const struct sm_operation *operation)
{
	_cleanup_(freep) char *field = mem_printf("field-of-%s", operation->version_id);
	const char *const fields[] = { field, NULL };
	const struct sm_value value = {
		.fields = (char *const *)fields,
		.object = (const struct json_t *)fields, /* there is one, of which nothing else is asked */
	};

	manager.read++;
	operation->on_value(operation->userdata, &value, NULL);
}

static bool is_any(const struct sm_operation *operation)
{
	return true;
}

static bool is_description(const struct sm_operation *operation)
{
	return operation->on_described;
}

/* The last of those that was asked for is answered; false: there is none. */
static bool answer(bool (*admits)(const struct sm_operation *operation))
{
	struct sm_operation *operation = manager.asked, copy;

	while (operation && !admits(operation))
		operation = operation->next;
	if (!operation)
		return false;
	copy = *operation;
	copy.secret_id = mem_strdup(operation->secret_id);
	copy.version_id = mem_strdup(operation->version_id);
	sm_cancel(operation);
	if (copy.on_described)
		answer_described(&copy);
	else
		answer_value(&copy);
	free(copy.secret_id);
	free(copy.version_id);
	return true;
}

/* --- the look --- */

struct world {
	sd_event *event;
	struct destination_context context;
	struct desired_destination destination;
	struct place_aws place;
	struct desired_delivery wish;
	struct delivery deliveries[SECRETS];
	struct look_item items[SECRETS];
	struct observed *seen;
	struct destination_look *look;
};

static int setup(void **state)
{
	struct world *world = mem_new(struct world);

	memset(&manager, 0, sizeof(manager));
	assert_true(sd_event_new(&world->event) >= 0);
	assert_int_equal(aws_new(world->event, &world->context.aws, NULL), 0);
	world->context.event = world->event;
	world->destination.kind = DESTINATION_SECRETSMANAGER;
	world->destination.layout = LAYOUT_PEM;
	world->place = (struct place_aws){ .place.destination = &world->destination,
		.region = (char *)"eu-west-1" };
	world->wish.adopt = ADOPT_YES;
	for (size_t i = 0; i < SECRETS; i++) {
		world->deliveries[i] = (struct delivery){
			.place = &world->place.place,
			.wish = &world->wish,
			.source_arn = (char *)"arn:aws:acm:eu-west-1:111111111111:certificate/1",
			.object = mem_printf("secret-%zu", i),
		};
		world->items[i].delivery = &world->deliveries[i];
	}
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < SECRETS; i++)
		free(world->deliveries[i].object);
	for (size_t i = 0; world->seen && i < SECRETS; i++)
		observed_done(&world->seen[i]);
	free(world->seen);
	aws_free(world->context.aws);
	sd_event_unref(world->event);
	free(world);
	return 0;
}

static void on_look(void *userdata, struct observed *seen, const struct error *err)
{
	struct world *world = userdata;

	assert_null(err);
	assert_null(world->seen);
	world->seen = seen;
	world->look = NULL;
}

static void begin(struct world *world)
{
	world->look = destination_look(
		&world->context, world->items, SECRETS, NULL, 7, on_look, world);
}

static void assert_all_read(const struct world *world)
{
	assert_non_null(world->seen);
	assert_null(manager.asked);
	assert_int_equal(manager.read, SECRETS);
	assert_int_equal(manager.describing_most, DESCRIBED_MOST);
	assert_int_equal(manager.reading_most, 1);
	for (size_t i = 0; i < SECRETS; i++) {
		_cleanup_(freep) char *field = mem_printf("'field-of-of-secret-%zu'", i);

		assert_int_equal(world->seen[i].state, OBSERVED_PRESENT);
		assert_non_null(strstr(world->seen[i].foreign, field));
	}
}

static void test_quick_values(void **state)
{
	struct world *world = *state;

	begin(world);
	while (answer(is_any))
		continue;
	assert_all_read(world);
}

/* Those that are described while a value is on its way wait for it: each may be long. */
static void test_slow_values(void **state)
{
	struct world *world = *state;

	begin(world);
	do {
		while (answer(is_description))
			assert_int_equal(manager.reading, 1);
	} while (answer(is_any));
	assert_all_read(world);
}

static void test_cancel(void **state)
{
	struct world *world = *state;

	begin(world);
	for (size_t i = 0; i < 10; i++)
		assert_true(answer(is_description));
	assert_int_equal(manager.reading, 1);
	destination_look_cancel(world->look);
	assert_null(manager.asked);
	assert_null(world->seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_quick_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
