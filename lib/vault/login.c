/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins: what each method shows, and what it is given for it.  A token from a file is only looked
 * up, to know how long it lives; who may not do that has a token of which nobody knows the end.
 */
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/compose.h"
#include "lib/aws/proof.h"
#include "lib/http/http.h"
#include "lib/pki/secret.h"
#include "lib/vault/client.h"

#define TOKEN_MOST   ((size_t)4096)
#define ROLE_ID_MOST ((size_t)4096)

struct vault_login {
	struct vault *vault;
	struct secret *token; /* of a file, while it is looked up */
	struct vault_call *call;
	struct aws_prove *prove; /* aws: before the call */
	struct sd_event_source *defer; /* ends it with: */
	struct error failure;
	login_fn done;
	void *userdata;
};

static void login_free(struct vault_login *login)
{
	vault_call_cancel(login->call);
	aws_prove_cancel(login->prove);
	sd_event_source_disable_unref(login->defer);
	secret_free(login->token);
	error_done(&login->failure);
	free(login);
}

/* The only end but for cancelling. */
static void login_finish(
	struct vault_login *login, struct secret *token, const struct lease *lease, const struct error *err)
{
	login->done(login->userdata, token, lease, err);
	login_free(login);
}

static int on_failed(sd_event_source *source, void *userdata)
{
	struct vault_login *login = userdata;

	login_finish(login, NULL, NULL, &login->failure);
	return 0;
}

/* It could not even begin. */
static void login_fail_later(struct vault_login *login)
{
	if (sd_event_add_defer(login->vault->event, &login->defer, on_failed, login) < 0)
		mem_exhausted();
}

/* --- a token from a file --- */

/* A token that cannot be a header is none, and is not shown. */
static int check_token(const struct secret *token, const char *path, struct error *err)
{
	const char *text = secret_borrow(token);

	for (size_t i = 0; i < secret_length(token); i++)
		if (text[i] <= ' ' || text[i] > '~')
			return error_set(err, ERROR_DENIED, 0,
				"'%s' holds no token: it has blanks or characters that no token has", path);
	return 0;
}

static void on_looked_up(void *userdata, const json_t *body, const struct error *err)
{
	struct vault_login *login = userdata;
	const char *path = login->vault->own.token_file;
	struct lease lease = { .duration = USEC_INFINITY };
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	login->call = NULL;
	/* No right to look up is no fault of the token. */
	if (err && !(err->kind == ERROR_DENIED && strstr(err->text, "1 error occurred"))) {
		error_copy(&failure, err);
		(void)error_wrap(&failure, "token of '%s'", path);
		login_finish(login, NULL, NULL, &failure);
		return;
	}
	if (!err && lease_read(json_object_get(body, "data"), &lease) < 0) {
		(void)error_set(&failure, ERROR_RETRY, 0, "token of '%s': '%s' does not say how long it lives", path,
			login->vault->own.address);
		login_finish(login, NULL, NULL, &failure);
		return;
	}
	login_finish(login, take(login->token), &lease, NULL);
}

static void start_token_file(struct vault_login *login)
{
	const char *path = login->vault->own.token_file;

	if (secret_read_file(path, TOKEN_MOST, &login->token, &login->failure) < 0 ||
		check_token(login->token, path, &login->failure) < 0) {
		login_fail_later(login);
		return;
	}
	login->call = call_start_bare(login->vault,
		&(struct vault_request){ .what = "look up the token", .method = "GET", .path = "auth/token/lookup-self" },
		login->token, on_looked_up, login);
}

/* --- methods that are given a token --- */

static int take_auth(const json_t *body, struct secret **ret_token, struct lease *lease, struct error *err)
{
	const json_t *auth = json_object_get(body, "auth");
	const json_t *token = json_object_get(auth, "client_token");
	size_t length = json_string_length(token);

	if (json_is_object(json_object_get(auth, "mfa_requirement")))
		return error_set(err, ERROR_DENIED, 0,
			"this login asks for a second factor, which no daemon has; exempt the role");
	if (!length || length > TOKEN_MOST || lease_read(auth, lease) < 0)
		return error_set(err, ERROR_RETRY, 0, "an answer to a login without a token; is a proxy answering instead?");
	return secret_from(json_string_value(token), length, ret_token, err);
}

static void on_granted(void *userdata, const json_t *body, const struct error *err)
{
	struct vault_login *login = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;
	struct secret *token = NULL;
	struct lease lease;

	login->call = NULL;
	if (err)
		login_finish(login, NULL, NULL, err);
	else if (take_auth(body, &token, &lease, &failure) < 0)
		login_finish(login, NULL, NULL, &failure);
	else
		login_finish(login, token, &lease, NULL);
}

