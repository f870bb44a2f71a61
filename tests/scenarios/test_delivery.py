# SPDX-License-Identifier: Apache-2.0
"""A certificate goes where it is to go, and its renewals after it."""

import contextlib
import json
import time

import pytest

from tests.scenarios.vocabulary import DESTINATION, LAYOUTS, REGION, SECOND, SOURCE, anchor_digest, certificates_in, fingerprint


def test_first_delivery_to_the_acm_of_two_accounts(ferry):
    pay = ferry.issue("pay.example.com", "www.pay.example.com")
    run = ferry.carry("pay", pay, "both").once()
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_import(SECOND, pay)
    assert run.requests("ExportCertificate") == 1
    assert run.requests("ImportCertificate") == 2
    assert run.delivery(f"pay/both/{SECOND}/{REGION}")["state"] == "current"


def test_own_imports_carry_the_configured_tags(ferry):
    pay = ferry.issue("pay.example.com")
    ferry.destination("tagged", "prod", tags={"owner": "platform"})
    ferry.carry("pay", pay, {"to": "tagged", "as": "{certificate}-{account}"}).once()
    tags = ferry.imports(DESTINATION)[ferry.expect_import(DESTINATION, pay)]
    own = {
        "certferry:source": pay,
        "certferry:name": f"pay-{DESTINATION}",
        "certferry:anchor": anchor_digest(ferry.truth(pay)["chain"]),
    }
    assert tags == {"owner": "platform", **own}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_first_delivery_to_a_secret(ferry, layout):
    pay = ferry.issue("pay.example.com")
    ferry.destination("vault", "secrets", layout=layout)
    run = ferry.carry("pay", pay, {"to": "vault", "as": "tls/{domain}"}).once()
    ferry.expect_secret(DESTINATION, "tls/pay.example.com", pay, layout)
    assert run.requests("CreateSecret") == 1
    assert run.requests("GetSecretValue") == 0


