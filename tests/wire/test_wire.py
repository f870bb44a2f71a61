# SPDX-License-Identifier: Apache-2.0
"""The whole daemon, when what comes back from the network is cut, endless, slow, or not AWS's at all."""

import asyncio
import random
import re

import pytest

from tests.cloud.harness import DESTINATION, SECOND
from tests.wire.front import Flawed, head



# --- Right or nothing ---

def cut(at):
    """The cloud does its work, and the first part of its answer arrives."""

    async def attack(peer, front):
        answer = await front.answer(peer)
        await peer.send(answer[: int(len(answer) * at)])

    return attack


def shortened(at):
    """The first part of the body arrives as if it were the whole."""

    async def attack(peer, front):
        _, _, body = (await front.answer(peer)).partition(b"\r\n\r\n")
        body = body[: int(len(body) * at)]
        await peer.send(head(f"Content-Length: {len(body)}") + body)

    return attack


def said(text, status=200):
    async def attack(peer, front):
        await peer.send(head(f"Content-Length: {len(text)}", status=status) + text)

    return attack


async def lost(peer, front):
    """It was done, and nobody heard of it."""
    await front.answer(peer)
    peer.reset()


WRONG = {
    "cut late": cut(0.98),
    "short": shortened(0.5),
    "nearly whole": shortened(0.99),
    "empty": shortened(0),
    "lost": lost,
    "portal": said(b"<html>Please sign in</html>"),
    "withheld": said(b"<html>Blocked</html>", 403),
}
READS = ["AssumeRole", "SearchCertificates", "ListCertificates", "GetCertificate", "ExportCertificate", "GetResources",
         "ListTagsForCertificate", "DescribeSecret"]  # fmt: skip


def check_writes(cloud, truths, since):
    """Whatever was written is a version of the source's, whole and with its key: the cloud would have said so."""
    for entry in cloud.journal(since=since):
        if entry["operation"] == "ImportCertificate" and entry["status"] == 200:
            assert entry["notes"]["fingerprint"] in truths, entry
        assert not entry["ignored"], entry


def check_all(ferry, arn):
    held = ferry.expect_import(DESTINATION, arn), ferry.expect_import(SECOND, arn)
    ferry.expect_secret(DESTINATION, "pay", arn)
    ferry.expect_file("pay", arn)
    return held


@pytest.mark.parametrize("kind", WRONG)
def test_right_or_nothing(ferry, front, cloud, kind):
    """Operations of a first sync and of a renewal's are answered so, more often than not; then it is put right."""
    chance = random.Random(kind)
    ferry.variables["AWS_MAX_ATTEMPTS"] = "1"
    arn = ferry.issue("pay.example.com")
    ferry.carry("pay", arn, "both", "secrets", "files")
    front.attack = lambda peer: WRONG[kind](peer, front)
    since = cloud.journal_position()
    truths = {ferry.truth(arn)["fingerprint"]}
    held = None
    for _ in range(2):
        for operation in chance.sample([*READS, "ImportCertificate", "CreateSecret", "PutSecretValue"], 4):
            front.wants = lambda peer, o=operation: peer.operation == o and chance.random() < 0.7
            run = ferry.run("--once")
            assert run.status in (0, 1, 3), run
            check_writes(cloud, truths, since)
        front.wants = lambda peer: False
        cloud.advance(seconds=400)  # a first import that may have been made is looked for again
        ferry.once()
        held = held or check_all(ferry, arn)
        assert check_all(ferry, arn) == held
        cloud.renew(arn, force=True)
        truths.add(ferry.truth(arn)["fingerprint"])
    assert len(ferry.imports(DESTINATION)) == len(ferry.imports(SECOND)) == 1


# --- Time ---


async def hold(peer):
    await peer.reader.read()


async def hold_after_head(peer):
    await peer.send(head("Content-Length: 100"))
    await peer.reader.read()


async def drip(peer):
    for byte in head("Content-Length: 1000") + b" " * 1000:
        await peer.send(bytes([byte]))
        await asyncio.sleep(1)


async def drip_fields(peer):
    await peer.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await peer.send(b"X-More: to come\r\n")
        await asyncio.sleep(0.5)


SLOWNESS = {"ListCertificates": hold, "GetResources": hold_after_head, "SearchCertificates": drip, "DescribeSecret": drip_fields}


def test_every_request_ends_within_half_a_minute(ferry, front):
    """And what is elsewhere has long been done."""
    ferry.variables["AWS_MAX_ATTEMPTS"] = "1"
    arn = ferry.issue("pay.example.com")
    ferry.carry("pay", arn, "prod", "secrets", "files").once()
    front.attack = lambda peer: SLOWNESS[peer.operation](peer)
    front.wants = lambda peer: peer.operation in SLOWNESS
    run = ferry.run("--once", timeout=100)
    assert run.status == 1
    assert set(SLOWNESS) & set(front.operations)
    assert 29 < front.slowest < 31.5


# --- TLS ---

WORDS = {
    "wrong-name": "name|match",
    "expired": "expired",
    "not-yet-valid": "not yet valid",
    "self-signed": "self[- ]signed",
    "untrusted": "issuer",
    "old-version": "protocol|version|SSL",
    "no-tls": "wrong version number|SSL",
    "cut": "SSL|TLS|connect",
}


@pytest.mark.parametrize("flaw", Flawed.FLAWS)
def test_no_request_leaves_without_a_good_handshake(ferry, front, flaw):
    arn = ferry.issue("pay.example.com")
    ferry.carry("pay", arn, "prod", "files")
    with Flawed(front, flaw) as listener:
        ferry.variables["AWS_ENDPOINT_URL"] = f"https://localhost:{listener.port}"
        run = ferry.run("--once")
        assert run.status == 1
        assert listener.connections >= 1
        assert listener.received == 0
    assert re.search(WORDS[flaw], run.log), run.log
    assert re.search(f"localhost:{listener.port}", run.log), run.log
    if flaw not in ("cut", "no-tls", "old-version"):
        assert re.search("CA bundle|clock|names", run.log), f"it does not say what to do:\n{run.log}"


# --- Endless listings ---


def test_an_endless_listing_ends(ferry, cloud):
    arn = ferry.issue("pay.example.com")
    cloud.import_by_hand(DESTINATION, "n{n}.example.org", count=3)
    cloud.fault("endless", operation="ListCertificates", account=DESTINATION, changing=False)
    run = ferry.carry("pay", arn, "prod", "files").run("--once")
    assert run.status == 1
    assert "an endless listing" in run.log, run.log
    assert run.requests("ListCertificates", DESTINATION) < 30
    assert run.requests.writes == []
    ferry.expect_file("pay", arn)
