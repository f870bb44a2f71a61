/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choose_proxy: the proxy for each URL of the input, a line each, in the environment that this
 * program has; an empty line for none.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/http/proxy.h"
#include "lib/http/url.h"
#include "lib/pki/secret.h"

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	while ((length = getline(&line, &room, stdin)) > 0) {
		struct url url;

		line[length - 1] = '\0';
		if (url_read(line, &url) < 0)
			return 2;
		puts(proxy_find(&url));
		url_done(&url);
	}
	free(line);
	return 0;
}
