# SPDX-License-Identifier: Apache-2.0
"""The installed daemon with an AWS on loopback, started once for all tests that need it."""

import grp
import hashlib
import json
import os
import pwd
import ssl
import time
from pathlib import Path

from tests.cloud.harness import DESTINATION, SOURCE, Cloud
from tests.system.bed import (
    UNITS, equal, is_active, nginx_unit, reload_units, run, served, show, unit, wait_for,
)  # fmt: skip

CONFIG = Path("/etc/certferry/certferry.yaml")
FILES = Path("/var/lib/certferry-tls")
GROUP_FILES = Path("/srv/tls")  # for another group
RULES = Path("/etc/polkit-1/rules.d/50-certferry.rules")
DROPIN = UNITS / "certferryd.service.d/10-paths.conf"
FLAGS = Path("/run/flags")
WEB_PORT = 8443
DAEMON = "certferryd.service"

CONFIGURATION = """
source: {{region: eu-west-1, role_arn: "arn:aws:iam::{source}:role/certferry-source", external_id: ferry-1}}
poll: 1m
certificates:
  web: {{arn: "{web}", deliver: [{{to: files, then: [web]}}, {{to: acm}}]}}
  mail: {{arn: "{mail}", deliver: [{{to: files, then: [mail]}}]}}
  idle: {{arn: "{idle}", deliver: [{{to: files, then: [idle, script]}}]}}
  slow: {{arn: "{slow}", deliver: [{{to: files, then: [slow]}}]}}
destinations:
  files: {{kind: file, directory: {files}}}
  acm:
    kind: acm
    accounts: ["{destination}"]
    region: eu-west-1
    role_arn: "arn:aws:iam::{{account}}:role/certferry-destination"
    external_id: ferry-2
dependents:
  web: {{kind: systemd, unit: web.service, action: reload-or-restart, settle: 1s, prove: {{connect: "localhost:{port}"}}}}
  mail: {{kind: systemd, unit: mail.service, action: restart, settle: 1s}}
  idle: {{kind: systemd, unit: idle.service, action: restart, settle: 1s, prove: {{connect: "localhost:1"}}}}
  slow: {{kind: systemd, unit: slow.service, action: restart, timeout: 3s, settle: 0s}}
  script: {{kind: systemd, unit: deploy.service, action: start}}
"""

GROUP = Path("/etc/certferry/conf.d/group.yaml")
GROUP_CONFIGURATION = """
certificates: {{group: {{arn: "{arn}", deliver: [{{to: group-files}}]}}}}
destinations: {{group-files: {{kind: file, directory: {directory}, group: ssl-cert, layout: haproxy}}}}
"""


def start_cloud():
    cloud = Cloud(directory="/srv/cloud").start()
    for path in Path("/srv/cloud").iterdir():
        path.chmod(0o644)
    return cloud


def give_access(cloud):
    """Where the cloud is, and the daemon's keys to it."""
    keys = cloud.keys(SOURCE, "certferry")
    Path("/etc/default/certferry").write_text(f"AWS_ENDPOINT_URL={cloud.endpoint}\nAWS_CA_BUNDLE={cloud.ca}\n")
    credentials = Path("/etc/certferry/aws-credentials")
    credentials.write_text(
        f"[default]\naws_access_key_id = {keys['access_key']}\naws_secret_access_key = {keys['secret_key']}\n"
    )
    os.chown(credentials, 0, grp.getgrnam("certferry").gr_gid)
    credentials.chmod(0o640)


