# SPDX-License-Identifier: Apache-2.0
"""An entry that is pointed at another source certificate goes on being the same delivery: never a second import."""

import pytest

from tests.scenarios.vocabulary import DESTINATION, REGION

BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{DESTINATION}:loadbalancer/app/pay/1"


def carried(ferry, *to, **details):
    """Delivered everywhere, and a second certificate with one name more, which begins earlier than the first."""
    first = ferry.issue("pay.example.com", days_ago=10, **details)
    ferry.carry("pay", first, *to).once()
    return first, ferry.issue("pay.example.com", "api.example.com", days_ago=30)


@pytest.mark.parametrize("recorded", [True, False], ids=["record", "record-lost"])
def test_pointed_at_another_certificate(ferry, cloud, recorded):
    first, second = carried(ferry, "prod", "secrets", "files")
    held, directory = ferry.expect_import(DESTINATION, first), ferry.expect_file("pay", first)
    cloud.in_use(arn=held, by=[BALANCER])
    ferry.carry("pay", second, "prod", *(["secrets", "files"] if recorded else []))
    if not recorded:
        ferry.forget_everything()
    assert "deliver pay to prod: certificate in place" in ferry.dry_run(expect=3).out
    run = ferry.once()
    assert run.requests.writes.count("ImportCertificate") == 1
    assert ferry.expect_import(DESTINATION, second, at=held) == held, "its tags are the second's, too"
    assert list(ferry.imports(DESTINATION)) == [held]
    if recorded:
        ferry.expect_secret(DESTINATION, "pay", second)
        assert ferry.expect_file("pay", second) != directory
    assert ferry.once().requests.writes == []
