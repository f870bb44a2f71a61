/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Transfers to files.  The source is played by this test: a kind of source of its own gives, in the next turn
 * of the loop, what the test has put there.
 */

#include "tests/unit/shell/test_destination_bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/model/place_aws.h"
#include "daemon/source/kind.h"
#include "daemon/transfer/ahead.h"
#include "daemon/transfer/transfer.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

#define ITEMS 3

struct delivered {
	unsigned calls;
	struct outcome outcome; /* without its pointers */
	char *reason;
	struct error error;
	enum observed_state state;
};

struct world {
	char directory[64];
	struct desired desired;
	struct desired_destination destination;
	struct place place;
	struct desired_delivery wish[ITEMS];
	struct desired_certificate entry;
	struct delivery deliveries[ITEMS];
	struct transfer_item items[ITEMS];
	struct source_certificate source;
	struct destination_context context;
	struct transfer_request request;
	struct issuer issuer;

	struct transfer *transfer;
	bool inside;
	bool cancel_at_exported, cancel_at_delivered;
	bool waits; /* what must be on the disk before a write is not there yet */
	const char *notes[ITEMS]; /* static */
	char *note; /* of the chain */
	unsigned exported, done;
	struct version version;
	char *anchor;
	struct error error; /* of on_exported */
	struct delivered delivered[ITEMS];
};

/* --- the source --- */

struct export {
	struct source_obtain base; /* first */
	sd_event_source *defer;
	source_obtain_fn done;
	void *userdata;
};

static struct {
	sd_event *event;
	struct bundle *bundle;
	struct error error;
	unsigned exports;
	sd_event_source *held; /* the answer that is held back; */
	bool holds; /* the next one will be */
} central;

static int on_defer(sd_event_source *source, void *userdata)
{
	_cleanup_(freep) struct export *export = userdata;
	struct bundle *bundle = take(central.bundle);

	sd_event_source_unref(export->defer);
	export->done(export->userdata, bundle, bundle ? NULL : &central.error);
	return 0;
}

static struct source_obtain *obtain(struct aws *aws, const struct desired *desired,
	const struct source_certificate *certificate, source_obtain_fn done, void *userdata)
{
	struct export *export = mem_new(struct export);

	assert_string_equal(certificate->arn, "arn:source");
	central.exports++;
	*export = (struct export){ .done = done, .userdata = userdata };
	assert_true(sd_event_add_defer(central.event, &export->defer, on_defer, export) >= 0);
	if (central.holds) {
		central.held = export->defer;
		assert_true(sd_event_source_set_enabled(central.held, SD_EVENT_OFF) >= 0);
	}
	return &export->base;
}

static void obtain_cancel(struct source_obtain *handle)
{
	struct export *export = (struct export *)handle;

	sd_event_source_disable_unref(export->defer);
	free(export);
}

static const struct source_kind_row central_source = { .obtain = obtain, .obtain_cancel = obtain_cancel };

const struct source_kind_row *const source_kinds[] = { &central_source };

/* --- what the transfer says --- */

static void on_exported(void *userdata, const struct transfer_exported *exported, const struct error *err)
{
	struct world *world = userdata;

	assert_false(world->inside);
	world->exported++;
	if (err) {
		error_copy(&world->error, err);
		assert_null(exported);
	} else {
		world->version = exported->version;
		world->anchor = mem_strdup(exported->anchor_pem);
		world->note = mem_strdup(exported->note);
		assert_non_null(strstr(exported->leaf_pem, "BEGIN CERTIFICATE"));
		assert_non_null(strstr(exported->chain_pem, "BEGIN CERTIFICATE"));
		for (size_t i = 0; i < world->request.item_count; i++)
			world->notes[i] = exported->notes[i];
	}
	if (!err && !world->waits)
		transfer_may_write(world->transfer, NULL);
	if (world->cancel_at_exported) {
		world->transfer = transfer_cancel(world->transfer);
		sd_event_exit(world->context.event, 0);
	}
}

static void on_delivered(
	void *userdata, size_t item, const struct outcome *outcome, const struct observed *seen)
{
	struct world *world = userdata;
	struct delivered *delivered = &world->delivered[item];

	assert_false(world->inside);
	assert_int_equal(world->exported, 1);
	delivered->calls++;
	delivered->outcome = *outcome;
	delivered->reason = mem_strdup(outcome->reason);
	error_copy(&delivered->error, &outcome->error);
	delivered->state = seen->state;
	if (world->cancel_at_delivered) {
		world->transfer = transfer_cancel(world->transfer);
		sd_event_exit(world->context.event, 0);
	}
}

