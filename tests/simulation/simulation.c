/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One whole sync in virtual time: the daemon's own code from its configuration to its record, a cloud that
 * enforces ACM's published quotas exactly, and a clock that jumps.
 *
 *	simulation CASE CERTIFICATES ACCOUNTS SEED [FAILING HOW]
 *
 *	renewal		all are in place everywhere, and are renewed at once
 *	first		nothing is anywhere yet
 *	throttled	as renewal; but the first account takes an import only every two seconds for a while
 *	down		as renewal, twice; but the first FAILING accounts give no good answer from the start
 *	falls		as renewal, twice; but they give none any more from the first renewal on
 *
 * A run goes through these phases:
 *	SETTLE	the daemon finds what is in place (not in `first`)
 *	CHECK	it sweeps, and looks at all that is in place once more (where accounts are `full`)
 *	SYNC	the work that is measured: from the first request to the last answer
 *	AGAIN	the second renewal (`down` and `falls`)
 *	LATE	what is left for accounts that are slow
 *	END	it was told to end
 *
 * `down` and `falls` are two runs, the first with none but the other accounts: they may not take longer for those that
 * fail.  Accounts that are slow must still be served, in the time that their answers take and little more.
 */

#include <assert.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/conductor/conductor.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"
#include "tests/simulation/clock.h"
#include "tests/simulation/transport.h"

/* The clock jumps farther than that only when the daemon rests. */
#define REST (30 * USEC_PER_SEC)

/* Those that do not fail have nothing more to do when they were asked nothing for so long. */
#define SETTLED (5 * USEC_PER_SEC)

/* In the case throttled: what the first account takes, and how long. */
#define SLOW_INTERVAL (2 * USEC_PER_SEC)

/* What accounts that are full hold of others. */
#define CROWD 2500

/* What may be added to the time that it takes alone. */
#define MOST_LONGER 1.10

/* And to that of a check, which is a few round trips: what one may take. */
#define ONE_MORE (2 * (WAY + WAY_SPREAD))

/* And to the time that the answers of slow accounts take: three or four for a delivery, one after the other. */
#define MOST_LATER 1.10
#define SLOW_DELIVERY (4 * TRANSPORT_SLOW_BY)

enum kind {
	RENEWAL,
	FIRST,
	THROTTLED,
	DOWN,
	FALLS,
};

static const char *const kinds[] = { "renewal", "first", "throttled", "down", "falls" };
static const char *const ways[] = { "sound", "silent", "refused", "reset", "busy", "slow", "mixed", "full" };

/* How long each phase took those accounts that do not fail. */
struct times {
	usec_t settle, check, sync, again, late;
	unsigned long exports;
};

static struct {
	enum kind kind;
	unsigned certificates, accounts;
	unsigned failing;
	enum failing how;
	struct times times;
	uint64_t seed;
	struct cloud *cloud;
	enum { SETTLE, CHECK, SYNC, AGAIN, LATE, END } phase;
	usec_t begun; /* SYNC, or AGAIN */
	struct cloud_counts before; /* what there was before SYNC */
	usec_t cpu;
	char directory[PATH_MAX];
} simulation;

/* Of those accounts that do not fail. */
static unsigned long pairs(void)
{
	return (unsigned long)simulation.certificates * (simulation.accounts - simulation.failing);
}

static unsigned long in_sync(void)
{
	return cloud_in_sync(simulation.cloud, simulation.failing);
}

/* Of all accounts, the slow ones too. */
static bool all_hold_all(void)
{
	return cloud_in_sync(simulation.cloud, 0) == (unsigned long)simulation.certificates * simulation.accounts;
}

static bool is_failing_case(void)
{
	return simulation.kind == DOWN || simulation.kind == FALLS;
}

/* --- the run --- */

static void begin_sync(void)
{
	simulation.phase = SYNC;
	simulation.begun = clock_monotonic();
	simulation.cpu = virtual_cpu();
	cloud_count(simulation.cloud, &simulation.before);
	transport_mark();
	if (simulation.kind != FIRST)
		cloud_renew(simulation.cloud, 0, simulation.certificates, clock_now());
	if (simulation.kind == THROTTLED)
		transport_slow_down(0, SLOW_INTERVAL);
	if (simulation.kind == FALLS)
		transport_fail(simulation.failing, simulation.how);
}

static void begin_check(void)
{
	simulation.phase = CHECK;
	transport_mark();
}

static void begin_again(void)
{
	simulation.phase = AGAIN;
	simulation.begun = clock_monotonic();
	transport_mark();
	cloud_renew(simulation.cloud, 0, simulation.certificates, clock_now());
}

