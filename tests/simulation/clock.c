/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A timer is an eventfd that is written to when its time has come: readable, and eight bytes to read, as of a
 * timerfd.  epoll_wait() asks the kernel without waiting; when nothing is ready, the clock jumps.
 */

#include "tests/simulation/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/mem.h"

#define MONOTONIC_START (1000 * USEC_PER_SEC)
#define WALL_START	(1780000000 * USEC_PER_SEC) /* in 2026 */
#define TIMERS_MAX	64

struct timer {
	int fd;
	clockid_t clock;
	usec_t at; /* monotonic; USEC_INFINITY: not armed */
};

static struct {
	bool started;
	usec_t now; /* monotonic */
	uint64_t random;
	virtual_idle_fn idle;
	struct timer timers[TIMERS_MAX];
	size_t count;
} virtual;

void virtual_start(uint64_t seed, virtual_idle_fn idle)
{
	virtual.started = true;
	virtual.now = MONOTONIC_START;
	virtual.random = seed;
	virtual.idle = idle;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t virtual_random(void)
{
	uint64_t z = virtual.random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static bool is_wall(clockid_t id)
{
	return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_REALTIME_ALARM ||
	       id == CLOCK_TAI;
}

/* --- what reads the time --- */

static usec_t to_usec(const struct timespec *ts)
{
	return (usec_t)ts->tv_sec * USEC_PER_SEC + (usec_t)ts->tv_nsec / 1000;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	usec_t now = virtual.now;

	if (!virtual.started || id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID)
		return (int)syscall(SYS_clock_gettime, id, ts);
	if (is_wall(id))
		now += WALL_START - MONOTONIC_START;
	ts->tv_sec = (time_t)(now / USEC_PER_SEC);
	ts->tv_nsec = (long)(now % USEC_PER_SEC) * 1000;
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

usec_t virtual_cpu(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return to_usec(&ts);
}

ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
	uint8_t *bytes = buffer;

	if (!virtual.started)
		return syscall(SYS_getrandom, buffer, length, flags);
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(virtual_random() >> 56);
	return (ssize_t)length;
}

/* --- what waits for it --- */

int timerfd_create(clockid_t id, int flags)
{
	struct timer *timer = &virtual.timers[virtual.count++];

	assert(virtual.started && virtual.count <= TIMERS_MAX);
	timer->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	timer->clock = id;
	timer->at = USEC_INFINITY;
	return timer->fd;
}

static struct timer *timer_find(int fd)
{
	for (size_t i = 0; i < virtual.count; i++)
		if (virtual.timers[i].fd == fd)
			return &virtual.timers[i];
	return NULL;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	struct timer *timer = timer_find(fd);
	usec_t at = to_usec(&new->it_value);
	uint64_t unused;

	assert(timer && !old && new->it_interval.tv_sec == 0);
	(void)!read(fd, &unused, sizeof(unused)); /* setting it takes back that it has run out */
	timer->at = USEC_INFINITY;
	if (new->it_value.tv_sec == 0 && new->it_value.tv_nsec == 0)
		return 0;
	if (!(flags & TFD_TIMER_ABSTIME))
		at = usec_add(at, virtual.now);
	else if (is_wall(timer->clock))
		at = usec_sub(at, WALL_START - MONOTONIC_START);
	timer->at = at;
	return 0;
}

static usec_t next_timer(void)
{
	usec_t next = USEC_INFINITY;

	for (size_t i = 0; i < virtual.count; i++)
		next = MIN(next, virtual.timers[i].at);
	return next;
}

static void run_out(void)
{
	const uint64_t one = 1;

	for (size_t i = 0; i < virtual.count; i++) {
		if (virtual.timers[i].at > virtual.now)
			continue;
		virtual.timers[i].at = USEC_INFINITY;
		(void)!write(virtual.timers[i].fd, &one, sizeof(one));
	}
}

static int ready(int epfd, struct epoll_event *events, int count)
{
	return (int)syscall(SYS_epoll_wait, epfd, events, count, 0);
}

int epoll_wait(int epfd, struct epoll_event *events, int count, int timeout)
{
	usec_t end = timeout < 0 ? USEC_INFINITY
				 : usec_add(virtual.now, (usec_t)timeout * USEC_PER_MSEC);

	for (;;) {
		int n;
		usec_t next;

		run_out();
		n = ready(epfd, events, count);
		if (n != 0 || virtual.now >= end)
			return n;
		next = MIN(next_timer(), end);
		virtual.idle(next);
		n = ready(epfd, events, count); /* a signal, for one */
		if (n != 0)
			return n;
		if (next == USEC_INFINITY)
			abort(); /* nobody will ever wake it */
		virtual.now = MAX(virtual.now, next);
	}
}
