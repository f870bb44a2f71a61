# SPDX-License-Identifier: Apache-2.0
"""The daemon's memory, whatever is sent to it."""

import asyncio
import itertools
import json
import os
import re
import time
import zlib

import pytest

from tests.cloud.harness import DESTINATION, SECOND, SOURCE
from tests.cloud.tls import REGIONS
from tests.wire.front import head

MIB = 1 << 20
BLOCK = 1 << 16
GIB = 1 << 30
PLACES = [(account, region) for account in (DESTINATION, SECOND) for region in REGIONS]
AT_ONCE = 1 + len(PLACES)  # the source is listed, too


def memory(process, name):
    """VmRSS or VmHWM, in bytes."""
    with open(f"/proc/{process.pid}/status") as file:
        return int(re.search(rf"{name}:\s+(\d+) kB", file.read())[1]) * 1024


def forget_peak(process):
    with open(f"/proc/{process.pid}/clear_refs", "w") as file:
        file.write("5")


def endless(first, again, *fields, status=200, most=64 * MIB):
    """A body of a GiB, of which so much comes unless the client has enough before."""

    async def attack(peer):
        await peer.send(head(*fields, status=status) + first)
        await peer.send_until_gone(again, most)

    return attack


def chunked(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def bomb():
    """64 MiB of blanks, as gzip sees them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(b" " * (64 * MIB)) + packer.flush()


async def interim(peer):
    await peer.send_until_gone(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)


def listing(items, last=1):
    """A page as ACM sends them, of these items, and then others until the ${last} one."""
    pages = itertools.count(1)

    async def attack(peer):
        number = next(pages)
        page = {"CertificateSummaryList": [
            {**one, "CertificateArn": f"arn:aws:acm:{peer.region}:{DESTINATION}:certificate/{number:08}-{n:027}" + longer}
            for n, (one, longer) in enumerate(items)
        ]}  # fmt: skip
        if number % last:
            page["NextToken"] = str(number)
        body = json.dumps(page).encode()
        await peer.send(head(f"Content-Length: {len(body)}", "Connection: close") + body)

    return attack


def item(names=2, length=20, longer=0):
    """What is listed of a certificate, and how its ARN goes on."""
    return {
        "DomainName": "a.example.com", "Status": "ISSUED", "Type": "IMPORTED", "KeyAlgorithm": "RSA-2048",
        "NotBefore": 1.7e9, "NotAfter": 1.9e9,
        "SubjectAlternativeNameSummaries": [f"{n:0{length}}" for n in range(names)],
    }, "0" * longer  # fmt: skip


LENGTH, CHUNKED = f"Content-Length: {GIB}", "Transfer-Encoding: chunked"
LIST = b'{"CertificateSummaryList":['
ATTACKS = {
    "length": endless(b'{"a":"', b"x" * BLOCK, LENGTH),
    "blanks": endless(b"", b" " * BLOCK, LENGTH),
    "no length": endless(b'{"a":"', b"x" * BLOCK, "Connection: close"),
    "chunks": endless(chunked(b'{"a":"'), chunked(b"x" * BLOCK), CHUNKED),
    # Read chunk by chunk: of 64 MiB, fifteen at once would take all of a processor for longer than a handshake may.
    "chunks of two bytes": endless(chunked(b"{ "), chunked(b"  ") * 10000, CHUNKED, most=8 * MIB),
    "gzip": endless(b'{"a":"', b"x" * BLOCK, LENGTH, "Content-Encoding: gzip"),
    "gzip bomb": endless(bomb(), bomb(), "Transfer-Encoding: gzip", "Connection: close"),
    "levels": endless(b'{"CertificateSummaryList":', b"[" * BLOCK, LENGTH),
    "objects in objects": endless(b"", LIST[:-1] * 10000, LENGTH),
    "values": endless(LIST + b'{"KeyUsages":[[]', b",[]" * 100000, LENGTH),
    "items": endless(LIST + b"{}", b",{}" * 100000, LENGTH),
    "digits": endless(LIST + b'{"NotBefore":', b"9" * BLOCK, LENGTH),
    "string": endless(LIST + b'{"CertificateArn":"', b"a" * BLOCK, LENGTH),
    "token": endless(b'{"CertificateSummaryList":[],"NextToken":"', b"a" * BLOCK, LENGTH),
    "field": endless(b"", b"", "X-Long: " + "a" * 200000),
    "fields": endless(b"", b"", *[f"X-{n}: {n:050}" for n in range(20000)]),
    "trailers": endless(chunked(b"{}") + b"0\r\n", b"X-Trailer: 0123456789\r\n" * 10000, CHUNKED),
    "trailer": endless(chunked(b"{}") + b"0\r\nX-Trailer: ", b"a" * BLOCK, CHUNKED),
    "interim answers": interim,
    "error": endless(b'{"__type":"ThrottlingException","message":[[]', b",[]" * 100000, LENGTH, status=400),
    "no words": endless(b"", b"[" * BLOCK, LENGTH, status=500),
}

# Well formed, and more than anybody has.
LISTINGS = {
    "long names": listing([item(length=9000)] * 1000),
    "long ARNs": listing([item(longer=1900)] * 1000),
    "many names": listing([item(names=990, length=60)] * 130),
    "full pages": listing([item(names=100, length=30)] * 1000),
    "page after page": listing([item()] * 1000, last=1 << 20),
}


pytestmark = pytest.mark.skipif("SANITIZE" in os.environ and os.environ["SANITIZE"] != "",
                                reason="a sanitizer keeps what was freed")  # fmt: skip


@pytest.fixture
def daemon(ferry):
    """It has delivered to all places, and rests."""
    arn = ferry.issue("pay.example.com")
    ferry.variables["AWS_MAX_ATTEMPTS"] = "1"
    ferry.destination("all", kind="both", regions=list(REGIONS))
    daemon = ferry.carry("pay", arn, "all").set(poll="1h", sweep="1h").start()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == len(PLACES), 60)
    daemon.arn = arn
    return daemon


def attack_all(ferry, front, daemon, count):
    """Reload until so many requests were attacked, and none is under way: on a slow machine a handshake may come too
    late, and then that place is not asked before its next try."""
    for last in (False, False, True):
        front.attacked = 0
        daemon.reload()
        try:
            ferry.wait_for(lambda: front.attacked >= count and not front.under_way, 45)
            return
        except TimeoutError:
            if last or daemon.process.poll() is not None:
                raise
            print(f"{front.attacked} of {count} were asked, {front.under_way} still are: once more")


def test_memory_whatever_a_listing_says(ferry, front, cloud, daemon):
    """To all at once, kind after kind: the peak is within 16 MiB of what it was at rest, the end within 30 s."""
    resting = memory(daemon.process, "VmRSS")
    front.wants = lambda peer: peer.operation == "ListCertificates"
    peaks = {}
    for name, attack in ATTACKS.items():
        front.attack = attack
        forget_peak(daemon.process)
        attack_all(ferry, front, daemon, AT_ONCE)
        assert daemon.process.poll() is None, f"{name}: the daemon ended:\n{daemon.log}"
        peaks[name] = (memory(daemon.process, "VmHWM") - resting) / MIB
    assert {name: peak for name, peak in peaks.items() if peak > 16} == {}
    print({name: round(peak, 1) for name, peak in peaks.items()}, f"above {resting / MIB:.1f} MiB")
    assert front.slowest < 31.5
    front.attack = None
    cloud.renew(daemon.arn, force=True)
    daemon.reload()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == 2 * len(PLACES), 60)


def read_source_elsewhere(ferry, cloud, daemon):
    """Not through the front, which then sees the places alone."""
    ferry.set(source=ferry.settings["source"] | {"endpoint_url": cloud.endpoint})
    daemon.reload()
    ferry.wait_for(lambda: "Reloaded the configuration" in daemon.log)


# And what is said of them; the last is believed.  (The search shows the one that is really there, too.)
SOURCE_LISTINGS = {
    "long names": (LISTINGS["long names"], "too long a value"),
    "long ARNs": (listing([item(longer=1900)] * 1000, last=1 << 20), "fits into the 11024 KiB .*certificates_max"),
    "many names": (listing([item(names=990, length=60)] * 130), "fits into the 11024 KiB .*certificates_max"),
    "page after page": (LISTINGS["page after page"], "fits into the 11024 KiB .*certificates_max"),
    "too many": (listing([item()] * 850, last=6), "ACM lists 5101 certificates, more than source.certificates_max"),
    "nearly too many": (listing([item()] * 980, last=5), r"lists 4901 of 5000 certificates allowed by source.certificates_max"),
}


def test_memory_however_much_the_source_lists(ferry, front, cloud, daemon):
    """The same for the source: what does not fit, or is more than it may have, is not believed, and said."""
    ferry.settings["destinations"]["all"]["endpoint_url"] = cloud.endpoint
    ferry.set()
    daemon.reload()
    ferry.wait_for(lambda: "Reloaded the configuration" in daemon.log)
    resting = memory(daemon.process, "VmRSS")
    front.wants = lambda peer: peer.operation == "ListCertificates"
    peaks = {}
    for name, (attack, words) in SOURCE_LISTINGS.items():
        front.attack, front.attacked, begin = attack, 0, len(daemon.log)
        forget_peak(daemon.process)
        daemon.reload()
        ferry.wait_for(lambda: front.attacked and re.search(words, daemon.log[begin:]), 45)
        assert daemon.process.poll() is None, f"{name}: the daemon ended:\n{daemon.log}"
        time.sleep(0.5)
        peaks[name] = (memory(daemon.process, "VmHWM") - resting) / MIB
        front.attack = None
        daemon.reload()
        ferry.wait_for(lambda: "Listed certificates in the source account again" in daemon.log[begin:] or "lists 4901" in words, 45)
    print({name: round(peak, 1) for name, peak in peaks.items()}, f"above {resting / MIB:.1f} MiB")
    assert {name: peak for name, peak in peaks.items() if peak > 16} == {}
    assert daemon.log.count("Failed to list certificates in the source account") == len(peaks) - 1
    cloud.renew(daemon.arn, force=True)
    daemon.reload()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == 2 * len(PLACES), 60)


def test_memory_however_much_places_list(ferry, front, cloud, daemon):
    """The same for whatever else the destinations say they hold."""
    read_source_elsewhere(ferry, cloud, daemon)
    resting = memory(daemon.process, "VmRSS")
    front.wants = lambda peer: peer.operation == "ListCertificates"
    peaks = {}
    for name, attack in LISTINGS.items():
        front.attack = attack
        forget_peak(daemon.process)
        attack_all(ferry, front, daemon, len(PLACES))
        time.sleep(1)
        assert daemon.process.poll() is None, f"{name}: the daemon ended:\n{daemon.log}"
        peaks[name] = (memory(daemon.process, "VmHWM") - resting) / MIB
    print({name: round(peak, 1) for name, peak in peaks.items()}, f"above {resting / MIB:.1f} MiB")
    assert {name: peak for name, peak in peaks.items() if peak > 16} == {}
    front.attack = None
    cloud.renew(daemon.arn, force=True)
    daemon.reload()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == 2 * len(PLACES), 60)


def test_many_imports_are_listed_in_a_second_try(ferry, front, cloud, daemon):
    """More than a look has room for at first, and no more than there may be: it lists again, and nobody hears of it."""
    front.wants = lambda peer: peer.operation == "ListCertificates"
    front.attack = listing([item()] * 1000)
    read_source_elsewhere(ferry, cloud, daemon)
    # All of them at once are more than there is room for, so some list twice.
    ferry.wait_for(lambda: front.attacked > len(PLACES), 45)
    time.sleep(2)
    assert front.attacked <= 4 * len(PLACES)  # at the reload, and when the source has been swept
    assert "Failed to check" not in daemon.log


def stalling(items):
    """A page as ACM sends it, and a next one that comes byte by byte and never ends."""
    whole = listing(items, last=1 << 20)
    pages = itertools.count()

    async def attack(peer):
        if b"NextToken" not in peer.body and next(pages) >= 0:
            await whole(peer)
            return
        await peer.send(head(LENGTH) + LIST)
        while True:
            await peer.send(b" ")
            await asyncio.sleep(0.2)

    return attack


def test_accounts_that_stall_keep_no_room_that_others_need(ferry, front, cloud, daemon):
    """More of them than there is room for, with a page each: who has had it for ten seconds gives it to those who wait."""
    read_source_elsewhere(ferry, cloud, daemon)
    time.sleep(2)
    resting = memory(daemon.process, "VmRSS")
    honest = REGIONS[0]
    front.wants = lambda peer: peer.operation == "ListCertificates" and peer.region != honest
    front.attack, begin = stalling([item(names=20, length=40)] * 900), len(daemon.log)
    forget_peak(daemon.process)
    ferry.carry("new", ferry.issue("new.example.com"), "all")
    daemon.reload()
    since = time.monotonic()
    ends = [f"Delivered renewed certificate to 'new/all/{account}/{honest}'" for account in (DESTINATION, SECOND)]
    ferry.wait_for(lambda: all(end in daemon.log[begin:] for end in ends), 20)
    print(f"after {time.monotonic() - since:.1f} s")
    assert (memory(daemon.process, "VmHWM") - resting) / MIB <= 16
    # Those who wait for room after a stall are looked at as soon as they answer.
    front.attack = None
    ferry.wait_for(lambda: daemon.log.count("'new/all/") >= len(PLACES), 150)


# --- The queue of events ---

ANSWER = (3 << 20) + (64 << 10) - 1  # what SQS's answer may have at most: SQS_ANSWER_LIMIT of lib/aws/sqs.h


def full(before, again, after):
    """An answer as long as SQS's may be, or a little shorter: ${again} as often as there is room."""
    return before + again * ((ANSWER - len(before) - len(after)) // len(again.encode())) + after


def message(number=0, body="{}", more=""):
    """As SQS sends it, with the body as JSON has it."""
    return f'{{"MessageId":"m{number}","ReceiptHandle":"r{number}","Body":"{body}"{more}}}'


def batch(*items):
    return '{"Messages":[' + ",".join(items) + "]}"


def one(again, receipt="r0", more=""):
    """A message whose body fills the answer."""
    return full(f'{{"Messages":[{{"MessageId":"m0","ReceiptHandle":"{receipt}","Body":"', again, f'"{more}}}]}}')


def one_with(before, again, after):
    """A message that fills it with members."""
    return full('{"Messages":[{"MessageId":"m0","ReceiptHandle":"r0","Body":"x",' + before, again, after + "}]}")


def members(count):
    return ",".join(f'"a{n}":""' for n in range(count))


# One answer each, as long as one may be; well formed, if not all of SQS's.
MESSAGES = {
    "escapes": one("\\u0041"),
    "wide escapes": one("\\u00e9"),
    "pairs": one("\\ud83d\\ude00"),
    "line feeds": one("\\n"),
    "quotes": one('\\"'),
    "plain": one("x"),
    "wide": one("é"),
    "and members": one("x", more=',"a":[' + ",".join(["{" + members(1000) + "}"] * 19) + "]"),
    "ten": batch(*[message(n, "x" * (ANSWER // 10 - 70)) for n in range(10)]),
    "ten with escapes": batch(*[message(n, "\\u0041" * (ANSWER // 60 - 12)) for n in range(10)]),
    "ten of 16 KiB": batch(*[message(n, "{}," * 5400, ',"MD5OfBody":"' + "0" * 200000 + '"') for n in range(10)]),
    "a member in each object": one_with('"a":[{"b":0}', ',{"b":0}', "]"),
    "members": batch(message(more="," + members(210000))),
    "attributes": batch(message(more=',"Attributes":{"ApproximateReceiveCount":"1",' + members(210000) + "}")),
    "attributes of attributes": one_with('"MessageAttributes":{"a":[{"a":{}}', ',{"a":{}}', "]}"),
    "lists": one_with('"a":[[]', ",[]", "]"),
    "words": one_with('"a":[null', ",null", "]"),
    "long receipt": one("x", receipt="r" * 60000),
    "too many": full('{"Messages":[' + message(), "," + message(), "]}"),
    "beside them": full('{"Messages":[' + message() + '],"a":[{}', ",{}", "]}"),
    "not yet": full('{"a":"', "\\u0041", '","Messages":[' + message() + "]}"),
}


def answer(text, status=200):
    """The whole of it, at once."""
    body = text.encode()
    assert len(body) <= ANSWER

    async def attack(peer):
        await peer.send(head(f"Content-Length: {len(body)}", "Connection: close", status=status) + body)

    return attack


def flood():
    """Ten new events in each answer, as long as events are, with receipts longer than SQS's."""
    numbers = itertools.count()

    def event():
        number = next(numbers)
        arns = [f"arn:aws:acm:{REGIONS[0]}:{SOURCE}:certificate/{n:0200}" for n in range(10)]
        text = json.dumps({
            "id": f"{number:064}", "source": "aws.acm", "account": SOURCE, "region": REGIONS[0],
            "detail-type": "ACM Certificate Available", "detail": {"x": "x" * 13000}, "resources": arns,
        })  # fmt: skip
        return {"MessageId": f"{number:02000}", "ReceiptHandle": f"{number:02000}", "Body": text}

    async def attack(peer):
        await answer(json.dumps({"Messages": [event() for _ in range(10)]}))(peer)

    return attack


QUEUE = {name: answer(text) for name, text in MESSAGES.items()} | {
    "endless": endless(b'{"Messages":[{"Body":"', b"\\u0041" * 10000, LENGTH),
    "endless member": endless(b'{"Messages":[{"', b"a" * BLOCK, LENGTH),
    "endless list": endless(b'{"Messages":[0', b",0" * 10000, LENGTH),
    "error": answer(full('{"__type":"InternalError","message":"', "\\u0041", '"}'), status=500),
    "flood": flood(),
}


@pytest.fixture
def listener(ferry, front, cloud):
    """A small one, that has delivered and listens to a queue that is empty."""
    front.wants = lambda peer: peer.operation == "ReceiveMessage"
    front.attack = answer("{}")
    ferry.set(events={"queue_url": cloud.event_queue()["queue"]})
    arn = ferry.issue("pay.example.com")
    daemon = ferry.carry("pay", arn, "prod").start()
    ferry.wait_for(lambda: "Delivered renewed certificate" in daemon.log and front.attacked >= 2)
    daemon.arn = arn
    return daemon


@pytest.mark.alone  # its daemon waits longer after each answer that it cannot use in time
def test_memory_whatever_the_queue_says(ferry, front, cloud, listener):
    """Answers of SQS, each as long as one may be: as above; what is too long for an event is said, and events are taken."""
    resting = memory(listener.process, "VmRSS")
    peaks = {}
    for name, attack in QUEUE.items():
        forget_peak(listener.process)
        front.attack, front.attacked = attack, 0
        times = 40 if name == "flood" else 1
        ferry.wait_for(lambda: front.attacked >= times and not front.under_way, 60)
        front.attack, front.attacked = answer("{}"), 0
        listener.reload()  # what makes no sense is not asked for again soon
        ferry.wait_for(lambda: front.attacked >= 1)
        assert listener.process.poll() is None, f"{name}: the daemon ended:\n{listener.log}"
        peaks[name] = (memory(listener.process, "VmHWM") - resting) / MIB
    print({name: round(peak, 1) for name, peak in peaks.items()}, f"above {resting / MIB:.1f} MiB")
    assert {name: peak for name, peak in peaks.items() if peak > 16} == {}
    refused = re.findall(r"message m0 .*: it has (\d+) bytes.*; left for the dead-letter queue", listener.log)
    assert len(refused) == 10 and max(map(int, refused)) > 3_200_000
    assert "ACM events; polling now" in listener.log
    front.attack = None
    cloud.renew(listener.arn, force=True)
    ferry.wait_for(lambda: listener.log.count("Delivered renewed certificate") == 2, 60)
