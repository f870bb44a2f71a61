# SPDX-License-Identifier: Apache-2.0
"""100,000 random requests, signed by the client (tests/botocore/sign_requests) and by botocore's SigV4Auth."""
import datetime
import itertools
import multiprocessing
import os
import pathlib
import random
import string
import subprocess
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

BUILD = pathlib.Path(__file__).resolve().parents[2] / (os.environ.get("BUILD") or "build")
PROGRAM = BUILD / "tests/botocore/sign_requests"
SEED = 20150830
CHUNKS, CHUNK = 20, 5000

METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"]
REGIONS = ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-7"]
SERVICES = ["acm", "acm-pca", "secretsmanager", "sts", "sqs", "tagging", "execute-api", "x"]
NAMES = ["content-type", "content-length", "x-amz-target", "x-amz-meta", "x-amz-meta-a", "x-amz-meta.b", "my-header1", "a"]
WORDS = string.ascii_letters + string.digits + string.punctuation + "éßЖ漢🔑"
BLANKS = [" ", "  ", "\t", " \t ", "     "]
SEGMENTS = ["", ".", "..", "a", "%20", "%2F", "a b", "é", "漢", "~x", "a:b", "@c", "*", "+", "a=b&c", "(d)", "e'f", "[g]", "%"]


def word(randomly, most=12):
    return "".join(randomly.choices(WORDS, k=randomly.randint(1, most)))


def value(randomly):
    """Words with odd blanks between, before and behind them; now and then nothing."""
    parts = [part for _ in range(randomly.randint(0, 4)) for part in (word(randomly), randomly.choice(BLANKS))]
    return randomly.choice(["", *BLANKS]) + "".join(parts)


def path(randomly):
    count = randomly.choice([0, 0, 1, 1, 2, 3, 5, 8])
    return "/" + "/".join(randomly.choice(SEGMENTS) if randomly.random() < 0.7
                          else word(randomly).replace("?", "").replace("#", "") for _ in range(count))


def query(randomly):
    pairs = []
    for _ in range(randomly.choice([0, 0, 0, 1, 2, 3, 6])):
        name = urllib.parse.quote(randomly.choice(["a", "a-b", "a.b", "A", word(randomly, 3)]), safe="-._~")
        pairs.append(randomly.choice([name, name + "=", name + "=" + urllib.parse.quote(word(randomly, 4), safe="-._~")]))
    return "&".join(pairs)


def headers(randomly, host, date, token):
    """At most eight, as many as the signer takes; one name may come several times."""
    extra = [(randomly.choice(NAMES), value(randomly)) for _ in range(randomly.randint(0, 5))]
    return extra, [("host", host), ("x-amz-date", date)] + ([("x-amz-security-token", token)] if token else []) + extra


def identities(randomly):
    """Access key, secret key and second: each pair of keys for some requests, mostly within two days, so that signing
    keys are kept, replaced and kept again."""
    while True:
        key, secret = word(randomly, 20).replace("/", ""), word(randomly, 128)
        first = randomly.randrange(0, 4102444800)
        for _ in range(randomly.choice([1, 1, 2, 10, 100])):
            yield key, secret, first + randomly.randrange(0, 2 * 86400)


def make(randomly, identity):
    """One request: the line for our program, and what botocore signs it with."""
    key, secret, seconds = identity
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(tzinfo=None)
    date = moment.strftime("%Y%m%dT%H%M%SZ")
    token = word(randomly, 1000) if randomly.random() < 0.5 else None
    region, service = randomly.choice(REGIONS[:1 + seconds % 7]), randomly.choice(SERVICES[:1 + seconds % 8])
    method = randomly.choice(METHODS)
    scheme, host, port = randomly.choice([("https", "acm.eu-west-1.amazonaws.com", ""), ("https", "h", ":8443"),
                                          ("http", "127.0.0.1", ":4566"), ("http", "[::1]", ":80"), ("https", "h", ":443")])
    target, parameters = path(randomly), query(randomly)
    body = randomly.randbytes(randomly.choice([0, 1, 13, 200, 5000]))
    signed_host = host + (port if port not in (":80", ":443") else "")
    extra, every = headers(randomly, signed_host, date, token)
    fields = [key, secret, region, service, str(seconds), method, target, parameters, body.hex()]
    shuffled = [*every]
    if len({name for name, _ in every}) == len(every):
        randomly.shuffle(shuffled)
    line = "\x1f".join(fields + [text for header in shuffled for text in header])
    request = botocore.awsrequest.AWSRequest(
        method=method, url=f"{scheme}://{host}{port}{target}" + ("?" + parameters if parameters else ""), data=body)
    for name, text in extra:
        request.headers[name] = text
    auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret, token), service, region)
    return line, moment, auth, request


def compare_chunk(number):
    """The differences in one chunk, and how many requests were compared."""
    randomly = random.Random(SEED + number)
    made = [make(randomly, identity) for identity in itertools.islice(identities(randomly), CHUNK)]
    answer = subprocess.run([PROGRAM], input="".join(line + "\n" for line, *_ in made).encode(), capture_output=True,
                            check=True).stdout.decode().splitlines()
    different = []
    for (line, moment, auth, request), signed in zip(made, answer, strict=True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda moment=moment: moment)
            auth.add_auth(request)
        expected = request.headers["Authorization"]
        if signed != expected:
            different.append(f"{line!r}:\n  {signed}, not\n  {expected}\n  {auth.canonical_request(request)!r}")
    return different, len(made)


def test_random_requests():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.map(compare_chunk, range(CHUNKS), chunksize=1)
    different = [text for texts, _ in results for text in texts]
    if different:
        pytest.fail("\n".join([f"{len(different)} differ (seed {SEED}):", *different[:5]]), pytrace=False)
    assert sum(count for _, count in results) == 100_000
