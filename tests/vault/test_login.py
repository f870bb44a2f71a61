# SPDX-License-Identifier: Apache-2.0
"""Tokens: how one is had, kept and had again."""
from tests.vault.harness import look


def test_approle_logs_in_once_however_many_wait(connect, admin, tmp_path):
    client = connect(**admin.approle(tmp_path, secret_id_num_uses=1))
    lines = [client.begin("describe", "secret", f"tls/{number}") for number in range(20)]
    assert {client.end(line)["error"] for line in lines} == {"absent"}


def test_a_secret_id_that_is_used_up_is_told_and_a_new_one_taken(connect, admin, tmp_path):
    settings = admin.approle(tmp_path, secret_id_num_uses=1)
    assert look(connect(**settings))["error"] == "absent"
    client = connect(**settings)
    said = look(client)
    assert said["error"] == "denied" and "invalid role or secret ID" in said["text"] and str(tmp_path) in said["text"]
    admin.secret_id(tmp_path)
    assert look(client)["error"] == "denied"  # nobody asks again for a minute
    client("forget")
    assert look(client)["error"] == "absent"


def test_a_role_id_file_that_is_not_there_is_no_absent_secret(connect, tmp_path):
    said = look(connect(role_id_file=tmp_path / "none", secret_id_file=tmp_path / "none"))
    assert said["error"] == "denied" and str(tmp_path / "none") in said["text"]


def test_a_login_at_a_method_that_is_not_mounted_is_told(connect, admin, tmp_path):
    said = look(connect(**{**admin.approle(tmp_path), "auth_mount": "elsewhere"}))
    assert said["error"] == "denied" and "refused the login" in said["text"]


def test_a_token_that_was_revoked_is_had_again_at_once(connect, admin, tmp_path):
    client = connect(**admin.approle(tmp_path))
    look(client)
    admin.do("DELETE", "auth/approle/role/ferry")
    admin.recreate(tmp_path)
    admin.revoke_all()
    assert look(client)["error"] == "absent"


def test_a_token_that_can_be_used_once_is_had_again_each_time(connect, admin, tmp_path):
    client = connect(**admin.approle(tmp_path, token_num_uses=1))
    assert [look(client)["error"] for _ in range(3)] == ["absent"] * 3


def test_a_token_of_a_file_is_taken_anew_when_the_file_has_another(connect, admin, tmp_path):
    file = tmp_path / "token"
    file.write_text(admin.token() + "\n")
    client = connect(token_file=file)
    look(client)
    admin.do("POST", "auth/token/revoke", {"token": file.read_text().strip()})
    said = look(client)
    assert said["error"] == "denied" and str(file) in said["text"] and file.read_text().strip() not in said["text"]
    file.write_text(admin.token())
    client("forget")
    assert look(client)["error"] == "absent"


def test_a_token_without_the_right_to_look_itself_up_works(connect, admin, tmp_path):
    admin.policy("narrow", 'path "secret/metadata/tls/*" { capabilities = ["read"] }')
    file = tmp_path / "token"
    file.write_text(admin.token(["narrow"]))
    assert look(connect(token_file=file))["error"] == "absent"


def test_what_is_no_token_is_not_sent_or_shown(connect, tmp_path):
    file = tmp_path / "token"
    file.write_text("two words-of-the-secret")
    said = look(connect(token_file=file))
    assert said["error"] == "denied" and "words-of-the-secret" not in said["text"]


def test_nothing_secret_is_logged(connect, admin, tmp_path):
    client = connect(**admin.approle(tmp_path))
    client("write", "secret", "tls/pay", 0, '{"tls.key":"the-private-key"}')
    client("describe", "secret", "others/x")
    log = client.close()
    assert log and not [word for word in ("the-private-key", (tmp_path / "secret-id").read_text()) if word in log]
    assert "X-Vault-Token" not in log and " s." not in log and "hvs." not in log
