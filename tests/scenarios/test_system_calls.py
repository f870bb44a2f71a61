# SPDX-License-Identifier: Apache-2.0
"""What the kernel refuses is said, and harms nothing that is in place.  strace(1) has it refuse."""

import os
import signal

import pytest

from tests.scenarios.vocabulary import FILES, injecting, once_only


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
        assert once_only(run.log, "warning: 'pay/disk' could not be delivered: .*Input/output error"), run
        served = (ferry.files / "pay").resolve()
        if "fsync the directory of 'pay'" in delivery["reason"]:  # the link is switched, but not for certain
            ferry.expect_file("pay", pay, layout)
        else:
            assert served == before
        assert sorted(path.name for path in served.iterdir()) == sorted(FILES[layout])
        assert strays(ferry, "pay") == []
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
