# SPDX-License-Identifier: Apache-2.0
"""What the shipped sandbox leaves to whoever has taken the daemon over; daemon/README.md, "One process or two?", rests on it."""

import json
import time
from pathlib import Path

from tests.system.bed import UNITS, equal, reload_units, run, show, test
from tests.system.world import daemon_pid, world

REACH = Path(__file__).resolve().parent / "reach.py"
PYTHON = Path("/usr/bin/python3").resolve()
SHIPPED = Path("/usr/lib/systemd/system/certferryd.service")
ANSWERS = Path("/run/reach-answers")
# What makes it a daemon, rather than what it may do.
LIFE = ("Type", "NotifyAccess", "ExecStart", "ExecReload", "ExecStopPost", "Restart", "RestartSec", "WatchdogSec", "OnFailure")
SLEEP = "import ctypes, sys, time; ctypes.CDLL(None).prctl(4, 1, 0, 0, 0); time.sleep(600)"


def sandboxed(name, words, user="certferry", **settings):
    """A unit that may do what the shipped one may, and run Python."""
    lines = [line for line in SHIPPED.read_text().split("[Install]")[0].splitlines() if line.split("=")[0] not in LIFE]
    settings = {"User": user, "Group": user, "StateDirectory": user, "RuntimeDirectory": user, **settings}
    lines = [line for line in lines if line.split("=")[0] not in settings]
    more = [f"{key}={value}" for key, value in settings.items()]
    (UNITS / name).write_text("\n".join([*lines, f"ExecStart={PYTHON} {words}", f"ExecPaths={PYTHON}", *more, ""]))


def reach(pids):
    """{(question, subject): answer}"""
    ANSWERS.write_text("")
    words = f"{REACH} {' '.join(map(str, pids))}"
    sandboxed("reach.service", words, Type="oneshot", StandardOutput=f"append:{ANSWERS}", RuntimeDirectoryPreserve="yes")
    reload_units()
    run("systemctl", "start", "reach.service", timeout=60)
    return {(question, subject): answer for question, subject, answer in map(json.loads, ANSWERS.open())}


@test
def sandbox_keeps_processes_apart():
    world()
    run("useradd", "--system", "--no-create-home", "ferry2", check=False)
    others = {"ours": "certferry", "theirs": "ferry2"}
    for name, user in others.items():
        sandboxed(f"reach-{name}.service", f"-c '{SLEEP}'", user=user, RuntimeDirectoryPreserve="yes")
    reload_units()
    run("systemctl", "start", *(f"reach-{name}.service" for name in others))
    pids = {name: int(show(f"reach-{name}.service", "MainPID")) for name in others}
    pids["daemon"], pids["systemd"] = daemon_pid(), 1
    time.sleep(0.3)
    try:
        found = reach(pids.values())
    finally:
        run("systemctl", "stop", *(f"reach-{name}.service" for name in others))
    for name, pid in pids.items():
        equal(found["memory", pid] != "may", True, f"memory of {name}: {found['memory', pid]}")
        equal(found["trace", pid], "SIGSYS", name)
    equal([name for name, pid in pids.items() if found["end", pid] == "may"], ["ours", "daemon"])
    # Within the unit, where a credential_process runs, it is for want of being dumpable alone.
    for subject in ("child 0", "parent 0"):
        equal(found["memory", subject] != "may", True, subject)
    equal(Path(f"/proc/{daemon_pid()}/mem").stat().st_uid, 0, "the daemon is not dumpable: its memory is shown as root's")
    may = sorted(subject for (question, subject), answer in found.items() if question == "write" and answer == "may")
    equal(may, ["/tmp", "/var/lib/certferry", "/var/lib/certferry-tls"])
    equal(found["read", "/etc/shadow"] != "may", True)
    equal(found["read", "/etc/certferry/aws-credentials"], "may", "what it signs with")
    may = [subject for (question, subject), answer in found.items() if question == "execute" and answer == "may"]
    equal(may, ["/usr/sbin/certferryd"])
    equal(found["memory", "executable"] != "may", True)
    equal(found["packets", ""] != "may", True)
