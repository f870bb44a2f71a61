/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hurry.so, preloaded into certferryd: when it has nothing to do but to wait for a timer, the monotonic clocks leap to
 * it, as often as the first number in the file $HURRY says (three of 8 bytes, shared; this one is counted down).  So
 * months of polls take a minute, with the program as it is shipped.
 *
 * If the second number is not 0, the wall clock leaps as well, and the third tells the server by how many nanoseconds
 * it has, so that the program sees time pass as it does.  Otherwise the wall clock stays right, so that nothing
 * expires in those months; to the program it has then been set back at each leap, whereupon it plans everything anew.
 *
 * A timer that is less than SHORT away may be the limit of a request under way, so it is leapt to only when nothing
 * has come for QUIET_MS, within which the bench's server has always answered.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND   INT64_C(1000000000)
#define SHORT    (31 * SECOND)
#define FD_MAX   1024
#define QUIET_MS 200
#define IDLE_MS  1 /* so long without an event is nothing to do */
#define REST_MS  50 /* how often to see whether it may hurry again */

typedef int clock_gettime_fn(clockid_t, struct timespec *);
typedef int timerfd_create_fn(int, int);
typedef int timerfd_settime_fn(int, int, const struct itimerspec *, struct itimerspec *);
typedef int close_fn(int);
typedef int epoll_wait_fn(int, struct epoll_event *, int, int);

static clock_gettime_fn *real_clock_gettime;
static timerfd_create_fn *real_timerfd_create;
static timerfd_settime_fn *real_timerfd_settime;
static close_fn *real_close;
static epoll_wait_fn *real_epoll_wait;

static int64_t leapt; /* nanoseconds */
static int64_t deadlines[FD_MAX]; /* of the timers of monotonic clocks, as the program knows them; 0: none */
static char monotonic[FD_MAX];
static volatile int64_t *shared;

enum {
	LEAPS_LEFT,
	WALL_LEAPS,
	WALL_LEAPT,
	NUMBERS,
};

static int64_t to_number(const struct timespec *time)
{
	return time->tv_sec * SECOND + time->tv_nsec;
}

static struct timespec from_number(int64_t number)
{
	return (struct timespec){ .tv_sec = number / SECOND, .tv_nsec = number % SECOND };
}

__attribute__((constructor)) static void begin(void)
{
	int fd = open(getenv("HURRY"), O_RDWR | O_CLOEXEC);

	real_clock_gettime = (clock_gettime_fn *)dlsym(RTLD_NEXT, "clock_gettime");
	real_timerfd_create = (timerfd_create_fn *)dlsym(RTLD_NEXT, "timerfd_create");
	real_timerfd_settime = (timerfd_settime_fn *)dlsym(RTLD_NEXT, "timerfd_settime");
	real_epoll_wait = (epoll_wait_fn *)dlsym(RTLD_NEXT, "epoll_wait");
	shared = mmap(NULL, NUMBERS * sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || shared == MAP_FAILED) {
		fprintf(stderr, "hurry: $HURRY is no file of %zu bytes\n", NUMBERS * sizeof(*shared));
		exit(1);
	}
	close(fd);
	unsetenv("LD_PRELOAD");
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	int r;

	if (!real_clock_gettime) /* another constructor was first */
		real_clock_gettime = (clock_gettime_fn *)dlsym(RTLD_NEXT, "clock_gettime");
	r = real_clock_gettime(clock, time);
	if (r == 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_MONOTONIC_RAW ||
			      clock == CLOCK_MONOTONIC_COARSE))
		*time = from_number(to_number(time) + leapt);
	if (r == 0 && clock == CLOCK_REALTIME && shared)
		*time = from_number(to_number(time) + shared[WALL_LEAPT]);
	return r;
}

int timerfd_create(int clock, int flags)
{
	int fd = real_timerfd_create(clock, flags);

	if (fd >= FD_MAX)
		abort();
	if (fd >= 0) {
		monotonic[fd] = clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME;
		deadlines[fd] = 0;
	}
	return fd;
}

static int arm(int fd, struct itimerspec setting, struct itimerspec *old)
{
	int64_t real = deadlines[fd] - leapt;

	setting.it_value = from_number(real > 0 ? real : 1);
	return real_timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, old);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *setting, struct itimerspec *old)
{
	if (fd < 0 || fd >= FD_MAX || !monotonic[fd] || !(flags & TFD_TIMER_ABSTIME))
		return real_timerfd_settime(fd, flags, setting, old);
	deadlines[fd] = to_number(&setting->it_value);
	return deadlines[fd] ? arm(fd, *setting, old) : real_timerfd_settime(fd, flags, setting, old);
}

int close(int fd)
{
	if (fd >= 0 && fd < FD_MAX)
		deadlines[fd] = monotonic[fd] = 0;
	if (!real_close)
		real_close = (close_fn *)dlsym(RTLD_NEXT, "close");
	return real_close(fd);
}

/* False: the next timer is too near to be leapt to after so short a quiet, or there is none. */
static bool leap(int quiet)
{
	int64_t next = INT64_MAX;
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	for (int fd = 0; fd < FD_MAX; fd++)
		if (deadlines[fd] && deadlines[fd] < next)
			next = deadlines[fd];
	if (next == INT64_MAX || (next - to_number(&time) <= SHORT && quiet < QUIET_MS))
		return false;
	leapt += next - to_number(&time);
	if (shared[WALL_LEAPS])
		shared[WALL_LEAPT] += next - to_number(&time);
	shared[LEAPS_LEFT] = shared[LEAPS_LEFT] - 1;
	for (int fd = 0; fd < FD_MAX; fd++)
		if (deadlines[fd])
			(void)arm(fd, (struct itimerspec){ 0 }, NULL);
	return true;
}

int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
	int count, quiet = 0, patience = shared[LEAPS_LEFT] > 0 ? IDLE_MS : REST_MS;

	if (timeout >= 0)
		return real_epoll_wait(epoll, events, room, timeout);
	for (;;) {
		count = real_epoll_wait(epoll, events, room, patience);
		if (count != 0)
			return count;
		quiet += patience;
		if (shared[LEAPS_LEFT] > 0 && leap(quiet))
			quiet = 0;
		patience = quiet == 0 ? IDLE_MS : REST_MS;
	}
}
