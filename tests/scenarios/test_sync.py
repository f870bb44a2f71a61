# SPDX-License-Identifier: Apache-2.0
"""`certferry sync NAME`: it ends when what it named is done, touches nothing else, and carries that result."""

import os
import subprocess
import threading
import time

import pytest

from tests.cloud.harness import DESTINATION, SECOND, SOURCE
from tests.scenarios.test_daemon import settled
from tests.scenarios.vocabulary import SLOW


@pytest.fixture
def pay(bus_ferry):
    return bus_ferry.issue("pay.example.com", days_ago=340)


@pytest.fixture
def shop(bus_ferry):
    return bus_ferry.issue("shop.example.com", days_ago=340)


@pytest.fixture
def running(bus_ferry, pay, shop):
    """Two certificates in place in two accounts: pay in one, shop in the other."""
    bus_ferry.destination("far", "prod", accounts=[SECOND])
    bus_ferry.carry("pay", pay, "prod").carry("shop", shop, "far")
    daemon = bus_ferry.start()
    settled(bus_ferry)
    return daemon


def requests(cloud, position):
    return [entry for entry in cloud.journal(since=position) if entry["operation"] != "AssumeRole"]


def test_it_does_not_wait_for_a_slow_place(running, bus_ferry, cloud, pay, shop):
    cloud.fault("delay", seconds=8, operation="ImportCertificate", account=SECOND)
    assert cloud.renew(pay)["renewed"] and cloud.renew(shop)["renewed"]
    bus_ferry.certferry("sync", "shop", "--no-wait", expect=0)
    bus_ferry.wait_for(lambda: cloud.count("ExportCertificate", resource=shop) > 1)
    begin = time.monotonic()
    answer = bus_ferry.certferry("sync", "pay", "--json", expect=0)
    assert time.monotonic() - begin < 4 * SLOW
    bus_ferry.expect_import(DESTINATION, pay)
    assert [item["name"] for item in answer.json["deliveries"]] == ["pay/prod"]
    assert [item["name"] for item in answer.json["certificates"]] == ["pay"]
    # The other one is still on its way, and arrives.
    cloud.clear_faults()
    bus_ferry.certferry("sync", "shop", expect=0)
    bus_ferry.expect_import(SECOND, shop)


def test_it_touches_nothing_else(running, bus_ferry, cloud, pay, shop):
    """No full scan, no check of other places, no export of what was renewed meanwhile, no back-off that ends."""
    assert cloud.renew(pay)["renewed"]
    cloud.fault("error", code="AccessDeniedException", operation="ImportCertificate", account=SECOND)
    assert cloud.renew(shop)["renewed"]
    bus_ferry.certferry("sync", "shop", expect=1)
    failed = bus_ferry.certferry("status", "--json").delivery("shop/far")
    assert (failed["state"], failed["failures"]) == ("failed", 1)
    position = cloud.journal_position()
    bus_ferry.certferry("sync", "pay", expect=0)
    bus_ferry.expect_import(DESTINATION, pay)
    asked = requests(cloud, position)
    assert not [entry for entry in asked if entry["account"] == SECOND]
    assert not [entry for entry in asked if entry["resource"] == shop]
    assert bus_ferry.certferry("status", "--json").delivery("shop/far") == failed
    swept = bus_ferry.certferry("status", "--json").json["swept_at"]
    bus_ferry.certferry("sync", "pay", expect=0)
    assert bus_ferry.certferry("status", "--json").json["swept_at"] == swept


def test_a_renewal_of_another_is_left_to_the_poll(running, bus_ferry, cloud, pay, shop):
    assert cloud.renew(shop)["renewed"]
    position = cloud.journal_position()
    bus_ferry.certferry("sync", "pay", expect=0)
    time.sleep(1)  # for what it should not begin
    assert not [entry for entry in requests(cloud, position) if entry["resource"] == shop or entry["account"] == SECOND]
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_import(SECOND, shop)


def test_one_delivery_of_a_certificate(bus_ferry, cloud, pay):
    """Its other delivery hangs, and is not waited for."""
    bus_ferry.carry("pay", pay, "both", "files").start()
    settled(bus_ferry)
    assert cloud.renew(pay)["renewed"]
    cloud.fault("delay", seconds=8, operation="ImportCertificate", account=SECOND)
    begin = time.monotonic()
    answer = bus_ferry.certferry("sync", "pay/files", "--json", expect=0)
    assert time.monotonic() - begin < 4 * SLOW
    assert [item["name"] for item in answer.json["deliveries"]] == ["pay/files"]
    bus_ferry.expect_file("pay", pay)


