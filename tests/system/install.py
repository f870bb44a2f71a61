# SPDX-License-Identifier: Apache-2.0
"""certferry-install@.service in its sandbox: what root decided is installed, and nothing that the daemon's user did."""

import contextlib
import os
import shutil
from pathlib import Path

from tests.system.bed import contains, equal, fingerprint, journal, run, show, test
from tests.system.dependents import rule, tell
from tests.system.world import FILES, RULES, stat_words, world

PLACE = Path("/etc/certferry/install")
TARGETS = Path("/var/lib/certferry-install")
# By the name that systemd gives its output: it is often gone before journald can ask who it was.
SAID = "SYSLOG_IDENTIFIER=certferry-install"
WEB = f"directory={FILES}\nas=web\ntarget={TARGETS}/web\nowner=nobody\ngroup=ssl-cert\nmode=0640\n"


def start(name):
    """"" or what the journal has of the failure."""
    unit = f"certferry-install@{name}.service"
    run("systemctl", "reset-failed", unit, check=False)
    before = len(journal(SAID))
    if run("systemctl", "start", unit, check=False).returncode == 0:
        return ""
    equal(show(unit, "Result"), "exit-code")
    equal(show(unit, "ExecMainStatus"), "1")
    (said,) = journal(SAID)[before:]
    equal(said["PRIORITY"], "3")
    return said["MESSAGE"]


@contextlib.contextmanager
def instance(name, text, mode=0o644):
    path = PLACE / f"{name}.conf"
    path.write_text(text)
    path.chmod(mode)
    try:
        yield path
    finally:
        path.unlink()
        shutil.rmtree(TARGETS / name, ignore_errors=True)


@test
def install_gives_files_to_their_owner():
    world()
    with instance("web", WEB):
        equal(start("web"), "")
        equal(stat_words(TARGETS), "0755 root:root")
        equal(stat_words(TARGETS / "web"), "0755 root:root")
        for file in ("fullchain.pem", "privkey.pem"):
            equal(stat_words(TARGETS / "web" / file), "0640 nobody:ssl-cert")
            equal((TARGETS / "web" / file).read_bytes(), (FILES / "web" / file).read_bytes())
        first = os.readlink(TARGETS / "web/..data")
        world().renew("web")
        run("certferry", "sync", "web", check=False)
        equal(start("web"), "")
        equal(os.readlink(TARGETS / "web/..data") != first, True, "it is switched")
        equal(fingerprint(TARGETS / "web/fullchain.pem"), world().fingerprint("web"))
        said = journal(SAID)[-1]
        equal(said["PRIORITY"], "6")
        contains(said["MESSAGE"], "Installed version", f"'web' in '{TARGETS}/web'; it expires 20")


@test
def install_believes_nothing_of_the_daemons_user():
    """Each of these steps he can take himself; what is installed stays."""
    world()
    (FILES / "web/..kept").unlink(missing_ok=True)
    data = os.readlink(FILES / "web/..data")
    version = FILES / "web" / data
    with instance("web", WEB):
        equal(start("web"), "")
        before = os.readlink(TARGETS / "web/..data")

        def attack(*command, undo, says):
            run(*command, user="certferry")
            try:
                contains(start("web"), *says)
                equal(os.readlink(TARGETS / "web/..data"), before)
            finally:
                run(*undo, user="certferry")

        link = FILES / "web/..data"
        attack("ln", "-sfn", "/etc", link, undo=("ln", "-sfn", data, link), says=["does not say"])
        key, kept = version / "privkey.pem", version / "kept"
        put_back = ("mv", "-f", kept, key)
        run("mv", key, kept, user="certferry")
        try:
            attack("ln", "-s", "/etc/shadow", key, undo=("rm", key), says=["symbolic link"])
            attack("mkfifo", key, undo=("rm", key), says=["not a regular file"])
            attack("ln", kept, key, undo=("rm", key), says=["2 names"])
            attack("cp", FILES / "mail/privkey.pem", key, undo=("rm", key), says=["does not belong to the certificate"])
            attack("truncate", "-s", "2M", key, undo=("rm", key), says=["more than the limit"])
        finally:
            run(*put_back, user="certferry")
        versions, moved = FILES / ".versions", FILES / ".moved"
        run("mv", versions, moved, user="certferry")
        attack("ln", "-s", moved, versions, undo=("rm", versions), says=["symbolic link"])
        run("mv", moved, versions, user="certferry")
        equal(start("web"), "")


@test
def install_takes_what_root_alone_decides():
    world()
    contains(start("nothing"), "/etc/certferry/install/nothing.conf", "No such file")
    with instance("web", WEB, mode=0o666):
        contains(start("web"), "chmod go-w")
    run("install", "-d", "-o", "certferry", "/var/lib/of-the-daemon")
    with instance("web", WEB.replace(f"{TARGETS}/web", "/var/lib/of-the-daemon/web")):
        contains(start("web"), "certferry-install(8)", "/var/lib/of-the-daemon")
    # And the sandbox lets it write nowhere else, whatever root's file says.
    with instance("web", WEB.replace(f"{TARGETS}/web", "/srv/web")):
        contains(start("web"), "Read-only file system")
    equal(Path("/srv/web").exists(), False)


@test
def install_is_started_by_its_instances_name():
    """The rule lets the daemon's user start this instance: no other, not the template, and nothing else of it."""
    world()
    before = RULES.read_text()
    RULES.write_text(rule("certferry-install@web.service=start"))
    run("systemctl", "restart", "polkit.service")
    try:
        with instance("web", WEB), instance("other", WEB.replace(f"{TARGETS}/web", f"{TARGETS}/other")):
            equal(tell("certferry-install@web.service", "start"), "done")
            equal((TARGETS / "web/privkey.pem").exists(), True)
            contains(tell("certferry-install@other.service", "start"), "failed denied")
            equal((TARGETS / "other").exists(), False)
            for words in (("start", "certferry-install@.service"), ("restart", "certferry-install@web.service")):
                done = run("systemctl", "--no-ask-password", *words, user="certferry", check=False)
                equal(done.returncode != 0, True, " ".join(words))
    finally:
        RULES.write_text(before)
        run("systemctl", "restart", "polkit.service")
