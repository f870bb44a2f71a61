# SPDX-License-Identifier: Apache-2.0
"""The full comparison with the source, again and again in one daemon: what is as it was is not read anew, and what is not
is seen."""

import re
import time

import pytest

from tests.scenarios.vocabulary import SOURCE

COUNT = 20
# The second listing is that of Amazon's N2 hierarchy, of which there is nothing here.
SWEEP = ["ListCertificates", "ListCertificates", "SearchCertificates"]


class Fleet:
    """A daemon that has carried many certificates to files."""

    def __init__(self, ferry, cloud, days_ago):
        self.ferry, self.cloud = ferry, cloud
        self.arns = ferry.issue("host{n}.example.com", count=COUNT, days_ago=days_ago)
        ferry.carry("fleet", {"domain": "*.example.com"}, "files").set(guard=0)
        self.daemon = ferry.start()
        self.wait_carried(COUNT)

    def wait_carried(self, count):
        self.ferry.wait_for(lambda: self.daemon.log.count("Delivered renewed certificate") >= count)
        time.sleep(0.2)
        assert self.daemon.log.count("Delivered renewed certificate") == count

    def sweep(self):
        """What it asks for, from a reload until it is quiet."""
        position = self.cloud.journal_position()
        self.daemon.reload()
        self.ferry.wait_for(lambda: self.cloud.count("SearchCertificates", SOURCE, position))
        made = []
        while len(made) != len(made := [entry["operation"] for entry in self.cloud.journal(since=position)]):
            time.sleep(0.4)
        return sorted(made)

    def name_of(self, arn):
        return f"fleet/{arn.rpartition('/')[2]}"


@pytest.fixture(params=(0, 100), ids=("fresh", "old"))
def fleet(ferry, cloud, request):
    return Fleet(ferry, cloud, request.param)


def test_what_is_as_it_was_is_only_listed(fleet):
    for _ in range(3):
        assert fleet.sweep() == SWEEP
    fleet.wait_carried(COUNT)


def test_what_changed_is_seen_among_what_did_not(fleet, ferry, cloud):
    fleet.sweep()
    renewed, gone, *_ = fleet.arns
    cloud.renew(renewed, force=True)
    cloud.delete_certificate(arn=gone)
    new = ferry.issue("new.example.com", days_ago=100)
    made = fleet.sweep()
    assert made.count("GetCertificate") == 2 and made.count("ExportCertificate") == 2
    fleet.wait_carried(COUNT + 2)
    ferry.expect_file(fleet.name_of(renewed), renewed)
    ferry.expect_file(fleet.name_of(new), new)
    # Nothing is taken for another that stood in its place before: the next reloads tell what the sweeps left.
    for _ in range(3):
        assert fleet.sweep() == SWEEP
    assert re.findall(r"Reloaded the configuration: (\d+) certificates", fleet.daemon.log)[-2:] == [str(COUNT)] * 2


def test_what_acm_lists_only_to_who_asks_is_found(ferry, cloud):
    """By ARN and by match; what cannot be exported is said by its kind, never as something that is not there."""
    n2 = cloud.issue("n2.example.com", root_hierarchy="N2_AMAZON_MANAGED", eku=["clientAuth"], days_ago=100)["arn"]
    other = cloud.issue("n2.example.org", root_hierarchy="N2_SFG2_AMAZON_MANAGED", days_ago=1)["arn"]
    acme = cloud.issue("acme.example.com", key_pair_origin="ACME", days_ago=100)["arn"]
    front = cloud.issue("front.example.com", managed_by="CLOUDFRONT", days_ago=100)["arn"]
    ferry.carry("n2", n2, "files", usage="client").carry("org", {"domain": "*.example.org"}, "files")
    run = ferry.carry("acme", acme, "files").carry("front", front, "files").once(expect=1)
    ferry.expect_file("n2", n2)
    ferry.expect_file(f"org/{other.rpartition('/')[2]}", other)
    assert "certificate 'acme': " in run.log and "an ACME client" in run.log and "belongs to CloudFront" in run.log
    assert "does not exist in the source account" not in run.log
    cloud.renew(n2, force=True)
    ferry.once(expect=1)
    ferry.expect_file("n2", n2)


@pytest.mark.parametrize("newer_filters", ("ignored", "refused"))
def test_an_endpoint_that_does_not_know_the_newer_filters(ferry, cloud, newer_filters):
    """All that it has is found; what it refuses is not asked again at each sweep."""
    cloud.settings(newer_filters=newer_filters)
    fleet = Fleet(ferry, cloud, days_ago=100)
    if newer_filters == "ignored":
        assert fleet.sweep() == SWEEP
    else:
        for _ in range(2):
            assert fleet.sweep() == SWEEP[1:]
        cloud.settings(newer_filters="known")  # which is found out a day later
        assert fleet.sweep() == SWEEP[1:]
        cloud.advance(days=1.1)
        fleet.sweep()  # it learns what time it is
        assert fleet.sweep().count("ListCertificates") == 2
    fleet.wait_carried(COUNT)


