/* SPDX-License-Identifier: Apache-2.0 */
/* Circle with daemon/conductor/state.h: the inside of what conductor.h has. */
#include "daemon/conductor/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/conductor/limits.h"
#include "daemon/config/schema.h"
#include "daemon/report/report.h"
#include "lib/base/strv.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/os/lock.h"
#include "lib/os/path.h"
#include "lib/systemd/notify.h"

#define RECORD_RETRY USEC_PER_MINUTE

usec_t conductor_now(const struct conductor *conductor)
{
	return destination_now(&conductor->destinations);
}

/* --- the record: nothing new begins while it cannot be written --- */

/* What fails until then does not put the next try off. */
static void wait_for_record(struct conductor *conductor, struct error *err)
{
	usec_t now = clock_monotonic();

	if (!conductor->record_error.text || conductor->record_retry <= now)
		conductor->record_retry = now + RECORD_RETRY;
	error_move(&conductor->record_error, err);
}

bool conductor_recorded(struct conductor *conductor, int r, struct error *err)
{
	const struct change change = { .event = CHANGE_RECORD_FAILED, .error = err };

	if (r >= 0)
		return true;
	say(conductor, &change);
	wait_for_record(conductor, err);
	return false;
}

static void say_news(const struct conductor *conductor, const struct record_news *news)
{
	if (news->lost)
		say_words(conductor, CHANGE_RECORD_LOST, news->lost);
	if (news->migrated)
		say_words(conductor, CHANGE_RECORD_MIGRATED, news->migrated);
}

void conductor_try_record(struct conductor *conductor)
{
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	char text[TIME_TEXT_SIZE];
	int r = record_try(conductor->record, time_format(conductor_now(conductor), text), &news, &err);

	if (!conductor_recorded(conductor, r, &err))
		return;
	say_news(conductor, &news);
	error_done(&conductor->record_error);
	say_words(conductor, CHANGE_RECORD_WRITTEN, NULL);
}

#define SAVE(conductor, call)                                                                      \
	__extension__({                                                                            \
		_cleanup_(error_done) struct error err = ERROR_NULL;                               \
		!(conductor)->record || (conductor)->options.dry_run ||                            \
			conductor_recorded((conductor), (call), &err);                             \
	})

bool conductor_save_certificate(struct conductor *conductor, struct tracked_certificate *certificate)
{
	struct certificate_record row = certificate->record;
	const struct source_certificate *seen = certificate->seen;

	if (seen && digest_equal(&seen->version.digest, &row.version.digest))
		row.serial = seen->serial;
	certificate->has_serial = row.serial != NULL;
	return SAVE(conductor, record_save_certificate(conductor->record, &row, &err));
}

bool conductor_save_delivery(struct conductor *conductor, const struct delivery_record *row)
{
	return SAVE(conductor, record_save_delivery(conductor->record, row, &err));
}

bool conductor_save_dependent(struct conductor *conductor, const struct dependent_record *row)
{
	return SAVE(conductor, record_save_dependent(conductor->record, row, &err));
}

bool conductor_save_owed(struct conductor *conductor, const struct owed_record *row)
{
	return SAVE(conductor, record_save_owed(conductor->record, row, &err));
}

bool conductor_remove_owed(struct conductor *conductor, const struct owed_record *row)
{
	return SAVE(conductor, record_remove_owed(conductor->record, row, &err));
}

bool conductor_begin(struct conductor *conductor)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	return conductor->record && !conductor->options.dry_run &&
	       conductor_recorded(conductor, record_begin(conductor->record, &err), &err);
}

void conductor_commit(struct conductor *conductor, bool begun)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (begun)
		(void)conductor_recorded(conductor, record_commit(conductor->record, &err), &err);
}

static void write_history(void *userdata, const char *event, const char *subject, const char *text)
{
	struct conductor *conductor = userdata;

	(void)SAVE(conductor,
		record_add_history(conductor->record, conductor_now(conductor), event, subject, text, &err));
}

/* --- signals --- */

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct conductor *conductor = userdata;

	conductor->ending = true;
	say_words(conductor, CHANGE_STOPPING, strsignal((int)info->ssi_signo));
	return sd_event_exit(conductor->event, 0);
}

static void set_quota(void *userdata, const char *service, const char *operation, double rate)
{
	struct conductor *conductor = userdata;

	/* The rows of the schema are those of lib/aws: a test has it so. */
	(void)aws_set_quota(conductor->aws, service, operation, rate);
}

