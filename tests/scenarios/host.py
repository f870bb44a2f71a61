# SPDX-License-Identifier: Apache-2.0
"""The host around the daemon: a system bus of the test's own, on which a fake systemd and a fake polkit answer.

The real ones are the system floor's; here it is counted what was asked of them.
"""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

from tests.scenarios.bus import Refused, Service

SYSTEMD, POLKIT = "org.freedesktop.systemd1", "org.freedesktop.PolicyKit1"
ROOT_PATH = "/org/freedesktop/systemd1"
CONFIG = """<busconfig><type>system</type><listen>{address}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>
"""
JOBS = {
    "TryRestartUnit": "restart",
    "ReloadUnit": "reload",
    "ReloadOrTryRestartUnit": "reload-or-restart",
    "StartUnit": "start",
}


def now():
    return int(time.time() * 1e6)


def path_of(name):
    return f"{ROOT_PATH}/unit/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in name)


class Unit:
    """A service as systemd shows it. jobs is what was asked of it, in order."""

    def __init__(self, name, active=True, kind="simple"):
        self.name, self.active, self.kind = name, active, kind
        self.jobs = []
        self.fails = False  # its next starts fail
        self.reads = None  # called when it starts or reloads: what a server does with its files
        self.can_reload = False
        self.deaf = False  # its reloads read nothing
        self.refuses_jobs = False
        self.hangs = False  # in a reload that began long ago
        self.settings = {}  # more of its properties: {name: (type, value)}
        self.paths = [path_of(name)]  # and those of its aliases
        self.begin(now() - 3600 * 10**6)

    def begin(self, when=None):
        self.invocation = uuid.uuid4().bytes
        self.since = self.changed = when or now()

    def properties(self):
        state = "failed" if self.active is None else "active" if self.active else "inactive"
        state = "reloading" if self.hangs else state
        return {
            "Id": ("s", self.name),
            "LoadState": ("s", "loaded"),
            "ActiveState": ("s", state),
            "SubState": ("s", {"active": "running", "inactive": "dead"}.get(state, state)),
            "Result": ("s", "exit-code" if self.active is None else "success"),
            "Type": ("s", self.kind),
            "InvocationID": ("ay", self.invocation),
            "CanReload": ("b", self.can_reload),
            "RemainAfterExit": ("b", False),
            "ConditionResult": ("b", True),
            "ConditionTimestamp": ("t", self.since),
            "NRestarts": ("u", 0),
            "InactiveExitTimestamp": ("t", self.since),
            "ActiveEnterTimestamp": ("t", self.since),
            "StateChangeTimestamp": ("t", self.changed),
            "TimeoutStartUSec": ("t", 90 * 10**6),
            "StartLimitIntervalUSec": ("t", 0),
            "StartLimitBurst": ("u", 0),
            **self.settings,
        }

    def work(self, job):
        """What systemd does for a job; its result."""
        self.jobs.append(job)
        if job != "start" and not self.active:
            return "done"
        if self.can_reload and self.hangs and job.startswith("reload"):
            return "timeout"
        self.hangs = False
        if self.can_reload and job.startswith("reload"):
            self.changed = now()
            if self.reads and not self.deaf:
                self.reads()
            return "done"
        self.begin()
        if self.fails:
            self.active = None
            return "failed"
        self.active = self.kind != "oneshot"
        if self.reads:
            self.reads()
        return "done"


class Host:
    """with Host() as host: host.unit("web.service") ... host.environment is for the programs."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="certferry-bus-"))
        self.address = f"unix:path={self.directory}/socket"
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.address}
        self.process = None
        self.reset()

    def reset(self):
        self.units = {}
        self.allows = True  # polkit's answer, but for
        self.denies = ()  # these actions
        self.refuses_jobs = False  # systemd, which polkit has not let
        self.asked = []  # of polkit
        self.pause = threading.Event()  # cleared: jobs wait before they are begun
        self.pause.set()
        self.pause_after = False  # they wait when they are done instead, before that is said
        self.waiting = threading.Event()  # a job waits
        self.jobs = 0

    def unit(self, name, **details):
        self.units[name] = Unit(name, **details)
        return self.units[name]

    def __enter__(self):
        (self.directory / "bus.conf").write_text(CONFIG.format(address=self.address))
        command = ["dbus-daemon", "--nofork", "--nopidfile", "--nosyslog", "--print-address=1"]
        self.process = subprocess.Popen(
            [*command, "--config-file", self.directory / "bus.conf"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.process.stdout.readline()  # it listens
        self.service = Service(self.address, [SYSTEMD, POLKIT], self.handle)
        return self

    def __exit__(self, *_):
        self.pause.set()
        self.service.close()
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stdout.close()
        shutil.rmtree(self.directory)

    @contextlib.contextmanager
    def stopped_bus(self):
        """A bus that takes connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def handle(self, message):
        if message.member == "CheckAuthorization":
            self.asked.append(message.arguments[1])
            return "(bba{ss})", [(self.allows and message.arguments[1] not in self.denies, False, {})]
        if message.member == "GetAll":
            return "a{sv}", [self._unit_of(message.path).properties()]
        if message.member == "Subscribe":
            return "", []
        if message.member in JOBS:
            return self._job(self.units.get(message.arguments[0]), JOBS[message.member], message.arguments[1])
        raise Refused("org.freedesktop.DBus.Error.UnknownMethod", message.member)

    def _unit_of(self, path):
        for unit in self.units.values():
            if path in unit.paths:
                return unit
        raise Refused("org.freedesktop.systemd1.NoSuchUnit", path)

    def _wait(self):
        if not self.pause.is_set():
            self.waiting.set()
            self.pause.wait()

    def _job(self, unit, job, mode):
        if unit is None:
            raise Refused("org.freedesktop.systemd1.NoSuchUnit", "Unit not found.")
        if self.refuses_jobs or unit.refuses_jobs:
            raise Refused("org.freedesktop.DBus.Error.AccessDenied", "Permission denied")
        if mode == "triggering":
            raise Refused("org.freedesktop.DBus.Error.InvalidArgs", "Triggering is only valid for stop.")
        if not self.pause_after:
            self._wait()
        result = unit.work(job)
        if self.pause_after:
            self._wait()
        self.jobs += 1
        path = f"{ROOT_PATH}/job/{self.jobs}"
        manager = "org.freedesktop.systemd1.Manager"
        self.service.signal(ROOT_PATH, manager, "JobRemoved", "uoss", self.jobs, path, unit.name, result)
        return "o", [path]
