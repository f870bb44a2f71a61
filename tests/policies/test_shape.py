# SPDX-License-Identifier: Apache-2.0
"""What can be said of the policies without AWS's reference: their sizes, and what none of them holds."""

import re

import pytest

from tests.cloud.iam import INLINE_MOST, MANAGED_MOST, TRUST_MOST, size
from tests.policies.shipped import FILES, cells, load, statements

# What conf/iam/README.md has one identity have at once, as inline policies.
TOGETHER = {
    ("user", "host.json", "events-host.json"),
    ("user", "host-accounts.json", "events-host.json"),
    ("role", "host.json", "events-host.json"),
    ("role", "source.json"),
    ("role", "destination-acm.json", "destination-secretsmanager.json", "destination-secretsmanager-kms.json",
     "destination-secretsmanager-read.json"),
}  # fmt: skip
OF_A_RESOURCE = {"events-queue.json"}


@pytest.mark.parametrize("kind, names", [(kind, names) for kind, *names in sorted(TOGETHER)])
def test_what_one_identity_has_fits_its_inline_policies(kind, names):
    assert sum(size(load(name)) for name in names) <= INLINE_MOST[kind]


@pytest.mark.parametrize("name", FILES)
def test_each_fits_where_it_belongs(name):
    is_trust = name.endswith("-trust.json")
    assert size(load(name)) <= (TRUST_MOST if is_trust else MANAGED_MOST)
    assert is_trust or name in OF_A_RESOURCE or any(name in names for names in TOGETHER)


def test_every_action_is_written_out():
    assert [str(cell) for cell in cells() if not re.fullmatch(r"[a-z-]+:[A-Za-z]+", cell.action)] == []
    assert [name for name, one in statements() if one["Effect"] != "Allow" or {"NotAction", "NotResource"} & one.keys()] == []


def test_none_deletes_anything_but_messages_that_were_read():
    deleting = {cell.action for cell in cells() if re.search(":(Delete|Remove|Untag|Revoke|Cancel|Disable|Schedule)", cell.action)}
    assert deleting == {"sqs:DeleteMessage"}