/* Where slow accounts lag behind, the run goes on until they hold everything, too. */
static void begin_late(void)
{
	simulation.phase = LATE;
}

static void end(void)
{
	simulation.phase = END;
	simulation.cpu = virtual_cpu() - simulation.cpu;
	(void)kill(getpid(), SIGTERM);
}

/* The last of those accounts that nobody disturbed. */
static usec_t last_import(void)
{
	usec_t last = 0;

	for (unsigned i = MAX((unsigned)(simulation.kind == THROTTLED), simulation.failing); i < simulation.accounts; i++)
		last = MAX(last, transport_traffic()->last_import[i]);
	return last;
}

static bool all_have_answered(void)
{
	for (unsigned i = simulation.failing; i < simulation.accounts; i++)
		if (!transport_traffic()->answered[i])
			return false;
	return true;
}

/* Where some accounts fail, the daemon never rests: is the phase over for the others? */
static void note_others(usec_t next)
{
	const struct traffic *traffic = transport_traffic();
	bool late = clock_monotonic() > simulation.begun + USEC_PER_DAY;

	if (traffic->sound || !traffic->first || next < usec_add(traffic->last_sound, SETTLED))
		return;
	if (simulation.phase == SETTLE && all_have_answered()) {
		simulation.times.settle = usec_sub(traffic->last_sound, traffic->look);
		if (simulation.how == FULL)
			begin_check();
		else
			begin_sync();
	} else if (simulation.phase == CHECK && traffic->look && all_have_answered()) {
		simulation.times.check = usec_sub(traffic->last_sound, traffic->look);
		begin_sync();
	} else if (simulation.phase == SYNC && in_sync() == pairs()) {
		struct cloud_counts counts;

		cloud_count(simulation.cloud, &counts);
		simulation.times.sync = usec_sub(last_import(), traffic->look);
		simulation.times.exports = counts.exports - simulation.before.exports;
		begin_again();
	} else if (simulation.phase == AGAIN && (in_sync() == pairs() || late)) {
		simulation.times.again = in_sync() == pairs() ? usec_sub(last_import(), traffic->look) : USEC_INFINITY;
		if (simulation.how == SLOW)
			begin_late();
		else
			end();
	} else if (simulation.phase == LATE && (all_hold_all() || late)) {
		simulation.times.late = all_hold_all() ? usec_sub(traffic->last, simulation.begun) : USEC_INFINITY;
		end();
	} else if (simulation.phase != END && late) {
		end();
	}
}

/* The daemon waits for something: is the phase over? */
static void on_idle(usec_t next)
{
	usec_t now = clock_monotonic();

	if (is_failing_case()) {
		note_others(next);
		return;
	}
	/* Somebody else stops using the first account's quota when the others have half of it. */
	if (simulation.phase == SYNC && simulation.kind == THROTTLED && transport_traffic()->first &&
		now > transport_traffic()->first + simulation.certificates / 2 * USEC_PER_SEC)
		transport_slow_down(0, 0);
	if (transport_traffic()->under_way || next < usec_add(now, REST) || !transport_traffic()->requests)
		return;
	if (simulation.phase == SETTLE)
		begin_sync();
	else if (simulation.phase == SYNC && in_sync() == pairs())
		end();
	else if (simulation.phase == SYNC && now > simulation.begun + USEC_PER_DAY)
		end();
}

/* --- its configuration --- */

static void write_configuration(const char *path)
{
	FILE *file = fopen(path, "we");
	char arn[CLOUD_ARN_SIZE], name[CLOUD_NAME_SIZE];

	assert(file);
	(void)fprintf(file, "source: {region: " CLOUD_REGION "}\nguard: 0\n");
	if (simulation.how == FULL)
		(void)fprintf(file, "poll: 1d\nsweep: 10m\n");
	(void)fprintf(file, "certificates:\n");
	for (unsigned i = 0; i < simulation.certificates; i++)
		(void)fprintf(file, "  %s: {arn: \"%s\", deliver: [{to: accounts}]}\n", cloud_name(i, name),
			cloud_arn(i, arn));
	(void)fprintf(file, "destinations:\n  accounts:\n    kind: acm\n    region: " CLOUD_REGION "\n    role_arn: "
			    "\"arn:aws:iam::{account}:role/certferry-destination\"\n    accounts: [");
	for (unsigned i = 0; i < simulation.accounts; i++)
		(void)fprintf(file, "%s\"%llu\"", i ? ", " : "", CLOUD_ACCOUNT + i);
	(void)fprintf(file, "]\n");
	(void)fclose(file);
}

