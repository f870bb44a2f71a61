# SPDX-License-Identifier: Apache-2.0
"""Vault as a destination: the stand-in of tests/vault, and a real server where VAULT_SERVER names its program."""

import os
import re
import signal

import pytest

from tests.cloud.tls import Identity
from tests.scenarios.vocabulary import LAYOUTS, Ferry, certificates_in, fingerprint, is_key_of, key_in
from tests.vault.harness import POLICY, Admin, Real
from tests.vault.server import AWS_USER, Server

REAL = os.environ.get("VAULT_SERVER")
PLACE = "secret/{}/tls/pay"
DATA, METADATA = PLACE.format("data"), PLACE.format("metadata")


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return Identity(tmp_path_factory.mktemp("vault-tls"))


def pytest_generate_tests(metafunc):
    """What takes a fault has the stand-in alone: a real server cannot be made to."""
    if "server" in metafunc.fixturenames:
        real = REAL and "vault" not in metafunc.fixturenames
        metafunc.parametrize("server", ["standin", *(["real"] if real else [])], indirect=True)


@pytest.fixture
def server(request, tmp_path):
    if request.param == "real":
        (tmp_path / "vault").mkdir()
        real = Real(REAL, tmp_path / "vault")
        yield real
        real.close()
        return
    with Server() as standin:
        yield standin
        assert standin.vault.breaches == []


@pytest.fixture
def vault(server):
    """The stand-in itself."""
    return server.vault


@pytest.fixture
def admin(server):
    admin = Admin(server.address, server.root_token)
    admin.policy("certferry", POLICY)
    return admin


def destination(server, admin, directory, **more):
    """The destination 'onprem', by AppRole."""
    settings = {name: str(value) for name, value in admin.approle(directory).items() if name != "auth_mount"}
    return {"kind": "vault", "address": server.address, "mount": "secret", "auth": {"method": "approle", **settings}, **more}


@pytest.fixture
def onprem(ferry, server, admin, tmp_path):
    ferry.known["onprem"] = destination(server, admin, tmp_path)
    return ferry


@pytest.fixture
def pay(onprem):
    arn = onprem.issue("pay.example.com")
    deliver(onprem, arn)
    return arn


def deliver(ferry, arn, **more):
    return ferry.carry("pay", arn, {"to": "onprem", "as": "tls/{certificate}", **more})


def current(admin):
    return admin.do("GET", METADATA)["data"]["current_version"]


def custom(admin):
    return admin.do("GET", METADATA)["data"]["custom_metadata"] or {}


def expect_secret(ferry, admin, arn, version, layout="pem"):
    """The current version is this one, holds the source's version with its key, and is marked as such."""
    truth = ferry.truth(arn)
    answer = admin.do("GET", DATA)["data"]
    certificate, chain, key = (answer["data"][member] for member in LAYOUTS[layout])
    assert answer["metadata"]["version"] == version
    assert fingerprint(certificates_in(certificate)[0]) == truth["fingerprint"]
    assert is_key_of(key_in(key), certificates_in(certificate)[0])
    marks = custom(admin)
    assert marks["certferry:source"] == arn and marks["certferry:name"] == "tls/pay"
    assert re.fullmatch("[0-9a-f]{64}", marks[f"certferry:version-{version}"])
    assert marks["fingerprint"] == truth["fingerprint"] and marks["not_after"].endswith("Z")
    assert not [name for name in marks if "intent" in name]
    return answer["data"]


def state(run):
    delivery = run.delivery("pay/onprem")
    return delivery["state"], delivery.get("hold")


def test_a_certificate_is_carried_renewed_and_left_alone(onprem, admin, pay):
    run = onprem.once()
    expect_secret(onprem, admin, pay, 1)
    again = onprem.once()
    assert current(admin) == 1 and again.requests("ExportCertificate") == 0
    onprem.cloud.renew(pay)
    onprem.once()
    expect_secret(onprem, admin, pay, 2)
    assert not [name for name in custom(admin) if name == "certferry:version-1"]
    assert "PRIVATE KEY" not in run.log + again.log


