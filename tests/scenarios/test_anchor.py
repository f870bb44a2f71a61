# SPDX-License-Identifier: Apache-2.0
"""Which root was trusted is not forgotten with the record: each object says it, and counts for itself alone."""

import sqlite3
from pathlib import Path

import pytest

from tests.cloud.harness import ROOT
from tests.scenarios.vocabulary import DESTINATION, REGION, SECOND, anchor_digest

ANCHOR = "certferry:anchor"
EVERYWHERE = "both", "vaults", "files"
VAULTS = [f"pay/vaults/{account}/{REGION}" for account in (DESTINATION, SECOND)]


def expected(ferry, arn):
    return anchor_digest(ferry.truth(arn)["chain"])


def secret_tags(cloud, account):
    told = cloud.boto3("secretsmanager", account).describe_secret(SecretId="pay")
    return {tag["Key"]: tag["Value"] for tag in told["Tags"]}


def file_mark(ferry):
    version = ferry.shown("pay")
    mark = version.parent / f"{version.name}.anchor"
    return mark.read_text().strip() if mark.exists() else None


def borne(ferry, cloud, pay):
    """What the objects say, as boto3 and the disk show it."""
    found = {
        account: ferry.imports(account)[ferry.expect_import(account, pay)].get(ANCHOR)
        for account in (DESTINATION, SECOND)
    }
    found["vaults"] = [secret_tags(cloud, account).get(ANCHOR) for account in (DESTINATION, SECOND)]
    return {*found.pop("vaults"), *found.values(), file_mark(ferry)}


def mark_import(cloud, account, arn, value):
    tags = [{"Key": ANCHOR, "Value": value or ""}]
    acm = cloud.boto3("acm", account)
    if value:
        acm.add_tags_to_certificate(CertificateArn=arn, Tags=tags)
    else:
        acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": ANCHOR}])


def mark_secret(cloud, account, value):
    secrets = cloud.boto3("secretsmanager", account)
    if value:
        secrets.tag_resource(SecretId="pay", Tags=[{"Key": ANCHOR, "Value": value}])
    else:
        secrets.untag_resource(SecretId="pay", TagKeys=[ANCHOR])


@pytest.fixture
def vaults(ferry):
    ferry.known["vaults"] = {**ferry.known["both"], "kind": "secretsmanager"}
    return ferry


@pytest.fixture
def pay(vaults):
    """Delivered to two accounts' ACM and secrets, and to files."""
    arn = vaults.issue("pay.example.com")
    vaults.carry("pay", arn, *EVERYWHERE).once()
    return arn


def other_root(cloud, arn):
    """A renewal whose chain ends at another root; the digest of that."""
    cloud.renew(arn, ca_arn=cloud.authority(name="Other"), force=True)
    return anchor_digest(cloud.certificate(arn)["chain"])


def states(run):
    return {item["name"]: item["state"] for item in run.json["deliveries"]}