static void on_done(void *userdata)
{
	struct world *world = userdata;

	assert_false(world->inside);
	world->done++;
	world->transfer = NULL;
	sd_event_exit(world->context.event, 0);
}

static const struct transfer_events events = { on_exported, on_delivered, on_done };

static void forget(struct world *world)
{
	for (size_t i = 0; i < ITEMS; i++) {
		free(world->delivered[i].reason);
		error_done(&world->delivered[i].error);
		world->delivered[i] = (struct delivered){ 0 };
	}
	free(take(world->anchor));
	free(take(world->note));
	error_done(&world->error);
	world->exported = world->done = central.exports = 0;
	world->context.event = sd_event_unref(world->context.event);
}

static void make_loop(struct world *world)
{
	forget(world);
	assert_true(sd_event_new(&world->context.event) >= 0);
	central.event = world->context.event;
}

static void start_in_loop(struct world *world)
{
	world->inside = true;
	world->transfer = transfer_start(&world->request, &events, world);
	world->inside = false;
	world->request.ahead = NULL;
}

static void start(struct world *world)
{
	make_loop(world);
	start_in_loop(world);
}

/* Carry ${bundle}, which is taken over, to its end. */
static void carry(struct world *world, struct bundle *bundle)
{
	central.bundle = bundle;
	start(world);
	assert_int_equal(sd_event_loop(world->context.event), 0);
	if (!world->cancel_at_exported && !world->cancel_at_delivered) {
		assert_int_equal(world->exported, 1);
		assert_int_equal(world->done, 1);
		for (size_t i = 0; i < ITEMS; i++)
			assert_int_equal(world->delivered[i].calls,
				!world->error.kind && i < world->request.item_count);
	}
}

static struct bundle *bundle_of(struct world *world, const char *name, time_t age)
{
	static long serial = 100;

	return make_bundle(&world->issuer, name, ++serial, age);
}

static char *path(struct world *world, const char *name)
{
	return mem_printf("%s/%s", world->directory, name);
}

static int setup(void **state)
{
	static const char *const objects[] = { "a", "b", "c" };
	struct world *world = mem_new(struct world);

	strcpy(world->directory, "/tmp/test-transfer-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	world->destination = (struct desired_destination){
		.kind = DESTINATION_FILE,
		.directory = world->directory,
		.layout = LAYOUT_NGINX,
	};
	world->place.destination = &world->destination;
	for (size_t i = 0; i < ITEMS; i++) {
		world->deliveries[i] = (struct delivery){
			.name = (char *)objects[i],
			.place = &world->place,
			.entry = &world->entry,
			.wish = &world->wish[i],
			.object = (char *)objects[i],
			.source_arn = (char *)"arn:source",
		};
		world->items[i].delivery = &world->deliveries[i];
	}
	world->source.arn = (char *)"arn:source";
	world->request = (struct transfer_request){
		.context = &world->context,
		.desired = &world->desired,
		.source = &world->source,
		.items = world->items,
		.item_count = ITEMS,
	};
	world->issuer = make_issuer("root");
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", world->directory);
	assert_int_equal(system(command), 0);
	forget(world);
	central.bundle = bundle_free(central.bundle);
	error_done(&central.error);
	issuer_done(&world->issuer);
	free(world);
	return 0;
}

static void assert_all(const struct world *world, enum outcome_kind kind)
{
	if (world->error.text)
		print_message("%s\n", world->error.text);
	for (size_t i = 0; i < world->request.item_count; i++) {
		if (world->delivered[i].error.text)
			print_message("%s\n", world->delivered[i].error.text);
		assert_int_equal(world->delivered[i].outcome.kind, kind);
	}
}

