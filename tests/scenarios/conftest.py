# SPDX-License-Identifier: Apache-2.0
"""One cloud and one bus for all scenarios; each scenario finds them as new, with a host of its own."""

import subprocess

import pytest

from tests.cloud.harness import Cloud
from tests.scenarios.host import Host
from tests.scenarios.vocabulary import Ferry


@pytest.fixture(scope="session")
def running_cloud():
    with Cloud(log=subprocess.DEVNULL) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def running_host():
    with Host() as host:
        yield host


@pytest.fixture
def cloud(running_cloud):
    running_cloud.reset()
    return running_cloud


@pytest.fixture
def ferry(cloud, tmp_path):
    """A host without a system bus."""
    ferry = Ferry(cloud, tmp_path)
    yield ferry
    ferry.end()


@pytest.fixture
def host(running_host):
    running_host.reset()
    yield running_host
    running_host.pause.set()


@pytest.fixture
def bus_ferry(cloud, host, tmp_path):
    """A host with systemd and polkit on its bus."""
    ferry = Ferry(cloud, tmp_path, host)
    yield ferry
    ferry.end()