static void adopt_configuration(struct conductor *conductor, struct configuration *configuration)
{
	look_stop_reading(conductor);
	wake_stop(conductor);
	announce_forget(conductor->announce, ABOUT_PLACE, NULL); /* they are tried as they are configured now */
	state_adopt_world(conductor, world_new(configuration, conductor->source.view, conductor->default_region));
	schema_each_quota(configuration->desired, set_quota, conductor);
}

/* What there is now. */
static void say_counts(const struct conductor *conductor, enum change_event event)
{
	const struct change change = {
		.event = event,
		.count = conductor->certificate_count,
		.total = conductor->delivery_count,
	};

	say(conductor, &change);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct conductor *conductor = userdata;
	struct configuration *configuration;

	notify_reloading();
	if (!configuration_load(conductor->options.config_file, &configuration)) {
		say_words(conductor, CHANGE_RELOAD_REJECTED, NULL);
	} else {
		adopt_configuration(conductor, configuration);
		configuration_unref(configuration);
		if (conductor_set_regions(conductor)) {
			conductor->source.sweep_wanted = true;
			say_counts(conductor, CHANGE_RELOADED);
		}
	}
	bus_retry(conductor->bus);
	notify_ready();
	cycle_poke(conductor);
	return 0;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct conductor *conductor = userdata;

	notify_watchdog();
	cycle_rest_longer(conductor);
	(void)sd_event_source_set_time(source, usec + notify_watchdog_interval());
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Without the loop nothing goes on, so this ends the process; the status it is to end with. */
static int loop_failed(const struct conductor *conductor, int number, const char *task)
{
	const struct error err = { .kind = ERROR_BUG, .code = -number, .text = strerror(-number) };
	const struct change change = { .event = CHANGE_LOOP_FAILED, .words = task, .error = &err };

	say(conductor, &change);
	return 1;
}

/* What the loop waits for from the start until its end. */
static int install_sources(struct conductor *conductor)
{
	static const int ends[] = { SIGTERM, SIGINT };
	int r = cycle_new(conductor);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(ends); i++)
		r = sd_event_add_signal(conductor->event, NULL, ends[i], on_terminate, conductor);
	if (r >= 0 && !conductor->options.once)
		r = sd_event_add_signal(conductor->event, NULL, SIGHUP, on_reload, conductor);
	if (r >= 0 && notify_watchdog_interval())
		r = sd_event_add_time(conductor->event, &conductor->watchdog, CLOCK_MONOTONIC, clock_monotonic(), 0,
			on_watchdog, conductor);
	return r < 0 ? loop_failed(conductor, r, "set up the signals and timers of the event loop") : 0;
}

/* --- start --- */

/* A place answers: more may be asked of it now. */
static void on_heard(void *userdata)
{
	cycle_poke(userdata);
}

static void on_skew(void *userdata, int64_t offset)
{
	_cleanup_(freep) char *off = duration_format((usec_t)(offset < 0 ? -offset : offset));
	_cleanup_(freep) char *words = NULL;

	words = mem_printf("%s %s", off, offset < 0 ? "ahead of" : "behind");
	say_words(userdata, CHANGE_CLOCK_OFF, words);
}

static int start_aws(struct conductor *conductor)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (aws_new(conductor->event, &conductor->aws, &err) < 0) {
		log_write(LOG_ERR, NULL, NULL, "%s", err.text);
		return 2;
	}
	conductor->destinations.aws = conductor->aws;
	aws_set_skew_callback(conductor->aws, on_skew, conductor);
	aws_set_heard_callback(conductor->aws, on_heard, conductor);
	conductor->default_region = mem_strdup(aws_default_region(conductor->aws));
	return 0;
}

bool conductor_set_regions(struct conductor *conductor)
{
	const struct desired_source *source = &conductor->world->desired->source;
	const char *own = aws_profile_region(conductor->aws, source->access.profile);
	char **regions;

	regions = strv_copy(source->regions);
	if (!regions && own)
		strv_append(&regions, own);
	source_watch_set_regions(&conductor->source, regions);
	if (regions)
		return true;
	log_write(LOG_ERR, NULL, NULL,
		"Found no region: set source.region in the configuration, AWS_REGION or AWS_DEFAULT_REGION in the "
		"environment, or the region of the AWS profile");
	return false;
}

static const char *state_directory(void)
{
	return getenv("STATE_DIRECTORY") ?: "/var/lib/certferry";
}

