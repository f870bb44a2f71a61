# SPDX-License-Identifier: Apache-2.0
"""certferryd as it is shipped, against tests/bench/aws.py."""

import json
import mmap
import shutil
import struct
import subprocess
import time

from tests.bench import process
from tests.bench.aws import BUILD, REGION, SOURCE, accounts

FAST = 10000  # requests a second: as good as no quota
OPERATIONS = (
    "ListCertificates", "SearchCertificates", "DescribeCertificate", "GetCertificate", "ListTagsForCertificate",
    "ExportCertificate", "ImportCertificate",
)  # fmt: skip


def destination(names):
    return {"kind": "acm", "accounts": names, "role_arn": "arn:aws:iam::{account}:role/certferry-destination"}


def configuration(account_count, groups=3, spread=False, poll="15m", sweep="6h", quotas=False):
    """Every certificate of the source, ${groups} domains of a thousand, to every account, without quotas unless ${quotas}
    are AWS's; with ${spread}, each domain to an account of its own."""
    names = accounts(account_count)
    places = {f"account{number}": [name] for number, name in enumerate(names)} if spread else {"prod": names}
    return {
        "source": {
            "region": REGION,
            "role_arn": f"arn:aws:iam::{SOURCE}:role/certferry-source",
            "certificates_max": 200000,
        },
        "poll": poll,
        "sweep": sweep,
        "guard": 0,
        **({} if quotas else {"quotas": {"acm": {operation: FAST for operation in OPERATIONS}}}),
        "certificates": {
            f"domain{group}": {
                "match": {"domain": f"*.g{group:03}.example.com"},
                "deliver": [{"to": f"account{group}" if spread else "prod", "as": "{domain}"}],
            }
            for group in range(groups)
        },
        "destinations": {name: destination(there) for name, there in places.items()},
    }


