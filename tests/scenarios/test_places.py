# SPDX-License-Identifier: Apache-2.0
"""What destinations and the source may be like: how they are reached, what they keep, and what is not taken."""

import json
import os
import pathlib
import socket
import subprocess

import pytest

from tests.scenarios.vocabulary import DESTINATION, REGION, ROLE_HERE, SECOND, SOURCE, Ferry, once_only

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{DESTINATION}:loadbalancer/app/pay/1"


def test_old_versions_of_files_go_but_the_last(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "files").once()
    before = None
    for _ in range(3):
        before = ferry.expect_file("pay", pay)
        cloud.renew(pay, force=True)
        ferry.once()
    now = ferry.expect_file("pay", pay)
    watched = (before / "privkey.pem").stat().st_ino
    ferry.age_files()
    ferry.once()
    assert (before / "privkey.pem").stat().st_ino != watched, "a copy: whoever watches the file hears that it is gone"
    kept = {path.parent / f"{path.name}{end}" for path in (before, now) for end in ("", ".anchor")}
    assert set((ferry.files / ".versions" / "pay").iterdir()) == kept


def from_the_manual(beginning):
    """The commands of certferry.yaml(5) that begin so."""
    manual = (ROOT / "conf" / "certferry.yaml.5").read_text()
    (block,) = [one for one in manual.split(".Bd -literal -offset indent\n")[1:] if one.startswith(beginning)]
    return block.partition(".Ed")[0].replace("web", "pay")


def test_links_that_an_older_version_made(ferry, cloud):
    """The manual's way back to them, and what becomes of one at the next renewal."""
    pay = ferry.issue("pay.example.com", days_ago=340)
    ferry.carry("pay", pay, "files").once()
    version = ferry.shown("pay").name
    subprocess.run(["sh", "-ec", from_the_manual('ln -s ".versions')], cwd=ferry.files, check=True)
    assert os.readlink(ferry.files / "pay") == f".versions/pay/{version}"
    assert ferry.once().requests("ExportCertificate") == 0, "both are read"
    assert (ferry.files / "pay").is_symlink()
    assert cloud.renew(pay)["renewed"]
    run = ferry.once()
    ferry.expect_file("pay", pay)
    assert once_only(run.log, f"notice: Made '{ferry.files / 'pay'}' a directory; it was a link. Restart programs")


def test_a_version_before_shown_by_hand(ferry, cloud):
    pay = ferry.issue("pay.example.com", days_ago=340)
    ferry.carry("pay", pay, "files").once()
    before = ferry.shown("pay")
    assert cloud.renew(pay)["renewed"]
    ferry.once()
    commands = from_the_manual("ln -s ../.versions").replace("VERSION", before.name)
    subprocess.run(["sh", "-ec", commands], cwd=ferry.files, check=True)
    assert ferry.shown("pay") == before
    assert [line.split()[0] for line in ferry.dry_run(expect=3).out.splitlines()] == ["deliver"]
    ferry.once()
    ferry.expect_file("pay", pay)


def test_a_switch_that_was_killed_is_finished_without_an_export(ferry):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "files").once()
    (ferry.files / ".certferry.pay").unlink()
    (ferry.files / "pay" / "privkey.pem").unlink()
    assert [line.split()[0] for line in ferry.dry_run(expect=3).out.splitlines()] == ["deliver"]
    assert not (ferry.files / ".certferry.pay").exists(), "a dry run writes nothing"
    assert ferry.once().requests("ExportCertificate") == 0
    ferry.expect_file("pay", pay)
    assert (ferry.files / ".certferry.pay").exists()


def test_secret_whose_label_somebody_moved_back(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "secrets").once()
    first = ferry.expect_secret(DESTINATION, "pay", pay)
    cloud.renew(pay, force=True)
    ferry.once()
    second = ferry.expect_secret(DESTINATION, "pay", pay)
    cloud.boto3("secretsmanager", DESTINATION).update_secret_version_stage(
        SecretId="pay", VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second
    )
    run = ferry.once()
    assert run.requests.writes == ["UpdateSecretVersionStage"]
    assert ferry.expect_secret(DESTINATION, "pay", pay) == second


