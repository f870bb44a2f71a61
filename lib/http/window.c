/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/window.h"

#include "lib/base/mem.h"

/* After this long the connections of a host may be gone: load balancers close them unasked. */
#define QUIET_MAX (10 * USEC_PER_SEC)

#define CREDIT_MAX USEC_PER_SEC

/* Above so many connections a further one is for those only who make use of it: a hundred answers for each that is
 * there, or a queue of several rounds.  A burst that is gone after a round or two opens none. */
#define SOCKETS_QUICK       ((size_t)32)
#define ANSWERS_A_SOCKET    100
#define ROUNDS_OF_A_BACKLOG 4

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

/* Is there enough to do for one connection more? */
static bool is_used(const struct window *window)
{
	/* Those that have just been sent may not have opened theirs yet. */
	size_t sockets = MAX(window->sockets, window->running);

	return sockets < SOCKETS_QUICK || window->backlog || window->slow ||
		window->answers / ANSWERS_A_SOCKET >= sockets;
}

bool window_may(struct window *window, usec_t now)
{
	if (window->running == 0) {
		if (usec_sub(now, window->quiet) > QUIET_MAX) {
			window->connected = window->failed = false;
			window->answers = 0;
		}
		window->led = !window->connected && !window->failed;
		return true;
	}
	if (window->led || window->running >= window->allowed)
		return false;
	if (has_idle(window) || !window->response)
		return true;
	return window->credit >= cost(window) && is_used(window);
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
		window->answers++;
		window->slow = false;
		window->response = smooth(window->response, response);
		window->allowed = MIN(window->allowed + 1, WINDOW_MAX);
	}
	/* A queue that is gone leaves no claim behind. */
	window->credit = waiting ? MIN(window->credit + response, CREDIT_MAX) : 0;
	window->backlog = waiting >
		(window->backlog ? 0 : ROUNDS_OF_A_BACKLOG * MAX(window->sockets, SOCKETS_QUICK));
	/* Who led did not arrive, and has held up the others long enough: each tries by itself. */
	if (!connected && window->led) {
		window->led = false;
		window->failed = true;
		window->allowed = WINDOW_MAX;
	}
}

void window_tick(struct window *window)
{
	window->slow = window->answers == window->ticked;
	window->ticked = window->answers;
	if (!window->connected)
		return;
	window->credit = MAX(window->credit, window->allowed * cost(window));
	window->allowed = MIN(2 * window->allowed, WINDOW_MAX);
}
