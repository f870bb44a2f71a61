# SPDX-License-Identifier: Apache-2.0
"""What every floor of pytest shares: its one marker."""


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "alone: measures time or the whole machine, so that tests/run.py runs it with no test beside it"
    )
