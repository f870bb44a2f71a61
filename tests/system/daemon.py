# SPDX-License-Identifier: Apache-2.0
"""The daemon as shipped, from a renewal to what is served; every violation of its sandbox would kill it."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

from tests.system.bed import (
    contains, equal, fingerprint, invocation, is_active, journal, reload_units, run, show, test, wait_for,
)  # fmt: skip
from tests.system.world import (
    CONFIG, DAEMON, DROPIN, FILES, FLAGS, GROUP, GROUP_FILES, answers, daemon_pid, delivery, dependent, in_sync, served_fingerprint, stat_words,
    status, stopwatch, sync, world,
)  # fmt: skip


@test
def daemon_carries_a_renewal_to_nginx():
    w = world()
    first = w.fingerprint("web")
    equal(fingerprint(FILES / "web/fullchain.pem"), first)
    equal(served_fingerprint(), first)
    kept = invocation("web.service")
    new = w.renew("web")
    equal(sync("web/files", check=True).returncode, 0)
    wait_for(lambda: served_fingerprint() == new, 10, "nginx serves the new certificate")
    equal(fingerprint(FILES / "web/fullchain.pem"), new)
    equal(invocation("web.service"), kept, "a reload, not a restart")
    wait_for(lambda: dependent("web")["state"] not in ("owed", "telling"), 15, "web is told")
    contains(dependent("web")["proof"] or "", "matched")


@test
def daemon_is_ready_and_says_what_it_does():
    world()
    active, result, restarts, text = show(DAEMON, "ActiveState", "Result", "NRestarts", "StatusText")
    equal((active, result, restarts), ("active", "success", "0"))
    equal(bool(text), True, "STATUS=")
    equal(show(DAEMON, "WatchdogUSec"), "1min")


@test
def daemon_hands_out_files_to_whom_they_are_for():
    world()
    equal(stat_words(FILES), "2750 certferry:certferry")
    equal(stat_words(FILES / "web/privkey.pem"), "0640 certferry:certferry")
    equal(stat_words("/var/lib/certferry"), "0700 certferry:certferry")
    # And not to others.
    equal(run("cat", FILES / "web/privkey.pem", user="bob", check=False).returncode, 1)


@test
def daemon_hands_out_files_to_another_group():
    w = world()
    w.configure_group()
    try:
        run("systemctl", "reload", DAEMON)
        wait_for(lambda: delivery("group/group-files"), 5, "the delivery is configured")
        sync("group/group-files")
        equal(delivery("group/group-files")["reason"], None)
        equal(stat_words(GROUP_FILES), "2750 certferry:ssl-cert")
        equal(stat_words(GROUP_FILES / "group/haproxy.pem"), "0640 certferry:ssl-cert")
        run("usermod", "-aG", "ssl-cert", "alice")
        equal(run("cat", GROUP_FILES / "group/haproxy.pem", user="alice", check=False).returncode, 0)
        equal(run("cat", GROUP_FILES / "group/haproxy.pem", user="bob", check=False).returncode, 1)
    finally:
        GROUP.unlink()
        run("systemctl", "reload", DAEMON)


@test
def daemon_refuses_directories_that_others_can_rename():
    """As the unit sees them: users of the host look like nobody to it, and root like root."""
    w = world()
    w.configure_group()
    try:
        run("systemctl", "reload", DAEMON)
        wait_for(lambda: delivery("group/group-files"), 5, "the delivery is configured")
        sync("group/group-files")
        equal(delivery("group/group-files")["state"], "current")
        shutil.chown(GROUP_FILES.parent, "alice")
        w.renew("group")
        sync("group/group-files")
        equal("another user owns '/srv' and could" in (delivery("group/group-files")["reason"] or ""), True, "it says what to do")
        shutil.chown(GROUP_FILES.parent, "root")
        sync("group/group-files")
        equal((delivery("group/group-files")["state"], delivery("group/group-files")["reason"]), ("current", None))
    finally:
        shutil.chown(GROUP_FILES.parent, "root")
        GROUP.unlink()
        run("systemctl", "reload", DAEMON)


@test
def daemon_runs_the_program_that_has_its_keys():
    """credential_process: a script, which the sandbox forbids to run until the drop-in allows it."""
    w = world()
    config, keys, helper = (Path(name) for name in (
        "/etc/certferry/aws-config", "/etc/certferry/keys.json", "/usr/local/bin/certferry-keys"))  # fmt: skip
    mine = w.cloud.keys(user="certferry")
    answer = {"Version": 1, "AccessKeyId": mine["access_key"], "SecretAccessKey": mine["secret_key"]}
    keys.write_text(json.dumps(answer))
    shutil.chown(keys, "root", "certferry")
    keys.chmod(0o640)
    helper.parent.mkdir(parents=True, exist_ok=True)
    helper.write_text(f'#!/bin/sh\nread line <{keys} || [ "$line" ]\necho "$line"\n')
    helper.chmod(0o755)
    before, credentials = DROPIN.read_text(), Path("/etc/certferry/aws-credentials")
    credentials.rename("/etc/certferry/aside")
    config.write_text(f"[default]\ncredential_process = {helper}\n")
    try:
        run("systemctl", "restart", DAEMON)
        equal(sync("web/files").returncode, 1)
        contains(str(journal("-u", DAEMON)[-10:]), f"start '{helper}': Permission denied")
        DROPIN.write_text(run("certferryd", "--unit-dropin").stdout)
        contains(DROPIN.read_text(), f'ExecPaths="-{helper}"', 'ExecPaths="-/bin/sh"')
        reload_units()
        run("systemctl", "restart", DAEMON)
        w.renew("web")
        equal(sync("web/files").returncode, 0)
        wait_for(lambda: fingerprint(FILES / "web/fullchain.pem") == w.fingerprint("web"), 10, "delivered")
    finally:
        config.unlink()
        Path("/etc/certferry/aside").rename(credentials)
        DROPIN.write_text(before)
        reload_units()
        run("systemctl", "restart", DAEMON)


@test
def daemon_takes_its_keys_from_a_credential():
    """By the drop-in as shipped: the way to the copy that systemd makes is nobody else's."""
    w = world()
    keys, credential = Path("/etc/certferry/aws-credentials"), Path("/etc/certferry/credentials")
    drop_in = Path(f"/etc/systemd/system/{DAEMON}.d/credentials.conf")
    drop_in.parent.mkdir(exist_ok=True)
    shutil.copy("systemd/drop-ins/credentials.conf", drop_in)
    keys.rename(credential)
    shutil.chown(credential, "root", "root")
    credential.chmod(0o600)
    try:
        reload_units()
        run("systemctl", "restart", DAEMON)
        w.renew("web")
        planned = run("certferryd", "--as-unit", "--once", "--dry-run", check=False)
        equal(planned.returncode, 3, planned.stderr)
        equal(run("certferryd", "--as-unit", "--check", "--config=/nonexistent", check=False).returncode, 2)
        equal(sync("web/files").returncode, 0)
        wait_for(lambda: fingerprint(FILES / "web/fullchain.pem") == w.fingerprint("web"), 10, "delivered")
    finally:
        credential.rename(keys)
        shutil.chown(keys, "root", "certferry")
        keys.chmod(0o640)
        drop_in.unlink()
        reload_units()
        run("systemctl", "restart", DAEMON)


