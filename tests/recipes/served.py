# SPDX-License-Identifier: Apache-2.0
"""Each recipe of certferry-recipes(7), as it is installed: its server shows each renewal.

A test does what the manual says: it copies the recipe's files, has certferryd print its rule and its drop-in, and starts
the server once its files are there.  Then the server's own unit runs what the recipe says, and openssl asks it.
"""

import contextlib
import hashlib
import re
import ssl
import subprocess
from pathlib import Path

import yaml

from tests.cloud.harness import SOURCE
from tests.system.bed import Skip, equal, invocation, reload_units, run, test, wait_for
from tests.system.world import CONFIG, DAEMON, DROPIN, RULES, give_access, leaf_fingerprint, start_cloud

SHIPPED = Path("/usr/share/doc/certferry/recipes")
TMPFILES = Path("/etc/tmpfiles.d/certferry-files.conf")
PLACE = re.compile(r"^# (Lines for )?(/\S+)$", re.M)
ARN = re.compile(r"arn:aws:acm:\S+:certificate/ID")
CONFIGURATION = f"""
source: {{region: eu-west-1, role_arn: "arn:aws:iam::{SOURCE}:role/certferry-source", external_id: ferry-1}}
"""
_cloud = None


def cloud():
    global _cloud
    if _cloud is None:
        _cloud = start_cloud()
        give_access(_cloud)
        CONFIG.write_text(CONFIGURATION)
    return _cloud


class Recipe:
    """One, copied to where its files say; `unit` is the server's own."""

    def __init__(self, name, unit):
        self.name, self.unit = name, unit
        self.arn = cloud().issue(f"{name}.example.com")["arn"]
        for path in sorted((SHIPPED / name).iterdir()):
            self.copy(path)
        configuration = yaml.safe_load(self.place("certferry.yaml").read_text())
        ((self.certificate, entry),) = configuration["certificates"].items()
        (self.delivery,) = entry["deliver"]
        self.directory = Path(configuration["destinations"][self.delivery["to"]]["directory"])
        self.dependents = self.delivery.get("then", [])
        said = [configuration["dependents"][name] for name in self.dependents] + [self.delivery]
        (self.prove,) = (one["prove"] for one in said if "prove" in one)

    def place(self, file):
        return Path(PLACE.search((SHIPPED / self.name / file).read_text())[2])

    def copy(self, path):
        text = path.read_text()
        lines_for, place = PLACE.search(text).groups()
        place = Path(place)
        if place.suffix == ".yaml":
            text = ARN.sub(self.arn, text)
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
        files = self.directory / self.delivery.get("as", self.certificate)
        wait_for(lambda: list(files.glob("*.pem")), 20, f"{files} is there")

    def truth(self):
        return leaf_fingerprint(cloud().boto3("acm").get_certificate(CertificateArn=self.arn)["Certificate"])

    def served(self):
        """What openssl is shown: the leaf's fingerprint, or None."""
        words = ["openssl", "s_client", "-connect", self.prove["connect"]]
        words += ["-starttls", self.prove["starttls"]] if "starttls" in self.prove else []
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", done.stdout, re.S)
        return found and hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).hexdigest()


@contextlib.contextmanager
def followed(name, unit):
    recipe = Recipe(name, unit)
    try:
        yield recipe
    finally:
        run("systemctl", "stop", unit, check=False)
        recipe.place("certferry.yaml").unlink()


def sync(recipe):
    """What is left to do after it.  A unit that has just run waits for its start limit, and then runs by itself."""
    run("certferry", "sync", recipe.certificate, check=False, timeout=180)
    with contextlib.suppress(AssertionError):
        wait_for(lambda: run("certferry", "status", check=False).returncode == 0, 20)
    return run("certferry", "status", check=False)


def check(name, package, unit, keeps_running=True):
    if run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package, check=False).stdout.strip() != "ii":
        raise Skip(f"package {package} is not installed")
    with followed(name, unit) as recipe:
        recipe.deliver()
        run("systemctl", "restart", unit)
        wait_for(lambda: recipe.served() == recipe.truth(), 20, "the server shows the first certificate")
        for _ in range(2):
            kept = invocation(unit)
            equal(cloud().renew(recipe.arn, force=True)["renewed"], True)
            done = sync(recipe)
            equal((recipe.served(), done.returncode), (recipe.truth(), 0), f"the server shows the renewal: {done.stdout}")
            equal(invocation(unit) == kept, keeps_running, "the server was not restarted")
        return recipe


def recipe(name, *words, **more):
    def function():
        check(name, *words, **more)

    function.__name__ = f"recipe_{name}"
    test(function)


recipe("postgresql", "postgresql", "postgresql@15-main.service")
recipe("redis", "redis-server", "redis-server.service")
recipe("haproxy", "haproxy", "haproxy.service")
recipe("unbound", "unbound", "unbound.service", keeps_running=False)