def test_beside_two_hundred_ordinary_renewals(bus_ferry, cloud, pay):
    """Their versions are still being read, ten a second; what waits at the source and at the place lets the one pass that
    somebody waits for."""
    arns = bus_ferry.issue("many.example.com", count=200, days_ago=340)
    bus_ferry.carry("pay", pay, "prod").carry("many", {"domain": "many.example.com"}, "prod")
    bus_ferry.set(guard=0, quotas={"acm": {"ImportCertificate": 100, "ExportCertificate": 100}})
    bus_ferry.start()
    end = time.monotonic() + 60 * SLOW
    while (answer := bus_ferry.certferry("status", "--json")).status != 0 or len(answer.json["deliveries"]) < 201:
        assert time.monotonic() < end
        time.sleep(0.5)
    cloud.fault("delay", seconds=1, operation="ImportCertificate")
    assert cloud.renew_all()
    position = cloud.journal_position()
    bus_ferry.certferry("sync", "--no-wait", expect=0)
    bus_ferry.wait_for(lambda: cloud.count("ImportCertificate", since=position) > 4)
    begin = time.monotonic()
    bus_ferry.certferry("sync", "pay", expect=0)
    took = time.monotonic() - begin
    carried = cloud.count("ImportCertificate", since=position)
    bus_ferry.expect_import(DESTINATION, pay)
    assert carried < len(arns) // 2 and took < 12 * SLOW, (carried, took)


def test_of_two_names_in_one_full_scan(bus_ferry, cloud, pay, shop):
    """The one waited when the scan began, and the other is read first: that one of them was read says nothing of the other."""
    bus_ferry.issue("many.example.com", count=100, days_ago=340)
    bus_ferry.destination("far", "prod", accounts=[SECOND])
    bus_ferry.carry("pay", pay, "prod").carry("shop", shop, "far").carry("many", {"domain": "many.example.com"}, "files")
    bus_ferry.set(guard=0, quotas={"acm": {"ExportCertificate": 100}})
    bus_ferry.start()
    bus_ferry.certferry("sync", expect=0)
    assert cloud.renew_all()
    position = cloud.journal_position()
    cloud.fault("delay", seconds=3, operation="ListCertificates", account=SOURCE)
    bus_ferry.certferry("sync", "pay", "--no-wait", expect=0)
    bus_ferry.wait_for(lambda: cloud.count("ListCertificates", since=position))
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(bus_ferry.certferry("sync", "shop", "--json")))
    waiting.start()
    bus_ferry.certferry("sync", "--no-wait", expect=0)
    bus_ferry.wait_for(lambda: cloud.count("ExportCertificate", since=position) > 4, 30)
    bus_ferry.certferry("sync", "pay", expect=0)
    waiting.join(60 * SLOW)
    assert answers[0].status == 0, answers[0]
    bus_ferry.expect_import(SECOND, shop)


def test_asked_for_again_before_it_has_begun(running, bus_ferry, cloud, pay):
    """One job answers all who ask meanwhile: however many they are, what they ask about is kept and gone through once."""
    order = cloud.fault("delay", seconds=4, operation="ListCertificates", account=SOURCE)
    ask = ("sync", "--no-wait", "--json")
    first = bus_ferry.certferry(*ask, expect=0).json["job"]
    bus_ferry.wait_for(lambda: any(rule["id"] == order and rule["fired"] for rule in cloud.faults()))
    second, third = (bus_ferry.certferry(*ask, expect=0).json["job"] for _ in range(2))
    other = bus_ferry.certferry("sync", "pay", "--no-wait", "--json", expect=0).json["job"]
    assert second == third and len({first, second, other}) == 3
    answer = bus_ferry.certferry("sync", "--json", expect=0)
    assert answer.json["job"] == second
    assert {item["name"] for item in answer.json["deliveries"]} == {"pay/prod", "shop/far"}


