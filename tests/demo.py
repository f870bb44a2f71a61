#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A renewal carried before your eyes, in about a minute: `make demo`.

Everything is on this machine's loopback: an AWS with three accounts (tests/cloud), the daemon in the unit as shipped,
and nginx as the TLS server that depends on the certificate.  Where root runs this and systemd-nspawn works, all of it
is in a container of this host's own root whose changes go to memory (that of the system tests): units are really
reloaded there, and nothing of the host is touched.  Elsewhere the same is shown with `certferryd --once`, without units.
Exit status 0 if everything that should be seen was seen.
"""

import contextlib
import grp
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from cryptography import x509

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / os.environ.get("BUILD", "build")
sys.path.insert(0, str(ROOT))

from tests.cloud.harness import DESTINATION, REGION, SECOND, SOURCE, Cloud  # noqa: E402
from tests.system import bed  # noqa: E402

NAME = "pay.example.com"
SECRET = "tls/payments"
PORT = 443
DAEMON = "certferryd.service"
FILES = Path("/var/lib/certferry-tls")
AGE = 340  # days since the certificate was issued: of 395, so that ACM would renew it about now
PATIENCE = 100  # seconds for a look, which comes every minute or so, and all that it sets off

CONFIGURATION = """\
source:
  region: {region}
  role_arn: arn:aws:iam::{source}:role/certferry-source
  external_id: ferry-1
poll: 1m
certificates:
  payments:
    arn: {arn}
    deliver:
      - to: prod-acm
      - to: prod-secrets
        as: {secret}
      - to: admin-files{then}
destinations:
  prod-acm:
    kind: acm
    accounts: ["{first}", "{second}"]
    region: {region}
    role_arn: "arn:aws:iam::{{account}}:role/certferry-destination"
    external_id: ferry-2
  prod-secrets:
    kind: secretsmanager
    region: {region}
    role_arn: arn:aws:iam::{first}:role/certferry-destination
    external_id: ferry-2
  admin-files:
    kind: file
    directory: {files}
"""

THEN = """
        then: [nginx]"""

DEPENDENTS = f"""\
dependents:
  nginx:
    kind: systemd
    unit: nginx.service
    settle: 1s
    prove: {{connect: "localhost:{PORT}", server_name: {NAME}}}
"""

NGINX = f"""\
pid /run/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{PORT} ssl;
        listen [::1]:{PORT} ssl;
        ssl_certificate {FILES}/payments/fullchain.pem;
        ssl_certificate_key {FILES}/payments/privkey.pem;
        return 200;
    }}
}}
"""

# What the container runs, in place of the system tests.
UNIT = """
[Unit]
Description=The demonstration of certferry
After=basic.target
[Service]
Type=oneshot
Environment=PYTHONDONTWRITEBYTECODE=1 BUILD={build}
WorkingDirectory={here}
ExecStart=/usr/bin/python3 tests/demo.py --inside {stage}
StandardOutput=append:{results}/output
StandardError=append:{results}/output
ExecStopPost=systemctl poweroff --no-block
"""

SEEN, FAILED = "Everything was seen to be so.", "This is not what should have been seen: "


class Failure(Exception):
    """Something was not as it should be; the text says what."""


def step(text):
    step.number += 1
    print(f"\n{step.number}. {text}", flush=True)


step.number = 0


def show(*lines):
    for line in lines:
        print(f"   {line}".rstrip(), flush=True)


def show_run(*command, **options):
    """Run a command before the reader's eyes; its exit status is the caller's to judge."""
    show("$ " + " ".join([Path(command[0]).name, *map(str, command[1:])]))
    done = bed.run(*command, check=False, **options)
    show(*(f"  {line}" for line in (done.stdout + "\n" + done.stderr).strip().splitlines()))
    return done.returncode


def must(truth, what):
    if not truth:
        raise Failure(what)


# The witnesses: boto3 as each account's administrator, the file itself, a TLS client.  None of them asks the daemon.


def serial_of(pem):
    """The serial's first digits, enough to tell two apart."""
    return f"{x509.load_pem_x509_certificate(pem.encode()).serial_number:032x}"[:16]


