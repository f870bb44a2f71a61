# SPDX-License-Identifier: Apache-2.0
"""What administrators get wrong is said with its place; looks write nothing; secrets are told to nobody."""

import os
import re
import time

import pytest

from tests.scenarios.vocabulary import DESTINATION, NAMESPACES, REGION, once_only

STEP = re.compile(r"\w+ \S+ to \S+: .+")
MISTAKES = {
    "broken YAML": ("source: {region: eu-west-1\ncertificates: [", r"certferry\.yaml:\d+:\d+: "),
    "wrong type": ("poll: [1, 2]\n", r"certferry\.yaml:1:7: .*poll"),
    "unknown key": ("guard: 3\nsorce: {}\n", r"certferry\.yaml:2:1: .*sorce"),
    "wrong duration": ("\nsweep: 6 weeks\n", r"certferry\.yaml:2:8: .*sweep"),
    "unknown destination": (
        f"certificates:\n  pay:\n    arn: arn:aws:acm:{REGION}:111111111111:certificate/"
        "0f5c1b3e-1111-4222-8333-444455556666\n    deliver:\n      - to: nowhere\n",
        r"certferry\.yaml:5:\d+: .*nowhere",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("way", ["--check", "--once"])
def test_mistake_in_the_configuration(ferry, mistake, way):
    text, sentence = MISTAKES[mistake]
    run = ferry.write(text).run(way)
    assert run.status == 2
    assert re.search(sentence, run.log + run.out), run
    assert run.requests.entries == []


def test_all_mistakes_are_said_in_one_run(ferry):
    run = ferry.write("sorce: {}\npoll: never\nguard: many\n").run("--check")
    assert run.status == 2
    assert set(re.findall(r"certferry\.yaml:(\d+):", run.log + run.out)) == {"1", "2", "3"}


def test_warnings_are_said_and_refuse_nothing(ferry):
    ferry.settings["source"]["region"] = REGION
    ferry.destination("far", "prod", region="us-esat-1")
    ferry.destination("vault", "secrets")
    ferry.carry("pay", ferry.issue("pay.example.com"), "far", {"to": "vault", "as": "tls/pay-abc123"})
    run = ferry.run("--check")
    assert run.status == 0 and run.out == "" and run.requests.entries == []
    first, second = run.log.splitlines()
    assert re.match(r".*:\d+:\d+: warning: certificates\.pay\.deliver\.as: 'tls/pay-abc123' ends with", second + first), run
    assert re.search(r":\d+:\d+: warning: destinations\.far\.region: .* did you mean 'us-east-1'\?$", run.log, re.M), run


def test_missing_ca_certificates_are_named_with_the_cure(ferry):
    ferry.variables = {"AWS_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": ""}
    ferry.carry("pay", ferry.issue("pay.example.com"), "files")
    without = [*NAMESPACES, "sh", "-c", 'mount -t tmpfs none /etc/ssl/certs && exec "$@"', "sh"]
    lack = r"this host has no CA certificates \(.*: No such file or directory\); install the package ca-certificates"
    check = ferry.run("--check", under=without)
    assert check.status == 0 and re.fullmatch(rf"warning: {lack}, or name a CA bundle in AWS_CA_BUNDLE .*\n", check.log), check
    run = ferry.once(under=without, expect=1)
    assert re.search(rf"Failed to list .* cannot verify its certificate: {lack}", run.log), run
    ferry.variables = {}
    assert ferry.run("--check", under=without).log == ""


def test_check_of_a_sound_configuration_touches_no_network(ferry):
    ferry.carry("pay", ferry.issue("pay.example.com"), "both", "files")
    run = ferry.run("--check", "--expand")
    assert run.status == 0 and run.requests.entries == []
    assert len(run.out.splitlines()) == 3
    assert list(ferry.state.iterdir()) == []


@pytest.mark.parametrize("way", ["AWS_REGION", "AWS_DEFAULT_REGION", "profile"])
def test_check_expands_to_the_regions_that_are_served(ferry, tmp_path, way):
    (tmp_path / "aws").write_text("[profile paris]\nregion = eu-west-3\n")
    asked = {"AWS_CONFIG_FILE": str(tmp_path / "aws"), "AWS_PROFILE": "paris"} if way == "profile" else {way: "eu-west-3"}
    ferry.variables = {"AWS_REGION": "", **asked}
    ferry.settings["source"]["region"] = REGION
    run = ferry.carry("pay", ferry.issue("pay.example.com"), "prod").run("--check", "--expand")
    assert run.status == 0 and f" {DESTINATION}/eu-west-3 " in run.out, run
    assert run.requests.entries == [] and list(ferry.state.iterdir()) == []
    imports = ferry.once().requests.select("ImportCertificate")
    assert [(entry["account"], entry["region"]) for entry in imports] == [(DESTINATION, "eu-west-3")]


def test_no_region_says_where_one_may_be_set(ferry):
    ferry.variables = {"AWS_REGION": ""}
    ferry.settings["source"].pop("region", None)
    run = ferry.carry("pay", ferry.issue("pay.example.com"), "files").once(expect=2)
    assert all(word in run.log for word in ("source.region", "AWS_REGION", "AWS_DEFAULT_REGION", "the AWS profile"))


def test_missing_role_is_named(ferry, cloud):
    role = cloud.role_arn(DESTINATION, "no-such-role")
    ferry.destination("elsewhere", "prod", role_arn=role)
    pay = ferry.issue("pay.example.com")
    run = ferry.carry("pay", pay, "elsewhere", "files").once(expect=1)
    assert role in run.log
    ferry.expect_file("pay", pay)


def test_missing_source_role_is_named(ferry):
    ferry.settings["source"]["role_arn"] = "arn:aws:iam::111111111111:role/no-such-role"
    run = ferry.carry("pay", ferry.issue("pay.example.com"), "files").once(expect=1)
    assert "Failed to list certificates in the source account" in run.log and "role/no-such-role" in run.log


def test_key_that_names_no_profile_is_named(ferry):
    ferry.settings["source"]["profile"] = "nope"
    ferry.settings["source"]["region"] = REGION
    run = ferry.carry("pay", ferry.issue("pay.example.com"), "files").once(expect=1)
    assert re.search(r"Failed to list certificates in the source account: .*profile: there is no profile 'nope' in '", run.log), run


def test_unreachable_endpoint_is_named(ferry):
    ferry.destination("far", "prod", endpoint_url="https://127.0.0.1:9")
    pay = ferry.issue("pay.example.com")
    run = ferry.carry("pay", pay, "far", "files").once(expect=1)
    assert "127.0.0.1:9" in run.log and "'pay/far'" in run.log
    ferry.expect_file("pay", pay)


def test_absent_certificate_is_named(ferry):
    pay = ferry.issue("pay.example.com")
    absent = f"arn:aws:acm:{REGION}:111111111111:certificate/0f5c1b3e-1111-4222-8333-444455556666"
    run = ferry.carry("gone", absent, "prod").carry("pay", pay, "files").once(expect=1)
    assert absent in run.log and "'gone'" in run.log
    ferry.expect_file("pay", pay)


def test_no_credentials(ferry):
    ferry.variables = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(ferry.directory)}
    run = ferry.carry("pay", ferry.issue("pay.example.com"), "files").once(expect=1)
    assert "credentials" in run.log
    assert run.requests.writes == []


def test_dry_run_says_what_a_run_would_do_and_does_nothing(ferry, cloud):
    pay, held = ferry.issue("pay.example.com"), ferry.issue("held.example.com")
    cloud.import_by_hand(DESTINATION, "held.example.com")
    ferry.carry("pay", pay, "both", "secrets", "files").carry("held", held, "prod")
    run = ferry.dry_run(expect=3)
    assert len(run.out.splitlines()) >= 5
    assert all(STEP.fullmatch(line) for line in run.out.splitlines()), run.out
    assert run.requests("ExportCertificate") == 0
    assert run.requests.writes == []
    assert list(ferry.state.iterdir()) == []
    assert list(ferry.files.iterdir()) == []
    ferry.once(expect=3)
    done = ferry.dry_run(expect=3)
    assert [line.split()[:4] for line in done.out.splitlines()] == [["hold", "held", "to", "prod:"]]


def test_dry_run_with_nothing_to_do(ferry):
    ferry.carry("pay", ferry.issue("pay.example.com"), "prod", "files").once()
    assert ferry.dry_run(expect=0).out == "nothing to do\n"


def test_dry_run_that_cannot_see_everything(ferry, cloud):
    ferry.carry("pay", ferry.issue("pay.example.com"), "prod", "files")
    cloud.fault("error", operation="ListCertificates", account=DESTINATION, code="AccessDeniedException",
                message="not you", status=400)  # fmt: skip
    run = ferry.dry_run(expect=1)
    assert "not you" in run.out + run.log


def test_second_instance_exits_with_4(ferry):
    ferry.carry("pay", ferry.issue("pay.example.com"), "files")
    daemon = ferry.start()
    run = ferry.run("--once")
    assert run.status == 4
    assert str(ferry.state) in run.log
    ferry.dry_run()  # takes no lock
    daemon.stop()
    ferry.once()


def test_no_secret_is_told(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    keys = cloud.session(role_arn=cloud.role_arn("111111111111", "certferry-source"))
    ferry.settings["source"].pop("role_arn")
    ferry.settings["source"].pop("external_id")
    ferry.variables = {
        "AWS_ACCESS_KEY_ID": keys["access_key"], "AWS_SECRET_ACCESS_KEY": keys["secret_key"],
        "AWS_SESSION_TOKEN": keys["session_token"],
    }  # fmt: skip
    ferry.carry("pay", pay, "files")
    runs = [ferry.once("--log-level", "debug")]
    ferry.variables = {}
    ferry.settings["source"].update(
        role_arn="arn:aws:iam::111111111111:role/certferry-source", external_id="ferry-1"
    )
    cloud.fault("error", operation="CreateSecret", code="InternalServiceError", message="no", status=500, count=1)
    runs.append(ferry.carry("pay", pay, "both", "secrets", "files").run("--once", "--json", "--log-level", "debug"))
    told = "".join(run.out + run.log for run in runs)
    kept = b"".join(path.read_bytes() for path in ferry.state.rglob("*") if path.is_file()).decode(errors="replace")
    assert "ExportCertificate" in told and kept
    key = ferry.truth(pay)["private_key"].splitlines()[1]
    mine = cloud.keys(user="certferry")
    for text in (told, kept):
        assert "PRIVATE KEY" not in text and key not in text
        assert mine["secret_key"] not in text and keys["secret_key"] not in text and keys["session_token"] not in text
        assert "ferry-1" not in text and "ferry-2" not in text


def test_state_is_for_nobody_else(ferry):
    ferry.carry("pay", ferry.issue("pay.example.com"), "files").once()
    assert [path.name for path in ferry.state.iterdir() if path.stat().st_mode & 0o077] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
@pytest.mark.parametrize("what", ["state", "versions", "shown"])
def test_no_advice_destroys_what_another_users_daemon_made(ferry, what):
    """As somebody else than the one whose files they are: they are served now, so nothing but the user is changed."""
    ferry.carry("pay", ferry.issue("pay.example.com"), "files").once()
    above = {"state": ferry.state, "versions": ferry.files / ".versions", "shown": ferry.files / "pay"}[what]
    for path in [above, *above.rglob("*")]:
        os.chown(path, 12345, 12345, follow_symlinks=False)
    run = ferry.run("--once")
    assert run.status == 1 and "belongs to user 12345" in run.log and "run it as the user that owns" in run.log, run
    assert not re.search("remove|chown|move it", run.log), run


@pytest.mark.parametrize("what", ["state", "trust", "configuration"])
def test_what_lies_below_a_directory_of_others_is_refused(ferry, what):
    """Who can rename a directory above can put another one there."""
    pay = ferry.issue("pay.example.com")
    above = ferry.directory / "above"
    (above / "own").mkdir(parents=True)
    if what == "state":
        ferry.variables["STATE_DIRECTORY"] = str(above / "own")
    elif what == "trust":
        roots = above / "own" / "roots.pem"
        roots.write_text(ferry.truth(pay)["chain"])
        ferry.settings["source"]["trust"] = str(roots)
    else:
        ferry.file = above / "own" / "certferry.yaml"
    ferry.carry("pay", pay, "files")
    above.chmod(0o777)
    run = ferry.run("--once")
    assert run.status == (1 if what == "state" else 2), run
    assert once_only(run.log, f"others can rename what is in '{above}' .mode 0777.*: chmod go-w '{above}'"), run
    assert not (ferry.files / "pay").exists()
    above.chmod(0o755)
    ferry.once()


def test_two_issues_within_one_second_are_told_apart(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod", "secrets", "files").once()
    while time.time() % 1 > 0.3:
        time.sleep(0.02)
    first = cloud.renew(pay, force=True)
    second = cloud.renew(pay, force=True)
    assert first["not_before"] == second["not_before"] and first["serial"] != second["serial"]
    ferry.once()
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_secret(DESTINATION, "pay", pay)
    ferry.expect_file("pay", pay)


def test_second_of_two_issues_follows_the_first(ferry, cloud):
    pay = ferry.issue("pay.example.com", days_ago=3)
    ferry.carry("pay", pay, "prod", "files").once()
    while True:
        first = cloud.renew(pay, force=True)
        ferry.once()
        second = cloud.renew(pay, force=True)
        if first["not_before"] == second["not_before"]:
            break
    ferry.once()
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_file("pay", pay)