@pytest.mark.parametrize("layout", ["acm", "kubernetes"])
def test_layouts_are_those_of_secrets_manager(onprem, admin, pay, layout):
    onprem.destination("onprem", "onprem", layout=layout).once()
    expect_secret(onprem, admin, pay, 1, layout)


def test_the_record_is_lost_and_nothing_is_written_again(onprem, admin, pay):
    onprem.once()
    onprem.forget_everything()
    onprem.once()
    assert current(admin) == 1


def test_what_others_wrote_is_held_and_let_go_by_name(onprem, admin, pay):
    onprem.once()
    admin.do("POST", DATA, {"data": {"theirs": "x"}})
    run = onprem.once(expect=3)
    assert state(run) == ("held", "foreign") and "version 2" in run.delivery("pay/onprem")["reason"]
    assert admin.do("GET", DATA)["data"]["data"] == {"theirs": "x"}
    onprem.once("--approve=pay/onprem")
    expect_secret(onprem, admin, pay, 3)


def test_a_secret_of_others_is_no_place_for_ours_unless_adopted(onprem, admin, pay):
    admin.do("POST", DATA, {"data": {"theirs": "x"}})
    admin.do("POST", METADATA, {"custom_metadata": {"owner": "payments"}})
    run = onprem.once(expect=1)
    assert "adopt: true" in run.log and current(admin) == 1
    deliver(onprem, pay, adopt=True)
    assert state(onprem.once(expect=3)) == ("held", "foreign")
    onprem.once("--approve=pay/onprem")
    expect_secret(onprem, admin, pay, 2)
    assert custom(admin)["owner"] == "payments"


def test_a_deleted_version_is_told_with_the_way_out(onprem, admin, pay):
    onprem.once()
    admin.do("DELETE", DATA)
    run = onprem.once(expect=1)
    assert "kv undelete" in run.log and current(admin) == 1
    admin.do("DELETE", METADATA)
    onprem.once()
    expect_secret(onprem, admin, pay, 1)


