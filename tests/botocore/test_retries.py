# SPDX-License-Identifier: Apache-2.0
"""When a failed request is sent again: the client's standard mode (lib/aws/retry.h) against botocore's own clients.

Both get the same answers and the same chance.  botocore's client gets them just before it would send; what it sleeps
and what is left of its quota is what it did.  Of ours, tests/botocore/plan_retries.c says both.

Meant to differ: LimitExceededException, for which there is a test here; and, left out here, what is sent again without
tokens (skew, expired, busy, not-yet), what we alone take for trouble (Internal* with 400, a redirect, 505),
Retry-After, long polls, and more than ten attempts."""
import functools
import json
import os
import pathlib
import random
import subprocess
import time

import botocore
import botocore.awsrequest
import botocore.config
import botocore.exceptions
import botocore.retries.quota
import botocore.retries.standard
import botocore.session
import pytest

BUILD = pathlib.Path(__file__).resolve().parents[2] / (os.environ.get("BUILD") or "build")
PROGRAM = BUILD / "tests/botocore/plan_retries"
THROTTLED = botocore.retries.standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES
TRANSIENT = botocore.retries.standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES
EXCEPTIONS = {"timeout": botocore.exceptions.ReadTimeoutError, "cut": botocore.exceptions.ConnectionClosedError}

# Status and code; status 0: no answer.
THROTTLES = [(400, code) for code in THROTTLED if code != "LimitExceededException"] + [
    (429, ""), (429, "WhoKnowsException"), (503, "SlowDown"), (503, "ThrottlingException")]
TROUBLES = [(400, code) for code in TRANSIENT if code not in THROTTLED] + [
    (0, "timeout"), (0, "cut"), (500, ""), (502, ""), (503, ""), (504, ""), (500, "InternalFailure"),
    (503, "ServiceUnavailable"), (500, "WhoKnowsException"), (504, "RequestTimeout")]
REFUSALS = [(400, "ValidationException"), (403, "AccessDeniedException"), (400, "ResourceNotFoundException"), (501, "")]
HINTS = ["0", "1", "49", "700", "1500", "4999", "5000", "5001", "26000", "999999999", "9" * 30,
         "-5", "1.5", "1e3", "soon"]
SERVICES = {"acm": ("list_certificates", {}), "secretsmanager": ("list_secrets", {})}


class Body:
    def __init__(self, content):
        self.content = content

    def stream(self):
        yield self.content


class Reference:
    """One of botocore's clients: answered from ${outcomes}, asleep for no time."""

    def __init__(self, patch, service, attempts):
        patch.setattr(botocore.retries.quota, "RetryQuota", self.keep(botocore.retries.quota.RetryQuota))
        backoff = functools.partial(botocore.retries.standard.ExponentialBackoff, random=lambda: self.chance / 1000)
        patch.setattr(botocore.retries.standard, "ExponentialBackoff", backoff)
        patch.setattr(time, "sleep", lambda seconds: self.slept.append(round(seconds * 1e6)))
        retries = {"mode": "standard"} | ({"total_max_attempts": attempts} if attempts else {})
        self.client = session().create_client(
            service, region_name="eu-west-1",
            config=botocore.config.Config(retries=retries, signature_version=botocore.UNSIGNED))
        self.client.meta.events.register("before-send", self.send)
        operation, self.arguments = SERVICES[service]
        self.operation = getattr(self.client, operation)

    def keep(self, kind):
        def make(*arguments, **named):
            self.quota = kind(*arguments, **named)
            return self.quota
        return make

    def send(self, request, **_):
        outcome = next(self.outcomes)
        if outcome == "success":
            return botocore.awsrequest.AWSResponse(request.url, 200, headers({}), Body(b"{}"))
        status, code, self.chance, hint = outcome
        if not status:
            raise EXCEPTIONS[code](endpoint_url=request.url)
        body = json.dumps({"__type": code, "message": "words"}) if code else ""
        return botocore.awsrequest.AWSResponse(
            request.url, status, headers({"x-amz-retry-after": hint} if hint else {}), Body(body.encode()))

    def request(self, outcomes):
        self.outcomes, self.slept = iter(outcomes), []
        try:
            self.operation(**self.arguments)
        except (botocore.exceptions.ClientError, *EXCEPTIONS.values()):
            pass
        return " ".join(str(number) for number in [*self.slept, self.quota.available_capacity])


