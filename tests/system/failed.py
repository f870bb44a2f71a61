# SPDX-License-Identifier: Apache-2.0
"""certferryd does not run, and people hear of it: by mail, by HTTPS, and in any case by one line in the journal."""

import contextlib
import fcntl
import http.server
import json
import os
import shutil
import signal
import sqlite3
import ssl
import threading
import time
from pathlib import Path

from tests.system.bed import (
    UNITS, Skip, contains, equal, is_active, journal, reload_units, run, show, test, wait_for,
)  # fmt: skip
from tests.system.world import CONFIG, DAEMON, daemon_pid, stat_words, world

TELLER = "certferry-failed.service"
SETTINGS = Path("/etc/certferry/failed.conf")
PLACE = Path("/run/certferry-failed")
SENDMAIL = Path("/usr/sbin/sendmail")
MAILS = Path("/run/test-mails")
DROPIN = UNITS / f"{DAEMON}.d/90-failed.conf"
FAILED = "MESSAGE_ID=5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e48"
RECORD = "/var/lib/certferry/record.sqlite"
PORT = 9443
SECRET = "a-path-that-is-a-secret"

SCRIPT = f"""#!/bin/sh
name=$(mktemp {MAILS}/XXXXXX)
(echo "arguments: $*"; grep -E '^(Uid|NoNewPrivs|Seccomp|CapEff):' /proc/self/status; env; cat) >"$name"
[ -e {MAILS}/../test-mails-status ] && exit "$(cat {MAILS}/../test-mails-status)"
exit 0
"""


def user_of(port):
    """Whose the local connection from that port is."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return next(int(words[7]) for words in lines if words[1].endswith(f":{port:04X}"))


class Receiver(http.server.BaseHTTPRequestHandler):
    """An HTTPS server that answers as the path says, and keeps what was posted and by whom."""

    posts = []
    users = set()

    def do_POST(self):
        Receiver.users.add(user_of(self.client_address[1]))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.posts.append((self.path, self.headers["Content-Type"], json.loads(body)))
        kind = self.path.split("/")[1]
        busy = kind == "busy" and len(Receiver.posts) < 3
        self.send_response(503 if busy else {"absent": 404, "moved": 302}.get(kind, 204))
        if kind == "moved":
            self.send_header("Location", f"https://localhost:{PORT}/ok/moved")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


_authority = None


def authority():
    """The certificate of the receiver, which is its own authority; the receiver runs as long as the tests do."""
    global _authority
    if _authority is None:
        _authority, key = Path("/srv/receiver.pem"), Path("/srv/receiver.key")
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", _authority,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_authority, key)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return _authority


def url(kind):
    return f"url=https://localhost:{PORT}/{kind}/{SECRET}\nca_file={authority()}\n"


def mails():
    return [path.read_text() for path in sorted(MAILS.iterdir(), key=lambda path: path.stat().st_mtime_ns)]


class Ear:
    """What people hear from now on."""

    def __init__(self):
        run("journalctl", "--sync")
        self.since = f"--since=@{time.time():.6f}"

    def lines(self, *matches):
        return [record["MESSAGE"] for record in journal(self.since, *matches)]

    def alerts(self):
        return self.lines("-p", "alert")

    def messages(self):
        return self.lines(FAILED)

    def wait(self, count=1):
        wait_for(lambda: len(self.messages()) >= count and not busy(), 15, f"{count} messages")
        equal(len(self.messages()), count, "messages")

    def hears_nothing(self):
        """Nothing so far, and nothing of what is still under way."""
        wait_for(lambda: not busy(), 10, "nothing is under way")
        equal((self.alerts(), self.messages(), mails(), Receiver.posts), ([], [], [], []))


def busy():
    return show(TELLER, "ActiveState") in ("activating", "deactivating") or show(TELLER, "Job") not in ("", "0")


@contextlib.contextmanager
def telling(settings=None, mode=0o600, dropin="", sendmail=True):
    """The daemon's unit with a drop-in, failed.conf, a sendmail that keeps what it gets; all as before in the end."""
    world()
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.rmtree(MAILS, ignore_errors=True)
    MAILS.mkdir(mode=0o777)
    del Receiver.posts[:]
    Receiver.users.clear()
    if settings is not None:
        SETTINGS.write_text(settings)
        SETTINGS.chmod(mode)
    if sendmail:
        SENDMAIL.write_text(SCRIPT)
        SENDMAIL.chmod(0o755)
    else:
        SENDMAIL.unlink(missing_ok=True)  # a mail server's, where this host has one
    DROPIN.parent.mkdir(parents=True, exist_ok=True)
    DROPIN.write_text(f"[Service]\nRestartSec=100ms\n{dropin}\n")
    reload_units()
    configuration = CONFIG.read_text()
    try:
        yield Ear()
    finally:
        CONFIG.write_text(configuration)
        DROPIN.unlink()
        for path in (SETTINGS, SENDMAIL, Path("/run/test-mails-status")):
            path.unlink(missing_ok=True)
        run("systemctl", "stop", DAEMON, TELLER, check=False)
        reload_units()
        run("systemctl", "reset-failed", DAEMON, TELLER, check=False)
        run("systemctl", "start", DAEMON, timeout=30)


