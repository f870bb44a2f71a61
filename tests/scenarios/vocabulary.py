# SPDX-License-Identifier: Apache-2.0
"""The words that scenarios are told in: an administrator's host with the daemon on it, and what destinations hold.

What a destination holds is asked with boto3, or read from the disk, and never believed from the daemon's own words.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from tests.cloud.harness import DESTINATION, REGION, ROOT, SECOND, SOURCE

BUILD = ROOT / (os.environ.get("BUILD") or "build")
SLOW = 4 if os.environ.get("SANITIZE") else 1  # how much longer things may take
# Programs under which mounts are a run's own.
NAMESPACES = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
KEY_TYPES = [
    "RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"
]  # fmt: skip
WRITES = {
    "ImportCertificate", "AddTagsToCertificate", "CreateSecret", "PutSecretValue", "TagResource",
    "UpdateSecretVersionStage",
}  # fmt: skip
ROLE = {"role_arn": "arn:aws:iam::{account}:role/certferry-destination", "external_id": "ferry-2"}
ROLE_HERE = {**ROLE, "role_arn": f"arn:aws:iam::{DESTINATION}:role/certferry-destination"}
PROD = {"kind": "acm", "accounts": [DESTINATION], **ROLE}
BOTH = {"kind": "acm", "accounts": [DESTINATION, SECOND], **ROLE}
SECRETS = {"kind": "secretsmanager", "region": REGION, **ROLE_HERE}
LAYOUTS = {
    "acm": ("Certificate", "CertificateChain", "PrivateKey"),
    "pem": ("CERTIFICATE_PEM", "CERTIFICATE_CHAIN_PEM", "PRIVATE_KEY_PEM"),
    "kubernetes": ("tls.crt", "ca.crt", "tls.key"),
}
FILES = {
    "nginx": ("fullchain.pem", "privkey.pem"),
    "apache": ("cert.pem", "chain.pem", "privkey.pem"),
    "haproxy": ("haproxy.pem",),
    "haproxy-flat": ("haproxy.pem",),
}


def certificates_in(pem):
    found = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", pem, re.S)
    return [x509.load_pem_x509_certificate(one.encode()) for one in found]


def fingerprint(certificate):
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def anchor_digest(chain):
    """What certferry:anchor says of a chain in PEM: of its last certificate, the name and the key."""
    end = certificates_in(chain)[-1]
    key = end.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(end.subject.public_bytes() + key).hexdigest()


def key_in(pem):
    """The only private key in a text that may hold certificates too."""
    found = re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", pem, re.S)
    assert len(found) == 1
    return load_pem_private_key(found[0].encode(), None)


def is_key_of(key, certificate):
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)


def once_only(text, sentence):
    """Is it said, and said once?"""
    return len(re.findall(sentence, text)) == 1


class Requests:
    """What was asked of the cloud during a run."""

    def __init__(self, entries):
        self.entries = entries

    def __call__(self, operation, account=None, **members):
        """How many there were."""
        return len(self.select(operation, account, **members))

    def select(self, operation, account=None, **members):
        if account:
            members["account"] = account
        members["operation"] = operation
        return [entry for entry in self.entries if all(entry[key] == value for key, value in members.items())]

    @property
    def writes(self):
        return [entry["operation"] for entry in self.entries if entry["operation"] in WRITES]


class Run:
    """One run of certferryd --once, ended."""

    def __init__(self, status, out, log, requests, seconds):
        self.status, self.out, self.log, self.requests, self.seconds = status, out, log, requests, seconds

    @property
    def json(self):
        return json.loads(self.out)

    def delivery(self, name):
        """As status reports it."""
        return next(item for item in self.json["deliveries"] if item["name"] == name)

    def dependent(self, name):
        return next(item for item in self.json["dependents"] if item["name"] == name)

    def __repr__(self):
        return f"status {self.status} after {self.seconds:.1f} s\n{self.out}\n{self.log}"


class Daemon:
    """certferryd as a daemon, until stop() or kill()."""

    def __init__(self, ferry, arguments=(), wait=True, group=None):
        self.ferry = ferry
        self.log_file = ferry.directory / "daemon.log"
        self.since = ferry.cloud.journal_position()
        self.notices = []
        self.socket = _listener(ferry.directory / "notify")
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [BUILD / "certferryd", "--config", ferry.file, *arguments],
                env={**ferry.environment(), "NOTIFY_SOCKET": str(ferry.directory / "notify")},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=group.enter if group else None,
            )  # fmt: skip
        ferry.processes.append(self.process)
        threading.Thread(target=self._listen, daemon=True).start()
        if wait:
            self.wait_notice("READY=1")

    def wait_notice(self, text, seconds=10):
        """Until the daemon has told systemd so."""
        self.ferry.wait_for(lambda: any(text in notice for notice in self._notices()), seconds)

    def _listen(self):
        """As systemd does: few notices fit the socket, and then the daemon waits."""
        while self.process.poll() is None:
            with contextlib.suppress(TimeoutError):
                self.notices.append(self.socket.recv(65536).decode())

    def _notices(self):
        assert self.process.poll() is None, f"the daemon ended:\n{self.log}"
        return self.notices

    @property
    def log(self):
        return self.log_file.read_text()

    @property
    def requests(self):
        return Requests(self.ferry.cloud.journal(since=self.since))

    def wait_log(self, sentence, seconds=10):
        self.ferry.wait_for(lambda: re.search(sentence, self.log), seconds)

    def reload(self):
        count = sum("RELOADING=1" in notice for notice in self._notices())
        self.process.send_signal(signal.SIGHUP)
        self.ferry.wait_for(lambda: sum("RELOADING=1" in notice for notice in self._notices()) > count)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; the seconds that it took, and its status."""
        begin = time.monotonic()
        self.process.terminate()
        return self.process.wait(timeout=20), time.monotonic() - begin