def test_secret_with_field_names_of_ones_own(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    cloud.add_kms_key(account=DESTINATION, region=REGION, alias="alias/tls")
    ferry.destination("own", "secrets", fields={"fullchain": "bundle", "private_key": "key"}, kms_key="alias/tls")
    ferry.carry("pay", pay, {"to": "own", "as": "pay"}).once()
    members = ferry.secret(DESTINATION, "pay")
    assert list(members) == ["bundle", "key"]
    assert [fingerprint(one) for one in certificates_in(members["bundle"])][0] == ferry.truth(pay)["fingerprint"]
    (secret,) = cloud.secrets(account=DESTINATION)
    assert secret["kms_key"] and secret["tags"]["certferry:source"] == pay


@pytest.mark.parametrize("layout", ["nginx", "apache", "haproxy", "haproxy-flat"])
def test_first_delivery_to_files(ferry, layout):
    pay = ferry.issue("pay.example.com")
    ferry.destination("files", "files", layout=layout)
    ferry.carry("pay", pay, "files").once()
    ferry.expect_file("pay", pay, layout)


def test_public_certificate_with_an_rsa_key(ferry, cloud):
    web = cloud.issue("www.example.com", algorithm="RSA_2048", days_ago=3)["arn"]
    ferry.carry("web", web, "prod", "files").once()
    ferry.expect_import(DESTINATION, web)
    ferry.expect_file("web", web)


def test_certificates_of_two_source_regions(ferry):
    here = ferry.issue("here.example.com")
    there = ferry.cloud.issue("there.example.com", region="us-east-1", days_ago=2)["arn"]
    ferry.settings["source"]["regions"] = [ferry.settings["source"].pop("region"), "us-east-1"]
    ferry.destination("cdn", "prod", region="us-east-1")
    ferry.carry("here", here, "prod").carry("there", there, "cdn").once()
    ferry.expect_import(DESTINATION, here)
    ferry.expect_import(DESTINATION, there, region="us-east-1")


def test_renewal_arrives_everywhere_under_the_same_names(ferry, cloud):
    pay = ferry.issue("pay.example.com", days_ago=340)
    ferry.carry("pay", pay, "both", "secrets", "files").once()
    before = ferry.expect_import(DESTINATION, pay), ferry.expect_import(SECOND, pay)
    tags = ferry.imports(DESTINATION), ferry.imports(SECOND)
    version, directory = ferry.expect_secret(DESTINATION, "pay", pay), ferry.expect_file("pay", pay)
    serial = ferry.truth(pay)["serial"]

    assert cloud.renew(pay)["renewed"]
    run = ferry.once()
    assert ferry.truth(pay)["serial"] != serial
    assert (ferry.expect_import(DESTINATION, pay), ferry.expect_import(SECOND, pay)) == before
    assert (ferry.imports(DESTINATION), ferry.imports(SECOND)) == tags
    assert ferry.expect_secret(DESTINATION, "pay", pay) != version
    assert ferry.expect_file("pay", pay) != directory
    assert directory.is_dir(), "the version before is kept"
    assert sorted(run.requests.writes) == ["ImportCertificate", "ImportCertificate", "PutSecretValue"]
    assert run.requests("ExportCertificate") == 1


def wait_quiet(cloud):
    """Until nothing has been asked for a second."""
    while True:
        position = cloud.journal_position()
        time.sleep(1)
        if cloud.journal_position() == position:
            return position


def test_a_renewal_is_exported_while_its_version_is_read(ferry, cloud):
    """And what is in place is read; nothing is written before the version is known, and nothing is asked twice."""
    pay = ferry.issue("pay.example.com", days_ago=340)
    daemon = ferry.carry("pay", pay, "both").start()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == 2)
    for renewals in range(1, 6):
        # Nothing is begun where something else of it is still under way.
        position = wait_quiet(cloud)
        assert cloud.renew(pay, force=True)["renewed"]
        cloud.fault("delay", operation="GetCertificate", account=SOURCE, seconds=600)
        daemon.reload()
        with contextlib.suppress(TimeoutError):
            ferry.wait_for(lambda position=position: cloud.count("ExportCertificate", SOURCE, position))
            break
        cloud.clear_faults()
        daemon.reload()
        ferry.wait_for(lambda renewals=renewals: daemon.log.count("Delivered renewed certificate") == 2 + 2 * renewals, 60)
    else:
        raise AssertionError(f"no export was begun ahead:\n{daemon.log}")
    for account in (DESTINATION, SECOND):
        ferry.wait_for(lambda account=account: cloud.count("GetCertificate", account, position))
        assert not cloud.count("ImportCertificate", account, position)
    cloud.clear_faults()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == 2 + 2 * renewals)
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_import(SECOND, pay)
    assert daemon.log.count("Exported 'pay'") == 1 + renewals


def test_emergency_renewal_with_a_shorter_life(ferry, cloud):
    pay = ferry.issue("pay.example.com", days_ago=10)
    ferry.carry("pay", pay, "prod", "secrets", "files").once()
    end = ferry.truth(pay)["not_after"]
    cloud.renew(pay, force=True, days=30)
    assert ferry.truth(pay)["not_after"] < end
    ferry.once()
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_secret(DESTINATION, "pay", pay)
    ferry.expect_file("pay", pay)


def test_nothing_changed_nothing_done(bus_ferry, host):
    ferry = bus_ferry.dependent("web", "web.service")
    web = host.unit("web.service")
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "both", "secrets", {"to": "files", "then": ["web"]}).once()
    assert web.jobs == ["restart"]
    inode = (ferry.files / "pay" / "..data").lstat().st_ino
    run = ferry.once()
    assert run.requests.writes == []
    assert run.requests("ExportCertificate") == 0
    assert web.jobs == ["restart"]
    assert (ferry.files / "pay" / "..data").lstat().st_ino == inode