def reject_configuration():
    CONFIG.write_text("polll: 1m\n")
    run("systemctl", "restart", DAEMON, check=False)
    wait_for(lambda: show(DAEMON, "ActiveState") == "failed", 10, "failed")


def end_daemon(number):
    """End the daemon by a signal, and wait until systemd has started it again."""
    pid = wait_for(lambda: is_active(DAEMON) and daemon_pid(), 20, "the daemon runs")
    os.kill(pid, number)
    wait_for(lambda: is_active(DAEMON) and daemon_pid() not in (0, pid), 20, "the daemon runs again")


def noted(name):
    return dict(line.split("=", 1) for line in (PLACE / name).read_text().splitlines())


@test
def failed_rejected_configuration_is_told():
    with telling("mail=root\nmail=ops@example.com\n" + url("ok")) as ear:
        reject_configuration()
        ear.wait()
        equal(show(DAEMON, "ExecMainStatus", "NRestarts"), ["2", "0"])
        equal((show(TELLER, "Result"), len(mails()), len(Receiver.posts), len(ear.alerts())), ("success", 1, 1, 1))
        contains(mails()[0], "To: root, ops@example.com\n", "exit status 2", "certferryd --check", "journalctl -u certferryd")
        equal(Receiver.users, {65534}, "posted by nobody, who was root")
        path, kind, message = Receiver.posts[0]
        equal((path, kind), (f"/ok/{SECRET}", "application/json"))
        equal((message["format"], message["unit"], message["occasion"]), (1, DAEMON, "failed"))
        equal((message["result"], message["exit_status"], message["count"]), ("exit-code", "2", 1))
        contains(message["text"], "certferryd --check")
        contains(ear.alerts()[0], "exit status 2", os.uname().nodename)
        # It is told once, and the URL is nobody else's business.
        equal(sorted(path.name for path in PLACE.iterdir()), [])
        equal(SECRET in json.dumps(journal(ear.since)), False, "the URL in the journal")
        equal(stat_words(PLACE), "0700 root:root")
        # A restart by a person that fails again is told again.
        run("systemctl", "restart", DAEMON, check=False)
        ear.wait(2)


@test
def failed_newer_state_database_is_told():
    with telling("mail=root\n") as ear:
        run("systemctl", "stop", DAEMON)
        database = sqlite3.connect(RECORD)
        format = database.execute("PRAGMA user_version").fetchone()[0]
        try:
            database.execute("PRAGMA user_version=999")
            database.commit()
            run("systemctl", "start", DAEMON, check=False)
            ear.wait()
            equal(show(DAEMON, "ActiveState", "ExecMainStatus", "NRestarts"), ["failed", "2", "0"])
            contains(mails()[0], "exit status 2", "the state database is of a newer version", "journalctl -u certferryd -n 50")
            contains(str(journal(ear.since, "-u", DAEMON)), "999")
        finally:
            database.execute(f"PRAGMA user_version={format}")
            database.commit()
            database.close()


