# SPDX-License-Identifier: Apache-2.0
"""Runs in the container: install what was staged, make the users, run the tests."""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.system import bed


def install(stage):
    shutil.copytree(stage, "/", dirs_exist_ok=True, symlinks=True)
    bed.run("systemd-sysusers")
    bed.run("systemd-tmpfiles", "--create", "certferry.conf", "certferry-tls.conf")
    bed.run("journalctl", "--update-catalog", check=False)
    bed.run("systemctl", "daemon-reload")
    # polkit sees new actions and rules by itself, but not always at once.
    bed.run("systemctl", "start", "dbus.service", "polkit.service")
    bed.run("systemctl", "reload-or-restart", "dbus.service")
    bed.run("systemctl", "restart", "polkit.service")


def keep_evidence(results):
    with open(results / "journal", "wb") as file:
        subprocess.run(["journalctl", "-o", "short-precise", "--no-pager"], stdout=file, check=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stage", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--modules", required=True, help="the modules that register their tests, between commas")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    for name in options.modules.split(","):
        importlib.import_module(name)
    install(options.stage)
    bed.run_tests(options.patterns, lambda line: print(line, flush=True))
    keep_evidence(options.results)
    print("# end of tests", flush=True)


if __name__ == "__main__":
    sys.exit(main())
