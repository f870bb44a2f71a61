# SPDX-License-Identifier: Apache-2.0
"""Logins by the TLS certificate of the connection, as the stand-in and a real server verify it."""
import ssl
import time

import pytest

from tests.cloud import pki
from tests.cloud.tls import Identity
from tests.vault.conftest import REAL
from tests.vault.harness import ALONE, Admin, Client, Real, look
from tests.vault.server import Server


class Host:
    """A CA for clients, and a certificate of it for this host."""

    def __init__(self, directory):
        self.ca = Identity(directory).authority
        key = pki.ec.generate_private_key(pki.ec.SECP256R1())
        now = time.time()
        leaf = pki.issue(key.public_key(), pki.name("host.example"), now - 3600, now + 86400, self.ca, sans=["host.example"],
                         eku=["clientAuth"])  # fmt: skip
        self.certificate_file, self.key_file = directory / "host.pem", directory / "host-key.pem"
        self.certificate_file.write_text(pki.pem(leaf) + pki.pem(self.ca.certificate))
        self.key_file.write_text(pki.key_pem(key))


@pytest.fixture
def host(tmp_path):
    (tmp_path / "host").mkdir()
    return Host(tmp_path / "host")


@pytest.fixture(params=["standin", *(["real"] if REAL else [])])
def server(request, host, tmp_path):
    (tmp_path / "vault").mkdir()
    if request.param == "real":
        real = Real(REAL, tmp_path / "vault", tls=True)
        yield real
        real.close()
        return
    identity = Identity(tmp_path / "vault")
    context = identity.context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=pki.pem(host.ca.certificate))
    with Server(context) as standin:
        standin.ca_file = identity.ca_file
        yield standin


@pytest.fixture
def admin(server, host):
    admin = Admin(server.address, server.root_token, server.ca_file)
    admin.policy("certferry", ALONE)
    admin.do("POST", "sys/auth/cert", {"type": "cert"})
    admin.do("POST", "auth/cert/certs/ferry", {"certificate": pki.pem(host.ca.certificate), "token_policies": "certferry",
                                               "token_ttl": "3s", "token_no_default_policy": True})  # fmt: skip
    return admin


@pytest.fixture
def connect(server, admin, host):
    clients = []

    def make(**settings):
        settings = {"certificate_file": host.certificate_file, "key_file": host.key_file, **settings}
        clients.append(Client(server.address, ca_file=server.ca_file, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.kill()


@pytest.mark.parametrize("role", [None, "ferry"])
def test_the_certificate_of_the_host_logs_in(connect, role):
    client = connect(role=role)
    assert look(client)["error"] == "absent"
    assert client("write", "secret", "tls/pay", 0, "{}")["version"] == 1


def test_a_role_that_is_not_there_is_refused(connect):
    said = look(connect(role="nobody"))
    assert said["error"] == "denied" and "host.pem" in said["text"]


def test_what_is_no_pair_is_told_and_not_sent(connect, host, tmp_path):
    other = pki.ec.generate_private_key(pki.ec.SECP256R1())
    (tmp_path / "other.pem").write_text(pki.key_pem(other))
    said = look(connect(key_file=tmp_path / "other.pem"))
    assert said["error"] == "invalid" and "is not that of the certificate" in said["text"]
    said = look(connect(certificate_file=tmp_path / "none"))
    assert said["error"] == "denied" and str(tmp_path / "none") in said["text"]
