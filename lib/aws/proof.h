/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_PROOF_H
#define LIB_AWS_PROOF_H

/*
 * A proof of who a session is, for somebody who is not AWS: the request GetCallerIdentity (STS, API
 * version 2011-06-15), signed and not sent.  Whoever is given it sends it, and learns from STS's
 * answer whose it is.  It is good for some minutes, and for that request alone.
 */

#include "lib/aws/aws.h"

struct aws_prove;

/* Valid only during the completion. */
struct aws_proof {
	const char *method;
	const char *url;
	const char *body;
	const struct secret *headers; /* {"Name":["value"],...}: the session's token may be among them */
};

struct aws_prove_request {
	const char *region; /* of the STS that is to be asked; NULL: the global one */
	/* One more header that is signed, so that the proof is of no use for anybody else; its name as
	 * it is written, "X-Vault-AWS-IAM-Server-ID", or NULL. */
	const char *header;
	const char *value;
};

/* aws_prove_fn(userdata, proof, err): exactly one of them is not NULL. */
typedef void (*aws_prove_fn)(void *userdata, const struct aws_proof *proof, const struct error *err);

/**
 * aws_prove_start(session, request, done, userdata):
 * Sign it with the session's credentials, once they are there.  ${request} is copied.  Errors are
 * those of its credentials (aws_done_fn), and ERROR_DENIED for none.
 */
struct aws_prove *aws_prove_start(struct aws_session *session, const struct aws_prove_request *request, aws_prove_fn done,
	void *userdata);

/* aws_prove_cancel(prove): no callback after this returns; NULL is fine.  Returns NULL. */
struct aws_prove *aws_prove_cancel(struct aws_prove *prove);

#endif
