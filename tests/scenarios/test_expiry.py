# SPDX-License-Identifier: Apache-2.0
"""A certificate whose end is near and that is not renewed: status, JSON and exit status say so, and a healthy one never is."""

import re

import pytest

DAYS = 395  # of a private certificate


def lasting(ferry, name, days, **details):
    """A private certificate with so many days left."""
    return ferry.issue(f"{name}.example.com", days_ago=DAYS - days, **details)


def certificate(answer, name="pay"):
    return next(item for item in answer.json["certificates"] if item["name"] == name)


def test_what_ends_soon_is_expiring_though_it_is_current(bus_ferry, cloud):
    arn = lasting(bus_ferry, "pay", 20)
    bus_ferry.carry("pay", arn, "files", "secrets")
    bus_ferry.carry("web", lasting(bus_ferry, "web", 50), "files")
    daemon = bus_ferry.start()
    daemon.wait_log("(?s)Delivered.*Delivered.*Delivered")
    found = bus_ferry.certferry("status", "--json", expect=1)
    assert found.json["exit"] == 1
    assert certificate(found)["expiring"] and "ACM has not renewed it" in certificate(found)["problem"]
    assert not certificate(found, "web")["expiring"] and certificate(found, "web")["problem"] is None
    assert {item["name"]: (item["state"], item["expiring"]) for item in found.json["deliveries"]} == {
        "pay/files": ("current", True), "pay/secrets": ("current", True), "web/files": ("current", False)
    }  # fmt: skip
    summary = bus_ferry.certferry("status", "--json", "--summary", expect=1).json
    assert summary["counts"]["expiring"] == {"certificates": 1, "deliveries": 2}
    assert summary["counts"]["deliveries"]["current"] == 3
    text = bus_ferry.certferry("status", expect=1).out
    assert "ACM has not renewed it" in text and "1 certificate and 2 deliveries expiring" in text
    assert bus_ferry.certferry("sync", "web", expect=0) and bus_ferry.certferry("sync", "pay", expect=1)
    cloud.renew(arn, force=True)
    assert "expiring" not in bus_ferry.certferry("sync", expect=0).out
    assert not certificate(bus_ferry.certferry("status", "--json", expect=0))["expiring"]


@pytest.mark.parametrize("warn, left, expect", [("10d", 20, 0), ("30d", 20, 1), (None, 47, 0), ("365d", 58, 0)])
def test_the_configuration_says_when(ferry, warn, left, expect):
    if warn:
        ferry.set(warn=warn)
    ferry.carry("pay", lasting(ferry, "pay", left), "files")
    assert ferry.once(expect=expect).delivery("pay/files")["expiring"] == bool(expect)


def test_a_held_renewal_does_not_hide_that_the_end_is_near(ferry, cloud):
    """What is in place counts, and not the version that nobody lets through."""
    arn = ferry.issue("pay.example.com", "www.example.com", days_ago=DAYS - 20)
    ferry.carry("pay", arn, "prod")
    ferry.once(expect=1)
    cloud.renew(arn, force=True, names=["pay.example.com"])
    run = ferry.once(expect=1)
    assert (run.delivery("pay/prod")["state"], run.delivery("pay/prod")["expiring"]) == ("held", True)
    assert not run.json["certificates"][0]["expiring"]


@pytest.mark.parametrize("status, reason, says", [
    ("FAILED", "CAA_ERROR", "ACM failed to renew it (CAA_ERROR); correct the cause"),
    ("PENDING_VALIDATION", None, "ACM can validate its domains (pay.example.com"),
])  # fmt: skip
def test_acm_says_why_it_does_not_renew(ferry, cloud, status, reason, says):
    arn = cloud.issue("pay.example.com", days=DAYS, days_ago=DAYS - 24)["arn"]
    early = cloud.issue("web.example.com", days=DAYS, days_ago=DAYS - 50)["arn"]
    for one in (arn, early):
        cloud.mark(arn=one, renewal_status=status, renewal_reason=reason)
    ferry.carry("pay", arn, "files").carry("web", early, "files")
    run = ferry.once(expect=1)
    assert says in certificate(run)["problem"]
    assert certificate(run)["renewal"] == {"status": status, "reason": reason or "pay.example.com"}
    # Nobody is asked of what has time: ACM tries again.
    assert (certificate(run, "web")["problem"], certificate(run, "web")["renewal"]) == (None, None)
    assert run.requests("DescribeCertificate") == 1


def test_what_acm_says_of_a_renewal_is_asked_again_and_forgotten(bus_ferry, cloud):
    arn = lasting(bus_ferry, "pay", 20)
    bus_ferry.carry("pay", arn, "files")
    daemon = bus_ferry.start()
    daemon.wait_log("Delivered")
    cloud.mark(arn=arn, renewal_status="FAILED", renewal_reason="PCA_ACCESS_DENIED")
    assert "PCA_ACCESS_DENIED" in bus_ferry.certferry("sync", expect=1).out
    asked = daemon.requests("DescribeCertificate")
    cloud.renew(arn, force=True)
    bus_ferry.certferry("sync", expect=0)
    assert certificate(bus_ferry.certferry("status", "--json", expect=0))["renewal"] is None
    assert daemon.requests("DescribeCertificate") == asked


def test_who_may_not_ask_why_is_told_so(ferry, cloud):
    ferry.carry("pay", lasting(ferry, "pay", 20), "files")
    cloud.fault("error", operation="DescribeCertificate", code="AccessDeniedException", status=400)
    assert re.search("ACM has not renewed it.*AccessDenied", certificate(ferry.once(expect=1))["problem"])


def test_after_a_restart_during_an_outage_the_record_is_shown(bus_ferry, cloud):
    arn = lasting(bus_ferry, "pay", 20)
    bus_ferry.carry("pay", arn, "files", "prod")
    bus_ferry.once(expect=1)
    known = bus_ferry.truth(arn)["fingerprint"]
    cloud.fault("error", code="ServiceUnavailable", status=503)
    daemon = bus_ferry.start()
    daemon.wait_log("Failed to list certificates")
    found = bus_ferry.certferry("status", "--json", expect=1)
    for name in ("pay/files", "pay/prod"):
        delivery = found.delivery(name)
        assert (delivery["state"], delivery["seen"]["fingerprint"], delivery["recorded"]) == ("unknown", known, True)
        assert delivery["confirmed_at"] and delivery["expiring"]
    assert found.delivery("pay/prod")["object_id"]
    text = bus_ferry.certferry("status", "--all", expect=1).out
    assert len(re.findall(r"^pay/\w+ +unknown +\d{4}-\d\d-\d\d \(19d\) .*last confirmed \d+s ago", text, re.M)) == 2
    cloud.clear_faults()
    bus_ferry.certferry("sync", expect=1)
    found = bus_ferry.certferry("status", "--json", expect=1).delivery("pay/prod")
    assert (found["state"], found["recorded"]) == ("current", False)
