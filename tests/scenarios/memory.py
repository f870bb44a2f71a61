# SPDX-License-Identifier: Apache-2.0
"""A memory cgroup of its own for the programs of a scenario, with the limit that the unit has."""

import contextlib
import os
import re
from pathlib import Path

import pytest

from tests.cloud.harness import ROOT

FIRST = Path("/sys/fs/cgroup/memory")  # version 1; the names of its files
SECOND = Path("/sys/fs/cgroup")  # and of version 2
FILES = {
    FIRST: ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.failcnt"),
    SECOND: ("memory.max", "memory.peak", None),
}


def unit_limit():
    """MemoryMax= of the unit, in bytes."""
    (megabytes,) = re.findall(r"^MemoryMax=(\d+)M$", (ROOT / "systemd/certferryd.service").read_text(), re.M)
    return int(megabytes) << 20


class Group:
    """A cgroup: enter() is for a new process, before it runs anything."""

    def __init__(self, path, files):
        self.path, self.files = path, files

    def enter(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def peak(self):
        """The most that its processes have had, in bytes, the kernel's own for them included."""
        return int((self.path / self.files[1]).read_text())


@contextlib.contextmanager
def group(name, limit):
    """One with that limit; where there can be none, the test is skipped by name."""
    for root, files in FILES.items():
        path = root / f"{name}-{os.getpid()}"
        try:
            path.mkdir()
        except OSError:
            continue
        if (path / files[0]).exists():
            break
        path.rmdir()
    else:
        pytest.skip("no memory cgroup can be made here: it takes root and a writable /sys/fs/cgroup")
    (path / files[0]).write_text(str(limit))
    try:
        yield Group(path, files)
    finally:
        path.rmdir()
