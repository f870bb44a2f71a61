/* SPDX-License-Identifier: Apache-2.0 */

/*
 * disk.so, preloaded into certferryd: counts what waits for the disk, without the slowdown of a tracer, and makes each
 * wait longer.
 *	DISK_COUNT=FILE		8 bytes that are there already: the number, as it grows
 *	DISK_DELAY_US=N		each call sleeps so long before it goes to the disk
 * Programs that certferryd starts are left alone.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef int sync_fn(int);

static sync_fn *real_fsync, *real_fdatasync, *real_syncfs;
static _Atomic int64_t *count;
static struct timespec delay;

__attribute__((constructor)) static void prepare(void)
{
	const char *path = getenv("DISK_COUNT"), *text = getenv("DISK_DELAY_US");
	const long us = text ? atol(text) : 0;
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	real_fsync = (sync_fn *)dlsym(RTLD_NEXT, "fsync");
	real_fdatasync = (sync_fn *)dlsym(RTLD_NEXT, "fdatasync");
	real_syncfs = (sync_fn *)dlsym(RTLD_NEXT, "syncfs");
	delay = (struct timespec){ us / 1000000, us % 1000000 * 1000 };
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || count == MAP_FAILED) {
		perror("disk.so: DISK_COUNT");
		exit(1);
	}
	close(fd);
	unsetenv("LD_PRELOAD");
}

static void wait_for_it(void)
{
	atomic_fetch_add(count, 1);
	if (delay.tv_sec || delay.tv_nsec)
		nanosleep(&delay, NULL);
}

int fsync(int fd)
{
	wait_for_it();
	return real_fsync(fd);
}

int fdatasync(int fd)
{
	wait_for_it();
	return real_fdatasync(fd);
}

int syncfs(int fd)
{
	wait_for_it();
	return real_syncfs(fd);
}