@test
def failed_mail_goes_outside_the_sandbox():
    """Where set-uid mail servers work, with nothing of the unit's environment; and what posts is in the sandbox."""
    with telling("mail=root\n") as ear:
        Path("/etc/default/certferry").write_text(before := Path("/etc/default/certferry").read_text() + "AWS_SECRET=x\n")
        try:
            reject_configuration()
            ear.wait()
        finally:
            Path("/etc/default/certferry").write_text(before.replace("AWS_SECRET=x\n", ""))
        words = mails()[0].split("\n\n")[0]
        contains(words, "arguments: -oi -t\n", "NoNewPrivs:\t0", "Seccomp:\t", "Uid:\t0\t0\t0\t0")
        full = next(line.split()[1] for line in Path("/proc/1/status").read_text().splitlines() if "CapEff" in line)
        contains(words, f"CapEff:\t{full}")
        equal("AWS" in words, False, words)


@test
def failed_second_instance_is_told():
    with telling("mail=root\n") as ear:
        run("systemctl", "stop", DAEMON)
        with open("/var/lib/certferry/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            run("systemctl", "start", DAEMON, check=False)
            ear.wait()
        contains(mails()[0], "exit status 4", "another certferryd")


@test
def failed_crashes_are_told_at_the_third_and_once_an_hour():
    with telling("mail=root\n" + url("ok")) as ear:
        end_daemon(signal.SIGSEGV)
        end_daemon(signal.SIGKILL)
        ear.hears_nothing()
        end_daemon(signal.SIGSEGV)
        ear.wait()
        equal((len(mails()), len(Receiver.posts), show(TELLER, "Result")), (1, 1, "success"))
        message = Receiver.posts[0][2]
        equal((message["occasion"], message["count"]), ("failing", 3))
        contains(message["summary"], "keeps failing, 3 times since", "SIGSEGV")
        contains(mails()[0], "keeps failing", "once an hour at most")
        # Within the hour no more, whatever happens.
        for _ in range(4):
            end_daemon(signal.SIGKILL)
        wait_for(lambda: not busy(), 10, "nothing is under way")
        equal((len(ear.messages()), len(mails()), len(Receiver.posts)), (1, 1, 1))
        # An hour later.
        text, told = (PLACE / "told").read_text(), noted("told")["told"]
        boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        earlier = int((boot - 3700) * 1e6)
        # It can only be that long ago on a host that has been up for so long.
        if earlier > 0:
            (PLACE / "told").write_text(text.replace(f"told={told}", f"told={earlier}"))
            end_daemon(signal.SIGKILL)
            ear.wait(2)
            equal(Receiver.posts[1][2]["count"], 8)


@test
def failed_daemon_that_cannot_start_is_told():
    """What ends before it runs: 203/EXEC, a credential that is not there, the limit of the start."""
    for lines, words in (
        ("ExecStart=\nExecStart=/usr/sbin/no-such-certferryd", "exit status 203"),
        ("LoadCredential=keys:/etc/certferry/no-such-keys", "exit status 243"),
        ("TimeoutStartSec=300ms\nExecStart=\nExecStart=/bin/sleep 60\nExecPaths=/bin", "timeout"),
    ):
        with telling(dropin=lines) as ear:
            run("systemctl", "restart", DAEMON, check=False)
            ear.wait()
            equal(len(ear.alerts()), 1, str(ear.alerts()))
            contains(ear.alerts()[0], words, "keeps failing")


@test
def failed_daemon_without_its_user_is_told():
    """217/USER, where systemd cannot run what counts ends either."""
    for lines, status in (("User=nobody-at-all", "217"), ("Group=nobody-at-all", "216")):
        with telling(dropin=lines) as ear:
            run("systemctl", "restart", DAEMON, check=False)
            ear.wait()
            equal(show(DAEMON, "ActiveState", "ExecMainStatus", "NRestarts"), ["failed", status, "0"])
            contains(ear.alerts()[0], f"has failed with exit status {status}", "does not exist")


@test
def failed_watchdog_is_told():
    with telling(dropin="WatchdogSec=1\nWatchdogSignal=SIGKILL") as ear:
        run("systemctl", "restart", DAEMON)
        for _ in range(3):
            pid = wait_for(lambda: is_active(DAEMON) and daemon_pid(), 20, "the daemon runs")
            os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: daemon_pid() not in (0, pid), 20, "another one")
        ear.wait()
        contains(ear.alerts()[0], "watchdog", "no sign of life")


