# SPDX-License-Identifier: Apache-2.0
"""Places that give no answer: what they cost the others, on the real clock. (tests/simulation has it in numbers.)"""

import time

import pytest

from tests.scenarios.vocabulary import DESTINATION, SLOW

pytestmark = pytest.mark.alone
ACCOUNTS = [f"5555555550{n:02}" for n in range(12)]
HERE, THERE = "eu-west-1", "eu-central-1"
CERTIFICATES = 4  # an account takes one import a second


def configure(ferry, accounts, regions):
    ferry.destination("many", kind="both", accounts=accounts, regions=regions)
    for number in range(CERTIFICATES):
        ferry.carry(f"c{number}", ferry.issue(f"c{number}.example.com"), "many")
    ferry.set(guard=0)


def carry(ferry, cloud, accounts, region=HERE):
    """Until those accounts have everything in that region; the daemon, and the seconds."""
    begin = time.monotonic()
    daemon = ferry.start()
    wanted = {(f"c{number}", account) for number in range(CERTIFICATES) for account in accounts}
    ends = [f"Delivered renewed certificate to '{name}/many/{account}/{region}'" for name, account in wanted]
    cloud.wait_for(lambda: all(end in daemon.log for end in ends), 60 * SLOW, 0.05)
    return daemon, time.monotonic() - begin


@pytest.fixture
def accounts(cloud):
    for account in ACCOUNTS:
        cloud.add_account(account)
    return ACCOUNTS


def alone(ferry, cloud, accounts):
    """How long it takes these accounts by themselves."""
    configure(ferry, accounts, [HERE])
    daemon, seconds = carry(ferry, cloud, accounts)
    daemon.stop()
    ferry.forget_everything()
    return seconds


def fall_silent(cloud, **which):
    for service in ("acm", "tagging"):
        cloud.fault("blackhole", service=service, **which)


@pytest.mark.parametrize("silent", [1, 9, 10])
def test_accounts_that_give_no_answer_keep_nobody_waiting(ferry, cloud, accounts, silent):
    accounts = accounts[: silent + 2]
    others = accounts[silent:]
    before = alone(ferry, cloud, others)
    for account in accounts[:silent]:
        fall_silent(cloud, account=account)
    configure(ferry, accounts, [HERE])
    _, seconds = carry(ferry, cloud, others)
    print(f"alone {before:.2f} s, beside {silent} that are silent {seconds:.2f} s")
    assert seconds <= 1.5 * before


def test_region_that_gives_no_answer_keeps_nobody_waiting(ferry, cloud, accounts):
    accounts = accounts[:10]
    before = alone(ferry, cloud, accounts)
    fall_silent(cloud, region=THERE)
    configure(ferry, accounts, [THERE, HERE])
    daemon, seconds = carry(ferry, cloud, accounts)
    print(f"alone {before:.2f} s, beside a region that is silent {seconds:.2f} s")
    assert seconds <= 1.5 * before


def test_renewal_while_accounts_have_fallen_silent(ferry, cloud, accounts):
    """They are known to be in place: nothing is looked at before it is carried."""
    configure(ferry, accounts, [HERE])
    daemon, seconds = carry(ferry, cloud, accounts)
    daemon.stop()
    for account in accounts[:10]:
        cloud.fault("blackhole", account=account, service="acm")
    arns = [one["arn"] for one in ferry.settings["certificates"].values()]
    for arn in arns:
        cloud.renew(arn, force=True)
    begin = time.monotonic()
    daemon = ferry.start()
    cloud.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == CERTIFICATES * 2, 60 * SLOW, 0.05)
    print(f"all {seconds:.2f} s, beside ten that are silent {time.monotonic() - begin:.2f} s")
    assert time.monotonic() - begin <= 1.5 * seconds + 1
    # One transfer has tried them, and no other was made for them.
    assert daemon.requests("ExportCertificate") <= CERTIFICATES + 2


def test_place_is_listed_once_for_all_of_its_deliveries(ferry, cloud):
    """The first look asks about one of them, and the others follow as the source is read: what was listed serves them all."""
    arns = ferry.issue("b{n}.example.com", count=40)
    for number, arn in enumerate(arns):
        ferry.carry(f"b{number}", arn, "prod")
    quotas = {"acm": {"ImportCertificate": 1000, "ExportCertificate": 1000, "GetCertificate": 10, "ListCertificates": 1000}}
    ferry.set(guard=0, quotas=quotas)
    daemon = ferry.start()
    cloud.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == len(arns), 60 * SLOW, 0.05)
    lists = daemon.requests("ListCertificates", account=DESTINATION)
    print(f"{lists} listings")
    assert lists <= 2