static void make_directory(void)
{
	(void)snprintf(simulation.directory, sizeof(simulation.directory), "%s/certferry-simulation.XXXXXX",
		getenv("TMPDIR") ?: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(simulation.directory)) {
		perror(simulation.directory);
		exit(1);
	}
}

static void remove_directory(void)
{
	static const char *const names[] = { "certferry.yaml", "lock", "record.sqlite", "record.sqlite-wal",
		"record.sqlite-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(freep) char *path = mem_printf("%s/%s", simulation.directory, names[i]);

		(void)unlink(path);
	}
	(void)rmdir(simulation.directory);
}

static void set_environment(void)
{
	setenv("STATE_DIRECTORY", simulation.directory, 1);
	setenv("AWS_ACCESS_KEY_ID", "AKIASIMULATION", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "none", 1);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("AWS_PROFILE");
	unsetenv("AWS_SESSION_TOKEN");
	unsetenv("AWS_ENDPOINT_URL");
	unsetenv("AWS_MAX_ATTEMPTS");
}

/* --- what came of it --- */

static double seconds(usec_t duration)
{
	return (double)duration / USEC_PER_SEC;
}

static bool check(bool holds, const char *what)
{
	if (!holds)
		(void)printf("  not so: %s\n", what);
	return holds;
}

static int report(const char *name)
{
	const struct traffic *traffic = transport_traffic();
	double bound = MAX(simulation.certificates / 10.0, (double)simulation.certificates);
	usec_t last = simulation.kind == THROTTLED ? last_import() : traffic->last;
	double makespan = seconds(usec_sub(last, traffic->first));
	unsigned long there = in_sync();
	struct cloud_counts counts;
	bool good = true;

	cloud_count(simulation.cloud, &counts);
	(void)printf("%s of %u certificates in %u accounts, seed %llu: %.1f s, bound %.0f s, %+.2f %%; "
		     "%lu requests, %lu exports, %lu imports, at most %zu under way; %.1f s of processor time\n",
		name, simulation.certificates, simulation.accounts, (unsigned long long)simulation.seed, makespan,
		bound, (makespan / bound - 1) * 100, traffic->requests, counts.exports - simulation.before.exports,
		counts.imports - simulation.before.imports, traffic->most_under_way, seconds(simulation.cpu));
	if (simulation.kind == THROTTLED)
		(void)printf("  the slow account refused %lu and ended %.1f s after the others\n", transport_refused(),
			seconds(usec_sub(traffic->last_import[0], last)));
	good &= check(makespan <= bound * 1.05, "within 5 % of the bound");
	good &= check(counts.throttled == 0, "no request was throttled by the published quotas");
	good &= check(there == pairs(), "every account holds every certificate's present version");
	good &= check(counts.imports - simulation.before.imports == pairs(), "one import each");
	good &= check(counts.refused == 0, "nothing else was refused");
	good &= check(simulation.kind != THROTTLED || transport_refused() > 0, "the slow account refused some");
	good &= check(simulation.kind != THROTTLED || transport_refused() < simulation.certificates / 20,
		"the slow account's lane became slow");
	if (counts.throttled || counts.refused || there != pairs())
		(void)printf("  %lu throttled, %lu refused, %lu of %lu in sync\n", counts.throttled, counts.refused,
			there, pairs());
	return good ? 0 : 1;
}

/* --- with and without those that fail --- */

static bool check_time(const char *what, usec_t alone, usec_t beside, usec_t more)
{
	_cleanup_(freep) char *longer = mem_printf("%s: within %.0f %% of the time alone%s", what, MOST_LONGER * 100,
		more ? " and a round trip" : "");
	bool holds = alone && beside && (double)beside <= (double)alone * MOST_LONGER + (double)more;

	(void)printf("  %s: alone %.3f s, beside them %.3f s\n", what, seconds(alone), seconds(beside));
	return check(holds, longer);
}

/* Each slow account takes one delivery after the other of what was renewed last. */
static bool check_late(const struct times *beside)
{
	const usec_t answers = simulation.certificates * SLOW_DELIVERY;

	(void)printf("  the slow ones: %.3f s, four answers for each certificate %.3f s\n", seconds(beside->late),
		seconds(answers));
	return check(beside->late && (double)beside->late <= (double)answers * MOST_LATER,
		"the slow accounts hold every certificate's present version soon");
}

