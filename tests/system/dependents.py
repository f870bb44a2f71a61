# SPDX-License-Identifier: Apache-2.0
"""Units as dependents: what telling does to real ones, by the daemon's own code as the daemon's user.

The instrument is tests/unit/shell/test_dependent_live.
"""

import re
import threading
import time
from pathlib import Path

from tests.system.bed import (
    BUILD, contains, equal, invocation, is_active, reload_units, run, running, show, test, unit, wait_for,
)  # fmt: skip

LIVE = BUILD / "tests/unit/shell/test_dependent_live"
RULES = Path("/etc/polkit-1/rules.d/50-certferry.rules")
FLAGS = Path("/run/flags")  # a unit misbehaves while its flag is there

UNITS = {
    "good.service": ("restart", "Type=exec\nExecStart=sleep infinity"),
    "reloads.service": ("reload", "ExecStart=sleep infinity\nExecReload=touch /run/flags/reloaded"),
    "both.service": ("reload-or-restart", "ExecStart=sleep infinity\nExecReload=touch /run/flags/both"),
    "either.service": ("reload-or-restart", "ExecStart=sleep infinity"),
    "deaf.service": ("reload", "ExecStart=sleep infinity"),
    "refuses.service": ("reload", "ExecStart=sleep infinity\nExecReload=false"),
    "dies.service": ("restart", "Type=exec\nExecStart=sh -c 'sleep 0.3; ! [ -e /run/flags/dies ]; exec sleep infinity'"),
    "flaps.service": (
        "restart",
        "Type=exec\nRestart=always\nRestartSec=100ms\n"
        "ExecStart=sh -c 'sleep 0.2; [ -e /run/flags/flaps ] || exec sleep infinity; exit 1'",
    ),
    "unready.service": (
        "restart",
        "Type=notify\nNotifyAccess=all\nTimeoutStartSec=1\n"
        "ExecStart=sh -c '[ -e /run/flags/unready ] || systemd-notify --ready; exec sleep infinity'",
    ),
    "hangs.service": (
        "restart",
        "Type=notify\nNotifyAccess=all\nTimeoutStartSec=60\n"
        "ExecStart=sh -c '[ -e /run/flags/hangs ] || systemd-notify --ready; exec sleep infinity'",
    ),
    "stuck.service": (
        "reload-or-restart",
        "Type=notify\nNotifyAccess=all\nTimeoutStartSec=2\nExecReload=systemd-notify RELOADING=1\n"
        "ExecStart=sh -c 'systemd-notify --ready; exec sleep infinity'",
    ),
    "limited.service": ("restart", "ExecStart=sleep infinity"),
    "conditional.service": ("restart", "ExecStart=sleep infinity"),
    "stopped.service": ("restart", "ExecStart=sleep infinity"),
    "failed.service": ("restart", "ExecStart=sh -c 'sleep 0.1; exit 3'"),
    "masked.service": ("restart", "ExecStart=sleep infinity"),
    "script.service": ("start", "Type=oneshot\nExecStart=sh -c 'echo run >>/run/flags/script'"),
    "script-fails.service": ("start", "Type=oneshot\nExecStart=sh -c 'exit 7'"),
    "script-slow.service": ("start", "Type=oneshot\nExecStart=sh -c 'echo run >>/run/flags/slow; sleep 1.5'"),
    "script-stays.service": ("start", "Type=oneshot\nRemainAfterExit=yes\nExecStart=true"),
    "script-restarted.service": ("restart", "Type=oneshot\nExecStart=true"),
    "daemon-started.service": ("start", "ExecStart=sleep infinity"),
    "templated@one.service": ("restart", "ExecStart=sleep infinity"),
}
HEADS = {
    "limited.service": "StartLimitIntervalSec=300\nStartLimitBurst=3",
    "conditional.service": "ConditionPathExists=!/run/flags/conditional",
}
prepared = False


def prepare():
    global prepared
    if prepared:
        return
    FLAGS.mkdir(exist_ok=True)
    run("chmod", "1777", FLAGS)
    for name, (_, service) in UNITS.items():
        unit(name.replace("@one", "@"), f"[Unit]\n{HEADS.get(name, 'StartLimitIntervalSec=0')}\n[Service]\n{service}")
    (FLAGS / "placeholder").touch()
    reload_units()
    RULES.parent.mkdir(parents=True, exist_ok=True)
    RULES.write_text(rule(*(f"{name}={action}" for name, (action, _) in UNITS.items())))
    run("systemctl", "restart", "polkit.service")
    prepared = True


def rule(*pairs):
    return run(LIVE, "rule", *pairs).stdout + "\n"