@test
def daemon_runs_scripts_as_units():
    w = world()
    log = FLAGS / "deploy"
    wait_for(log.exists, 10, "the script ran for the first delivery")
    before = len(log.read_text().splitlines())
    w.renew("idle")
    sync("idle/files")
    wait_for(lambda: dependent("script")["owed"] == 0, 10, "the script has run")
    equal(len(log.read_text().splitlines()), before + 1, "once")


@test
def daemon_leaves_stopped_units_alone():
    w = world()
    wait_for(lambda: in_sync("idle"), 20, "idle delivered")
    w.renew("idle")
    # 3 where the script beside it is held back by its start limit.
    contains("0 3", str(sync("idle/files").returncode))
    equal(show("idle.service", "ActiveState"), "inactive")
    equal(dependent("idle")["owed"], 0)


@test
def daemon_reports_a_unit_that_dies_and_recovers():
    w = world()
    flag = FLAGS / "mail"
    flag.touch()
    try:
        w.renew("mail")
        done = sync("mail/files")
        equal(done.returncode, 1, done.stdout + done.stderr)
        contains(dependent("mail")["reason"], "mail.service", "systemctl status")
        equal(dependent("mail")["owed"], 1, "still owed")
        equal(delivery("mail/files")["seen"]["fingerprint"], w.fingerprint("mail"), "delivered all the same")
    finally:
        flag.unlink()
    # An administrator repairs it: its start has read the new version, so that nothing is owed.
    run("systemctl", "restart", "mail.service")
    kept = invocation("mail.service")
    equal(sync("mail/files").returncode, 0)
    equal(dependent("mail")["owed"], 0)
    equal(invocation("mail.service"), kept, "not restarted once more")