/* ${body} is taken over. */
static void start_login(struct vault_login *login, const char *what, struct secret *body)
{
	_cleanup_(freep) char *path = mem_printf("auth/%s/login", login->vault->own.auth_mount);

	login->call = call_start_bare(login->vault,
		&(struct vault_request){ .what = what, .method = "POST", .path = path, .secret_body = body }, NULL,
		on_granted, login);
}

struct approle {
	struct secret *role_id, *secret_id;
};

static void approle_members(struct compose *c, const void *data)
{
	const struct approle *approle = data;

	compose_text(c, "role_id", secret_borrow(approle->role_id), secret_length(approle->role_id));
	if (approle->secret_id)
		compose_text(c, "secret_id", secret_borrow(approle->secret_id), secret_length(approle->secret_id));
}

/* Read at each login, so that a secret id that was replaced is taken at the next one. */
static int approle_body(const struct vault_own *own, struct secret **ret_body, struct error *err)
{
	_cleanup_(secret_freep) struct secret *role_id = NULL, *secret_id = NULL;
	int r = secret_read_file(own->role_id_file, ROLE_ID_MOST, &role_id, err);

	if (r >= 0 && own->secret_id_file)
		r = secret_read_file(own->secret_id_file, ROLE_ID_MOST, &secret_id, err);
	if (r < 0)
		return r;
	return compose(approle_members, &(struct approle){ role_id, secret_id }, ret_body, err);
}

static void start_approle(struct vault_login *login)
{
	const struct vault_own *own = &login->vault->own;
	_cleanup_(freep) char *what = mem_printf("AppRole login with the ids of '%s'%s%s%s", own->role_id_file,
		own->secret_id_file ? " and '" : "", own->secret_id_file ?: "", own->secret_id_file ? "'" : "");
	struct secret *body;

	if (approle_body(own, &body, &login->failure) < 0)
		login_fail_later(login);
	else
		start_login(login, what, body);
}

static void certificate_members(struct compose *c, const void *data)
{
	compose_string(c, "name", ((const struct vault_own *)data)->role);
}

static void start_certificate(struct vault_login *login)
{
	const struct vault_own *own = &login->vault->own;
	_cleanup_(freep) char *what = mem_printf("login with the certificate of '%s'", own->certificate_file);
	struct secret *body;

	if (http_set_identity(login->vault->http, own->certificate_file, own->key_file, &login->failure) < 0 ||
		compose(certificate_members, own, &body, &login->failure) < 0)
		login_fail_later(login);
	else
		start_login(login, what, body);
}

struct aws_login {
	const struct vault_own *own;
	const struct aws_proof *proof;
};

static void aws_members(struct compose *c, const void *data)
{
	const struct aws_login *login = data;
	const struct aws_proof *proof = login->proof;

	compose_string(c, "role", login->own->role);
	compose_string(c, "iam_http_request_method", proof->method);
	compose_blob(c, "iam_request_url", proof->url, strlen(proof->url));
	compose_blob(c, "iam_request_body", proof->body, strlen(proof->body));
	compose_blob(c, "iam_request_headers", secret_borrow(proof->headers), secret_length(proof->headers));
}

static void on_proof(void *userdata, const struct aws_proof *proof, const struct error *err)
{
	struct vault_login *login = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;
	struct secret *body;

	login->prove = NULL;
	if (err)
		error_copy(&failure, err);
	if (err || compose(aws_members, &(struct aws_login){ &login->vault->own, proof }, &body, &failure) < 0) {
		(void)error_wrap(&failure, "AWS login");
		login_finish(login, NULL, NULL, &failure);
		return;
	}
	start_login(login, "AWS login", body);
}

static void start_aws(struct vault_login *login)
{
	const struct vault_own *own = &login->vault->own;

	login->prove = aws_prove_start(own->aws,
		&(struct aws_prove_request){
			.region = own->sts_region,
			.header = own->server_id ? "X-Vault-AWS-IAM-Server-ID" : NULL,
			.value = own->server_id,
		},
		on_proof, login);
}

struct vault_login *login_start(struct vault *vault, login_fn done, void *userdata)
{
	static void (*const starts[VAULT_METHOD_COUNT])(struct vault_login *) = {
		[VAULT_TOKEN_FILE] = start_token_file,
		[VAULT_APPROLE] = start_approle,
		[VAULT_CERTIFICATE] = start_certificate,
		[VAULT_AWS] = start_aws,
	};
	struct vault_login *login = mem_new(struct vault_login);

	*login = (struct vault_login){ .vault = vault, .done = done, .userdata = userdata };
	starts[vault->own.method](login);
	return login;
}

struct vault_login *login_cancel(struct vault_login *login)
{
	if (login)
		login_free(login);
	return NULL;
}