def test_two_hosts_come_to_the_same(ferry, cloud, tmp_path):
    pay = ferry.issue("pay.example.com", days_ago=340)
    (tmp_path / "other").mkdir()
    other = Ferry(cloud, tmp_path / "other")
    for one in (ferry, other):
        one.carry("pay", pay, "prod", "secrets", "files").once()
    assert cloud.renew(pay)["renewed"]
    both = [one.launch("--once") for one in (ferry, other)]
    for process in both:
        out, log = process.communicate(timeout=30)
        assert process.returncode == 0, out + log
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_secret(DESTINATION, "pay", pay)
    (secret,) = cloud.secrets(account=DESTINATION)
    assert len(secret["versions"]) == 2, "the first and the renewal's, which both hosts have written"
    for one in (ferry, other):
        one.expect_file("pay", pay)


def test_import_that_nobody_uses_is_reported(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod").once()
    assert ferry.once().delivery("pay/prod")["unused"] is True
    cloud.in_use(arn=ferry.expect_import(DESTINATION, pay), by=[BALANCER])
    assert ferry.once().delivery("pay/prod")["unused"] is False


def test_account_full_of_imports_by_hand(ferry, cloud):
    cloud.import_by_hand(DESTINATION, "n{n}.example.org", count=60)
    share = cloud.import_by_hand(DESTINATION, "shop.example.com", "www.pay.example.com", in_use_by=[BALANCER])["arn"]
    free, pay = ferry.issue("free.example.com"), ferry.issue("pay.example.com", "www.pay.example.com")
    run = ferry.carry("free", free, "prod").carry("pay", pay, "prod").once(expect=3)
    ferry.expect_import(DESTINATION, free)
    held = run.delivery("pay/prod")
    assert (held["state"], held["hold"]) == ("held", "adopt?")
    assert share in held["reason"] and held["reason"].count("arn:aws:acm:") == 1
    assert len(ferry.imports(DESTINATION)) == 62


# How they are reached


@pytest.mark.parametrize("flaw", ["untrusted", "expired", "wrong-name"])
def test_endpoint_that_is_not_aws_gets_nothing(ferry, cloud, flaw):
    ferry.destination("bad", "prod", endpoint_url=cloud.tls_endpoint(flaw=flaw))
    pay = ferry.issue("pay.example.com")
    run = ferry.carry("pay", pay, "bad", "files").once(expect=1)
    assert ferry.imports(DESTINATION) == {} and run.requests("ListCertificates", DESTINATION) == 0
    assert "certificate" in run.delivery("pay/bad")["reason"]
    ferry.expect_file("pay", pay)


def test_redirect_is_not_followed(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        location = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
        cloud.fault("redirect", operation="ImportCertificate", account=SECOND, location=location)
        run = ferry.carry("pay", pay, "both").once(expect=1)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert run.delivery(f"pay/both/{SECOND}/{REGION}")["state"] == "failed"
    ferry.expect_import(DESTINATION, pay)


def test_session_says_who_it_is(ferry):
    ferry.destination(
        "named", "prod", role_session_name="admin1", source_identity="ferry", session_tags={"team": "platform"}
    )
    pay = ferry.issue("pay.example.com")
    run = ferry.carry("pay", pay, "named").once()
    (assumed,) = [
        entry for entry in run.requests.select("AssumeRole") if DESTINATION in entry["parameters"]["RoleArn"]
    ]
    asked = assumed["parameters"]
    assert (asked["RoleSessionName"], asked["SourceIdentity"]) == ("admin1", "ferry")
    assert (asked["Tags.member.1.Key"], asked["Tags.member.1.Value"]) == ("team", "platform")
    (imported,) = run.requests.select("ImportCertificate")
    assert imported["principal"].endswith("/admin1")


def test_each_account_has_an_external_id_of_its_own(ferry, cloud):
    for account in (DESTINATION, SECOND):
        trust = cloud.shipped_policy(name="destination-trust.json", account=account)
        trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] = f"ferry-{account}-a"
        cloud.put_trust(arn=cloud.role_arn(account), document=trust)
    ferry.destination("own", "both", external_id="ferry-{account}-a")
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "own").once()
    for account in (DESTINATION, SECOND):
        ferry.expect_import(account, pay)


def test_credentials_from_profiles(ferry, cloud):
    keys, profiles = cloud.keys(SOURCE, "certferry"), ferry.directory / "aws-config"
    profiles.write_text(
        f"[profile base]\naws_access_key_id = {keys['access_key']}\naws_secret_access_key = {keys['secret_key']}\n"
        f"[profile prod]\nsource_profile = base\nrole_arn = {ROLE_HERE['role_arn']}\nexternal_id = ferry-2\n"
    )
    profiles.chmod(0o600)
    ferry.variables = {"AWS_CONFIG_FILE": str(profiles), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    ferry.settings["source"]["profile"] = "base"
    ferry.known["profiled"] = {"kind": "acm", "region": REGION, "profile": "prod"}
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "profiled").once()
    ferry.expect_import(DESTINATION, pay)