@test
def daemon_gives_up_on_a_unit_that_hangs():
    w = world()
    kept = invocation("slow.service")
    (FLAGS / "slow").write_text("8")
    clock = stopwatch()
    try:
        w.renew("slow")
        equal(sync("slow/files").returncode, 1)
        equal(clock() < 8, True, "given up in time")
        contains(dependent("slow")["reason"], "slow.service", "may still run")
    finally:
        (FLAGS / "slow").unlink()
    # The job that was given up was done in the end: that is found out, and no second one is started.
    wait_for(lambda: is_active("slow.service"), 15, "slow.service is up at last")
    after = invocation("slow.service")
    equal(after != kept, True, "restarted")
    equal(sync("slow/files").returncode, 0)
    equal(invocation("slow.service"), after, "restarted once")
    equal(dependent("slow")["owed"], 0)


@test
def daemon_killed_while_a_job_runs_does_not_repeat_it():
    w = world()
    log = FLAGS / "slow-log"
    (FLAGS / "slow").write_text("2")
    try:
        w.renew("slow")
        before = len(log.read_text().splitlines())
        run("certferry", "sync", "--no-wait", "slow/files")
        wait_for(lambda: len(log.read_text().splitlines()) > before, 15, "the restart has begun")
        old = daemon_pid()
        os.kill(old, signal.SIGKILL)
        run("systemctl", "reset-failed", DAEMON, check=False)
        run("systemctl", "restart", DAEMON, timeout=30)
        equal(daemon_pid() != old, True, "a new daemon")
        wait_for(lambda: dependent("slow")["owed"] == 0, 30, "nothing is owed")
    finally:
        (FLAGS / "slow").unlink()
    equal(len(log.read_text().splitlines()), before + 1, "restarted once")


@test
def daemon_writes_to_the_journal_with_fields():
    w = world()
    run("journalctl", "--sync")
    w.renew("web")
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    sync("web/files", check=True)
    records = [
        record for record in journal("-u", DAEMON, "--since", since) if record.get("CERTFERRY_DELIVERY") == "web/files"
    ]
    equal(bool(records), True, "records of the delivery")
    record = next(record for record in records if record.get("MESSAGE_ID"))
    equal(record["SYSLOG_IDENTIFIER"], "certferryd")
    equal(len(record["MESSAGE_ID"]), 32)
    told = journal("-u", DAEMON, "CERTFERRY_UNIT=web.service")
    equal(bool(told), True, "records of the unit")
    # The catalog explains it.
    text = run("journalctl", "-x", "-u", DAEMON, f"MESSAGE_ID={record['MESSAGE_ID']}", "-n", "1", "-o", "short").stdout
    equal("░░" in text or "-- " in text, True, f"no catalog entry for {record['MESSAGE_ID']}: {text}")
    # Nothing secret got there.
    everything = json.dumps(journal("-u", DAEMON))
    equal("PRIVATE KEY" in everything, False)
    for secret in (w.cloud.keys(w.cloud.source, "certferry")["secret_key"],):
        equal(secret in everything, False, "the secret key")


@test
def daemon_reloads_its_configuration():
    w = world()
    pid = daemon_pid()
    text = CONFIG.read_text()
    w.arns["more"] = w.issue("more")
    try:
        CONFIG.write_text(
            text.replace("certificates:\n", f"certificates:\n  more: {{arn: '{w.arns['more']}', deliver: [{{to: files}}]}}\n")
        )
        run("systemctl", "reload", DAEMON)
        wait_for(lambda: (FILES / "more/fullchain.pem").exists(), 20, "the new delivery")
        # One that is wrong leaves the old one running.
        CONFIG.write_text(text + "pol: 1m\n")
        equal(run("systemctl", "reload", DAEMON, check=False).returncode, 1, "the reload says so")
        equal(show(DAEMON, "ActiveState"), "active")
        status = run("certferry", "status", check=False)
        equal(status.returncode, 1)
        contains(status.stdout, "unknown key 'pol'")
        wait_for(
            lambda: any("unknown key 'pol'" in str(record["MESSAGE"]) for record in journal("-u", DAEMON)),
            10,
            "the rejection is in the journal",
        )
        equal(delivery("more/files") is not None, True, "the old configuration is still in force")
    finally:
        CONFIG.write_text(text)
        run("systemctl", "reload", DAEMON)
    wait_for(lambda: delivery("more/files") is None, 10, "the delivery is gone from the configuration")
    equal(daemon_pid(), pid, "the same process")
    equal((FILES / "more/fullchain.pem").exists(), True, "what no longer matches is left where it is")