def headers(given):
    return botocore.awsrequest.HeadersDict(given)


@functools.cache
def session():
    made = botocore.session.Session()
    made.set_credentials("AKIDEXAMPLE", "secret")
    return made


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for variable in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


def ours(attempts, requests):
    lines = ["client"]
    for outcomes in requests:
        lines.append("\t".join([str(attempts), *(outcome if outcome == "success" else ",".join(map(str, outcome))
                                                 for outcome in outcomes)]))
    return subprocess.run([PROGRAM], input="".join(line + "\n" for line in lines), capture_output=True, text=True,
                          check=True).stdout.splitlines()


def both(service, attempts, requests):
    with pytest.MonkeyPatch.context() as patch:
        reference = Reference(patch, service, attempts)
        theirs = [reference.request(outcomes) for outcomes in requests]
    return theirs, ours(attempts, requests)


def failure(randomly, throttles):
    """One that is worth another attempt, most of the time."""
    kind = REFUSALS if randomly.random() < 0.05 else THROTTLES if randomly.random() < throttles else TROUBLES
    status, code = randomly.choice(kind)
    hint = randomly.choice(HINTS) if status and randomly.random() < 0.3 else ""
    return status, code, randomly.choice([0, 999, randomly.randrange(1000)]), hint


def sequence(seed):
    """The requests of one client: good and bad times by turns, so that tokens run out and come back."""
    randomly = random.Random(seed)
    attempts = randomly.choice([0, 0, 1, 2, 3, 4, 5, 10])
    throttles = randomly.choice([0, 0.1, 0.5, 0.9, 1])
    requests = []
    for _ in range(randomly.randint(1, 4)):
        failing = randomly.choice([0.1, 0.5, 0.9, 1])
        for _ in range(randomly.randint(1, 25)):
            outcomes = []
            while len(outcomes) < (attempts or 5) and randomly.random() < failing:
                outcomes.append(failure(randomly, throttles))
            requests.append([*outcomes, "success"])
    return randomly.choice(sorted(SERVICES)), attempts, requests


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_same_retries(first):
    """Fifty clients; that tokens ran out and came back is counted, too."""
    different, exhausted, refunded, again = [], 0, 0, 0
    for seed in range(first, first + 50):
        service, attempts, requests = sequence(seed)
        theirs, answers = both(service, attempts, requests)
        before = 500
        for outcomes, expected, got in zip(requests, theirs, answers, strict=True):
            left = int(expected.split()[-1])
            again += " " in expected
            exhausted += before < 14
            refunded += left > before
            before = left
            if got != expected:
                different.append(f"{seed}: of {attempts} attempts, {outcomes}: {got}, not {expected}")
                break
    if different:
        pytest.fail("\n".join(different[:20]), pytrace=False)
    assert exhausted > 20 and refunded > 20 and again > 200, "cases that show nothing"


@pytest.mark.parametrize("code", THROTTLED + TRANSIENT)
@pytest.mark.parametrize("status", [400, 503])
def test_every_code(status, code):
    """What it costs and how long it waits says what a code is taken for."""
    requests = [[(status, code, 999, ""), (status, code, 999, ""), "success"]]
    theirs, answers = both("acm", 0, requests)
    if code == "LimitExceededException":
        assert theirs == ["999000 1998000 495"] and answers == ["500"]
    else:
        assert answers == theirs


@pytest.mark.parametrize("status", [403, 404, 429, 500, 501, 502, 503, 504])
def test_every_status(status):
    theirs, answers = both("acm", 0, [[(status, "", 999, ""), (status, "", 999, ""), "success"]])
    assert answers == theirs


def test_every_hint():
    requests = [[(503, "", chance, hint), "success"] for hint in HINTS for chance in (0, 500, 999)]
    theirs, answers = both("acm", 0, requests)
    assert answers == theirs


@pytest.mark.parametrize("status, code, retries", [(500, "", 35), (400, "ThrottlingException", 100)])
def test_tokens_run_out_and_come_back(status, code, retries):
    """As many retries as the store pays for, then none; then successes fill it."""
    failed = [(status, code, 500, "")] * 3
    theirs, answers = both("acm", 0, [failed] * 60 + [["success"]] * 20 + [failed] * 3)
    assert answers == theirs
    assert sum(len(answer.split()) - 1 for answer in answers[:60]) == retries
    assert len(answers[80].split()) > 1