static void test_done_then_unchanged(void **state)
{
	struct world *world = *state;
	struct bundle *bundle = bundle_of(world, "www.example.com", 3600);
	struct version version = bundle_version(bundle);
	_cleanup_(secret_freep) struct secret *key = NULL;
	struct bundle *again;

	assert_int_equal(
		secret_from(secret_borrow(bundle->key), secret_length(bundle->key), &key, NULL), 0);
	again = mem_new(struct bundle);
	again->key = take(key);
	again->chain.items = mem_alloc(sizeof(struct certificate *));
	again->chain.items[0] = to_certificate(bundle->chain.items[0]->x509);
	again->chain.count = 1;
	again->leaf = to_certificate(bundle->leaf->x509);

	carry(world, bundle);
	assert_all(world, OUTCOME_DONE);
	assert_int_equal(central.exports, 1);
	assert_memory_equal(&world->version, &version, sizeof(version));
	assert_non_null(strstr(world->anchor, "BEGIN CERTIFICATE"));
	assert_true(world->delivered[0].outcome.wrote);
	assert_true(world->delivered[0].outcome.created);
	assert_memory_equal(&world->delivered[2].outcome.version, &version, sizeof(version));

	carry(world, again);
	assert_all(world, OUTCOME_UNCHANGED);
	assert_false(world->delivered[0].outcome.wrote);
	assert_false(world->delivered[0].outcome.created);
}

static void test_renewal(void **state)
{
	struct world *world = *state;

	carry(world, bundle_of(world, "www.example.com", 3600));
	carry(world, bundle_of(world, "www.example.com", 60));
	assert_all(world, OUTCOME_DONE);
	assert_true(world->delivered[0].outcome.wrote);
	assert_false(world->delivered[0].outcome.created);
}

static void test_never_older_over_newer(void **state)
{
	struct world *world = *state;
	struct delivery_record record = { 0 };

	carry(world, bundle_of(world, "www.example.com", 60));
	record.confirmed = world->delivered[0].outcome.version;
	world->items[0].record = &record;
	world->items[1].may_go_back = true;
	carry(world, bundle_of(world, "www.example.com", 3600));
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_FAILED);
	assert_int_equal(world->delivered[0].error.kind, ERROR_CONFLICT);
	assert_non_null(strstr(world->delivered[0].error.text, "is newer"));
	assert_int_equal(world->delivered[1].outcome.kind, OUTCOME_DONE);
	/* Without a record it is not known to be of this certificate. */
	assert_int_equal(world->delivered[2].outcome.kind, OUTCOME_WAITING);
	assert_int_equal(world->delivered[2].outcome.hold, HOLD_FOREIGN);
	assert_non_null(strstr(world->delivered[2].reason, "for 'www.example.com', issued by ("));
	assert_non_null(strstr(world->delivered[2].reason, "certferry approve c"));
}

/* Of another source certificate nothing is newer or older; what it would take waits for a person. */
static void test_another_source_certificate(void **state)
{
	struct world *world = *state;
	struct delivery_record record = { .former = (char *)"arn:former" };

	carry(world, bundle_of(world, "www.example.com", 60));
	record.confirmed = world->delivered[0].outcome.version;
	for (size_t i = 0; i < 2; i++)
		world->items[i].record = &record;
	carry(world, bundle_of(world, "www.example.com", 3600));
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_DONE);
	record.confirmed = world->delivered[0].outcome.version;
	carry(world, bundle_of(world, "api.example.com", 60));
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_WAITING);
	assert_int_equal(world->delivered[0].outcome.hold, HOLD_APPROVAL);
	assert_non_null(strstr(world->delivered[0].reason, "lacks the name 'www.example.com'"));
	assert_non_null(strstr(world->delivered[0].reason, "is in place from the source certificate that its entry named before"));
}

static void test_one_failure_is_its_own(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *foreign = path(world, "b");

	assert_int_equal(mkdir(foreign, 0755), 0);
	carry(world, bundle_of(world, "www.example.com", 60));
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_DONE);
	assert_int_equal(world->delivered[1].outcome.kind, OUTCOME_FAILED);
	assert_int_equal(world->delivered[1].state, OBSERVED_FOREIGN);
	assert_false(world->delivered[1].outcome.wrote);
	assert_int_equal(world->delivered[2].outcome.kind, OUTCOME_DONE);
}

