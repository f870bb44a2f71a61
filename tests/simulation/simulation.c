/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One whole sync in virtual time: the daemon's own code from its configuration to its record, a cloud that
 * enforces ACM's published quotas exactly, and a clock that jumps.
 *
 *	simulation CASE CERTIFICATES ACCOUNTS SEED
 *
 *	renewal		all are in place everywhere, and are renewed at once
 *	first		nothing is anywhere yet
 *	throttled	as renewal; but the first account takes an import only every two seconds for a while
 *
 * A run goes through these phases:
 *	SETTLE	the daemon finds what is in place (not in `first`)
 *	SYNC	the work that is measured: from the first request to the last answer
 *	END	it was told to end
 */

#include <assert.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* In the case throttled: what the first account takes, and how long. */
#define SLOW_INTERVAL (2 * USEC_PER_SEC)

enum kind {
	RENEWAL,
	FIRST,
	THROTTLED,
};

static struct {
	enum kind kind;
	unsigned certificates, accounts;
	uint64_t seed;
	struct cloud *cloud;
	enum { SETTLE, SYNC, END } phase;
	usec_t begun; /* SYNC */
	struct cloud_counts before; /* what there was before SYNC */
	usec_t cpu;
	char directory[PATH_MAX];
} simulation;

static unsigned long pairs(void)
{
	return (unsigned long)simulation.certificates * simulation.accounts;
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
}

static void end(void)
{
	simulation.phase = END;
	simulation.cpu = virtual_cpu() - simulation.cpu;
	(void)kill(getpid(), SIGTERM);
}

/* The daemon waits for something: is the phase over? */
static void on_idle(usec_t next)
{
	usec_t now = clock_monotonic();

	/* Somebody else stops using the first account's quota when the others have half of it. */
	if (simulation.phase == SYNC && simulation.kind == THROTTLED && transport_traffic()->first &&
		now > transport_traffic()->first + simulation.certificates / 2 * USEC_PER_SEC)
		transport_slow_down(0, 0);
	if (transport_traffic()->under_way || next < usec_add(now, REST) || !transport_traffic()->requests)
		return;
	if (simulation.phase == SETTLE)
		begin_sync();
	else if (simulation.phase == SYNC && cloud_in_sync(simulation.cloud) == pairs())
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
	(void)fprintf(file, "source: {region: " CLOUD_REGION "}\nguard: 0\ncertificates:\n");
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

/* The last of those accounts that nobody disturbed. */
static usec_t last_import(void)
{
	usec_t last = 0;

	for (unsigned i = simulation.kind == THROTTLED; i < simulation.accounts; i++)
		last = MAX(last, transport_traffic()->last_import[i]);
	return last;
}

static int report(const char *name)
{
	const struct traffic *traffic = transport_traffic();
	double bound = MAX(simulation.certificates / 10.0, (double)simulation.certificates);
	usec_t last = simulation.kind == THROTTLED ? last_import() : traffic->last;
	double makespan = seconds(usec_sub(last, traffic->first));
	unsigned long in_sync = cloud_in_sync(simulation.cloud);
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
	good &= check(in_sync == pairs(), "every account holds every certificate's present version");
	good &= check(counts.imports - simulation.before.imports == pairs(), "one import each");
	good &= check(counts.refused == 0, "nothing else was refused");
	good &= check(simulation.kind != THROTTLED || transport_refused() > 0, "the slow account refused some");
	good &= check(simulation.kind != THROTTLED || transport_refused() < simulation.certificates / 20,
		"the slow account's lane became slow");
	if (counts.throttled || counts.refused || in_sync != pairs())
		(void)printf("  %lu throttled, %lu refused, %lu of %lu in sync\n", counts.throttled, counts.refused,
			in_sync, pairs());
	return good ? 0 : 1;
}

static int usage(void)
{
	(void)fputs("usage: simulation renewal|first|throttled CERTIFICATES ACCOUNTS SEED\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "renewal", "first", "throttled" };
	_cleanup_(freep) char *path = NULL;
	struct conductor_options options = { 0 };
	bool locked;
	int status;

	while (argc == 5 && strcmp(argv[1], names[simulation.kind]) != 0)
		if (++simulation.kind >= ARRAY_SIZE(names))
			break;
	if (argc != 5 || simulation.kind >= ARRAY_SIZE(names))
		return usage();
	simulation.certificates = (unsigned)atoi(argv[2]);
	simulation.accounts = (unsigned)atoi(argv[3]);
	simulation.seed = strtoull(argv[4], NULL, 10);
	if (!simulation.certificates || !simulation.accounts || simulation.accounts > TRAFFIC_ACCOUNTS)
		return usage();
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
			.quotas = true,
		},
		clock_now());
	transport_use(simulation.cloud);
	path = mem_printf("%s/certferry.yaml", simulation.directory);
	write_configuration(path);
	options.config_file = path;
	if (simulation.kind == FIRST)
		begin_sync();
	status = conductor_run(&options);
	if (status == 0)
		status = report(argv[1]);
	remove_directory();
	cloud_free(simulation.cloud);
	return status;
}
