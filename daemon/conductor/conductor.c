/* SPDX-License-Identifier: Apache-2.0 */
/* Circle with daemon/conductor/inside.h: the inside of what conductor.h has. */
#include "daemon/conductor/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/announce/announce.h"
#include "daemon/conductor/configuration.h"
#include "daemon/config/schema.h"
#include "daemon/dependent/unit_survey.h"
#include "daemon/destination/vault_clients.h"
#include "daemon/record/record.h"
#include "daemon/report/report.h"
#include "lib/base/strv.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/os/lock.h"
#include "lib/os/path.h"
#include "lib/systemd/notify.h"

#define NO_REGION                                                                                  \
	"Found no region: set source.region in the configuration, AWS_REGION or AWS_DEFAULT_REGION in the " \
	"environment, or the region of the AWS profile"

/* --- signals --- */

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct conductor *conductor = userdata;

	conductor->ending = true;
	say_words(conductor->inventory, CHANGE_STOPPING, strsignal((int)info->ssi_signo));
	return sd_event_exit(conductor->event, 0);
}

static void set_quota(void *userdata, const char *service, const char *operation, double rate)
{
	struct conductor *conductor = userdata;

	/* The rows of the schema are those of lib/aws: a test has it so. */
	(void)aws_set_quota(conductor->aws, service, operation, rate);
}

/* --- worlds --- */

/* Has what came of the configuration outgrown what the process is allowed, or outgrown it further?  At the start nothing
 * is known of what entries with match: find. */
static void warn_of_memory(struct conductor *conductor)
{
	const size_t certificates = conductor->stock->certificate_count, deliveries = conductor->stock->delivery_count;
	const unsigned needed = limits_unit_memory(certificates, deliveries);
	const struct limits limits = { UINT64_MAX, conductor->limits.memory };
	_cleanup_(strv_freep) char **problems = limits_judge(&limits, certificates, deliveries);

	if (problems && needed > conductor->memory_said)
		say_words(conductor->inventory, CHANGE_LIMIT_LOW, problems[0]);
	conductor->memory_said = MAX(needed, conductor->memory_said);
}

/* ${world} (given), which came of what the source shows in ${view}, is the present one from now on. */
static void take_over(struct conductor *conductor, struct world *world, const struct source_view *view)
{
	/* They only read, or are begun again by the plan; what they are about may be gone. */
	look_cancel(conductor->look);
	tags_cancel(conductor->tags);
	renewals_cancel(conductor->renewals);
	leftovers_cancel(conductor->leftovers);
	proofs_cancel(conductor->proofs);
	addresses_cancel(conductor->addresses);
	tell_new_world(conductor->tell, world);
	plan_done(&conductor->planner.shown); /* its names borrow from the stock */
	inventory_take_over(conductor->inventory, world, view);
	look_new_world(conductor->look);
	tags_new_world(conductor->tags);
	transfers_new_world(conductor->transfers);
	job_new_world(conductor);
	warn_of_memory(conductor);
}

/* Does it show the same certificates under the same names, so that the same deliveries come of it?
 * With ${dated}, the dates count as well. */
static bool views_alike(const struct source_view *a, const struct source_view *b, bool dated)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!source_certificate_listed_alike(&a->items[i], &b->items[i]) ||
			(dated && a->items[i].not_after != b->items[i].not_after))
			return false;
	return true;
}

static void on_view(void *userdata, const struct source_view *view, const struct source_view *former)
{
	struct conductor *conductor = userdata;
	const struct world *present = conductor->stock->world;
	const struct incumbents incumbents = inventory_incumbents(conductor->inventory);
	struct world *world;

	if (former && views_alike(former, view, present->expansion->dated)) {
		inventory_show(conductor->inventory, view, former);
		return;
	}
	world = world_new(
		present->configuration, view, conductor->default_region, &incumbents);
	if (former && strv_equal(world->expansion->problems, present->expansion->problems) &&
		inventory_shows(conductor->inventory, world)) {
		world_unref(world);
		inventory_show(conductor->inventory, view, former);
		return;
	}
	say_entries(conductor->inventory, world->expansion->problems, present->expansion->problems);
	take_over(conductor, world, view);
}