def test_version_1_is_refused_and_gets_nothing(onprem, admin, pay):
    admin.do("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    admin.policy("certferry", POLICY.replace("secret/", "old/"))
    onprem.destination("onprem", "onprem", mount="old")
    run = onprem.once(expect=1)
    assert "version 1" in run.log and "kv enable-versioning" in run.log
    assert admin.ask("GET", "old/data/tls/pay")[0] == 404


def test_a_missing_right_is_told(onprem, admin, pay):
    admin.policy("certferry", POLICY.replace('tls/*" {\n  capabilities = ["update"]', 'tls/*" {\n  capabilities = ["create"]'))
    run = onprem.once(expect=1)
    assert "conf/vault" in run.log and admin.do("GET", METADATA)["data"]["current_version"] == 0
    assert not [name for name in custom(admin) if "intent" in name]
    admin.policy("certferry", POLICY)
    onprem.once()
    expect_secret(onprem, admin, pay, 1)


def test_no_action_of_the_policy_is_too_many(onprem, admin, pay):
    """Without any one of them a first delivery or a renewal fails; so nothing can be taken away."""
    onprem.once()
    for path, taken in (("metadata", "read"), ("metadata", "patch"), ("data", "update")):
        onprem.cloud.renew(pay)
        block = re.compile(rf'(path "secret/{path}/tls/\*" \{{[^}}]*)"{taken}"(, )?')
        admin.policy("certferry", re.sub(r", \]", "]", block.sub(r"\1", POLICY)))
        onprem.once(expect=1)
        admin.policy("certferry", POLICY)
        onprem.once()


def test_two_hosts_at_once_leave_one_version_and_agree(onprem, admin, pay, tmp_path, cloud):
    (tmp_path / "second").mkdir()
    second = Ferry(cloud, tmp_path / "second")
    second.settings = onprem.settings
    second.write()
    runs = [host.launch("--once") for host in (onprem, second)]
    for process in runs:
        process.communicate(timeout=60)
    onprem.once()
    second.once()
    expect_secret(onprem, admin, pay, current(admin))
    second.end()


def test_a_sealed_server_and_a_busy_one_are_waited_for(onprem, admin, vault, pay):
    vault.sealed = True
    run = onprem.once(expect=1)
    assert "is sealed" in run.log
    vault.sealed = False
    vault.fault("secret/", 429, {"errors": ["rate limit quota exceeded"]})
    onprem.once()
    expect_secret(onprem, admin, pay, 1)


def die(ferry, vault, step, close="before"):
    """Run until this request is at the server, and end there; whether it is carried out afterwards says close."""
    vault.fault(step, delay=0.3, close=close)
    process = ferry.launch("--once")
    ferry.wait_for(lambda: not vault.faults[-1]["times"])
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    ferry.wait_for(lambda: vault.count(step) == 1)


@pytest.mark.parametrize("step", ["POST secret/metadata", "POST secret/data", "PATCH secret/metadata"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_midway_it_is_written_once_more_at_most(onprem, admin, vault, pay, step, when):
    die(onprem, vault, step, when)
    written = when == "after" and step == "POST secret/data" or step.startswith("PATCH")
    marked = when == "after" and step.startswith("PATCH")
    onprem.once()
    expect_secret(onprem, admin, pay, 2 if written and not marked else 1)


def test_killed_midway_what_others_then_wrote_is_not_taken_for_ours(onprem, admin, vault, pay):
    die(onprem, vault, "PATCH secret/metadata")
    admin.do("POST", DATA, {"data": {"theirs": "x"}})
    assert state(onprem.once(expect=3)) == ("held", "foreign")
    assert admin.do("GET", DATA)["data"]["data"] == {"theirs": "x"}


def test_without_the_record_an_unmarked_version_is_of_unknown_origin(onprem, admin, vault, pay):
    die(onprem, vault, "PATCH secret/metadata")
    onprem.forget_everything()
    assert state(onprem.once(expect=3)) == ("held", "foreign")
    assert current(admin) == 1


def test_a_lost_answer_is_written_again(onprem, admin, vault, pay):
    vault.fault("POST secret/data", close="after")
    onprem.once(expect=1)
    onprem.once()
    expect_secret(onprem, admin, pay, 2)


def test_nothing_of_the_data_is_ever_read(onprem, admin, vault, pay):
    onprem.once()
    onprem.cloud.renew(pay)
    onprem.once()
    assert vault.count("GET secret/data") == 0 and vault.count("POST secret/data") == 2


def test_the_host_logs_in_as_who_it_is_in_aws(onprem, admin, vault, pay, monkeypatch):
    environment = onprem.environment()
    monkeypatch.setitem(AWS_USER, "AWS_ACCESS_KEY_ID", environment["AWS_ACCESS_KEY_ID"])
    monkeypatch.setitem(AWS_USER, "AWS_SECRET_ACCESS_KEY", environment["AWS_SECRET_ACCESS_KEY"])
    monkeypatch.setitem(AWS_USER, "AWS_SESSION_TOKEN", environment.get("AWS_SESSION_TOKEN"))
    admin.do("POST", "sys/auth/aws", {"type": "aws"})
    admin.do("POST", "auth/aws/role/ferry", {"token_policies": "certferry", "token_ttl": "1h"})
    onprem.destination("onprem", "onprem", auth={"method": "aws", "role": "ferry"}).once()
    expect_secret(onprem, admin, pay, 1)
    assert len(vault.proofs) == 1


def test_its_own_ca(ferry, identity, tmp_path, cloud):
    with Server(identity.context()) as server:
        plain = Server()
        plain.vault, plain.http.RequestHandlerClass.vault = server.vault, server.vault
        with plain:
            admin = Admin(plain.address, plain.root_token)
            admin.policy("certferry", POLICY)
            ferry.known["onprem"] = destination(server, admin, tmp_path, ca_file=str(identity.ca_file))
            arn = ferry.issue("pay.example.com")
            deliver(ferry, arn).once()
            expect_secret(ferry, admin, arn, 1)
            ferry.destination("onprem", "onprem", ca_file="/etc/ssl/certs/ca-certificates.crt")
            cloud.renew(arn)
            count = len(server.vault.journal)
            assert "certificate" in ferry.once(expect=1).log and len(server.vault.journal) == count


def test_a_file_that_cannot_be_read_is_named(onprem, pay, tmp_path):
    (tmp_path / "role-id").unlink()
    assert f"certferryd cannot read '{tmp_path / 'role-id'}'" in onprem.once(expect=1).log
