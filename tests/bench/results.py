# SPDX-License-Identifier: Apache-2.0
"""What was measured: build/bench.json for machines, and for people what RESULTS.md and README.md say of it."""

import dataclasses
import datetime
import json
import os
import pathlib
import statistics

from tests.bench.aws import BUILD, ROOT

RESULTS = pathlib.Path(__file__).with_name("RESULTS.md")
README = ROOT / "README.md"
README_INTRODUCTION = "Measured (`tests/bench/RESULTS.md`):\n\n"
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
        self.tables = {}  # how things grow: rows, dictionaries, by what the first column is
        self.seconds = {}  # that each part took

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
            "rows": [dataclasses.asdict(row) for row in self.rows], "tables": self.tables, "seconds": self.seconds,
        }))  # fmt: skip

    def missed(self):
        return [row for row in self.rows if row.met is False]


def load():
    found = json.loads((BUILD / "bench/results.json").read_text())
    results = Results()
    results.rows = [Row(**row) for row in found["rows"]]
    results.tables, results.seconds, results.against = found["tables"], found["seconds"], found["against"]
    return results, found["machine"], found["date"]


def figures(row):
    """"1.03 times", and the range of what was measured more than once."""
    spread = row.spread_text()
    return f"{text(row.value)} {row.unit}".strip() + (f" ({spread})" if spread else "")


# --- what RESULTS.md says ---

# What is known of a goal that was missed, by the row's name.  It is said only where the row misses its goal.
WHY = {
    "describe_cpu_ratio_30ms": "after each idle period the caches are cold; the kernel and OpenSSL alone use a quarter of "
    "certferry's CPU, most of the rest is libcurl: seven system calls a request",
    "import_cpu_ratio_30ms": "as above; sending an import's headers together with its key would save 4 us, but would leave "
    "copies of the key in libcurl's buffers",
    "grown_sweep_factor": "full scans sort, and their data no longer fits into the processor's caches",
    "grown_first_start_factor": "as a full scan",
    "grown_start_factor": "as a full scan",
}


def short(results):
    """The five lines that README.md has, too."""
    known = {row.name: row for row in results.rows}

    def get(name):
        if name not in known:
            raise SystemExit(f"bench: the last run did not measure {name}; run all parts: make bench (the Go program needs "
                             "a Go toolchain and its module proxy)")  # fmt: skip
        return text(known[name].value)

    ratios = [row.value for row in results.rows if "_cpu_ratio_" in row.name] or [get("describe_cpu_ratio_0ms")]
    return [
        f"- Within AWS's default quotas: 30 certificates in 8 accounts after {get('quotas_wall')} s (no less than 30 s is "
        f"possible), {get('quotas_throttled')} requests throttled.",
        f"- A Go program (aws-sdk-go-v2, adaptive retries) takes {get('quotas_go_wall')} s for the same, {get('quotas_go_throttled')} "
        "requests throttled.",
        f"- Without quotas: {get('sync_wall_over_go_64')} times the time and {get('sync_cpu_over_go_64')} times the CPU of that "
        "program with 64 requests at a time.",
        f"- A renewal reaches 16 accounts in {get('renewed_round_trips')} round trips; a request takes {min(ratios):.0f} to "
        f"{max(ratios):.0f} times less CPU than with boto3.",
        f"- At rest: {get('idle_100_wakeups')} wake-ups a minute; {get('idle_100_pss')} MiB for 100 certificates, "
        f"{get('idle_40000_pss')} MiB for 40,000 deliveries.",
    ]


def shortfalls(results):
    missed = results.missed()
    if not missed:
        return ["Nothing: each goal of this run is met."]
    return [
        f"- **{row.what}**: {figures(row)}; the goal is {row.goal_text()}." + (f" Why: {WHY[row.name]}." if row.name in WHY else "")
        for row in missed
    ]


def rows_table(title, rows):
    lines = [f"| {title} | measured | range | goal | |", "|---|---:|---:|---:|---|"]
    verdicts = {None: "", True: "met", False: "**missed**"}
    lines += [
        f"| {row.what} | {text(row.value)} {row.unit} | {row.spread_text()} | {row.goal_text()} | {verdicts[row.met]} |" for row in rows
    ]
    return lines


def markdown(results, where, date):
    """What RESULTS.md says, as a run came out."""
    quotas = [row for row in results.rows if row.name.startswith("quotas_")]
    client = [row for row in results.rows if row.name.startswith("client_")]
    goals = [row for row in results.rows if row.goal is not None and row not in quotas]
    others = [row for row in results.rows if row.goal is None and row not in client + quotas and not row.name.startswith("grown_")]
    lines = [
        f"Measured on {date} on {where}, by `make bench` in {sum(results.seconds.values()) / 60:.0f} minutes, beside "
        f"{results.against}; medians, and the range of what was measured more than once.",
        "", "## In short", "", *short(results),
        "", "## Within AWS's default quotas", "", *rows_table("30 ms from AWS", quotas),
        "", "## What falls short", "", *shortfalls(results),
        "", "## What is held to a goal", "", *rows_table("", goals),
        "", "## The client alone", "", *client_table(client),
        "", "## What else was measured", "", "| | measured | range |", "|---|---:|---:|",
        *(f"| {row.what} | {text(row.value)} {row.unit} | {row.spread_text()} |" for row in others),
        "", "## How it grows",
    ]  # fmt: skip
    for name, rows in results.tables.items():
        lines += ["", *table(name, rows)]
    return "\n".join(lines)


def publish(text, path=RESULTS):
    """Puts a run between the marks of RESULTS.md; what people wrote around them stays."""
    head, begin, rest = path.read_text().partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"bench: {path} has no marks {BEGIN.strip()} and {END.strip()}; restore them")
    path.write_text(head + begin + text + "\n" + end + tail)


def short_of(page):
    """The lines below "In short" of RESULTS.md, or below README_INTRODUCTION in README.md."""
    mark = README_INTRODUCTION if README_INTRODUCTION in page else "## In short\n\n"
    head, found, rest = page.partition(mark)
    if not found:
        raise SystemExit(f"bench: a page has no line '{mark.strip()}'; restore it")
    return rest.partition("\n\n")[0].rstrip("\n").splitlines()


def publish_short(lines, path=README):
    page = path.read_text()
    former = "\n".join(short_of(page))
    head, mark, rest = page.partition(README_INTRODUCTION)
    path.write_text(head + mark + rest.replace(former, "\n".join(lines), 1))


def publish_all(parts):
    results, where, date = load()
    if missing := [part for part in parts if part not in results.seconds]:
        raise SystemExit(f"bench: the last run was without {', '.join(missing)}; run all parts: make bench")
    page = markdown(results, where, date)
    publish(page)
    publish_short(short(results))
    print(page)


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


def table(name, rows):
    """How things grow: a line for each size."""
    if not rows:
        return []
    names = list(rows[0])
    return [
        f"| {name} | " + " | ".join(names[1:]) + " |",
        "|" + "---:|" * len(names),
        *("| " + " | ".join(text(row[column]) for column in names) + " |" for row in rows),
    ]
