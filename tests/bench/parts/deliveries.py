# SPDX-License-Identifier: Apache-2.0
"""How it grows with its deliveries, 100 accounts each: from 1,000 to 100,000, with LONG=1 to 1,000,000.

Each certificate is named in the configuration, a thousand in a file of conf.d, and all of it is in the accounts already.
"""

import os
import statistics
import subprocess

from tests.bench import process, results
from tests.bench.aws import BUILD
from tests.bench.ferry import FerryOfMany
from tests.bench.parts import growth

NAME = "all in sync, named one by one, 100 accounts: deliveries"
ACCOUNTS = 100
SIZES = (1000, 10000, 100000) + ((1000000,) if os.environ.get("LONG") else ())
FROM = 10000  # from here on it is held to what is linear
MOST = 1.15
COLUMNS = {
    "start, CPU s": "first_start", "start with a record, CPU s": "start", "poll, CPU ms": "look", "full scan, CPU ms": "sweep",
    "status, summed, ms": "status", "--check --expand, CPU ms": "expand", "at rest, PSS MiB": "pss",
    "record on disk, MiB": "record",
}  # fmt: skip


def measure(bench):
    rows = bench.results.tables[NAME] = []
    for size in SIZES:
        rows.append(_size(bench, size))
        print("  " + ", ".join(f"{name}: {results.text(value)}" for name, value in rows[-1].items()), flush=True)
    held = [row for row in rows if row["deliveries"] >= FROM]
    for column, name in COLUMNS.items():
        for row in rows:
            bench.add(f"grown_deliveries_{name}_{row['deliveries']}", f"{column}, {row['deliveries']:,} deliveries", row[column], "")
        steps = [b[column] / a[column] / (b["deliveries"] / a["deliveries"]) for a, b in zip(held, held[1:])]
        bench.add(f"grown_deliveries_{name}_factor",
                  f"{column}, from {FROM:,} to {SIZES[-1]:,} deliveries: greatest growth over that of the deliveries",
                  max(steps), "times", MOST)  # fmt: skip
    pss, least, most = "at rest, PSS MiB", held[0], held[-1]
    bench.add("settled_bytes", f"PSS at rest for each settled delivery above {FROM:,}, with {SIZES[-1]:,}",
              (most[pss] - least[pss]) * 2**20 / (most["deliveries"] - least["deliveries"]), "B", 120)  # fmt: skip
    bench.add("deliveries_peak", f"{SIZES[-1]:,} deliveries: greatest RSS, from the first start to the last status",
              most["greatest RSS, MiB"], "MiB", 256)  # fmt: skip
    print("\n".join(results.table(NAME, rows)))


def _size(bench, size):
    certificates = size // ACCOUNTS
    seconds = max(size / 200, 120)  # generous: what takes longer hangs
    bench.aws.new(certificates, ACCOUNTS, imported=1)
    ferry = FerryOfMany(bench.aws, bench.bus, bench.directory / "host", ACCOUNTS, certificates, sweep="2h")
    row = {"deliveries": size}
    with ferry.start(hurry=True, wall=True):
        process.wait_for(lambda: ferry.pid and bench.aws.counts()["requests"] > size, seconds, "everything read",
                         every=0.2)  # the server counts all that are in sync each time
        ferry.wait_rest(seconds, rest=2)
        row["start, CPU s"] = process.cpu_us(ferry.pid) / 1e6
        row["at rest, PSS MiB"] = process.pss_mib(ferry.pid)
        row["record on disk, MiB"] = ferry.record_bytes() / 2**20
        row["poll, CPU ms"], row["full scan, CPU ms"] = growth.look_and_sweep(bench, ferry, 10, seconds)
        row["status, summed, ms"] = statistics.median(_status(ferry, size) for _ in range(5))
        row["greatest RSS, MiB"] = process.peak_mib(ferry.pid)
    bench.aws.trace()
    before = bench.aws.counts()["requests"]
    with ferry.start(hurry=True):
        process.wait_for(lambda: ferry.pid and bench.aws.counts()["requests"] > before, seconds, "the first request")
        ferry.wait_rest(seconds, rest=1)
        row["start with a record, CPU s"] = process.cpu_us(ferry.pid) / 1e6
        row["greatest RSS, MiB"] = max(row["greatest RSS, MiB"], process.peak_mib(ferry.pid))
    row["--check --expand, CPU ms"] = statistics.median(1000 * ferry.check("--expand", lines=size).cpu for _ in range(5))
    return row


def _status(ferry, size):
    """Milliseconds of CPU that the daemon takes for the sum of all deliveries."""
    before = process.cpu_us(ferry.pid)
    done = subprocess.run([BUILD / "certferry", "status", "--summary"], env=ferry.environment(), capture_output=True, text=True)
    if done.returncode != 0 or f"{size:,}" not in done.stdout.replace(str(size), f"{size:,}"):
        raise RuntimeError(f"status ended with {done.returncode} and does not say {size}:\n{done.stdout}{done.stderr}")
    return (process.cpu_us(ferry.pid) - before) / 1000
