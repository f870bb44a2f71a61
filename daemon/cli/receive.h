/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_RECEIVE_H
#define DAEMON_CLI_RECEIVE_H

/*
 * Answers of the daemon as they come, however long.  One that ends before it is whole is an error with CLIENT_CUT,
 * and never taken for an answer.
 */

#include <jansson.h>

#include "daemon/cli/client.h"

/* receive_reply(client, question, reply, err): all of it, parsed; the caller owns ${ret_reply}. */
int receive_reply(struct client *client, const struct client_question *question, json_t **ret_reply, struct error *err);

/* receive_print(client, question, exit, err): to standard output, once it is whole; from 16 MiB on as it comes, so that an
 * error may follow what was printed.  ${ret_exit} is the exit status that it says. */
int receive_print(struct client *client, const struct client_question *question, int *ret_exit, struct error *err);

#endif
