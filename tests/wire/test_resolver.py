# SPDX-License-Identifier: Apache-2.0
"""Name servers that answer nothing: the loop goes on, and whoever ends the daemon does not wait for them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.vocabulary import BUILD, SLOW

NAMESPACES = ["unshare", "--net", "--mount"]


@pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run([*NAMESPACES, "true"], capture_output=True).returncode != 0,
    reason="namespaces of its own cannot be had",
)
def test_name_servers_that_are_silent(tmp_path):
    script = Path(__file__).with_name("silent_resolver.py")
    done = subprocess.run(
        [*NAMESPACES, "/usr/bin/python3", script, BUILD / "certferryd", tmp_path], capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["asked"], seen
    assert seen["gap"] < 2 * SLOW, seen
    assert seen["ending"] < 2 * SLOW and seen["status"] == 0, seen