/* Only one that has asked about all units knows what is over. */
static void end_survey(struct conductor *conductor)
{
	if (conductor->units && unit_survey_is_complete(conductor->units)) {
		say_units(conductor->inventory, conductor->found, conductor->unfit);
		conductor->unfit = strv_free(conductor->unfit);
	}
	STRV_FOREACH (sentence, conductor->found)
		if (!strv_has(conductor->unfit, *sentence))
			strv_append(&conductor->unfit, *sentence);
	conductor->found = strv_free(conductor->found);
	conductor->units = unit_survey_free(conductor->units);
}

static void adopt_configuration(struct conductor *conductor, struct configuration *configuration)
{
	const struct source_view *view = conductor->stock->view;
	const struct incumbents incumbents = inventory_incumbents(conductor->inventory);
	struct world *world =
		world_new(configuration, view, conductor->default_region, &incumbents);

	end_survey(conductor);
	watch_cancel(conductor->watch);
	queue_stop(conductor->queue);
	/* They are tried as they are configured now. */
	announce_forget(inventory_announce(conductor->inventory), ABOUT_PLACE, NULL);
	say_entries(conductor->inventory, world->expansion->problems,
		conductor->stock->world->expansion->problems);
	take_over(conductor, world, view);
	schema_each_quota(configuration->desired, set_quota, conductor);
}

static void begin_with(struct conductor *conductor, struct configuration *configuration)
{
	schema_each_quota(configuration->desired, set_quota, conductor);
	take_over(conductor, world_new(configuration, NULL, conductor->default_region, NULL), NULL);
}

/* The source's regions, from the configuration or the environment; NULL: there is none. */
static char **find_regions(const struct conductor *conductor, const struct configuration *configuration)
{
	const struct desired_source *source = &configuration->desired->source;
	const char *own = aws_own_region(conductor->aws, source->access.profile);
	char **regions = strv_copy(source->regions);

	if (!regions && own)
		strv_append(&regions, own);
	return regions;
}

/* What there is now. */
static void say_counts(const struct conductor *conductor, enum change_event event)
{
	const struct change change = {
		.event = event,
		.count = conductor->stock->certificate_count,
		.total = conductor->stock->delivery_count,
	};

	say(conductor->inventory, &change);
}

/* Keeps for the status what is wrong with the files, and what that means. */
static void note_problem(struct conductor *conductor, const char *problem, size_t more)
{
	_cleanup_(freep) char *others = more ? mem_printf(" (and %zu more)", more) : NULL;
	char since[TIME_TEXT_SIZE];

	free(conductor->config_problem);
	conductor->config_problem = mem_printf("%s%s; certferryd keeps the configuration of %s. Correct the "
					       "files ('certferryd --check' shows all errors), then reload",
		problem, others ?: "", time_format(conductor->configured_at, since));
}

static void note_problems(struct conductor *conductor, const struct config_problems *problems)
{
	_cleanup_(freep) char *first = config_problem_text(&problems->items[0]);

	note_problem(conductor, first, problems->count - 1);
}

/* False when the files are rejected: what is wrong is said, and kept for the status. */
static bool load(struct conductor *conductor, struct configuration **ret_configuration)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL,
							       warnings = CONFIG_PROBLEMS_NULL;
	bool loaded = configuration_load(conductor->options.config_file, ret_configuration, &problems, &warnings);

	config_problems_print(&problems, "", stderr);
	for (size_t i = 0; i < warnings.count && i < CONFIG_PROBLEMS_SHOWN; i++) {
		_cleanup_(freep) char *text = config_problem_text(&warnings.items[i]);

		log_write(LOG_WARNING, NULL, NULL, "%s", text);
	}
	if (!loaded)
		note_problems(conductor, &problems);
	return loaded;
}