/* A dry run looks into the record if there is one, and needs none. */
static int open_record_to_read(struct conductor *conductor)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (record_open_reader(state_directory(), &conductor->record, &err) >= 0)
		return 0;
	if (err.kind == ERROR_INVALID) {
		say_words(conductor, CHANGE_RECORD_NEWER, err.text);
		return 2;
	}
	log_debug("%s", err.text);
	return 0;
}

/* The state directory is ours alone, and nobody else can have its name mean another; otherwise an exit status. */
static int lock_state(struct conductor *conductor, struct error *err)
{
	_cleanup_(fd_closep) int directory = -1;
	int r;

	(void)mkdir(state_directory(), 0700);
	r = path_open_trusted(state_directory(), O_RDONLY | O_DIRECTORY, PATH_OURS, &directory, err);
	if (r == 0)
		r = lock_take(directory, "lock", &conductor->lock, err);
	if (r < 0 && err->kind == ERROR_CONFLICT) {
		log_write(LOG_ERR, NULL, NULL, "Another certferryd is using the state directory '%s': %s",
			state_directory(), err->text);
		return 4;
	}
	return r < 0 ? 1 : 0;
}

/* An older record that cannot be migrated is read, and nothing new begins until it is. */
static void note_unmigrated(struct conductor *conductor)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	const char *text = record_unmigrated(conductor->record);

	if (!text)
		return;
	say_words(conductor, CHANGE_RECORD_UNMIGRATED, text);
	(void)error_set(&err, ERROR_RETRY, 0, "%s", text);
	wait_for_record(conductor, &err);
}

static int open_record(struct conductor *conductor)
{
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int status;

	if (conductor->options.dry_run)
		return open_record_to_read(conductor);
	status = lock_state(conductor, &err);
	if (status == 4)
		return status;
	if (status == 0 && record_open(state_directory(), &news, &conductor->record, &err) >= 0) {
		say_news(conductor, &news);
		note_unmigrated(conductor);
		return 0;
	}
	if (status == 0 && err.kind == ERROR_INVALID) {
		say_words(conductor, CHANGE_RECORD_NEWER, err.text);
		return 2;
	}
	say_words(conductor, CHANGE_RECORD_UNOPENED, err.text);
	return 1;
}

/* Places that can be known to be unusable before anything is carried. */
static void check_places(struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->delivery_count; i++) {
		const struct tracked_place *place = state_place(conductor, &conductor->slots[i]);
		_cleanup_(error_done) struct error err = ERROR_NULL;

		if (destination_check(place->place, &err) < 0)
			say_delivery(conductor, state_open(conductor, i)->delivery,
				&(struct change){ .event = CHANGE_UNUSABLE, .error = &err });
	}
	state_settle(conductor);
}

/* Who starts the unit and then runs `certferry` must find the daemon by its name. */
void conductor_on_bus(void *userdata)
{
	notify_ready();
}

static bool needs_bus(const struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->dependent_count; i++)
		if (dependent_needs_bus(conductor->dependents[i]->dependent))
			return true;
	return false;
}

/* A run that ends by itself owns no name, and needs the bus only for dependents. */
static void start_bus(struct conductor *conductor)
{
	if (!conductor->options.once)
		conductor->bus = bus_new(conductor->event, &ask_handlers, conductor);
	else if (needs_bus(conductor) && !conductor->options.dry_run)
		conductor->bus = bus_new(conductor->event, NULL, NULL);
}

static int start(struct conductor *conductor, struct configuration *configuration)
{
	int status = start_aws(conductor);

	if (status == 0)
		status = open_record(conductor);
	if (status == 0)
		status = install_sources(conductor);
	if (status != 0)
		return status;
	schema_each_quota(configuration->desired, set_quota, conductor);
	state_adopt_world(conductor, world_new(configuration, NULL, conductor->default_region));
	if (!conductor_set_regions(conductor))
		return 2;
	check_places(conductor);
	say_entries(conductor, conductor->world->expansion->problems, NULL);
	start_bus(conductor);
	conductor->source.sweep_wanted = true;
	conductor->source.next_look = conductor->source.next_sweep = USEC_INFINITY; /* the first sweep sets them */
	for (size_t i = 0; conductor->options.once && i < conductor->dependent_count; i++)
		conductor->dependents[i]->asked = conductor->dependents[i]->record.failures > 0;
	cycle_poke(conductor);
	return 0;
}

/* --- end --- */