static void test_lost_name_waits_for_approval(void **state)
{
	struct world *world = *state;

	carry(world, bundle_of(world, "old.example.com", 3600));
	world->items[1].approved = true;
	world->wish[2].accept = ACCEPT_NAMES;
	carry(world, bundle_of(world, "new.example.com", 60));
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_WAITING);
	assert_int_equal(world->delivered[0].outcome.hold, HOLD_APPROVAL);
	assert_non_null(strstr(world->delivered[0].reason, "old.example.com"));
	assert_non_null(strstr(world->delivered[0].reason, "certferry approve a"));
	assert_non_null(strstr(world->delivered[0].reason, "accept: [names]"));
	assert_false(world->delivered[0].outcome.wrote);
	assert_int_equal(world->delivered[1].outcome.kind, OUTCOME_DONE);
	assert_int_equal(world->delivered[2].outcome.kind, OUTCOME_DONE);
}

static void test_unsound_bundle_reaches_nothing(void **state)
{
	struct world *world = *state;
	struct bundle *bundle = bundle_of(world, "www.example.com", 60);
	struct bundle *other = bundle_of(world, "www.example.com", 60);
	_cleanup_(freep) char *link = path(world, "a");
	struct secret *key = bundle->key;

	bundle->key = other->key;
	other->key = key;
	bundle_free(other);
	carry(world, bundle);
	assert_int_equal(world->error.kind, ERROR_INVALID);
	assert_non_null(strstr(world->error.text, "key-matches-leaf"));
	assert_int_equal(access(link, F_OK), -1);
}

static void test_other_version_than_planned(void **state)
{
	struct world *world = *state;

	world->source.version.digest.bytes[0] = 1;
	carry(world, bundle_of(world, "www.example.com", 60));
	assert_int_equal(world->error.kind, ERROR_RETRY);

	world->source.version = (struct version){ 0 };
	world->request.not_older_than = (usec_t)time(NULL) * USEC_PER_SEC;
	carry(world, bundle_of(world, "www.example.com", 3600));
	assert_int_equal(world->error.kind, ERROR_RETRY);
}

static void test_failed_export(void **state)
{
	struct world *world = *state;

	error_set(&central.error, ERROR_DENIED, 7, "ExportCertificate: AccessDenied");
	carry(world, NULL);
	assert_int_equal(world->error.kind, ERROR_DENIED);
	assert_int_equal(world->error.code, 7);
}

static void test_export_only(void **state)
{
	struct world *world = *state;

	world->request.item_count = 0;
	carry(world, bundle_of(world, "www.example.com", 60));
	assert_int_equal(world->error.kind, ERROR_NONE);
}

static void test_anchor_is_given_only_when_there_was_none(void **state)
{
	struct world *world = *state;
	struct certificate *root = to_certificate(world->issuer.certificate);
	struct certificate_list anchors = { .items = &root, .count = 1 };

	world->request.anchors = &anchors;
	carry(world, bundle_of(world, "www.example.com", 60));
	assert_all(world, OUTCOME_DONE);
	assert_null(world->anchor);
	certificate_free(root);
}

static void set_mark(struct world *world, const char *name, const struct fingerprint *anchor)
{
	_cleanup_(freep) char *command = NULL;
	char text[FINGERPRINT_TEXT_SIZE];

	command = mem_printf("for each in %s/.versions/%s/*.anchor; do printf '%%s\n' '%s' > $each; done",
		world->directory, name, anchor ? fingerprint_format(anchor, text) : "none");
	assert_int_equal(system(command), 0);
}