def find_import(acm, account):
    """(ARN, serial) of the account's import; (None, None) when there is none."""
    kinds = {"keyTypes": ["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1"]}
    arns = [item["CertificateArn"] for item in acm.list_certificates(Includes=kinds)["CertificateSummaryList"]]
    must(len(arns) <= 1, f"account {account} has {len(arns)} imports instead of one")
    return (arns[0], serial_of(acm.get_certificate(CertificateArn=arns[0])["Certificate"])) if arns else (None, None)


def find_secret(client):
    try:
        return serial_of(json.loads(client.get_secret_value(SecretId=SECRET)["SecretString"])["CERTIFICATE_PEM"])
    except client.exceptions.ResourceNotFoundException:
        return None


def find_file(path):
    return serial_of(path.read_text()) if path.exists() else None


def find_served():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("localhost", PORT), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname=NAME) as connection:
                return serial_of(ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True)))
    except OSError:
        return None


class World:
    """The AWS, the certificate in it, and the places where its serial is looked for."""

    def __init__(self, directory, files):
        self.cloud = Cloud(directory=directory).start()
        self.arn = self.cloud.issue(NAME, ca_arn=self.cloud.authority(), days_ago=AGE)["arn"]
        self.acm = {account: self.cloud.boto3("acm", account) for account in (SOURCE, DESTINATION, SECOND)}
        self.arns = {}  # of the imports: a renewal must not change them
        secrets = self.cloud.boto3("secretsmanager", DESTINATION)
        self.places = {
            f"ACM of account {DESTINATION}": lambda: self.find_import(DESTINATION),
            f"ACM of account {SECOND}": lambda: self.find_import(SECOND),
            f"secret {SECRET} in {DESTINATION}": lambda: find_secret(secrets),
            f"file {files.name}/payments/fullchain.pem": lambda: find_file(files / "payments/fullchain.pem"),
        }

    def find_import(self, account):
        arn, serial = find_import(self.acm[account], account)
        must(arn is None or self.arns.setdefault(account, arn) == arn, f"the ARN in account {account} has changed")
        return serial

    def source_serial(self):
        return serial_of(self.acm[SOURCE].get_certificate(CertificateArn=self.arn)["Certificate"])

    def look(self):
        return {place: find() for place, find in self.places.items()}

    def configuration(self, files, then="", dependents=""):
        names = {"region": REGION, "source": SOURCE, "first": DESTINATION, "second": SECOND, "secret": SECRET}
        return CONFIGURATION.format(arn=self.arn, files=files, then=then, **names) + dependents

    def environment(self):
        """The host's own credentials, and no profile of whoever runs this."""
        return dict(self.cloud.environment(), HOME="/nonexistent")

    def renew(self):
        answer = self.cloud.renew(self.arn)
        return answer["renewed"], answer["reason"]

    def count(self):
        """What the AWS was asked for that leaves traces."""
        return self.cloud.count("ExportCertificate"), self.cloud.count("ImportCertificate")


def wait_until_everywhere(world, serial):
    """Look again and again, and say when a place has changed; returns the last look."""
    began, seen = time.monotonic(), world.look()
    while True:
        now = world.look()
        for place in now:
            if now[place] == serial and seen[place] != serial:
                show(f"{time.monotonic() - began:5.1f} s  {place}")
        seen = now
        if all(found == serial for found in seen.values()):
            return seen
        late = [place for place, found in seen.items() if found != serial]
        must(time.monotonic() - began < PATIENCE, f"after {PATIENCE} s the certificate is not at: {', '.join(late)}")
        time.sleep(0.1)


def show_table(before, after):
    width = max(map(len, after))
    show(f"{'place':{width}}  {'before (serial)':18}after (serial)")
    show(*(f"{place:{width}}  {before[place] or '-':18}{after[place]}" for place in after))


def show_the_cloud(world):
    step("An AWS on loopback: the source, account 111111111111, and two others; its permissions are conf/iam.")
    show(f"{NAME} was issued there: {world.arn}", f"serial {world.source_serial()}...")
    renewed, reason = world.renew()
    must(not renewed, "ACM has renewed what was never exported")
    show(f"Would ACM renew it as it is?  No: {reason}.")


# With units


