# SPDX-License-Identifier: Apache-2.0
"""What a destination account may hold without harm to the others and to the host, under the unit's memory limit."""

import re
import sqlite3
import time

import pytest

from tests.cloud import pki
from tests.scenarios.memory import group, unit_limit
from tests.scenarios.vocabulary import DESTINATION, REGION, SECOND, SLOW

MANY = 2500
WILDCARD = "*.example.com"
LOAD_BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{DESTINATION}:loadbalancer/app/web/{{n}}"
RATES = {"acm": {name: 10000 for name in (
    "DescribeCertificate", "GetCertificate", "ImportCertificate", "ListCertificates", "ListTagsForCertificate",
)}}  # fmt: skip
LINE_MOST = 4096 + 256  # a sentence, and what stands before it
DELIVERIES = 40


@pytest.fixture
def limited():
    with group("certferry-hostile", unit_limit()) as made:
        yield made


def settled(ferry, cloud, seconds):
    """Until no delivery is due, in flight or not looked at."""

    def rests():
        states = {item["state"] for item in ferry.certferry("status", "--json").json["deliveries"]}
        return states and not states & {"unknown", "due", "in-flight"}

    return cloud.wait_for(rests, seconds * SLOW, 0.2)


def current_after(ferry, cloud, account, seconds):
    """How long until all deliveries to the account are current."""
    begin = time.monotonic()

    def current():
        # Asked rarely: a status of many deliveries is no small answer.
        answer = ferry.certferry("status", "--json").json["deliveries"]
        states = {item["state"] for item in answer if item["account"] == account}
        return states == {"current"}

    cloud.wait_for(current, seconds * SLOW, 0.2)
    return time.monotonic() - begin


def carry_many(ferry, *to):
    arns = ferry.issue("a{n}.example.com", count=DELIVERIES)
    for number, arn in enumerate(arns):
        ferry.carry(f"a{number}", arn, *to)
    ferry.set(quotas=RATES, guard=0)


def assert_bounded(ferry, daemon, limited, answers):
    assert max(map(len, daemon.log.splitlines())) <= LINE_MOST
    assert limited.peak < unit_limit(), "the kernel took nothing away"
    for answer in answers:
        for text in re.findall(r'"(?:reason|problem|refusal)":\s*"((?:[^"\\]|\\.)*)"', answer.out):
            assert len(text) <= 2048, text
    rows = 0
    with sqlite3.connect(f"file:{ferry.state}/record.sqlite?mode=ro", uri=True) as store:
        for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in store.execute(f"SELECT * FROM {table}"):
                rows += 1
                texts = [value for value in row if isinstance(value, str) and "-----BEGIN" not in value]
                assert max(map(len, texts), default=0) <= 2048, row
    assert rows


def test_account_with_2500_foreign_imports_of_a_wildcard(bus_ferry, cloud, limited):
    carry_many(bus_ferry, {"to": "both", "only": {"accounts": [SECOND]}})
    quiet = bus_ferry.start(group=limited)
    usual = current_after(bus_ferry, cloud, SECOND, 60)
    quiet.stop()
    bus_ferry.forget_everything()
    for arn in bus_ferry.imports(SECOND):
        cloud.delete_certificate(arn=arn)

    cloud.import_by_hand(
        DESTINATION, WILDCARD, "x{n}.example.com", count=MANY, in_use_by=[LOAD_BALANCER] * 30
    )
    carry_many(bus_ferry, "both")
    bus_ferry.carry("wild", bus_ferry.issue(WILDCARD), "both")
    daemon = bus_ferry.start(group=limited)
    beside = current_after(bus_ferry, cloud, SECOND, 60)
    try:
        settled(bus_ferry, cloud, 25)
    except TimeoutError:
        print("POLL", daemon.process.poll(), "PEAK", limited.peak, usual, beside)
        print("STATUS", bus_ferry.certferry("status").out[-1500:], bus_ferry.certferry("status").error[:500])
        print("LOG", daemon.log[-2000:])
        raise
    answers = [bus_ferry.certferry(*words) for words in (
        ("status", "--json"), ("status",), ("plan", "--json"), ("plan",), ("adopt", "--json"))]
    print(usual, beside, limited.peak >> 10, [len(answer.out) for answer in answers],
          max(map(len, daemon.log.splitlines())), (bus_ferry.state / "record.sqlite").stat().st_size)
    assert_bounded(bus_ferry, daemon, limited, answers)


def crowd(key, names):
    """A certificate of an account's own making, with as many names as ACM's 32 KiB of PEM hold."""
    begin = time.time() - 86400
    return pki.issue(key.public_key(), pki.name(names[0]), begin, begin + 90 * 86400, key=key, sans=names)