/* The connection there is now, for dependents. */
static struct sd_bus *bus_now(void *userdata)
{
	const struct conductor *conductor = userdata;

	return conductor->bus ? bus_connection(conductor->bus) : NULL;
}

static void on_finding(void *userdata, enum unit_finding finding, const char *sentence)
{
	struct conductor *conductor = userdata;

	say_units(conductor->inventory, (char *[]){ (char *)sentence, NULL }, NULL);
	strv_append(&conductor->found, sentence);
	if (finding == FINDING_REFUSED)
		strv_append(&conductor->refused, sentence);
}

/* A run that ends by itself finds out when it tells them. */
static void survey_units(struct conductor *conductor)
{
	const struct dependent_host host = {
		.event = conductor->event, .bus = bus_now, .userdata = conductor
	};

	end_survey(conductor);
	conductor->refused = strv_free(conductor->refused);
	if (!conductor->options.once)
		conductor->units = unit_survey_start(
			&host, conductor->stock->world->desired, on_finding, conductor);
}

/* From now on, unless it leaves the source without a region: that is said, and the present one stays. */
static bool use(struct conductor *conductor, struct configuration *configuration)
{
	char **regions = find_regions(conductor, configuration);

	if (!regions) {
		log_write(LOG_ERR, NULL, NULL, "%s", NO_REGION);
		if (conductor->configured_at)
			note_problem(conductor, NO_REGION, 0);
		return false;
	}
	if (conductor->configured_at)
		adopt_configuration(conductor, configuration);
	else
		begin_with(conductor, configuration);
	watch_set_regions(conductor->watch, regions);
	conductor->configured_at = clock_now();
	free(take(conductor->config_problem));
	return true;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct conductor *conductor = userdata;
	struct configuration *configuration;
	bool reloaded = false;

	notify_reloading();
	if (load(conductor, &configuration)) {
		reloaded = use(conductor, configuration);
		configuration_unref(configuration);
	}
	if (reloaded)
		say_counts(conductor, CHANGE_RELOADED);
	else
		say_words(conductor->inventory, CHANGE_RELOAD_REJECTED, NULL);
	bus_retry(conductor->bus);
	survey_units(conductor);
	notify_ready();
	cycle_poke(conductor);
	return 0;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct conductor *conductor = userdata;

	notify_watchdog();
	rest_longer(conductor);
	(void)sd_event_source_set_time(source, usec + notify_watchdog_interval());
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Without the loop nothing goes on, so this ends the process; the status it is to end with. */
static int loop_failed(const struct conductor *conductor, int number, const char *task)
{
	const struct error err = { .kind = ERROR_BUG, .code = -number, .text = strerror(-number) };
	const struct change change = { .event = CHANGE_LOOP_FAILED, .words = task, .error = &err };

	say(conductor->inventory, &change);
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
	say_words(((struct conductor *)userdata)->inventory, CHANGE_CLOCK_OFF, words);
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
	conductor->destinations.vaults = vault_clients_new(conductor->event, conductor->aws, on_heard, conductor);
	conductor->default_region = mem_strdup(aws_default_region(conductor->aws));
	return 0;
}

static const char *state_directory(void)
{
	return getenv("STATE_DIRECTORY") ?: "/var/lib/certferry";
}

/* A dry run looks into the record if there is one, and needs none. */
static int open_record_to_read(struct conductor *conductor)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct record *record;

	if (record_open_reader(state_directory(), &record, &err) >= 0) {
		inventory_use_record(conductor->inventory, record, &(struct record_news){ 0 });
		return 0;
	}
	if (err.kind == ERROR_INVALID) {
		say_words(conductor->inventory, CHANGE_RECORD_NEWER, err.text);
		return 2;
	}
	log_debug("%s", err.text);
	return 0;
}