static int compare(const struct times *alone, const struct times *beside, const char *name)
{
	bool good = true;

	(void)printf("%s of %u certificates in %u accounts, of which %u fail (%s), seed %llu: %lu exports alone, %lu beside "
		     "them; %zu requests under way at most\n",
		name, simulation.certificates, simulation.accounts, simulation.failing, ways[simulation.how],
		(unsigned long long)simulation.seed, alone->exports, beside->exports, transport_traffic()->most_under_way);
	if (simulation.kind == DOWN)
		good &= check_time("the first looks", alone->settle, beside->settle, 0);
	if (simulation.how == FULL)
		good &= check_time("a check", alone->check, beside->check, ONE_MORE);
	good &= check_time("a renewal", alone->sync, beside->sync, 0);
	good &= check_time("another one", alone->again, beside->again, 0);
	if (simulation.how == SLOW)
		good &= check_late(beside);
	return good ? 0 : 1;
}

static int usage(void)
{
	(void)fputs("usage: simulation renewal|first|throttled CERTIFICATES ACCOUNTS SEED\n"
		    "       simulation down|falls CERTIFICATES ACCOUNTS SEED FAILING "
		    "silent|refused|reset|busy|slow|mixed|full\n",
		stderr);
	return 2;
}

static int find_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

static bool read_arguments(int argc, char **argv)
{
	int kind = argc > 1 ? find_word(kinds, ARRAY_SIZE(kinds), argv[1]) : -1;
	int how = argc == 7 ? find_word(ways, ARRAY_SIZE(ways), argv[6]) : 0;

	if (kind < 0 || how < 0 || argc != (kind == DOWN || kind == FALLS ? 7 : 5))
		return false;
	simulation.kind = (enum kind)kind;
	simulation.certificates = (unsigned)atoi(argv[2]);
	simulation.accounts = (unsigned)atoi(argv[3]);
	simulation.seed = strtoull(argv[4], NULL, 10);
	simulation.failing = how ? (unsigned)atoi(argv[5]) : 0;
	simulation.how = (enum failing)how;
	return simulation.certificates && simulation.accounts && simulation.accounts <= TRAFFIC_ACCOUNTS &&
	       simulation.failing < simulation.accounts;
}

/* The whole daemon; its exit status. */
static int run(void)
{
	_cleanup_(freep) char *path = NULL;
	struct conductor_options options = { 0 };
	bool locked;
	int status;

	make_directory();
	set_environment();
	virtual_start(simulation.seed, on_idle);
	log_open("simulation", getenv("SIMULATION_LOG") ? log_level_find(getenv("SIMULATION_LOG")) : LOG_ERR);
	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	simulation.cloud = cloud_new(
		&(struct cloud_settings){
			.certificates = simulation.certificates,
			.accounts = simulation.accounts,
			.imported = simulation.kind != FIRST,
			.crowded = simulation.how == FULL ? simulation.failing : 0,
			.crowd = CROWD,
			.quotas = true,
		},
		clock_now());
	transport_use(simulation.cloud);
	if (simulation.kind == DOWN)
		transport_fail(simulation.failing, simulation.how);
	path = mem_printf("%s/certferry.yaml", simulation.directory);
	write_configuration(path);
	options.config_file = path;
	if (simulation.kind == FIRST)
		begin_sync();
	status = conductor_run(&options);
	remove_directory();
	return status;
}

/* A run in a process of its own, with those accounts alone that do not fail. */
static bool run_alone(struct times *ret_times)
{
	int pipes[2], status;
	pid_t child;
	bool good;

	if (pipe(pipes) < 0 || (child = fork()) < 0)
		return false;
	if (child == 0) {
		simulation.accounts -= simulation.failing;
		simulation.failing = 0;
		status = run();
		_exit(status != 0 || write(pipes[1], &simulation.times, sizeof(simulation.times)) !=
					     sizeof(simulation.times));
	}
	(void)close(pipes[1]);
	good = read(pipes[0], ret_times, sizeof(*ret_times)) == sizeof(*ret_times);
	(void)close(pipes[0]);
	return waitpid(child, &status, 0) == child && status == 0 && good;
}

int main(int argc, char **argv)
{
	struct times alone = { 0 };
	int status;

	if (!read_arguments(argc, argv))
		return usage();
	if (is_failing_case() && !run_alone(&alone))
		return 1;
	status = run();
	if (status == 0)
		status = is_failing_case() ? compare(&alone, &simulation.times, argv[1]) : report(argv[1]);
	cloud_free(simulation.cloud);
	return status;
}
