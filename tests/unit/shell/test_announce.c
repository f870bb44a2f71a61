/* SPDX-License-Identifier: Apache-2.0 */
/* What each change comes to in the journal, in the history and for those who listen; and what is remembered of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/announce/announce.h"
#include "daemon/model/place_aws.h"
#include "lib/base/mem.h"
#include "lib/base/strv.h"
#include "lib/log/log.h"

#define QUIET (-1)

static usec_t clock_now;

static usec_t now(void)
{
	return clock_now;
}

/* What the last announcement came to; NULL, or QUIET, for what it did not. */
static struct {
	char **fields;
	char *history;
	unsigned heard;
	enum announce_phase phase;
	int level;
} got;

static void take_fields(void *userdata, char *const *fields)
{
	assert_null(got.fields);
	got.fields = strv_copy(fields);
}

static void take_history(void *userdata, const char *event, const char *subject, const char *text)
{
	assert_null(got.history);
	got.history = mem_printf("%s %s %s", event, subject, text);
}

static void hear(void *userdata, const struct announcement *announcement)
{
	got.heard++;
	got.phase = announcement->phase;
	got.level = announcement->level;
}

static void forget_got(void)
{
	strv_free(got.fields);
	free(got.history);
	memset(&got, 0, sizeof(got));
}

static const char *field(const char *name)
{
	size_t length = strlen(name);

	STRV_FOREACH(one, got.fields)
		if (strncmp(*one, name, length) == 0 && (*one)[length] == '=')
			return *one + length + 1;
	return NULL;
}

static struct announce *new_announce(void)
{
	const struct announce_request request = { .now = now, .history = take_history };
	struct announce *announce = announce_new(&request);

	announce_listen(announce, hear, NULL);
	clock_now = USEC_PER_SEC;
	return announce;
}

/* --- a subject of each kind --- */

static struct desired_destination destination = { .name = (char *)"prod", .kind = DESTINATION_ACM };
static struct place_aws place = { .place = { .destination = &destination, .name = (char *)"prod/111122223333/eu-west-1" },
	.account = (char *)"111122223333", .region = (char *)"eu-west-1" };
static struct delivery delivery = { .name = (char *)"pay/prod/111122223333/eu-west-1", .certificate = (char *)"pay",
	.source_arn = (char *)"arn:pay", .place = &place.place, .object = (char *)"pay" };
static const struct version version = { .digest = { .bytes = { 0xab } }, .not_after = 1795000000 * USEC_PER_SEC };
static const struct error retry = { .kind = ERROR_RETRY, .code = 503, .text = (char *)"throttled" };
static const struct error denied = { .kind = ERROR_DENIED, .code = 403, .text = (char *)"not allowed" };

static const struct change_subject host = { .name = NULL };
static const struct change_subject of_delivery = { .name = "pay/prod/111122223333/eu-west-1", .delivery = &delivery };
static const struct change_subject of_place = { .name = "prod/111122223333/eu-west-1", .delivery = &delivery };
static const struct change_subject of_certificate = { .name = "pay", .source_arn = "arn:pay" };
static const struct change_subject of_dependent = { .name = "web", .target = "nginx.service", .unit = "nginx.service" };
static const struct change_subject of_entry = { .name = "entry 'x' matches nothing" };

#define END "2026-11-18T11:06:40Z"
#define FAILS .attempt = 2, .next_try = 1795000000 * USEC_PER_SEC

/* --- each row: it happens, or begins, repeats and ends --- */

struct expected {
	struct change change;
	const struct change_subject *subject;
	const char *id;
	int level;
	const char *sentence;
	/* BEGINS: what it is while it goes on, what ends it, and at which level. */
	int repeats;
	struct change end;
	const char *end_id;
	int end_level;
	const char *end_sentence;
	const char *history;
};

#define ID(digits) "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e" digits

/* By itself. */
#define ONCE(event_, subject_, id_, level_, sentence_, ...)                                        \
	{ .change = { .event = (event_), __VA_ARGS__ }, .subject = &(subject_), .id = (id_), .level = (level_),          \
		.sentence = (sentence_) }

