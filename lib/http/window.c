/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/window.h"

#include "lib/base/mem.h"

/* After this long the connections of a host may be gone: load balancers close them unasked. */
#define QUIET_MAX (10 * USEC_PER_SEC)

void window_init(struct window *window)
{
	*window = (struct window){ .allowed = 1 };
}

bool window_may(struct window *window, size_t waiting, usec_t now)
{
	if (window->running == 0) {
		if (usec_sub(now, window->quiet) > QUIET_MAX)
			window->connected = false;
		window->led = !window->connected;
		return true;
	}
	if (window->led || window->running >= window->allowed)
		return false;
	if (window->sockets > window->running || !window->handshake || !window->response)
		return true;
	/* Worth a connection when those that are open have more to do than two handshakes take. */
	return waiting * window->response > 2 * window->running * window->handshake;
}

void window_sent(struct window *window)
{
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
	window->led = false;
	if (handshake)
		window->handshake = smooth(window->handshake, handshake);
	/* A connection that outlived the silence will not be the only one. */
	if (led && handshake)
		window->allowed = 2;
}

void window_ended(struct window *window, bool connected, usec_t response, usec_t now)
{
	window->running--;
	window->quiet = now;
	if (response) {
		window->response = smooth(window->response, response);
		window->allowed = MIN(window->allowed + 1, WINDOW_MAX);
	}
	/* Who led did not arrive, and has held up the others long enough: each tries by itself. */
	if (!connected && window->led) {
		window->led = false;
		window->allowed = WINDOW_MAX;
	}
}

void window_tick(struct window *window)
{
	if (!window->connected)
		return;
	window->response = MAX(window->response, (usec_t)WINDOW_TICK);
	window->allowed = MIN(2 * window->allowed, WINDOW_MAX);
}
