# SPDX-License-Identifier: Apache-2.0
"""A queue of ACM's events wakes the daemon. Whatever becomes of the events, the end is the same: polling is the truth."""

import json
import statistics
import time
from pathlib import Path

import pytest

from tests.scenarios.vocabulary import DESTINATION, REGION, SECOND, SLOW, SOURCE, once_only

IMPORT, LOOK, SWEEP = "ImportCertificate", "SearchCertificates", "ListCertificates"
MEND = r"see /usr/share/doc/certferry/iam/README\.md, 'The queue of events'; polling continues"
WAKE = "ACM events?; polling now"


class World:
    """A daemon that has delivered and listens, and the queue that it listens to."""

    def __init__(self, ferry, cloud, host, pay):
        self.ferry, self.cloud, self.host, self.pay = ferry, cloud, host, pay
        self.urls = cloud.event_queue()
        self.queue, self.dead = self.urls["queue"], self.urls["dead"]
        self.web = host.unit("web.service")
        ferry.dependent("web", "web.service")
        ferry.carry("pay", pay, "prod", {"to": "files", "then": ["web"]})
        ferry.set(events={"queue_url": self.queue})
        self.daemon = None

    def start(self):
        self.daemon = self.ferry.start("--log-level", "debug")
        self.settle()
        self.wait_listening()
        self.web.jobs.clear()
        self.position = self.cloud.journal_position()
        return self

    def wait_listening(self):
        self.ferry.wait_for(lambda: self.status()["events"] == "listening")

    def status(self):
        answer = self.ferry.certferry("status", "--json")
        return answer.json if answer.json["running"] else {"events": None}

    def settle(self):
        """Until all is delivered and told."""
        self.ferry.wait_for(lambda: self._all_well(), 20)

    def _all_well(self):
        answer = self.ferry.certferry("status", "--json").json
        return (
            answer["running"]
            and answer["deliveries"]
            and all(item["state"] == "current" for item in answer["deliveries"])
            and all(item["state"] == "told" for item in answer["dependents"])
        )

    def delivered(self):
        """The renewed version is everywhere."""
        truth = self.ferry.truth(self.pay)["fingerprint"][:16]
        return self.ferry.shown("pay").name == truth and self.count(IMPORT) == 1

    def count(self, operation, account=None):
        return self.cloud.count(operation, account=account, since=self.position)

    def looks(self):
        return self.count(LOOK, SOURCE)

    def messages(self):
        return self.cloud.queue(url=self.queue)

    def send(self, body, url=None):
        client = self.cloud.boto3("sqs")
        return client.send_message(QueueUrl=url or self.queue, MessageBody=body)["MessageId"]

    def expect_carried_once(self):
        """One renewal was carried, once, and told once."""
        self.ferry.wait_for(self.delivered, 20)
        self.settle()
        self.ferry.expect_import(DESTINATION, self.pay)
        self.ferry.expect_file("pay", self.pay)
        assert self.count(IMPORT) == 1
        assert self.web.jobs == ["restart"]

    def wait_empty(self):
        """All messages are deleted."""
        self.ferry.wait_for(lambda: not self.messages(), 20)


@pytest.fixture
def pay(bus_ferry):
    return bus_ferry.issue("pay.example.com", days_ago=340)


@pytest.fixture
def world(bus_ferry, cloud, host, pay):
    return World(bus_ferry, cloud, host, pay)


@pytest.fixture
def listening(world):
    return world.start()


@pytest.mark.alone
def test_from_renewal_to_look_within_a_second(listening, cloud, pay):
    """poll is 15 minutes: nothing but the event can have caused this."""
    spans = []
    for _ in range(3):
        position = cloud.journal_position()
        begin = cloud.now()
        assert cloud.renew(pay, force=True)["renewed"]
        listening.ferry.wait_for(lambda: cloud.count(LOOK, since=position))
        spans.append(cloud.journal(since=position, operation=LOOK)[0]["time"] - begin)
        truth = listening.ferry.truth(pay)["fingerprint"][:16]
        listening.ferry.wait_for(lambda: listening.ferry.shown("pay").name == truth)
        listening.settle()
        listening.wait_empty()
    assert statistics.median(spans) < 1.0 * SLOW and max(spans) < 2.0 * SLOW, spans
    assert listening.daemon.log.count("Received 1 ACM event; polling now") == 3
    assert cloud.queue(url=listening.dead) == []