static const struct expected happening[] = {
	ONCE(CHANGE_STARTED, host, ID("01"), LOG_INFO, "Started with 1 certificate and 2 deliveries configured",
		.count = 1, .total = 2),
	ONCE(CHANGE_STOPPING, host, ID("02"), LOG_INFO,
		"Received Terminated, shutting down; unfinished work resumes at the next start", .words = "Terminated"),
	ONCE(CHANGE_RELOADED, host, ID("03"), LOG_INFO, "Reloaded the configuration: 2 certificates, 1 delivery",
		.count = 2, .total = 1),
	ONCE(CHANGE_RELOAD_REJECTED, host, ID("04"), LOG_ERR,
		"Failed to reload the configuration: it has errors (see above, or run 'certferryd --check'); certferryd "
		"keeps the previous one"),
	ONCE(CHANGE_LOOP_FAILED, host, ID("68"), LOG_ERR,
		"Failed to wait: throttled; certferryd exits, and unfinished work resumes at its next start",
		.words = "wait", .error = &retry),
	ONCE(CHANGE_CLOCK_OFF, host, ID("18"), LOG_WARNING,
		"This host's clock is 5m behind AWS's; certferryd dates its requests by AWS's clock. Correct the host's "
		"clock",
		.words = "5m behind"),
	ONCE(CHANGE_LEFT, host, ID("52"), LOG_NOTICE, "'pay/acm' left it", .words = "'pay/acm' left it"),
	ONCE(CHANGE_LIMIT_LOW, host, ID("60"), LOG_WARNING, "Raise it", .words = "Raise it"),
	ONCE(CHANGE_MEMORY_UNLOCKED, host, ID("1b"), LOG_WARNING,
		"Failed to lock memory for private keys; they may be swapped to disk. Set LimitMEMLOCK= (or ulimit -l) to "
		"8 MiB"),
	ONCE(CHANGE_RECORD_UNOPENED, host, ID("15"), LOG_ERR,
		"no; the state directory ($STATE_DIRECTORY, or /var/lib/certferry) must exist and be writable",
		.words = "no"),
	ONCE(CHANGE_RECORD_NEWER, host, ID("40"), LOG_ERR, "newer", .words = "newer"),
	ONCE(CHANGE_RECORD_MIGRATED, host, ID("42"), LOG_NOTICE, "migrated", .words = "migrated"),
	ONCE(CHANGE_RECORD_LOST, host, ID("17"), LOG_ALERT, "lost", .words = "lost"),
	ONCE(CHANGE_EVENTS_CAME, host, ID("30"), LOG_INFO, "Received 3 ACM events; polling now", .count = 3),
	ONCE(CHANGE_VERSION_SEEN, of_certificate, ID("07"), LOG_INFO,
		"Found renewed certificate 'pay' in the source account (expires " END ")", .version = &version),
	ONCE(CHANGE_EXPORTED, of_certificate, ID("09"), LOG_INFO, "Exported 'pay' for 1 delivery", .version = &version,
		.count = 1),
	ONCE(CHANGE_EXPORTED_ALONE, of_certificate, ID("09"), LOG_INFO,
		"Exported 'pay' to keep it eligible for renewal", .version = &version),
	{ .change = { .event = CHANGE_DELIVERED, .version = &version }, .subject = &of_delivery, .id = ID("0b"),
		.level = LOG_INFO,
		.sentence = "Delivered renewed certificate to 'pay/prod/111122223333/eu-west-1' (expires " END ")",
		.history = "delivered pay/prod/111122223333/eu-west-1 " END },
	ONCE(CHANGE_UNCHANGED, of_delivery, NULL, LOG_DEBUG,
		"Renewed certificate is at 'pay/prod/111122223333/eu-west-1' already", .version = &version),
	ONCE(CHANGE_UNUSABLE, of_delivery, ID("0c"), LOG_WARNING,
		"Cannot deliver 'pay/prod/111122223333/eu-west-1': not allowed", .error = &denied),
	ONCE(CHANGE_REMARK, of_delivery, NULL, LOG_NOTICE, "'pay/prod/111122223333/eu-west-1': long chain",
		.words = "long chain"),
	{ .change = { .event = CHANGE_APPROVED, .hold = HOLD_GUARD, .who = "root", .words = "2 more" },
		.subject = &of_delivery, .id = ID("0f"), .level = LOG_NOTICE,
		.sentence = "Approved 'pay/prod/111122223333/eu-west-1' (guard) for root: 2 more",
		.history = "approved pay/prod/111122223333/eu-west-1 root" },
	ONCE(CHANGE_VERIFIED, of_delivery, ID("12"), LOG_INFO, "Verified 'pay/prod/111122223333/eu-west-1': serves it",
		.words = "serves it"),
	ONCE(CHANGE_BECAME_DIRECTORY, of_place, ID("54"), LOG_NOTICE,
		"Made '/tls/pay' a directory; it was a link. Restart programs that watch it or its files once: their watch "
		"stays on what the link showed",
		.words = "/tls/pay"),
	ONCE(CHANGE_TAGGED, of_place, NULL, LOG_DEBUG,
		"Updated certferry's tags on the object of 'pay/prod/111122223333/eu-west-1'"),
	ONCE(CHANGE_TAGGED_ALL, of_place, ID("51"), LOG_INFO,
		"Updated certferry's tags on 2 objects at 'prod/111122223333/eu-west-1'", .count = 2),
	{ .change = { .event = CHANGE_TOLD, .words = "Reloaded" }, .subject = &of_dependent, .id = ID("10"),
		.level = LOG_INFO, .sentence = "Reloaded nginx.service (web)", .history = "told web nginx.service" },
	{ .change = { .event = CHANGE_TOLD_STOPPED }, .subject = &of_dependent, .id = ID("10"), .level = LOG_INFO,
		.sentence = "Skipped nginx.service (web): not running", .history = "told web nginx.service" },
	{ .change = { .event = CHANGE_ESCALATED, .words = "an old one", .who = "restart" }, .subject = &of_dependent,
		.id = ID("13"), .level = LOG_NOTICE,
		.sentence = "nginx.service (web) still serves its previous certificate (an old one); certferryd now tries "
			    "a restart, once. Set 'action: restart' to save the wait at the next renewal",
		.history = "escalated web restart of nginx.service" },
	ONCE(CHANGE_SERVES, of_dependent, ID("12"), LOG_INFO, "Verified 'web': serves it", .words = "serves it"),
	/* What ends a trouble that was not there. */
	ONCE(CHANGE_BUS_FOUND, host, NULL, QUIET, NULL),
	ONCE(CHANGE_BUS_NAMED, host, ID("73"), LOG_DEBUG, "Acquired D-Bus name org.certferry1"),
	ONCE(CHANGE_RECORD_WRITTEN, host, NULL, QUIET, NULL),
	ONCE(CHANGE_SOURCE_READ, host, NULL, QUIET, NULL),
	ONCE(CHANGE_SOURCE_FITS, host, NULL, QUIET, NULL),
	ONCE(CHANGE_QUEUE_HEARD, host, ID("32"), LOG_DEBUG, "Reading events from the event queue"),
	ONCE(CHANGE_ACCEPTED, of_certificate, NULL, QUIET, NULL),
	ONCE(CHANGE_ENTRY_ACCEPTED, of_entry, NULL, QUIET, NULL),
	ONCE(CHANGE_UNIT_FIT, of_entry, NULL, QUIET, NULL),
	ONCE(CHANGE_CURRENT, of_delivery, NULL, QUIET, NULL, .version = &version),
	ONCE(CHANGE_NOT_EXPIRING, of_delivery, NULL, QUIET, NULL),
	ONCE(CHANGE_QUOTA_FREE, of_place, NULL, QUIET, NULL),
	ONCE(CHANGE_TELL_SETTLED, of_dependent, NULL, QUIET, NULL),
};