def without_anchors(ferry):
    """The record as a version of certferry that knew no anchors of deliveries left it."""
    path = ferry.state / "record.sqlite"
    older = sqlite3.connect(f"{path}.older")
    older.execute("ATTACH ? AS first", [f"{ROOT}/tests/record/format-1.sqlite"])
    tables = older.execute("SELECT name, sql FROM first.sqlite_master WHERE type = 'table'").fetchall()
    indexes = older.execute("SELECT name, sql FROM first.sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    older.execute("ATTACH ? AS now", [str(path)])
    for name, sql in tables:
        older.execute(sql)
        columns = [row[1] for row in older.execute(f"PRAGMA main.table_info({name})")]
        now = ", ".join("token" if column == "invocation" else column for column in columns)
        older.execute(f"INSERT INTO main.{name} SELECT {now} FROM now.{name}")
    for _, sql in indexes:
        older.execute(sql)
    older.execute("PRAGMA main.user_version = 1")
    older.commit()
    older.close()
    for log in ferry.state.glob("record.sqlite-*"):
        log.unlink()
    Path(f"{path}.older").rename(path)
    path.chmod(0o600)


def unmarked(ferry, cloud, pay):
    """All as an older version left it: nothing bears an anchor."""
    without_anchors(ferry)
    for account in (DESTINATION, SECOND):
        mark_import(cloud, account, ferry.expect_import(account, pay), None)
        mark_secret(cloud, account, None)
    version = ferry.shown("pay")
    (version.parent / f"{version.name}.anchor").unlink()
    assert borne(ferry, cloud, pay) == {None}


# Objects say which root was trusted


def test_every_object_bears_the_root(ferry, cloud, pay):
    assert borne(ferry, cloud, pay) == {expected(ferry, pay)}
    run = ferry.once()
    assert run.requests.writes == []


def test_a_renewal_changes_no_mark(ferry, cloud, pay):
    cloud.renew(pay, force=True)
    run = ferry.once()
    assert sorted(run.requests.writes) == ["ImportCertificate"] * 2 + ["PutSecretValue"] * 2
    assert borne(ferry, cloud, pay) == {expected(ferry, pay)}


def test_an_approved_root_is_borne_from_then_on(ferry, cloud, pay):
    before, other = expected(ferry, pay), other_root(cloud, pay)
    ferry.once(expect=3)
    assert borne_of_secrets(cloud) == {before}
    run = ferry.once("--approve")
    assert run.requests("AddTagsToCertificate") == run.requests("TagResource") == 2
    assert borne(ferry, cloud, pay) == {other}
    assert ferry.once().requests.writes == []


def borne_of_secrets(cloud):
    return {secret_tags(cloud, account).get(ANCHOR) for account in (DESTINATION, SECOND)}


# The record is lost


def test_lost_record_and_the_same_root(ferry, cloud, pay):
    cloud.renew(pay, force=True)
    ferry.forget_everything()
    run = ferry.once()
    assert sorted(run.requests.writes) == ["ImportCertificate"] * 2 + ["PutSecretValue"] * 2
    assert borne(ferry, cloud, pay) == {expected(ferry, pay)}
    assert set(states(run).values()) == {"current"}


@pytest.mark.parametrize("seen_before", [False, True])
def test_lost_record_and_another_root(ferry, cloud, pay, seen_before):
    ferry.forget_everything()
    if seen_before:
        assert ferry.once().requests.writes == []  # and that tells nothing new to trust
    before = expected(ferry, pay)
    other_root(cloud, pay)
    for _ in range(2):
        run = ferry.once(expect=3)
        assert run.requests.writes == []
        assert set(states(run).values()) == {"held"}
    assert all("not at the root that certferry pinned" in run.delivery(name)["reason"] for name in VAULTS)
    assert borne_of_secrets(cloud) == {before}
    # A renewal under the root that was trusted goes on.
    cloud.renew(pay, ca_arn=ferry.authority, force=True)
    assert set(states(ferry.once()).values()) == {"current"}


def test_a_forged_mark_reaches_no_other_place(ferry, cloud, pay):
    before = expected(ferry, pay)
    ferry.forget_everything()
    other = cloud.authority(name="Other")
    for _ in range(2):
        cloud.renew(pay, ca_arn=other, force=True)
        mark_secret(cloud, SECOND, expected(ferry, pay))
        found = states(ferry.once(expect=3))
        assert found.pop(VAULTS[1]) == "current"  # only where it was forged
        assert set(found.values()) == {"held"}
    assert secret_tags(cloud, DESTINATION)[ANCHOR] == before


def test_a_place_that_forgets_its_object_lets_nothing_through_elsewhere(ferry, cloud, pay):
    ferry.forget_everything()
    other_root(cloud, pay)
    cloud.boto3("secretsmanager", SECOND).delete_secret(SecretId="pay", ForceDeleteWithoutRecovery=True)
    for _ in range(2):
        found = states(ferry.once(expect=3))
        assert found.pop(VAULTS[1]) == "current"  # there, it is a first delivery
        assert set(found.values()) == {"held"}


@pytest.mark.parametrize("marked", [True, False])
def test_a_place_that_is_not_seen_is_not_let_through_by_another(ferry, cloud, pay, marked):
    """The first delivery at one place is made while the other gives no answer."""
    ferry.forget_everything()
    other_root(cloud, pay)
    cloud.boto3("secretsmanager", SECOND).delete_secret(SecretId="pay", ForceDeleteWithoutRecovery=True)
    if not marked:
        mark_secret(cloud, DESTINATION, None)
    ferry.carry("pay", pay, "vaults")
    cloud.fault("error", operation="DescribeSecret", account=DESTINATION, code="AccessDeniedException", status=400)
    assert states(ferry.once(expect=1)) == {VAULTS[0]: "failed", VAULTS[1]: "current"}
    cloud.call("clear_faults")
    run = ferry.once(expect=3)
    assert states(run) == {VAULTS[0]: "held", VAULTS[1]: "current"}
    reason = "not at the root that certferry pinned" if marked else "neither the state database nor"
    assert reason in run.delivery(VAULTS[0])["reason"]


def test_marks_that_disagree_hold_only_their_own(ferry, cloud, pay):
    ferry.forget_everything()
    cloud.renew(pay, force=True)
    mark_secret(cloud, SECOND, "ab" * 32)
    mark_import(cloud, DESTINATION, next(iter(ferry.imports(DESTINATION))), "cd" * 32)
    run = ferry.once(expect=3)
    held = {name for name, state in states(run).items() if state == "held"}
    assert held == {VAULTS[1], f"pay/both/{DESTINATION}/{REGION}"}
    assert run.requests("PutSecretValue") == run.requests("ImportCertificate") == 1


def test_without_a_mark_a_person_is_asked_once(ferry, cloud, pay):
    unmarked(ferry, cloud, pay)
    ferry.forget_everything()
    cloud.renew(pay, force=True)
    run = ferry.once(expect=3)
    assert run.requests.writes == []
    assert set(states(run).values()) == {"held"}
    assert all("neither the state database" in item["reason"] for item in run.json["deliveries"])
    run = ferry.once("--approve")
    assert set(states(run).values()) == {"current"}
    assert borne(ferry, cloud, pay) == {expected(ferry, pay)}
    cloud.renew(pay, force=True)
    assert set(states(ferry.once()).values()) == {"current"}


def test_a_first_delivery_is_not_held(ferry, cloud, pay):
    ferry.forget_everything()
    ferry.destination("more", "vaults", accounts=[SECOND])
    ferry.carry("pay", pay, *EVERYWHERE, {"to": "more", "as": "pay-more"})
    run = ferry.once()
    assert run.requests.writes == ["CreateSecret"]
    assert run.delivery("pay/more")["state"] == "current"


def test_an_adopted_import_need_not_show_its_tags(ferry, cloud):
    """Its ARN says which it is, so that a role that may not read tags goes on."""
    arn = ferry.issue("shop.example.com")
    theirs = cloud.import_by_hand(DESTINATION, "shop.example.com", days_ago=60)["arn"]
    statements = [
        {"Sid": "Adopted", "Effect": "Allow", "Action": ["acm:ImportCertificate"], "Resource": [theirs]},
        {"Sid": "NoTags", "Effect": "Deny", "Action": ["acm:ListTagsForCertificate"], "Resource": [theirs]},
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    cloud.put_policy(arn=cloud.role_arn(DESTINATION), name="adopted", document=document)
    ferry.carry("shop", arn, {"to": "prod", "arn": theirs, "accept": ["issuer", "client-auth"]})
    run = ferry.once()
    assert ferry.truth(theirs)["fingerprint"] == ferry.truth(arn)["fingerprint"]
    assert run.log.count("Failed to update certferry's tags") == 1
    assert ferry.once().requests.writes == []


def test_trust_alone_decides_where_it_is_configured(ferry, cloud, pay):
    unmarked(ferry, cloud, pay)
    ferry.forget_everything()
    cloud.renew(pay, force=True)
    trust = ferry.directory / "trust.pem"
    trust.write_text(ferry.truth(pay)["chain"])
    ferry.settings["source"]["trust"] = str(trust)
    run = ferry.write().once()
    assert set(states(run).values()) == {"current"}
    assert borne(ferry, cloud, pay) == {expected(ferry, pay)}


# An upgrade


def test_an_upgrade_adds_the_marks_and_nothing_else(ferry, cloud, pay):
    unmarked(ferry, cloud, pay)
    plan = ferry.dry_run(expect=0)
    assert "tag pay to vaults" in plan.out and plan.requests.writes == []
    run = ferry.once()
    assert sorted(run.requests.writes) == ["AddTagsToCertificate"] * 2 + ["TagResource"] * 2
    assert borne(ferry, cloud, pay) == {expected(ferry, pay)}
    assert ferry.once().requests.writes == []
    # And they are what counts when the record is lost afterwards.
    ferry.forget_everything()
    other_root(cloud, pay)
    assert set(states(ferry.once(expect=3)).values()) == {"held"}


def test_where_the_search_by_tag_is_denied_marks_are_added_too(ferry, cloud, pay):
    unmarked(ferry, cloud, pay)
    cloud.fault("error", operation="GetResources", code="AccessDeniedException", message="not you", status=400)
    ferry.once()
    assert borne(ferry, cloud, pay) == {expected(ferry, pay)}
    assert ferry.once().requests.writes == []


def test_marks_are_added_at_the_pace_of_the_quota(ferry, cloud):
    for number in range(20):
        name = f"a{number:02}"
        ferry.carry(name, ferry.issue(f"{name}.example.com"), "prod")
    ferry.once()
    without_anchors(ferry)
    for arn in ferry.imports(DESTINATION):
        mark_import(cloud, DESTINATION, arn, None)
    run = ferry.once()
    assert run.requests("AddTagsToCertificate") == 20
    assert not any(entry["error"] for entry in run.requests.select("AddTagsToCertificate"))
    assert all(ANCHOR in tags for tags in ferry.imports(DESTINATION).values())


def tags_planned(ferry):
    """Nothing but tags is to be done, which is no reason for an exit status."""
    answer = ferry.certferry("plan", "--json")
    found = {(step["verb"], step["destination"]) for step in answer.json["steps"]}
    return found == {("tag", "prod")} and answer.status == 0


def test_marks_hold_up_nobody(bus_ferry, cloud, host):
    """While tagging hangs, all else goes on; nothing that is in place is imported or restarted again."""
    ferry, web = bus_ferry, host.unit("web.service")
    ferry.dependent("web", "web.service")
    arns = [ferry.issue(f"a{number}.example.com", days_ago=340) for number in range(6)]
    for number, arn in enumerate(arns):
        ferry.carry(f"a{number}", arn, "prod", {"to": "files", "then": ["web"]})
    ferry.once()
    web.jobs.clear()
    without_anchors(ferry)
    for arn in ferry.imports(DESTINATION):
        mark_import(cloud, DESTINATION, arn, None)
    cloud.fault("delay", operation="AddTagsToCertificate", seconds=60)
    daemon = ferry.start()
    ferry.wait_for(lambda: tags_planned(ferry))
    daemon.stop()
    daemon = ferry.start()
    ferry.wait_for(lambda: tags_planned(ferry))
    daemon.reload()
    daemon.wait_log("reloaded|Reloaded")
    ferry.wait_for(lambda: tags_planned(ferry))
    assert ferry.certferry("status", "--json", expect=0).json["exit"] == 0
    assert daemon.requests("ImportCertificate") == 0 and web.jobs == []
    assert cloud.renew(arns[0])["renewed"]
    ferry.certferry("sync", expect=0)
    ferry.expect_import(DESTINATION, arns[0])
    ferry.wait_for(lambda: web.jobs == ["restart"])
    cloud.call("clear_faults")
    ferry.wait_for(lambda: all(ANCHOR in tags for tags in ferry.imports(DESTINATION).values()))
    assert daemon.requests("ImportCertificate") == 1
    assert web.jobs == ["restart"]


def deny(cloud, account, *actions):
    """As if the role had the policy of an older installation."""
    statement = {"Sid": "Older", "Effect": "Deny", "Action": list(actions), "Resource": ["*"]}
    cloud.put_policy(
        arn=cloud.role_arn(account), name="older", document={"Version": "2012-10-17", "Statement": [statement]}
    )


def test_denied_marks_are_said_once_and_stop_nothing(ferry, cloud, pay):
    unmarked(ferry, cloud, pay)
    for account in (DESTINATION, SECOND):
        deny(cloud, account, "acm:AddTagsToCertificate", "secretsmanager:TagResource")
    run = ferry.once()
    assert run.requests("AddTagsToCertificate") == run.requests("TagResource") == 2
    assert run.log.count("acm:AddTagsToCertificate there, as in /usr/share/doc/certferry/iam/destination-acm.json") == 2
    assert run.log.count("secretsmanager:TagResource there, as in /usr/share/doc/certferry/iam/destination-secretsmanager.json") == 2
    cloud.renew(pay, force=True)
    run = ferry.once()
    assert set(states(run).values()) == {"current"}
    assert file_mark(ferry) == expected(ferry, pay)