def test_one_renewal_is_carried_once(listening, cloud, pay):
    assert cloud.renew(pay, force=True)["renewed"]
    listening.expect_carried_once()
    listening.wait_empty()
    assert listening.looks() == 1


def test_lost_event_is_found_by_the_next_look(listening, cloud, pay):
    cloud.settings(events_lost=1)
    assert cloud.renew(pay, force=True)["renewed"]
    assert listening.messages() == []
    time.sleep(1)
    assert listening.looks() == 0
    listening.ferry.certferry("sync", expect=0)  # what the poll would do in 15 minutes
    listening.expect_carried_once()
    assert not listening.daemon.log.count("; polling now")


def test_doubled_event(listening, cloud, pay):
    cloud.settings(events_copies=3)
    assert cloud.renew(pay, force=True)["renewed"]
    listening.expect_carried_once()
    listening.wait_empty()
    assert listening.looks() <= 2


def test_late_event_changes_nothing(listening, cloud, pay):
    cloud.settings(events_late=4.0)
    assert cloud.renew(pay, force=True)["renewed"]
    listening.ferry.certferry("sync", expect=0)
    listening.expect_carried_once()
    listening.ferry.wait_for(lambda: "; polling now" in listening.daemon.log)
    listening.wait_empty()
    listening.expect_carried_once()


def test_early_event_is_looked_for_again(listening, cloud, pay):
    """ACM lists the renewal three seconds after it has told of it: the look after two seconds is in vain as well."""
    cloud.settings(read_lag=3.0)
    assert cloud.renew(pay, force=True)["renewed"]
    listening.ferry.wait_for(lambda: listening.looks() == 1)
    assert listening.count(IMPORT) == 0 and len(listening.messages()) == 1
    listening.ferry.wait_for(lambda: listening.looks() >= 3, 20)
    cloud.settings(read_lag=0.0)
    listening.expect_carried_once()
    listening.wait_empty()
    assert once_only(listening.daemon.log, WAKE), "an event is said once, however often it is looked for"


def test_event_without_any_change(listening, cloud, pay):
    """It says that there is a version that ends in a year, and there never is: four looks, and it is done with."""
    detail = {"Action": "RENEWAL", "CertificateExpirationDate": "2099-01-01T00:00:00Z"}
    cloud.event(arn=pay, detail=detail)
    listening.ferry.wait_for(lambda: listening.looks() == 4, 40)
    listening.wait_empty()
    assert listening.looks() == 4
    assert listening.count(IMPORT) == 0 and listening.web.jobs == []


def test_many_events_are_few_looks(listening, cloud, pay):
    for _ in range(30):
        cloud.event(arn=pay)
    listening.ferry.wait_for(lambda: listening.looks() >= 1)
    listening.wait_empty()
    assert listening.looks() <= 8
    assert listening.count(IMPORT) == 0


def test_revoked_certificate_is_seen_at_once(listening, cloud, pay):
    cloud.mark(arn=pay, status="REVOKED")
    listening.daemon.wait_log("Cannot deliver certificate 'pay': .*REVOKED")
    listening.wait_empty()
    assert listening.count(SWEEP, SOURCE) == 2  # one, in two listings


def test_poison_is_left_to_the_dead_letter_queue(listening, cloud, pay):
    wrong = {"version": "0", "id": "1", "source": "aws.acm", "account": DESTINATION, "region": REGION}
    bodies = ["hello", json.dumps({**wrong, "detail-type": "ACM Certificate Available", "detail": {}, "resources": ["x"]})]
    ids = {listening.send(body) for body in bodies}
    for received in range(1, 6):
        listening.ferry.wait_for(lambda: all(m["received"] == received for m in listening.messages()))
        cloud.release_messages(url=listening.queue)
    listening.ferry.wait_for(lambda: len(cloud.queue(url=listening.dead)) == 2)
    assert {message["id"] for message in cloud.queue(url=listening.dead)} == ids
    log = listening.daemon.log
    warnings = [line for line in log.splitlines() if "warning" in line and "left for the dead-letter queue" in line]
    assert len(warnings) == 1
    assert log.count("left for the dead-letter queue") == 10
    assert listening.looks() == 0 and listening.count("DeleteMessageBatch") == 0
    # And what is good goes on.
    assert cloud.renew(pay, force=True)["renewed"]
    listening.expect_carried_once()
    listening.wait_empty()


