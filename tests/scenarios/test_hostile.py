# SPDX-License-Identifier: Apache-2.0
"""What a destination account may hold without harm to the others and to the host, under the unit's memory limit."""

import json
import re
import resource
import sqlite3
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.cloud import pki
from tests.scenarios.memory import group, unit_limit
from tests.scenarios.vocabulary import DESTINATION, REGION, SECOND, SLOW, once_only

MANY = 2500
WILDCARD = "*.example.com"
LOAD_BALANCERS = [f"arn:aws:elasticloadbalancing:{REGION}:{DESTINATION}:loadbalancer/app/web/{n}" for n in range(30)]
RATES = {"acm": {name: 10000 for name in (
    "DescribeCertificate", "GetCertificate", "ImportCertificate", "ListCertificates", "ListTagsForCertificate",
)}}  # fmt: skip
TEXT_MOST = 2048
LINE_MOST = 4096 + 256  # a sentence, and what stands before it
DELIVERIES = 40


@pytest.fixture
def limited():
    with group("certferry-hostile", unit_limit()) as made:
        yield made


def deliveries(ferry, account):
    return [one for one in ferry.certferry("status", "--json").json["deliveries"] if one.get("account") == account]


def states_within(ferry, cloud, account, states, seconds):
    """Until all deliveries to the account are in one of these states; how long that took."""
    begin = time.monotonic()

    def reached():
        found = {one["state"] for one in deliveries(ferry, account)}
        return found and found <= states

    cloud.wait_for(reached, seconds * SLOW, 0.2)
    return time.monotonic() - begin


def carry_many(ferry, *to):
    arns = ferry.issue("a{n}.example.com", count=DELIVERIES)
    for number, arn in enumerate(arns):
        ferry.carry(f"a{number}", arn, *to)
    ferry.set(quotas=RATES, guard=0)


def assert_bounded(ferry, daemon, limited):
    """All that people and disks get of it."""
    answers = [ferry.certferry(*words).out for words in (
        ("status", "--json"), ("status",), ("plan", "--json"), ("plan",), ("adopt", "--json"),
        ("adopt", "--output", "-"),
    )]  # fmt: skip
    assert daemon.process.poll() is None
    assert limited.peak < unit_limit() / 4
    assert max(map(len, daemon.log.splitlines())) <= LINE_MOST
    texts = [text for answer in answers for text in re.findall(r'"(?:reason|problem|refusal)":\s*"((?:[^"\\]|\\.)*)"', answer)]
    assert texts and max(map(len, texts)) <= TEXT_MOST
    assert max(map(len, answers)) < 64 * 1024 * DELIVERIES / 10
    with sqlite3.connect(f"file:{ferry.state}/record.sqlite?mode=ro", uri=True) as store:
        for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in store.execute(f"SELECT * FROM {table}"):
                kept = [value for value in row if isinstance(value, str) and "-----BEGIN" not in value]
                assert max(map(len, kept), default=0) <= TEXT_MOST, row
        (pages,), (size,) = store.execute("PRAGMA page_count").fetchone(), store.execute("PRAGMA page_size").fetchone()
    assert pages * size < 1 << 20
    return answers


