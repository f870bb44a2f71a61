# SPDX-License-Identifier: Apache-2.0
"""200 certificates to 8 accounts, 30 ms, no quotas; the accounts are empty at first."""

from tests.bench import others

ROUNDS = 5
SLOWER_US = 3000
GOALS = {64: 0.6, 256: 1}  # wall over the Go program's with so many at a time


def measure(bench):
    has_go = others.has_go()
    found, theirs = [], {goroutines: [] for goroutines in GOALS}
    for _ in range(ROUNDS):
        found.append(once(bench))
        for goroutines in theirs if has_go else ():
            theirs[goroutines].append(others.go(bench.aws, goroutines))
    ours = [cost for cost, _, _ in found]
    bench.add("sync_wall", "200 certificates to 8 accounts: certferryd --once", [cost.wall for cost in ours], "s")
    bench.add("sync_cpu", "its CPU (200 certificates to 8 accounts, certferryd)", [cost.cpu for cost in ours], "s")
    bench.add("sync_peak", "a sync's greatest RSS", [cost.peak_mib for cost in ours], "MiB")
    bench.add("sync_requests", "a sync's requests", [counts["requests"] for _, counts, _ in found], "")
    _connections(bench, found)
    if has_go:
        _beside_go(bench, ours, theirs)
    _disk(bench)
    boto = others.boto(bench.aws, 16)
    bench.add("sync_boto3_16_wall", "200 certificates to 8 accounts: boto3 in 16 threads", boto["seconds"], "s")
    bench.add("sync_boto3_16_cpu", "its CPU (boto3 in 16 threads)", boto["cpu_seconds"], "s")


def once(bench, delay=30, **disk):
    """(cost, the server's counts, its trace) of certferryd --once."""
    bench.aws.new(200, 8)
    bench.aws.delay(delay)
    cost = bench.ferry(8).once(**disk)
    counts, trace = bench.aws.counts(), bench.aws.trace()
    bench.aws.delay(0)
    if counts["in_sync"] != 1600:
        raise RuntimeError(f"certferryd brought {counts['in_sync']} of 1600 in sync")
    return cost, counts, trace


def _connections(bench, found):
    bench.add("sync_reused", "of a sync's requests, on a connection that was there",
              [100 * counts["reused"] / counts["requests"] for _, counts, _ in found], "%")
    bench.add("sync_full_handshakes", "a sync's full TLS handshakes",
              [counts["handshakes"] - counts["resumed"] for _, counts, _ in found], "")
    bench.add("sync_in_flight", "a sync's requests in flight at most", [most_in_flight(trace) for _, _, trace in found], "")
    bench.add("sync_handshakes_over_in_flight", "a sync's TLS handshakes over its requests in flight at most",
              [counts["handshakes"] / most_in_flight(trace) for _, counts, trace in found], "times", 1)  # fmt: skip


def most_in_flight(trace):
    """As the server saw it: from when a request had come, or its connection if that was made for it, to when its answer
    had left."""
    steps = sorted([(entry["begun"], 1) for entry in trace] + [(entry["answered"], -1) for entry in trace])
    now = most = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


def _beside_go(bench, ours, theirs):
    """The strongest thing that its users would write: Go, with as many goroutines as it bears."""
    for goroutines, runs in theirs.items():
        what = f"the Go program, {goroutines} at a time"
        bench.add(f"sync_go_{goroutines}_wall", f"200 certificates to 8 accounts: {what}", [run["seconds"] for run in runs], "s")
        bench.add(f"sync_go_{goroutines}_cpu", f"its CPU ({what})", [run["cpu_seconds"] for run in runs], "s")
        bench.add(f"sync_go_{goroutines}_peak", f"its greatest RSS ({what})", [run["peak_kib"] / 1024 for run in runs], "MiB")
        bench.add(f"sync_wall_over_go_{goroutines}", f"200 x 8 at 30 ms: wall of certferryd over {what}",
                  [our.wall / run["seconds"] for our, run in zip(ours, runs)], "times", GOALS[goroutines])  # fmt: skip
    undelayed = [(once(bench, 0)[0].cpu, others.go(bench.aws, 64, delay=0)["cpu_seconds"]) for _ in range(ROUNDS)]
    bench.add("sync_cpu_over_go_64", "200 x 8 at 0 ms: CPU of certferryd over the Go program's, 64 at a time",
              [our / their for our, their in undelayed], "times", 0.7)  # fmt: skip


def _disk(bench):
    """How often it waits for the disk, and what a slow one costs (tests/bench/disk.c)."""
    found = [[once(bench, disk_delay_us=us)[0] for us in (0, SLOWER_US)] for _ in range(ROUNDS)]
    bench.add("sync_fsyncs", "fsyncs a delivery of a sync", [cost.syncs / 1600 for cost, _ in found], "", 0.1)
    bench.add("sync_slow_disk", "the same sync with each fsync 3 ms slower: wall over without",
              [slow.wall / cost.wall for cost, slow in found], "times", 1.2)  # fmt: skip
