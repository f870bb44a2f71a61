# SPDX-License-Identifier: Apache-2.0
"""How it grows from 100 certificates to 100,000."""

import statistics

from tests.bench import process, results

NAME = "all in sync, a thousand in each account: certificates"


COLUMNS = {
    "at rest, PSS MiB": "pss", "look, CPU ms": "look", "sweep, CPU ms": "sweep", "first start, CPU s": "first_start",
    "start with a record, CPU s": "start",
}  # fmt: skip
SIZES = (100, 1000, 10000, 100000)


def measure(bench):
    bench.results.tables[NAME] = []
    for size in SIZES:
        bench.results.tables[NAME].append(_size(bench, size))
    for column, name in COLUMNS.items():
        found = [row[column] for row in bench.results.tables[NAME]]
        for size, value in zip(SIZES, found):
            bench.add(f"grown_{name}_{size}", f"{column}, {size:,} certificates", value, column.rpartition(" ")[2])
        if len(found) > 1:
            bench.add(f"grown_{name}_factor", f"{column}: greatest growth for ten times the certificates",
                     max(b / a for a, b in zip(found, found[1:])), "times", 10)  # fmt: skip
            bench.add(f"grown_{name}_whole", f"{column}: growth from {SIZES[0]:,} to {SIZES[-1]:,} certificates",
                     found[-1] / found[0], "times", SIZES[-1] / SIZES[0])  # fmt: skip
    print("\n".join(results.table(NAME, bench.results.tables[NAME])))


def _size(bench, size):
    """Everything imported, a thousand in each account; looks list, as they do where searching is not allowed."""
    groups = max(size // 1000, 1)
    bench.aws.new(size, groups, spread=1, by_domain=1, no_search=1)
    looks = 20 if size <= 1000 else 4
    with bench.ferry(groups, groups=groups, spread=True, sweep="2h").start(hurry=True, wall=True) as ferry:
        process.wait_for(lambda: bench.aws.counts()["requests"] > 2 * size, 900, "everything read")
        ferry.wait_rest(300, rest=2)
        row = {"certificates": size, "first start, CPU s": process.cpu_us(ferry.pid) / 1e6}
        row["at rest, PSS MiB"] = process.pss_mib(ferry.pid)
        row["look, CPU ms"], row["sweep, CPU ms"] = look_and_sweep(bench, ferry, looks)
    bench.aws.trace()
    before = bench.aws.counts()["requests"]
    with ferry.start(hurry=True):
        process.wait_for(lambda: bench.aws.counts()["requests"] > before, 30, "the first request")
        ferry.wait_rest(300, rest=1)
        row["start with a record, CPU s"] = process.cpu_us(ferry.pid) / 1e6
        row["first request, ms"] = bench.aws.trace()[0]["received"] / 1000 - 1000 * ferry.started
    if size == 1000:
        bench.add("look_1000", "a look over 1,000 unchanged certificates, by listing: CPU", row["look, CPU ms"], "ms", 5)
    return row


def look_and_sweep(bench, ferry, wanted, seconds=120):
    """Medians of the CPU of looks and of sweeps, in ms."""
    looks, sweeps = [], []
    while len(looks) < wanted or not sweeps:
        bench.aws.trace()
        before = process.cpu_us(ferry.pid)
        ferry.look(seconds)
        ferry.wait_rest(seconds, rest=0.2)
        swept = any(entry["operation"] == "GetResources" for entry in bench.aws.trace())
        (sweeps if swept else looks).append((process.cpu_us(ferry.pid) - before) / 1000)
    return statistics.median(looks), statistics.median(sweeps)
