#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""silent_resolver.py CERTFERRYD DIRECTORY: certferryd where no name server answers; to be run in network and mount
namespaces of its own (`unshare --net --mount`).  Prints one line of JSON: whether a name was asked for, the longest time
between two signs of life, how long SIGTERM took, and with what it ended.
"""

import json
import pathlib
import socket
import subprocess
import sys
import time

ARN = "arn:aws:acm:eu-west-1:111111111111:certificate/0f5c1b3e-1111-4222-8333-444455556666"
SECONDS = 12  # longer than a request waits for a connection: its resolver is still at it when it is given up


def main(program, directory):
    directory = pathlib.Path(directory)
    resolv = directory / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:3\n")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--bind", resolv, pathlib.Path("/etc/resolv.conf").resolve()], check=True)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 53))
    silent.setblocking(False)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(directory / "notify"))
    notify.settimeout(0.1)
    config = directory / "certferry.yaml"
    config.write_text(json.dumps({"source": {"region": "eu-west-1"}, "certificates": {"pay": {"arn": ARN}}}))
    (directory / "state").mkdir(mode=0o700)
    with (directory / "log").open("w") as log:
        daemon = subprocess.Popen(
            [program, "--config", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={
                "STATE_DIRECTORY": str(directory / "state"), "NOTIFY_SOCKET": str(directory / "notify"),
                "WATCHDOG_USEC": "1000000", "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            },
        )  # fmt: skip
    begin = last = time.monotonic()
    gap = 0
    while time.monotonic() - begin < SECONDS and daemon.poll() is None:
        try:
            alive = b"WATCHDOG=1" in notify.recv(4096)
        except TimeoutError:
            continue
        if alive:
            gap, last = max(gap, time.monotonic() - last), time.monotonic()
    gap = max(gap, time.monotonic() - last)
    try:
        asked = bool(silent.recv(512))
    except BlockingIOError:
        asked = False
    end = time.monotonic()
    daemon.terminate()
    try:
        status = daemon.wait(timeout=60)
    except subprocess.TimeoutExpired:
        daemon.kill()
        status = None
    print(json.dumps({"asked": asked, "gap": gap, "ending": time.monotonic() - end, "status": status,
                      "log": (directory / "log").read_text()}))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
