# SPDX-License-Identifier: Apache-2.0
"""Logins by AWS's IAM: a signed GetCallerIdentity, which the stand-in verifies as STS does."""

import pytest

from tests.vault.harness import look
from tests.vault.server import AWS_USER


@pytest.fixture
def server(standin):
    return standin


@pytest.fixture
def login(connect, admin, tmp_path):
    """A client with these variables instead of the user's."""
    admin.do("POST", "sys/auth/aws", {"type": "aws"})
    admin.do("POST", "auth/aws/role/ferry", {"token_policies": "certferry", "token_ttl": "1h"})

    def make(role="ferry", server_id=None, sts_region=None, **variables):
        environment = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none"),
                       "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), **AWS_USER, **variables}  # fmt: skip
        return connect(role_id_file=None, aws=1, environment=environment, role=role, server_id=server_id, sts_region=sts_region)

    return make


@pytest.mark.parametrize("region, host", [(None, "sts.amazonaws.com"), ("eu-west-1", "sts.eu-west-1.amazonaws.com")])
def test_a_session_proves_itself_to_the_sts_that_is_asked(login, standin, region, host):
    assert look(login(sts_region=region))["error"] == "absent"
    assert [proof[:2] for proof in standin.vault.proofs] == [(region or "us-east-1", host)]


def test_a_server_id_is_signed(login, admin, standin):
    admin.do("POST", "auth/aws/config/client", {"iam_server_id_header_value": "vault.example"})
    assert look(login(server_id="vault.example"))["error"] == "absent"
    assert "x-vault-aws-iam-server-id" in standin.vault.proofs[0][2]
    for server_id in (None, "elsewhere"):
        said = look(login(server_id=server_id))
        assert said["error"] == "denied" and "X-Vault-AWS-IAM-Server-ID" in said["text"]


def test_refusals_say_whose_they_are(login):
    assert "entry for role nobody not found" in look(login(role="nobody"))["text"]
    said = look(login(AWS_SECRET_ACCESS_KEY="another"))
    assert said["error"] == "denied" and "error making upstream request" in said["text"] and "another" not in said["text"]


def test_no_credentials_are_no_absent_secret(login):
    said = look(login(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_SESSION_TOKEN=""))
    assert said["error"] == "denied" and "AWS login" in said["text"]


def test_an_sts_that_does_not_answer_is_waited_for(login, standin):
    standin.vault.fault("auth/aws/login", 400, {"errors": ["error making upstream request: giving up after 4 attempt(s)"]})
    assert look(login())["error"] == "absent"


def test_each_login_is_signed_anew(login, admin, standin):
    client = login()
    look(client)
    standin.vault.tokens = {name: token for name, token in standin.vault.tokens.items() if token.owner is None}
    assert look(client)["error"] == "absent" and len(standin.vault.proofs) == 2
    log = client.close()
    assert "session-token" not in log and "secret/of" not in log
