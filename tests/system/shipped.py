# SPDX-License-Identifier: Apache-2.0
"""What is installed, before anything runs."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tests.system.bed import contains, equal, run, show, test, unit

UNIT = "/lib/systemd/system/certferryd.service"
TELLER = "/lib/systemd/system/certferry-failed.service"
INSTALLER = "/lib/systemd/system/certferry-install@.service"
LIMIT = "11"  # tenths
# It is root until it has read what only root may read, and may become nobody.
TELLER_LIMIT = "20"
# It is root, reads what is the daemon's user's, and gives files away.
INSTALLER_LIMIT = "14"


@test
def shipped_unit_is_hardly_exposed():
    for unit_file, limit in ((UNIT, LIMIT), (TELLER, TELLER_LIMIT), (INSTALLER, INSTALLER_LIMIT)):
        done = run("systemd-analyze", "security", "--offline=true", f"--threshold={limit}", unit_file, check=False)
        equal(done.returncode, 0, done.stdout.splitlines()[-1])


@test
def shipped_unit_is_understood():
    for unit_file in (UNIT, TELLER, INSTALLER):
        done = run("systemd-analyze", "verify", "--man=no", unit_file, check=False)
        equal((done.returncode, [line for line in done.stderr.splitlines() if "certferry" in line]), (0, []))
    equal(show("certferryd.service", "OnFailure"), "certferry-failed.service")
    equal(show("certferryd.service", "LoadState"), "loaded")
    equal(show("certferryd.service", "StartLimitIntervalUSec", "TasksMax", "LimitNPROC"), ["0", "128", "256"])
    equal(show("certferryd.service", "RestartPreventExitStatus"), "2 4 216 217")


@test
def shipped_unit_explains_its_sandbox():
    """Each line of the sandbox stands under a comment."""
    lines = Path(UNIT).read_text().split("# -- Limits")[1].split("[Install]")[0].splitlines()[1:]
    lines += Path(INSTALLER).read_text().split("# -- Limits")[1].splitlines()[1:]
    explained = False
    for line in lines + Path(TELLER).read_text().split("# -- Privileges")[1].splitlines()[1:]:
        if line.startswith("# --"):
            explained = False
        elif line.startswith("#"):
            explained = True
        elif line and not explained:
            raise AssertionError(f"{line} is not explained")


@test
def shipped_users_are_made():
    equal(run("getent", "passwd", "certferry").stdout.split(":")[5:], ["/var/lib/certferry", "/usr/sbin/nologin"])
    contains(run("getent", "group", "certferry-admin").stdout, "certferry-admin")
    equal(run("stat", "-c", "%a %U:%G", "/etc/certferry").stdout, "755 root:root")
    equal(run("stat", "-c", "%a %U:%G", "/var/lib/certferry-tls").stdout, "2750 certferry:certferry")


@test
def shipped_directory_keeps_the_group_that_an_administrator_gave_it():
    """As an upgrade does it: by the names of the shipped files."""
    files, own = "/var/lib/certferry-tls", Path("/etc/tmpfiles.d/certferry-tls.conf")
    own.write_text(Path("/usr/lib/tmpfiles.d/certferry-tls.conf").read_text().replace(" certferry -", " daemon -"))
    run("systemd-tmpfiles", "--create", "certferry.conf", "certferry-tls.conf")
    equal(run("stat", "-c", "%a %U:%G", files).stdout, "2750 certferry:daemon")
    own.unlink()
    run("systemd-tmpfiles", "--create", "certferry.conf", "certferry-tls.conf")
    equal(run("stat", "-c", "%a %U:%G", files).stdout, "2750 certferry:certferry")


@test
def shipped_polkit_actions_are_known():
    actions = run("pkaction").stdout.split()
    policy = ElementTree.parse("/usr/share/polkit-1/actions/org.certferry1.policy")
    for action in policy.iter("action"):
        equal(action.get("id") in actions, True, action.get("id"))
    contains(run("pkaction", "--verbose", "--action-id", "org.certferry1.sync").stdout, "auth_admin_keep", "unix-user:")
    for name in ("approve-trust", "withdraw"):
        said = run("pkaction", "--verbose", "--action-id", f"org.certferry1.{name}").stdout
        equal(re.findall(r"implicit \w+: +(\S+)", said), ["auth_admin"] * 3, name)


@test
def shipped_dropins_are_understood():
    examples = Path(__file__).resolve().parents[2] / "systemd/drop-ins"
    service = Path(UNIT).read_text()
    for example in sorted(examples.glob("*.conf")):
        name = unit(f"example-{example.stem}.service", service)
        unit(f"{name}.d/{example.name}", example.read_text())
        done = run("systemd-analyze", "verify", "--man=no", name, check=False)
        complaints = [line for line in done.stderr.splitlines() if re.search(r"example-|\.conf", line)]
        equal(complaints, [], example.name)
        done = run("systemd-analyze", "security", "--offline=true", f"--threshold={LIMIT}", name, check=False)
        equal(done.returncode, 0, example.name)