/* What a person who ran it would otherwise learn from the exit status alone. */
static void say_waiting(const struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->plan.count; i++) {
		const struct step *step = &conductor->plan.steps[i];

		if (step->verb == STEP_WAIT && !step->failed)
			log_write(LOG_NOTICE, NULL, NULL, "Waiting for '%s': %s", *step->dependent ? step->dependent
									       : step->delivery, step->reason);
	}
}

static int report_once(struct conductor *conductor)
{
	_cleanup_(status_view_done) struct status_view view = { 0 };
	_cleanup_(freep) char *text = NULL;

	cycle_refresh_plan(conductor);
	if (conductor->options.dry_run) {
		int status = ask_plan_exit(conductor);

		text = conductor->options.json ? report_plan(&conductor->plan, status)
					       : report_plan_lines(&conductor->plan);
		(void)fputs(text, stdout);
		return status;
	}
	say_waiting(conductor);
	ask_status(conductor, &view);
	if (conductor->options.json) {
		text = report_status(&view);
		(void)puts(text);
	}
	return status_view_exit(&view);
}

/* Ends everything that runs on the event loop; to be done while the loop can still be told so. */
static void stop(struct conductor *conductor)
{
	if (conductor->stopped)
		return;
	conductor->stopped = conductor->ending = true;
	notify_stopping();
	look_stop_reading(conductor);
	wake_stop(conductor);
	look_cancel(conductor);
	tag_cancel(conductor);
	deliver_cancel(conductor);
	state_done(conductor);
	job_done_all(conductor);
	conductor->bus = bus_free(conductor->bus);
	conductor->aws = conductor->destinations.aws = aws_free(conductor->aws);
}

/* The loop is being left: an exit source, because a loop that has ended takes no more orders. */
static int on_exit_loop(sd_event_source *source, void *userdata)
{
	struct conductor *conductor = userdata;

	if (conductor->options.once)
		conductor->exit_status = conductor->ending ? 1 : report_once(conductor);
	stop(conductor);
	return 0;
}

static void finish(struct conductor *conductor)
{
	stop(conductor);
	record_free(conductor->record);
	fd_close(conductor->lock);
	sd_event_source_unref(conductor->cycle);
	sd_event_source_unref(conductor->timer);
	sd_event_source_unref(conductor->watchdog);
	sd_event_unref(conductor->event);
	source_watch_done(&conductor->source);
	free(conductor->default_region);
	free(conductor->told_manager);
	error_done(&conductor->record_error);
	announce_free(conductor->announce);
}

/* What others share with us is theirs to set. */
static void warn_of_limits(const struct conductor *conductor)
{
	_cleanup_(strv_freep) char **problems = NULL;
	struct limits limits;

	limits_get("", &limits);
	problems = limits_judge(&limits);
	STRV_FOREACH (problem, problems)
		say_words(conductor, CHANGE_LIMIT_LOW, *problem);
}

static void block_signals(void)
{
	sigset_t blocked;

	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigaddset(&blocked, SIGINT);
	(void)sigaddset(&blocked, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
}

/* Until the end; the exit status. */
static int run_loop(struct conductor *conductor)
{
	int r;

	if (!conductor->options.once)
		say_counts(conductor, CHANGE_STARTED);
	r = sd_event_add_exit(conductor->event, NULL, on_exit_loop, conductor);
	if (r < 0)
		return loop_failed(conductor, r, "set up the end of the event loop");
	r = sd_event_loop(conductor->event);
	return r < 0 ? loop_failed(conductor, r, "wait for events") : conductor->exit_status;
}

int conductor_run(const struct conductor_options *options)
{
	struct conductor conductor = { .options = *options, .lock = -1, .dependents_again = USEC_INFINITY };
	struct configuration *configuration;
	int r, status;

	agenda_init(&conductor.agenda);
	if (!configuration_load(options->config_file, &configuration))
		return 2;
	conductor.announce = announce_new(&(struct announce_request){
		.now = clock_monotonic, .history = write_history, .userdata = &conductor });
	if (options->memory_unlocked)
		say_words(&conductor, CHANGE_MEMORY_UNLOCKED, NULL);
	warn_of_limits(&conductor);
	source_watch_init(&conductor.source, &look_source_events, &conductor);
	block_signals();
	r = sd_event_default(&conductor.event);
	conductor.destinations.event = conductor.event;
	status = r < 0 ? loop_failed(&conductor, r, "create the event loop") : start(&conductor, configuration);
	configuration_unref(configuration);
	if (status == 0)
		status = run_loop(&conductor);
	finish(&conductor);
	return status;
}
