# SPDX-License-Identifier: Apache-2.0
"""What /proc says of a process, and what a finished one has cost."""

import dataclasses
import os
import pathlib
import time


def cpu_us(pid):
    """Microseconds of CPU of all threads so far, to the nanosecond of the scheduler's own count."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:  # a thread that has just ended
            pass
    return total / 1000


def memory_kib(pid):
    """{"Pss": ..., "Rss": ..., "Private_Dirty": ...} in KiB."""
    rows = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(value.split()[0]) for name, value in (row.split(":", 1) for row in rows)}


def pss_mib(pid):
    return memory_kib(pid)["Pss"] / 1024


def peak_mib(pid):
    """The greatest RSS so far."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def wakeups(pid):
    """How often its threads have gone to sleep of their own will: each has been woken for."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                total += int(line.split()[1])
    return total


@dataclasses.dataclass
class Cost:
    status: int
    wall: float  # seconds
    cpu: float  # seconds
    peak_mib: float
    syncs: int | None = None  # waits for the disk, where they were counted


def run(command, environment, **files):
    """Run it to its end."""
    begin = time.monotonic()
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]
    for fd, name in ((1, "stdout"), (2, "stderr")):
        path = str(files.get(name, "/dev/null"))
        actions.append((os.POSIX_SPAWN_OPEN, fd, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    pid = os.posix_spawn(str(command[0]), [str(word) for word in command], environment, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    return Cost(os.waitstatus_to_exitcode(status), time.monotonic() - begin, usage.ru_utime + usage.ru_stime,
                usage.ru_maxrss / 1024)  # fmt: skip


def wait_for(condition, seconds, what, every=0.005):
    """Until it is true, asked for every so many seconds; what was waited for is said when it never is."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(every)