def test_of_more_than_fits_into_one_message(bus_ferry, cloud):
    bus_ferry.issue("many.example.com", count=260)
    bus_ferry.carry("many", {"domain": "many.example.com"}, "files")
    bus_ferry.set(guard=0, quotas={"acm": {"ExportCertificate": 100, "GetCertificate": 100}})
    bus_ferry.start()
    answer = bus_ferry.certferry("sync", "--json", expect=0).json
    assert answer["summary"] and "deliveries" not in answer
    assert (answer["counts"]["deliveries"]["all"], answer["counts"]["deliveries"]["current"]) == (260, 260)
    (bus_ferry.files / "many").rename(bus_ferry.directory / "elsewhere")
    (bus_ferry.files / "many").write_text("somebody else's")
    answer = bus_ferry.certferry("sync", "many", "--json", expect=1).json
    assert answer["counts"]["certificates"]["all"] == 260
    assert answer["counts"]["deliveries"]["failed"] == 260 and answer["groups"]
    assert "many" in bus_ferry.certferry("sync", "many", expect=1).out


def test_of_a_name_that_is_held(running, bus_ferry, cloud):
    wiki = bus_ferry.issue("wiki.example.com", days_ago=340)
    cloud.import_by_hand(DESTINATION, "wiki.example.com")
    bus_ferry.carry("wiki", wiki, "prod")
    running.reload()
    cloud.fault("delay", seconds=8, operation="ListCertificates", account=SECOND)
    answer = bus_ferry.certferry("sync", "wiki", "--json", expect=3)
    assert [item["state"] for item in answer.json["deliveries"]] == ["held"]
    assert answer.delivery("wiki/prod")["hold"] == "adopt?"


def test_of_a_name_that_fails_and_one_beside_it(running, bus_ferry, cloud, pay, shop):
    cloud.fault("error", code="AccessDeniedException", operation="ImportCertificate", account=DESTINATION)
    assert cloud.renew(pay)["renewed"] and cloud.renew(shop)["renewed"]
    answer = bus_ferry.certferry("sync", "pay", "--json", expect=1)
    assert answer.delivery("pay/prod")["state"] == "failed"
    # What fails is nothing to the other one.
    answer = bus_ferry.certferry("sync", "shop", "--json", expect=0)
    assert [item["state"] for item in answer.json["deliveries"]] == ["current"]
    bus_ferry.expect_import(SECOND, shop)
    cloud.clear_faults()
    bus_ferry.certferry("sync", "pay", expect=0)
    bus_ferry.expect_import(DESTINATION, pay)


def test_where_the_source_does_not_answer(running, bus_ferry, cloud, pay):
    cloud.fault("error", code="AccessDeniedException", operation="ListCertificates", account=SOURCE)
    answer = bus_ferry.certferry("sync", "pay", "--json", expect=1)
    assert "AccessDenied" in answer.json["source_problem"]
    # It says nothing of the polls, which go on as they were.
    assert bus_ferry.certferry("status", "--json", expect=0).json["source_problem"] is None
    cloud.clear_faults()
    bus_ferry.certferry("sync", "pay", expect=0)


def test_what_depends_on_it_is_restarted_before_it_ends(bus_ferry, cloud, host, pay, shop):
    """Beside a delivery on its way to the same unit: both in one restart."""
    unit = host.unit("web.service")
    bus_ferry.dependent("web", "web.service")
    bus_ferry.carry("pay", pay, {"to": "files", "then": ["web"]})
    bus_ferry.carry("shop", shop, {"to": "prod", "then": ["web"]})
    bus_ferry.start()
    settled(bus_ferry)
    unit.jobs.clear()
    assert cloud.renew(pay)["renewed"] and cloud.renew(shop)["renewed"]
    cloud.fault("delay", seconds=1.5, operation="ImportCertificate")  # after 2 s a place is silent, and not waited for
    bus_ferry.certferry("sync", "shop", "--no-wait", expect=0)
    bus_ferry.wait_for(lambda: cloud.count("ExportCertificate", resource=shop) > 1)
    answer = bus_ferry.certferry("sync", "pay", "--json", expect=0)
    assert unit.jobs == ["restart"]
    assert [item["state"] for item in answer.json["dependents"]] == ["told"]
    bus_ferry.expect_import(DESTINATION, shop)