static const struct expected troubles[] = {
	{ { .event = CHANGE_BUS_LOST, .words = "No such file" }, &host, ID("70"), LOG_WARNING,
		"Failed to connect to the system bus: No such file; certferryd restarts no units, and the certferry "
		"command will not work. Retrying every minute",
		QUIET, { .event = CHANGE_BUS_FOUND }, ID("71"), LOG_INFO, "Connected to the system bus again", NULL },
	{ { .event = CHANGE_BUS_NAME_REFUSED, .words = "another process has it" }, &host, ID("72"), LOG_WARNING,
		"Failed to acquire D-Bus name org.certferry1: another process has it; the certferry command will not "
		"work. Retrying every minute",
		QUIET, { .event = CHANGE_BUS_NAMED }, ID("73"), LOG_INFO, "Acquired D-Bus name org.certferry1", NULL },
	{ { .event = CHANGE_RECORD_FAILED, .error = &retry }, &host, ID("15"), LOG_ERR,
		"Failed to save the state: throttled; deliveries and restarts are paused. Is the disk full or "
		"read-only?",
		QUIET, { .event = CHANGE_RECORD_WRITTEN }, ID("16"), LOG_INFO,
		"Wrote the state database again; deliveries and restarts resume", NULL },
	{ { .event = CHANGE_RECORD_UNMIGRATED, .words = "old" }, &host, ID("41"), LOG_ERR, "old", QUIET,
		{ .event = CHANGE_RECORD_WRITTEN }, ID("16"), LOG_INFO,
		"Wrote the state database again; deliveries and restarts resume", NULL },
	{ { .event = CHANGE_SOURCE_FAILED, .error = &retry }, &host, ID("05"), LOG_WARNING,
		"Failed to list certificates in the source account: throttled", LOG_DEBUG,
		{ .event = CHANGE_SOURCE_READ }, ID("06"), LOG_INFO, "Listed certificates in the source account again",
		NULL },
	{ { .event = CHANGE_SOURCE_FILLS, .count = 9, .total = 10 }, &host, ID("1c"), LOG_WARNING,
		"Source account lists 9 of 10 certificates allowed by source.certificates_max; polling stops at the "
		"limit. Raise source.certificates_max",
		QUIET, { .event = CHANGE_SOURCE_FITS }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_SOURCE_SWELLS, .count = 900, .total = 10, .words = "1000" }, &host, ID("1c"), LOG_WARNING,
		"Certificate list uses 900 of 1000 KiB allowed by source.certificates_max (10); polling stops at the "
		"limit. Raise source.certificates_max",
		QUIET, { .event = CHANGE_SOURCE_FITS }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_QUEUE_FAILED, .error = &denied }, &host, ID("31"), LOG_WARNING,
		"Failed to read the event queue not allowed; polling continues", LOG_DEBUG,
		{ .event = CHANGE_QUEUE_HEARD }, ID("32"), LOG_INFO, "Reading events from the event queue", NULL },
	{ { .event = CHANGE_REFUSED, .words = "not there" }, &of_certificate, ID("08"), LOG_WARNING,
		"Cannot deliver certificate 'pay': not there", QUIET, { .event = CHANGE_ACCEPTED }, NULL, QUIET, NULL,
		NULL },
	{ { .event = CHANGE_EXPORT_FAILED, .error = &retry, FAILS }, &of_certificate, ID("0a"), LOG_WARNING,
		"Failed to export 'pay': throttled; nothing was delivered; next try at " END, LOG_DEBUG,
		{ .event = CHANGE_EXPORTED, .version = &version, .count = 2 }, ID("09"), LOG_INFO,
		"Exported 'pay' for 2 deliveries", NULL },
	{ { .event = CHANGE_EXPORT_FAILED, .error = &retry, FAILS }, &of_certificate, ID("0a"), LOG_WARNING,
		"Failed to export 'pay': throttled; nothing was delivered; next try at " END, LOG_DEBUG,
		{ .event = CHANGE_EXPORTED_ALONE, .version = &version }, ID("09"), LOG_INFO,
		"Exported 'pay' to keep it eligible for renewal", NULL },
	{ { .event = CHANGE_ENTRY_REFUSED, .words = "entry 'x' matches nothing" }, &of_entry, ID("08"), LOG_WARNING,
		"entry 'x' matches nothing", QUIET, { .event = CHANGE_ENTRY_ACCEPTED }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_UNIT_UNFIT, .words = "'x' cannot read" }, &of_entry, ID("61"), LOG_WARNING,
		"'x' cannot read", QUIET, { .event = CHANGE_UNIT_FIT }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_DELIVERY_FAILED, .error = &denied, FAILS }, &of_delivery, ID("0c"), LOG_WARNING,
		"Failed to deliver 'pay/prod/111122223333/eu-west-1': not allowed; next try at " END, LOG_DEBUG,
		{ .event = CHANGE_CURRENT, .version = &version }, ID("0d"), LOG_INFO,
		"Recovered 'pay/prod/111122223333/eu-west-1': the renewed certificate is in place", NULL },
	{ { .event = CHANGE_LOOK_FAILED, .error = &denied, FAILS }, &of_delivery, ID("0c"), LOG_WARNING,
		"Failed to check 'pay/prod/111122223333/eu-west-1': not allowed; next try at " END, LOG_DEBUG,
		{ .event = CHANGE_CURRENT, .version = &version }, ID("0d"), LOG_INFO,
		"Recovered 'pay/prod/111122223333/eu-west-1': the renewed certificate is in place", NULL },
	{ { .event = CHANGE_STAYS_LINK, .words = "/tls/pay", .error = &denied }, &of_place, ID("53"), LOG_NOTICE,
		"Failed to make '/tls/pay' a directory: not allowed; it stays a link, and programs that watch its files do "
		"not notice a renewal by themselves: name them under then:",
		LOG_DEBUG, { .event = CHANGE_BECAME_DIRECTORY, .words = "/tls/pay" }, ID("54"), LOG_NOTICE,
		"Made '/tls/pay' a directory; it was a link. Restart programs that watch it or its files once: their watch "
		"stays on what the link showed",
		NULL },
	{ { .event = CHANGE_STUCK, .words = "not ours" }, &of_delivery, ID("0c"), LOG_WARNING,
		"Cannot deliver 'pay/prod/111122223333/eu-west-1': not ours", QUIET,
		{ .event = CHANGE_CURRENT, .version = &version }, ID("0d"), LOG_INFO,
		"Recovered 'pay/prod/111122223333/eu-west-1': the renewed certificate is in place", NULL },
	{ { .event = CHANGE_HELD, .hold = HOLD_ADOPT, .words = "choose" }, &of_delivery, ID("0e"), LOG_WARNING,
		"Held 'pay/prod/111122223333/eu-west-1' (adopt?): choose", QUIET,
		{ .event = CHANGE_APPROVED, .hold = HOLD_ADOPT, .who = "root", .words = "choose" }, ID("0f"), LOG_NOTICE,
		"Approved 'pay/prod/111122223333/eu-west-1' (adopt?) for root: choose", NULL },
	{ { .event = CHANGE_EXPIRING, .version = &version }, &of_delivery, ID("1a"), LOG_WARNING,
		"Certificate at 'pay/prod/111122223333/eu-west-1' expires " END " and no renewal has been delivered",
		QUIET, { .event = CHANGE_NOT_EXPIRING }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_VERIFIED_WRONG, .words = "another" }, &of_delivery, ID("13"), LOG_WARNING,
		"Failed to verify 'pay/prod/111122223333/eu-west-1': another", LOG_WARNING,
		{ .event = CHANGE_VERIFIED, .words = "it" }, ID("12"), LOG_INFO,
		"Verified 'pay/prod/111122223333/eu-west-1': it", NULL },
	{ { .event = CHANGE_UNVERIFIED, .words = "silence" }, &of_delivery, ID("14"), LOG_WARNING,
		"Cannot verify 'pay/prod/111122223333/eu-west-1': silence", LOG_WARNING,
		{ .event = CHANGE_VERIFIED, .words = "it" }, ID("12"), LOG_INFO,
		"Verified 'pay/prod/111122223333/eu-west-1': it", NULL },
	{ { .event = CHANGE_QUOTA_NEAR, .words = "much" }, &of_place, ID("19"), LOG_WARNING, "much", QUIET,
		{ .event = CHANGE_QUOTA_FREE }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_TELL_FAILED, .words = "reload", .error = &denied, FAILS }, &of_dependent, ID("11"),
		LOG_WARNING, "Failed to reload nginx.service (web): not allowed; next try at " END, LOG_DEBUG,
		{ .event = CHANGE_TELL_SETTLED }, NULL, QUIET, NULL, "tell-failed web not allowed" },
	{ { .event = CHANGE_SERVES_WRONG, .words = "another" }, &of_dependent, ID("13"), LOG_WARNING,
		"Failed to verify 'web': another", LOG_WARNING, { .event = CHANGE_SERVES, .words = "it" }, ID("12"),
		LOG_INFO, "Verified 'web': it", NULL },
	{ { .event = CHANGE_SERVES_UNSEEN, .words = "silence" }, &of_dependent, ID("14"), LOG_WARNING,
		"Cannot verify 'web': silence", LOG_WARNING, { .event = CHANGE_SERVES, .words = "it" }, ID("12"), LOG_INFO,
		"Verified 'web': it", NULL },
};

