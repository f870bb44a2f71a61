# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the daemon, and what the daemon's user may do to the host."""

import pwd
import subprocess

from tests.system.bed import contains, equal, invocation, is_active, run, show, test, wait_for
from tests.system.world import DAEMON, daemon_pid, sync, world

MANAGER = ("org.certferry1", "/org/certferry1", "org.certferry1.Manager")
SYSTEMD = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")


def call(*words, user=None):
    """busctl call: "" or what it was refused with."""
    done = run("busctl", "call", "--timeout=10", *words, user=user, check=False, timeout=30)
    return done.stderr if done.returncode else ""


@test
def access_is_for_root_and_the_group():
    world()
    for user in (None, "alice"):
        done = run("certferry", "status", user=user, check=False)
        equal(done.returncode in (0, 1, 3), True, f"{user}: {done.stderr}")
        for words in (("status", "--all"), ("status", "--json"), ("plan", "--json"), ("adopt", "--json")):
            done = run("certferry", *words, user=user, check=False)
            answered = done.returncode in (0, 1, 3) and "does not respond" not in done.stderr
            equal(answered, True, f"{user}: {words}: {done.returncode} {done.stderr}")
    for user in ("bob", "nobody"):
        for words in (("status",), ("plan",), ("sync",), ("approve",)):
            done = run("certferry", *words, user=user, check=False)
            equal(done.returncode, 5, f"{user} {words}: {done.stdout} {done.stderr}")


@test
def access_is_denied_on_the_bus_itself():
    world()
    for user in ("bob", "nobody"):
        for words in (
            ("Status",), ("Sync", "s", ""), ("Approve", "s", ""), ("Plan",), ("Candidates",),
        ):  # fmt: skip
            contains(call(*MANAGER, *words, user=user), "Access denied")
        equal(run("busctl", "introspect", *MANAGER[:2], user=user, check=False).returncode != 0, True)
        done = run("busctl", "get-property", *MANAGER, "Version", user=user, check=False)
        contains(done.stderr, "Access denied")
        properties = (*MANAGER[:2], "org.freedesktop.DBus.Properties")
        contains(call(*properties, "GetAll", "s", MANAGER[2], user=user), "Access denied")
        contains(call(*properties, "Get", "ss", MANAGER[2], "SourceProblem", user=user), "Access denied")
        # Nor by its number.
        unique = run("busctl", "--list", "--no-legend", "list").stdout
        number = next(line.split()[0] for line in unique.splitlines() if line.startswith(":") and str(daemon_pid()) in line)
        contains(call(number, *MANAGER[1:], "Status", user=user), "Access denied")
    equal(call(*MANAGER, "Status"), "")
    equal(call(*MANAGER, "Status", user="alice"), "")


@test
def access_of_the_group_is_what_the_rule_names():
    """By the real polkit: not by what its actions have in common, and not what widens trust."""
    world()
    process = subprocess.Popen(["runuser", "-u", "alice", "--", "sleep", "60"])
    try:
        wait_for(lambda: run("pgrep", "-P", str(process.pid), check=False).stdout, what="alice's process")
        pid = run("pgrep", "-P", str(process.pid)).stdout.strip()
        may = {
            name: run("pkcheck", "--action-id", f"org.certferry1.{name}", "--process", pid, check=False).returncode == 0
            for name in ("sync", "approve", "adopt", "pause", "reload", "approve-trust", "withdraw")
        }
    finally:
        process.terminate()
        process.wait()
    equal([name for name, is_allowed in may.items() if not is_allowed], ["approve-trust", "withdraw"])


@test
def access_to_the_name_is_the_daemons_alone():
    world()
    run("systemctl", "stop", DAEMON)
    try:
        for user in ("bob", "alice", "nobody"):
            done = run("busctl", "--timeout=5", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                       "org.freedesktop.DBus", "RequestName", "su", "org.certferry1", "0", user=user, check=False)  # fmt: skip
            contains(done.stderr, "denied")
        equal(run("certferry", "sync", check=False).returncode, 5, "no daemon")
    finally:
        run("systemctl", "start", DAEMON)


@test
def access_fails_closed_without_polkit():
    world()
    run("systemctl", "mask", "--runtime", "--now", "polkit.service")
    try:
        for words in (("Sync", "s", ""), ("Approve", "s", "")):
            equal(call(*MANAGER, *words, user="alice") != "", True, f"{words[0]} without polkit")
        equal(call(*MANAGER, "Status", user="alice"), "", "reading asks nobody")
        equal(call(*MANAGER, "Sync", "s", "web/files", user="root"), "", "root passes")
    finally:
        run("systemctl", "unmask", "--runtime", "polkit.service")
        run("systemctl", "start", "polkit.service")
    equal(call(*MANAGER, "Sync", "s", "web/files", user="alice"), "", "sync by the group's rule")