def test_what_depends_on_it_waits_for_no_silent_place(bus_ferry, cloud, host, pay, shop):
    """The same beside a place that has given no answer for two seconds: one restart each."""
    unit = host.unit("web.service")
    bus_ferry.dependent("web", "web.service")
    bus_ferry.carry("pay", pay, {"to": "files", "then": ["web"]})
    bus_ferry.carry("shop", shop, {"to": "prod", "then": ["web"]})
    bus_ferry.start()
    settled(bus_ferry)
    unit.jobs.clear()
    assert cloud.renew(pay)["renewed"] and cloud.renew(shop)["renewed"]
    cloud.fault("delay", seconds=6, operation="ImportCertificate")
    bus_ferry.certferry("sync", "shop", "--no-wait", expect=0)
    bus_ferry.wait_for(lambda: cloud.count("ExportCertificate", resource=shop) > 1)
    bus_ferry.certferry("sync", "pay", expect=0)
    assert unit.jobs == ["restart"]
    with pytest.raises(AssertionError):
        bus_ferry.expect_import(DESTINATION, shop)
    bus_ferry.wait_for(lambda: len(unit.jobs) == 2, 20)
    bus_ferry.expect_import(DESTINATION, shop)


def test_a_name_that_a_reload_takes_out(running, bus_ferry, cloud, pay, shop):
    assert cloud.renew(shop)["renewed"]
    cloud.fault("delay", seconds=5, operation="ImportCertificate", account=SECOND)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(bus_ferry.certferry("sync", "shop", "--json")))
    waiting.start()
    bus_ferry.wait_for(lambda: cloud.count("ExportCertificate", resource=shop) > 1)
    del bus_ferry.settings["certificates"]["shop"]
    bus_ferry.write()
    running.reload()
    waiting.join(20 * SLOW)
    assert answers[0].status == 1
    assert answers[0].json["notices"] == ["'shop' is no longer configured"]


def test_a_name_that_a_reload_gives_to_another_certificate(running, bus_ferry, cloud, shop):
    """While the former one is on its way to a place that falls silent after the reload."""
    wiki = bus_ferry.issue("shop.example.com")
    assert cloud.renew(shop)["renewed"]
    cloud.fault("delay", seconds=6, operation="ImportCertificate", account=SECOND)
    bus_ferry.certferry("sync", "shop", "--no-wait", expect=0)
    bus_ferry.wait_for(lambda: cloud.count("ExportCertificate", resource=shop) > 1)
    del bus_ferry.settings["certificates"]["pay"]
    bus_ferry.carry("shop", wiki, "far")
    running.reload()
    bus_ferry.certferry("sync", "shop", expect=0)
    bus_ferry.expect_import(SECOND, wiki)
    assert running.process.poll() is None


def test_a_certificate_that_is_kept_eligible_only(bus_ferry, cloud, pay):
    bus_ferry.settings["certificates"]["pay"] = {"arn": pay}
    bus_ferry.write().start()
    bus_ferry.wait_for(lambda: cloud.count("ExportCertificate", resource=pay) == 1)
    assert cloud.renew(pay)["renewed"]
    bus_ferry.certferry("sync", "pay", expect=0)
    assert cloud.count("ExportCertificate", resource=pay) == 2


def test_matched_by_tags(bus_ferry, cloud, pay, shop):
    """Tags are read again of the one alone."""
    acm = cloud.boto3("acm", bus_ferry.account_of(pay))
    for arn in (pay, shop):
        acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "ferry", "Value": "yes"}])
    bus_ferry.carry("all", {"tags": {"ferry": "yes"}}, "prod").start()
    settled(bus_ferry)
    assert cloud.renew(pay)["renewed"]
    position = cloud.journal_position()
    name = "all/" + pay.rsplit("/", 1)[-1]
    answer = bus_ferry.certferry("sync", name, "--json", expect=0)
    assert [item["certificate"] for item in answer.json["deliveries"]] == [name]
    bus_ferry.expect_import(DESTINATION, pay)
    assert not [entry for entry in requests(cloud, position) if entry["resource"] == shop]
    acm.remove_tags_from_certificate(CertificateArn=pay, Tags=[{"Key": "ferry"}])
    bus_ferry.certferry("sync", name, "--json", expect=1)
    assert {item["certificate"] for item in bus_ferry.certferry("status", "--json").json["deliveries"]} == {
        "all/" + shop.rsplit("/", 1)[-1]
    }


