# SPDX-License-Identifier: Apache-2.0
"""What only the stand-in can show: servers that are sealed, standby, busy, slow or somebody else, and requests that are lost.

Real servers cannot be made to: standby, performance standby, disaster recovery secondaries, quotas, 412.
"""
import ssl

import pytest

from tests.cloud.tls import Identity
from tests.vault.harness import POLICY, Admin, Client, look, wait_for
from tests.vault.policy import parse
from tests.vault.server import Server
from tests.vault.test_kv import AMBIGUOUS, CHANGED, DATA, SEALED

LOOK = "GET secret/metadata/"
WRITE = "POST secret/data/"


@pytest.fixture
def server(standin):
    return standin


@pytest.fixture
def vault(standin):
    return standin.vault


def test_a_sealed_server_is_named_as_such_and_the_token_survives(client, vault):
    look(client)
    vault.sealed = True
    said = look(client)
    assert (said["error"], said["code"]) == ("retry", SEALED) and "unseal it" in said["text"]
    vault.sealed = False
    assert look(client)["error"] == "absent" and vault.count("lookup-self") == 1


def test_a_login_at_a_sealed_server_is_no_refusal(connect, admin, vault, tmp_path):
    client = connect(**admin.approle(tmp_path))
    vault.sealed = True
    assert look(client)["code"] == SEALED
    vault.sealed = False
    assert look(client)["error"] == "absent"  # nobody waits for a minute


@pytest.mark.parametrize("status, headers, words", [
    (307, {"Location": "https://active.example:8200/v1/x"}, "names https://active.example"),
    (472, {}, "disaster recovery secondary"),
    (473, {}, "performance standby"),
])  # fmt: skip
def test_servers_that_do_not_serve_are_told_apart(client, vault, status, headers, words):
    vault.fault(LOOK, status, {"errors": []}, headers)
    said = look(client)
    assert said["error"] == "retry" and words in said["text"] and vault.count(LOOK) == 1


def test_what_another_node_wrote_is_waited_for(client, vault):
    vault.fault(LOOK, 412, {"errors": ["required index state not present"]}, times=2)
    assert look(client)["error"] == "absent" and vault.count(LOOK) == 3