/* What an object bears counts for its own delivery alone, and only where nothing better is known. */
static void test_anchor_that_objects_bear(void **state)
{
	struct world *world = *state;
	struct certificate *root = to_certificate(world->issuer.certificate);
	struct certificate_list recorded = { .items = &root, .count = 1 };
	const struct fingerprint other = { .bytes = { 1 } };
	struct fingerprint anchor;

	certificate_authority_digest(root, &anchor);
	carry(world, bundle_of(world, "www.example.com", 3600));
	assert_all(world, OUTCOME_DONE);
	assert_true(fingerprint_equal(&world->delivered[0].outcome.anchor, &anchor));

	/* One object says another root, one says none: both wait, and the third does not. */
	set_mark(world, "a", &other);
	set_mark(world, "b", NULL);
	carry(world, bundle_of(world, "www.example.com", 1800));
	assert_int_equal(world->delivered[0].outcome.hold, HOLD_APPROVAL);
	assert_non_null(strstr(world->delivered[0].reason, "not at the root that certferry pinned"));
	assert_int_equal(world->delivered[1].outcome.hold, HOLD_APPROVAL);
	assert_non_null(strstr(world->delivered[1].reason, "neither the state database"));
	assert_non_null(strstr(world->delivered[1].reason, "certferry approve b"));
	assert_int_equal(world->delivered[2].outcome.kind, OUTCOME_DONE);

	/* What is recorded of the delivery outranks it, both ways. */
	world->items[0].anchor = world->items[1].anchor = anchor;
	world->items[2].anchor = other;
	carry(world, bundle_of(world, "www.example.com", 900));
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_DONE);
	assert_int_equal(world->delivered[1].outcome.kind, OUTCOME_DONE);
	assert_int_equal(world->delivered[2].outcome.hold, HOLD_APPROVAL);

	/* What is recorded of the certificate, or trusted by the configuration, decides for all. */
	set_mark(world, "a", &other);
	world->items[0].anchor = (struct fingerprint){ 0 };
	world->items[0].confirmed = world->items[1].confirmed = world->items[2].confirmed = true;
	world->request.recorded = &recorded;
	carry(world, bundle_of(world, "www.example.com", 600));
	assert_all(world, OUTCOME_DONE);
	set_mark(world, "a", &other);
	world->items[0].confirmed = false;
	carry(world, bundle_of(world, "www.example.com", 400)); /* but for one that the record does not know */
	assert_int_equal(world->delivered[0].outcome.hold, HOLD_APPROVAL);
	assert_int_equal(world->delivered[1].outcome.kind, OUTCOME_DONE);
	world->request.recorded = NULL;
	world->request.anchors = &recorded;
	carry(world, bundle_of(world, "www.example.com", 300));
	assert_all(world, OUTCOME_DONE);

	/* Approved once, it goes through, and the object says so from then on. */
	world->request.anchors = NULL;
	world->items[1].anchor = world->items[2].anchor = (struct fingerprint){ 0 };
	world->items[1].confirmed = world->items[2].confirmed = false;
	set_mark(world, "a", NULL);
	world->items[0].approved = true;
	carry(world, bundle_of(world, "www.example.com", 200));
	assert_all(world, OUTCOME_DONE);
	world->items[0].approved = false;
	carry(world, bundle_of(world, "www.example.com", 100));
	assert_all(world, OUTCOME_DONE);
	certificate_free(root);
}

/* It appeared after the look that was planned by: the write is not made, and the others are. */
static void test_what_others_put_there_waits(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *command = mem_printf(
		"ln -sf /etc/theirs.key %s/a/privkey.pem && echo x >%s/b/beside", world->directory,
		world->directory);

	carry(world, bundle_of(world, "www.example.com", 3600));
	assert_all(world, OUTCOME_DONE);
	assert_int_equal(system(command), 0);
	world->items[0].approved = true; /* of what would be lost, which is another question */
	carry(world, bundle_of(world, "www.example.com", 1800));
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_WAITING);
	assert_int_equal(world->delivered[0].outcome.hold, HOLD_FOREIGN);
	assert_non_null(strstr(world->delivered[0].reason, "privkey.pem -> /etc/theirs.key"));
	assert_non_null(strstr(world->delivered[0].reason, "certferry approve a"));
	assert_int_equal(world->delivered[1].outcome.kind, OUTCOME_DONE);
	assert_int_equal(world->delivered[2].outcome.kind, OUTCOME_DONE);
}

/* A CA that the world's root issued. */
static struct issuer make_intermediate(const struct world *world)
{
	struct issuer issuer = make_issuer("issuing");

	X509_set_issuer_name(
		issuer.certificate, X509_get_subject_name(world->issuer.certificate));
	assert_true(X509_sign(issuer.certificate, world->issuer.key, EVP_sha256()) > 0);
	return issuer;
}

/* The root's own certificate of long ago is in the chain, and its newer one is trusted. */
static void test_note_of_what_lies_beyond_the_anchor(void **state)
{
	struct world *world = *state;
	struct issuer issuing = make_intermediate(world);
	struct certificate *root = to_certificate(world->issuer.certificate);
	struct certificate_list trusted = { &root, 1 };
	struct bundle *bundle = make_bundle(&issuing, "www.example.com", 2, 100);
	X509 *old = make_certificate(world->issuer.key, "root", NULL, 3, time(NULL) - 3700 * 86400L);

	certificate_list_append(&bundle->chain, to_certificate(old));
	world->request.anchors = &trusted;
	carry(world, bundle);
	assert_all(world, OUTCOME_DONE);
	assert_non_null(world->note);
	assert_non_null(strstr(world->note, "a certificate (subject CN=root) that expired on "));
	carry(world, make_bundle(&issuing, "www.example.com", 4, 50));
	assert_int_equal(world->exported, 1);
	assert_null(world->note);
	world->request.anchors = NULL;
	X509_free(old);
	certificate_free(root);
	issuer_done(&issuing);
}

