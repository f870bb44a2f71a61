# SPDX-License-Identifier: Apache-2.0
"""What goes wrong at AWS or on the way there harms nothing else, is said once, and is made good."""

import re
import time

import pytest

from tests.scenarios.vocabulary import DESTINATION, REGION, SECOND, SLOW, once_only

IMPORT = {"operation": "ImportCertificate", "account": SECOND}


def carry_everywhere(ferry):
    """To ACM in two accounts, a secret and a file; the second account is the one that things happen to."""
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "both", "secrets", "files")
    return pay


def expect_the_others(ferry, pay):
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_secret(DESTINATION, "pay", pay)
    ferry.expect_file("pay", pay)


def others_are_done(ferry, cloud, since):
    done = cloud.count("ImportCertificate", DESTINATION, since) and cloud.count("CreateSecret", DESTINATION, since)
    return done and (ferry.files / "pay").exists()


def test_one_destination_denied(ferry, cloud):
    pay = carry_everywhere(ferry)
    cloud.fault("error", code="AccessDeniedException", message="not you", status=400, **IMPORT)
    run = ferry.once(expect=1)
    expect_the_others(ferry, pay)
    assert ferry.imports(SECOND) == {}
    assert "not you" in run.delivery(f"pay/both/{SECOND}/{REGION}")["reason"]
    assert once_only(run.log, f"warning: Failed to deliver 'pay/both/{SECOND}/{REGION}'")
    cloud.clear_faults()
    ferry.once()
    ferry.expect_import(SECOND, pay)


def test_one_role_that_cannot_be_assumed(ferry, cloud):
    pay = carry_everywhere(ferry)
    cloud.remove_role(arn=cloud.role_arn(SECOND))
    run = ferry.once(expect=1)
    expect_the_others(ferry, pay)
    assert cloud.role_arn(SECOND) in run.log


def test_slow_destination_holds_up_no_other(ferry, cloud):
    pay = carry_everywhere(ferry)
    cloud.fault("delay", seconds=5, **IMPORT)
    since, process = cloud.journal_position(), ferry.launch("--once")
    ferry.wait_for(lambda: others_are_done(ferry, cloud, since), 3)
    assert process.poll() is None
    assert cloud.count("ImportCertificate", SECOND, since) == 0, "the slow one is not answered yet"
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    expect_the_others(ferry, pay)
    ferry.expect_import(SECOND, pay)


def test_black_hole_holds_up_no_other(ferry, cloud):
    pay = carry_everywhere(ferry)
    cloud.fault("blackhole", **IMPORT)
    since, process = cloud.journal_position(), ferry.launch("--once")
    ferry.wait_for(lambda: others_are_done(ferry, cloud, since), 3)
    expect_the_others(ferry, pay)
    process.terminate()
    process.communicate(timeout=5 * SLOW)


def test_throttled_destination_is_asked_again(ferry, cloud):
    pay = carry_everywhere(ferry)
    cloud.fault("throttle", count=1, **IMPORT)
    run = ferry.once()
    expect_the_others(ferry, pay)
    ferry.expect_import(SECOND, pay)
    assert run.requests("ImportCertificate", SECOND) == 2
    assert "warning" not in run.log


def test_published_rates_are_enough_for_many(ferry, cloud):
    cloud.quotas(enabled=True)
    ferry.set(guard=0)
    arns = ferry.issue("n{n}.example.com", count=4)
    for number, arn in enumerate(arns):
        ferry.carry(f"n{number}", arn, "prod")
    run = ferry.once()
    assert run.requests("ImportCertificate", status=200) == 4
    assert {tags["certferry:source"] for tags in ferry.imports(DESTINATION).values()} == set(arns)


@pytest.mark.parametrize("operation", ["ImportCertificate", "CreateSecret"])
@pytest.mark.parametrize("phase", ["before", "after"])
def test_connection_reset_makes_no_second_object(ferry, cloud, operation, phase):
    pay = ferry.issue("pay.example.com")
    cloud.fault("reset", operation=operation, phase=phase, count=1)
    ferry.carry("pay", pay, "prod", "secrets").run("--once")
    cloud.clear_faults()
    run = ferry.run("--once", "--json")
    assert len(ferry.imports(DESTINATION)) <= 1
    assert len(cloud.secrets(account=DESTINATION)) == 1
    ferry.expect_secret(DESTINATION, "pay", pay)
    if (operation, phase) == ("ImportCertificate", "before"):
        assert run.status == 1 and run.requests.writes == [], "it may have been made, and be seen later"
        cloud.advance(seconds=310)
        run = ferry.run("--once", "--json")
    assert run.status == 0, run
    ferry.expect_import(DESTINATION, pay)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_connection_reset_during_a_renewals_import(ferry, cloud, phase):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod").once()
    held = ferry.expect_import(DESTINATION, pay)
    cloud.renew(pay, force=True)
    cloud.fault("reset", operation="ImportCertificate", phase=phase, count=1)
    ferry.run("--once")
    ferry.once()
    assert ferry.expect_import(DESTINATION, pay) == held


@pytest.mark.parametrize("seconds", [-1200, 1200])
def test_skewed_clock_is_said_once_and_stops_nothing(ferry, cloud, seconds):
    pay = carry_everywhere(ferry)
    cloud.skew(seconds=seconds)
    run = ferry.once()
    expect_the_others(ferry, pay)
    assert once_only(run.log, "host's clock is .* " + ("ahead of" if seconds < 0 else "behind") + " AWS's"), run.log
    assert re.search(r"^this host's clock is \S+ (ahead of|behind) AWS's", run.json["clock_problem"])


