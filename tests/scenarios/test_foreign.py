# SPDX-License-Identifier: Apache-2.0
"""What others put where a delivery goes is replaced only after a person has let it go, by name."""

import datetime
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.scenarios.vocabulary import DESTINATION, once_only

THEIRS = {"CERTIFICATE_PEM": "old", "password": "hunter2", "user": "pay"}
READ = "destination-secretsmanager-read.json"


@pytest.fixture
def secrets(cloud):
    """The client of whoever owns the account."""
    return cloud.boto3("secretsmanager", DESTINATION)


@pytest.fixture
def pay(ferry):
    return ferry.issue("pay.example.com")


def may_read(cloud):
    document = cloud.shipped_policy(name=READ, account=DESTINATION)
    cloud.put_policy(arn=cloud.role_arn(DESTINATION), name="read", document=document)


def adopt(ferry, pay):
    return ferry.carry("pay", pay, {"to": "secrets", "adopt": True})


def expect_held(ferry, run, value=THEIRS, name="pay/secrets"):
    """Held as foreign, with the way out, and nothing was written; the reason."""
    delivery = run.delivery(name)
    assert (delivery["state"], delivery["hold"]) == ("held", "foreign"), run
    assert f"certferry approve {name}" in delivery["reason"]
    assert delivery["reason"] in run.log
    assert run.requests.writes == []
    assert ferry.secret(DESTINATION, "pay") == value
    return delivery["reason"]


# An adopted secret


def test_adopted_secret_names_its_fields_where_they_may_be_read(ferry, cloud, secrets, pay):
    may_read(cloud)
    secrets.create_secret(Name="pay", SecretString=json.dumps(THEIRS))
    run = adopt(ferry, pay).once(expect=3)
    reason = expect_held(ferry, run)
    assert "'password', 'user'" in reason and "replaces them all" in reason
    assert "hunter2" not in run.log + run.out
    assert "CERTIFICATE_PEM" not in reason
    dry = ferry.dry_run(expect=3)
    assert f"hold pay to secrets: {reason}" in dry.out


def test_adopted_secret_is_replaced_as_a_whole_where_nothing_may_be_read(ferry, secrets, pay):
    secrets.create_secret(Name="pay", SecretString=json.dumps(THEIRS))
    reason = expect_held(ferry, adopt(ferry, pay).once(expect=3))
    assert "secretsmanager:GetSecretValue" in reason and READ in reason
    assert "replaces them all" in reason and "password" not in reason
    assert once_only(ferry.once(expect=3).log, "warning: .* stays there, and certferryd cannot tell when it expires: ")


def test_it_is_approved_by_its_name_alone(ferry, secrets, pay):
    secrets.create_secret(Name="pay", SecretString=json.dumps(THEIRS))
    adopt(ferry, pay).once(expect=3)
    expect_held(ferry, ferry.once("--approve", expect=3))
    expect_held(ferry, ferry.once("--approve=pay", expect=3))
    run = ferry.once("--approve=pay/secrets")
    assert run.requests.writes[:2] == ["TagResource", "PutSecretValue"]
    ferry.expect_secret(DESTINATION, "pay", pay)
    assert ferry.once().requests.writes == []


def test_a_renewal_of_what_was_taken_over_asks_nobody(ferry, cloud, secrets, pay):
    secrets.create_secret(Name="pay", SecretString=json.dumps(THEIRS))
    adopt(ferry, pay).once("--approve=pay/secrets")
    cloud.renew(pay, force=True)
    run = ferry.once()
    assert run.requests.writes == ["PutSecretValue"]
    assert run.requests("GetSecretValue") == 0
    ferry.forget_everything()
    cloud.renew(pay, force=True)
    assert ferry.once().requests.writes == ["PutSecretValue"]
    ferry.expect_secret(DESTINATION, "pay", pay)


# A secret of ours


def test_version_that_somebody_wrote_later(ferry, cloud, secrets, pay):
    may_read(cloud)
    ferry.carry("pay", pay, "secrets").once()
    later = {**ferry.secret(DESTINATION, "pay"), "dhparam": "theirs"}
    secrets.put_secret_value(SecretId="pay", SecretString=json.dumps(later))
    assert "'dhparam'" in expect_held(ferry, ferry.once(expect=3), later)
    cloud.renew(pay, force=True)
    ferry.forget_everything()
    assert "'dhparam'" in expect_held(ferry, ferry.once(expect=3), later)
    ferry.once("--approve=pay/secrets")
    ferry.expect_secret(DESTINATION, "pay", pay)


def test_approval_is_of_what_was_there(ferry, cloud, secrets, pay):
    """The write fails after the approval, and somebody writes once more: that is another question."""
    secrets.create_secret(Name="pay", SecretString=json.dumps(THEIRS))
    adopt(ferry, pay).once(expect=3)
    cloud.fault("error", operation="PutSecretValue", code="AccessDeniedException", message="not you", status=400)
    ferry.once("--approve=pay/secrets", expect=1)
    cloud.clear_faults()
    secrets.put_secret_value(SecretId="pay", SecretString=json.dumps({"more": "yes"}))
    expect_held(ferry, ferry.once(expect=3), {"more": "yes"})