/* The record knows that something was put there, which is gone: nobody knows what was trusted. */
static void test_anchor_that_nobody_knows(void **state)
{
	struct world *world = *state;

	world->items[1].confirmed = true;
	carry(world, bundle_of(world, "www.example.com", 60));
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_DONE);
	assert_int_equal(world->delivered[1].outcome.hold, HOLD_APPROVAL);
}

/* What CloudFront would not take is said of the one place that serves it, before anything is sent. */
static void test_notes_are_of_their_items(void **state)
{
	struct world *world = *state;
	struct desired_destination destination = { .name = (char *)"edge", .kind = DESTINATION_ACM };
	struct place_aws edge = { .place.destination = &destination, .region = (char *)"us-east-1" };

	world->deliveries[1].place = &edge.place;
	world->cancel_at_exported = true;
	carry(world, bundle_of(world, "www.example.com", 60));
	assert_int_equal(world->exported, 1);
	assert_null(world->notes[0]);
	assert_string_equal(world->notes[1], "CloudFront cannot use this certificate for viewers: its issuer is not public");
	assert_null(world->notes[2]);
}

/* All items are read and checked, and wait. */
static void start_and_wait(struct world *world)
{
	central.bundle = bundle_of(world, "www.example.com", 60);
	world->waits = true;
	start(world);
	while (sd_event_run(world->context.event, 50 * USEC_PER_MSEC) > 0)
		;
	assert_int_equal(world->exported, 1);
	assert_int_equal(world->delivered[0].calls + world->delivered[1].calls + world->delivered[2].calls, 0);
}

static void test_nothing_is_written_before_it_may_be(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *link = path(world, "a");

	start_and_wait(world);
	assert_int_equal(access(link, F_OK), -1);
	transfer_may_write(world->transfer, NULL);
	assert_int_equal(sd_event_loop(world->context.event), 0);
	assert_int_equal(world->done, 1);
	assert_int_equal(access(link, F_OK), 0);
	for (size_t i = 0; i < ITEMS; i++)
		assert_int_equal(world->delivered[i].outcome.kind, OUTCOME_DONE);
}

static void test_what_still_reads_is_not_written_at_once(void **state)
{
	struct world *world = *state;

	central.bundle = bundle_of(world, "www.example.com", 60);
	world->waits = true;
	start(world);
	while (!world->exported)
		assert_true(sd_event_run(world->context.event, USEC_PER_SEC) > 0);
	transfer_may_write(world->transfer, NULL);
	for (size_t i = 0; i < ITEMS; i++)
		assert_false(transfer_is_writing(world->transfer, i));
	assert_int_equal(sd_event_loop(world->context.event), 0);
	for (size_t i = 0; i < ITEMS; i++)
		assert_int_equal(world->delivered[i].outcome.kind, OUTCOME_DONE);
}

static void test_what_may_not_be_written_fails(void **state)
{
	struct world *world = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *link = path(world, "a");

	(void)error_set(&err, ERROR_RETRY, 0, "the disk is full");
	start_and_wait(world);
	transfer_may_write(world->transfer, &err);
	assert_int_equal(world->done, 1);
	assert_int_equal(access(link, F_OK), -1);
	for (size_t i = 0; i < ITEMS; i++) {
		assert_int_equal(world->delivered[i].calls, 1);
		assert_int_equal(world->delivered[i].outcome.kind, OUTCOME_FAILED);
		assert_false(world->delivered[i].outcome.wrote);
		assert_string_equal(world->delivered[i].error.text, "the disk is full");
	}
}

static void test_cancel_of_one_that_waits(void **state)
{
	struct world *world = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	start_and_wait(world);
	transfer_cancel(world->transfer);
	(void)error_set(&err, ERROR_RETRY, 0, "the disk is full");
	start_and_wait(world);
	world->cancel_at_delivered = true;
	transfer_may_write(world->transfer, &err); /* it is cancelled at the first of them */
	assert_null(world->transfer);
	assert_int_equal(world->done, 0);
}

