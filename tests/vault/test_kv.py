# SPDX-License-Identifier: Apache-2.0
"""The key/value engine: what is looked at, written and marked, and what is refused."""
from tests.vault.harness import ALONE

CHANGED, DELETED, NO_MOUNT, KV1, AMBIGUOUS, SEALED = 1102, 1103, 1104, 1105, 1003, 1101
DATA = '{"tls.key":"k"}'


def test_a_first_version_is_written_and_marked_without_reading_data(client, admin):
    assert client("mount", "secret") == {"line": 0, "version": 0}
    assert client("describe", "secret", "tls/pay")["error"] == "absent"
    assert client("write", "secret", "tls/pay", 0, DATA)["version"] == 1
    assert client("describe", "secret", "tls/pay")["custom"] == []
    assert "error" not in client("mark", "secret", "tls/pay", "certferry-version=1", "source=arn:aws:acm:x")
    seen = client("describe", "secret", "tls/pay")
    assert seen["current"] == 1 and not seen["deleted"] and seen["written"] > 0
    assert sorted(seen["custom"]) == ["certferry-version=1", "source=arn:aws:acm:x"]
    assert admin.do("GET", "secret/data/tls/pay")["data"]["data"] == {"tls.key": "k"}


def test_a_mark_leaves_what_others_say_of_it(client, admin):
    admin.do("POST", "secret/data/tls/pay", {"data": {}})
    admin.do("POST", "secret/metadata/tls/pay", {"custom_metadata": {"owner": "payments", "not_after": "old"}})
    client("mark", "secret", "tls/pay", "not_after=new")
    assert sorted(client("describe", "secret", "tls/pay")["custom"]) == ["not_after=new", "owner=payments"]


def test_of_two_hosts_at_once_one_writes(connect, admin):
    hosts = [connect(), connect()]
    lines = [host.begin("write", "secret", "tls/pay", 0, DATA) for host in hosts]
    said = [host.end(line) for host, line in zip(hosts, lines)]
    refused = [one for one in said if "error" in one]
    assert len(refused) == 1 and (refused[0]["error"], refused[0]["code"]) == ("conflict", CHANGED)
    assert admin.do("GET", "secret/metadata/tls/pay")["data"]["current_version"] == 1


def test_deleted_and_destroyed_versions_keep_their_number(client, admin):
    client("write", "secret", "tls/pay", 0, DATA)
    admin.do("DELETE", "secret/data/tls/pay")
    assert client("describe", "secret", "tls/pay")["deleted"] is True
    assert client("write", "secret", "tls/pay", 0, DATA)["code"] == CHANGED
    assert client("write", "secret", "tls/pay", 1, DATA)["version"] == 2
    assert client("describe", "secret", "tls/pay")["deleted"] is False
    admin.do("POST", "secret/destroy/tls/pay", {"versions": [2]})
    assert client("describe", "secret", "tls/pay")["deleted"] is True


def test_when_its_metadata_are_gone_it_begins_again_at_1(client, admin):
    client("write", "secret", "tls/pay", 0, DATA)
    admin.do("DELETE", "secret/metadata/tls/pay")
    assert client("describe", "secret", "tls/pay")["error"] == "absent"
    assert client("write", "secret", "tls/pay", 0, DATA)["version"] == 1


def test_version_1_of_the_engine_is_refused_before_anything_is_written(connect, admin):
    admin.do("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    admin.policy("certferry", ALONE.replace("secret/", "old/"))
    client = connect()
    said = client("mount", "old")
    assert (said["error"], said["code"]) == ("invalid", KV1)
    assert "version 1" in said["text"] and "kv enable-versioning" in said["text"]


def test_what_version_1_took_all_the_same_is_no_success(connect, admin):
    admin.do("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    admin.policy("certferry", ALONE.replace("secret/", "old/"))
    client = connect()
    assert client("write", "old", "tls/pay", 0, DATA)["code"] == KV1
    assert client("mark", "old", "tls/pay", "a=b")["error"] in ("invalid", "denied")


def test_a_mount_that_is_not_there_is_not_an_absent_secret(client):
    for words in (("mount", "nomount"), ("describe", "nomount", "tls/pay")):
        said = client(*words)
        assert said["error"] in ("denied", "invalid"), said  # a token that may not see it reads the same
    assert client("mount", "nomount")["code"] == NO_MOUNT


def test_a_mount_that_is_gone_is_told_to_whoever_may_ask_for_it(connect, admin):
    admin.policy("certferry", ALONE.replace("secret/", "nomount/"))
    said = connect()("describe", "nomount", "tls/pay")
    assert (said["error"], said["code"]) == ("invalid", NO_MOUNT)


def test_no_right_is_told_with_the_place_to_look(client):
    said = client("describe", "secret", "others/x")
    assert said["error"] == "denied" and "conf/vault" in said["text"] and "look at 'secret/others/x'" in said["text"]
    assert client("write", "secret", "others/x", 0, DATA)["error"] == "denied"


def test_a_namespace_is_in_the_path(connect, admin, tmp_path):
    admin.do("POST", "sys/namespaces/team", {})
    admin.do("POST", "team/sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    admin.policy("certferry", ALONE, namespace="team/")
    client = connect(namespace="team", **admin.approle(tmp_path, namespace="team/"))
    assert "error" not in client("mount", "secret")
    assert client("write", "secret", "tls/pay", 0, DATA)["version"] == 1
    assert admin.ask("GET", "secret/metadata/tls/pay")[0] == 404
    assert admin.do("GET", "team/secret/metadata/tls/pay")["data"]["current_version"] == 1


def test_a_namespace_that_is_not_there_is_told(connect):
    said = connect(namespace="nobody")("mount", "secret")
    assert said["error"] in ("denied", "invalid")


def test_odd_names_arrive_as_they_are(connect, admin):
    client = connect()
    assert client("write", "secret", "tls/a%2Fb+c&d=ä", 0, DATA)["version"] == 1
    assert admin.do("GET", "secret/metadata/tls/a%252Fb+c&d=%C3%A4")["data"]["current_version"] == 1