def install_like_an_administrator(world):
    step("The host: configuration, credentials, and the polkit rule that the daemon asks for.")
    Path("/etc/certferry/certferry.yaml").write_text(world.configuration(FILES, THEN, DEPENDENTS))
    keys = world.cloud.keys(SOURCE, "certferry")
    credentials = Path("/etc/certferry/aws-credentials")
    credentials.write_text(
        f"[default]\naws_access_key_id = {keys['access_key']}\naws_secret_access_key = {keys['secret_key']}\n"
    )
    os.chown(credentials, 0, grp.getgrnam("certferry").gr_gid)
    credentials.chmod(0o640)
    Path("/etc/default/certferry").write_text(
        f"AWS_ENDPOINT_URL={world.cloud.endpoint}\nAWS_CA_BUNDLE={world.cloud.ca}\n"
    )
    Path("/etc/nginx/nginx.conf").write_text(NGINX)
    rules = Path("/etc/polkit-1/rules.d/50-certferry.rules")
    rules.parent.mkdir(parents=True, exist_ok=True)
    rules.write_text(bed.run("certferryd", "--polkit-rule").stdout + "\n")
    bed.run("systemctl", "restart", "polkit.service")
    must(show_run("certferryd", "--check", "--expand") == 0, "the configuration is refused")


def journal_since(moment):
    """The daemon's own lines since a moment, each with its time."""
    for record in bed.journal("-u", DAEMON, "SYSLOG_IDENTIFIER=certferryd"):
        when = int(record["__REALTIME_TIMESTAMP"]) / 1e6
        if when >= moment:
            yield f"{time.strftime('%H:%M:%S', time.gmtime(when))} {record['MESSAGE']}"


def dependent():
    return json.loads(bed.run("certferry", "status", "--json", check=False).stdout)["dependents"][0]


def story_inside():
    directory = Path("/srv/cloud")
    world = World(directory, FILES)
    for path in directory.iterdir():
        path.chmod(0o644)  # the daemon's user reads the CA there
    first = world.source_serial()
    show_the_cloud(world)
    install_like_an_administrator(world)

    step("The daemon starts and finds that nothing is in place yet.")
    show_run("systemctl", "enable", "--now", DAEMON)
    wait_until_everywhere(world, first)
    step("nginx starts, from the files that were delivered.")
    show_run("systemctl", "start", "nginx.service")
    world.places[f"served by nginx on port {PORT}"] = find_served
    before = wait_until_everywhere(world, first)
    show(f"A TLS client is shown {before[f'served by nginx on port {PORT}']}...")

    moment, invocation, counts = time.time(), bed.invocation("nginx.service"), world.count()
    step("ACM renews: the certificate was exported, so that now it may.")
    renewed, reason = world.renew()
    must(renewed, f"ACM does not renew: {reason}")
    second = world.source_serial()
    show(f"The same ARN, a new key, serial {second}...  What would be done now?")
    show_run("certferryd", "--as-unit", "--once", "--dry-run")
    step("Nobody tells the daemon; it looks once a minute.  Meanwhile, this is all of its configuration:")
    show(*Path("/etc/certferry/certferry.yaml").read_text().splitlines())
    step("The renewal arrives, as boto3, a reader of the file and a TLS client see it:")
    after = wait_until_everywhere(world, second)
    bed.wait_for(lambda: dependent()["proof"] and not dependent()["owed"], 15, "nginx's certificate was proven")
    must(bed.invocation("nginx.service") == invocation, "nginx was restarted where a reload was enough")
    reloads = [record for record in bed.journal("-u", "nginx.service") if record["MESSAGE"].startswith("Reloaded ")]
    must(len(reloads) == 1, f"nginx was reloaded {len(reloads)} times instead of once")
    exports, imports = (now - then for now, then in zip(world.count(), counts))
    must((exports, imports) == (1, 2), f"{exports} exports and {imports} imports instead of 1 and 2")
    show("One export, one import in each account under the ARN it had, one reload of nginx.")

    step("What the journal says of it:")
    show(*journal_since(moment))
    step("Before and after:")
    show_table(before, after)
    show("")
    must(show_run("certferry", "status") == 0, "certferry status does not call it in sync")
    world.cloud.stop()


def show_evidence():
    for title, command in (
        ("certferry status", ["certferry", "status"]),
        ("the journal's end", ["journalctl", "--no-pager", "-n", "40", "-o", "short-monotonic"]),
    ):
        print(f"\n-- {title}", flush=True)
        subprocess.run(command, check=False, stderr=subprocess.STDOUT)


def main_inside(stage):
    from tests.system import inside

    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        inside.install(Path(stage))
        story_inside()
    except (Failure, AssertionError, OSError) as error:
        show_evidence()
        print(f"\n{FAILED}{error}", flush=True)
        return 1
    print(f"\n{SEEN}", flush=True)
    return 0


