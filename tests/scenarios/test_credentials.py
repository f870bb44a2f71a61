# SPDX-License-Identifier: Apache-2.0
"""Where the host's credentials come from: a pod's token, a container's agent, an instance's metadata service, a program."""

import http.server
import json
import threading
import time

import pytest

from tests.cloud.harness import DESTINATION, SECOND, SOURCE

PROVIDER = "id.example.com/cluster"
SUBJECT = "system:serviceaccount:ferry:certferry"
EC2 = "ec2.amazonaws.com"


class Metadata(http.server.BaseHTTPRequestHandler):
    """An instance's metadata service and a container's agent in one; what is asked is written down."""

    def log_message(self, *_):
        pass

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        self.server.asked.append(self.path)
        self.answer(200, "imds-token")

    def do_GET(self):
        self.server.asked.append(self.path)
        proof = self.headers.get("x-aws-ec2-metadata-token") or self.headers.get("Authorization")
        if self.server.down or proof not in ("imds-token", self.server.token):
            self.answer(503 if self.server.down else 401, "")
        elif self.path.endswith("/security-credentials/"):
            self.answer(200, "certferry-host")
        else:
            self.answer(200, self.server.grant())


def metadata_server(cloud):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    server.asked, server.down, server.token, server.seconds = [], False, "pod-proof", 3600
    server.role = cloud.add_role(account=SOURCE, name="instance", trust=trust(Service=EC2))

    def grant():
        keys = cloud.session(role_arn=server.role, seconds=server.seconds, service=EC2)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + server.seconds))
        return json.dumps({"Code": "Success", "AccessKeyId": keys["access_key"], "Expiration": expires,
                           "SecretAccessKey": keys["secret_key"], "Token": keys["session_token"]})  # fmt: skip

    server.grant, server.url = grant, f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


metadata = pytest.fixture(metadata_server)


def trust(action="sts:AssumeRole", **principal):
    statement = {"Effect": "Allow", "Action": action, "Principal": principal}
    if "Federated" in principal:
        statement["Condition"] = {"StringEquals": {f"{PROVIDER}:sub": SUBJECT}}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def host_ferry(ferry):
    """A host that has what credentials it finds, and no role beyond them."""
    for name in ("role_arn", "external_id"):
        ferry.settings["source"].pop(name)
    ferry.variables = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(ferry.directory),
                       "AWS_EC2_METADATA_DISABLED": "false"}  # fmt: skip
    return ferry


def test_pod_with_a_token(host_ferry, cloud):
    provider = f"arn:aws:iam::{SOURCE}:oidc-provider/{PROVIDER}"
    role = cloud.add_role(
        account=SOURCE, name="pod", trust=trust("sts:AssumeRoleWithWebIdentity", Federated=provider)
    )
    token = host_ferry.directory / "token"
    token.write_text(cloud.identity_token(provider=PROVIDER, subject=SUBJECT) + "\n")
    host_ferry.variables.update(AWS_WEB_IDENTITY_TOKEN_FILE=str(token), AWS_ROLE_ARN=role)
    pay = host_ferry.issue("pay.example.com")
    run = host_ferry.carry("pay", pay, "files").once("--log-level", "debug")
    host_ferry.expect_file("pay", pay)
    assert run.requests("AssumeRoleWithWebIdentity") == 1
    assert all(entry["principal"].startswith(f"arn:aws:sts::{SOURCE}:assumed-role/pod/certferry-")
               for entry in run.requests.select("ListCertificates"))  # fmt: skip
    assert token.read_text().strip() not in run.log + run.out
    token.write_text("made.up.token")
    run = host_ferry.once(expect=1)
    assert "InvalidIdentityToken" in run.log and "made.up" not in run.log


def test_instance(host_ferry, metadata):
    host_ferry.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.url
    host_ferry.variables["http_proxy"] = "http://127.0.0.1:9"  # nobody is there
    pay = host_ferry.issue("pay.example.com")
    host_ferry.carry("pay", pay, "files").once()
    host_ferry.expect_file("pay", pay)
    path = "/latest/meta-data/iam/security-credentials/"
    assert metadata.asked == ["/latest/api/token", path, path + "certferry-host"]


