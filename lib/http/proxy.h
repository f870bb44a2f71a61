/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_PROXY_H
#define LIB_HTTP_PROXY_H

struct url;

/**
 * proxy_find(url):
 * The proxy through which the environment wants ${url} reached, or "" for none; borrowed from the
 * environment.  As botocore has it (urllib's getproxies_environment()): https_proxy or HTTPS_PROXY
 * for https, http_proxy or HTTP_PROXY for http, the lower case one counting even when it is empty;
 * ALL_PROXY does not count.  no_proxy or NO_PROXY lists, between commas, the hosts that are reached
 * directly: "*" alone for all; "example.com" or ".example.com" for that name and all below it, also
 * with a port; and beyond botocore, as in curl, networks of addresses ("10.0.0.0/8").  Loopback and
 * link-local are always reached directly.
 */
const char *proxy_find(const struct url *url);

/* proxy_variable(url): the variable that counts for ${url}, whether it is set or not. */
const char *proxy_variable(const struct url *url);

#endif