@test
def daemon_ends_within_two_seconds():
    w = world()
    clock = stopwatch()
    run("systemctl", "stop", DAEMON)
    equal(clock() < 2, True, f"{clock():.1f} s when idle")
    equal(show(DAEMON, "Result"), "success")
    run("systemctl", "start", DAEMON)
    # In the midst of slow answers.
    w.renew("web")
    w.cloud.fault("delay", seconds=20)
    run("certferry", "sync", "--no-wait")
    time.sleep(0.5)
    clock = stopwatch()
    run("systemctl", "stop", DAEMON)
    equal(clock() < 2.5, True, f"{clock():.1f} s when busy")
    equal(show(DAEMON, "Result"), "success")
    w.cloud.clear_faults()
    run("systemctl", "start", DAEMON)
    wait_for(lambda: served_fingerprint() == w.fingerprint("web"), 30, "carried after the restart")


@test
def daemon_refuses_a_second_instance():
    world()
    clock = stopwatch()
    done = run(
        "env", "STATE_DIRECTORY=/var/lib/certferry", "certferryd", "--once", user="certferry", check=False, timeout=20
    )
    equal(done.returncode, 4, done.stderr)
    equal(clock() < 1, True, "at once")
    contains(done.stderr, "/var/lib/certferry")


@test
def daemon_run_once_by_root_is_the_units_user():
    w = world()
    access = Path("/etc/default/certferry").read_text().split()
    keys = "AWS_SHARED_CREDENTIALS_FILE=/etc/certferry/aws-credentials"
    run("systemctl", "stop", DAEMON)
    try:
        before = w.renew("web")
        plan = run("env", *access, keys, "certferryd", "--once", "--dry-run", check=False)
        equal(plan.returncode, 3, plan.stderr)
        contains(plan.stdout, "deliver web to files")
        contains(plan.stderr, "Running as user 'certferry'")
        equal("chown" in plan.stderr or "remove" in plan.stderr, False, plan.stderr)
        planned = run("certferryd", "--as-unit", "--once", "--dry-run", check=False)
        equal((planned.returncode, planned.stdout), (3, plan.stdout), planned.stderr)
        run("env", *access, keys, "certferryd", "--once", check=False)
        equal(fingerprint(FILES / "web/fullchain.pem"), before)
        equal(stat_words(FILES / "web/privkey.pem"), "0640 certferry:certferry")
        strangers = run("find", "/var/lib/certferry", FILES, "!", "-user", "certferry").stdout
        equal(strangers, "", "all of it is the daemon's")
    finally:
        run("systemctl", "start", DAEMON)


@test
def daemon_without_configuration_is_not_started():
    world()
    aside = CONFIG.with_suffix(".aside")
    run("systemctl", "stop", DAEMON)
    CONFIG.rename(aside)
    try:
        run("systemctl", "start", DAEMON)
        equal(show(DAEMON, "ActiveState", "Result"), ["inactive", "success"])
        # A wrong one is said, and not tried again and again.
        CONFIG.write_text("polll: 1m\n")
        run("systemctl", "start", DAEMON, check=False)
        wait_for(lambda: show(DAEMON, "ActiveState") == "failed", 5, "failed")
        equal(show(DAEMON, "ExecMainStatus", "NRestarts"), ["2", "0"])
    finally:
        aside.rename(CONFIG)
        run("systemctl", "reset-failed", DAEMON, check=False)
        run("systemctl", "start", DAEMON)


@test
def daemon_survives_the_bus():
    w = world()
    pid = daemon_pid()
    run("systemctl", "restart", "dbus.service", check=False)
    run("systemctl", "restart", "polkit.service")
    equal(daemon_pid(), pid, "the same process")
    # It tries by itself every minute; a reload is an order to try now.
    run("systemctl", "reload", DAEMON)
    wait_for(answers, 10, "it has its name back")
    new = w.renew("web")
    sync("web/files", check=True)
    wait_for(lambda: served_fingerprint() == new, 10, "nginx serves the new certificate")


@test
def daemon_never_left_its_sandbox():
    """Last: no process of it was killed for a system call."""
    world()
    equal(show(DAEMON, "ActiveState"), "active")
    deaths = [
        record["MESSAGE"]
        for record in journal("_PID=1", f"UNIT={DAEMON}")
        if "code=dumped" in record["MESSAGE"] or "status=31" in record["MESSAGE"]
    ]
    equal(deaths, [])
    mode = next(
        line.split()[1] for line in Path(f"/proc/{daemon_pid()}/status").read_text().splitlines() if "Seccomp:" in line
    )
    equal(mode, "2", "a system call filter is in force")
    equal([item["name"] for item in status()["deliveries"] if item["state"] == "failed"], [])
