# SPDX-License-Identifier: Apache-2.0
"""What the policies of conf/iam are for, one scenario a function of certferry, each of 3 s at most.

Each ends with everything in its place and no request denied.  test_needed.py takes one action out of one statement, and
the scenario that NEEDED there names has to fail.
"""

import contextlib
import json

from tests.cloud.harness import DESTINATION, REGION, SECOND, SOURCE
from tests.scenarios.test_credentials import metadata_server

HOST = f"arn:aws:iam::{SOURCE}:user/certferry"
ANCHOR = "certferry:anchor"


def denied(cloud):
    """What was asked for and denied, to certferry or to the rule that writes to the queue."""
    refused = [entry["operation"] for entry in cloud.journal(since=0) if (entry["error"] or "").startswith("AccessDenied")]
    return refused + ["SendMessage" for _ in cloud.events_failed()]


def certificate_to_acm(ferry, cloud):
    """A first import, and the renewal over it."""
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod").once()
    ferry.expect_import(DESTINATION, pay)
    cloud.renew(pay, force=True)
    ferry.once()
    ferry.expect_import(DESTINATION, pay)


def certificates_by_their_tags(ferry, cloud):
    """match: by tags, to another kind of destination."""
    pay = ferry.issue("pay.example.com", tags={"deliver": "yes"})
    ferry.carry("tagged", {"tags": {"deliver": "yes"}}, {"to": "files", "as": "{domain}"}).once()
    ferry.expect_file("pay.example.com", pay)


def reason_of_a_renewal_that_does_not_come(ferry, cloud):
    """A certificate that ends soon: ACM is asked how its renewal stands."""
    pay = ferry.issue("pay.example.com", days_ago=375)
    run = ferry.carry("pay", pay, "files").once(expect=1)
    assert "ACM has not renewed it" in run.json["certificates"][0]["problem"]
    assert run.requests("DescribeCertificate", SOURCE) == 1


def users_of_what_stands_in_the_way(ferry, cloud):
    """An import of somebody's for the same name: held, and whoever chooses is told what uses it."""
    pay = ferry.issue("pay.example.com")
    theirs = cloud.import_by_hand(DESTINATION, "pay.example.com")["arn"]
    cloud.in_use(arn=theirs, by=["arn:aws:elasticloadbalancing:eu-west-1:222222222222:loadbalancer/app/web/1"])
    run = ferry.carry("pay", pay, "prod").once(expect=3)
    assert run.delivery("pay/prod")["hold"] == "adopt?" and "in use" in run.delivery("pay/prod")["reason"]


def imports_found_again(ferry, cloud):
    """The state database is lost: what is there is found by its tags, and not imported a second time."""
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod").once()
    ferry.forget_everything()
    run = ferry.once()
    ferry.expect_import(DESTINATION, pay)
    assert run.requests.writes == [] and run.requests("GetResources") > 0


def root_marked_on_an_import(ferry, cloud):
    """An import that does not say which root certferry trusted is marked with it."""
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod").once()
    acm = cloud.boto3("acm", DESTINATION)
    (arn,) = ferry.imports(DESTINATION)
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": ANCHOR}])
    ferry.once()
    assert ANCHOR in ferry.imports(DESTINATION)[arn]


def secret(ferry, cloud):
    """A new secret, and the renewal in it."""
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "secrets").once()
    ferry.expect_secret(DESTINATION, "pay", pay)
    cloud.renew(pay, force=True)
    ferry.once()
    ferry.expect_secret(DESTINATION, "pay", pay)


def secret_of_an_interrupted_write(ferry, cloud):
    """Its label was moved back: it is moved again."""
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "secrets").once()
    first = ferry.expect_secret(DESTINATION, "pay", pay)
    cloud.renew(pay, force=True)
    ferry.once()
    second = ferry.expect_secret(DESTINATION, "pay", pay)
    cloud.boto3("secretsmanager", DESTINATION).update_secret_version_stage(
        SecretId="pay", VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second
    )
    ferry.once()
    assert ferry.expect_secret(DESTINATION, "pay", pay) == second


