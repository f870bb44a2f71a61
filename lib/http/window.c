/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/window.h"

#include "lib/base/mem.h"

/* After this long the connections of a host may be gone: load balancers close them unasked. */
#define QUIET_MAX (10 * USEC_PER_SEC)

#define CREDIT_MAX USEC_PER_SEC

/* So many go at once to a host that answers: one after another on fewer connections, a renewed certificate
 * would take a round trip for each further one to reach all accounts. */
#define BURST 32

/* Unless so many answers take less than a handshake: then a few connections do. */
#define QUICK_ANSWERS 8

void window_init(struct window *window)
{
	*window = (struct window){ .allowed = 1 };
}

/* A handshake takes work on both sides, and others wait for those who do it. */
static usec_t cost(const struct window *window)
{
	return 2 * window->handshake;
}

static bool has_idle(const struct window *window)
{
	return window->sockets > window->running;
}

/* Is it known to answer, so that none has to find that out for the others? */
static bool is_warm(const struct window *window)
{
	return window->connected && window->response &&
	       QUICK_ANSWERS * window->response >= window->handshake;
}

bool window_may(struct window *window, usec_t now)
{
	if (window->running == 0) {
		if (usec_sub(now, window->quiet) > QUIET_MAX) {
			window->connected = window->failed = false;
		}
		window->led = !window->connected && !window->failed;
		return true;
	}
	if (window->led)
		return false;
	if (window->running < BURST && is_warm(window))
		return true;
	if (window->running >= window->allowed)
		return false;
	if (has_idle(window) || !window->response)
		return true;
	return window->credit >= cost(window);
}

void window_sent(struct window *window)
{
	if (!has_idle(window))
		window->credit = usec_sub(window->credit, cost(window));
	window->running++;
}

/* The mean of what was and what is, for all that is known of either. */
static usec_t smooth(usec_t before, usec_t sample)
{
	return before ? (3 * before + sample) / 4 : sample;
}

void window_connected(struct window *window, usec_t handshake)
{
	bool led = window->led;

	window->connected = true;
	window->led = window->failed = false;
	if (handshake)
		window->handshake = smooth(window->handshake, handshake);
	/* A connection that outlived the silence will not be the only one. */
	if (led && handshake)
		window->allowed = 2;
}

void window_ended(
	struct window *window, bool connected, usec_t response, size_t waiting, usec_t now)
{
	window->running--;
	window->quiet = now;
	if (response) {
		window->response = smooth(window->response, response);
		window->allowed = MIN(window->allowed + 1, WINDOW_MAX);
	}
	/* A queue that is gone leaves no claim behind. */
	window->credit = waiting ? MIN(window->credit + response, CREDIT_MAX) : 0;
	/* Who led did not arrive, and has held up the others long enough: each tries by itself. */
	if (!connected && window->led) {
		window->led = false;
		window->failed = true;
		window->allowed = WINDOW_MAX;
	}
}

void window_tick(struct window *window)
{
	if (!window->connected)
		return;
	window->credit = MAX(window->credit, window->allowed * cost(window));
	window->allowed = MIN(2 * window->allowed, WINDOW_MAX);
}
