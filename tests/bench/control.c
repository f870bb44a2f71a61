/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/mem.h"
#include "lib/os/clock.h"
#include "tests/bench/server.h"

/* The number of "NAME=NUMBER" in the query of ${path}, or 0. */
static unsigned parameter(const char *path, const char *name)
{
	const char *at = strchr(path, '?');
	const size_t length = strlen(name);

	for (; at; at = strchr(at, '&')) {
		at++;
		if (strncmp(at, name, length) == 0 && at[length] == '=')
			return (unsigned)strtoul(at + length + 1, NULL, 10);
	}
	return 0;
}

static void make_anew(struct server *server, const char *path)
{
	const struct cloud_settings settings = {
		.certificates = parameter(path, "certificates"),
		.accounts = parameter(path, "accounts"),
		.imported = parameter(path, "imported"),
		.quotas = parameter(path, "quotas"),
		.spread = parameter(path, "spread"),
		.by_domain = parameter(path, "by_domain"),
		.no_search = parameter(path, "no_search"),
	};

	cloud_free(server->cloud);
	server->cloud = cloud_new(&settings, clock_now());
	server->connections = server->open;
	server->handshakes = server->resumed = server->requests = server->reused = server->traced = 0;
}

static unsigned long cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (unsigned long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
		(unsigned long)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void write_counts(const struct server *server, struct buf *answer)
{
	struct cloud_counts counts;

	cloud_count(server->cloud, &counts);
	buf_printf(answer,
		"{\"requests\": %lu, \"exports\": %lu, \"imports\": %lu, \"looks\": %lu, \"throttled\": %lu, "
		"\"refused\": %lu, \"in_sync\": %lu, \"now\": %llu, \"last_import\": %llu, ",
		counts.requests, counts.exports, counts.imports, counts.source_listings, counts.throttled, counts.refused,
		cloud_in_sync(server->cloud, 0), (unsigned long long)clock_now(), (unsigned long long)counts.last_import);
	buf_printf(answer,
		"\"connections\": %lu, \"open\": %lu, \"handshakes\": %lu, \"resumed\": %lu, \"reused\": %lu, "
		"\"cpu\": %lu}",
		server->connections, server->open, server->handshakes, server->resumed, server->reused, cpu());
}

static void write_trace(struct server *server, struct buf *answer)
{
	unsigned long first = server->traced > TRACE_SIZE ? server->traced - TRACE_SIZE : 0;

	buf_append_char(answer, '[');
	for (unsigned long i = first; i < server->traced; i++) {
		const struct trace_entry *entry = &server->trace[i % TRACE_SIZE];

		buf_printf(answer, "%s[%llu, %llu, %u, %d, %d, \"%s\", \"%s\", %llu]", i > first ? ",\n" : "",
			(unsigned long long)entry->received, (unsigned long long)entry->answered, entry->connection,
			entry->first, entry->status, entry->account, entry->operation,
			(unsigned long long)entry->begun);
	}
	buf_append_char(answer, ']');
	server->traced = 0;
}

static bool is_path(const char *path, const char *name)
{
	return strncmp(path, name, strlen(name)) == 0 && strchr("?", path[strlen(name)]);
}

bool control(struct server *server, const char *path, struct buf *ret_answer)
{
	buf_clear(ret_answer);
	if (is_path(path, "/new"))
		make_anew(server, path);
	else if (is_path(path, "/renew"))
		cloud_renew(server->cloud, parameter(path, "first"), parameter(path, "count"), clock_now());
	else if (is_path(path, "/delay"))
		server->delay = parameter(path, "ms") * USEC_PER_MSEC;
	else if (is_path(path, "/counts"))
		write_counts(server, ret_answer);
	else if (is_path(path, "/trace"))
		write_trace(server, ret_answer);
	else if (is_path(path, "/import-body"))
		cloud_import_body(server->cloud, parameter(path, "index"), ret_answer);
	else if (is_path(path, "/ca"))
		buf_append_string(ret_answer, cloud_ca(server->cloud));
	else
		return false;
	return true;
}
