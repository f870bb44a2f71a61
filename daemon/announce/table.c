/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/announce/table.h"

#include "daemon/announce/messages.h"

/* How often a trouble that goes on is said again, where it is. */
#define EVENTS_AGAIN USEC_PER_HOUR
#define EXPIRY_AGAIN USEC_PER_DAY

static const struct announce_row rows[CHANGE_EVENTS] = {
	/* --- the daemon --- */
	[CHANGE_STARTED] = {
		.message_id = SAY_STARTED, .level = LOG_INFO,
		.sentence = "Started with {count} certificate{|s} and {total} deliver{y|ies} configured",
	},
	[CHANGE_STOPPING] = {
		.message_id = SAY_STOPPING, .level = LOG_INFO,
		.sentence = "Received {words}, shutting down; unfinished work resumes at the next start",
	},
	[CHANGE_RELOADED] = {
		.message_id = SAY_RELOADED, .level = LOG_INFO,
		.sentence = "Reloaded the configuration: {count} certificate{|s}, {total} deliver{y|ies}",
	},
	[CHANGE_RELOAD_REJECTED] = {
		.message_id = SAY_RELOAD_REJECTED, .level = LOG_ERR,
		.sentence = "Failed to reload the configuration: it has errors (see above, or run 'certferryd --check'); "
			    "certferryd keeps the previous one",
	},
	[CHANGE_LOOP_FAILED] = {
		.message_id = SAY_LOOP_FAILED, .level = LOG_ERR,
		.sentence = "Failed to {words}: {error}; certferryd exits, and unfinished work resumes at its next start",
	},
	[CHANGE_LEFT] = {
		.message_id = SAY_LEFT, .level = LOG_NOTICE,
		.sentence = "{words}",
	},
	[CHANGE_CLOCK_OFF] = {
		.message_id = SAY_CLOCK_OFF, .level = LOG_WARNING,
		.sentence = "This host's clock is {words} AWS's; certferryd dates its requests by AWS's clock. Correct "
			    "the host's clock",
	},
	[CHANGE_LIMIT_LOW] = {
		.message_id = SAY_LIMIT_TOO_LOW, .level = LOG_WARNING,
		.sentence = "{words}",
	},
	[CHANGE_MEMORY_UNLOCKED] = {
		.message_id = SAY_UNLOCKED_MEMORY, .level = LOG_WARNING,
		.sentence = "Failed to lock memory for private keys; they may be swapped to disk. Set LimitMEMLOCK= (or "
			    "ulimit -l) to 8 MiB",
	},

	[CHANGE_BUS_LOST] = {
		.message_id = SAY_BUS_LOST, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_BUS, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Failed to connect to the system bus: {words}; certferryd restarts no units, and the "
			    "certferry command will not work. Retrying every minute",
	},
	[CHANGE_BUS_FOUND] = {
		.message_id = SAY_BUS_FOUND, .level = LOG_INFO, .repeats = SILENT,
		.matter = MATTER_BUS, .effect = ENDS,
		.sentence = "Connected to the system bus again",
	},
	[CHANGE_BUS_NAME_REFUSED] = {
		.message_id = SAY_BUS_NAME_REFUSED, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_BUS_NAME, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Failed to acquire D-Bus name org.certferry1: {words}; the certferry command will not "
			    "work. Retrying every minute",
	},
	[CHANGE_BUS_NAMED] = {
		.message_id = SAY_BUS_NAMED, .level = LOG_INFO, .repeats = LOG_DEBUG,
		.matter = MATTER_BUS_NAME, .effect = ENDS,
		.sentence = "Acquired D-Bus name org.certferry1",
	},

	/* --- the state database --- */
	[CHANGE_RECORD_UNOPENED] = {
		.message_id = SAY_RECORD_FAILING, .level = LOG_ERR,
		.sentence = "{words}; the state directory ($STATE_DIRECTORY, or /var/lib/certferry) must exist and be "
			    "writable",
	},
	[CHANGE_RECORD_NEWER] = {
		.message_id = SAY_RECORD_NEWER, .level = LOG_ERR,
		.sentence = "{words}",
	},
	[CHANGE_RECORD_UNMIGRATED] = {
		.message_id = SAY_RECORD_UNMIGRATED, .level = LOG_ERR, .repeats = SILENT,
		.matter = MATTER_RECORD, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "{words}",
	},
	[CHANGE_RECORD_MIGRATED] = {
		.message_id = SAY_RECORD_MIGRATED, .level = LOG_NOTICE,
		.sentence = "{words}",
	},
	[CHANGE_RECORD_LOST] = {
		.message_id = SAY_RECORD_LOST, .level = LOG_ALERT,
		.sentence = "{words}",
	},
	[CHANGE_RECORD_FAILED] = {
		.message_id = SAY_RECORD_FAILING, .level = LOG_ERR, .repeats = SILENT,
		.matter = MATTER_RECORD, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Failed to save the state: {error}; deliveries and restarts are paused. Is the disk "
			    "full or read-only?",
	},
	[CHANGE_RECORD_WRITTEN] = {
		.message_id = SAY_RECORD_RECOVERED, .level = LOG_INFO, .repeats = SILENT,
		.matter = MATTER_RECORD, .effect = ENDS,
		.sentence = "Wrote the state database again; deliveries and restarts resume",
	},

	/* --- the source, and its queue of events --- */
	[CHANGE_SOURCE_FAILED] = {
		.message_id = SAY_SOURCE_UNREADABLE, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_SOURCE, .effect = BEGINS, .same = SAME_KIND,
		.sentence = "Failed to list certificates in the source account: {error}",
	},
	[CHANGE_SOURCE_READ] = {
		.message_id = SAY_SOURCE_READABLE, .level = LOG_INFO, .repeats = SILENT,
		.matter = MATTER_SOURCE, .effect = ENDS,
		.sentence = "Listed certificates in the source account again",
	},
	[CHANGE_SOURCE_FILLS] = {
		.message_id = SAY_SOURCE_NEARLY_FULL, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_SIZE, .effect = BEGINS, .same = SAME_TOTAL,
		.sentence = "Source account lists {count} of {total} certificates allowed by source.certificates_max; "
			    "polling stops at the limit. Raise source.certificates_max",
	},
	[CHANGE_SOURCE_SWELLS] = {
		.message_id = SAY_SOURCE_NEARLY_FULL, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_SIZE, .effect = BEGINS, .same = SAME_TOTAL,
		.sentence = "Certificate list uses {count} of {words} KiB allowed by source.certificates_max ({total}); "
			    "polling stops at the limit. Raise source.certificates_max",
	},
	[CHANGE_SOURCE_FITS] = {
		.level = SILENT, .repeats = SILENT,
		.matter = MATTER_SIZE, .effect = ENDS,
	},
	[CHANGE_EVENTS_CAME] = {
		.message_id = SAY_WOKEN, .level = LOG_INFO,
		.sentence = "Received {count} ACM event{|s}; polling now",
	},
	[CHANGE_EVENT_REFUSED] = {
		.message_id = SAY_EVENT_REFUSED, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_MESSAGE, .effect = BEGINS, .same = SAME_MATTER, .again = EVENTS_AGAIN,
		.sentence = "Ignored message {words} in the event queue (receive count {count}): {error}; left for the "
			    "dead-letter queue{others}",
	},
	[CHANGE_QUEUE_FAILED] = {
		.message_id = SAY_EVENTS_UNREADABLE, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_QUEUE, .effect = BEGINS, .same = SAME_KIND, .again = EVENTS_AGAIN,
		.sentence = "Failed to read the event queue {error}; polling continues",
	},
	[CHANGE_QUEUE_HEARD] = {
		.message_id = SAY_EVENTS_READABLE, .level = LOG_INFO, .repeats = LOG_DEBUG,
		.matter = MATTER_QUEUE, .effect = ENDS, .lasting = true,
		.sentence = "Reading events from the event queue",
	},

	/* --- certificates --- */
	[CHANGE_VERSION_SEEN] = {
		.message_id = SAY_VERSION_SEEN, .level = LOG_INFO,
		.sentence = "Found renewed certificate '{name}' in the source account (expires {end})",
	},
	[CHANGE_REFUSED] = {
		.message_id = SAY_NOT_CARRIED, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_REFUSAL, .effect = BEGINS, .same = SAME_WORDS,
		.sentence = "Cannot deliver certificate '{name}': {words}",
	},
	[CHANGE_ACCEPTED] = {
		.level = SILENT, .repeats = SILENT,
		.matter = MATTER_REFUSAL, .effect = ENDS,
	},
	[CHANGE_EXPORTED] = {
		.message_id = SAY_EXPORTED, .level = LOG_INFO, .repeats = LOG_INFO,
		.matter = MATTER_EXPORT, .effect = ENDS,
		.sentence = "Exported '{name}' for {count} deliver{y|ies}",
	},
	[CHANGE_EXPORTED_ALONE] = {
		.message_id = SAY_EXPORTED, .level = LOG_INFO, .repeats = LOG_INFO,
		.matter = MATTER_EXPORT, .effect = ENDS,
		.sentence = "Exported '{name}' to keep it eligible for renewal",
	},
	[CHANGE_EXPORT_FAILED] = {
		.message_id = SAY_EXPORT_FAILED, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_EXPORT, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Failed to export '{name}': {error}; nothing was delivered{again}",
	},
	[CHANGE_ENTRY_REFUSED] = {
		.message_id = SAY_NOT_CARRIED, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_ENTRY, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "{words}",
	},
	[CHANGE_ENTRY_ACCEPTED] = {
		.level = SILENT, .repeats = SILENT,
		.matter = MATTER_ENTRY, .effect = ENDS,
	},
	[CHANGE_UNIT_UNFIT] = {
		.message_id = SAY_UNIT_UNFIT, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_UNIT, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "{words}",
	},
	[CHANGE_UNIT_FIT] = {
		.level = SILENT, .repeats = SILENT,
		.matter = MATTER_UNIT, .effect = ENDS,
	},

	/* --- deliveries --- */
	[CHANGE_DELIVERED] = {
		.message_id = SAY_DELIVERED, .level = LOG_INFO,
		.sentence = "Delivered renewed certificate to '{name}' (expires {end})",
		.history = "delivered", .history_text = "{end}",
	},
	[CHANGE_UNCHANGED] = {
		.level = LOG_DEBUG,
		.sentence = "Renewed certificate is at '{name}' already",
	},
	[CHANGE_DELIVERY_FAILED] = {
		.message_id = SAY_DELIVERY_FAILED, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_DELIVERY, .effect = BEGINS, .same = SAME_KIND,
		.sentence = "Failed to deliver '{name}': {error}{again}",
	},
	[CHANGE_LOOK_FAILED] = {
		.message_id = SAY_DELIVERY_FAILED, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_DELIVERY, .effect = BEGINS, .same = SAME_KIND,
		.sentence = "Failed to check '{name}': {error}{again}",
	},
	[CHANGE_STUCK] = {
		.message_id = SAY_DELIVERY_FAILED, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_DELIVERY, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Cannot deliver '{name}': {words}",
	},
	[CHANGE_CURRENT] = {
		.message_id = SAY_DELIVERY_RECOVERED, .level = LOG_INFO, .repeats = SILENT,
		.matter = MATTER_DELIVERY, .effect = ENDS, .also = { MATTER_HOLD, MATTER_DEADLINE },
		.sentence = "Recovered '{name}': the renewed certificate is in place",
	},
	[CHANGE_UNUSABLE] = {
		.message_id = SAY_DELIVERY_FAILED, .level = LOG_WARNING,
		.sentence = "Cannot deliver '{name}': {error}",
	},
	[CHANGE_REMARK] = {
		.level = LOG_NOTICE,
		.sentence = "'{name}': {words}",
	},
	[CHANGE_HELD] = {
		.message_id = SAY_HELD, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_HOLD, .effect = BEGINS, .same = SAME_HOLD,
		.sentence = "Held '{name}' ({hold}): {words}",
	},
	[CHANGE_APPROVED] = {
		.message_id = SAY_APPROVED, .level = LOG_NOTICE, .repeats = LOG_NOTICE,
		.matter = MATTER_HOLD, .effect = ENDS,
		.sentence = "Approved '{name}' ({hold}) for {who}: {words}",
		.history = "approved", .history_text = "{who}",
	},
	[CHANGE_EXPIRING] = {
		.message_id = SAY_EXPIRING, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_EXPIRY, .effect = BEGINS, .same = SAME_MATTER, .again = EXPIRY_AGAIN,
		.sentence = "Certificate at '{name}' expires {end} and no renewal has been delivered",
	},
	[CHANGE_DEADLINE_UNKNOWN] = {
		.message_id = SAY_EXPIRING, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_DEADLINE, .effect = BEGINS, .same = SAME_EVENT, .again = EXPIRY_AGAIN,
		.sentence = "Certificate at '{name}' stays there, and certferryd cannot tell when it expires: {words}",
	},
	[CHANGE_DEADLINE_CLOSE] = {
		.message_id = SAY_EXPIRING, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_DEADLINE, .effect = BEGINS, .same = SAME_EVENT, .again = EXPIRY_AGAIN,
		.sentence = "Certificate at '{name}' expires {end} and stays there: {words}",
	},
	[CHANGE_DEADLINE_URGENT] = {
		.message_id = SAY_EXPIRING, .level = LOG_ERR, .repeats = SILENT,
		.matter = MATTER_DEADLINE, .effect = BEGINS, .same = SAME_EVENT, .again = EXPIRY_AGAIN,
		.sentence = "Certificate at '{name}' expires {end} and stays there: {words}",
	},
	[CHANGE_DEADLINE_PAST] = {
		.message_id = SAY_EXPIRING, .level = LOG_CRIT, .repeats = SILENT,
		.matter = MATTER_DEADLINE, .effect = BEGINS, .same = SAME_EVENT, .again = EXPIRY_AGAIN,
		.sentence = "Certificate at '{name}' expired {end} and stays there: {words}",
	},
	[CHANGE_NOT_EXPIRING] = {
		.level = SILENT, .repeats = SILENT,
		.matter = MATTER_EXPIRY, .effect = ENDS,
	},
	[CHANGE_VERIFIED] = {
		.message_id = SAY_PROOF_MATCHED, .level = LOG_INFO, .repeats = LOG_INFO,
		.matter = MATTER_PROOF, .effect = ENDS,
		.sentence = "Verified '{name}': {words}",
	},
	[CHANGE_VERIFIED_WRONG] = {
		.message_id = SAY_PROOF_WRONG, .level = LOG_WARNING, .repeats = LOG_WARNING,
		.matter = MATTER_PROOF, .effect = BEGINS, .same = SAME_WORDS,
		.sentence = "Failed to verify '{name}': {words}",
	},
	[CHANGE_UNVERIFIED] = {
		.message_id = SAY_UNPROVEN, .level = LOG_WARNING, .repeats = LOG_WARNING,
		.matter = MATTER_PROOF, .effect = BEGINS, .same = SAME_WORDS,
		.sentence = "Cannot verify '{name}': {words}",
	},

	/* --- places --- */
	[CHANGE_QUOTA_NEAR] = {
		.message_id = SAY_QUOTA_NEAR, .level = LOG_WARNING, .repeats = SILENT,
		.matter = MATTER_QUOTA, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "{words}",
	},
	[CHANGE_QUOTA_FREE] = {
		.level = SILENT, .repeats = SILENT,
		.matter = MATTER_QUOTA, .effect = ENDS,
	},
	[CHANGE_STAYS_LINK] = {
		.message_id = SAY_STAYS_LINK, .level = LOG_NOTICE, .repeats = LOG_DEBUG,
		.matter = MATTER_LINK, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Failed to make '{words}' a directory: {error}; it stays a link, and programs that watch its "
			    "files do not notice a renewal by themselves: name them under then:",
	},
	[CHANGE_BECAME_DIRECTORY] = {
		.message_id = SAY_BECAME_DIRECTORY, .level = LOG_NOTICE, .repeats = LOG_NOTICE,
		.matter = MATTER_LINK, .effect = ENDS,
		.sentence = "Made '{words}' a directory; it was a link. Restart programs that watch it or its files once: "
			    "their watch stays on what the link showed",
	},
	[CHANGE_TAG_FAILED] = {
		.message_id = SAY_TAG_FAILED, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_TAG, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Failed to update certferry's tags on the object of '{delivery}': {error}; deliveries continue, "
			    "and certferry tries again at the next full scan",
	},
	[CHANGE_TAG_DENIED] = {
		.message_id = SAY_TAG_FAILED, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_TAG, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Failed to update certferry's tags on the object of '{delivery}': {error}; deliveries continue, "
			    "but if the state database is lost, certferry holds the next delivery to this object. Allow "
			    "{words} there, as in /usr/share/doc/certferry/iam/{who}, and reload",
	},
	[CHANGE_TAGGED] = {
		.level = LOG_DEBUG,
		.sentence = "Updated certferry's tags on the object of '{delivery}'",
	},
	[CHANGE_TAGGED_ALL] = {
		.message_id = SAY_TAGGED, .level = LOG_INFO,
		.sentence = "Updated certferry's tags on {count} object{|s} at '{name}'",
	},

	/* --- dependents --- */
	[CHANGE_TOLD] = {
		.message_id = SAY_TOLD, .level = LOG_INFO,
		.sentence = "{words} {target} ({name})",
		.history = "told", .history_text = "{target}",
	},
	[CHANGE_TOLD_STOPPED] = {
		.message_id = SAY_TOLD, .level = LOG_INFO,
		.sentence = "Skipped {target} ({name}): not running",
		.history = "told", .history_text = "{target}",
	},
	[CHANGE_ESCALATED] = {
		.message_id = SAY_PROOF_WRONG, .level = LOG_NOTICE,
		.sentence = "{target} ({name}) still serves its previous certificate ({words}); certferryd now tries "
			    "a {who}, once. Set 'action: {who}' to save the wait at the next renewal",
		.history = "escalated", .history_text = "{who} of {target}",
	},
	[CHANGE_TELL_FAILED] = {
		.message_id = SAY_TELL_FAILED, .level = LOG_WARNING, .repeats = LOG_DEBUG,
		.matter = MATTER_TELLING, .effect = BEGINS, .same = SAME_MATTER,
		.sentence = "Failed to {words} {target} ({name}): {error}{again}",
		.history = "tell-failed", .history_text = "{error}",
	},
	[CHANGE_TELL_SETTLED] = {
		.level = SILENT, .repeats = SILENT,
		.matter = MATTER_TELLING, .effect = ENDS,
	},
	[CHANGE_SERVES] = {
		.message_id = SAY_PROOF_MATCHED, .level = LOG_INFO, .repeats = LOG_INFO,
		.matter = MATTER_SERVING, .effect = ENDS,
		.sentence = "Verified '{name}': {words}",
	},
	[CHANGE_SERVES_WRONG] = {
		.message_id = SAY_PROOF_WRONG, .level = LOG_WARNING, .repeats = LOG_WARNING,
		.matter = MATTER_SERVING, .effect = BEGINS, .same = SAME_WORDS,
		.sentence = "Failed to verify '{name}': {words}",
	},
	[CHANGE_SERVES_UNSEEN] = {
		.message_id = SAY_UNPROVEN, .level = LOG_WARNING, .repeats = LOG_WARNING,
		.matter = MATTER_SERVING, .effect = BEGINS, .same = SAME_WORDS,
		.sentence = "Cannot verify '{name}': {words}",
	},
};