def test_the_role_of_an_instance_as_it_is_shipped(ferry, cloud, metadata):
    """conf/iam alone: host-trust.json and host.json, and the roles that admit role/certferry-host."""
    metadata.role = cloud.add_role(
        account=SOURCE, name="certferry-host", trust=cloud.shipped_policy(name="host-trust.json"),
        policies={"certferry": cloud.shipped_policy(name="host.json")},
    )  # fmt: skip
    ferry.variables = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(ferry.directory),
                       "AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url}  # fmt: skip
    pay = ferry.issue("pay.example.com")
    run = ferry.carry("pay", pay, "both", "files").once()
    ferry.expect_file("pay", pay)
    for account in (DESTINATION, SECOND):
        ferry.expect_import(account, pay)
    assert {entry["principal"].split("/")[1] for entry in run.requests.select("AssumeRole")} == {"certferry-host"}


def test_container_with_a_token_file(host_ferry, metadata):
    token = host_ferry.directory / "agent-token"
    token.write_text("wrong")
    host_ferry.variables.update(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=metadata.url + "/v1", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(token)
    )
    pay = host_ferry.issue("pay.example.com")
    run = host_ferry.carry("pay", pay, "files").once(expect=1)
    assert "credentials of this container" in run.log and "status 401" in run.log
    token.write_text(metadata.token)
    run = host_ferry.once("--log-level", "debug")
    host_ferry.expect_file("pay", pay)
    assert metadata.token not in run.log


def test_program(host_ferry, metadata):
    script = host_ferry.directory / "a helper"
    script.write_text("#!/bin/sh\nexec sed 's/^{/{\"Version\": 1, /; s/\"Token\"/\"SessionToken\"/' \"$1\"\n")
    script.chmod(0o700)
    answer = host_ferry.directory / "$(id) answer"
    answer.write_text(metadata.grant())
    profile = host_ferry.directory / ".aws" / "config"
    profile.parent.mkdir()
    profile.write_text(f"[default]\ncredential_process = '{script}' '{answer}'\n")
    pay = host_ferry.issue("pay.example.com")
    host_ferry.carry("pay", pay, "files").once()
    host_ferry.expect_file("pay", pay)
    answer.unlink()
    run = host_ferry.once(expect=1)
    assert "credential_process" in run.log


@pytest.mark.parametrize("what", ["profile", "program", "bundle"])
@pytest.mark.parametrize("where", ["file", "directory above"])
def test_what_everybody_may_change_is_not_used(host_ferry, cloud, what, where):
    """Who can write there decides what runs, who this host is, or whom it trusts."""
    ran = host_ferry.directory / "ran"
    places = {name: host_ferry.directory / name / "below" for name in ("profile", "program", "bundle")}
    for name, place in places.items():
        place.mkdir(parents=True)
        if where != "file" and name == what:
            place.parent.chmod(0o777)
            what = None
    script = places["program"] / "helper"
    script.write_text(f"#!/bin/sh\ntouch '{ran}'\n")
    script.chmod(0o777 if what == "program" else 0o755)
    profile = places["profile"] / "config"
    profile.write_text(f"[default]\ncredential_process = '{script}'\n")
    profile.chmod(0o666 if what == "profile" else 0o664)
    bundle = places["bundle"] / "bundle.pem"
    bundle.write_bytes(open(cloud.ca, "rb").read())
    bundle.chmod(0o646 if what == "bundle" else 0o644)
    host_ferry.variables.update(AWS_CONFIG_FILE=str(profile), AWS_CA_BUNDLE=str(bundle))
    run = host_ferry.carry("pay", host_ferry.issue("pay.example.com"), "files").run("--once")
    assert run.status in (1, 2) and not ran.exists()
    assert ("everybody could change" if where == "file" else "others can rename what is in") in run.log
    assert "chmod o-w" in run.log


def test_doubled_members_are_no_credentials(host_ferry, metadata):
    grant = json.loads(metadata.grant())
    text = json.dumps({"Version": 1, **grant, "SessionToken": grant["Token"]})
    answer = host_ferry.directory / "answer"
    answer.write_text(text[:-1] + ', "AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}')
    profile = host_ferry.directory / "config"
    profile.write_text(f"[default]\ncredential_process = /bin/cat '{answer}'\n")
    host_ferry.variables["AWS_CONFIG_FILE"] = str(profile)
    run = host_ferry.carry("pay", host_ferry.issue("pay.example.com"), "files").once(expect=1)
    assert "credential_process" in run.log and run.requests.entries == []
