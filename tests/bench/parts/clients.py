# SPDX-License-Identifier: Apache-2.0
"""certferry's client and boto3, the same requests."""

import json
import subprocess

from tests.bench.aws import BUILD, accounts
from tests.bench.others import BOTO, PYTHON

CLIENT = BUILD / "tests/bench/client"
BARE = BUILD / "tests/bench/bare"
TOKEN = "x" * 800  # as long as a role's


def measure(bench):
    """certferry's client and boto3, the same requests."""
    for operation in ("describe", "import", "list"):
        _operation(bench, operation)


def _operation(bench, operation):
    aws, measured = bench.aws, {}
    aws.new(100, 1, imported=1)
    file = arguments(bench, operation)
    size = 10 if operation == "list" else 1  # a list is about ten times the work
    runs = [
        ("certferry", 16, 0, 12000), ("boto3", 1, 0, 800), ("boto3", 16, 0, 800),
        ("certferry", 256, 30, 10240), ("certferry", 16, 30, 480), ("boto3", 1, 30, 40), ("boto3", 16, 30, 640),
    ]  # fmt: skip
    for who, in_flight, delay, count in runs:
        aws.delay(delay)
        least = in_flight if delay else 1
        found = [drive(bench, who, operation, max(count // size, least), in_flight, file) for _ in range(3)]
        measured[who, in_flight, delay] = found
    aws.delay(0)
    for (who, in_flight, delay), found in measured.items():
        _rows(bench, operation, who, in_flight, delay, found)
    if operation != "list":
        _ratio(bench, operation, measured)
        _floor(bench, operation, file)


def _rows(bench, operation, who, in_flight, delay, found):
    label = f"{operation}, {who}, {in_flight} at a time, {delay} ms"
    name = f"client_{operation}_{who}_{in_flight}_{delay}ms"
    fast = (operation, who, in_flight, delay) == ("describe", "certferry", 256, 30)
    frugal = operation != "list" and who == "certferry" and delay == 0
    bench.add(f"{name}_per_second", f"{label}: requests a second",
             [run["requests"] / run["seconds"] for run in found], "/s", 7000 if fast else None, "more")  # fmt: skip
    bench.add(f"{name}_cpu", f"{label}: CPU a request", [1e6 * run["cpu_seconds"] / run["requests"] for run in found],
             "us", 85 if frugal else None)  # fmt: skip
    bench.add(f"{name}_pss", f"{label}: PSS", [run["pss_kib"] / 1024 for run in found], "MiB")


def _ratio(bench, operation, measured):
    for delay in (0, 30):
        theirs, ours = (
            [run["cpu_seconds"] / run["requests"] for run in measured[who, 16, delay]]
            for who in ("boto3", "certferry")
        )
        bench.add(f"{operation}_cpu_ratio_{delay}ms",
                 f"{operation}: CPU of boto3 in 16 threads over certferry's, {delay} ms",
                 [a / b for a, b in zip(sorted(theirs), sorted(ours))], "times", 12, "more")  # fmt: skip


def _floor(bench, operation, file):
    """What nobody's client can be below: the same bytes without anything else."""
    for delay, count in ((0, 12000), (30, 640)):
        bench.aws.delay(delay)
        found = [drive(bench, "bare", operation, count, 16, file) for _ in range(3)]
        bench.add(f"bare_{operation}_16_{delay}ms_cpu",
                 f"{operation}, OpenSSL and epoll alone, 16 at a time, {delay} ms: CPU a request",
                 [1e6 * run["cpu_seconds"] / run["requests"] for run in found], "us")  # fmt: skip
    bench.aws.delay(0)


def arguments(bench, operation):
    """The request's body in a file; imports go over one that is there."""
    arn = "arn:aws:acm:eu-west-1:{}:certificate/9e3779b9-6ef3-4000-8000-000000000000"
    body = {"CertificateArn": arn.format("111111111111")}
    if operation == "import":
        body = {"CertificateArn": arn.format(accounts(1)[0]), **json.loads(bench.aws.control("import-body", index=0))}
    file = bench.directory / f"{operation}.json"
    file.write_text(json.dumps(body))
    return file


def drive(bench, who, operation, count, in_flight, file, *cold):
    command = {"certferry": [CLIENT], "bare": [BARE], "boto3": [PYTHON, BOTO, "requests"]}[who]
    keys = {"AWS_SESSION_TOKEN": TOKEN}
    if operation == "import":
        keys["AWS_ACCESS_KEY_ID"] = f"ASIA{accounts(1)[0]}0000"
    command += [bench.aws.url, operation, str(count), str(in_flight), file, *cold]
    return json.loads(subprocess.run(command, env=bench.aws.environment() | keys, check=True, capture_output=True,
                                     text=True, timeout=120).stdout)  # fmt: skip
