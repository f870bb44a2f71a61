/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_CALL_H
#define LIB_AWS_CALL_H

/* Requests of the query protocol, which only lib/aws itself makes.  See aws_call_start(). */

#include "lib/aws/aws.h"

/* call_form_fn(userdata, body, length, err): the XML of the answer (it may hold secrets),
 * or an error. */
typedef void (*call_form_fn)(
	void *userdata, const char *body, size_t length, const struct error *err);

struct form_request {
	enum aws_service service;
	const char *operation;
	const char *region;
	const char *form; /* the body, copied */
	struct secret *secret_form; /* instead: taken over and wiped when the call ends */
	const char *secret_name; /* as in struct aws_request */
};

/* call_start_form(...): as aws_call_start().  The endpoint is the service's own, never the session's
 * endpoint_url. */
struct aws_call *call_start_form(struct aws_session *session, const struct form_request *request,
	call_form_fn done, void *userdata);

#endif