class World:
    def __init__(self):
        self.cloud = start_cloud()
        self.arns = {name: self.issue(name) for name in ("web", "mail", "idle", "slow", "group")}
        self.make_host()
        self.configure()

    def issue(self, name):
        return self.cloud.issue(f"{name}.example.com")["arn"]

    def make_host(self):
        """What an administrator does by hand."""
        FLAGS.mkdir(exist_ok=True)
        run("groupadd", "--force", "--system", "ssl-cert")
        for name in ("alice", "bob"):
            run("useradd", "--no-create-home", name)
        run("usermod", "-aG", "certferry-admin", "alice")
        give_access(self.cloud)
        nginx_unit("web", WEB_PORT, FILES / "web/fullchain.pem", FILES / "web/privkey.pem")
        unit(
            "mail.service",
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\n"
            "ExecStart=sh -c '[ -e /run/flags/mail ] && sleep 0.2 && exit 1; exec sleep infinity'",
        )
        unit("idle.service", "[Service]\nExecStart=sleep infinity")
        unit(
            "slow.service",
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=notify\nNotifyAccess=all\nTimeoutStartSec=60\n"
            "ExecStartPre=sh -c 'echo start >>/run/flags/slow-log'\n"
            "ExecStart=sh -c 'sleep $$(cat /run/flags/slow || echo 0); systemd-notify --ready; exec sleep infinity'",
        )
        unit("deploy.service", "[Service]\nType=oneshot\nExecStart=sh -c 'echo run >>/run/flags/deploy'")
        reload_units()

    def configure(self):
        values = {"source": SOURCE, "destination": DESTINATION, "files": FILES, "port": WEB_PORT}
        CONFIG.write_text(CONFIGURATION.format(**values, **self.arns))

    def configure_group(self):
        GROUP.write_text(GROUP_CONFIGURATION.format(arn=self.arns["group"], directory=GROUP_FILES))

    def install_what_the_daemon_prints(self):
        """The rule and the drop-in, and the directory that the drop-in asks for."""
        self.configure_group()
        RULES.parent.mkdir(parents=True, exist_ok=True)
        RULES.write_text(run("certferryd", "--polkit-rule").stdout + "\n")
        DROPIN.parent.mkdir(parents=True, exist_ok=True)
        DROPIN.write_text(run("certferryd", "--unit-dropin").stdout + "\n")
        line = next(line for line in DROPIN.read_text().splitlines() if str(GROUP_FILES) in line and " d " in line)
        Path("/etc/tmpfiles.d/certferry-files.conf").write_text(line.lstrip("# ") + "\n")
        run("systemd-tmpfiles", "--create", "certferry-files.conf")
        GROUP.unlink()
        reload_units()
        run("systemctl", "restart", "polkit.service")

    def fingerprint(self, name):
        """SHA-256 of the leaf that the source has now."""
        return leaf_fingerprint(self.cloud.boto3("acm").get_certificate(CertificateArn=self.arns[name])["Certificate"])

    def renew(self, name):
        answer = self.cloud.renew(self.arns[name], force=True)
        equal(answer["renewed"], True, answer["reason"])
        return self.fingerprint(name)


def leaf_fingerprint(pem):
    first = pem.split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


_world = None


def world():
    """The world, with the daemon started and everything delivered for the first time."""
    global _world
    if _world is None:
        _world = World()
        _world.install_what_the_daemon_prints()
        run("systemctl", "start", "mail.service", "slow.service")
        run("systemctl", "start", DAEMON, timeout=30)
        try:
            wait_for(lambda: (FILES / "web/fullchain.pem").exists(), 30, "the first delivery")
            run("systemctl", "start", "web.service")
            wait_for(lambda: in_sync("web"), 20, "all of web delivered")
        except AssertionError as error:
            raise AssertionError(f"{error}; {run('journalctl', '-u', DAEMON, '-n', '5', '-o', 'cat').stdout}") from None
    # Whatever the test before has left.
    _world.cloud.clear_faults()
    if not is_active(DAEMON):
        run("systemctl", "reset-failed", DAEMON, check=False)
        run("systemctl", "start", DAEMON, timeout=30)
    return _world


def answers():
    """Does the daemon itself answer?  (certferry status does without, by reading the record.)"""
    words = ("org.certferry1", "/org/certferry1", "org.certferry1.Manager", "Status")
    return run("busctl", "call", "--timeout=5", *words, check=False).returncode == 0


def status():
    wait_for(answers, 5, "the daemon answers")
    done = run("certferry", "status", "--json", check=False)
    if done.returncode not in (0, 1, 3):
        raise AssertionError(f"certferry status: {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def delivery(name):
    return next((item for item in status()["deliveries"] if item["name"] == name), None)


def dependent(name):
    return next(item for item in status()["dependents"] if item["name"] == name)


def in_sync(certificate):
    mine = [item for item in status()["deliveries"] if item["certificate"] == certificate]
    return bool(mine) and all(item["state"] == "current" for item in mine)


def sync(name="", timeout=60, check=False):
    """Ask the daemon for everything due; the exit status and what it said."""
    words = ["certferry", "sync"] + ([name] if name else [])
    return run(*words, check=check, timeout=timeout)


def daemon_pid():
    return int(show(DAEMON, "MainPID"))


def stat_words(path):
    found = os.stat(path)
    owner, group = pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid).gr_name
    return f"{found.st_mode & 0o7777:04o} {owner}:{group}"


def served_fingerprint():
    return served(WEB_PORT)


def stopwatch():
    began = time.monotonic()
    return lambda: time.monotonic() - began