/* Those that nothing ends: they go with their subject. */
static const struct expected lasting[] = {
	{ { .event = CHANGE_DEADLINE_UNKNOWN, .version = &version, .words = "held" }, &of_delivery,
		ID("1a"), LOG_WARNING,
		"Certificate at 'pay/prod/111122223333/eu-west-1' stays there, and certferryd cannot tell "
		"when it expires: held",
		QUIET, { 0 }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_DEADLINE_CLOSE, .version = &version, .words = "held" }, &of_delivery,
		ID("1a"), LOG_WARNING,
		"Certificate at 'pay/prod/111122223333/eu-west-1' expires " END " and stays there: held",
		QUIET, { 0 }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_DEADLINE_URGENT, .version = &version, .words = "held" }, &of_delivery,
		ID("1a"), LOG_ERR,
		"Certificate at 'pay/prod/111122223333/eu-west-1' expires " END " and stays there: held",
		QUIET, { 0 }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_DEADLINE_PAST, .version = &version, .words = "held" }, &of_delivery,
		ID("1a"), LOG_CRIT,
		"Certificate at 'pay/prod/111122223333/eu-west-1' expired " END " and stays there: held",
		QUIET, { 0 }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_EVENT_REFUSED, .words = "m-1", .count = 3, .error = &denied }, &host, ID("33"), LOG_WARNING,
		"Ignored message m-1 in the event queue (receive count 3): not allowed; left for the dead-letter queue",
		LOG_DEBUG, { .event = 0 }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_TAG_FAILED, .error = &retry }, &of_place, ID("50"), LOG_WARNING,
		"Failed to update certferry's tags on the object of 'pay/prod/111122223333/eu-west-1': throttled; "
		"deliveries continue, and certferry tries again at the next full scan",
		LOG_DEBUG, { .event = 0 }, NULL, QUIET, NULL, NULL },
	{ { .event = CHANGE_TAG_DENIED, .error = &denied, .words = "acm:AddTagsToCertificate", .who = "acm.json" },
		&of_place, ID("50"), LOG_WARNING,
		"Failed to update certferry's tags on the object of 'pay/prod/111122223333/eu-west-1': not allowed; "
		"deliveries continue, but if the state database is lost, certferry holds the next delivery to this "
		"object. Allow acm:AddTagsToCertificate there, as in /usr/share/doc/certferry/iam/acm.json, and reload",
		LOG_DEBUG, { .event = 0 }, NULL, QUIET, NULL, NULL },
};

