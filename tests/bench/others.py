# SPDX-License-Identifier: Apache-2.0
"""What users would write themselves: a script on boto3, and a Go program on aws-sdk-go-v2."""

import json
import pathlib
import subprocess

from tests.bench.aws import BUILD, accounts

NEWEST = BUILD / "botocore-venv/bin/python"  # made by tests/botocore/venv; without PyPI, Debian's boto3
PYTHON = NEWEST if NEWEST.exists() else pathlib.Path("/usr/bin/python3")
BOTO = pathlib.Path(__file__).with_name("boto.py")
GO = BUILD / "tests/bench/peer-go"  # made by bench-go, where there are a Go toolchain and its module proxy


def boto_version():
    code = "import boto3, platform; print(f'boto3 {boto3.__version__} on Python {platform.python_version()}')"
    return subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def has_go():
    if not GO.exists():
        print("  no Go toolchain or module proxy: nothing here is compared with the Go program", flush=True)
    return GO.exists()


def boto(aws, threads):
    """200 certificates to 8 accounts."""
    return sync(aws, threads, PYTHON, BOTO)


def go(aws, goroutines, delay=30):
    return sync(aws, goroutines, GO, delay=delay)


def sync(aws, at_once, *program, delay=30):
    aws.new(200, 8)
    aws.delay(delay)
    done = begin_sync(aws, at_once, *program)
    aws.delay(0)
    if done.returncode != 0 or aws.counts()["in_sync"] != 1600:
        raise RuntimeError(f"{program} did not bring all in sync: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def begin_sync(aws, at_once, *program, **environment):
    """With what is there; however it ends."""
    return subprocess.run([*program, "sync", aws.url, str(at_once), *accounts(8)], env=aws.environment() | environment,
                          capture_output=True, text=True)  # fmt: skip


class Watcher:
    """The Go program with its connections made, that looks for renewed certificates when it is told to."""

    def __init__(self, aws, goroutines, account_count):
        self.process = subprocess.Popen([GO, "watch", aws.url, str(goroutines), *accounts(account_count)],
                                        env=aws.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        self._expect("ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=20)

    def look(self):
        """Until what was renewed is delivered and read back."""
        self.process.stdin.write("look\n")
        self.process.stdin.flush()
        self._expect("done")

    def _expect(self, word):
        line = self.process.stdout.readline()
        if line != f"{word}\n":
            raise RuntimeError(f"the Go program says {line!r} in place of {word}")