@test
def access_of_the_daemons_user_is_its_units_and_verbs():
    world()
    run("systemctl", "start", "web.service", "mail.service")
    web, mail = invocation("web.service"), invocation("mail.service")
    allowed = {
        ("ReloadOrTryRestartUnit", "web.service"), ("TryRestartUnit", "web.service"),  # where its reload was in vain
        ("TryRestartUnit", "mail.service"),
        ("TryRestartUnit", "idle.service"), ("TryRestartUnit", "slow.service"), ("StartUnit", "deploy.service"),
    }  # fmt: skip
    methods = (
        "StartUnit", "StopUnit", "ReloadUnit", "RestartUnit", "TryRestartUnit", "ReloadOrRestartUnit",
        "ReloadOrTryRestartUnit",
    )  # fmt: skip
    names = (
        "web.service", "mail.service", "deploy.service", "polkit.service", "nginx.service", "nowhere.service",
        "certferryd.service", "rescue.target", "web.service ", "./web.service", "Web.service", "web", "web.service/../x",
    )  # fmt: skip
    cells = 0
    for method in methods:
        for name in names:
            if (method, name) not in allowed:
                refused = call(*SYSTEMD, method, "ss", name, "replace", user="certferry")
                equal(refused != "", True, f"certferry may {method} {name!r}")
                cells += 1
    for words in (
        ("KillUnit", "ssi", "web.service", "all", "9"),
        ("SetUnitProperties", "sba(sv)", "web.service", "true", "1", "CPUWeight", "t", "10"),
        ("EnqueueUnitJob", "sss", "web.service", "restart", "replace"),
        ("MaskUnitFiles", "asbb", "1", "web.service", "true", "false"),
        ("EnableUnitFiles", "asbb", "1", "web.service", "true", "false"),
        ("Reload",), ("PowerOff",), ("Exit",),
    ):  # fmt: skip
        equal(call(*SYSTEMD, *words, user="certferry") != "", True, f"certferry may {words[0]}")
        cells += 1
    equal(cells > 60, True, f"{cells} cells")
    equal((invocation("web.service"), invocation("mail.service")), (web, mail), "untouched")
    for method, name in sorted(allowed):
        equal(call(*SYSTEMD, method, "ss", name, "replace", user="certferry"), "", f"{method} {name}")
        for user in ("bob", "alice", "nobody"):
            equal(call(*SYSTEMD, method, "ss", name, "replace", user=user) != "", True, f"{user} may {method} {name}")
    wait_for(lambda: is_active("web.service") and is_active("mail.service"), 10, "both are up")
    equal(show("idle.service", "ActiveState"), "inactive")


# Prints a line when it listens, and one for each change of a property that it is told of.
LISTEN = """
import socket, sys
from tests.scenarios.bus import Connection
connection = Connection("unix:path=/run/dbus/system_bus_socket")
connection.call_bus("AddMatch", "s", "type='signal',path='/org/certferry1'")
print("listening", flush=True)
connection.socket.settimeout(8)
try:
    while True:
        message = connection._read()
        if message.member == "PropertiesChanged":
            print(*message.arguments[1], flush=True)
except TimeoutError:
    pass
"""


@test
def access_to_changes_of_properties_is_for_root_and_the_group():
    world()
    listeners = {}
    for user in ("root", "alice", "bob", "nobody"):
        words = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups", "--"]
        listeners[user] = subprocess.Popen([*words, "/usr/bin/python3", "-c", LISTEN], stdout=subprocess.PIPE, text=True)
        equal(listeners[user].stdout.readline(), "listening\n", user)
    sync()  # a poll
    told = {user: "LastPoll" in listener.communicate(timeout=30)[0] for user, listener in listeners.items()}
    equal(told, {"root": True, "alice": True, "bob": False, "nobody": False})


@test
def access_by_signals_is_closed():
    """Who may not ask overhears nothing either."""
    world()
    watcher = subprocess.Popen(
        ["setpriv", "--reuid=nobody", "--regid=65534", "--clear-groups", "busctl", "--json=short", "monitor"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        contains(watcher.communicate(timeout=10)[0], "denied")
    except subprocess.TimeoutExpired:
        watcher.kill()
        raise AssertionError("nobody may monitor the bus") from None