/* Another user's daemon keeps its state there: nothing of that is to be given to us. */
static int check_owner(struct error *err)
{
	struct stat status;

	if (stat(state_directory(), &status) < 0 || status.st_uid == 0 || status.st_uid == geteuid())
		return 0;
	return error_set(err, ERROR_DENIED, 0,
		"state directory '%s' belongs to user %u, and certferryd runs as user %u: run it as the "
		"user that owns its files (for the service's: sudo -u certferry)",
		state_directory(), (unsigned)status.st_uid, (unsigned)geteuid());
}

/* The state directory is ours alone, and nobody else can have its name mean another; otherwise an exit status. */
static int lock_state(struct conductor *conductor, struct error *err)
{
	_cleanup_(fd_closep) int directory = -1;
	int r;

	(void)mkdir(state_directory(), 0700);
	r = check_owner(err);
	if (r == 0)
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

static int open_record(struct conductor *conductor)
{
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct record *record;
	int status;

	if (conductor->options.dry_run)
		return open_record_to_read(conductor);
	status = lock_state(conductor, &err);
	if (status == 4)
		return status;
	if (status == 0 && record_open(state_directory(), &news, &record, &err) >= 0) {
		inventory_use_record(conductor->inventory, record, &news);
		return 0;
	}
	if (status == 0 && err.kind == ERROR_INVALID) {
		say_words(conductor->inventory, CHANGE_RECORD_NEWER, err.text);
		return 2;
	}
	say_words(conductor->inventory, CHANGE_RECORD_UNOPENED, err.text);
	return 1;
}

/* Places that can be known to be unusable before anything is carried. */
static void check_places(struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->stock->delivery_count; i++) {
		const struct tracked_place *place = stock_place(conductor->stock, &conductor->stock->slots[i]);
		_cleanup_(error_done) struct error err = ERROR_NULL;

		if (destination_check(place->place, &err) < 0)
			say_delivery(conductor->inventory, inventory_open(conductor->inventory, i)->delivery,
				&(struct change){ .event = CHANGE_UNUSABLE, .error = &err });
	}
	inventory_end_turn(conductor->inventory);
}

/* Who starts the unit and then runs `certferry` must find the daemon by its name. */
void conductor_on_bus(void *userdata)
{
	notify_ready();
}

static bool needs_bus(const struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->stock->dependent_count; i++)
		if (dependent_needs_bus(conductor->stock->dependents[i]->dependent))
			return true;
	return false;
}

static void on_bus(void *userdata, enum bus_event event, const char *why)
{
	static const enum change_event changes[] = {
		[BUS_LOST] = CHANGE_BUS_LOST,
		[BUS_CONNECTED] = CHANGE_BUS_FOUND,
		[BUS_NAME_REFUSED] = CHANGE_BUS_NAME_REFUSED,
		[BUS_NAMED] = CHANGE_BUS_NAMED,
	};
	struct conductor *conductor = userdata;

	say_words(conductor->inventory, changes[event], why);
	if (event == BUS_CONNECTED && conductor->units && !unit_survey_is_complete(conductor->units))
		survey_units(conductor);
}

/* A run that ends by itself owns no name, and needs the bus only for dependents. */
static void start_bus(struct conductor *conductor)
{
	if (!conductor->options.once)
		conductor->bus = bus_new(conductor->event, &ask_handlers, on_bus, conductor);
	else if (needs_bus(conductor) && !conductor->options.dry_run)
		conductor->bus = bus_new(conductor->event, NULL, on_bus, conductor);
}

/* --- what the actors ask --- */

static void on_begins(void *userdata, enum source_reading reading)
{
	struct conductor *conductor = userdata;

	if (reading != SOURCE_CHECK)
		queue_read_begins(conductor->queue, reading == SOURCE_SWEEP);
	if (reading != SOURCE_LOOK)
		job_read_begins(conductor, reading == SOURCE_SWEEP);
}

static void on_tells(void *userdata)
{
	job_versions_told(userdata);
}