static void test_cancel(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *link = path(world, "a");

	assert_null(transfer_cancel(NULL));
	central.bundle = bundle_of(world, "www.example.com", 60);
	start(world);
	transfer_cancel(world->transfer);
	assert_int_equal(sd_event_run(world->context.event, 0), 0);
	assert_int_equal(world->exported, 0);

	world->cancel_at_exported = true;
	carry(world, take(central.bundle));
	assert_int_equal(world->exported, 1);
	assert_int_equal(world->done, 0);
	assert_int_equal(access(link, F_OK), -1);

	world->cancel_at_exported = false;
	world->cancel_at_delivered = true;
	carry(world, bundle_of(world, "www.example.com", 60));
	assert_int_equal(
		world->delivered[0].calls + world->delivered[1].calls + world->delivered[2].calls,
		1);
	assert_int_equal(world->done, 0);
}

/* --- begun ahead --- */

static void on_void(void *userdata)
{
	struct world *world = userdata;

	world->request.ahead = ahead_cancel(world->request.ahead);
	sd_event_exit(world->context.event, 0);
}

/* The export of ${bundle}, which is taken over, and the read of the first two items. */
static void begin_ahead(struct world *world, struct bundle *bundle)
{
	struct ahead_item *items = mem_alloc(2 * sizeof(*items));

	for (size_t i = 0; i < 2; i++) {
		const struct delivery *delivery = &world->deliveries[i];

		world->items[i].known.object_id = delivery->object;
		world->items[i].confirmed = true;
		bundle_anchor(bundle, &world->items[i].anchor);
		items[i].object_id = mem_strdup(delivery->object);
		items[i].delivery = *delivery;
		items[i].delivery.name = mem_strdup(delivery->name);
		items[i].delivery.object = mem_strdup(delivery->object);
		items[i].delivery.source_arn = mem_strdup(delivery->source_arn);
	}
	make_loop(world);
	central.bundle = bundle;
	world->request.ahead = ahead_start(
		&(struct ahead_request){
			.context = &world->context,
			.desired = &world->desired,
			.source = &world->source,
			.items = items,
			.count = 2,
		},
		on_void, world);
	assert_int_equal(central.exports, 1);
}

static void let_it_come(struct world *world)
{
	while (sd_event_run(world->context.event, 0) > 0)
		;
}

/* ${already}: what was begun has come before the transfer begins. */
static void check_ahead(struct world *world, bool already)
{
	struct bundle *bundle = bundle_of(world, "www.example.com", 60);
	struct digest digest = bundle_version(bundle).digest;

	begin_ahead(world, bundle);
	if (already)
		let_it_come(world);
	start_in_loop(world);
	assert_int_equal(sd_event_loop(world->context.event), 0);
	assert_all(world, OUTCOME_DONE);
	assert_int_equal(central.exports, 1);
	assert_true(digest_equal(&world->version.digest, &digest));
	for (size_t i = 0; i < ITEMS; i++)
		assert_false(world->delivered[i].outcome.created);
}

static void test_what_was_begun_ahead_is_taken_over(void **state)
{
	carry(*state, bundle_of(*state, "www.example.com", 3600));
	check_ahead(*state, true);
}

static void test_what_is_under_way_ahead_is_waited_for(void **state)
{
	carry(*state, bundle_of(*state, "www.example.com", 3600));
	check_ahead(*state, false);
}

/* As far as its reader knows, what it has read is there still; what was not read ahead is read now. */
static void test_what_was_read_ahead_is_not_read_again(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *command = mem_printf("rm -rf '%s'/*", world->directory);

	carry(world, bundle_of(world, "www.example.com", 3600));
	begin_ahead(world, bundle_of(world, "www.example.com", 60));
	let_it_come(world);
	assert_int_equal(system(command), 0);
	start_in_loop(world);
	assert_int_equal(sd_event_loop(world->context.event), 0);
	assert_false(world->delivered[0].outcome.created);
	assert_true(world->delivered[2].outcome.created);
}

