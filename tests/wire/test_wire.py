# SPDX-License-Identifier: Apache-2.0
"""The whole daemon, when what comes back from the network is cut, endless, slow, or not AWS's at all."""

import asyncio
import random
import re
import zlib

import pytest

from tests.cloud.harness import DESTINATION, SECOND
from tests.cloud.tls import REGIONS
from tests.scenarios.vocabulary import SLOW, WRITES
from tests.wire.front import Flawed, head

MIB = 1 << 20
GIB = 1 << 30
PLACES = [(account, region) for account in (DESTINATION, SECOND) for region in REGIONS]


# --- Memory ---


def memory(process, name):
    """VmRSS or VmHWM, in bytes."""
    text = open(f"/proc/{process.pid}/status").read()
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024


def forget_peak(process):
    with open(f"/proc/{process.pid}/clear_refs", "w") as file:
        file.write("5")


def endless(first, again, *fields):
    """A body that never ends."""

    async def attack(peer):
        await peer.send(head(*fields) + first)
        await peer.send_until_gone(again)

    return attack


def chunked(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def bomb():
    """A MiB of blanks a thousand times over, as gzip sees them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(b" " * (64 * MIB)) + packer.flush()
    return b'{"a":' + packed


ITEM = (
    b'{"CertificateArn":"arn:aws:acm:eu-west-1:222222222222:certificate/00000000-0000-4000-8000-000000000000",'
    b'"DomainName":"a.example.org","SubjectAlternativeNameSummaries":["a.example.org"],"Type":"IMPORTED",'
    b'"Status":"ISSUED","KeyAlgorithm":"RSA-2048","NotBefore":1763078400,"NotAfter":1794614399},'
)
LENGTH, CHUNKED = f"Content-Length: {GIB}", "Transfer-Encoding: chunked"
TOO_LONG = {
    "length": endless(b'{"a":"', b"x" * MIB, LENGTH),
    "no length": endless(b'{"a":"', b"x" * MIB, "Connection: close"),
    "chunks": endless(chunked(b'{"a":"'), chunked(b"x" * MIB), CHUNKED),
    "small chunks": endless(chunked(b'{"a":['), chunked(b"1,") * 10000, CHUNKED),
    "gzip": endless(b'{"a":"', b"x" * MIB, LENGTH, "Content-Encoding: gzip"),
    "gzip bomb": endless(bomb(), bomb(), "Transfer-Encoding: gzip", "Connection: close"),
    "levels": endless(b'{"CertificateSummaryList":', b"[" * MIB, LENGTH),
    "objects in objects": endless(b"", b'{"CertificateSummaryList":' * 10000, LENGTH),
    "values": endless(b'{"CertificateSummaryList":[[]', b",[]" * 100000, LENGTH),
    "objects": endless(b'{"CertificateSummaryList":[{}', b",{}" * 100000, LENGTH),
    "members": endless(b'{"a":1', b"".join(b',"%d":1' % n for n in range(100000)), LENGTH),
    "digits": endless(b'{"CertificateSummaryList":[{"NotBefore":', b"9" * MIB, LENGTH),
    "string": endless(b'{"CertificateSummaryList":[{"CertificateArn":"', b"a" * MIB, LENGTH),
    "escapes": endless(b'{"CertificateSummaryList":[{"CertificateArn":"', b"\\u00e4" * 100000, LENGTH),
    "names": endless(b'{"CertificateSummaryList":[{"SubjectAlternativeNameSummaries":["a"', b',"a"' * 100000, LENGTH),
    "token": endless(b'{"CertificateSummaryList":[],"ResourceTagMappingList":[],"NextToken":"', b"a" * MIB, LENGTH),
    "blanks": endless(b'{"CertificateSummaryList":[', b" " * MIB, LENGTH),
    "certificates": endless(b'{"CertificateSummaryList":[', ITEM * 1000, LENGTH),
    "field": endless(b"", b"", "X-Long: " + "a" * 200000),
    "fields": endless(b"", b"", *[f"X-{n}: {n:050}" for n in range(20000)]),
    "trailers": endless(chunked(b"{}") + b"0\r\n", b"X-Trailer: 0123456789\r\n" * 10000, CHUNKED),
    "error": endless(b'{"__type":"ThrottlingException","message":[[]', b",[]" * 100000, LENGTH),
}


async def interim(peer):
    await peer.send_until_gone(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)


async def interim_fields(peer):
    await peer.send_until_gone(b"HTTP/1.1 103 Early Hints\r\n" + b"Link: <x>\r\n" * 1000 + b"\r\n")


TOO_LONG |= {"interim answers": interim, "interim answers with fields": interim_fields}


def test_memory_whatever_is_sent(ferry, front, cloud):
    """Sixteen of a kind at once and more, kind after kind: the peak stays within 16 MiB of what it was at rest."""
    arn = ferry.issue("pay.example.com")
    ferry.destination("all", kind="both", regions=list(REGIONS))
    daemon = ferry.carry("pay", arn, "all").set(poll="1h", sweep="1h").start()
    assert len(PLACES) >= 14
    ferry.wait_for(lambda: daemon.log.count("holds the new version") == len(PLACES), 60)
    resting = memory(daemon.process, "VmRSS")
    front.wants = lambda peer: peer.operation in ("ListCertificates", "GetResources", "SearchCertificates")
    peaks = {}
    for name, attack in TOO_LONG.items():
        front.attack, front.attacked = attack, 0
        forget_peak(daemon.process)
        daemon.reload()
        ferry.wait_for(lambda: front.attacked >= len(PLACES) and not front.under_way, 20)
        peaks[name] = (memory(daemon.process, "VmHWM") - resting) / MIB
    front.attack = None
    print({name: round(peak, 1) for name, peak in peaks.items()}, f"above {resting / MIB:.1f} MiB")
    assert {name: peak for name, peak in peaks.items() if peak > 16 * SLOW} == {}
    cloud.renew(arn, force=True)
    daemon.reload()
    ferry.wait_for(lambda: daemon.log.count("holds the new version") == 2 * len(PLACES), 60)
    daemon.stop()


# --- Right or nothing ---

async def reset(peer):
    peer.reset()


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
    "cut early": cut(0.3),
    "cut late": cut(0.98),
    "short": shortened(0.5),
    "nearly whole": shortened(0.99),
    "empty": shortened(0),
    "lost": lost,
    "portal": said(b"<html>Please sign in</html>"),
    "nothing": said(b"{}"),
    "null": said(b"null"),
    "no content": said(b"", 204),
    "partial": said(b'{"Certificate":', 206),
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
    """Each operation of a first sync and of a renewal's is answered so, now and then, or always; then it is put right."""
    chance = random.Random(kind)
    ferry.variables["AWS_MAX_ATTEMPTS"] = "1"
    arn = ferry.issue("pay.example.com")
    ferry.carry("pay", arn, "both", "secrets", "files")
    front.attack = lambda peer: WRONG[kind](peer, front)
    since = cloud.journal_position()
    truths = {ferry.truth(arn)["fingerprint"]}
    held = None
    for round_number in range(2):
        for operation in [*READS, *sorted(WRITES)] if round_number else READS + ["ImportCertificate", "CreateSecret"]:
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


@pytest.mark.parametrize("changing", [True, False])
def test_an_endless_listing_ends(ferry, cloud, changing):
    arn = ferry.issue("pay.example.com")
    cloud.import_by_hand(DESTINATION, "n{n}.example.org", count=3)
    cloud.fault("endless", operation="ListCertificates", account=DESTINATION, changing=changing)
    cloud.fault("endless", operation="GetResources", account=DESTINATION, changing=changing)
    run = ferry.carry("pay", arn, "prod", "files").run("--once", timeout=100)
    assert run.status == 1
    assert "an endless listing" in run.log, run.log
    assert run.requests("ListCertificates", DESTINATION) < 30
    assert run.requests.writes == []
    ferry.expect_file("pay", arn)