static void on_read(void *userdata, const struct tracked_certificate *certificate)
{
	job_version_read(userdata, certificate);
}

static void on_reading(void *userdata, const struct tracked_certificate *certificate,
	const struct source_certificate *listed)
{
	struct conductor *conductor = userdata;

	if (!cycle_stopped(conductor))
		transfers_expect(conductor->transfers, certificate, listed);
}

static void on_ended(void *userdata, enum source_reading reading, const struct error *err)
{
	struct conductor *conductor = userdata;

	/* A run that ends by itself listens to no queue. */
	if (reading != SOURCE_CHECK && !conductor->options.once)
		queue_read_ended(conductor->queue, !err, watch_show(conductor->watch).regions);
	job_read_ended(conductor, err);
	if (!err)
		renewals_ask(conductor->renewals, reading != SOURCE_LOOK);
	if (!err && reading == SOURCE_SWEEP && !conductor->options.once)
		addresses_check(conductor->addresses);
	if (!err && reading == SOURCE_SWEEP)
		leftovers_look(conductor->leftovers, conductor->default_region);
}

static void on_cancelled(void *userdata)
{
	job_read_cancelled(userdata);
}

static char **wanted_arns(void *userdata, size_t *ret_count)
{
	return job_wanted_arns(userdata, ret_count);
}

static void on_wake(void *userdata, usec_t look, usec_t sweep)
{
	struct conductor *conductor = userdata;

	watch_bring_forward(conductor->watch, look, sweep);
}

static void on_stale(void *userdata)
{
	struct conductor *conductor = userdata;

	watch_look_now(conductor->watch);
}

static bool wants_tag(void *userdata, size_t slot)
{
	struct conductor *conductor = userdata;

	return planner_wants_tag(&conductor->planner, slot);
}

static void make_actors(struct conductor *conductor)
{
	struct inventory *inventory = conductor->inventory;
	const struct destination_context *context = &conductor->destinations;

	conductor->watch = watch_new(&(struct watch_host){
		.inventory = inventory,
		.context = context,
		.on_view = on_view,
		.wanted = wanted_arns,
		.on_begins = on_begins,
		.on_tells = on_tells,
		.on_read = on_read,
		.on_reading = on_reading,
		.on_ended = on_ended,
		.on_cancelled = on_cancelled,
		.userdata = conductor,
	});
	conductor->queue = queue_new(&(struct queue_host){
		.inventory = inventory, .context = context, .on_wake = on_wake, .userdata = conductor });
	conductor->look = look_new(inventory, context);
	conductor->transfers = transfers_new(&(struct transfers_host){
		.inventory = inventory, .context = context, .on_stale = on_stale, .userdata = conductor });
	conductor->proofs = proofs_new(inventory, conductor->event);
	conductor->addresses = addresses_new(inventory, conductor->event);
	conductor->tags = tags_new(&(struct tags_host){
		.inventory = inventory, .context = context, .wanted = wants_tag, .userdata = conductor });
	conductor->renewals = renewals_new(inventory, context);
	conductor->leftovers = leftovers_new(inventory, context);
	conductor->tell = tell_new(inventory,
		&(struct dependent_host){ .event = conductor->event, .bus = bus_now, .userdata = conductor });
}

/* Whatever is under way ends; none knows another. */
static void end_actors(struct conductor *conductor)
{
	conductor->watch = watch_free(conductor->watch);
	conductor->queue = queue_free(conductor->queue);
	conductor->look = look_free(conductor->look);
	conductor->tags = tags_free(conductor->tags);
	conductor->renewals = renewals_free(conductor->renewals);
	conductor->leftovers = leftovers_free(conductor->leftovers);
	conductor->transfers = transfers_free(conductor->transfers);
	conductor->addresses = addresses_free(conductor->addresses);
	conductor->proofs = proofs_free(conductor->proofs);
	conductor->tell = tell_free(conductor->tell);
	conductor->units = unit_survey_free(conductor->units);
}