def test_match_by_domain_with_a_wildcard(ferry):
    one, two = ferry.issue("one.corp.example.com"), ferry.issue("*.corp.example.com")
    ferry.issue("deep.one.corp.example.com")
    ferry.issue("corp.example.com")
    ferry.carry("intranet", {"domain": "*.corp.example.com"}, {"to": "secrets", "as": "tls/{domain}"}).once()
    ferry.expect_secret(DESTINATION, "tls/one.corp.example.com", one)
    ferry.expect_secret(DESTINATION, "tls/wildcard.corp.example.com", two)
    assert len(ferry.cloud.secrets(account=DESTINATION)) == 2


def test_match_by_tags(ferry):
    mine = ferry.issue("mine.example.com", tags={"deliver": "haproxy", "team": "a"})
    ferry.issue("other.example.com", tags={"deliver": "nginx"})
    ferry.issue("plain.example.com")
    run = ferry.carry("tagged", {"tags": {"deliver": "haproxy"}}, {"to": "files", "as": "{domain}"}).once()
    ferry.expect_file("mine.example.com", mine)
    assert [path.name for path in ferry.files.iterdir() if path.name[0] != "."] == ["mine.example.com"]
    (delivery,) = run.json["deliveries"]
    assert delivery["name"] == f"tagged/{mine.rpartition('/')[2]}/files"


def test_what_no_longer_matches_is_left_and_reported(ferry, cloud):
    one = ferry.issue("one.example.com", tags={"deliver": "yes"})
    ferry.carry("tagged", {"tags": {"deliver": "yes"}}, "prod").once()
    cloud.boto3("acm").remove_tags_from_certificate(CertificateArn=one, Tags=[{"Key": "deliver"}])
    run = ferry.once()
    ferry.expect_import(DESTINATION, one)
    assert run.requests.writes == []
    assert "tagged" in json.dumps(run.json["notices"]) or "tagged" in run.log


def test_exported_though_no_delivery_is_due(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    cloud.import_by_hand(DESTINATION, "pay.example.com")
    acm = cloud.boto3("acm")
    assert acm.describe_certificate(CertificateArn=pay)["Certificate"]["RenewalEligibility"] == "INELIGIBLE"
    run = ferry.carry("pay", pay, "prod").once(expect=3)
    assert run.requests("ExportCertificate") == 1
    assert run.requests.writes == []
    assert acm.describe_certificate(CertificateArn=pay)["Certificate"]["RenewalEligibility"] == "ELIGIBLE"
    assert ferry.once(expect=3).requests("ExportCertificate") == 0


@pytest.mark.parametrize("place", ["source", "certificate"])
def test_keep_eligible_can_be_turned_off(ferry, cloud, place):
    pay = ferry.issue("pay.example.com")
    cloud.import_by_hand(DESTINATION, "pay.example.com")
    ferry.settings["source"]["keep_eligible"] = place == "certificate"
    run = ferry.carry("pay", pay, "prod", **({"keep_eligible": False} if place == "certificate" else {})).once(expect=3)
    assert run.requests("ExportCertificate") == 0
    assert run.json["certificates"][0]["ineligible"]
    acm = cloud.boto3("acm")
    assert acm.describe_certificate(CertificateArn=pay)["Certificate"]["RenewalEligibility"] == "INELIGIBLE"


def test_renewals_go_on_for_years(ferry, cloud):
    pay = ferry.issue("pay.example.com", days_ago=0)
    ferry.carry("pay", pay, "prod", "files").once()
    place = ferry.expect_import(DESTINATION, pay)
    for _ in range(3):
        cloud.renew(pay, force=True)
        run = ferry.once()
        assert run.requests("ExportCertificate") == run.requests("ImportCertificate") == 1
    ferry.expect_import(DESTINATION, pay, at=place)
    ferry.expect_file("pay", pay)


def test_only_some_of_a_destinations_accounts(ferry):
    pay = ferry.issue("pay.example.com")
    run = ferry.carry("pay", pay, {"to": "both", "only": {"accounts": [SECOND]}}).once()
    ferry.expect_import(SECOND, pay)
    assert ferry.imports(DESTINATION) == {}
    assert run.requests("ImportCertificate", DESTINATION) == 0