static void assert_field(const char *name, const char *value)
{
	if (value)
		assert_string_equal(field(name), value);
	else
		assert_null(field(name));
}

/* The fields that the values of a change and its subject come to. */
static void assert_fields(const struct change_subject *subject, const struct change *change)
{
	const struct error *err = change->error;

	assert_field("CERTFERRY_CERTIFICATE", subject->delivery || subject->source_arn ? "pay" : NULL);
	assert_field("CERTFERRY_SOURCE_ARN", subject->delivery || subject->source_arn ? "arn:pay" : NULL);
	assert_field("CERTFERRY_DELIVERY", subject->delivery ? delivery.name : NULL);
	assert_field("CERTFERRY_DESTINATION", subject->delivery ? "prod" : NULL);
	assert_field("CERTFERRY_OBJECT", subject->delivery ? "pay" : NULL);
	assert_field("CERTFERRY_ACCOUNT", subject->delivery ? "111122223333" : NULL);
	assert_field("CERTFERRY_REGION", subject->delivery ? "eu-west-1" : NULL);
	assert_field("CERTFERRY_DEPENDENT", subject->unit ? "web" : NULL);
	assert_field("CERTFERRY_UNIT", subject->unit);
	assert_field("CERTFERRY_ERROR", err ? err->text : NULL);
	assert_field("CERTFERRY_ERROR_KIND", err ? error_kind_name(err->kind) : NULL);
	assert_field("CERTFERRY_ERROR_CODE", err == &retry ? "503" : err ? "403" : NULL);
	assert_field("CERTFERRY_NOT_AFTER", change->version ? END : NULL);
	assert_int_equal(field("CERTFERRY_FINGERPRINT") != NULL, change->version != NULL);
	assert_field("CERTFERRY_ATTEMPT", change->next_try ? "2" : NULL);
	assert_field("CERTFERRY_NEXT_TRY", change->next_try ? END : NULL);
	assert_field("CERTFERRY_HOLD", change->hold ? hold_name(change->hold) : NULL);
	assert_field("CERTFERRY_APPROVED_BY", change->who && change->event == CHANGE_APPROVED ? change->who : NULL);
}

static void announce_one(struct announce *announce, const struct change_subject *subject, const struct change *change)
{
	forget_got();
	announce_change(announce, subject, change);
	assert_int_equal(got.heard, 1);
}

/* It comes to this, and to nothing else. */
static void expect(struct announce *announce, const struct change_subject *subject, const struct change *change,
	const char *id, int level, const char *sentence, enum announce_phase phase)
{
	char priority[8];

	announce_one(announce, subject, change);
	assert_int_equal(got.phase, phase);
	assert_int_equal(got.level, level);
	if (level == QUIET) {
		assert_null(got.fields);
		return;
	}
	(void)snprintf(priority, sizeof(priority), "%d", level);
	assert_field("PRIORITY", priority);
	assert_field("MESSAGE_ID", id);
	assert_field("MESSAGE", sentence);
	assert_fields(subject, change);
}

static bool expects(const struct expected *list, size_t count, enum change_event event)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].change.event == event)
			return true;
	return false;
}

static void test_every_change_is_expected(void **state)
{
	for (enum change_event event = 0; event < CHANGE_EVENTS; event++)
		if (!expects(happening, ARRAY_SIZE(happening), event) &&
			!expects(troubles, ARRAY_SIZE(troubles), event) &&
			!expects(lasting, ARRAY_SIZE(lasting), event))
			fail_msg("no row for %s", change_name(event));
}

static void test_happens(void **state)
{
	struct announce *announce = new_announce();

	for (size_t i = 0; i < ARRAY_SIZE(happening); i++) {
		const struct expected *row = &happening[i];

		for (int again = 0; again < 2; again++) {
			expect(announce, row->subject, &row->change, row->id, row->level, row->sentence, ANNOUNCE_HAPPENS);
			assert_string_equal(got.history ?: "", row->history ?: "");
		}
		assert_int_equal(announce_remembers(announce), 0);
	}
	forget_got();
	announce_free(announce);
}

