# SPDX-License-Identifier: Apache-2.0
"""A server for each test: the stand-in, and where VAULT_SERVER names the program of a real one, that too."""
import os

import pytest

from tests.vault.harness import ALONE, Admin, Client, Real
from tests.vault.server import Server

REAL = os.environ.get("VAULT_SERVER")
collect_ignore = [] if REAL or os.environ.get("LONG") else ["test_lease.py"]


@pytest.fixture(scope="session")
def running_standin():
    with Server() as server:
        yield server


@pytest.fixture
def standin(running_standin):
    """The stand-in, as new; whatever asks it may not make a breach."""
    running_standin.vault.reset()
    Admin(running_standin.address, running_standin.root_token).policy("certferry", ALONE)
    yield running_standin
    assert running_standin.vault.breaches == []


@pytest.fixture(params=["standin", *(["real"] if REAL else [])])
def server(request, tmp_path):
    if request.param == "standin":
        yield request.getfixturevalue("standin")
        return
    real = Real(REAL, tmp_path)
    Admin(real.address, real.root_token).policy("certferry", ALONE)
    yield real
    real.close()


@pytest.fixture
def admin(server):
    return Admin(server.address, server.root_token)


@pytest.fixture
def connect(server, tmp_path):
    """A client, by default with a token of the policy; none outlives its test."""
    clients = []

    def make(**settings):
        if not settings.keys() & {"token_file", "role_id_file"}:
            settings["token_file"] = tmp_path / "token"
            settings["token_file"].write_text(Admin(server.address, server.root_token).token() + "\n")
        clients.append(Client(settings.pop("address", server.address), **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.kill()


@pytest.fixture
def client(connect):
    return connect()
