# SPDX-License-Identifier: Apache-2.0
"""One cloud and one front before it for all; each test finds them as new."""

import subprocess

import pytest

from tests.cloud.harness import Cloud
from tests.scenarios.vocabulary import Ferry
from tests.wire.front import Front


@pytest.fixture(scope="session")
def running_front(tmp_path_factory):
    with Cloud(log=subprocess.DEVNULL) as cloud, Front(cloud, tmp_path_factory.mktemp("front")) as front:
        yield front


@pytest.fixture
def front(running_front):
    running_front.reset()
    running_front.cloud.reset()
    return running_front


@pytest.fixture
def cloud(front):
    return front.cloud


@pytest.fixture
def ferry(front, tmp_path):
    """A host whose way to AWS leads through the front."""
    ferry = Ferry(front.cloud, tmp_path)
    ferry.variables.update(front.environment)
    yield ferry
    ferry.end()
