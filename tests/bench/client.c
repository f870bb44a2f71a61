/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast and how frugal the AWS client is: sends signed requests of one operation, a fixed number
 * at a time and at no rate, and prints one line of JSON with what that took.  The processor's time
 * is that of sending and reading alone; start and set-up come before it.
 *
 *	client ENDPOINT OPERATION REQUESTS IN_FLIGHT
 *
 * OPERATION: describe (1.2 KB out), import (6.8 KB in) or list (pages of what the endpoint has).
 * Credentials and AWS_CA_BUNDLE come from the environment, as with the AWS CLI.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/aws/acm.h"
#include "lib/aws/aws.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"

#define REGION "eu-west-1"

#define RATE   1e6 /* requests a second: no limit */

#define WARM_UP 100 /* rounds at most */

struct bench {
	sd_event *event;
	struct aws *aws;
	struct aws_session *session;
	struct aws_request request;
	char *import; /* the body of an import, or NULL */
	char *arn; /* what to describe, or NULL */
	bool list;
	unsigned long left; /* to be started */
	unsigned long open; /* started, not ended */
	unsigned long failed;
	struct error failure; /* the first one */
};

static void start(struct bench *bench);

/* The next one, from the loop as everything else. */
static void ended(struct bench *bench, const struct error *err)
{
	bench->open--;
	if (err && !bench->failed++)
		error_copy(&bench->failure, err);
	if (bench->left > 0)
		start(bench);
}

static void on_answer(void *userdata, const json_t *body, const struct error *err)
{
	ended(userdata, err);
}

static void on_described(void *userdata, const struct acm_description *description, const struct error *err)
{
	ended(userdata, err);
}

static void on_page(void *userdata, struct acm_summary *items, size_t count)
{
}

static void on_listed(void *userdata, const struct error *err)
{
	ended(userdata, err);
}

static void start(struct bench *bench)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	bench->left--;
	bench->open++;
	if (bench->list) {
		(void)acm_list(bench->session, REGION, ACM_SCOPE_USUAL, on_page, on_listed, bench);
		return;
	}
	if (bench->arn) {
		(void)acm_describe(bench->session, REGION, bench->arn, on_described, bench);
		return;
	}
	if (bench->import && secret_from(bench->import, strlen(bench->import),
				     &bench->request.secret_body, &err) < 0) {
		(void)fprintf(stderr, "client: %s\n", err.text);
		exit(1);
	}
	(void)aws_call_start(bench->session, &bench->request, on_answer, bench);
}

static char *read_body(const char *path)
{
	FILE *file = fopen(path, "re");
	struct buf body = BUF_NULL;
	char part[4096];
	size_t length;

	if (!file) {
		perror(path);
		exit(1);
	}
	while ((length = fread(part, 1, sizeof(part), file)) > 0)
		buf_append(&body, part, length);
	(void)fclose(file);
	return buf_take(&body);
}

static double cpu_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The proportional set size, from the kernel's own sum; 0 where it keeps none. */
static long pss_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "Pss:", 4) == 0)
			kib = strtol(line + 4, NULL, 10);
	if (file)
		(void)fclose(file);
	return kib;
}

static int usage(void)
{
	(void)fputs("usage: client ENDPOINT describe|import|list REQUESTS IN_FLIGHT BODY-FILE [cold]\n", stderr);
	return 2;
}

static int prepare(struct bench *bench, const char *endpoint, const char *operation, const char *body_file)
{
	static const char *const names[] = { "describe", "import", "list" };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *body = NULL;
	json_t *json;

	bench->list = strcmp(operation, names[2]) == 0;
	if (strcmp(operation, names[0]) == 0) {
		body = read_body(body_file);
		json = json_loads(body, 0, NULL);
		bench->arn = mem_strdup(json_string_value(json_object_get(json, "CertificateArn")));
		json_decref(json);
	} else if (strcmp(operation, names[1]) == 0) {
		bench->import = read_body(body_file);
		bench->request = (struct aws_request){
			.service = AWS_ACM, .operation = "ImportCertificate", .region = REGION
		};
	} else if (!bench->list) {
		return usage();
	}
	if (sd_event_default(&bench->event) < 0 || aws_new(bench->event, &bench->aws, &err) < 0) {
		(void)fprintf(stderr, "client: %s\n", err.text);
		return 1;
	}
	(void)aws_set_quota(bench->aws, "acm", "DescribeCertificate", RATE);
	(void)aws_set_quota(bench->aws, "acm", "ImportCertificate", RATE);
	(void)aws_set_quota(bench->aws, "acm", "ListCertificates", RATE);
	bench->session = aws_session_get(
		bench->aws, &(struct aws_identity){ .endpoint_url = endpoint });
	return 0;
}

static int report(const struct bench *bench, unsigned long requests, double seconds, double cpu)
{
	(void)printf("{\"requests\": %lu, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"pss_kib\": %ld, "
		     "\"connections\": %lu, \"failed\": %lu}\n",
		requests, seconds, cpu, pss_kib(), (unsigned long)aws_connections(bench->aws),
		bench->failed);
	if (bench->failed)
		(void)fprintf(stderr, "client: %lu of %lu failed, the first: %s\n", bench->failed,
			requests, bench->failure.text);
	return bench->failed ? 1 : 0;
}

/* So many requests, so many at a time, to the last answer. */
static void send_all(struct bench *bench, unsigned long requests, unsigned long in_flight)
{
	bench->left = requests;
	while (bench->left > 0 && bench->open < in_flight)
		start(bench);
	while (bench->open > 0)
		(void)sd_event_run(bench->event, UINT64_MAX);
}

/* The client opens connections by and by; who measures it warm waits for one for each request that is under way, if it
 * ever has so many. */
static void warm_up(struct bench *bench, unsigned long in_flight)
{
	bench->left = WARM_UP * in_flight;
	while (bench->left > 0 && bench->open < in_flight)
		start(bench);
	while (bench->open > 0) {
		(void)sd_event_run(bench->event, UINT64_MAX);
		if (aws_connections(bench->aws) >= in_flight)
			bench->left = 0;
	}
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	unsigned long requests, in_flight;
	double cpu, began;
	bool locked, cold;
	int r;

	cold = argc == 7 && strcmp(argv[6], "cold") == 0;
	if (argc != 6 && !cold)
		return usage();
	requests = strtoul(argv[3], NULL, 10);
	in_flight = strtoul(argv[4], NULL, 10);
	if (requests == 0 || in_flight == 0)
		return usage();
	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	r = prepare(&bench, argv[1], argv[2], argv[5]);
	if (r != 0)
		return r;

	if (!cold)
		warm_up(&bench, in_flight);
	began = (double)clock_monotonic() / USEC_PER_SEC;
	cpu = cpu_seconds();
	send_all(&bench, requests, in_flight);
	cpu = cpu_seconds() - cpu;
	r = report(&bench, requests, (double)clock_monotonic() / USEC_PER_SEC - began, cpu);

	aws_free(bench.aws);
	sd_event_unref(bench.event);
	free(bench.arn);
	error_done(&bench.failure);
	free(bench.import);
	return r;
}