class Ferry:
    """A host: a configuration, a state directory, a certferryd."""

    def __init__(self, aws, bus, directory, account_count, **settings):
        self.aws, self.bus, self.directory = aws, bus, directory
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "state").mkdir(parents=True)
        self.configure(account_count, **settings)
        self.process = None

    def configure(self, account_count, **settings):
        """Write what it is to do, and say how it is started with that."""
        self.file = self.directory / "certferry.yaml"
        self.file.write_text(json.dumps(configuration(account_count, **settings)))  # JSON is YAML
        self.command = [BUILD / "certferryd", "--config", self.file]

    def environment(self):
        return {
            **self.aws.environment(),
            "STATE_DIRECTORY": str(self.directory / "state"),
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
        }

    def forget(self):
        """Lose the record."""
        shutil.rmtree(self.directory / "state")
        (self.directory / "state").mkdir()

    def record_bytes(self):
        """What the record takes on the disk, with its WAL."""
        return sum(file.stat().st_size for file in (self.directory / "state").glob("record.sqlite*"))

    def once(self, disk_delay_us=None):
        """certferryd --once; what it has cost.  With ${disk_delay_us}, its waits for the disk are counted, and each takes so
        much longer."""
        environment, count = self.environment(), self.directory / "syncs"
        if disk_delay_us is not None:
            count.write_bytes(bytes(8))
            environment |= {"LD_PRELOAD": str(BUILD / "tests/bench/disk.so"), "DISK_COUNT": str(count),
                            "DISK_DELAY_US": str(disk_delay_us)}  # fmt: skip
        cost = process.run([*self.command, "--once"], environment, stderr=self.directory / "once.log")
        if cost.status != 0:
            raise RuntimeError(f"certferryd --once ended with {cost.status}:\n{self.log('once.log')}")
        if disk_delay_us is not None:
            (cost.syncs,) = struct.unpack("q", count.read_bytes())
        return cost

    def check(self, *options, lines):
        """certferryd --check, which prints so many lines; what it has cost."""
        cost = process.run([*self.command, "--check", *options], self.environment(), stdout=self.directory / "check.out",
                           stderr=self.directory / "check.log")  # fmt: skip
        with (self.directory / "check.out").open() as file:
            printed = sum(1 for _ in file)
        if cost.status != 0 or printed != lines:
            raise RuntimeError(f"--check ended with {cost.status} and printed {printed} lines:\n{self.log('check.log')}")
        return cost

    def log(self, name="daemon.log"):
        return (self.directory / name).read_text()[-2000:]

    def start(self, hurry=False, wall=False, enter=None):
        """The daemon, in which ${enter} is called first; with ${hurry}, hurry.so decides when time passes (see leap); with ${wall}, so does the wall clock."""
        environment = self.environment()
        if hurry:
            with self.aws.hurry.open("r+b") as file:
                self.leaps = mmap.mmap(file.fileno(), 24)
            self.leaps[:] = struct.pack("qqq", 0, wall, 0)
            environment |= {"LD_PRELOAD": str(BUILD / "tests/bench/hurry.so"), "HURRY": str(self.aws.hurry)}
        with (self.directory / "daemon.log").open("w") as log:
            self.started = time.time()
            self.process = subprocess.Popen(self.command, env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False,
                                            preexec_fn=enter)  # fmt: skip
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=20)
        self.process = None

    @property
    def pid(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"certferryd ended with {self.process.returncode}:\n{self.log()}")
        return self.process.pid

    def wait_settled(self, in_sync, seconds):
        """Until so many pairs are in sync, and it has been at rest for a while."""
        process.wait_for(lambda: self.pid and self.aws.counts()["in_sync"] >= in_sync, seconds, "in sync")
        self.wait_rest(seconds)

    def wait_rest(self, seconds, rest=0.4):
        """Until it neither asks nor computes for ${rest} seconds."""
        end = time.monotonic() + seconds
        before, since = None, time.monotonic()
        while time.monotonic() - since < rest:
            if time.monotonic() > end:
                raise TimeoutError(f"not at rest within {seconds} s:\n{self.log()}")
            time.sleep(rest / 8)
            now = self.aws.counts()["requests"], process.cpu_us(self.pid) // 5000
            if now != before:
                before, since = now, time.monotonic()

    def leap(self, count=1):
        """Allow so many leaps to the next timer."""
        self.leaps[:8] = struct.pack("q", count)

    def leaps_left(self):
        return struct.unpack("q", self.leaps[:8])[0]

    def look(self, seconds=30):
        """Let time pass until it has looked at the source; other timers may be due before."""
        end, before = time.monotonic() + seconds, self.aws.counts()["looks"]
        while self.aws.counts()["looks"] == before:
            if time.monotonic() > end:
                raise TimeoutError(f"no look within {seconds} s:\n{self.log()}")
            if self.pid and self.leaps_left() == 0:
                self.leap()
            time.sleep(0.01)
        self.leap(0)


def arn(index):
    """cloud_arn() of cloud.h."""
    scattered = (index + 1) * 2654435769 & 0xFFFFFFFF
    return f"arn:aws:acm:{REGION}:{SOURCE}:certificate/{scattered:08x}-{scattered >> 7 & 0xFFFF:04x}-4000-8000-{index:012x}"


class FerryOfMany(Ferry):
    """Each certificate is named, a thousand in each file of conf.d: more than one file may hold.  Only the directory that
    is compiled in has a conf.d, so that this certferryd is the bench's own (see the Makefile)."""

    ETC = BUILD / "bench/etc"
    IN_A_FILE = 1000

    def __init__(self, aws, bus, directory, account_count, certificate_count, **settings):
        self.certificate_count = certificate_count
        super().__init__(aws, bus, directory, account_count, **settings)

    def configure(self, account_count, **settings):
        shutil.rmtree(self.ETC, ignore_errors=True)
        (self.ETC / "conf.d").mkdir(parents=True)
        (self.ETC / "certferry.yaml").write_text(json.dumps(configuration(account_count, groups=0, **settings)))
        for first in range(0, self.certificate_count, self.IN_A_FILE):
            numbers = range(first, min(first + self.IN_A_FILE, self.certificate_count))
            named = {f"cert-{number:06}": {"arn": arn(number), "deliver": [{"to": "prod"}]} for number in numbers}
            (self.ETC / f"conf.d/{first // self.IN_A_FILE:04}.yaml").write_text(json.dumps({"certificates": named}))
        self.command = [BUILD / "tests/bench/certferryd"]
