#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py: how fast and how small certferry is, side by side with boto3, a Go program, chronyd and certmonger.

Everything in one go against tests/bench/server.c.  Prints each figure as it comes, writes build/bench.json; a goal
that is missed is said so and does not fail, what could not be measured does.

bench.py [PART...]	only these parts (quotas, clients, sync, latency, start, idle, growth, deliveries: tests/bench/parts)
bench.py --results	the last run of all parts, into RESULTS.md and README.md and on standard output
LONG=1			deliveries up to a million
"""

import importlib
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench import others, results  # noqa: E402
from tests.bench.aws import BUILD, Aws  # noqa: E402
from tests.bench.bus import Bus  # noqa: E402
from tests.bench.ferry import Ferry  # noqa: E402

PARTS = ("quotas", "clients", "sync", "latency", "start", "idle", "growth", "deliveries")


class Bench:
    """What the parts share: a server, a system bus, a directory, and where figures go."""

    def __init__(self, aws, bus, directory):
        self.aws, self.bus, self.directory = aws, bus, pathlib.Path(directory)
        self.results = results.Results()
        self.add = self.results.add

    def ferry(self, account_count, **settings):
        return Ferry(self.aws, self.bus, self.directory / "host", account_count, **settings)


def run(bench, names):
    for name in names:
        begin = time.monotonic()
        part = importlib.import_module(f"tests.bench.parts.{name}")
        print(f"{name}: {part.__doc__.splitlines()[0]}", flush=True)
        part.measure(bench)
        seconds = bench.results.seconds[name] = time.monotonic() - begin
        print(f"  [{seconds:.0f} s]", flush=True)


def main(arguments):
    if arguments == ["--results"]:
        results.publish_all(PARTS)
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
            bench.results.against = others.boto_version()
            try:
                run(bench, arguments or PARTS)
            finally:
                bench.results.write()  # what was measured before something could not be
    missed = bench.results.missed()
    print(f"{len(bench.results.rows)} figures in {BUILD / 'bench.json'}, in {sum(bench.results.seconds.values()) / 60:.0f} "
          f"minutes; goals missed: {len(missed)}")  # fmt: skip
    for row in missed:
        print(f"  {row.what}: {results.text(row.value)} {row.unit}, {row.goal_text()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
