#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py: how fast and how small certferry is, side by side with boto3, a Go program, chronyd and certmonger.

Everything in one go against tests/bench/server.c.  Prints each figure as it comes, writes build/bench.json; a goal
that is missed is said so and does not fail, what could not be measured does.

bench.py [PART...]	only these parts (clients, sync, latency, start, idle, looks, growth), for working on one of them
bench.py --results	the tables of the last run, into RESULTS.md and on standard output
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench import neighbours, process, results  # noqa: E402
from tests.bench.aws import BUILD, Aws, accounts  # noqa: E402
from tests.bench.bus import Bus  # noqa: E402
from tests.bench.ferry import Ferry  # noqa: E402

NEWEST = BUILD / "botocore-venv/bin/python"  # made by tests/botocore/venv; without PyPI, Debian's boto3
PYTHON = NEWEST if NEWEST.exists() else "/usr/bin/python3"
BOTO = ROOT / "tests/bench/boto.py"
CLIENT = BUILD / "tests/bench/client"
BARE = BUILD / "tests/bench/bare"
GO = BUILD / "tests/bench/peer-go"  # where there are a Go toolchain and its module proxy
TOKEN = "x" * 800  # as long as a role's


class Bench:
    def __init__(self, aws, bus, directory):
        self.aws, self.bus, self.directory = aws, bus, pathlib.Path(directory)
        self.results = results.Results()
        self.add = self.results.add

    def ferry(self, account_count, **settings):
        return Ferry(self.aws, self.bus, self.directory / "host", account_count, **settings)

    # --- one request after another ---

    def clients(self):
        """certferry's client and boto3, the same requests."""
        for operation in ("describe", "import", "list"):
            self._operation(operation)

    def _operation(self, operation):
        aws, measured = self.aws, {}
        aws.new(100, 1, imported=1)
        file = self._arguments(operation)
        size = 10 if operation == "list" else 1  # a list is about ten times the work
        runs = [
            ("certferry", 16, 0, 12000), ("boto3", 1, 0, 800), ("boto3", 16, 0, 800),
            ("certferry", 256, 30, 10240), ("certferry", 16, 30, 480), ("boto3", 1, 30, 40), ("boto3", 16, 30, 640),
        ]  # fmt: skip
        for who, in_flight, delay, count in runs:
            aws.delay(delay)
            least = in_flight if delay else 1
            found = [self._drive(who, operation, max(count // size, least), in_flight, file) for _ in range(3)]
            measured[who, in_flight, delay] = found
        aws.delay(0)
        for (who, in_flight, delay), found in measured.items():
            self._rows(operation, who, in_flight, delay, found)
        if operation != "list":
            self._ratio(operation, measured)
            self._floor(operation, file)

    def _rows(self, operation, who, in_flight, delay, found):
        label = f"{operation}, {who}, {in_flight} at a time, {delay} ms"
        name = f"client_{operation}_{who}_{in_flight}_{delay}ms"
        fast = (operation, who, in_flight, delay) == ("describe", "certferry", 256, 30)
        frugal = operation != "list" and who == "certferry" and delay == 0
        self.add(f"{name}_per_second", f"{label}: requests a second",
                 [run["requests"] / run["seconds"] for run in found], "/s", 7000 if fast else None, "more")  # fmt: skip
        self.add(f"{name}_cpu", f"{label}: CPU a request", [1e6 * run["cpu_seconds"] / run["requests"] for run in found],
                 "us", 85 if frugal else None)  # fmt: skip
        self.add(f"{name}_pss", f"{label}: PSS", [run["pss_kib"] / 1024 for run in found], "MiB")

    def _ratio(self, operation, measured):
        for delay in (0, 30):
            theirs, ours = (
                [run["cpu_seconds"] / run["requests"] for run in measured[who, 16, delay]]
                for who in ("boto3", "certferry")
            )
            self.add(f"{operation}_cpu_ratio_{delay}ms",
                     f"{operation}: CPU of boto3 in 16 threads over certferry's, {delay} ms",
                     [a / b for a, b in zip(sorted(theirs), sorted(ours))], "times", 12, "more")  # fmt: skip

    def _floor(self, operation, file):
        """What nobody's client can be below: the same bytes without anything else."""
        for delay, count in ((0, 12000), (30, 640)):
            self.aws.delay(delay)
            found = [self._drive("bare", operation, count, 16, file) for _ in range(3)]
            self.add(f"bare_{operation}_16_{delay}ms_cpu",
                     f"{operation}, OpenSSL and epoll alone, 16 at a time, {delay} ms: CPU a request",
                     [1e6 * run["cpu_seconds"] / run["requests"] for run in found], "us")  # fmt: skip
        self.aws.delay(0)

    def _arguments(self, operation):
        """The request's body in a file; imports go over one that is there."""
        arn = "arn:aws:acm:eu-west-1:{}:certificate/9e3779b9-6ef3-4000-8000-000000000000"
        body = {"CertificateArn": arn.format("111111111111")}
        if operation == "import":
            body = {"CertificateArn": arn.format(accounts(1)[0]), **json.loads(self.aws.control("import-body", index=0))}
        file = self.directory / f"{operation}.json"
        file.write_text(json.dumps(body))
        return file

    def _drive(self, who, operation, count, in_flight, file, *cold):
        command = {"certferry": [CLIENT], "bare": [BARE], "boto3": [PYTHON, BOTO, "requests"]}[who]
        keys = {"AWS_SESSION_TOKEN": TOKEN}
        if operation == "import":
            keys["AWS_ACCESS_KEY_ID"] = f"ASIA{accounts(1)[0]}0000"
        command += [self.aws.url, operation, str(count), str(in_flight), file, *cold]
        return json.loads(subprocess.run(command, env=self.aws.environment() | keys, check=True, capture_output=True,
                                         text=True, timeout=120).stdout)  # fmt: skip

    # --- a whole sync ---

    def sync(self):
        """200 certificates to 8 accounts, 30 ms, no quotas; the accounts are empty at first."""
        found, theirs = [], {64: [], 256: []}
        for _ in range(5):
            found.append(self._sync_once())
            for goroutines in theirs if GO.exists() else ():
                theirs[goroutines].append(self._sync_by(self.aws, goroutines, GO))
        self.add("sync_wall", "200 certificates to 8 accounts: certferryd --once", [cost.wall for cost, _ in found], "s")
        self.add("sync_cpu", "its CPU (200 certificates to 8 accounts, certferryd)", [cost.cpu for cost, _ in found], "s")
        self.add("sync_peak", "a sync's greatest RSS", [cost.peak_mib for cost, _ in found], "MiB")
        self.add("sync_requests", "a sync's requests", [counts["requests"] for _, counts in found], "")
        self.add("sync_reused", "of a sync's requests, on a connection that was there",
                 [100 * counts["reused"] / counts["requests"] for _, counts in found], "%")
        self.add("sync_handshakes", "a sync's full TLS handshakes",
                 [counts["handshakes"] - counts["resumed"] for _, counts in found], "")  # fmt: skip
        self._beside_go([cost for cost, _ in found], theirs)
        boto = self._sync_boto(self.aws, 16)
        self.add("sync_boto3_16_wall", "200 certificates to 8 accounts: boto3 in 16 threads", boto["seconds"], "s")
        self.add("sync_boto3_16_cpu", "its CPU (boto3 in 16 threads)", boto["cpu_seconds"], "s")

    def _beside_go(self, ours, theirs):
        """The strongest thing that its users would write: Go, with as many goroutines as it bears."""
        if not GO.exists():
            print("  no Go toolchain or module proxy: nothing is compared with the Go program")
            return
        for goroutines, runs in theirs.items():
            what = f"the Go program, {goroutines} at a time"
            self.add(f"sync_go_{goroutines}_wall", f"200 certificates to 8 accounts: {what}", [run["seconds"] for run in runs], "s")
            self.add(f"sync_go_{goroutines}_cpu", f"its CPU ({what})", [run["cpu_seconds"] for run in runs], "s")
            self.add(f"sync_go_{goroutines}_peak", f"its greatest RSS ({what})", [run["peak_kib"] / 1024 for run in runs], "MiB")
            self.add(f"sync_wall_over_go_{goroutines}", f"200 x 8 at 30 ms: wall of certferryd over {what}",
                     [our.wall / run["seconds"] for our, run in zip(ours, runs)], "times",
                     {64: 0.6, 256: 1}[goroutines])  # fmt: skip
        undelayed = [(self._sync_once(0)[0].cpu, self._sync_by(self.aws, 64, GO, delay=0)["cpu_seconds"]) for _ in range(5)]
        self.add("sync_cpu_over_go_64", "200 x 8 at 0 ms: CPU of certferryd over the Go program's, 64 at a time",
                 [our / their for our, their in undelayed], "times", 0.7)  # fmt: skip

    def _sync_once(self, delay=30):
        self.aws.new(200, 8)
        self.aws.delay(delay)
        cost = self.ferry(8).once()
        counts = self.aws.counts()
        self.aws.delay(0)
        if counts["in_sync"] != 1600:
            raise RuntimeError(f"certferryd brought {counts['in_sync']} of 1600 in sync")
        return cost, counts

    def _sync_boto(self, aws, threads):
        return self._sync_by(aws, threads, PYTHON, BOTO)

    def _sync_by(self, aws, at_once, *program, delay=30):
        aws.new(200, 8)
        aws.delay(delay)
        done = subprocess.run([*program, "sync", aws.url, str(at_once), *accounts(8)], env=aws.environment(),
                              check=True, capture_output=True, text=True)  # fmt: skip
        aws.delay(0)
        if aws.counts()["in_sync"] != 1600:
            raise RuntimeError(f"{program} did not bring all in sync")
        return json.loads(done.stdout)

    # --- one renewed certificate ---

    def latency(self):
        """A renewed certificate in 16 accounts, from the look that shows it to the last import read back."""
        self.aws.new(20, 16, imported=1, by_domain=1)
        with self.ferry(16, poll="1m").start(hurry=True) as ferry:
            ferry.wait_settled(320, 60)
            self.aws.delay(30)
            found = [self._renew(ferry, number) for number in range(12)][1:]
            self.aws.delay(0)
        self.add("renewed_in_16_accounts", "a renewed certificate in 16 accounts after it was seen, 30 ms, warm", found, "ms",
                 250)  # fmt: skip

    def _renew(self, ferry, number):
        self.aws.trace()
        self.aws.control("renew", first=number, count=1)
        ferry.look()
        ferry.wait_settled(320, 30)
        trace = self.aws.trace()
        looks = [e for e in trace if e["operation"] in ("SearchCertificates", "ListCertificates") and e["account"] in ("", "111111111111")]
        imports = [e for e in trace if e["operation"] == "ImportCertificate"]
        confirms = [e for e in trace if e["operation"] == "GetCertificate" and e["account"] not in ("", "111111111111")
                    and e["received"] > imports[0]["answered"]]  # fmt: skip
        if len(imports) != 16 or len(confirms) < 16:
            raise RuntimeError(f"{len(imports)} imports and {len(confirms)} confirmations instead of 16")
        return (max(e["answered"] for e in confirms) - looks[0]["answered"]) / 1000

    # --- starting ---

    def start(self):
        """From starting the process to its first request at the server, TLS included; with a record."""
        self.aws.new(100, 1, imported=1, by_domain=1)
        ferry = self.ferry(1)
        found = []
        for _ in range(21):
            self.aws.trace()
            with ferry.start():
                process.wait_for(lambda: self.aws.counts()["requests"], 10, "the first request")
                ferry.wait_settled(100, 20)
            found.append(self.aws.trace()[0]["received"] / 1000 - 1000 * ferry.started)
            self.aws.new(100, 1, imported=1, by_domain=1)
        self.add("start", "from the start of the process to its first request", found[1:], "ms", 25)
        self._burst()

    def _burst(self):
        """64 requests at once on a client that has no connection yet."""
        self.aws.new(100, 1, imported=1)
        file = self._arguments("describe")
        self._drive("certferry", "describe", 64, 64, file, "cold")
        counts = self.aws.counts()
        self.add("cold_burst_handshakes", "64 requests at once without a connection: full handshakes",
                 counts["handshakes"] - counts["resumed"], "", 1)  # fmt: skip
        self.add("cold_burst_connections", "64 requests at once without a connection: connections", counts["connections"], "")

    # --- at rest ---

    SECONDS = 60

    def idle(self):
        """At rest, beside chronyd and certmonger; meanwhile a second server takes the sync of a boto3 without threads."""
        neighbours.unpack()
        with Aws(self.directory / "second") as second:
            slow = Background(lambda: self._sync_boto(second, 1))
            self._idle_daemons()
            self._idle_many()
            boto = slow.wait()
        self.add("sync_boto3_1_wall", "200 certificates to 8 accounts: boto3, one after another", boto["seconds"], "s")
        self.add("sync_boto3_1_cpu", "its CPU (boto3, one after another)", boto["cpu_seconds"], "s")
        self._growth_over_polls()

    def _observe(self, name, what, pid, goal=None, pss=None):
        """A minute of a process at rest."""
        before = neighbours.sample(pid)
        yield
        after = neighbours.sample(pid)
        self.add(f"{name}_pss", f"{what}: PSS", after["pss_mib"] if pss is None else pss, "MiB", goal)
        self.add(f"{name}_wakeups", f"{what}: wake-ups in {self.SECONDS} s", after["wakeups"] - before["wakeups"], "",
                 0 if goal else None)  # fmt: skip
        self.add(f"{name}_cpu", f"{what}: CPU in {self.SECONDS} s", (after["cpu_us"] - before["cpu_us"]) / 1000, "ms")

    def _watch(self, observations):
        observations = list(observations)
        for observation in observations:
            next(observation)
        time.sleep(self.SECONDS)
        for observation in observations:
            next(observation, None)

    def _idle_daemons(self):
        self.aws.new(100, 1)
        with self.ferry(1).start() as ferry, neighbours.Neighbours(self.bus, self.directory / "neighbours") as others:
            ferry.wait_settled(100, 30)
            time.sleep(3)
            self._watch([
                self._observe("idle_100", "certferryd at rest, 100 certificates", ferry.pid, 7),
                self._observe("idle_chronyd", "chronyd -x", others.pid("chronyd")),
                self._observe("idle_certmonger", "certmonger without requests", others.pid("certmonger")),
            ])  # fmt: skip

    def _idle_many(self):
        self.aws.new(2500, 16, imported=1, by_domain=1)
        with self.ferry(16).start() as ferry:
            begin = time.monotonic()
            process.wait_for(lambda: self.aws.counts()["requests"] > 40000, 240, "2,500 x 16 looked at")
            ferry.wait_rest(240, rest=2)
            self.add("found_40000", "2,500 certificates in 16 accounts found again without a record", time.monotonic() - begin - 2, "s")
            self.add("found_40000_cpu", "its CPU (finding them again)", process.cpu_us(ferry.pid) / 1e6, "s")
            self._watch([self._observe("idle_40000", "certferryd at rest, 2,500 certificates x 16 accounts", ferry.pid, 16)])

    POLLS = 10000

    def _growth_over_polls(self):
        self.aws.new(100, 1, imported=1, by_domain=1)
        with self.ferry(1).start(hurry=True) as ferry:
            ferry.wait_settled(100, 30)
            self._polls(ferry, 500)
            before = self._pss_between_looks(ferry)
            begin = process.cpu_us(ferry.pid)
            self._polls(ferry, self.POLLS)
            cpu = process.cpu_us(ferry.pid) - begin
            grown = self._pss_between_looks(ferry) - before
        self.add("growth_10000_polls", f"growth of PSS over {self.POLLS:,} polls", 1024 * grown, "KiB", 64)
        self.add("poll_cpu_100", "CPU of a poll of 100 certificates, sweeps and handshakes included", cpu / self.POLLS / 1000, "ms")

    def _pss_between_looks(self, ferry):
        """The greatest of a few: after a sweep the pages of the code are given back, after a look they are kept."""
        found = []
        for _ in range(5):
            self._polls(ferry, 3)
            found.append(process.pss_mib(ferry.pid))
        return max(found)

    def _polls(self, ferry, count):
        """So many looks at the source."""
        before = self._looks()
        ferry.leap(1 << 40)
        process.wait_for(lambda: ferry.pid and self._looks() >= before + count, 400, f"{count} looks")
        ferry.leap(0)
        ferry.wait_rest(20)

    def _looks(self):
        return self.aws.counts()["looks"]

    # --- how it grows ---

    COLUMNS = {
        "at rest, PSS MiB": "pss", "look, CPU ms": "look", "sweep, CPU ms": "sweep", "first start, CPU s": "first_start",
        "start with a record, CPU s": "start",
    }  # fmt: skip
    SIZES = (100, 1000, 10000, 100000)

    def growth(self):
        for size in self.SIZES:
            self.results.growth.append(self._size(size))
        for column, name in self.COLUMNS.items():
            found = [row[column] for row in self.results.growth]
            for size, value in zip(self.SIZES, found):
                self.add(f"grown_{name}_{size}", f"{column}, {size:,} certificates", value, column.rpartition(" ")[2])
            if len(found) > 1:
                self.add(f"grown_{name}_factor", f"{column}: greatest growth for ten times the certificates",
                         max(b / a for a, b in zip(found, found[1:])), "times", 10)  # fmt: skip
                self.add(f"grown_{name}_whole", f"{column}: growth from {self.SIZES[0]:,} to {self.SIZES[-1]:,} certificates",
                         found[-1] / found[0], "times", self.SIZES[-1] / self.SIZES[0])  # fmt: skip
        print("\n".join(results.growth_table(self.results.growth)))

    def _size(self, size):
        """Everything imported, a thousand in each account; looks list, as they do where searching is not allowed."""
        groups = max(size // 1000, 1)
        self.aws.new(size, groups, spread=1, by_domain=1, no_search=1)
        looks = 20 if size <= 1000 else 4
        with self.ferry(groups, groups=groups, spread=True, sweep="2h").start(hurry=True, wall=True) as ferry:
            process.wait_for(lambda: self.aws.counts()["requests"] > 2 * size, 900, "everything read")
            ferry.wait_rest(300, rest=2)
            row = {"certificates": size, "first start, CPU s": process.cpu_us(ferry.pid) / 1e6}
            row["at rest, PSS MiB"] = process.pss_mib(ferry.pid)
            row["look, CPU ms"], row["sweep, CPU ms"] = self._look_and_sweep(ferry, looks)
        self.aws.trace()
        before = self.aws.counts()["requests"]
        with ferry.start(hurry=True):
            process.wait_for(lambda: self.aws.counts()["requests"] > before, 30, "the first request")
            ferry.wait_rest(300, rest=1)
            row["start with a record, CPU s"] = process.cpu_us(ferry.pid) / 1e6
            row["first request, ms"] = self.aws.trace()[0]["received"] / 1000 - 1000 * ferry.started
        if size == 1000:
            self.add("look_1000", "a look over 1,000 unchanged certificates, by listing: CPU", row["look, CPU ms"], "ms", 5)
        return row

    def _look_and_sweep(self, ferry, wanted):
        """Medians of the CPU of looks and of sweeps, in ms."""
        looks, sweeps = [], []
        while len(looks) < wanted or not sweeps:
            self.aws.trace()
            before = process.cpu_us(ferry.pid)
            ferry.look()
            ferry.wait_rest(120, rest=0.2)
            swept = any(entry["operation"] == "GetResources" for entry in self.aws.trace())
            (sweeps if swept else looks).append((process.cpu_us(ferry.pid) - before) / 1000)
        return statistics.median(looks), statistics.median(sweeps)


class Background:
    """Work of another thread; wait() gives its result or raises what it raised."""

    def __init__(self, work):
        self.result = self.problem = None
        self.thread = threading.Thread(target=self._run, args=(work,))
        self.thread.start()

    def _run(self, work):
        try:
            self.result = work()
        except Exception as problem:  # noqa: BLE001
            self.problem = problem

    def wait(self):
        self.thread.join()
        if self.problem:
            raise self.problem
        return self.result


PARTS = ("clients", "sync", "latency", "start", "idle", "growth")


def boto_version():
    code = "import boto3, platform; print(f'boto3 {boto3.__version__} on Python {platform.python_version()}')"
    return subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def main(arguments):
    if arguments == ["--results"]:
        text = results.markdown()
        results.publish(text)
        print(text)
        return 0
    if unknown := set(arguments) - set(PARTS):
        print(f"bench: no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    print(f"On {results.machine()}:")
    with tempfile.TemporaryDirectory(prefix="certferry-bench-") as name:
        directory = pathlib.Path(name)
        (directory / "second").mkdir()
        with Aws(directory) as aws, Bus(directory) as bus:
            bench = Bench(aws, bus, directory)
            bench.results.against = boto_version()
            try:
                for part in arguments or PARTS:
                    begin = time.monotonic()
                    print(f"{part}: {getattr(bench, part).__doc__ or 'from 100 certificates to 100,000'}", flush=True)
                    getattr(bench, part)()
                    print(f"  [{time.monotonic() - begin:.0f} s]")
            finally:
                bench.results.write()  # what was measured before something could not be
    missed = bench.results.missed()
    print(f"{len(bench.results.rows)} figures in {BUILD / 'bench.json'}; goals missed: {len(missed)}")
    for row in missed:
        print(f"  {row.what}: {results.text(row.value)} {row.unit}, goal {row.goal_text()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