FORMER = Path("/run/memory")  # the former hierarchy of cgroups, where that has the memory


def memory_is_unified():
    controllers = Path("/sys/fs/cgroup/cgroup.controllers")
    return controllers.exists() and "memory" in controllers.read_text()


def exhaust_memory():
    """Have the kernel kill the daemon, in the former hierarchy, which systemd does not use here."""
    if not FORMER.exists():
        FORMER.mkdir()
        if run("mount", "-t", "cgroup", "-o", "memory", "cgroup", FORMER, check=False).returncode != 0:
            raise Skip("no memory cgroups here")
    group = FORMER / f"certferry-{os.getpid()}"
    group.mkdir(exist_ok=True)
    (group / "memory.limit_in_bytes").write_text("65536")
    pid = wait_for(lambda: is_active(DAEMON) and daemon_pid(), 20, "the daemon runs")
    (group / "cgroup.procs").write_text(str(pid))
    run("systemctl", "reload", DAEMON, check=False)
    wait_for(lambda: daemon_pid() not in (0, pid) and is_active(DAEMON), 20, "the kernel has killed it")


@test
def failed_for_lack_of_memory_is_told():
    """The kernel kills it for real.  Only by the unified hierarchy does systemd know for what."""
    unified = memory_is_unified()
    with telling("mail=root\n", dropin="MemoryMax=6M" if unified else "") as ear:
        if unified:
            run("systemctl", "restart", DAEMON, check=False)
        else:
            for _ in range(3):
                exhaust_memory()
        ear.wait()
        contains(mails()[0], "SIGKILL (oom-kill)" if unified else "SIGKILL (signal)", "keeps failing, 3 times")


@test
def failed_clean_ends_tell_nobody():
    with telling("mail=root\n" + url("ok")) as ear:
        for _ in range(4):
            run("systemctl", "restart", DAEMON)
        for _ in range(4):
            run("systemctl", "stop", DAEMON)
            run("systemctl", "start", DAEMON)
        os.kill(daemon_pid(), signal.SIGTERM)
        wait_for(lambda: show(DAEMON, "ActiveState") == "inactive", 10, "ended")
        equal(show(DAEMON, "Result"), "success")
        ear.hears_nothing()
        equal(list(PLACE.iterdir()) if PLACE.exists() else [], [])


@test
def failed_without_settings_is_one_line_at_alert():
    for settings in (None, "# nothing\n"):
        with telling(settings) as ear:
            reject_configuration()
            ear.wait()
            equal(len(ear.alerts()), 1, str(ear.alerts()))
            contains(ear.alerts()[0], "has failed with exit status 2", "renewed certificates do not reach")
            equal((show(TELLER, "Result"), mails()), ("success", []))


@test
def failed_settings_that_others_can_read_are_refused():
    for mode, owner, words in ((0o644, "root", "chmod 0600"), (0o640, "root", "chmod 0600"), (0o600, "certferry", "chown 0")):
        with telling("mail=root\n" + url("ok"), mode=mode) as ear:
            shutil.chown(SETTINGS, owner, owner)
            reject_configuration()
            ear.wait()
            equal((show(TELLER, "Result"), mails(), Receiver.posts), ("exit-code", [], []))
            equal(len(ear.alerts()), 2, str(ear.alerts()))
            contains(ear.alerts()[0], "exit status 2")
            contains(ear.alerts()[1], "failed.conf", words, "only this journal has the message")


