# SPDX-License-Identifier: Apache-2.0
"""From starting the process to its first request at the server, TLS included; with a record; and a first start."""

from tests.bench import process
from tests.bench.parts import clients


def measure(bench):
    bench.aws.new(100, 1, imported=1, by_domain=1)
    ferry = bench.ferry(1)
    found = []
    for _ in range(21):
        bench.aws.trace()
        before = bench.aws.counts()["requests"]
        with ferry.start():
            process.wait_for(lambda: bench.aws.counts()["requests"] > before, 10, "the first request")
            ferry.wait_settled(100, 20)
        found.append(bench.aws.trace()[0]["received"] / 1000 - 1000 * ferry.started)
    bench.add("start", "from the start of the process to its first request", found[1:], "ms", 25)
    _burst(bench)
    _first_start(bench)


def _burst(bench):
    """64 requests at once on a client that has no connection yet."""
    bench.aws.new(100, 1, imported=1)
    file = clients.arguments(bench, "describe")
    clients.drive(bench, "certferry", "describe", 64, 64, file, "cold")
    counts = bench.aws.counts()
    bench.add("cold_burst_handshakes", "64 requests at once without a connection: full handshakes",
             counts["handshakes"] - counts["resumed"], "", 1)  # fmt: skip
    bench.add("cold_burst_connections", "64 requests at once without a connection: connections", counts["connections"], "")


def _first_start(bench):
    """2,000 certificates that are in their account already, without a record: what reading all of it costs above the
    requests that it takes."""
    bench.aws.new(2000, 1, imported=1, by_domain=1)
    file = clients.arguments(bench, "describe")
    found = []
    for _ in range(5):
        run = clients.drive(bench, "certferry", "describe", 6000, 16, file)
        bench.aws.new(2000, 1, imported=1, by_domain=1)
        cost = bench.ferry(1).once()
        counts = bench.aws.counts()
        if counts["imports"] or counts["in_sync"] != 2000:
            raise RuntimeError(f"a first start imported {counts['imports']} that were there")
        found.append(cost.cpu / (counts["requests"] * run["cpu_seconds"] / run["requests"]))
    bench.add("first_start_2000", "first start, 2,000 x 1: CPU over that of as many requests by the client alone", found,
              "times", 2)  # fmt: skip