def root_marked_on_a_secret(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "secrets").once()
    client = cloud.boto3("secretsmanager", DESTINATION)
    client.untag_resource(SecretId="pay", TagKeys=[ANCHOR])
    ferry.once()
    assert ANCHOR in {tag["Key"] for tag in client.describe_secret(SecretId="pay")["Tags"]}


def secret_under_a_key_of_ones_own(ferry, cloud):
    """As secret, with kms_key:."""
    document = cloud.shipped_policy(name="destination-secretsmanager-kms.json", account=DESTINATION)
    cloud.put_policy(arn=cloud.role_arn(DESTINATION), name="secretsmanager-kms", document=document)
    cloud.add_kms_key(account=DESTINATION, region=REGION, alias="alias/tls")
    ferry.destination("secrets", "secrets", kms_key="alias/tls")
    secret(ferry, cloud)


def fields_of_others_named(ferry, cloud):
    document = cloud.shipped_policy(name="destination-secretsmanager-read.json", account=DESTINATION)
    cloud.put_policy(arn=cloud.role_arn(DESTINATION), name="read", document=document)
    pay = ferry.issue("pay.example.com")
    client = cloud.boto3("secretsmanager", DESTINATION)
    client.create_secret(Name="pay", SecretString=json.dumps({"password": "x"}))
    run = ferry.carry("pay", pay, {"to": "secrets", "adopt": True}).once(expect=3)
    assert "'password'" in run.delivery("pay/secrets")["reason"]


def sessions_that_say_who_they_are(ferry, cloud):
    """source_identity: and session_tags:, at the source and at a destination."""
    own = {"source_identity": "ferry", "session_tags": {"team": "platform"}}
    ferry.settings["source"].update(own)
    ferry.destination("named", "prod", **own)
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "named").once()
    ferry.expect_import(DESTINATION, pay)


def accounts_in_no_organization(ferry, cloud):
    """host-accounts.json in place of host.json."""
    cloud.remove_policy(arn=HOST, name="host")
    cloud.put_policy(arn=HOST, name="accounts", document=cloud.shipped_policy(name="host-accounts.json"))
    sessions_that_say_who_they_are(ferry, cloud)


def instance(ferry, cloud):
    """The role of the host's instance, which its metadata service gives."""
    with contextlib.contextmanager(metadata_server)(cloud) as metadata:
        metadata.role = cloud.add_role(
            account=SOURCE, name="certferry-host", trust=cloud.shipped_policy(name="host-trust.json"),
            policies={"certferry": cloud.shipped_policy(name="host.json")},
        )  # fmt: skip
        ferry.variables = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(ferry.directory),
                           "AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url}  # fmt: skip
        pay = ferry.issue("pay.example.com")
        ferry.carry("pay", pay, "both").once()
    for account in (DESTINATION, SECOND):
        ferry.expect_import(account, pay)


def events(ferry, cloud):
    """A renewal's event goes to the queue, wakes the daemon and is deleted."""
    queue = cloud.event_queue()["queue"]
    pay = ferry.issue("pay.example.com")
    ferry.set(events={"queue_url": queue})
    daemon = ferry.carry("pay", pay, "files").start()
    ferry.wait_for(lambda: ferry.shown("pay").exists() or denied(cloud), 30)
    cloud.renew(pay, force=True)
    ferry.wait_for(lambda: daemon.requests("DeleteMessageBatch") > 0 or denied(cloud), 30)
    ferry.wait_for(lambda: daemon.requests("ExportCertificate") == 2 or denied(cloud), 30)
    daemon.stop()


ALL = (
    certificate_to_acm, certificates_by_their_tags, reason_of_a_renewal_that_does_not_come,
    users_of_what_stands_in_the_way, imports_found_again, root_marked_on_an_import, secret,
    secret_of_an_interrupted_write, root_marked_on_a_secret, secret_under_a_key_of_ones_own, fields_of_others_named,
    sessions_that_say_who_they_are, accounts_in_no_organization, instance, events,
)  # fmt: skip