@test
def failed_ways_that_fail_are_said_and_stop_no_other():
    settings = "mail=root\n" + url("absent") + "".join(
        f"url=https://localhost:{PORT}/{kind}/{SECRET}\n" for kind in ("moved", "ok"))
    with telling(settings) as ear:
        Path("/run/test-mails-status").write_text("75")
        reject_configuration()
        ear.wait()
        equal((show(TELLER, "Result"), len(mails())), ("exit-code", 1))
        equal([path.split("/")[1] for path, _, _ in Receiver.posts], ["absent", "moved", "ok"])
        equal(len(ear.alerts()), 4, str(ear.alerts()))
        contains(str(ear.alerts()), "HTTP 404", "HTTP 302, a redirect, which is not followed", "exit status 75")
        equal(SECRET in json.dumps(journal(ear.since)), False, "the URL in the journal")


@test
def failed_posts_are_tried_again_and_only_to_whom_verifies():
    with telling(url("busy")) as ear:
        reject_configuration()
        wait_for(lambda: len(Receiver.posts) == 3, 40, "three tries")
        ear.wait()
        equal((show(TELLER, "Result"), len(ear.alerts())), ("success", 1))
    # Without ca_file the system's authorities count, who know nothing of this one.
    with telling(url("ok").split("ca_file")[0]) as ear:
        reject_configuration()
        ear.wait()
        equal((show(TELLER, "Result"), Receiver.posts), ("exit-code", []))
        contains(ear.alerts()[1], "Failed to post", "certificate")


@test
def failed_without_a_mail_server_is_said():
    with telling("mail=root\n", sendmail=False) as ear:
        reject_configuration()
        ear.wait()
        equal(len(ear.alerts()), 2, str(ear.alerts()))
        contains(ear.alerts()[1], "/usr/sbin/sendmail", "No such file")


@test
def failed_test_message_is_sent_by_hand():
    with telling("mail=root\n" + url("ok")) as ear:
        run("systemctl", "start", TELLER)
        ear.wait()
        equal((len(mails()), Receiver.posts[0][2]["occasion"], ear.alerts()), (1, "test", []))
        contains(mails()[0], "test of certferry-failed.service")


@test
def failed_without_a_bus_is_said_and_told_once():
    """At once where OnFailure= comes with each end (systemd 254 and later), otherwise when there is a bus again."""
    with telling("mail=root\n") as ear:
        end_daemon(signal.SIGKILL)
        end_daemon(signal.SIGKILL)
        run("systemctl", "stop", "dbus.socket", "dbus.service")
        try:
            end_daemon(signal.SIGKILL)
            wait_for(ear.alerts, 10, "the alert of certferry-stopped")
            contains(ear.alerts()[0], "nobody might notice", "systemctl status certferryd")
        finally:
            run("systemctl", "start", "dbus.socket", "dbus.service")
            run("systemctl", "restart", "polkit.service")
        end_daemon(signal.SIGKILL)
        end_daemon(signal.SIGKILL)
        ear.wait()
        equal(len(mails()), 1)
        contains(mails()[0], "keeps failing")


@test
def failed_teller_that_fails_is_said():
    override = UNITS / f"{TELLER}.d/10-broken.conf"
    override.parent.mkdir(parents=True, exist_ok=True)
    override.write_text("[Service]\nExecStart=\nExecStart=/usr/libexec/certferry/no-such-program\n")
    try:
        with telling("mail=root\n") as ear:
            reject_configuration()
            wait_for(ear.alerts, 10, "an alert")
            contains(ear.alerts()[0], "certferry-failed itself failed (exited 203)")
    finally:
        override.unlink()
        reload_units()


@test
def failed_for_good_by_a_drop_in_is_told():
    """Restart=no: the first unclean end is the last, and only OnFailure= knows."""
    with telling("mail=root\n", dropin="Restart=no") as ear:
        run("systemctl", "restart", DAEMON)
        os.kill(daemon_pid(), signal.SIGKILL)
        ear.wait()
        contains(mails()[0], "has failed with SIGKILL (signal)", "systemd does not start it again")