class Answer:
    """What the certferry command said."""

    def __init__(self, finished):
        self.status, self.out, self.error = finished.returncode, finished.stdout, finished.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def delivery(self, name):
        return next(item for item in self.json["deliveries"] if item["name"] == name)

    def dependent(self, name):
        return next(item for item in self.json["dependents"] if item["name"] == name)

    def __repr__(self):
        return f"status {self.status}\n{self.out}\n{self.error}"


def injecting(call, trace="/dev/null", **fault):
    """The program under which certferryd meets this fault of a system call (strace(1), inject=), which trace shows."""
    words = ":".join(f"{name}={value}" for name, value in fault.items())
    # -D: the process that is started is certferryd, and strace beside it.
    return ["strace", "-D", "-o", trace, "-e", f"trace={call}", "-e", f"inject={call}:{words}"]


class Ferry:
    """The host, its configuration, its state directory, and the programs run there."""

    def __init__(self, cloud, directory, host=None):
        self.cloud, self.directory, self.host = cloud, directory, host
        self.file = directory / "certferry.yaml"
        self.state = directory / "state"
        self.files = directory / "tls"
        self.processes = []
        self.variables = {}
        self.state.mkdir(mode=0o700)
        self.files.mkdir(mode=0o750)
        self.known = {
            "prod": PROD,
            "both": BOTH,
            "secrets": SECRETS,
            "files": {"kind": "file", "directory": str(self.files)},
        }
        self.settings = {
            "source": {
                "region": REGION, "role_arn": f"arn:aws:iam::{SOURCE}:role/certferry-source", "external_id": "ferry-1"
            },
            "certificates": {},
            "destinations": {},
        }  # fmt: skip
        self._authority = None

    # What is configured

    @property
    def authority(self):
        """The private authority of the source account."""
        if self._authority is None:
            self._authority = self.cloud.authority()
        return self._authority

    def issue(self, *names, **details):
        """A private certificate at the source, issued two days ago unless told otherwise; its ARN."""
        details.setdefault("days_ago", 2)
        made = self.cloud.issue(*names, ca_arn=self.authority, **details)
        return [one["arn"] for one in made] if isinstance(made, list) else made["arn"]

    def carry(self, name, what, *to, **entry):
        """A certificate (an ARN, or a dict for match:) to destinations: names, or dicts as in deliver:."""
        deliver = [{"to": one} if isinstance(one, str) else one for one in to]
        found = {"arn": what} if isinstance(what, str) else {"match": what}
        self.settings["certificates"][name] = {**found, **entry, "deliver": deliver}
        for one in deliver:
            if one["to"] in self.known:
                self.settings["destinations"].setdefault(one["to"], self.known[one["to"]])
        return self.write()

    def destination(self, name, kind=None, **details):
        """One more destination; kind is the name of a known one to begin with."""
        self.known[name] = {**(self.known[kind] if kind else {}), **details}
        if name in self.settings["destinations"]:
            self.settings["destinations"][name] = self.known[name]
        return self.write()

    def dependent(self, name, unit, action="restart", **details):
        details.setdefault("settle", "0s")
        dependents = self.settings.setdefault("dependents", {})
        dependents[name] = {"kind": "systemd", "unit": unit, "action": action, **details}
        return self.write()

    def set(self, **settings):
        self.settings.update(settings)
        return self.write()

    def write(self, text=None):
        """YAML is JSON's elder sister: what is written as JSON is read as YAML."""
        self.file.write_text(json.dumps(self.settings, indent=1) if text is None else text)
        return self

    def account_of(self, arn):
        return arn.split(":")[4]

    # Running the programs

    def environment(self, **variables):
        found = self.cloud.environment()
        for name in ("JOURNAL_STREAM", "NOTIFY_SOCKET", "INVOCATION_ID", "CREDENTIALS_DIRECTORY"):
            found.pop(name, None)
        # Never the host's own bus.
        found["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={self.directory}/no-bus"
        if self.host:
            found.update(self.host.environment)
        found["STATE_DIRECTORY"] = str(self.state)
        found.update(self.variables)
        found.update(variables)
        return found

    def launch(self, *arguments, under=(), **options):
        """certferryd, not waited for; under another program, where one is named (no leak check works under strace)."""
        variables = {"ASAN_OPTIONS": "detect_leaks=0"} if under else {}
        process = subprocess.Popen(
            [*under, BUILD / "certferryd", "--config", self.file, *arguments], env=self.environment(**variables), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def run(self, *arguments, timeout=60, **options):
        """certferryd until it ends."""
        since, begin = self.cloud.journal_position(), time.monotonic()
        process = self.launch(*arguments, **options)
        out, log = process.communicate(timeout=timeout * SLOW)
        seconds = time.monotonic() - begin
        assert "Sanitizer" not in log and process.returncode >= 0, log
        return Run(process.returncode, out, log, Requests(self.cloud.journal(since=since)), seconds)

    def once(self, *arguments, expect=0, **options):
        """certferryd --once; its status must be as expected."""
        run = self.run("--once", "--json", *arguments, **options)
        assert run.status == expect, run
        return run

    def dry_run(self, *arguments, expect=None):
        run = self.run("--once", "--dry-run", *arguments)
        assert expect is None or run.status == expect, run
        return run

    def start(self, *arguments, wait=True, group=None):
        """certferryd as a daemon, which has told systemd that it is ready; in a cgroup (memory.py), where one is given."""
        return Daemon(self, arguments, wait, group)

    def certferry(self, *arguments, expect=None, timeout=60):
        """The command line."""
        command = [BUILD / "certferry", *arguments]
        finished = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, timeout=timeout * SLOW
        )
        answer = Answer(finished)
        assert expect is None or answer.status == expect, answer
        return answer

    def wait_for(self, condition, seconds=10):
        return self.cloud.wait_for(condition, seconds * SLOW)

    def forget_everything(self):
        """The state directory is lost."""
        for path in self.state.iterdir():
            path.unlink()

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()

    # What is at the destinations

    def truth(self, arn):
        """The certificate as the source holds it."""
        return self.cloud.certificate(arn)

    def imports(self, account, region=REGION):
        """{ARN: tags} of all imported certificates, as boto3 sees them."""
        acm = self.cloud.boto3("acm", account, region=region)
        pages = acm.get_paginator("list_certificates").paginate(Includes={"keyTypes": KEY_TYPES})
        arns = [item["CertificateArn"] for page in pages for item in page["CertificateSummaryList"]]
        return {
            arn: {tag["Key"]: tag["Value"] for tag in acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]}
            for arn in arns
        }

    def expect_import(self, account, arn, region=REGION, at=None):
        """Exactly one import of ours in that account holds the source's version, with its key; its ARN."""
        truth = self.truth(arn)
        tagged = {
            found: tags for found, tags in self.imports(account, region).items() if tags.get("certferry:source") == arn
        }
        assert len(tagged) == 1, f"{len(tagged)} imports of {arn} in {account}"
        (found,) = tagged
        assert at in (None, found)
        acm = self.cloud.boto3("acm", account, region=region)
        held = acm.get_certificate(CertificateArn=found)
        (leaf,) = certificates_in(held["Certificate"])
        assert fingerprint(leaf) == truth["fingerprint"]
        expected = [fingerprint(one) for one in certificates_in(truth["chain"])]
        assert [fingerprint(one) for one in certificates_in(held["CertificateChain"])] == expected
        assert is_key_of(key_in(self.truth(found)["private_key"]), leaf)
        return found

    def secret(self, account, name, region=REGION):
        """The members of the secret's current version."""
        client = self.cloud.boto3("secretsmanager", account, region=region)
        return json.loads(client.get_secret_value(SecretId=name)["SecretString"])

    def expect_secret(self, account, name, arn, layout="pem"):
        """The secret holds the source's version in this layout; its version's id."""
        truth = self.truth(arn)
        members = self.secret(account, name)
        certificate, chain, key = (members[member] for member in LAYOUTS[layout])
        assert set(members) == set(LAYOUTS[layout])
        assert fingerprint(certificates_in(certificate)[0]) == truth["fingerprint"]
        above = [fingerprint(one) for one in certificates_in(truth["chain"])]
        if layout == "kubernetes":  # a server sends its intermediates and not the root
            assert [fingerprint(one) for one in certificates_in(certificate)[1:]] == above[:-1]
            above = above[-1:]
        assert [fingerprint(one) for one in certificates_in(chain)] == above
        assert is_key_of(key_in(key), certificates_in(certificate)[0])
        client = self.cloud.boto3("secretsmanager", account)
        return client.get_secret_value(SecretId=name)["VersionId"]

    def shown(self, name, directory=None):
        """The directory of the version that programs find at this name."""
        return ((directory or self.files) / name / "..data").resolve()

    def age_files(self):
        """As if all that is there had been made a minute earlier: the time of grace of a switch is over."""
        for path in self.files.rglob("*"):
            then = path.lstat().st_mtime_ns - 60 * 10**9
            os.utime(path, ns=(then, then), follow_symlinks=False)

    def expect_file(self, name, arn, layout="nginx", directory=None):
        """The name shows a version directory with the source's version in this layout; that directory."""
        truth = self.truth(arn)
        link = (directory or self.files) / name
        shown = self.shown(name, directory)
        assert shown.name == truth["fingerprint"][:16]
        assert sorted(path.name for path in link.iterdir()) == sorted(["..data", *FILES[layout]])
        assert sorted(path.name for path in shown.iterdir()) == sorted(FILES[layout])
        text = "".join((link / part).read_text() for part in FILES[layout])
        chain = [fingerprint(one) for one in certificates_in(text)]
        assert chain[0] == truth["fingerprint"]
        assert chain[1] == fingerprint(certificates_in(truth["chain"])[0])
        assert is_key_of(key_in(text), certificates_in(text)[0])
        for part in FILES[layout]:
            assert (link / part).stat().st_mode & 0o7137 == 0
        return shown


def _listener(path):
    """What systemd would listen at."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    Path(path).unlink(missing_ok=True)
    listener.bind(str(path))
    listener.settimeout(0.5)
    return listener
