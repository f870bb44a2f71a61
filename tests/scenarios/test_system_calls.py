# SPDX-License-Identifier: Apache-2.0
"""What the kernel refuses is said, and harms nothing that is in place.  strace(1) has it refuse."""

import os
import signal

import pytest

from tests.scenarios.vocabulary import DESTINATION, FILES, injecting, once_only


@pytest.mark.parametrize(
    "call, fault, task, reason",
    [
        ("epoll_create1", {"error": "EMFILE", "when": 1}, "create the event loop", "Too many open files"),
        ("signalfd4", {"error": "EMFILE"}, "set up the signals and timers of the event loop", "Too many open files"),
        ("epoll_wait,epoll_pwait,epoll_pwait2", {"error": "ENOMEM"}, "wait for events", "Cannot allocate memory"),
    ],
)
def test_an_event_loop_that_fails_says_why(ferry, call, fault, task, reason):
    ferry.carry("pay", ferry.issue("pay.example.com"), "files")
    run = ferry.run("--once", under=injecting(call, **fault))
    assert run.status == 1, run
    assert once_only(run.log, f"Failed to {task}: {reason}; certferryd exits"), run
    ferry.once()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory to another user")
def test_keys_go_into_the_directory_that_was_judged(ferry):
    """Another one of its name, put there as soon as it was found to be fit for keys, gets nothing."""
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "files")
    # Whether it can be written is asked once at the start, and then of what keys go to.
    trace = ferry.directory / "trace"
    process = ferry.launch("--once", under=injecting("faccessat2", trace, signal="SIGSTOP", when=2))
    ferry.wait_for(lambda: trace.exists() and "stopped by SIGSTOP" in trace.read_text())
    judged = ferry.files.rename(ferry.directory / "judged")
    ferry.files.mkdir()
    ferry.files.chmod(0o777)
    os.chown(ferry.files, 12345, 12345)
    process.send_signal(signal.SIGCONT)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 1, log
    assert list(ferry.files.iterdir()) == []
    ferry.expect_file("pay", pay, directory=judged)
    ferry.files.rmdir()
    judged.rename(ferry.files)
    ferry.once()
    ferry.expect_file("pay", pay)


def strays(ferry, name):
    """What a write that failed has left half done."""
    return [path.name for path in (ferry.files / ".versions" / name).iterdir() if path.name.startswith(".new-")]


@pytest.mark.parametrize("layout", ["nginx", "haproxy"])
def test_a_disk_that_keeps_nothing_fails_the_delivery(ferry, cloud, layout):
    """At every fsync(2) of a renewal in turn: what was served stays until the new version is whole on disk."""
    ferry.destination("disk", "files", layout=layout)
    pay = ferry.issue("pay.example.com", days_ago=340)
    ferry.carry("pay", pay, "disk").once()
    trace = ferry.directory / "trace"
    for turn in range(1, 12):
        before = ferry.expect_file("pay", pay, layout)
        assert cloud.renew(pay)["renewed"]
        run = ferry.run("--once", "--json", under=injecting("fsync", trace, error="EIO", when=turn))
        if "INJECTED" not in trace.read_text():
            break
        assert run.status == 1, run
        delivery = run.delivery("pay/disk")
        assert "Input/output error" in delivery["reason"] and str(ferry.files / "pay") in delivery["reason"]
        assert once_only(run.log, "warning: Failed to deliver 'pay/disk': .*Input/output error"), run
        served = ferry.shown("pay")
        name = ferry.files / "pay"
        if any(f"fsync {what} '{name}'" in delivery["reason"] for what in ("directory", "the directory of")):
            # The switch is made, but not for certain.
            ferry.expect_file("pay", pay, layout)
        else:
            assert served == before
        assert sorted(path.name for path in served.iterdir()) == sorted(FILES[layout])
        assert strays(ferry, "pay") == []
        ferry.age_files()
        ferry.once()
        ferry.expect_file("pay", pay, layout)
        versions = [path for path in served.parent.iterdir() if path.is_dir()]
        assert len(versions) == 2 and strays(ferry, "pay") == [], versions
    assert turn > 5, "there are so many at least: files, directories, link"


