# SPDX-License-Identifier: Apache-2.0
"""30 certificates to 8 accounts within AWS's default quotas.

An account takes one import a second: that is the bound.  Nobody computes much, so that all rounds of a contender run at
the same time, each with a server of its own.
"""

import concurrent.futures
import contextlib
import json

from tests.bench import others
from tests.bench.aws import Aws
from tests.bench.bus import Bus
from tests.bench.ferry import Ferry

ROUNDS = 5
CERTIFICATES, ACCOUNTS = 30, 8
BOUND = CERTIFICATES / 1.0  # seconds
GOROUTINES = 64
ATTEMPTS = 30


def measure(bench):
    has_go = others.has_go()
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(ROUNDS))
        directories = [bench.directory / f"quotas{n}" for n in range(ROUNDS)]
        servers = [_server(stack, directory) for directory in directories]
        ours = list(pool.map(_ferry, directories, servers))
        theirs = list(pool.map(_adaptive, servers)) if has_go else []
        defaults = [_defaults(aws) for aws in servers] if has_go else []
    _rows(bench, ours, theirs, defaults)


def _rows(bench, ours, theirs, defaults):
    what = "30 x 8"
    bench.add("quotas_over_bound", f"{what}, certferryd --once: time over the bound of {BOUND:.0f} s", [wall / BOUND for wall, _, _ in ours],
              "times", 1.05)  # fmt: skip
    bench.add("quotas_throttled", f"{what}, certferryd --once: throttled", [throttled for _, _, throttled in ours], "", 0)
    bench.add("quotas_wall", f"{what}, certferryd --once: time", [wall for wall, _, _ in ours], "s")
    bench.add("quotas_cpu", f"{what}, certferryd --once: CPU", [cpu for _, cpu, _ in ours], "s")
    if not theirs:
        return
    go = f"the Go program with adaptive retries, {ATTEMPTS} attempts"
    bench.add("quotas_go_over_bound", f"{what}, {go}: time over the bound", [wall / BOUND for wall, _, _ in theirs], "times")
    bench.add("quotas_go_throttled", f"{what}, {go}: throttled", [throttled for _, _, throttled in theirs], "")
    bench.add("quotas_go_wall", f"{what}, {go}: time", [wall for wall, _, _ in theirs], "s")
    bench.add("quotas_go_cpu", f"{what}, {go}: CPU", [cpu for _, cpu, _ in theirs], "s")
    bench.add("quotas_defaults_in_sync", f"{what}, the Go program with the SDK's defaults: of {CERTIFICATES * ACCOUNTS} in sync when it ends",
              [in_sync for in_sync, _ in defaults], "")  # fmt: skip
    bench.add("quotas_defaults_throttled", f"{what}, the Go program with the SDK's defaults: throttled",
              [throttled for _, throttled in defaults], "")  # fmt: skip


def _server(stack, directory):
    directory.mkdir()
    return stack.enter_context(Aws(directory))


def _renew(aws):
    aws.new(CERTIFICATES, ACCOUNTS, quotas=1)
    aws.delay(30)


def _result(aws, wall, cpu):
    counts = aws.counts()
    if counts["in_sync"] != CERTIFICATES * ACCOUNTS:
        raise RuntimeError(f"{counts['in_sync']} of {CERTIFICATES * ACCOUNTS} are in sync")
    return wall, cpu, counts["throttled"]


def _ferry(directory, aws):
    with Bus(directory) as bus:
        _renew(aws)
        cost = Ferry(aws, bus, directory / "host", ACCOUNTS, quotas=True).once()
    return _result(aws, cost.wall, cost.cpu)


def _adaptive(aws):
    _renew(aws)
    done = others.begin_sync(aws, GOROUTINES, others.GO, AWS_RETRY_MODE="adaptive", AWS_MAX_ATTEMPTS=str(ATTEMPTS))
    if done.returncode != 0:
        raise RuntimeError(f"the Go program failed: {done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    return _result(aws, found["seconds"], found["cpu_seconds"])


def _defaults(aws):
    """(in sync, throttled): it ends with the first request that three attempts were not enough for."""
    _renew(aws)
    others.begin_sync(aws, GOROUTINES, others.GO)
    counts = aws.counts()
    return counts["in_sync"], counts["throttled"]
