/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_URL_H
#define LIB_HTTP_URL_H

/* What of a URL decides how it is reached. */

#include <stdbool.h>

struct url {
	char *scheme; /* "https" or "http" */
	char *origin; /* "https://HOST[:PORT]"; may be shown, a user and password are left out */
	char *host; /* without a port; an IPv6 address is in brackets */
	struct Curl_URL *parts; /* all of it, for libcurl: a CURLU */
	bool local; /* loopback or link-local: never through a proxy */
};

/* url_read(text, url): fill ${url}; -EINVAL, with ${url} empty, for what is no URL of https
 * or http. */
int url_read(const char *text, struct url *url);

/* url_done(url): release it. */
void url_done(struct url *url);

#endif
