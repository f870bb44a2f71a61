# SPDX-License-Identifier: Apache-2.0
"""A renewed certificate in 16 accounts, from the look that shows it to the last import read back."""

import contextlib

from tests.bench import others
from tests.bench.aws import Aws, SOURCE

ROUNDS, DELAY = 11, 30
CERTIFICATES, ACCOUNTS = 20, 16


def measure(bench):
    """The Go program has a server of its own, and its turn after each of certferryd's."""
    ours, theirs = [], []
    with contextlib.ExitStack() as stack:
        bench.aws.new(CERTIFICATES, ACCOUNTS, imported=1, by_domain=1)
        ferry = stack.enter_context(bench.ferry(ACCOUNTS, poll="1m").start(hurry=True))
        ferry.wait_settled(CERTIFICATES * ACCOUNTS, 60)
        second = watcher = None
        if others.has_go():
            (bench.directory / "renewals").mkdir(exist_ok=True)
            second = stack.enter_context(Aws(bench.directory / "renewals"))
            second.new(CERTIFICATES, ACCOUNTS, imported=1)
            watcher = stack.enter_context(others.Watcher(second, 64, ACCOUNTS))
            second.delay(DELAY)
        bench.aws.delay(DELAY)
        for number in range(ROUNDS + 1):
            ours.append(_renew(bench.aws, number, lambda: _look(ferry)))
            if watcher:
                theirs.append(_renew(second, number, watcher.look))
        bench.aws.delay(0)
    _rows(bench, ours[1:], theirs[1:])  # the first makes connections


def _rows(bench, ours, theirs):
    trips = [ms / DELAY for ms in ours]
    bench.add("renewed_in_16_accounts", "a renewed certificate in 16 accounts after it was seen, 30 ms, warm", ours, "ms", 250)
    bench.add("renewed_round_trips", "the same in round trips", trips, "", 3.7)
    bench.add("renewed_round_trips_worst", f"the same in round trips: the worst of {ROUNDS}", max(trips), "", 4.2)
    if theirs:
        bench.add("renewed_by_go", "a renewed certificate in 16 accounts, the Go program, 30 ms, warm", theirs, "ms")
        bench.add("renewed_over_go", "a renewed certificate in 16 accounts: certferryd's time over the Go program's",
                  [our / their for our, their in zip(ours, theirs)], "times", 1)  # fmt: skip


def _look(ferry):
    ferry.look()
    ferry.wait_settled(CERTIFICATES * ACCOUNTS, 30)


def _renew(aws, number, look):
    """Milliseconds from the answer that shows a renewal to the last answer that confirms a delivery."""
    aws.trace()
    aws.control("renew", first=number, count=1)
    look()
    trace = aws.trace()
    looks = [e for e in trace if e["operation"] in ("SearchCertificates", "ListCertificates") and e["account"] in ("", SOURCE)]
    imports = [e for e in trace if e["operation"] == "ImportCertificate"]
    confirms = [e for e in trace if e["operation"] == "GetCertificate" and e["account"] not in ("", SOURCE)
                and e["received"] > imports[0]["answered"]]  # fmt: skip
    if len(imports) != ACCOUNTS or len(confirms) < ACCOUNTS:
        raise RuntimeError(f"{len(imports)} imports and {len(confirms)} confirmations instead of {ACCOUNTS}")
    return (max(e["answered"] for e in confirms) - looks[0]["answered"]) / 1000
