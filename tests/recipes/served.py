# SPDX-License-Identifier: Apache-2.0
"""Each recipe of certferry-recipes(7), as it is installed: its server shows each renewal.

A test does what the manual says: it copies the recipe's files, has certferryd print its rule and
its drop-in, and starts the server once its files are there.  Then the server's own unit runs what
the recipe says, and openssl asks it.
"""

import contextlib
import hashlib
import re
import ssl
import subprocess
from pathlib import Path

import yaml

from tests.cloud.harness import SOURCE
from tests.system.bed import (
    Skip, equal, invocation, is_active, make_certificate, reload_units, run, test, wait_for,
)  # fmt: skip
from tests.system.world import (
    CONFIG, DAEMON, DROPIN, RULES, give_access, leaf_fingerprint, start_cloud,
)  # fmt: skip

SHIPPED = Path("/usr/share/doc/certferry/recipes")
TMPFILES = Path("/etc/tmpfiles.d/certferry-files.conf")
ROOT_FILE = Path("/run/root.pem")  # of the cloud
PLACE = re.compile(r"^# (Lines for )?(/\S+)$", re.M)
ARN = re.compile(r"arn:aws:acm:\S+:certificate/ID")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.S)
CONFIGURATION = f"""
source:
  region: eu-west-1
  role_arn: arn:aws:iam::{SOURCE}:role/certferry-source
  external_id: ferry-1
"""
# What a host with more than loopback has by itself: a name for CUPS, addresses for coturn.
NETWORK = {
    "/etc/hosts": "192.0.2.1 print.example.com\n",
    "/etc/turnserver.conf": "listening-ip=127.0.0.1\nlistening-ip=::1\n",
}
_cloud = None


def cloud():
    global _cloud
    if _cloud is None:
        run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
        for path, lines in NETWORK.items():
            with open(path, "a") as file:
                file.write(lines)
        _cloud = start_cloud()
        give_access(_cloud)
        CONFIG.write_text(CONFIGURATION)
    return _cloud


class Recipe:
    """One, copied to where its files say, with words of its YAML lines replaced."""

    def __init__(self, name, replaced, folder=SHIPPED):
        self.name, self.replaced, self.folder = name, replaced, folder
        self.arn = cloud().issue(f"{name}.example.com")["arn"]
        for path in sorted((folder / name).iterdir()):
            self.copy(path)
        configuration = yaml.safe_load(self.place("certferry.yaml").read_text())
        ((self.certificate, entry),) = configuration["certificates"].items()
        (delivery,) = entry["deliver"]
        directory = configuration["destinations"][delivery["to"]]["directory"]
        self.files = Path(directory) / self.certificate
        dependents = [configuration["dependents"][name] for name in delivery.get("then", [])]
        (self.prove,) = (one["prove"] for one in [delivery, *dependents] if "prove" in one)

    def place(self, file):
        return Path(PLACE.search((self.folder / self.name / file).read_text())[2])

    def copy(self, path):
        text = ARN.sub(self.arn, path.read_text())
        for old, new in self.replaced.items() if path.suffix == ".yaml" else ():
            assert old in text
            text = text.replace(old, new)
        lines_for, place = PLACE.search(text).groups()
        place = Path(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "a" if lines_for else "w") as file:
            file.write(text)
        if text.startswith("#!"):
            place.chmod(0o755)

    def deliver(self):
        """The steps of the manual, up to the first delivery."""
        RULES.parent.mkdir(parents=True, exist_ok=True)
        RULES.write_text(run("certferryd", "--polkit-rule").stdout + "\n")
        DROPIN.parent.mkdir(parents=True, exist_ok=True)
        DROPIN.write_text(run("certferryd", "--unit-dropin").stdout + "\n")
        lines = re.findall(r"^# +(d .*)$", DROPIN.read_text(), re.M)
        TMPFILES.write_text("".join(f"{line}\n" for line in lines))
        run("systemd-tmpfiles", "--create", check=False)
        reload_units()
        run("systemctl", "restart", "polkit.service", DAEMON)
        wait_for(lambda: list(self.files.glob("*.pem")), 20, f"{self.files} is there")
        if (self.folder / self.name / "install.conf").exists():
            target = re.search(r"^target=(.*)$", self.place("install.conf").read_text(), re.M)[1]
            wait_for((Path(target) / "privkey.pem").exists, 20, f"{target} is there")

    def truth(self):
        """The fingerprint of what the source has, whose root openssl is to trust."""
        found = cloud().boto3("acm").get_certificate(CertificateArn=self.arn)
        ROOT_FILE.write_text(PEM.findall(found["CertificateChain"] + "\n")[-1])
        return leaf_fingerprint(found["Certificate"])

    def served(self):
        """The fingerprint of what openssl is shown, if a chain to that root comes with it."""
        words = ["openssl", "s_client", "-CAfile", ROOT_FILE, "-connect", self.prove["connect"]]
        words += ["-starttls", self.prove["starttls"]] if "starttls" in self.prove else []
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
        )
        shown = PEM.search(done.stdout)
        if not shown or "Verification: OK" not in done.stdout:
            return " ".join((done.stdout + done.stderr).split())[-200:]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown[0])).hexdigest()

    def renew(self):
        """What certferry says once there is nothing left to do, or not soon: a unit that has just
        run waits for its start limit, and then runs by itself."""
        equal(cloud().renew(self.arn, force=True)["renewed"], True)
        run("certferry", "sync", self.certificate, check=False, timeout=240)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: run("certferry", "status", check=False).returncode == 0, 20)
        return run("certferry", "status", check=False)

    @contextlib.contextmanager
    def with_the_key_of_another(self):
        file = next(self.files / name for name in ("privkey.pem", "haproxy.pem")
                    if (self.files / name).exists())  # fmt: skip
        text = file.read_text()
        _, other = make_certificate("/run/other")
        file.write_text("".join(PEM.findall(text)) + other.read_text())
        try:
            yield
        finally:
            file.write_text(text)


