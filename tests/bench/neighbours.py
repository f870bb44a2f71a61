# SPDX-License-Identifier: Apache-2.0
"""chronyd and certmonger, the daemons of Debian that idle beside certferryd.

Their packages are unpacked below build/ where they are not installed, so nothing of the host changes; chronyd runs
with -x, which leaves the clock alone, and polls a second one of ours.
"""

import os
import pathlib
import re
import shutil
import subprocess
import time

from tests.bench import process
from tests.bench.aws import BUILD

ROOT = BUILD / "bench/root"
PACKAGES = ("chrony", "certmonger")


def unpack():
    """The two programs and what they need, unless the host has them."""
    if all(find(name) for name in ("chronyd", "certmonger")):
        return
    plan = subprocess.run(["apt-get", "-s", "--no-install-recommends", "install", *PACKAGES], check=True,
                          capture_output=True, text=True)  # fmt: skip
    directory = BUILD / "bench/packages"
    directory.mkdir(parents=True, exist_ok=True)
    names = re.findall(r"^Inst (\S+)", plan.stdout, re.M)
    subprocess.run(["apt-get", "download", "-q", *names], cwd=directory, check=True, capture_output=True)
    for package in directory.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, ROOT], check=True)


def find(name):
    unpacked = ROOT / "usr/sbin" / name
    return unpacked if unpacked.exists() else shutil.which(name, path="/usr/sbin:/sbin:/usr/bin")


def _start(directory, name, *arguments, **variables):
    libraries = ROOT / "usr/lib/x86_64-linux-gnu"
    environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(libraries), **variables}
    with (directory / f"{name}.log").open("w") as log:
        return subprocess.Popen([find(name), *arguments], env=environment, cwd=directory, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)  # fmt: skip


class Neighbours:
    def __init__(self, bus, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        server = self._chronyd("server", "local stratum 10", "allow 127.0.0.1", "port 11123")
        client = self._chronyd("client", "server 127.0.0.1 port 11123 iburst", "port 0")
        self.processes = {"server": server, "chronyd": client, "certmonger": self._certmonger(bus)}
        time.sleep(1)

    def _chronyd(self, name, *lines):
        file = self.directory / f"{name}.conf"
        file.write_text("\n".join([
            *lines, "cmdport 0", "bindcmdaddress /", "user root", f"pidfile {self.directory}/{name}.pid", ""
        ]))  # fmt: skip
        return _start(self.directory, "chronyd", "-x", "-d", "-U", "-f", file)

    def _certmonger(self, bus):
        variables = {"DBUS_SYSTEM_BUS_ADDRESS": bus.address}
        for name in ("CONFIG", "REQUESTS", "CAS", "LOCAL_CA", "TMP"):
            place = self.directory / f"certmonger-{name.lower()}"
            place.mkdir(exist_ok=True)
            variables["CERTMONGER_TMPDIR" if name == "TMP" else f"CERTMONGER_{name}_DIR"] = str(place)
        variables["CERTMONGER_SYSTEM_LOCK_FILE"] = str(self.directory / "certmonger.lock")
        return _start(self.directory, "certmonger", "-S", "-n", "-B", "-p", self.directory / "certmonger.pid", **variables)

    def pid(self, name):
        if self.processes[name].poll() is not None:
            raise RuntimeError(f"{name} ended:\n{(self.directory / f'{name}.log').read_text()[-1000:]}")
        return self.processes[name].pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.processes.values():
            child.terminate()
        for child in self.processes.values():
            child.wait(timeout=20)


def sample(pid):
    return {"wakeups": process.wakeups(pid), "cpu_us": process.cpu_us(pid), "pss_mib": process.pss_mib(pid)}