def test_account_with_2500_foreign_imports_of_a_wildcard(limited, bus_ferry, cloud):
    carry_many(bus_ferry, {"to": "both", "only": {"accounts": [SECOND]}})
    alone = bus_ferry.start(group=limited)
    usual = states_within(bus_ferry, cloud, SECOND, {"current"}, 30)
    alone.stop()
    bus_ferry.forget_everything()
    for arn in bus_ferry.imports(SECOND):
        cloud.delete_certificate(arn=arn)

    cloud.import_by_hand(
        DESTINATION, WILDCARD, "x{n}.example.com", count=MANY, in_use_by=LOAD_BALANCERS,
        tags={f"key {n}": "v" * 256 for n in range(50)},
    )  # fmt: skip
    carry_many(bus_ferry, "both")
    bus_ferry.carry("wild", bus_ferry.issue(WILDCARD), "both")
    daemon = bus_ferry.start(group=limited)
    beside = states_within(bus_ferry, cloud, SECOND, {"current"}, 30)
    assert beside < 1.5 * usual + 2, "on a clock that others share; the simulation counts"
    states_within(bus_ferry, cloud, DESTINATION, {"held"}, 60)
    # Who uses those that nobody is shown is asked by nobody.
    assert daemon.requests("DescribeCertificate", account=DESTINATION) < MANY
    status, *_, adopt, proposal = assert_bounded(bus_ferry, daemon, limited)
    for one in json.loads(status)["deliveries"]:
        if one["account"] == DESTINATION:
            assert "more; choose with arn:" in one["reason"] or f"{MANY}; choose with arn:" in one["reason"]
    choices = json.loads(adopt)["deliveries"]
    assert {one["total"] for one in choices} == {MANY} and len(choices) == DELIVERIES + 1
    assert max(len(one["candidates"]) for one in choices) == 10
    assert sum(len(one["candidates"]) for one in choices) <= 200, "of a place"
    users = {(len(candidate["in_use_by"]), candidate["users"]) for one in choices for candidate in one["candidates"]}
    assert users == {(3, len(LOAD_BALANCERS))}
    assert f"{MANY - 10} more; 'aws acm list-certificates'" in proposal
    assert len(bus_ferry.imports(DESTINATION)) == MANY, "nothing was imported beside them"


def crowd(algorithm, name):
    """A self-signed certificate and its key: with that name, and as many others as ACM's 32 KiB of PEM hold."""
    key = ec.generate_private_key(pki.CURVES[algorithm]()) if algorithm in pki.CURVES else rsa.generate_private_key(
        65537, pki.RSA_SIZES[algorithm])  # fmt: skip
    names = [name, *(f"n{number}.{'x' * 4}.example" for number in range(1150))]
    begin = time.time() - 60 * 86400
    leaf = pki.issue(key.public_key(), pki.name(name), begin, begin + 395 * 86400, key=key, sans=names)
    return {"Certificate": pki.pem(leaf).encode(), "PrivateKey": pki.key_pem(key).encode()}


def test_thousands_of_names_imported_over_ours(limited, bus_ferry, cloud):
    carry_many(bus_ferry, "prod")
    daemon = bus_ferry.start(group=limited)
    states_within(bus_ferry, cloud, DESTINATION, {"current"}, 30)
    acm = cloud.boto3("acm", DESTINATION)
    for one in deliveries(bus_ferry, DESTINATION):
        number = one["certificate"].removeprefix("a")
        theirs = crowd(cloud.certificate(one["object_id"])["algorithm"], f"a{number}.example.com")
        assert 24000 < len(theirs["Certificate"]) <= 32768
        acm.import_certificate(CertificateArn=one["object_id"], **theirs)
    begin = time.monotonic()
    bus_ferry.certferry("sync", expect=3, timeout=60)
    assert time.monotonic() - begin < 30 * SLOW
    for one in deliveries(bus_ferry, DESTINATION):
        assert (one["state"], one["hold"]) == ("held", "foreign")
        assert re.search(r"for 'a\d+\.example\.com', 'n0\.xxxx\.example', .*' and 1141 more, issued by ", one["reason"])
        assert one["reason"].endswith(", by exactly this name"), "what to do is not cut off"
        bus_ferry.certferry("approve", one["name"], expect=0)
    bus_ferry.certferry("sync", expect=3, timeout=60)
    for one in deliveries(bus_ferry, DESTINATION):
        assert (one["state"], one["hold"]) == ("held", "approval")
        assert re.search(r"the names 'n0\.xxxx\.example', .*' and 1140 more; it ", one["reason"])
        assert one["reason"].endswith(" for this and all later ones"), "what to do is not cut off"
    assert_bounded(bus_ferry, daemon, limited)


def test_limits_that_are_too_low_are_said_at_start(ferry):
    ferry.carry("pay", ferry.issue("pay.example.com"), "files")

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))

    assert "LimitNOFILE=" not in ferry.run("--once", "--dry-run").log, "a shell's soft limit is raised"
    run = ferry.run("--once", preexec_fn=few)
    assert run.status == 0
    assert once_only(run.log, "may need [0-9]+ open files and its limit is 512; .* Set LimitNOFILE=")
    with group("certferry-small", 64 << 20) as small:
        run = ferry.run("--once", preexec_fn=small.enter)
    assert run.status == 0
    assert once_only(run.log, "its control group allows 64 MiB; .* Set MemoryMax=")