static void test_begins_repeats_ends(void **state)
{
	struct announce *announce = new_announce();

	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
		const struct expected *row = &troubles[i];

		/* One that lasts is known to the end, too. */
		bool lasts = row->change.event == CHANGE_QUEUE_FAILED;

		for (int again = 0; again < 2; again++) {
			clock_now += 2 * USEC_PER_DAY;
			expect(announce, row->subject, &row->change, row->id, row->level, row->sentence, ANNOUNCE_BEGINS);
			assert_string_equal(got.history ?: "", row->history ?: "");
			assert_int_equal(announce_remembers(announce), 1);
			expect(announce, row->subject, &row->change, row->id, row->repeats, row->sentence,
				ANNOUNCE_REPEATS);
			assert_string_equal(got.history ?: "", row->history ?: "");
			expect(announce, row->subject, &row->end, row->end_id, row->end_level, row->end_sentence,
				ANNOUNCE_ENDS);
			assert_int_equal(announce_remembers(announce), lasts);
			announce_one(announce, row->subject, &row->end);
			assert_int_equal(got.phase, ANNOUNCE_HAPPENS);
		}
		announce_forget(announce, ABOUT_QUEUE, NULL);
	}
	forget_got();
	announce_free(announce);
}

static void test_goes_with_its_subject(void **state)
{
	static const enum announce_about kinds[] = { ABOUT_QUEUE, ABOUT_PLACE, ABOUT_DELIVERY };
	struct announce *announce = new_announce();

	for (size_t i = 0; i < ARRAY_SIZE(lasting); i++) {
		const struct expected *row = &lasting[i];

		for (int again = 0; again < 2; again++) {
			expect(announce, row->subject, &row->change, row->id, row->level, row->sentence, ANNOUNCE_BEGINS);
			expect(announce, row->subject, &row->change, row->id, row->repeats, row->sentence,
				ANNOUNCE_REPEATS);
			assert_int_equal(announce_remembers(announce), 1);
			for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++)
				announce_forget(announce, kinds[kind], NULL);
			assert_int_equal(announce_remembers(announce), 0);
		}
	}
	forget_got();
	announce_free(announce);
}

/* --- what makes it another trouble --- */

static int level_of(struct announce *announce, const struct change_subject *subject, const struct change *change)
{
	announce_one(announce, subject, change);
	return got.level;
}

