# SPDX-License-Identifier: Apache-2.0
"""What was measured: build/bench.json for machines, a table for people, and those of RESULTS.md."""

import dataclasses
import datetime
import json
import os
import pathlib
import statistics

from tests.bench.aws import BUILD

RESULTS = pathlib.Path(__file__).with_name("RESULTS.md")
BEGIN, END = "<!-- make bench -->\n", "<!-- /make bench -->\n"


@dataclasses.dataclass
class Row:
    name: str
    what: str
    value: float
    unit: str
    goal: float | None
    better: str
    low: float
    high: float

    @property
    def met(self):
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "less" else self.value >= self.goal

    def goal_text(self):
        return "" if self.goal is None else f"{'at most' if self.better == 'less' else 'at least'} {text(self.goal)}"

    def spread_text(self):
        return "" if text(self.low) == text(self.high) else f"{text(self.low)} to {text(self.high)}"


def text(number):
    """Three digits that count; whole numbers stay whole."""
    if number == 0:
        return "0"
    digits = 3 if abs(number) < 1000 else len(str(int(abs(number))))
    rounded = float(f"{number:.{digits}g}")
    return f"{int(rounded):,}" if rounded == int(rounded) else f"{rounded:g}"


def machine():
    model = next(
        line.split(":", 1)[1].strip()
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    return f"{os.cpu_count()} shared cores of an {model}, Linux {os.uname().release.split('-')[0]}"


class Results:
    def __init__(self):
        self.rows = []
        self.against = ""  # whose client ours was compared with
        self.growth = []  # rows of the table of how things grow: dictionaries

    def add(self, name, what, values, unit, goal=None, better="less"):
        """The median of several measurements (or one)."""
        values = values if isinstance(values, list) else [values]
        row = Row(name, what, statistics.median(values), unit, goal, better, min(values), max(values))
        self.rows.append(row)
        print(f"  {row.what}: {text(row.value)} {row.unit}"
              + (f"  ({row.spread_text()})" if row.spread_text() else "")
              + (f"  [{row.goal_text()}: {'met' if row.met else 'MISSED'}]" if row.goal is not None else ""), flush=True)  # fmt: skip

    def write(self):
        public = {
            row.name: {"value": round(row.value, 4), "unit": row.unit, "goal": row.goal, "better": row.better}
            for row in self.rows
        }
        (BUILD / "bench.json").write_text(json.dumps(public, indent=1) + "\n")
        (BUILD / "bench").mkdir(exist_ok=True)
        (BUILD / "bench/results.json").write_text(json.dumps({
            "machine": machine(), "against": self.against, "date": datetime.date.today().isoformat(),
            "rows": [dataclasses.asdict(row) for row in self.rows], "growth": self.growth,
        }))  # fmt: skip

    def missed(self):
        return [row for row in self.rows if row.met is False]


def load():
    found = json.loads((BUILD / "bench/results.json").read_text())
    results = Results()
    results.rows = [Row(**row) for row in found["rows"]]
    results.growth = found["growth"]
    results.against = found["against"]
    return results, found["machine"], found["date"]


def markdown():
    """The tables of RESULTS.md, as the last run came out."""
    results, where, date = load()
    client = [row for row in results.rows if row.name.startswith("client_")]
    goals = [row for row in results.rows if row.goal is not None]
    others = [row for row in results.rows if row.goal is None and row not in client and not row.name.startswith("grown_")]
    lines = [f"Measured on {date} on {where}, by `make bench`, beside {results.against}; medians, and the range of what was measured more than once."]
    lines += ["", "| what is held to a goal | measured | range | goal | |", "|---|---:|---:|---:|---|"]
    for row in goals:
        verdict = "met" if row.met else "**missed**"
        lines.append(f"| {row.what} | {text(row.value)} {row.unit} | {row.spread_text()} | {row.goal_text()} | {verdict} |")
    lines += ["", *client_table(client), ""]
    lines += ["| what else was measured | | range |", "|---|---:|---:|"]
    lines += [f"| {row.what} | {text(row.value)} {row.unit} | {row.spread_text()} |" for row in others]
    lines += ["", *growth_table(results.growth)]
    return "\n".join(lines)


def publish(text, path=RESULTS):
    """Puts the tables between the marks of RESULTS.md; what people wrote around them stays."""
    head, begin, rest = path.read_text().partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"bench: {path} has no marks {BEGIN.strip()} and {END.strip()}; restore them")
    path.write_text(head + begin + text + "\n" + end + tail)


def client_table(rows):
    """A line for each way of asking; a column for each of its figures."""
    lines = ["| requests over TLS, one after another or so many at a time | requests/s | CPU a request | PSS |",
             "|---|---:|---:|---:|"]  # fmt: skip
    found = {}
    for row in rows:
        label, _, _ = row.what.rpartition(": ")
        found.setdefault(label, []).append(row)
    for label, figures in found.items():
        lines.append(f"| {label} | " + " | ".join(f"{text(row.value)} {row.unit}".replace(" /s", "") for row in figures) + " |")
    return lines


def growth_table(growth):
    if not growth:
        return []
    names = list(growth[0])
    return [
        "| all in sync, a thousand in each account: " + " | ".join(names) + " |",
        "|" + "---:|" * len(names),
        *("| " + " | ".join(text(row[name]) for name in names) + " |" for row in growth),
    ]