@pytest.fixture
def small_disk(bus_ferry):
    """The state directory on a file system of its own, which has room for little."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "certferry-test", bus_ferry.state]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield bus_ferry.state
    bus_ferry.end()
    subprocess.run(["umount", "-l", bus_ferry.state], check=True)


def test_when_the_disk_has_room_again(small_disk, bus_ferry, cloud, pay):
    """Nothing is begun with a full disk; a sync afterwards does not wait for the next try, which is a minute away."""
    bus_ferry.carry("pay", pay, "prod").start()
    settled(bus_ferry)
    assert cloud.renew(pay)["renewed"]
    with (small_disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError):
        while True:
            filler.write(bytes(4096))
    answer = bus_ferry.certferry("sync", "pay", "--json", expect=1)
    assert "full" in answer.json["record_problem"]
    assert bus_ferry.certferry("sync", "--json", expect=1).json["record_problem"]
    (small_disk / "filler").unlink()
    begin = time.monotonic()
    answer = bus_ferry.certferry("sync", "pay", "--json", expect=0)
    assert answer.json["record_problem"] is None and time.monotonic() - begin < 30
    bus_ferry.expect_import(DESTINATION, pay)


def test_of_a_name_at_a_place_that_gives_no_answer(running, bus_ferry, cloud, pay, shop):
    """A sync of what is elsewhere does not wait for it."""
    assert cloud.renew(pay)["renewed"] and cloud.renew(shop)["renewed"]
    cloud.fault("blackhole", account=SECOND)
    bus_ferry.certferry("sync", "shop", "--no-wait", expect=0)
    begin = time.monotonic()
    bus_ferry.certferry("sync", "pay", expect=0)
    assert time.monotonic() - begin < 6 * SLOW
    bus_ferry.expect_import(DESTINATION, pay)
    cloud.clear_faults()
    bus_ferry.certferry("sync", "shop", timeout=120)
    bus_ferry.wait_for(lambda: bus_ferry.certferry("sync", "shop").status == 0, 60)
    bus_ferry.expect_import(SECOND, shop)


@pytest.mark.skipif(not os.environ.get("LONG"), reason="six requests of 30 s each: LONG=1")
def test_of_a_name_at_a_silent_place(running, bus_ferry, cloud, shop):
    """It ends when the place has been asked as often as any is."""
    assert cloud.renew(shop)["renewed"]
    cloud.fault("blackhole", account=SECOND)
    answer = bus_ferry.certferry("sync", "shop", "--json", timeout=240)
    assert answer.status == 1 and answer.delivery("shop/far")["state"] == "failed", answer


def test_of_a_name_at_a_place_that_is_down(running, bus_ferry, cloud, pay, shop):
    """It ends when the place has been asked, each time that somebody asks, and says so."""
    assert cloud.renew(shop)["renewed"]
    cloud.fault("reset", account=SECOND)
    for _ in range(3):
        answer = bus_ferry.certferry("sync", "shop", "--json", expect=1)
        assert answer.delivery("shop/far")["state"] == "failed"
    cloud.clear_faults()
    bus_ferry.certferry("sync", "shop", expect=0)
    bus_ferry.expect_import(SECOND, shop)


def test_a_place_that_was_lost_and_becomes_another(running, bus_ferry, cloud, shop):
    """That the account did not answer says nothing of the directory that now has its name."""
    cloud.fault("reset", account=SECOND)
    assert cloud.renew(shop)["renewed"]
    bus_ferry.certferry("sync", "shop", expect=1)
    bus_ferry.destination("far", "files")
    running.reload()
    bus_ferry.certferry("sync", "shop", expect=0)
    bus_ferry.expect_file("shop", shop)


def test_one_of_amazons_n2_hierarchy(bus_ferry, cloud):
    """It is in no listing but its own, which reading it alone makes, too."""
    n2 = cloud.issue("n2.example.com", root_hierarchy="N2_AMAZON_MANAGED", days_ago=100)["arn"]
    bus_ferry.carry("n2", n2, "files").start()
    bus_ferry.certferry("sync", expect=0)
    assert cloud.renew(n2, force=True)["renewed"]
    bus_ferry.certferry("sync", "n2", expect=0)
    bus_ferry.expect_file("n2", n2)