static void test_another_cause_is_said(void **state)
{
	struct announce *announce = new_announce();
	const struct change pairs[][2] = {
		{ { .event = CHANGE_SOURCE_FAILED, .error = &retry }, { .event = CHANGE_SOURCE_FAILED, .error = &denied } },
		{ { .event = CHANGE_SOURCE_FILLS, .count = 9, .total = 10 },
			{ .event = CHANGE_SOURCE_FILLS, .count = 19, .total = 20 } },
		{ { .event = CHANGE_REFUSED, .words = "a" }, { .event = CHANGE_REFUSED, .words = "b" } },
		{ { .event = CHANGE_LOOK_FAILED, .error = &retry }, { .event = CHANGE_DELIVERY_FAILED, .error = &denied } },
		{ { .event = CHANGE_HELD, .hold = HOLD_GUARD }, { .event = CHANGE_HELD, .hold = HOLD_GONE } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		for (size_t k = 0; k < 4; k++) {
			const struct change *change = &pairs[i][k % 2];

			assert_int_equal(level_of(announce, &of_delivery, change), LOG_WARNING);
			assert_true(level_of(announce, &of_delivery, change) != LOG_WARNING);
		}
	forget_got();
	announce_free(announce);
}

/* An export that fails is one trouble, whatever the cause; what the plan finds is none where a failure was said. */
static void test_same_trouble_is_not(void **state)
{
	struct announce *announce = new_announce();
	struct change failed = { .event = CHANGE_EXPORT_FAILED, .error = &retry };
	const struct change stuck = { .event = CHANGE_STUCK, .words = "not ours" };
	const struct change look = { .event = CHANGE_LOOK_FAILED, .error = &denied };
	const struct change write = { .event = CHANGE_DELIVERY_FAILED, .error = &denied };
	const struct change unmigrated = { .event = CHANGE_RECORD_UNMIGRATED, .words = "old" };
	const struct change unwritten = { .event = CHANGE_RECORD_FAILED, .error = &retry };

	assert_int_equal(level_of(announce, &of_certificate, &failed), LOG_WARNING);
	failed.error = &denied;
	assert_int_equal(level_of(announce, &of_certificate, &failed), LOG_DEBUG);
	assert_int_equal(level_of(announce, &of_delivery, &look), LOG_WARNING);
	assert_int_equal(level_of(announce, &of_delivery, &stuck), QUIET);
	assert_int_equal(level_of(announce, &of_delivery, &write), LOG_DEBUG);
	assert_int_equal(level_of(announce, &host, &unmigrated), LOG_ERR);
	assert_int_equal(level_of(announce, &host, &unwritten), QUIET);
	forget_got();
	announce_free(announce);
}

/* Each subject has its own troubles, and each trouble its own subject. */
static void test_subjects_are_apart(void **state)
{
	struct announce *announce = new_announce();
	const struct change_subject one = { .name = "a" }, other = { .name = "b" };
	const struct change failed = { .event = CHANGE_LOOK_FAILED, .error = &retry };
	const struct change export = { .event = CHANGE_EXPORT_FAILED, .error = &retry };
	const struct change current = { .event = CHANGE_CURRENT, .version = &version };

	assert_int_equal(level_of(announce, &one, &failed), LOG_WARNING);
	assert_int_equal(level_of(announce, &other, &failed), LOG_WARNING);
	assert_int_equal(level_of(announce, &one, &export), LOG_WARNING);
	assert_int_equal(level_of(announce, &one, &current), LOG_INFO);
	assert_int_equal(level_of(announce, &other, &failed), LOG_DEBUG);
	assert_int_equal(level_of(announce, &one, &export), LOG_DEBUG);
	announce_forget(announce, ABOUT_DELIVERY, "a");
	assert_int_equal(announce_remembers(announce), 2);
	announce_forget(announce, ABOUT_DELIVERY, "b");
	assert_int_equal(announce_remembers(announce), 1);
	assert_int_equal(level_of(announce, &one, &export), LOG_DEBUG);
	forget_got();
	announce_free(announce);
}

/* What is in place ends the hold of it, too; the hold's end alone is not said. */
static void test_current_ends_hold(void **state)
{
	struct announce *announce = new_announce();
	const struct change held = { .event = CHANGE_HELD, .hold = HOLD_GONE, .words = "gone" };
	const struct change current = { .event = CHANGE_CURRENT, .version = &version };

	assert_int_equal(level_of(announce, &of_delivery, &held), LOG_WARNING);
	assert_int_equal(level_of(announce, &of_delivery, &current), QUIET);
	assert_int_equal(announce_remembers(announce), 0);
	assert_int_equal(level_of(announce, &of_delivery, &held), LOG_WARNING);
	forget_got();
	announce_free(announce);
}

/* --- by time --- */

static void test_expiry_is_said_daily(void **state)
{
	struct announce *announce = new_announce();
	const struct change expiring = { .event = CHANGE_EXPIRING, .version = &version };
	const struct change renewed = { .event = CHANGE_NOT_EXPIRING };

	for (int day = 0; day < 3; day++) {
		assert_int_equal(level_of(announce, &of_delivery, &expiring), LOG_WARNING);
		clock_now += USEC_PER_DAY - 1;
		assert_int_equal(level_of(announce, &of_delivery, &expiring), QUIET);
		clock_now++;
	}
	assert_int_equal(level_of(announce, &of_delivery, &renewed), QUIET);
	assert_int_equal(announce_remembers(announce), 0);
	assert_int_equal(level_of(announce, &of_delivery, &expiring), LOG_WARNING);
	forget_got();
	announce_free(announce);
}

/* The nearer the end of what stays in place, the louder; and daily. */
static void test_deadline_is_said_louder(void **state)
{
	static const struct {
		enum change_event event;
		int level;
	} steps[] = {
		{ CHANGE_DEADLINE_UNKNOWN, LOG_WARNING },
		{ CHANGE_DEADLINE_CLOSE, LOG_WARNING },
		{ CHANGE_DEADLINE_URGENT, LOG_ERR },
		{ CHANGE_DEADLINE_PAST, LOG_CRIT },
	};
	struct announce *announce = new_announce();
	const struct change current = { .event = CHANGE_CURRENT, .version = &version };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct change change = {
			.event = steps[i].event, .version = &version, .words = "held"
		};

		for (int day = 0; day < 2; day++) {
			assert_int_equal(level_of(announce, &of_delivery, &change), steps[i].level);
			clock_now += USEC_PER_DAY - 1;
			assert_int_equal(level_of(announce, &of_delivery, &change), QUIET);
			clock_now += day == 0;
		}
	}
	assert_int_equal(level_of(announce, &of_delivery, &current), QUIET);
	assert_int_equal(announce_remembers(announce), 0);
	forget_got();
	announce_free(announce);
}

static void test_refused_messages_are_counted(void **state)
{
	struct announce *announce = new_announce();
	const struct change refused = { .event = CHANGE_EVENT_REFUSED, .words = "m", .count = 1, .error = &denied };

	assert_int_equal(level_of(announce, &host, &refused), LOG_WARNING);
	assert_int_equal(level_of(announce, &host, &refused), LOG_DEBUG);
	assert_int_equal(level_of(announce, &host, &refused), LOG_DEBUG);
	clock_now += USEC_PER_HOUR;
	assert_int_equal(level_of(announce, &host, &refused), LOG_WARNING);
	assert_field("MESSAGE", "Ignored message m in the event queue (receive count 1): not allowed; left for the "
				"dead-letter queue (and 2 more since the last warning)");
	clock_now += USEC_PER_HOUR;
	assert_int_equal(level_of(announce, &host, &refused), LOG_WARNING);
	assert_null(strstr(field("MESSAGE"), "more"));
	forget_got();
	announce_free(announce);
}

/* A queue that comes and goes is said once an hour; those who listen hear each time that it begins and ends. */
static void test_queue_that_flaps(void **state)
{
	struct announce *announce = new_announce();
	const struct change failed = { .event = CHANGE_QUEUE_FAILED, .error = &retry };
	const struct change heard = { .event = CHANGE_QUEUE_HEARD };

	assert_int_equal(level_of(announce, &host, &failed), LOG_WARNING);
	assert_int_equal(level_of(announce, &host, &heard), LOG_INFO);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(level_of(announce, &host, &failed), LOG_DEBUG);
		assert_int_equal(got.phase, ANNOUNCE_BEGINS);
		assert_int_equal(level_of(announce, &host, &heard), LOG_DEBUG);
		assert_int_equal(got.phase, ANNOUNCE_ENDS);
	}
	clock_now += USEC_PER_HOUR;
	assert_int_equal(level_of(announce, &host, &failed), LOG_WARNING);
	forget_got();
	announce_free(announce);
}

/* --- a run that ends by itself --- */

