/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role of an ECS task or an EKS pod, or what another agent on this host hands out in the same way.
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is a path on ECS' own address; AWS_CONTAINER_CREDENTIALS_FULL_URI is a whole
 * URL, and without https only one that does not leave this host.  The token that proves who asks is read from its file
 * at each fetch: EKS renews it there.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/aws/client.h"
#include "lib/aws/metadata.h"
#include "lib/aws/provider.h"
#include "lib/http/url.h"
#include "lib/pki/secret.h"

/* As botocore's ContainerMetadataFetcher has them. */
#define ECS_ORIGIN "http://169.254.170.2"
#define TIMEOUT	   (2 * USEC_PER_SEC)
#define TRIES	   3
#define PAUSE	   USEC_PER_SEC
#define TOKEN_MAX  ((size_t)20000)

struct container {
	struct provider provider;
	struct aws *aws;
	char *path; /* AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, or NULL */
	char *url;
	struct secret *header; /* while a fetch is under way, or NULL */
	struct metadata *metadata;
	provider_done_fn done;
	void *userdata;
};

/* The only end of a fetch.  ${credentials} or else ${err}. */
static void container_finish(
	struct container *container, struct credentials *credentials, struct error *err)
{
	container->header = secret_free(container->header);
	if (!credentials)
		(void)error_wrap(err, "credentials of this container");
	container->done(container->userdata, credentials, credentials ? NULL : err);
}

static int container_read(const struct container *container, const struct metadata_answer *answer,
	struct credentials **ret_credentials, struct error *err)
{
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	_cleanup_(freep) char *where = mem_printf("'%s'", container->url);
	int r;

	r = metadata_credentials(answer, where,
		"has this task or pod a role, and does its trust policy admit it?", &credentials, err);
	if (r < 0)
		return r;
	r = credentials_check(credentials, "its answer", aws_now(container->aws), err);
	if (r < 0)
		return error_wrap(err, "%s", where);
	*ret_credentials = take(credentials);
	return 0;
}

static void on_answer(
	void *userdata, const struct metadata_answer *answer, const struct error *err)
{
	struct container *container = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;
	struct credentials *found = NULL;

	container->metadata = NULL;
	if (err)
		error_copy(&failure, err);
	else
		(void)container_read(container, answer, &found, &failure);
	container_finish(container, found, &failure);
}

/* May it be asked?  In the clear only what is on this host. */
static int check_url(const struct container *container, struct error *err)
{
	static const char *const hosts[] = { "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
		"localhost", "[::1]" };
	_cleanup_(url_done) struct url url = { 0 };
	bool allowed;

	/* Behind the address it would be part of the host's name.  An empty one is a path, as in botocore. */
	if (container->path && *container->path && *container->path != '/')
		return error_set(err, ERROR_INVALID, 0,
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is '%s': a path that begins with / expected",
			container->path);
	if (url_read(container->url, &url) < 0)
		return error_set(err, ERROR_INVALID, 0,
			"AWS_CONTAINER_CREDENTIALS_FULL_URI is '%s': a URL of http or https expected",
			container->url);
	allowed = strcmp(url.scheme, "https") == 0 ||
		  (url.local && strncmp(url.host, "127.", 4) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		allowed |= strcasecmp(url.host, hosts[i]) == 0;
	if (allowed)
		return 0;
	return error_set(err, ERROR_DENIED, 0,
		"'%s': http is for loopback, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 only; "
		"use https",
		url.origin);
}

#define TOKEN	   "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

/* The token as it is: a line break at the end of its file makes it none, as in botocore. */
static int read_token_file(const char *path, struct secret **ret_header, struct error *err)
{
	_cleanup_(secret_freep) struct secret *content = NULL;
	const char *token;
	size_t length;
	int r;

	r = secret_read_bytes(path, TOKEN_MAX, &content, err);
	if (r < 0)
		return error_wrap(err, TOKEN_FILE);
	token = secret_borrow(content);
	length = secret_length(content);
	if (length && token[length - 1] == '\n')
		return error_set(err, ERROR_DENIED, 0,
			TOKEN_FILE ": '%s' ends in a line break; remove it (write the token with printf, not echo)",
			path);
	r = metadata_header("Authorization", token, length, ret_header, err);
	return r < 0 ? error_wrap(err, TOKEN_FILE ": '%s'", path) : 0;
}

static int read_header(struct secret **ret_header, struct error *err)
{
	const char *path = getenv(TOKEN_FILE), *token = getenv(TOKEN);
	int r;

	if (path)
		return read_token_file(path, ret_header, err);
	if (!token)
		return 0;
	r = metadata_header("Authorization", token, strlen(token), ret_header, err);
	return r < 0 ? error_wrap(err, TOKEN) : 0;
}

static void container_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	struct container *container = (struct container *)provider;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	container->done = done;
	container->userdata = userdata;
	if (check_url(container, &err) < 0 || read_header(&container->header, &err) < 0) {
		container_finish(container, NULL, &err);
		return;
	}
	container->metadata = metadata_start(container->aws,
		&(struct metadata_request){
			.method = "GET",
			.url = container->url,
			.secret_header = container->header,
			.timeout = TIMEOUT,
			.tries = TRIES,
			.pause = PAUSE,
			.json = true,
		},
		on_answer, container);
}

static void container_release(struct provider *provider)
{
	struct container *container = (struct container *)provider;

	metadata_cancel(container->metadata);
	secret_free(container->header);
	free(container->path);
	free(container->url);
	free(container);
}

struct provider *provider_container_new(struct aws *aws)
{
	const char *path = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *url = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	struct container *container = mem_new(struct container);

	*container = (struct container){
		.provider = { container_fetch, container_release },
		.aws = aws,
		.path = mem_strdup(path),
		.url = path ? mem_printf(ECS_ORIGIN "%s", path) : mem_strdup(url ?: ""),
	};
	return &container->provider;
}
