# SPDX-License-Identifier: Apache-2.0
"""Where in its memory a running daemon has a private key: certferryd(8) says it, and here it is looked for."""

import base64
import json
import os
import re
import time

import pytest

from tests.scenarios.vocabulary import DESTINATION, SLOW

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="another process's memory is root's to read"),
    pytest.mark.skipif(SLOW > 1, reason="a sanitizer's memory is another"),
]


def regions(pid):
    """(begin, end, locked and in no core dump) of all that can be read."""
    with open(f"/proc/{pid}/smaps") as lines:
        for line in lines:
            if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line):
                begin, end, readable = int(match[1], 16), int(match[2], 16), match[3].startswith("r")
            elif line.startswith("VmFlags:") and readable:
                flags = set(line.split()[1:])
                if not flags & {"io", "pf"}:
                    yield begin, end, {"lo", "dd"} <= flags


def forms(pem):
    """A key as requests have it: a piece of its second line, plain and as base64 at each of the three places."""
    whole = pem.strip().encode()
    begin = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    begin += -begin % 3
    return [whole[begin : begin + 24], *(base64.b64encode(whole[begin + n : begin + n + 24]) for n in range(3))]


def copies(pid, pem):
    """How many there are, (in locked memory, elsewhere)."""
    found = {True: 0, False: 0}
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for begin, end, locked in regions(pid):
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:  # [vvar]
                continue
            found[locked] += sum(data.count(form) for form in forms(pem))
    return found[True], found[False]


@pytest.mark.parametrize(
    "destination, operation, algorithm",
    [
        ("prod", "ImportCertificate", "EC_prime256v1"),
        ("secrets", "CreateSecret", "EC_prime256v1"),
        ("secrets", "CreateSecret", "RSA_2048"),
    ],
)
def test_a_key_is_in_locked_memory_but_for_what_libcurl_is_sending(ferry, cloud, destination, operation, algorithm):
    pay = ferry.issue("pay.example.com", algorithm=algorithm)
    ferry.carry("pay", pay, destination)
    pem = ferry.truth(pay)["private_key"]
    order = cloud.fault("delay", seconds=60, count=1, operation=operation)
    daemon = ferry.start()
    ferry.wait_for(lambda: any(rule["id"] == order and rule["fired"] for rule in cloud.faults()))
    time.sleep(0.2)  # all of it has arrived at the cloud, and the daemon waits
    locked, elsewhere = copies(daemon.process.pid, pem)
    assert locked >= 2, "the bundle and the request: without them this looks for the wrong thing"
    assert elsewhere <= 1, "libcurl's upload buffer"
    cloud.clear_faults()
    daemon.wait_log(f"Delivered renewed certificate to 'pay/{destination}'")
    # It says so before the request has ended, which wipes them.
    ferry.wait_for(lambda: copies(daemon.process.pid, pem) == (0, 0), 2)


def test_nothing_stays_of_a_secret_of_others(ferry, cloud):
    """It is read for the names of its fields alone."""
    pay = ferry.issue("pay.example.com")
    pem = ferry.truth(ferry.issue("theirs.example.com"))["private_key"]
    secrets = cloud.boto3("secretsmanager", DESTINATION)
    secrets.create_secret(Name="pay", SecretString=json.dumps({"tls_key": pem}))
    document = cloud.shipped_policy(name="destination-secretsmanager-read.json", account=DESTINATION)
    cloud.put_policy(arn=cloud.role_arn(DESTINATION), name="read", document=document)
    ferry.carry("pay", pay, {"to": "secrets", "adopt": True})
    daemon = ferry.start()
    daemon.wait_log("'tls_key'")
    ferry.wait_for(lambda: copies(daemon.process.pid, pem) == (0, 0), 2)


def test_no_key_stays_of_files(ferry):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "files")
    daemon = ferry.start()
    daemon.wait_log("Delivered renewed certificate to 'pay/files'")
    assert copies(daemon.process.pid, ferry.truth(pay)["private_key"]) == (0, 0)