def test_what_a_stranger_wrote_is_not_repeated(listening, cloud):
    secret = "s3cr3t-" * 40
    listening.send(json.dumps({"source": "\u001b[31m" + secret, "detail-type": "x\nMESSAGE_ID=0"}))
    listening.send("[" * 200_000)
    listening.send('{"a":' * 100_000)
    listening.send("," * 900_000)
    listening.send("\"" * 900_000)
    listening.ferry.wait_for(lambda: listening.daemon.log.count("left for the dead-letter queue") >= 5, 60)
    log = listening.daemon.log
    assert "\u001b" not in log and "s3cr3t-" * 12 not in log and "\nMESSAGE_ID=0" not in log
    assert listening.status()["events"] == "listening"
    assert listening.looks() == 0


def memory(pid, name):
    """KiB: VmRSS now, VmHWM at most so far."""
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith(name)).split()[1])


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's memory is another")
@pytest.mark.parametrize("body", ["\\" * 153_000, "\u00e9" * 524_288, "x" * 1_048_576], ids=["batch", "escaped", "longest"])
def test_large_messages_fit_the_memory(world, cloud, body):
    """Ten that just fit one answer, and the longest that SQS takes: sixteen MiB above what it needs when idle."""
    events = world.ferry.settings.pop("events")
    world.ferry.write()
    daemon = world.ferry.start()
    world.settle()
    for _ in range(10):
        world.send(body)
    time.sleep(1)
    idle, pid = memory(daemon.process.pid, "VmRSS"), daemon.process.pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM begins anew
    world.ferry.set(events=events)
    daemon.reload()
    world.ferry.wait_for(lambda: sum(message["received"] for message in world.messages()) >= 10, 30)
    world.wait_listening()
    assert memory(pid, "VmHWM") <= idle + 16 * 1024
    assert "Failed to read the event queue" not in daemon.log


def test_queue_denied(world, cloud, pay):
    """Said once; polling and everything else goes on; and it heals."""
    policy = cloud.shipped_policy(name="events-host.json")
    user = f"arn:aws:iam::{SOURCE}:user/certferry"
    cloud.remove_policy(arn=user, name="events")
    world.daemon = daemon = world.ferry.start("--log-level", "debug")
    world.settle()
    daemon.wait_log(f"Failed to read the event queue '{world.queue}': ReceiveMessage: AccessDenied.*: .*; {MEND}")
    status = world.ferry.certferry("status", "--json", expect=0).json
    assert status["events"] == "failing" and "AccessDenied" in status["events_problem"]
    assert "polling continues" in world.ferry.certferry("status", expect=0).out
    world.position = cloud.journal_position()
    world.web.jobs.clear()
    assert cloud.renew(pay, force=True)["renewed"]
    world.ferry.certferry("sync", expect=0)
    world.expect_carried_once()
    assert once_only(daemon.log, "warning: Failed to read the event queue")
    # The next try is up to a minute and a half away: a reload tries at once.
    cloud.put_policy(arn=user, name="events", document=policy)
    daemon.reload()
    world.wait_listening()
    world.wait_empty()
    world.expect_carried_once()