class Echo(threading.Thread):
    """Prints what is appended to a file, while the container runs, and keeps it."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.text, self.ended = path, "", threading.Event()

    def run(self):
        while not self.path.exists() and not self.ended.wait(0.05):
            pass
        if not self.path.exists():
            return
        with open(self.path, errors="replace") as file:
            while True:
                ended = self.ended.is_set()
                part = file.read()
                self.text += part
                print(part, end="", flush=True)
                if ended:
                    return
                self.ended.wait(0.1)

    def end(self):
        self.ended.set()
        self.join()
        return self.text


def run_in_container():
    """(exit status, None), or (None, why there is no container here)."""
    if not BUILD.is_relative_to(ROOT):
        return None, f"{BUILD} is outside this tree"
    from tests.system import run as system

    root = Path("/")
    reason = system.why_not(root)
    if reason:
        return None, reason
    with tempfile.TemporaryDirectory(prefix="certferry-demo-") as directory:
        work = Path(directory)
        (work / "results").mkdir()
        with contextlib.redirect_stdout(io.StringIO()) as words:
            staged = system.stage(work / "stage")
        if not staged:
            print(f"{FAILED}{words.getvalue().strip()}")
            return 1, None
        system.UNIT = UNIT.format(
            here=system.HERE, stage=system.STAGE, results=system.RESULTS, build=BUILD.relative_to(ROOT)
        )
        print("A container of this host's root starts; what happens in it stays in it.", flush=True)
        echo = Echo(work / "results" / "output")
        echo.start()
        in_time = system.boot(work, root, "", [])
        text = echo.end()
        console = (work / "console").read_text(errors="replace").strip().splitlines()
    if not text:
        return None, f"the container does not boot: {console[-1] if console else 'no word'}"
    if SEEN in text:
        return 0, None
    if FAILED not in text:
        print("\n-- the container's console", *console[-20:], sep="\n")
        print(f"\n{FAILED}its end{'' if in_time else f', within {system.TIME_LIMIT} s'}")
    return 1, None


# Without units


def run_once(world, work, *options):
    environment = dict(world.environment(), STATE_DIRECTORY=str(work / "state"))
    return show_run(BUILD / "certferryd", "--config", work / "certferry.yaml", *options, env=environment)


def story_without_units(work):
    files = work / "tls"
    files.mkdir(mode=0o750)
    (work / "state").mkdir(mode=0o700)
    world = World(work / "cloud", files)
    try:
        first = world.source_serial()
        show_the_cloud(world)
        (work / "certferry.yaml").write_text(world.configuration(files))
        step("The first deliveries.")
        must(run_once(world, work, "--once") == 0, "not everything was delivered")
        before = wait_until_everywhere(world, first)
        step("ACM renews: the certificate was exported, so that now it may.")
        renewed, reason = world.renew()
        must(renewed, f"ACM does not renew: {reason}")
        second = world.source_serial()
        show(f"The same ARN, a new key, serial {second}...  What would be done now?")
        must(run_once(world, work, "--once", "--dry-run") == 3, "it is not seen that something is to be done")
        step("The renewal is carried.")
        must(run_once(world, work, "--once") == 0, "not everything was delivered")
        after = wait_until_everywhere(world, second)
        must(world.count() == (2, 4), f"{world.count()} exports and imports instead of 2 and 4")
        step("Once more: nothing is done twice.")
        must(run_once(world, work, "--once", "--dry-run") == 0, "it is not seen that nothing is to be done")
        step("Before and after:")
        show_table(before, after)
    finally:
        world.cloud.stop()


def main():
    status, reason = run_in_container()
    if reason is None:
        return status
    print(f"No container here ({reason}): what follows shows the deliveries, but no server that is reloaded.")
    with tempfile.TemporaryDirectory(prefix="certferry-demo-") as directory:
        try:
            story_without_units(Path(directory))
        except (Failure, AssertionError, OSError) as error:
            print(f"\n{FAILED}{error}")
            return 1
    print(f"\n{SEEN}  No server was reloaded, because there was no container ({reason}).")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main_inside(sys.argv[2]) if sys.argv[1:2] == ["--inside"] else main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.  A container that runs ends by itself within a minute or two.")