def self_signed(days):
    """PEM of a certificate of somebody's, which has so many days left."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.datetime.utcnow()
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - datetime.timedelta(days=60))
    signed = builder.not_valid_after(now + datetime.timedelta(days=days)).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    "days, level, said", [(10, "warning", "expires"), (1, "error", "expires"), (-1, "error", "expired")]
)
def test_it_never_yields_and_is_said_louder(ferry, cloud, secrets, pay, days, level, said):
    may_read(cloud)
    theirs = {**THEIRS, "CERTIFICATE_PEM": self_signed(days)}
    secrets.create_secret(Name="pay", SecretString=json.dumps(theirs))
    run = adopt(ferry, pay).run("--once", "--json")
    reason = expect_held(ferry, run, theirs)
    (line,) = [line for line in run.log.splitlines() if "and stays there" in line]
    assert f"{level}: Certificate at 'pay/secrets' {said} 20" in line and reason in line


def test_its_approval_is_a_right_of_its_own(bus_ferry, cloud, host):
    pay = bus_ferry.issue("pay.example.com")
    secrets = cloud.boto3("secretsmanager", DESTINATION)
    secrets.create_secret(Name="pay", SecretString=json.dumps(THEIRS))
    host.denies = ("org.certferry1.approve-trust",)
    adopt(bus_ferry, pay).start()
    assert bus_ferry.certferry("sync", "--json", expect=3).delivery("pay/secrets")["hold"] == "foreign"
    for names, status in (((), 0), (("pay",), 1)):
        host.asked.clear()
        bus_ferry.certferry("approve", *names, expect=status)
        assert host.asked == ["org.certferry1.approve"]
    refused = bus_ferry.certferry("approve", "pay/secrets", expect=5)
    assert "'org.certferry1.approve-trust'" in refused.error
    assert bus_ferry.secret(DESTINATION, "pay") == THEIRS
    host.denies, host.asked[:] = (), []
    bus_ferry.certferry("approve", "pay/secrets", expect=0)
    assert host.asked == ["org.certferry1.approve-trust"]
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_secret(DESTINATION, "pay", pay)


# Tags


def test_tags_that_taking_over_would_change_are_named(ferry, cloud, secrets, pay):
    ferry.destination("secrets", "secrets", tags={"owner": "platform", "cost": "42"})
    theirs = [{"Key": "owner", "Value": "payments"}, {"Key": "cost", "Value": "42"}, {"Key": "x", "Value": "y"}]
    secrets.create_secret(Name="pay", Tags=theirs)
    run = adopt(ferry, pay).once(expect=3)
    delivery = run.delivery("pay/secrets")
    assert (delivery["hold"], run.requests.writes) == ("foreign", [])
    assert "'owner=payments' becomes 'owner=platform'" in delivery["reason"] and "cost" not in delivery["reason"]
    ferry.once("--approve=pay/secrets")
    ferry.expect_secret(DESTINATION, "pay", pay)
    tags = {tag["Key"]: tag["Value"] for tag in secrets.describe_secret(SecretId="pay")["Tags"]}
    assert (tags["owner"], tags["x"]) == ("platform", "y")
    # Whoever changes one later keeps it.
    secrets.tag_resource(SecretId="pay", Tags=theirs[:1])
    cloud.renew(pay, force=True)
    assert ferry.once().requests.writes == ["PutSecretValue"]


# Files in a directory of ours


def test_link_that_somebody_put_in_the_place_of_ours(ferry, cloud, pay):
    ferry.carry("pay", pay, "files").once()
    key, theirs = ferry.files / "pay" / "privkey.pem", ferry.directory / "theirs.pem"
    theirs.write_text("theirs")
    key.unlink()
    key.symlink_to(theirs)
    (ferry.files / "pay" / "dhparam.pem").write_text("beside")
    run = ferry.once(expect=3)
    assert f"'privkey.pem -> {theirs}'" in run.delivery("pay/files")["reason"]
    assert run.delivery("pay/files")["hold"] == "foreign" and "dhparam" not in run.log
    cloud.renew(pay, force=True)
    ferry.once("--approve", expect=3)
    assert key.read_text() == "theirs"
    ferry.once("--approve=pay/files")
    assert (ferry.files / "pay" / "dhparam.pem").read_text() == "beside"
    (ferry.files / "pay" / "dhparam.pem").unlink()
    ferry.expect_file("pay", pay)


def test_file_in_the_version_that_is_shown(ferry, cloud, pay):
    ferry.carry("pay", pay, "files").once()
    (ferry.files / "pay" / "..data" / "dhparam.pem").write_text("theirs")
    assert ferry.once().delivery("pay/files")["state"] == "current"
    with (ferry.files / "pay" / "privkey.pem").open("a") as key:
        key.write("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n")
    cloud.renew(pay, force=True)
    run = ferry.once(expect=3)
    assert run.delivery("pay/files")["hold"] == "foreign"
    assert "'dhparam.pem', 'privkey.pem: DH PARAMETERS'" in run.delivery("pay/files")["reason"]
    ferry.once("--approve=pay/files")
    ferry.expect_file("pay", pay)
