/* SPDX-License-Identifier: Apache-2.0 */
/* The queue's events bring readings of the source forward, beside a queue of the test's own. */
#include "tests/unit/shell/inventory_bed.h"

#include "daemon/actor/queue.h"
#include "daemon/source/events.h"
#include "lib/pki/secret.h"

#define ARN "arn:aws:acm:eu-west-1:111111111111:certificate/1"

/* --- the stage --- */

struct events {
	struct events_request request;
	char *account;
};

static struct {
	struct bed bed;
	struct queue *queue;
	struct events *events; /* listened to */
	usec_t look, sweep; /* what is wanted of it */
	unsigned begun, ended; /* readings it heard of */
	bool viewed; /* the last one succeeded */
	usec_t woken_look, woken_sweep;
	unsigned wakes;
} at;

struct events *events_new(const struct events_request *request)
{
	assert_null(at.events);
	at.events = mem_new(struct events);
	at.events->request = *request;
	at.events->account = mem_strdup(request->account);
	return at.events;
}

struct events *events_free(struct events *events)
{
	assert_ptr_equal(events, at.events);
	free(events->account);
	free(take(at.events));
	return NULL;
}

usec_t events_next(const struct events *events, bool sweep)
{
	return sweep ? at.sweep : at.look;
}

unsigned events_look_begins(struct events *events, bool sweep)
{
	at.begun++;
	return 0;
}

void events_look_ended(struct events *events, const struct source_view *view)
{
	at.ended++;
	at.viewed = view != NULL;
}

/* --- the bed --- */

static void on_wake(void *userdata, usec_t look, usec_t sweep)
{
	at.wakes++;
	at.woken_look = look;
	at.woken_sweep = sweep;
}

static const char with_queue[] =
	"source: {region: eu-west-1}\n"
	"events: {queue_url: 'https://sqs.eu-west-1.amazonaws.com/111111111111/ferry'}\n"
	"certificates:\n  pay: {arn: '" ARN "', deliver: [{to: files}]}\n"
	"destinations:\n  files: {kind: file, directory: /srv/tls}\n";

static const char without_queue[] =
	"source: {region: eu-west-1}\n"
	"certificates:\n  pay: {arn: '" ARN "', deliver: [{to: files}]}\n"
	"destinations:\n  files: {kind: file, directory: /srv/tls}\n";

static char *const arns[] = { (char *)ARN, NULL };
static char *const regions[] = { (char *)"eu-west-1", NULL };

static int setup(void **state)
{
	memset(&at, 0, sizeof(at));
	at.look = at.sweep = USEC_INFINITY;
	bed_init(&at.bed);
	at.bed.view = bed_view(arns, 'A');
	bed_take_over(&at.bed, with_queue);
	at.queue = queue_new(&(struct queue_host){
		.inventory = at.bed.inventory, .context = &at.bed.context, .on_wake = on_wake });
	return 0;
}

static int teardown(void **state)
{
	at.queue = queue_free(at.queue);
	assert_null(at.events);
	bed_done(&at.bed);
	return 0;
}

static void listen_to_it(void)
{
	queue_read_begins(at.queue, true);
	queue_read_ended(at.queue, true, regions);
	assert_non_null(at.events);
}

/* --- the tests --- */

static void test_the_first_success_begins_to_listen(void **state)
{
	assert_string_equal(queue_state(at.queue), "waiting");
	queue_read_begins(at.queue, true);
	queue_read_ended(at.queue, false, regions);
	assert_null(at.events);
	listen_to_it();
	assert_string_equal(at.events->account, "111111111111");
	assert_string_equal(at.events->request.settings->queue_url,
		"https://sqs.eu-west-1.amazonaws.com/111111111111/ferry");
	assert_string_equal(queue_state(at.queue), "waiting");
	at.events->request.on_queue(at.events->request.userdata, NULL);
	assert_string_equal(queue_state(at.queue), "listening");
}

static void test_without_a_queue_it_is_off(void **state)
{
	bed_take_over(&at.bed, without_queue);
	queue_read_begins(at.queue, true);
	queue_read_ended(at.queue, true, regions);
	assert_null(at.events);
	assert_string_equal(queue_state(at.queue), "off");
}

static void test_events_bring_the_next_reading_forward(void **state)
{
	listen_to_it();
	at.look = 5;
	at.events->request.on_wake(at.events->request.userdata);
	assert_int_equal(at.wakes, 1);
	assert_int_equal(at.woken_look, 5);
	assert_int_equal(at.woken_sweep, USEC_INFINITY);
	assert_true(at.bed.pokes > 0);
}

static void test_what_comes_while_the_source_is_read_counts_afterwards(void **state)
{
	listen_to_it();
	queue_read_begins(at.queue, false);
	assert_int_equal(at.begun, 1);
	at.look = 7;
	at.events->request.on_wake(at.events->request.userdata);
	assert_int_equal(at.wakes, 0);
	queue_read_ended(at.queue, true, regions);
	assert_int_equal(at.ended, 1);
	assert_true(at.viewed);
	assert_int_equal(at.wakes, 1);
	assert_int_equal(at.woken_look, 7);
	queue_read_begins(at.queue, false);
	queue_read_ended(at.queue, false, regions);
	assert_false(at.viewed);
}

static void test_a_failing_queue_is_shown(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_DENIED, 0, "not you");
	listen_to_it();
	at.events->request.on_queue(at.events->request.userdata, &err);
	assert_string_equal(queue_state(at.queue), "failing");
	assert_non_null(strstr(queue_problem(at.queue), "not you"));
	assert_non_null(strstr(queue_problem(at.queue), "/usr/share/doc/certferry/iam/README.md"));
	at.events->request.on_queue(at.events->request.userdata, NULL);
	assert_null(queue_problem(at.queue));
	assert_string_equal(queue_state(at.queue), "listening");
}

static void test_stopped_it_listens_no_more(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	size_t before = announce_remembers(inventory_announce(at.bed.inventory));

	(void)error_set(&err, ERROR_DENIED, 0, "not you");
	listen_to_it();
	at.events->request.on_queue(at.events->request.userdata, NULL);
	at.events->request.on_queue(at.events->request.userdata, &err);
	assert_int_equal(announce_remembers(inventory_announce(at.bed.inventory)), before + 1);
	queue_read_begins(at.queue, true);
	queue_stop(at.queue); /* a reload, in the middle of a reading */
	assert_null(at.events);
	assert_null(queue_problem(at.queue));
	assert_int_equal(announce_remembers(inventory_announce(at.bed.inventory)), before);
	assert_string_equal(queue_state(at.queue), "waiting");
	listen_to_it();
	at.look = 3;
	at.events->request.on_wake(at.events->request.userdata);
	assert_int_equal(at.woken_look, 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_first_success_begins_to_listen),
		TEST(test_without_a_queue_it_is_off),
		TEST(test_events_bring_the_next_reading_forward),
		TEST(test_what_comes_while_the_source_is_read_counts_afterwards),
		TEST(test_a_failing_queue_is_shown),
		TEST(test_stopped_it_listens_no_more),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