def look(name, action=None):
    """What dependent_look() sees, by name."""
    text = run(LIVE, "look", name, action or UNITS[name][0], user="certferry").stdout
    return dict(line.split("=", 1) for line in text.splitlines())


def tell(name, action=None, timeout=10.0, settle=0.5, not_before=0, intent=(), user="certferry"):
    """The words of dependent_tell(): "done", "stopped" or "failed KIND: text"."""
    words = [name, action or UNITS[name][0], int(timeout * 1000), int(settle * 1000), not_before, *intent]
    return run(LIVE, "tell", *words, user=user).stdout


def now_usec():
    return int(time.time() * 1000000)


class flag:
    """A flag that is set meanwhile."""

    def __init__(self, name):
        self.path = FLAGS / name

    def __enter__(self):
        self.path.touch()

    def __exit__(self, *_):
        self.path.unlink(missing_ok=True)


@test
def dependent_restart_is_a_new_invocation():
    prepare()
    with running("good.service"):
        before = invocation("good.service")
        equal(tell("good.service"), "done")
        after = invocation("good.service")
        if after == before:
            raise AssertionError("the invocation is the same")
        view = look("good.service")
        equal(view["invocation"], after)
        equal(view["state"], "0")


@test
def dependent_reload_keeps_the_invocation():
    prepare()
    with running("reloads.service"):
        before, changed = invocation("reloads.service"), int(look("reloads.service")["state_changed"])
        equal(tell("reloads.service"), "done")
        equal(invocation("reloads.service"), before)
        equal((FLAGS / "reloaded").exists(), True)
        view = look("reloads.service")
        equal(int(view["state_changed"]) > changed, True, "the state's change is seen")
        equal(view["spacing"], "0", "reloads are not limited")


@test
def dependent_reload_or_restart_does_what_the_unit_can():
    prepare()
    with running("both.service"), running("either.service"):
        kept, new = invocation("both.service"), invocation("either.service")
        equal(tell("both.service"), "done")
        equal(tell("either.service"), "done")
        equal(invocation("both.service"), kept)
        equal((FLAGS / "both").exists(), True)
        equal(invocation("either.service") != new, True, "a new invocation")


@test
def dependent_without_reload_is_told_what_to_configure():
    prepare()
    with running("deaf.service"):
        contains(tell("deaf.service"), "failed invalid", "deaf.service", "ExecReload=", "reload-or-restart")


@test
def dependent_that_cannot_reload_keeps_running_and_is_reported():
    prepare()
    with running("refuses.service"):
        contains(tell("refuses.service"), "failed retry", "failed to reload", "systemctl status")
        equal(is_active("refuses.service"), True)


@test
def dependent_that_dies_after_its_start_is_seen():
    prepare()
    unit("dies.service", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\n"
         "ExecStart=sh -c 'sleep 0.3; [ -e /run/flags/dies ] && exit 1; exec sleep infinity'")  # fmt: skip
    reload_units()
    with running("dies.service"), flag("dies"):
        contains(tell("dies.service", settle=1), "failed retry", "dies.service", "exit-code")
        contains(tell("dies.service"), "failed retry", "failed state", "starts no unit that is down", "systemctl status")


@test
def dependent_that_flaps_is_seen():
    prepare()
    with running("flaps.service"), flag("flaps"):
        contains(tell("flaps.service", settle=1), "failed retry", "flaps.service", "died after its start")


@test
def dependent_that_never_gets_ready_fails_its_job():
    prepare()
    with running("unready.service"), flag("unready"):
        contains(tell("unready.service"), "failed retry", "did not come up again (job failed)", "timeout")


@test
def dependent_that_hangs_is_given_up_in_time():
    prepare()
    with running("hangs.service"):
        with flag("hangs"):
            began = time.monotonic()
            contains(tell("hangs.service", timeout=1), "failed retry", "may still run", "systemctl list-jobs")
            equal(time.monotonic() - began < 2, True, "within its time limit")
            # A second try while the first one's job runs waits for that.
            contains(tell("hangs.service", timeout=1), "failed retry", "busy", "hangs.service")
        run("systemctl", "kill", "--signal=KILL", "hangs.service")


@test
def dependent_that_stays_reloading_is_restarted():
    prepare()
    with running("stuck.service"):
        contains(tell("stuck.service", timeout=1), "failed retry", "may still run")
        equal(show("stuck.service", "ActiveState"), "reloading")
        before = invocation("stuck.service")
        contains(tell("stuck.service", "reload", timeout=3), "does not end the reload", "systemctl try-restart 'stuck.service'")
        equal(invocation("stuck.service"), before)
        equal(tell("stuck.service", timeout=3), "done by more")
        equal(invocation("stuck.service") != before, True, "restarted")
        equal(is_active("stuck.service"), True)


