# SPDX-License-Identifier: Apache-2.0
"""At rest, beside chronyd and certmonger; meanwhile a second server takes the sync of a boto3 without threads."""

import concurrent.futures
import time

from tests.bench import neighbours, others, process
from tests.bench.aws import Aws


SECONDS = 60


def measure(bench):
    neighbours.unpack()
    with Aws(bench.directory / "second") as second, concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(others.boto, second, 1)
        _idle_daemons(bench)
        _idle_many(bench)
        boto = slow.result()
    bench.add("sync_boto3_1_wall", "200 certificates to 8 accounts: boto3, one after another", boto["seconds"], "s")
    bench.add("sync_boto3_1_cpu", "its CPU (boto3, one after another)", boto["cpu_seconds"], "s")
    _growth_over_polls(bench)


def _observe(bench, name, what, pid, goal=None, pss=None):
    """A minute of a process at rest."""
    before = neighbours.sample(pid)
    yield
    after = neighbours.sample(pid)
    bench.add(f"{name}_pss", f"{what}: PSS", after["pss_mib"] if pss is None else pss, "MiB", goal)
    bench.add(f"{name}_wakeups", f"{what}: wake-ups in {SECONDS} s", after["wakeups"] - before["wakeups"], "",
             0 if goal else None)  # fmt: skip
    bench.add(f"{name}_cpu", f"{what}: CPU in {SECONDS} s", (after["cpu_us"] - before["cpu_us"]) / 1000, "ms")


def _watch(bench, observations):
    observations = list(observations)
    for observation in observations:
        next(observation)
    time.sleep(SECONDS)
    for observation in observations:
        next(observation, None)


def _idle_daemons(bench):
    bench.aws.new(100, 1)
    with bench.ferry(1).start() as ferry, neighbours.Neighbours(bench.bus, bench.directory / "neighbours") as beside:
        ferry.wait_settled(100, 30)
        time.sleep(3)
        _watch(bench, [
            _observe(bench, "idle_100", "certferryd at rest, 100 certificates", ferry.pid, 7),
            _observe(bench, "idle_chronyd", "chronyd -x", beside.pid("chronyd")),
            _observe(bench, "idle_certmonger", "certmonger without requests", beside.pid("certmonger")),
        ])  # fmt: skip


def _idle_many(bench):
    bench.aws.new(2500, 16, imported=1, by_domain=1)
    with bench.ferry(16).start() as ferry:
        begin = time.monotonic()
        process.wait_for(lambda: bench.aws.counts()["requests"] > 40000, 240, "2,500 x 16 looked at")
        ferry.wait_rest(240, rest=2)
        bench.add("found_40000", "2,500 certificates in 16 accounts found again without a record", time.monotonic() - begin - 2, "s")
        bench.add("found_40000_cpu", "its CPU (finding them again)", process.cpu_us(ferry.pid) / 1e6, "s")
        bench.add("record_40000", "record and its WAL at rest, 2,500 certificates x 16 accounts: a delivery",
                  ferry.record_bytes() / 40000, "B", 350)  # fmt: skip
        _watch(bench, [_observe(bench, "idle_40000", "certferryd at rest, 2,500 certificates x 16 accounts", ferry.pid, 16)])
    bench.add("start_40000", "start with a record, 2,500 certificates x 16 accounts: CPU a delivery",
              [_start_again(bench, ferry) / 40000 for _ in range(5)], "us", 15)  # fmt: skip


def _start_again(bench, ferry):
    """Microseconds of CPU of a start with the record of all deliveries."""
    before = bench.aws.counts()["requests"]
    with ferry.start():
        process.wait_for(lambda: bench.aws.counts()["requests"] > before, 60, "the first request")
        ferry.wait_rest(120, rest=1)
        return process.cpu_us(ferry.pid)


POLLS = 10000


def _growth_over_polls(bench):
    bench.aws.new(100, 1, imported=1, by_domain=1)
    with bench.ferry(1).start(hurry=True) as ferry:
        ferry.wait_settled(100, 30)
        _polls(bench, ferry, 500)
        before = _pss_between_looks(bench, ferry)
        begin = process.cpu_us(ferry.pid)
        _polls(bench, ferry, POLLS)
        cpu = process.cpu_us(ferry.pid) - begin
        grown = _pss_between_looks(bench, ferry) - before
    bench.add("growth_10000_polls", f"growth of PSS over {POLLS:,} polls", 1024 * grown, "KiB", 64)
    bench.add("poll_cpu_100", "CPU of a poll of 100 certificates, sweeps and handshakes included", cpu / POLLS / 1000, "ms")


def _pss_between_looks(bench, ferry):
    """The greatest of a few: after a sweep the pages of the code are given back, after a look they are kept."""
    found = []
    for _ in range(5):
        _polls(bench, ferry, 3)
        found.append(process.pss_mib(ferry.pid))
    return max(found)


def _polls(bench, ferry, count):
    """So many looks at the source."""
    before = _looks(bench)
    ferry.leap(1 << 40)
    process.wait_for(lambda: ferry.pid and _looks(bench) >= before + count, 400, f"{count} looks")
    ferry.leap(0)
    ferry.wait_rest(20)


def _looks(bench):
    return bench.aws.counts()["looks"]