def test_too_many_requests_are_fewer_afterwards(client, vault):
    vault.fault(LOOK, 429, {"errors": ["request path \"secret/metadata/tls/pay\": rate limit quota exceeded"]}, {"Retry-After": "1"})
    assert look(client)["error"] == "absent" and vault.count(LOOK) == 2
    vault.fault(LOOK, 429, {"errors": ["rate limit quota exceeded"]}, times=9)
    said = look(client)
    assert said["error"] == "retry" and "rate limit quota" in said["text"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_trouble_that_passes_is_waited_out(client, vault, status):
    vault.fault(LOOK, status, b"<html>bad gateway</html>" if status == 502 else {"errors": ["internal error"]}, times=2)
    assert look(client)["error"] == "absent" and vault.count(LOOK) == 3


@pytest.mark.parametrize("status, body", [(200, b"<html>log in</html>"), (200, b"[]"), (404, b"<html>nothing</html>"), (403, b"no"), (204, None)])
def test_somebody_elses_answer_says_nothing_of_the_secret(client, vault, status, body):
    vault.fault(LOOK, status, body, times=9)
    assert look(client)["error"] == "retry"


def test_a_write_is_sent_once(client, vault):
    vault.fault(WRITE, close="after")
    said = client("write", "secret", "tls/pay", 0, DATA)
    assert (said["error"], said["code"]) == ("retry", AMBIGUOUS) and vault.count(WRITE) == 1
    assert client("describe", "secret", "tls/pay")["current"] == 1
    assert client("write", "secret", "tls/pay", 0, DATA)["code"] == CHANGED


@pytest.mark.parametrize("status", [500, 503])
def test_of_a_write_that_ended_in_trouble_nothing_is_known(client, vault, status):
    vault.fault(WRITE, status, {"errors": ["context deadline exceeded"]})
    said = client("write", "secret", "tls/pay", 0, DATA)
    assert said["code"] == AMBIGUOUS and vault.count(WRITE) == 1


def test_a_write_that_is_refused_for_its_token_is_sent_again(connect, admin, vault, tmp_path):
    client = connect(**admin.approle(tmp_path))
    look(client)
    admin.revoke_all()
    assert client("write", "secret", "tls/pay", 0, DATA)["version"] == 1
    assert vault.count("POST auth/approle/login") == 2


def test_a_look_that_is_cut_off_is_made_again(client, vault):
    vault.fault(LOOK, close="before", times=2)
    assert look(client)["error"] == "absent"


def test_slow_answers_hold_up_nobody_else(client, vault):
    vault.fault(LOOK + "tls/slow", delay=3)
    slow = client.begin("describe", "secret", "tls/slow")
    assert look(client)["error"] == "absent" and slow not in client.said
    assert client.end(slow)["error"] == "absent"


def test_a_client_that_is_killed_while_it_writes_leaves_a_version_or_none(connect, vault):
    first = connect()
    vault.fault(WRITE, delay=1)
    first.begin("write", "secret", "tls/pay", 0, DATA)
    wait_for(lambda: not vault.faults[-1]["times"])
    first.kill()
    wait_for(lambda: vault.count(WRITE) == 1)
    second = connect()
    assert second("describe", "secret", "tls/pay")["current"] == 1
    assert second("write", "secret", "tls/pay", 1, DATA)["version"] == 2


def test_one_login_serves_all(connect, admin, vault, tmp_path):
    client = connect(**admin.approle(tmp_path))
    for line in [client.begin("describe", "secret", f"tls/{number}") for number in range(20)]:
        assert client.end(line)["error"] == "absent"
    assert vault.count("POST auth/approle/login") == 1


def test_many_that_are_denied_make_no_login_each(connect, admin, vault, tmp_path):
    client = connect(**admin.approle(tmp_path))
    for line in [client.begin("describe", "secret", f"others/{number}") for number in range(20)]:
        assert client.end(line)["error"] == "denied"
    assert vault.count("POST auth/approle/login") == 1 and vault.count(LOOK) == 20


def test_a_login_that_finds_trouble_is_made_again(connect, admin, vault, tmp_path):
    vault.fault("auth/approle/login", 503, {"errors": ["internal error"]}, times=2)
    assert look(connect(**admin.approle(tmp_path)))["error"] == "absent"


def test_renewals_of_all_outcomes(connect, admin, vault, tmp_path):
    """204 renews nothing; 500 and 403 do not either: each is a login."""
    vault.fault("renew-self", 204)
    vault.fault("renew-self", 500, {"errors": ["failed to renew entry: user no longer exists"]})
    vault.fault("renew-self", 403, {"errors": ["permission denied"]})
    client = connect(**admin.approle(tmp_path, token_ttl="1s"))
    wait_for(lambda: look(client)["error"] == "absent" and vault.count("POST auth/approle/login") >= 4)
    assert vault.count("POST auth/token/renew-self") == 3


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return Identity(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("flaw", [None, "untrusted", "expired", "wrong-name"])
def test_only_who_is_trusted_gets_a_token(identity, flaw, tmp_path):
    (tmp_path / "token").write_text("s.token-of-the-test")
    with Server(identity.context(flaw)) as server:
        client = Client(server.address, ca_file=identity.ca_file, token_file=tmp_path / "token")
        said = look(client)
        client.kill()
        asked = bool(server.vault.journal)
    assert (said["error"], asked) == (("denied", True) if flaw is None else ("invalid", False))


@pytest.mark.parametrize("address", ["http://vault.example:8200", "ftp://vault", "vault", ""])
def test_an_address_that_would_show_keys_is_refused(address, tmp_path):
    client = Client(address, token_file=tmp_path / "token")
    assert client.process.wait(60) == 3
    client.kill()


def test_the_policy_gives_no_read_on_data():
    rules = dict(parse(POLICY))
    assert rules["secret/data/tls/*"] == {"update"} and not any("*" in path.split("/tls/")[0] for path in rules)