def test_queue_absent(world, cloud):
    world.ferry.set(events={"queue_url": world.queue + "x"})
    cloud.put_policy(
        arn=f"arn:aws:iam::{SOURCE}:user/certferry",
        name="all",
        document={"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]},
    )
    daemon = world.ferry.start()
    world.settle()
    daemon.wait_log(f"Failed to read the event queue '{world.queue}x': ReceiveMessage: QueueDoesNotExist: .*; {MEND}")
    status = world.status()
    assert status["events"] == "failing" and f"'{world.queue}x'" in status["events_problem"]


def test_queue_that_breaks_off(listening, cloud, pay):
    """One broken long poll is no news; an outage is, once; and then all is as before."""
    cloud.fault("reset", operation="ReceiveMessage", count=1)
    listening.send("hello")  # ends the poll that waits
    listening.ferry.wait_for(lambda: cloud.faults()[0]["fired"])
    listening.send("hello")
    listening.ferry.wait_for(lambda: listening.count("ReceiveMessage") >= 3)
    assert "Failed to read the event queue" not in listening.daemon.log
    cloud.fault("error", operation="ReceiveMessage", status=503, code="ServiceUnavailable")
    listening.send("hello")
    listening.daemon.wait_log("warning: Failed to read the event queue 'http.*': ReceiveMessage: ServiceUnavailable", 30)
    tries = listening.count("ReceiveMessage")
    assert tries <= 8, "it is asked less and less often"
    cloud.clear_faults()
    listening.daemon.wait_log("info: Reading events from the event queue", 30)
    assert cloud.renew(pay, force=True)["renewed"]
    listening.expect_carried_once()
    assert once_only(listening.daemon.log, "warning: Failed to read the event queue")


def test_source_that_cannot_be_read_keeps_the_event(listening, cloud, pay):
    """The message stays until a look has succeeded, and hurries nobody."""
    rule = cloud.fault("error", operation=LOOK, status=503, code="ServiceUnavailable")
    assert cloud.renew(pay, force=True)["renewed"]
    listening.daemon.wait_log("Failed to list certificates in the source account")
    failed = listening.looks()
    for _ in range(5):
        cloud.event(arn=pay)
    time.sleep(1)
    assert listening.looks() == failed
    assert len(listening.messages()) == 6
    cloud.clear_faults(id=rule)
    listening.ferry.certferry("sync", expect=0)
    listening.expect_carried_once()
    listening.wait_empty()


@pytest.mark.parametrize("operation", [LOOK, "DeleteMessageBatch", IMPORT])
def test_killed_before_the_message_is_deleted(listening, cloud, pay, operation):
    """The event comes again to the next daemon, and nothing is done twice."""
    cloud.fault("reset", operation="DeleteMessageBatch")
    if operation != "DeleteMessageBatch":
        cloud.fault("delay", operation=operation, seconds=30, phase="after")
    assert cloud.renew(pay, force=True)["renewed"]
    listening.ferry.wait_for(lambda: cloud.faults()[-1]["fired"], 20)
    listening.daemon.kill()
    assert len(listening.messages()) == 1
    cloud.clear_faults()
    listening.daemon = listening.ferry.start("--log-level", "debug")
    listening.ferry.wait_for(listening.delivered, 30)
    listening.settle()
    listening.wait_listening()
    cloud.release_messages(url=listening.queue)
    listening.daemon.wait_log(WAKE)
    listening.wait_empty()
    listening.expect_carried_once()


def test_delete_that_fails_entry_by_entry(listening, cloud, pay):
    """A success in which nothing was deleted: the message comes again, is known, and is deleted without a look."""
    cloud.settings(deletes_refused=True)
    assert cloud.renew(pay, force=True)["renewed"]
    listening.expect_carried_once()
    listening.ferry.wait_for(lambda: listening.count("DeleteMessageBatch"))
    assert len(listening.messages()) == 1
    cloud.settings(deletes_refused=False)
    cloud.release_messages(url=listening.queue)
    listening.wait_empty()
    assert listening.looks() == 1
    listening.expect_carried_once()


def test_reload_takes_the_queue_away_and_brings_it_back(listening, cloud, pay):
    listening.ferry.settings.pop("events")
    listening.ferry.write()
    listening.daemon.reload()
    listening.ferry.wait_for(lambda: listening.status()["events"] == "off")
    cloud.event(arn=pay)
    time.sleep(1)
    assert [message["received"] for message in listening.messages()] == [0]
    listening.ferry.set(events={"queue_url": listening.queue})
    listening.daemon.reload()
    listening.wait_empty()
    assert listening.daemon.process.poll() is None


def switches(pid):
    """How often the process has been woken."""
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("voluntary_ctxt_switches")).split()[1])


def test_long_poll_wakes_nobody(listening, cloud):
    """Within a long poll the daemon sleeps."""
    listening.ferry.wait_for(lambda: not listening.messages())
    time.sleep(6)
    before, position = switches(listening.daemon.process.pid), cloud.journal_position()
    time.sleep(8)
    assert cloud.journal(since=position) == []
    assert switches(listening.daemon.process.pid) - before <= 1


def test_stop_amid_a_long_poll(listening):
    status, seconds = listening.daemon.stop()
    assert status == 0 and seconds < 2 * SLOW


def test_once_asks_no_queue(world, cloud):
    world.ferry.once()
    assert cloud.count("ReceiveMessage") == 0