@test
def dependent_at_its_start_limit_is_explained():
    prepare()
    with running("limited.service"):
        equal(look("limited.service")["spacing"], str(100 * 1000000 + 200000))
        equal(tell("limited.service", settle=0), "done")
        equal(tell("limited.service", settle=0), "done")
        contains(tell("limited.service", settle=0), "failed", "StartLimitBurst=", "systemctl reset-failed", "down")
        contains(tell("limited.service", settle=0), "failed", "StartLimitBurst=", "systemctl reset-failed")


@test
def dependent_whose_condition_fails_is_not_called_done():
    prepare()
    with running("conditional.service"), flag("conditional"):
        contains(tell("conditional.service"), "failed retry", "Condition")


@test
def dependent_that_is_stopped_is_not_started():
    prepare()
    equal(tell("stopped.service"), "stopped")
    equal(show("stopped.service", "ActiveState"), "inactive")
    equal(tell("reloads.service"), "stopped")
    equal(tell("both.service"), "stopped")
    equal(show("both.service", "ActiveState"), "inactive")


@test
def dependent_that_failed_is_not_stopped():
    prepare()
    run("systemctl", "start", "failed.service")
    wait_for(lambda: show("failed.service", "ActiveState") == "failed", what="failed")
    contains(tell("failed.service"), "failed retry", "failed state", "exit-code", "systemctl status 'failed.service'")
    run("systemctl", "reset-failed", "failed.service")


@test
def dependent_that_is_absent_or_masked_is_named():
    prepare()
    contains(tell("nowhere.service", "restart"), "failed absent", "unit 'nowhere.service' does not exist")
    contains(tell("no such name", "restart"), "failed invalid", "not the name of a unit")
    contains(tell("templated@.service", "restart"), "failed invalid", "not the name of a unit")
    run("systemctl", "mask", "--runtime", "stopped.service", check=False)
    Path("/run/systemd/system/masked.service").unlink()
    Path("/run/systemd/system/masked.service").symlink_to("/dev/null")
    reload_units()
    contains(tell("masked.service"), "failed denied", "masked", "systemctl unmask")
    Path("/run/systemd/system/masked.service").unlink()
    reload_units()


@test
def dependent_script_runs_once_a_telling():
    prepare()
    log = FLAGS / "script"
    log.unlink(missing_ok=True)
    equal(tell("script.service"), "done")
    equal(tell("script.service"), "done")
    equal(log.read_text(), "run\nrun\n")


@test
def dependent_script_that_fails_is_reported_and_can_be_tried_again():
    prepare()
    for _ in range(2):
        contains(tell("script-fails.service"), "failed retry", "job failed", "exit-code")


@test
def dependent_script_that_runs_already_is_awaited():
    prepare()
    log = FLAGS / "slow"
    # It began before the version was in place: it must run again.
    log.unlink(missing_ok=True)
    run("systemctl", "start", "--no-block", "script-slow.service")
    wait_for(log.exists, what="the script runs")
    equal(tell("script-slow.service", not_before=now_usec()), "done")
    equal(log.read_text(), "run\nrun\n")
    # It began afterwards: its run counts.
    log.unlink()
    since = now_usec()
    run("systemctl", "start", "--no-block", "script-slow.service")
    wait_for(log.exists, what="the script runs")
    equal(tell("script-slow.service", not_before=since), "done")
    equal(log.read_text(), "run\n")


@test
def dependent_action_that_does_not_fit_is_refused():
    prepare()
    equal(tell("script-stays.service"), "done")
    contains(tell("script-stays.service"), "failed invalid", "RemainAfterExit")
    run("systemctl", "stop", "script-stays.service")
    contains(tell("script-restarted.service"), "failed invalid", "'action: start'")
    contains(tell("daemon-started.service"), "failed invalid", "Type=oneshot")
    equal(show("daemon-started.service", "ActiveState"), "inactive")


@test
def dependent_instance_of_a_template_is_told():
    prepare()
    with running("templated@one.service"):
        equal(tell("templated@one.service"), "done")


