/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/client.h"
#include "daemon/cli/table.h"

/* The daemon's own is a courtesy: without a daemon there is none to tell. */
int command_version(const struct cli *cli)
{
	_cleanup_(client_freep) struct client *client = NULL;
	_cleanup_(freep) char *version = NULL;

	puts("certferry " CERTFERRY_VERSION);
	if (client_open(&client, NULL) >= 0 && client_version(client, &version, NULL) >= 0)
		printf("certferryd %s\n", plain(version));
	return CLI_OK;
}