const struct announce_row *announce_row(enum change_event event)
{
	return &rows[event];
}

enum announce_about matter_about(enum matter matter)
{
	static const enum announce_about about[MATTERS] = {
		[MATTER_RECORD] = ABOUT_DAEMON,
		[MATTER_SOURCE] = ABOUT_DAEMON,
		[MATTER_SIZE] = ABOUT_DAEMON,
		[MATTER_QUEUE] = ABOUT_QUEUE,
		[MATTER_MESSAGE] = ABOUT_QUEUE,
		[MATTER_ENTRY] = ABOUT_ENTRY,
		[MATTER_UNIT] = ABOUT_ENTRY,
		[MATTER_REFUSAL] = ABOUT_CERTIFICATE,
		[MATTER_EXPORT] = ABOUT_CERTIFICATE,
		[MATTER_DELIVERY] = ABOUT_DELIVERY,
		[MATTER_HOLD] = ABOUT_DELIVERY,
		[MATTER_EXPIRY] = ABOUT_DELIVERY,
		[MATTER_DEADLINE] = ABOUT_DELIVERY,
		[MATTER_PROOF] = ABOUT_DELIVERY,
		[MATTER_QUOTA] = ABOUT_PLACE,
		[MATTER_TAG] = ABOUT_PLACE,
		[MATTER_LINK] = ABOUT_PLACE,
		[MATTER_TELLING] = ABOUT_DEPENDENT,
		[MATTER_SERVING] = ABOUT_DEPENDENT,
	};

	return about[matter];
}
