# SPDX-License-Identifier: Apache-2.0
"""Tokens that end within seconds: no request may find itself without one.  They take real time: with a real server, or LONG=1."""
import time

from tests.vault.harness import look


def keeps_working(client, seconds):
    """Look again and again: no request may find itself without a token."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert look(client)["error"] == "absent"
        time.sleep(0.1)


def test_a_token_is_renewed_before_it_ends(connect, admin, tmp_path):
    """Another login is not to be had."""
    keeps_working(connect(**admin.approle(tmp_path, token_ttl="3s", secret_id_num_uses=1)), 5)


def test_at_its_longest_life_another_login_is_made_while_the_old_token_works(connect, admin, tmp_path):
    keeps_working(connect(**admin.approle(tmp_path, token_ttl="3s", token_max_ttl="4s")), 6)


def test_a_batch_token_is_replaced(connect, admin, tmp_path):
    client = connect(**admin.approle(tmp_path, token_ttl="3s", token_type="batch"))
    keeps_working(client, 4)


def test_a_renewal_that_says_500_is_a_login_at_once(connect, admin, tmp_path):
    client = connect(**admin.approle(tmp_path, token_ttl="4s"))
    look(client)
    admin.do("DELETE", "auth/approle/role/ferry")
    admin.recreate(tmp_path)
    keeps_working(client, 5)