static void make_inventory(struct conductor *conductor)
{
	conductor->inventory = inventory_new(&(struct inventory_request){
		.destinations = &conductor->destinations,
		.once = conductor->options.once,
		.dry_run = conductor->options.dry_run,
		.on_changed = cycle_poke,
		.userdata = conductor,
	});
	conductor->stock = inventory_stock(conductor->inventory);
	conductor->planner = (struct planner){
		.inventory = conductor->inventory,
		.stock = conductor->stock,
		.once = conductor->options.once,
	};
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
	make_actors(conductor);
	conductor->planner.watch = conductor->watch;
	if (!use(conductor, configuration))
		return 2;
	check_places(conductor);
	say_entries(conductor->inventory, conductor->stock->world->expansion->problems, NULL);
	start_bus(conductor);
	survey_units(conductor);
	if (conductor->options.once)
		inventory_asked_once(conductor->inventory);
	cycle_poke(conductor);
	return 0;
}

/* --- end --- */

/* What a person who ran it would otherwise learn from the exit status alone. */
static void say_waiting(const struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->planner.shown.count; i++) {
		const struct step *step = &conductor->planner.shown.steps[i];

		if (step->verb == STEP_WAIT && !step->failed)
			log_write(LOG_NOTICE, NULL, NULL, "Waiting for '%s': %s", *step->dependent ? step->dependent
									       : step->delivery, step->reason);
	}
}

static int report_once(struct conductor *conductor)
{
	_cleanup_(status_view_done) struct status_view view = { 0 };
	_cleanup_(freep) char *text = NULL;

	planner_show_all(&conductor->planner);
	if (conductor->options.dry_run) {
		int status = ask_plan_exit(conductor);

		text = conductor->options.json ? report_plan(&conductor->planner.shown, status)
					       : report_plan_lines(&conductor->planner.shown);
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
	inventory_save_versions(conductor->inventory); /* while what the source shows is there */
	end_actors(conductor);
	job_done_all(conductor);
	conductor->bus = bus_free(conductor->bus);
	conductor->destinations.vaults = vault_clients_free(conductor->destinations.vaults);
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
	fd_close(conductor->lock);
	sd_event_source_unref(conductor->cycle);
	sd_event_source_unref(conductor->timer);
	sd_event_source_unref(conductor->watchdog);
	sd_event_unref(conductor->event);
	plan_done(&conductor->planner.shown);
	inventory_free(conductor->inventory);
	strv_free(conductor->found);
	strv_free(conductor->refused);
	strv_free(conductor->unfit);
	strv_free(conductor->notices);
	free(conductor->config_problem);
	free(conductor->default_region);
	free(conductor->told_manager);
	free(conductor->clock_problem);
}

/* What others share with us is theirs to set. */
static void warn_of_limits(struct conductor *conductor)
{
	_cleanup_(strv_freep) char **problems = NULL;

	limits_get("", &conductor->limits);
	problems = limits_judge(&conductor->limits, 0, 0);
	conductor->memory_said = UNIT_MEMORY;
	STRV_FOREACH (problem, problems)
		say_words(conductor->inventory, CHANGE_LIMIT_LOW, *problem);
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

	if (!load(&conductor, &configuration)) {
		free(conductor.config_problem);
		return 2;
	}
	make_inventory(&conductor);
	if (options->memory_unlocked)
		say_words(conductor.inventory, CHANGE_MEMORY_UNLOCKED, NULL);
	warn_of_limits(&conductor);
	block_signals();
	r = sd_event_default(&conductor.event);
	conductor.destinations.event = conductor.event;
	conductor.destinations.only_look = options->dry_run;
	status = r < 0 ? loop_failed(&conductor, r, "create the event loop") : start(&conductor, configuration);
	configuration_unref(configuration);
	if (status == 0)
		status = run_loop(&conductor);
	finish(&conductor);
	return status;
}
