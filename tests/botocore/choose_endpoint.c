/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choose_endpoint: where the client would send a request, and signed for what.  Each line of the
 * input is a case: SERVICE, REGION and OVERRIDE ("" for none), then NAME=VALUE of an environment,
 * all parted by tabs; SERVICE is its signing name.  The answer, a line too, is URL, HOST header and
 * credential scope, or "refused" and why.  --services lists the services there are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/aws/endpoint.h"
#include "lib/aws/headers.h"
#include "lib/aws/profile.h"
#include "lib/aws/provider.h"
#include "lib/aws/sigv4.h"
#include "lib/pki/secret.h"

static struct secret *secret_key;

static void list_services(void)
{
	for (enum aws_service service = 0; service < AWS_SERVICE_COUNT; service++)
		puts(service_find(service)->signing_name);
}

static enum aws_service service_named(const char *name)
{
	enum aws_service service = 0;

	while (strcmp(service_find(service)->signing_name, name) != 0)
		if (++service == AWS_SERVICE_COUNT) {
			fprintf(stderr, "choose_endpoint: no service '%s'\n", name);
			exit(2);
		}
	return service;
}

/* Takes the rest of the line as the whole environment. */
static void set_environment(char *rest)
{
	char *setting;

	clearenv();
	while ((setting = strsep(&rest, "\t"))) {
		char *value = strchr(setting, '=');

		*value++ = '\0';
		setenv(setting, value, 1);
	}
}

/* What the signed headers say: Host, and of the Authorization its scope. */
static void print_signed(
	const struct endpoint *endpoint, enum aws_service service, const char *region)
{
	struct credentials credentials = { .key_id = (char *)"AKIDEXAMPLE",
		.secret_key = secret_key };
	struct headers headers = { 0 };
	const struct headers_request request = {
		.credentials = &credentials,
		.service = service_find(service),
		.operation = "Operation",
		.region = region,
		.endpoint = endpoint,
		.body_hash = "",
		.time = (usec_t)1440938160 * USEC_PER_SEC,
	};
	const char *host = NULL, *scope = NULL;

	if (headers_make(&request, &headers, NULL) < 0)
		exit(1);
	for (size_t i = 0; i < headers.count; i++) {
		if (strncmp(headers.list[i], "Host: ", 6) == 0)
			host = headers.list[i] + 6;
		if (strncmp(headers.list[i], "Authorization: ", 15) == 0)
			scope = strstr(headers.list[i], "/20150830/") + strlen("/20150830/");
	}
	printf("%s\t%s\t%.*s\n", endpoint->url, host, (int)strcspn(scope, ","), scope);
	headers_done(&headers);
}

static int find(enum aws_service service, const char *region, const char *override,
	struct endpoint *endpoint, struct error *err)
{
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	_cleanup_(endpoint_settings_done) struct endpoint_settings settings = { 0 };
	int r;

	r = profiles_load(getenv("AWS_CONFIG_FILE"), NULL, &profiles, err);
	if (r < 0)
		return r;
	endpoint_settings_load(&settings, profiles, getenv("AWS_PROFILE") ?: "default");
	return endpoint_find(&settings, service, region, override, endpoint, err);
}

static void answer(char *line)
{
	_cleanup_(endpoint_done) struct endpoint endpoint = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	enum aws_service service = service_named(strsep(&line, "\t"));
	const char *region = strsep(&line, "\t");
	const char *override = strsep(&line, "\t");

	set_environment(line);
	if (find(service, region, override, &endpoint, &err) < 0)
		printf("refused\t%s\n", err.text);
	else
		print_signed(&endpoint, service, region);
}

int main(int argc, char **argv)
{
	static const char key[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0 ||
		secret_from(key, strlen(key), &secret_key, NULL) < 0)
		return 1;
	if (argc == 2 && strcmp(argv[1], "--services") == 0)
		list_services();
	while (argc == 1 && (length = getline(&line, &room, stdin)) > 0) {
		line[length - 1] = '\0';
		answer(line);
	}
	free(line);
	secret_free(secret_key);
	return 0;
}