def test_a_filter_that_was_known_and_is_refused_hides_nothing(ferry, cloud):
    n2 = cloud.issue("n2.example.com", root_hierarchy="N2_AMAZON_MANAGED", days_ago=100)["arn"]
    daemon = ferry.carry("n2", n2, "files").start()
    ferry.wait_for(lambda: "Delivered renewed certificate" in daemon.log)
    cloud.settings(newer_filters="refused")
    daemon.reload()
    ferry.wait_for(lambda: "Failed to list certificates" in daemon.log)
    assert "does not exist in the source account" not in daemon.log


def test_a_source_that_lists_nothing_any_more(ferry, cloud):
    """By tags, which are read at each sweep, and by name; it is said, in the next start as well."""
    tagged = ferry.issue("tagged.example.com", tags={"team": "web"})
    named = ferry.issue("named.example.com")
    ferry.carry("tagged", {"tags": {"team": "web"}}, "files").carry("named", named, "files")
    daemon = ferry.start()
    ferry.wait_for(lambda: daemon.log.count("Delivered renewed certificate") == 2)
    cloud.delete_certificate(arn=tagged)
    cloud.delete_certificate(arn=named)
    daemon.reload()
    ferry.wait_for(lambda: f"'{named}' does not exist in the source account" in daemon.log and "'tagged' matches no issued" in daemon.log)
    daemon.stop()
    assert f"'{named}' does not exist in the source account" in ferry.once(expect=1).log


def test_what_may_have_been_issued_again_is_read_where_searching_is_refused(fleet, ferry, cloud):
    cloud.fault("error", operation="SearchCertificates", code="AccessDeniedException", message="no", status=400, count=100)
    fresh = cloud.certificate(fleet.arns[0])["not_before"] > time.time() - 72 * 3600
    for _ in range(2):
        assert fleet.sweep().count("GetCertificate") == (COUNT if fresh else 0)
    fleet.wait_carried(COUNT)


def test_one_second_of_two_issues(fleet, ferry, cloud):
    """The same dates in the listing; only the serial tells."""
    one = fleet.arns[0]
    while True:
        while time.time() % 1 > 0.2:
            time.sleep(0.02)
        first, position = cloud.renew(one, force=True), cloud.journal_position()
        fleet.daemon.reload()
        ferry.wait_for(lambda: cloud.count("ExportCertificate", SOURCE, position))
        second = cloud.renew(one, force=True)
        if first["not_before"] == second["not_before"]:
            break
    fleet.sweep()
    ferry.expect_file(fleet.name_of(one), one)


def test_what_could_not_be_read_is_tried_at_the_next_sweep(fleet, ferry, cloud):
    fleet.sweep()
    one = fleet.arns[0]
    cloud.renew(one, force=True)
    cloud.fault("error", operation="GetCertificate", code="AccessDeniedException", message="no", status=400, count=1)
    assert fleet.sweep().count("GetCertificate") == 1
    fleet.wait_carried(COUNT)
    assert fleet.sweep().count("GetCertificate") == 1
    fleet.wait_carried(COUNT + 1)
    ferry.expect_file(fleet.name_of(one), one)


@pytest.mark.parametrize("names", (5, 14, 15, 16, 17, 20))
def test_what_is_found_twice_fits_or_is_read_again(ferry, cloud, names):
    """What is fresh is listed and found by the search: where there is no memory for both, the listing is enough."""
    ferry.issue(*[f"host{{n}}n{number:030}.example.com" for number in range(names)], count=390, days_ago=1)
    one = ferry.issue("one.example.com", days_ago=1)
    ferry.settings["source"]["certificates_max"] = 400
    daemon = ferry.carry("one", one, "files").start()
    ferry.wait_for(lambda: "Delivered renewed certificate" in daemon.log or "Failed to list certificates" in daemon.log)
    ferry.expect_file("one", one)


def test_what_a_start_could_not_hold_is_said_before(ferry, cloud):
    """While it runs, only what is new takes memory; after a start all of it is."""
    one = ferry.issue("one.example.com", days_ago=100)
    ferry.settings["source"]["certificates_max"] = 2000
    daemon = ferry.carry("one", one, "files").start()
    ferry.wait_for(lambda: "Delivered renewed certificate" in daemon.log)
    for lot in range(4):
        names = [f"lot{lot}x{{n}}n{number:030}.example.com" for number in range(32)]
        ferry.issue(*names, count=400, days_ago=100)
        position = cloud.journal_position()
        daemon.reload()
        ferry.wait_for(lambda: cloud.count("SearchCertificates", SOURCE, position))
    daemon.wait_log(r"Certificate list uses \d+ of 5024 KiB allowed by source.certificates_max \(2000\)")
    assert "Failed to list certificates" not in daemon.log
    daemon.stop()
    assert "source.certificates_max" in ferry.once(expect=1).log