/* What was read ahead is what the write goes by: of what has come there since, nothing is written over. */
static void test_what_has_changed_since_it_was_read_ahead(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *object = path(world, "a"), *text = NULL;

	carry(world, bundle_of(world, "www.example.com", 3600));
	begin_ahead(world, bundle_of(world, "www.example.com", 60));
	let_it_come(world);
	text = mem_printf("rm -rf '%s' && mkdir '%s' && touch '%s/others'", object, object, object);
	assert_int_equal(system(text), 0);
	start_in_loop(world);
	assert_int_equal(sd_event_loop(world->context.event), 0);
	assert_int_equal(world->delivered[0].outcome.kind, OUTCOME_FAILED);
	assert_int_equal(world->delivered[1].outcome.kind, OUTCOME_DONE);
	free(take(text));
	text = mem_printf("%s/others", object);
	assert_int_equal(access(text, F_OK), 0);
}

/* Reads lag: what was exported before the version was known may be the one before. */
static void test_another_version_ahead_is_exported_again(void **state)
{
	struct world *world = *state;
	struct bundle *bundle = bundle_of(world, "www.example.com", 60);

	world->source.version = bundle_version(bundle);
	begin_ahead(world, bundle_of(world, "www.example.com", 3600));
	let_it_come(world);
	central.bundle = bundle;
	start_in_loop(world);
	assert_int_equal(sd_event_loop(world->context.event), 0);
	assert_all(world, OUTCOME_DONE);
	assert_int_equal(central.exports, 2);
	assert_true(digest_equal(&world->version.digest, &world->source.version.digest));
}

static void test_what_nobody_takes_over_is_void(void **state)
{
	struct world *world = *state;

	begin_ahead(world, bundle_of(world, "www.example.com", 60));
	assert_int_equal(sd_event_loop(world->context.event), 0);
	assert_null(world->request.ahead);
	assert_int_equal(world->exported, 0);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	_cleanup_(freep) char *command = mem_printf("rm -rf '%s'/*", ((struct world *)userdata)->directory);

	assert_int_equal(system(command), 0);
	return sd_event_source_set_enabled(central.held, SD_EVENT_ONESHOT);
}

/* Where the export keeps it waiting, what was read ahead counts no more. */
static void test_what_was_read_too_long_ago_is_read_again(void **state)
{
	struct world *world = *state;

	carry(world, bundle_of(world, "www.example.com", 3600));
	central.holds = true;
	begin_ahead(world, bundle_of(world, "www.example.com", 60));
	central.holds = false;
	let_it_come(world);
	start_in_loop(world);
	assert_true(sd_event_add_time_relative(world->context.event, NULL, CLOCK_MONOTONIC,
			    AHEAD_BELIEVED + 100 * USEC_PER_MSEC, 0, on_late, world) >= 0);
	assert_int_equal(sd_event_loop(world->context.event), 0);
	assert_all(world, OUTCOME_DONE);
	assert_true(world->delivered[0].outcome.created);
}

static void test_cancel_of_what_was_begun_ahead(void **state)
{
	struct world *world = *state;

	begin_ahead(world, bundle_of(world, "www.example.com", 60));
	world->request.ahead = ahead_cancel(world->request.ahead);
	central.bundle = bundle_free(central.bundle);
	begin_ahead(world, bundle_of(world, "www.example.com", 60));
	start_in_loop(world);
	world->transfer = transfer_cancel(world->transfer);
	assert_int_equal(sd_event_run(world->context.event, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_done_then_unchanged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renewal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_older_over_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_source_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_failure_is_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_name_waits_for_approval, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_unsound_bundle_reaches_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_version_than_planned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_export, setup, teardown),
		cmocka_unit_test_setup_teardown(test_export_only, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_anchor_is_given_only_when_there_was_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anchor_that_objects_bear, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anchor_that_nobody_knows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_others_put_there_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notes_are_of_their_items, setup, teardown),
		cmocka_unit_test_setup_teardown(test_note_of_what_lies_beyond_the_anchor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_written_before_it_may_be, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_still_reads_is_not_written_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_may_not_be_written_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_of_one_that_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_begun_ahead_is_taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_under_way_ahead_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_was_read_ahead_is_not_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_has_changed_since_it_was_read_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_another_version_ahead_is_exported_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_nobody_takes_over_is_void, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_was_read_too_long_ago_is_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_of_what_was_begun_ahead, setup, teardown),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