def check(name, package, unit, keeps_running=True, first=(), refuses=None, renewals=2,
          folder=SHIPPED, **replaced):  # fmt: skip
    """`unit` is the server's own; `first`: units that an administrator starts once; `refuses`: one
    that fails where key and certificate are no pair, whereupon the server shows what it had."""
    if run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package, check=False).stdout != "ii":
        raise Skip(f"package {package} is not installed")
    recipe = Recipe(name, replaced, folder)
    try:
        recipe.deliver()
        equal(is_active(unit), False, "a stopped server stays stopped")
        run("systemctl", "restart", unit)
        for one in first:
            run("systemctl", "start", one)
        truth = recipe.truth()
        wait_for(lambda: recipe.served() == truth, 20, "the first certificate is shown")
        for _ in range(renewals):
            kept = invocation(unit)
            done = recipe.renew()
            equal((recipe.truth(), done.returncode), (recipe.served(), 0), done.stdout)
            equal(invocation(unit) == kept, keeps_running, "the server was not restarted")
        if refuses:
            with recipe.with_the_key_of_another():
                failed = run("systemctl", "start", refuses, check=False)
                equal((failed.returncode, recipe.served()), (1, recipe.truth()), "refused")
    finally:
        run("systemctl", "stop", unit, check=False)
        recipe.place("certferry.yaml").unlink()


def recipe(name, *words, called="", **more):
    def function():
        check(name, *words, **more)

    function.__name__ = f"recipe_{called or name}"
    test(function)


recipe("postgresql", "postgresql", "postgresql@15-main.service",
       refuses="certferry-install@postgresql.service")  # fmt: skip
recipe("redis", "redis-server", "redis-server.service", refuses="certferry-redis.service")
recipe("haproxy", "haproxy", "haproxy.service", refuses="certferry-haproxy.service")
recipe("unbound", "unbound", "unbound.service", keeps_running=False)
recipe("mariadb", "mariadb-server", "mariadb.service", refuses="certferry-mariadb.service")
recipe("rabbitmq", "rabbitmq-server", "rabbitmq-server.service")
recipe(
    "rabbitmq", "rabbitmq-server", "rabbitmq-server.service", called="rabbitmq_by_itself", renewals=1,
    **{"then: [rabbitmq]": 'prove: {connect: "localhost:5671", within: 3m}'},
)  # fmt: skip
recipe("slapd", "slapd", "slapd.service", first=["certferry-slapd.service"])
recipe("coturn", "coturn", "coturn.service")
recipe("stunnel", "stunnel4", "stunnel@tunnel.service")
recipe("memcached", "memcached", "memcached.service", keeps_running=False)
recipe("etcd", "etcd-server", "etcd.service")
recipe("cups", "cups-daemon", "cups.service")
recipe("proftpd", "proftpd-mod-crypto", "proftpd.service")
recipe("nginx", "nginx-light", "nginx.service")


@test
def recipe_unbound_reloaded():
    """A reload of unbound's reads no certificates: where it was seen to serve the one before, it is
    restarted for the next, once, and by what certferryd may do."""
    within = {
        "action: restart": "action: reload-or-restart",
        '{connect: "localhost:853"}': '{connect: "localhost:853", within: 2s}',
    }
    if run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "unbound", check=False).stdout != "ii":
        raise Skip("package unbound is not installed")
    recipe = Recipe("unbound", within)
    try:
        recipe.deliver()
        first = recipe.truth()
        shown = recipe.files / "fullchain.pem"  # another recipe's, maybe, as yet
        wait_for(lambda: leaf_fingerprint(shown.read_text()) == first, 20, "the first is there")
        run("systemctl", "restart", "unbound.service")
        kept = invocation("unbound.service")
        equal(cloud().renew(recipe.arn, force=True)["renewed"], True)
        done = run("certferry", "sync", recipe.certificate, check=False)
        equal(done.returncode, 1, done.stdout)
        equal(invocation("unbound.service"), kept)
        run("systemctl", "restart", "unbound.service")
        kept = invocation("unbound.service")
        equal(run("certferry", "sync", check=False).returncode, 0, "seen to serve it")
        for _ in range(2):
            done = recipe.renew()
            equal((recipe.truth(), done.returncode), (recipe.served(), 0), done.stdout)
            equal(invocation("unbound.service") == kept, False, "restarted")
            kept = invocation("unbound.service")
    finally:
        run("systemctl", "stop", "unbound.service", check=False)
        recipe.place("certferry.yaml").unlink()
