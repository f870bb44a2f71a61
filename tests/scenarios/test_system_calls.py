# SPDX-License-Identifier: Apache-2.0
"""What the kernel refuses is said, and harms nothing that is in place.  strace(1) has it refuse."""

import pytest

from tests.scenarios.vocabulary import injecting, once_only


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