static void test_a_run_that_ends_promises_no_other_try(void **state)
{
	const struct announce_request request = { .now = now, .once = true };
	struct announce *announce = announce_new(&request);
	const struct change failed = { .event = CHANGE_DELIVERY_FAILED, .error = &denied, FAILS };

	announce_listen(announce, hear, NULL);
	assert_int_equal(level_of(announce, &of_delivery, &failed), LOG_WARNING);
	assert_field("MESSAGE", "Failed to deliver 'pay/prod/111122223333/eu-west-1': not allowed");
	assert_field("CERTFERRY_NEXT_TRY", END); /* of a daemon that is started later */
	forget_got();
	announce_free(announce);
}

/* --- what the record knows already --- */

static void test_known_is_quiet(void **state)
{
	struct announce *announce = new_announce();
	struct change wrong = { .event = CHANGE_VERIFIED_WRONG, .words = "another", .known = true };
	const struct change matched = { .event = CHANGE_VERIFIED, .words = "it", .known = true };

	assert_int_equal(level_of(announce, &of_delivery, &wrong), LOG_DEBUG);
	assert_int_equal(got.phase, ANNOUNCE_BEGINS);
	wrong.known = false;
	assert_int_equal(level_of(announce, &of_delivery, &wrong), LOG_WARNING);
	assert_int_equal(level_of(announce, &of_delivery, &matched), LOG_DEBUG);
	forget_got();
	announce_free(announce);
}

/* --- memory --- */

static bool is_even(void *userdata, enum announce_about about, const char *name)
{
	return about == ABOUT_DELIVERY && atoi(name) % 2 == 0;
}

/* As many as there are troubles, and nothing when they have ended or their subjects are gone. */
static void test_memory_is_that_of_troubles(void **state)
{
	enum { MANY = 5000 };
	struct announce *announce = new_announce();
	const struct change failed = { .event = CHANGE_LOOK_FAILED, .error = &retry };
	const struct change current = { .event = CHANGE_CURRENT, .version = &version };

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++) {
			_cleanup_(freep) char *name = mem_printf("%d", i);
			const struct change_subject one = { .name = name, .delivery = &delivery };

			assert_int_equal(level_of(announce, &one, &failed), round ? LOG_DEBUG : LOG_WARNING);
		}
	assert_int_equal(announce_remembers(announce), MANY);
	announce_keep(announce, is_even, NULL);
	assert_int_equal(announce_remembers(announce), MANY / 2);
	for (int i = 0; i < MANY; i++) {
		_cleanup_(freep) char *name = mem_printf("%d", i);
		const struct change_subject one = { .name = name, .delivery = &delivery };

		assert_int_equal(level_of(announce, &one, &current), i % 2 ? QUIET : LOG_INFO);
	}
	assert_int_equal(announce_remembers(announce), 0);
	forget_got();
	announce_free(announce);
}

/* --- the list --- */

static void test_changes_in_their_order(void **state)
{
	const struct announce_request request = { .now = now };
	struct announce *announce = announce_new(&request);
	struct changes changes = { .count = 0 };

	changes_add(&changes, CHANGE_DELIVERED)->version = &version;
	changes_add(&changes, CHANGE_CURRENT)->version = &version;
	assert_int_equal(changes.count, 2);
	assert_string_equal(change_name(changes.items[1].event), "current");
	forget_got();
	announce_changes(announce, &of_delivery, &changes); /* the second is not said */
	assert_field("MESSAGE_ID", ID("0b"));
	assert_null(got.history);
	assert_int_equal(got.heard, 0);
	forget_got();
	announce_free(announce);
}

/* Of what the journal does not take, those who listen still get the sentence. */
static char *heard_sentence;

static void hear_sentence(void *userdata, const struct announcement *announcement)
{
	free(heard_sentence);
	heard_sentence = mem_strdup(announcement->sentence);
}

static void test_level_of_the_log(void **state)
{
	struct announce *announce = new_announce();
	const struct change delivered = { .event = CHANGE_DELIVERED, .version = &version };

	announce_listen(announce, hear_sentence, NULL);
	log_level_set(LOG_WARNING);
	announce_one(announce, &of_delivery, &delivered);
	log_level_set(LOG_DEBUG);
	assert_null(got.fields);
	assert_string_equal(got.history, "delivered pay/prod/111122223333/eu-west-1 " END);
	assert_string_equal(heard_sentence,
		"Delivered renewed certificate to 'pay/prod/111122223333/eu-west-1' (expires " END ")");
	free(heard_sentence);
	forget_got();
	announce_free(announce);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_change_is_expected),
		cmocka_unit_test(test_happens),
		cmocka_unit_test(test_begins_repeats_ends),
		cmocka_unit_test(test_goes_with_its_subject),
		cmocka_unit_test(test_another_cause_is_said),
		cmocka_unit_test(test_same_trouble_is_not),
		cmocka_unit_test(test_subjects_are_apart),
		cmocka_unit_test(test_current_ends_hold),
		cmocka_unit_test(test_expiry_is_said_daily),
		cmocka_unit_test(test_deadline_is_said_louder),
		cmocka_unit_test(test_refused_messages_are_counted),
		cmocka_unit_test(test_queue_that_flaps),
		cmocka_unit_test(test_a_run_that_ends_promises_no_other_try),
		cmocka_unit_test(test_known_is_quiet),
		cmocka_unit_test(test_memory_is_that_of_troubles),
		cmocka_unit_test(test_changes_in_their_order),
		cmocka_unit_test(test_level_of_the_log),
	};

	log_open("test", LOG_DEBUG);
	log_divert(take_fields, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