def test_session_that_expires_midway(ferry, cloud):
    pay = carry_everywhere(ferry)
    daemon = ferry.start()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == 4)
    cloud.renew(pay, force=True)
    cloud.expire_sessions()
    daemon.reload()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == 8)
    expect_the_others(ferry, pay)
    assert "warning: 'pay" not in daemon.log
    daemon.stop()


def test_sessions_that_live_for_few_requests(ferry, cloud):
    pay = carry_everywhere(ferry)
    process = ferry.launch("--once")
    for _ in range(3):
        cloud.expire_sessions(after=2)
    out, log = process.communicate(timeout=30)
    assert process.returncode == 0, out + log
    expect_the_others(ferry, pay)


def test_export_that_is_refused_right_after_a_renewal(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod").once()
    held = ferry.expect_import(DESTINATION, pay)
    cloud.settings(export_refusal_calls=1)
    cloud.renew(pay, force=True)
    run = ferry.once()
    assert run.requests("ExportCertificate") == 2
    assert run.requests("ImportCertificate") == 1
    assert "warning" not in run.log
    ferry.expect_import(DESTINATION, pay, at=held)


def test_export_that_is_denied_leaves_all_as_it_is(ferry, cloud):
    pay = carry_everywhere(ferry)
    ferry.once()
    held, directory = ferry.imports(DESTINATION), ferry.shown("pay")
    cloud.renew(pay, force=True)
    cloud.fault("error", operation="ExportCertificate", code="AccessDeniedException", message="not you", status=400)
    run = ferry.once(expect=1)
    assert run.requests.writes == []
    assert once_only(run.log, "Failed to export 'pay': .*not you")
    assert (ferry.imports(DESTINATION), ferry.shown("pay")) == (held, directory)


def test_full_account_is_not_asked_again_and_again(ferry, cloud):
    pay = carry_everywhere(ferry)
    cloud.fault("error", code="LimitExceededException", message="too many", status=400, **IMPORT)
    daemon = ferry.start()
    daemon.wait_log("Failed to deliver 'pay/both/[^']*': .*too many")
    expect_the_others(ferry, pay)
    with pytest.raises(TimeoutError):
        ferry.cloud.wait_for(lambda: daemon.requests("ImportCertificate", SECOND) > 1, 2)
    daemon.stop()


def test_place_that_cannot_be_looked_at_at_first_is_tried_again(bus_ferry, cloud):
    """Nothing is recorded of the delivery yet: when it is tried again must not hang on that."""
    pay = bus_ferry.issue("pay.example.com")
    cloud.fault("error", operation="ListCertificates", account=DESTINATION, code="AccessDeniedException",
                message="not you", status=400)
    daemon = bus_ferry.carry("pay", pay, "prod").start()
    daemon.wait_log("Failed to check 'pay/prod': .*not you")
    plan = bus_ferry.certferry("plan", "--json").json
    (step,) = [step for step in plan["steps"] if step["delivery"] == "pay/prod"]
    assert step["verb"] == "wait" and step["when"], plan
    daemon.stop()


def test_quota_of_imports(ferry, cloud):
    cloud.import_by_hand(DESTINATION, "n{n}.example.org", count=3)
    cloud.settings(import_limit=3)
    pay = ferry.issue("pay.example.com")
    run = ferry.carry("pay", pay, "prod", "files").once(expect=1)
    assert len(ferry.imports(DESTINATION)) == 3
    ferry.expect_file("pay", pay)
    assert re.search("limit|quota", run.delivery("pay/prod")["reason"], re.I)


@pytest.mark.parametrize("changing", [False, True])
def test_endless_listing_is_ended(ferry, cloud, changing):
    pay = ferry.issue("pay.example.com")
    cloud.fault("endless", operation="ListCertificates", account=DESTINATION, changing=changing)
    run = ferry.carry("pay", pay, "prod", "files").run("--once")
    assert run.status == 1
    assert once_only(run.log, "Failed to check 'pay/prod': ListCertificates: an endless listing"), run
    assert len(run.requests.select("ListCertificates", account=DESTINATION)) <= 256 * 3
    cloud.clear_faults()
    assert ferry.imports(DESTINATION) == {}
    ferry.expect_file("pay", pay)


@pytest.mark.parametrize("kind", ["html", "cut"])
def test_answers_that_are_none(ferry, cloud, kind):
    pay = ferry.issue("pay.example.com")
    detail = {"status": 502} if kind == "html" else {"bytes": 20}
    cloud.fault(kind, operation="SearchCertificates", count=1, **detail)
    cloud.fault(kind, operation="DescribeSecret", count=1, **detail)
    ferry.carry("pay", pay, "secrets", "files").run("--once")
    ferry.once()
    ferry.expect_secret(DESTINATION, "pay", pay)
    ferry.expect_file("pay", pay)


def test_configured_quotas_hold_until_a_reload_takes_them_back(ferry):
    for name in ("pay", "shop", "mail"):
        ferry.carry(name, ferry.issue(f"{name}.example.com"), "prod")
    ferry.set(quotas={"acm": {"ImportCertificate": 0.1}})
    daemon = ferry.start()
    ferry.wait_for(lambda: daemon.requests("ImportCertificate") == 1)
    time.sleep(2)  # at the published rate the second would be there
    assert daemon.requests("ImportCertificate") == 1
    del ferry.settings["quotas"]
    ferry.write()
    daemon.reload()
    ferry.wait_for(lambda: daemon.requests("ImportCertificate") == 3, 8 * SLOW)  # not after another 18 s
