#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What: libsystemd 252.39 (Debian 12), package version below.
# Input: a bus whose socket accepts the connection and then says nothing, as one does whose process is stopped or busy; a
# call with a timeout of 250 ms, given both to the connection and to sd_bus_call().
# Expected: sd_bus_call() returns -ETIMEDOUT after 0.25 s.
# Seen: it returns -ENOTCONN after 90 s.  The timeout counts for the call alone; until the connection is authenticated a
# limit of 90 s counts that no function sets.
# Why it matters: a program that must not hang, such as one in ExecStopPost=, is held for minutes.  certferry drives the
# connection by itself there (sd_bus_process() and poll() against a clock of its own), and asynchronously elsewhere.
#
# Takes a minute and a half.  Ends with 0 while that is so, 1 when something else is seen, 2 when it could not be tried.
set -eu
version=252.39-1~deb12u2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# _apt, which downloads, has no way into a folder of root's alone.
chmod 755 "$folder"
apt-get -qq download "libsystemd0=$version" "libsystemd-dev=$version" 2>/dev/null ||
	{ echo "libsystemd $version cannot be had here"; exit 2; }
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$(dirname "$(find root -name 'libsystemd.so.0.*' | head -n 1)")
# Debian 12's package keeps the library in /lib and the link for compilers in /usr/lib.
ln -s "$(basename "$(find root -name 'libsystemd.so.0.*' | head -n 1)")" "$libraries/libsystemd-here.so"
ln -sf "$(basename "$(find root -name 'libsystemd.so.0.*' | head -n 1)")" "$libraries/libsystemd.so.0"

cat >call.c <<'C'
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define TIMEOUT 250000 /* microseconds */

int main(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "silent" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), r;
	sd_bus_message *message = NULL;
	struct timespec begin, end;
	sd_bus *bus = NULL;

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0)
		return 2;
	if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, "unix:path=silent") < 0 ||
		sd_bus_set_bus_client(bus, 1) < 0 || sd_bus_set_method_call_timeout(bus, TIMEOUT) < 0 ||
		sd_bus_start(bus) < 0 ||
		sd_bus_message_new_method_call(bus, &message, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			"org.freedesktop.DBus", "GetId") < 0)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	r = sd_bus_call(bus, message, TIMEOUT, NULL, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%s after %ld s\n", strerrorname_np(-r), (long)(end.tv_sec - begin.tv_sec));
	return 0;
}
C
cc -D_GNU_SOURCE -Iroot/usr/include -o call call.c -L"$libraries" -lsystemd-here || exit 2
echo "libsystemd $version: a call with a timeout of 0.25 s to a bus that says nothing"
timeout 300 env LD_LIBRARY_PATH="$folder/$libraries" ./call | tee seen
grep -qE '^ENOTCONN after (89|9[0-9]) s$' seen || { echo "it is otherwise now"; exit 1; }
echo "as described"