def test_a_disk_that_keeps_nothing_of_a_first_delivery(ferry):
    pay = ferry.issue("pay.example.com")
    trace = ferry.directory / "trace"
    for turn in range(1, 14):
        name = f"pay{turn}"
        ferry.settings["certificates"].clear()
        ferry.carry(name, pay, "files")
        run = ferry.run("--once", "--json", under=injecting("fsync", trace, error="EIO", when=turn))
        if "INJECTED" not in trace.read_text():
            break
        assert run.status == 1 and "Input/output error" in run.delivery(f"{name}/files")["reason"], run
        ferry.once()
        ferry.expect_file(name, pay)
        assert strays(ferry, name) == []
    assert turn > 6


@pytest.fixture
def renewed(bus_ferry, cloud, host):
    """A renewal of what is in place everywhere; its ARN, and the unit that is to be restarted for it."""
    ferry, web = bus_ferry.dependent("web", "web.service"), host.unit("web.service")
    pay = ferry.issue("pay.example.com", days_ago=340)
    ferry.carry("pay", pay, "prod", "secrets", {"to": "files", "then": ["web"]}).once()
    web.jobs.clear()
    assert cloud.renew(pay)["renewed"]
    return pay, web


def expect_renewed(ferry, pay, web):
    ferry.expect_import(DESTINATION, pay)
    assert len(ferry.imports(DESTINATION)) == 1
    ferry.expect_secret(DESTINATION, "pay", pay)
    ferry.expect_file("pay", pay)
    assert web.jobs == ["restart"]


def test_a_record_that_is_not_kept_lets_nothing_begin(bus_ferry, renewed):
    """fdatasync(2) fails, so it is not known that what is to be done is written down: nothing is sent."""
    ferry, (pay, web) = bus_ferry, renewed
    before = ferry.shown("pay")
    run = ferry.run("--once", "--json", under=injecting("fdatasync", error="EIO"))
    assert run.status == 1, run
    assert run.requests.writes == [] and run.requests("ExportCertificate") == 0
    assert ferry.shown("pay") == before and web.jobs == []
    assert once_only(run.log, "Failed to save the state: .*record.sqlite': .*disk I/O error; deliveries and restarts are paused"), run
    assert "disk I/O error" in run.json["record_problem"]
    ferry.once()
    expect_renewed(ferry, pay, web)


def test_a_record_that_is_not_kept_at_any_one_moment(bus_ferry, cloud, renewed):
    """Whichever it is that fails: nothing is written twice, no unit is restarted twice, and no restart is lost."""
    ferry, (pay, web) = bus_ferry, renewed
    trace = ferry.directory / "trace"
    for turn in range(1, 40, 1 if os.environ.get("LONG") else 4):  # each of them takes 25 s
        run = ferry.run("--once", "--json", under=injecting("fdatasync", trace, error="EIO", when=turn))
        if "INJECTED" not in trace.read_text():
            break
        assert run.status in (0, 1), run  # 0: it is tried again when the program ends
        assert "disk I/O error" in run.log or run.status == 0, run
        ferry.once()
        expect_renewed(ferry, pay, web)
        web.jobs.clear()
        assert cloud.renew(pay, force=True)["renewed"]
    assert turn > 3


def test_a_daemon_goes_on_when_its_record_is_kept_again(bus_ferry, renewed):
    ferry, (pay, web) = bus_ferry, renewed
    process = ferry.launch(under=injecting("fdatasync", error="EIO", when="1"))
    ferry.wait_for(lambda: ferry.certferry("plan").status != 5)
    ferry.wait_for(lambda: ferry.certferry("status", "--json").json["record_problem"])
    assert "disk I/O error" in ferry.certferry("status", "--json").json["record_problem"]
    assert web.jobs == []
    ferry.certferry("sync", expect=0)
    assert ferry.certferry("status", "--json", expect=0).json["record_problem"] is None
    expect_renewed(ferry, pay, web)
    process.terminate()
    _, log = process.communicate(timeout=20)
    assert once_only(log, "Wrote the state database again"), log