# What the source shows


def test_search_denied_lists_every_type_of_key(ferry, cloud):
    cloud.fault("error", operation="SearchCertificates", code="AccessDeniedException", message="not you", status=400)
    arns = {name: ferry.issue(f"{name}.example.com", algorithm=f"EC_{name}") for name in ("secp384r1", "secp521r1")}
    ferry.carry("curves", {"domain": "*.example.com"}, {"to": "files", "as": "{domain}"})
    run = ferry.once()
    assert run.requests("ListCertificates", SOURCE) >= 1
    for name, arn in arns.items():
        ferry.expect_file(f"{name}.example.com", arn)


def test_what_cannot_be_carried_is_said_once(bus_ferry, cloud):
    ferry = bus_ferry
    public = cloud.issue("web.example.com", export_option="DISABLED", days_ago=2)["arn"]
    revoked, pay = ferry.issue("old.example.com"), ferry.issue("pay.example.com")
    cloud.mark(arn=revoked, status="REVOKED")
    for name, arn in (("web", public), ("old", revoked), ("pay", pay)):
        ferry.carry(name, arn, "files")
    daemon = ferry.start()
    for _ in range(2):
        ferry.certferry("sync", expect=1)
    assert once_only(daemon.log, "Cannot deliver certificate 'web': .*not requested as exportable")
    assert once_only(daemon.log, "Cannot deliver certificate 'old': .*REVOKED")
    assert daemon.requests("ExportCertificate") == 1
    ferry.expect_file("pay", pay)
    assert sorted(path.name for path in ferry.files.iterdir()) == [".certferry.pay", ".versions", "pay"]


def test_chain_that_ends_elsewhere_than_trusted(ferry, cloud):
    other = cloud.issue("other.example.com", ca_arn=cloud.authority(name="Other"), days_ago=2)["arn"]
    pay = ferry.issue("pay.example.com")
    roots = ferry.directory / "trust.pem"
    roots.write_text(ferry.truth(other)["chain"])
    ferry.settings["source"]["trust"] = str(roots)
    run = ferry.carry("pay", pay, "prod").carry("other", other, "files").once(expect=1)
    assert run.requests.writes == []
    assert "anchor-trusted" in run.log
    ferry.expect_file("other", other)


def test_roots_as_people_have_them(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    roots = ferry.directory / "trust.pem"
    ferry.settings["source"]["trust"] = str(roots)
    chain = ferry.truth(pay)["chain"]
    roots.write_bytes(f"\ufeff# Our roots\n\n{chain}that is all".replace("\n", "\r\n").encode())
    ferry.carry("pay", pay, "prod").once()
    ferry.expect_import(DESTINATION, pay)
    roots.write_text("# Our roots\n\n" + chain.replace(" CERTIFICATE", " PRIVATE KEY", 2))
    run = ferry.run("--once")
    assert run.status == 2 and f"source.trust: '{roots}': line 3: a block 'PRIVATE KEY'" in run.log, run


def test_carried_nowhere_and_kept_eligible(ferry, cloud):
    pay = ferry.issue("pay.example.com", days_ago=340)
    ferry.set(certificates={"pay": {"arn": pay}}).once()
    assert cloud.renew(pay)["renewed"]
    acm = cloud.boto3("acm")
    assert acm.describe_certificate(CertificateArn=pay)["Certificate"]["RenewalEligibility"] == "INELIGIBLE"
    run = ferry.once()
    assert run.requests("ExportCertificate") == 1 and run.requests.writes == []
    assert acm.describe_certificate(CertificateArn=pay)["Certificate"]["RenewalEligibility"] == "ELIGIBLE"


# What is only looked at


def test_dry_run_as_json_without_a_state_directory(ferry):
    pay = ferry.issue("pay.example.com")
    ferry.variables = {"STATE_DIRECTORY": str(ferry.directory / "nowhere")}
    run = ferry.carry("pay", pay, "both", "files").dry_run("--json", expect=3)
    plan = json.loads(run.out)
    assert (plan["format"], plan["exit"]) == (1, 3)
    steps = [step for step in plan["steps"] if step["verb"] == "deliver"]
    assert {step["delivery"] for step in steps} >= {"pay/files", f"pay/both/{SECOND}/{REGION}"}
    assert {"verb", "certificate", "destination", "delivery", "dependent", "hold", "holds", "when", "reason"} == set(steps[0])
    assert not (ferry.directory / "nowhere").exists()
