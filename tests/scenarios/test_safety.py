# SPDX-License-Identifier: Apache-2.0
"""Nothing is written twice, nothing of others is written over, and nothing is lost without a word."""

import json
import re

import pytest

from tests.scenarios.vocabulary import DESTINATION, REGION, SECOND

BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{DESTINATION}:loadbalancer/app/pay/1"
SELF_SIGNED = {"accept": ["issuer", "client-auth"]}  # what an import by hand has that the source's has not


def hold_of(run, name):
    delivery = run.delivery(name)
    assert delivery["state"] == "held"
    return delivery["hold"]


# What we made ourselves


def test_lost_state_directory_neither_duplicates_nor_writes(ferry):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "both", "secrets", "files").once()
    held = ferry.expect_import(DESTINATION, pay), ferry.expect_import(SECOND, pay)
    ferry.forget_everything()
    run = ferry.once()
    assert run.requests.writes == []
    assert run.requests("ExportCertificate") == 0
    assert (ferry.expect_import(DESTINATION, pay), ferry.expect_import(SECOND, pay)) == held


def test_lost_state_directory_before_a_renewal(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod", "secrets", "files").once()
    held = ferry.expect_import(DESTINATION, pay)
    ferry.forget_everything()
    cloud.renew(pay)
    cloud.renew(pay, force=True)
    run = ferry.once()
    assert sorted(run.requests.writes) == ["ImportCertificate", "PutSecretValue"]
    ferry.expect_import(DESTINATION, pay, at=held)
    ferry.expect_secret(DESTINATION, "pay", pay)
    ferry.expect_file("pay", pay)


def test_denied_tagging_api_makes_no_duplicates(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod").once()
    held = ferry.expect_import(DESTINATION, pay)
    ferry.forget_everything()
    cloud.fault("error", operation="GetResources", code="AccessDeniedException", message="not you", status=400)
    assert ferry.once().requests.writes == []
    cloud.renew(pay, force=True)
    ferry.once()
    assert list(ferry.imports(DESTINATION)) == [held]
    ferry.expect_import(DESTINATION, pay, at=held)


@pytest.mark.parametrize("days_ago", [1, 30], ids=["newer", "older"])
def test_what_others_put_over_ours_is_theirs(ferry, cloud, days_ago):
    pay = ferry.issue("pay.example.com", days_ago=10)
    ferry.carry("pay", pay, {"to": "prod", **SELF_SIGNED}).once()
    held = ferry.expect_import(DESTINATION, pay)
    theirs = cloud.import_by_hand(DESTINATION, "pay.example.com", days_ago=days_ago)
    truth = ferry.truth(theirs["arn"])
    cloud.delete_certificate(arn=theirs["arn"])
    acm = cloud.boto3("acm", DESTINATION)
    acm.import_certificate(CertificateArn=held, Certificate=truth["certificate"], PrivateKey=truth["private_key"])
    run = ferry.once(expect=3)
    assert run.requests.writes == [] and run.requests("ExportCertificate") == 0
    assert hold_of(run, "pay/prod") == "foreign"
    reason = run.delivery("pay/prod")["reason"]
    assert held in reason and "for 'pay.example.com', issued by (CN=pay.example.com)" in reason
    assert "certferry approve pay/prod" in reason
    assert ferry.truth(held)["fingerprint"] == truth["fingerprint"]
    ferry.once("--approve=pay/prod")
    ferry.expect_import(DESTINATION, pay, at=held)


# What is there of others


def brownfield(ferry, cloud, **details):
    """A certificate at the source and the import that somebody made of its name."""
    pay = ferry.issue("pay.example.com")
    details.setdefault("in_use_by", [BALANCER])
    details.setdefault("days_ago", 60)
    return pay, cloud.import_by_hand(DESTINATION, "pay.example.com", **details)["arn"]


def test_import_of_somebody_else_is_asked_about(ferry, cloud):
    pay, theirs = brownfield(ferry, cloud)
    run = ferry.carry("pay", pay, "prod").once(expect=3)
    assert hold_of(run, "pay/prod") == "adopt?"
    reason = run.delivery("pay/prod")["reason"]
    assert theirs in reason and BALANCER in reason and "expires 20" in reason
    assert reason in run.log
    assert run.requests.writes == []


def admit(cloud, *arns):
    """What conf/iam/README.md tells an administrator to add for imports that lack the tag."""
    actions = ["acm:AddTagsToCertificate", "acm:ImportCertificate"]
    statement = {"Sid": "Adopted", "Effect": "Allow", "Action": actions, "Resource": arns}
    cloud.put_policy(
        arn=cloud.role_arn(DESTINATION), name="adopted", document={"Version": "2012-10-17", "Statement": [statement]}
    )


def expect_adopted(ferry, run, pay, theirs):
    """Written over in place, nothing beside it."""
    assert run.requests.writes.count("ImportCertificate") == 1
    assert list(ferry.imports(DESTINATION)) == [theirs]
    assert ferry.truth(theirs)["fingerprint"] == ferry.truth(pay)["fingerprint"]
    again = ferry.once()
    assert again.requests.writes == []


def test_import_named_by_its_arn_is_written_over(ferry, cloud):
    pay, theirs = brownfield(ferry, cloud)
    admit(cloud, theirs)
    run = ferry.carry("pay", pay, {"to": "prod", "arn": theirs, **SELF_SIGNED}).once()
    expect_adopted(ferry, run, pay, theirs)


def test_adopt_map(ferry, cloud):
    pay, theirs = brownfield(ferry, cloud)
    admit(cloud, theirs)
    ferry.set(adopt={"pay/prod": theirs})
    run = ferry.carry("pay", pay, {"to": "prod", **SELF_SIGNED}).once()
    expect_adopted(ferry, run, pay, theirs)


def test_adopt_the_one_in_use(ferry, cloud):
    pay, theirs = brownfield(ferry, cloud)
    idle = cloud.import_by_hand(DESTINATION, "pay.example.com", days_ago=60)["arn"]
    admit(cloud, theirs, idle)
    run = ferry.carry("pay", pay, {"to": "prod", "adopt": "in-use", **SELF_SIGNED}).once()
    assert run.requests.writes.count("ImportCertificate") == 1
    assert ferry.truth(theirs)["fingerprint"] == ferry.truth(pay)["fingerprint"]
    assert ferry.truth(idle)["fingerprint"] != ferry.truth(pay)["fingerprint"]


def test_two_in_use_are_asked_about_all_the_same(ferry, cloud):
    pay, _ = brownfield(ferry, cloud)
    cloud.import_by_hand(DESTINATION, "pay.example.com", in_use_by=[BALANCER])
    run = ferry.carry("pay", pay, {"to": "prod", "adopt": "in-use", **SELF_SIGNED}).once(expect=3)
    assert hold_of(run, "pay/prod") == "adopt?"
    assert run.requests.writes == []


def test_adopt_beside(ferry, cloud):
    pay, theirs = brownfield(ferry, cloud)
    before = ferry.truth(theirs)
    ferry.carry("pay", pay, {"to": "prod", "adopt": "beside"}).once()
    assert ferry.expect_import(DESTINATION, pay) != theirs
    assert ferry.truth(theirs) == before


def test_import_that_is_gone_is_reported_until_recreate(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod").once()
    held = ferry.expect_import(DESTINATION, pay)
    cloud.delete_certificate(arn=held)
    run = ferry.once(expect=3)
    assert hold_of(run, "pay/prod") == "gone"
    assert held in run.delivery("pay/prod")["reason"]
    assert run.requests.writes == []
    ferry.carry("pay", pay, {"to": "prod", "recreate": True}).once()
    assert ferry.expect_import(DESTINATION, pay) != held


def test_secret_of_somebody_else(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    secrets = cloud.boto3("secretsmanager", DESTINATION)
    secrets.create_secret(Name="pay", SecretString=json.dumps({"mine": "yes"}))
    run = ferry.carry("pay", pay, "secrets").once(expect=1)
    assert run.requests.writes == []
    assert "certferry does not manage" in run.delivery("pay/secrets")["reason"]
    assert ferry.secret(DESTINATION, "pay") == {"mine": "yes"}
    run = ferry.carry("pay", pay, {"to": "secrets", "adopt": True}).once(expect=3)
    assert (hold_of(run, "pay/secrets"), run.requests.writes) == ("foreign", [])
    ferry.once("--approve=pay/secrets")
    ferry.expect_secret(DESTINATION, "pay", pay)


def test_secret_scheduled_for_deletion_is_left(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "secrets", "files").once()
    cloud.boto3("secretsmanager", DESTINATION).delete_secret(SecretId="pay")
    cloud.renew(pay, force=True)
    run = ferry.run("--once", "--json")
    assert run.status in (1, 3)
    assert "deletion" in run.delivery("pay/secrets")["reason"]
    assert [name for name in run.requests.writes if name != "DescribeSecret"] == []
    ferry.expect_file("pay", pay)


def test_file_of_somebody_else(ferry):
    pay = ferry.issue("pay.example.com")
    (ferry.files / "pay").mkdir()
    (ferry.files / "pay" / "privkey.pem").write_text("mine")
    run = ferry.carry("pay", pay, "files", "prod").once(expect=1)
    assert (ferry.files / "pay" / "privkey.pem").read_text() == "mine"
    assert str(ferry.files / "pay") in run.log
    ferry.expect_import(DESTINATION, pay)


# What a person has to approve


def carry_many(ferry, count):
    (ferry.directory / "more").mkdir(mode=0o750)
    ferry.destination("more", "files", directory=str(ferry.directory / "more"))
    for number, arn in enumerate(ferry.issue("n{n}.example.com", count=count // 2)):
        ferry.carry(f"n{number}", arn, "files", "more")


def test_guard_holds_a_change_that_touches_many(ferry):
    carry_many(ferry, 26)
    run = ferry.once(expect=3)
    assert {item["hold"] for item in run.json["deliveries"]} == {"guard"}
    assert len(run.json["deliveries"]) == 26
    assert not list(ferry.files.glob("n*"))
    plan = ferry.dry_run(expect=3).out.splitlines()  # what there is to review
    sentence = r"hold n\d+ to (files|more): would deliver: not delivered yet; new certificate expires \S+; held: .*guard: 25"
    assert len(plan) == 26 and all(re.match(sentence, line) for line in plan)
    ferry.once("--approve")
    assert len(list(ferry.files.glob("n*"))) == 13


def test_guard_lets_renewals_pass(ferry, cloud):
    ferry.set(guard=4)
    carry_many(ferry, 4)
    ferry.once()
    ferry.set(guard=1)
    cloud.renew_all(force=True)
    run = ferry.once()
    assert run.requests("ExportCertificate") == 2


LOSSES = {
    "names": ({"names": ["pay.example.com"]}, "www.example.com"),
    "client-auth": ({"eku": ["serverAuth"]}, "clientAuth"),
    "issuer": ({}, "issuing CA"),
}


def issue_and_lose(ferry, cloud, loss, **entry):
    """A delivered certificate whose renewal has lost something; its ARN, and where it is held."""
    pay = ferry.issue("pay.example.com", "www.example.com", eku=["serverAuth", "clientAuth"])
    ferry.carry("pay", pay, {"to": "prod", **entry}, {"to": "files", **entry}).once()
    change = dict(LOSSES[loss][0])
    if loss == "issuer":
        change["ca_arn"] = cloud.authority(name="Other")
    before = ferry.expect_import(DESTINATION, pay), ferry.expect_file("pay", pay)
    assert cloud.renew(pay, force=True, **change)["renewed"]
    return pay, *before


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_is_held_until_approved(ferry, cloud, loss):
    pay, held, directory = issue_and_lose(ferry, cloud, loss)
    before = ferry.truth(held)["fingerprint"]
    run = ferry.once(expect=3)
    assert hold_of(run, "pay/prod") == hold_of(run, "pay/files") == "approval"
    assert LOSSES[loss][1] in run.delivery("pay/prod")["reason"]
    assert run.requests.writes == []
    assert ferry.truth(held)["fingerprint"] == before
    assert ferry.shown("pay") == directory
    assert ferry.once(expect=3).requests("ExportCertificate") == 0, "it is known what it would lose"
    assert [line.split()[0] for line in ferry.dry_run(expect=3).out.splitlines()] == ["hold", "hold"]

    ferry.once("--approve")
    ferry.expect_import(DESTINATION, pay, at=held)
    ferry.expect_file("pay", pay)


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_that_is_accepted_needs_no_approval(ferry, cloud, loss):
    pay, held, _ = issue_and_lose(ferry, cloud, loss, accept=[loss])
    ferry.once()
    ferry.expect_import(DESTINATION, pay, at=held)
    ferry.expect_file("pay", pay)


def test_loss_without_which_nobody_would_be_served_yields(ferry, cloud):
    pay, held, _ = issue_and_lose(ferry, cloud, "client-auth")
    ferry.once(expect=3)
    end = ferry.truth(held)["not_after"]
    shift = int(end - cloud.now() - 10 * 86400)
    cloud.advance(seconds=shift)
    run = ferry.run("--once", "--json")
    assert run.requests.writes == ["ImportCertificate"], run
    ferry.expect_import(DESTINATION, pay, at=held)


def test_names_that_must_be_covered(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    run = ferry.carry("pay", pay, "prod", names=["pay.example.com", "www.pay.example.com"]).once(expect=1)
    assert run.requests.writes == []
    assert "www.pay.example.com" in run.log
    assert ferry.imports(DESTINATION) == {}
