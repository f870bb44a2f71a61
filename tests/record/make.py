#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A state database that a certferryd has really written, with rows of every kind.

    BUILD=/where/certferryd/is/built tests/record/make.py tests/record/format-N.sqlite

Once for each format, with the program that wrote it: what it made then is kept, and every later program must open it.
All of it happens in a mount namespace of its own, so that no path of this machine gets into it.
"""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.cloud.harness import DESTINATION, Cloud
from tests.scenarios.host import Host
from tests.scenarios.vocabulary import Ferry

HOME = Path("/srv/certferry")
DARK = {"connect": "127.0.0.1:9", "server_name": "pay.example.com"}  # nobody answers there


def deliver(ferry, host, cloud):
    """Deliveries of all kinds that are in place, and dependents told; of one of them the record was lost."""
    host.unit("web.service"), host.unit("dark.service")
    ferry.dependent("web", "web.service").dependent("dark", "dark.service", prove=DARK)
    ferry.carry("quiet", ferry.issue("quiet.example.com"), {"to": "files", "then": ["dark"]}).run("--once")
    ferry.forget_everything()
    pay = ferry.issue("pay.example.com", "www.example.com", days_ago=100)
    ferry.carry("pay", pay, "both", "secrets", {"to": "files", "then": ["web"], "prove": DARK}).run("--once")
    assert cloud.renew(pay, force=True)["renewed"]
    ferry.run("--once")
    return pay


def approve(ferry, cloud):
    """A person let pass what the guard held, and a version that lost a name; another one waits for that."""
    (HOME / "more").mkdir(mode=0o750)
    ferry.destination("more", "files", directory=str(HOME / "more")).set(guard=1)
    for number, arn in enumerate(ferry.issue("n{n}.example.com", count=3)):
        ferry.carry(f"n{number}", arn, "files", "more")
    ferry.run("--once", "--approve")
    ferry.set(guard=100)
    for name in ("given", "held"):
        arn = ferry.issue(f"{name}.example.com", f"www.{name}.example.com", days_ago=50)
        ferry.carry(name, arn, "prod", "secrets", "files").run("--once")
        assert cloud.renew(arn, force=True, names=[f"{name}.example.com"])["renewed"]
        ferry.run("--once", *["--approve"][: name == "given"])


def fill_disk(ferry, cloud, pay):
    """For a minute nothing could be written: the record says when that was tried again."""
    process = ferry.launch(preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
    ferry.wait_for(lambda: ferry.certferry("plan").status != 5)
    ferry.certferry("sync")
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    assert cloud.renew(pay, force=True)["renewed"]
    ferry.certferry("sync", expect=1)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
    time.sleep(65)
    process.terminate()
    process.communicate()


def fail(ferry, cloud):
    """What was refused, what is owed, and what was under way when the program was killed."""
    refused = {"code": "AccessDeniedException", "message": "not you", "status": 400}
    cloud.fault("error", operation="CreateSecret", **refused)
    ferry.carry("broken", ferry.issue("broken.example.com"), "secrets")
    late = ferry.issue("late.example.com")
    cloud.fault("error", operation="ExportCertificate", resource=late, **refused)
    ferry.carry("late", late, "files")
    ferry.dependent("gone", "gone.service")
    ferry.carry("api", ferry.issue("api.example.com"), {"to": "files", "then": ["gone"]})
    ferry.run("--once")
    order = cloud.fault("delay", seconds=30, count=1, operation="ImportCertificate", account=DESTINATION)
    process = ferry.carry("new", ferry.issue("new.example.com"), {"to": "prod", "then": ["web"]}).launch("--once")
    ferry.wait_for(lambda: any(rule["id"] == order and rule["fired"] for rule in cloud.faults()), 30)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def make(to):
    HOME.mkdir(mode=0o700)
    with Cloud(log=subprocess.DEVNULL) as cloud, Host() as host:
        ferry = Ferry(cloud, HOME, host)
        fill_disk(ferry, cloud, deliver(ferry, host, cloud))
        approve(ferry, cloud)
        fail(ferry, cloud)
        ferry.end()
    db = sqlite3.connect(HOME / "state/record.sqlite")  # with its log, which goes into the file when it is closed
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    shutil.copyfile(HOME / "state/record.sqlite", to)


if __name__ == "__main__":
    if os.environ.get("CERTFERRY_OWN_MOUNTS"):
        make(sys.argv[1])
    else:
        script = 'mount -t tmpfs none /srv && exec "$@"'
        words = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, __file__, os.path.abspath(sys.argv[1])]
        sys.exit(subprocess.run(words, env={**os.environ, "CERTFERRY_OWN_MOUNTS": "1"}).returncode)