@test
def dependent_is_not_told_twice_after_a_crash():
    prepare()
    with running("good.service"), running("reloads.service"):
        # The intent was written, then the job was done, then we died: no second restart.
        intent = (invocation("good.service"), now_usec())
        run("systemctl", "restart", "good.service")
        after = invocation("good.service")
        equal(tell("good.service", intent=intent), "done")
        equal(invocation("good.service"), after, "restarted once")
        # Died before the job was asked for: the restart is still owed.
        equal(tell("good.service", intent=(after, now_usec())), "done")
        equal(invocation("good.service") != after, True, "restarted")

        intent = (invocation("reloads.service"), now_usec())
        (FLAGS / "reloaded").unlink(missing_ok=True)
        run("systemctl", "reload", "reloads.service")
        (FLAGS / "reloaded").unlink()
        equal(tell("reloads.service", intent=intent), "done")
        equal((FLAGS / "reloaded").exists(), False, "reloaded again")
        equal(tell("reloads.service", intent=(intent[0], now_usec())), "done")
        equal((FLAGS / "reloaded").exists(), True, "reloaded")


@test
def dependent_jobs_side_by_side_do_not_confuse_each_other():
    prepare()
    names = ["good.service", "either.service", "templated@one.service", "stopped.service", "limited.service"]
    answers = {}
    run("systemctl", "start", *(name for name in names if name != "stopped.service"))

    def ask(name):
        answers[name] = tell(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run("systemctl", "stop", *names)
    wanted = {name: "done" for name in names} | {"stopped.service": "stopped"}
    equal(answers, wanted)


@test
def dependent_by_an_alias_is_in_the_rule_as_polkit_is_told():
    prepare()
    alias = Path("/run/systemd/system/alias.service")
    alias.symlink_to("good.service")
    reload_units()
    contains(rule("alias.service=restart"), '"try-restart good.service"')
    with running("good.service"):
        before = invocation("good.service")
        equal(tell("alias.service", "restart"), "done")
        equal(invocation("good.service") != before, True, "restarted")
    alias.unlink()
    reload_units()


@test
def dependent_without_a_rule_is_denied_with_the_remedy():
    prepare()
    with running("good.service"), running("deaf.service"):
        before = invocation("good.service")
        # Allowed for the unit is what its action asks for, and nothing else.
        contains(tell("good.service", "reload-or-restart"), "failed denied", "certferryd --polkit-rule")
        contains(tell("deaf.service", "restart"), "failed denied", "polkit does not let certferryd restart 'deaf.service'")
        # Nobody else gets the right.
        contains(tell("good.service", user="nobody"), "failed denied", "50-certferry.rules")
        equal(invocation("good.service"), before)


@test
def dependents_that_may_not_be_told_are_known_beforehand():
    prepare()
    unit("hands-on.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecReload=/bin/true")
    unit("part@.service", "[Unit]\nPartOf=hands-on.service\n[Service]\nExecStart=sleep infinity")
    reload_units()

    def survey(*pairs, user="certferry"):
        return run(LIVE, "survey", *pairs, user=user).stdout.splitlines()

    # Whoever may is answered with a refusal that says so, and nothing is done for it.
    may = ["good.service=restart", "reloads.service=reload", "both.service=reload-or-restart", "script.service=start"]
    log = FLAGS / "script"
    log.unlink(missing_ok=True)
    (FLAGS / "reloaded").unlink(missing_ok=True)
    with running("good.service"), running("reloads.service"), running("both.service"):
        before = [invocation(name) for name in ("good.service", "reloads.service", "both.service")]
        equal(survey(*may), ["complete"])
        said = survey("good.service=reload", "deaf.service=restart", "script.service=start", "gone.service=restart")
        equal(len(said), 3, said)
        contains(said[0], "refused: dependents.good.service.unit", "certferryd reload 'good.service'", "--polkit-rule")
        contains(said[1], "refused: dependents.deaf.service.unit", "certferryd restart 'deaf.service'")
        equal(len(survey(*may, user="nobody")), 5)
        equal([invocation(name) for name in ("good.service", "reloads.service", "both.service")], before, "restarted")
    equal((FLAGS / "reloaded").exists() or log.exists(), False, "something was done")
    with running("part@one.service"):
        contains(survey("hands-on.service=reload")[0], "(ExecReload=/bin/true) and hands on", "name instead: part@one.service")


@test
def dependent_survives_systemd_reloading_itself():
    prepare()
    with running("good.service"):
        done = threading.Event()

        def reload_all_the_time():
            while not done.is_set():
                reload_units()

        thread = threading.Thread(target=reload_all_the_time)
        thread.start()
        try:
            for _ in range(3):
                equal(tell("good.service", settle=0.1, timeout=20), "done")
        finally:
            done.set()
            thread.join()


@test
def dependent_without_a_bus_is_tried_later():
    prepare()
    done = run("env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere", LIVE, "tell", "good.service", "restart", 1000, 0, 0)
    contains(done.stdout, "failed retry")
    equal(bool(re.search("bus", done.stdout)), True, done.stdout)
