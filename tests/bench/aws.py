# SPDX-License-Identifier: Apache-2.0
"""The AWS that everyone is measured against: tests/bench/server.c, one process for the whole run."""

import json
import os
import pathlib
import subprocess
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / (os.environ.get("BUILD") or "build")
REGION = "eu-west-1"
SOURCE = "111111111111"
FIRST_ACCOUNT = 222222220000  # CLOUD_ACCOUNT in cloud.h


def accounts(count):
    return [str(FIRST_ACCOUNT + number) for number in range(count)]


class Aws:
    def __init__(self, directory):
        self.ca = directory / "server-ca.pem"
        self.hurry = directory / "hurry"  # by which the clocks of a certferryd leap, and its own follows
        self.hurry.write_bytes(bytes(24))
        self.process = subprocess.Popen([BUILD / "tests/bench/server", self.ca, self.hurry], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)  # fmt: skip
        self.ports = json.loads(self.process.stdout.readline())
        self.url = f"https://localhost:{self.ports['https']}"
        self.plain_url = f"http://localhost:{self.ports['http']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=20)

    def control(self, name, **parameters):
        """One of the paths in server.h."""
        query = "&".join(f"{key}={int(value)}" for key, value in parameters.items())
        url = f"http://127.0.0.1:{self.ports['control']}/{name}?{query}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=300) as answer:
            return answer.read().decode()

    def new(self, certificates, accounts, **settings):
        """Another cloud in place of the one that was there, and all counters at 0."""
        self.control("new", certificates=certificates, accounts=accounts, **settings)
        self.control("trace")

    def delay(self, ms):
        self.control("delay", ms=ms)

    def counts(self):
        return json.loads(self.control("counts"))

    def trace(self):
        """The requests since the last one was taken, in the order in which they came."""
        names = ("received", "answered", "connection", "first", "status", "account", "operation", "begun")
        return [dict(zip(names, row)) for row in json.loads(self.control("trace"))]

    def environment(self):
        """What a client needs to find it."""
        return {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.ca),
        }
