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


def test_pointed_at_another_certificate_without_a_record_at_the_others(ferry):
    """Files show that they are certferry's; of a secret nobody can tell what the certificate in it covers."""
    first, second = carried(ferry, "secrets", "files")
    ferry.carry("pay", second, "secrets", "files")
    ferry.forget_everything()
    run = ferry.once(expect=3)
    assert run.delivery("pay/secrets")["hold"] == "approval" and "cannot read" in run.delivery("pay/secrets")["reason"]
    assert run.requests.writes == []
    assert run.delivery("pay/files")["hold"] == "foreign", "it may be the newer one of the same certificate"
    ferry.expect_file("pay", first)
    for name in ("pay/secrets", "pay/files"):
        ferry.run("--once", f"--approve={name}")
    ferry.expect_secret(DESTINATION, "pay", second)
    ferry.expect_file("pay", second)


@pytest.mark.parametrize("recorded", [True, False], ids=["record", "record-lost"])
def test_a_key_of_another_kind_is_held(ferry, cloud, recorded):
    first, _ = carried(ferry, "prod")
    held = ferry.expect_import(DESTINATION, first)
    cloud.in_use(arn=held, by=[BALANCER])
    other = ferry.issue("pay.example.com", algorithm="EC_secp384r1")
    if not recorded:
        ferry.forget_everything()
    run = ferry.carry("pay", other, "prod").once(expect=3)
    delivery = run.delivery("pay/prod")
    assert delivery["hold"] == "adopt?"
    assert held in delivery["reason"] and BALANCER in delivery["reason"] and "EC_secp384r1" in delivery["reason"]
    assert run.requests.writes == []
    # The way out that the reason names.
    assert "another name with as:" in delivery["reason"]
    ferry.carry("pay", other, {"to": "prod", "as": "pay-rsa"}).once()
    assert len(ferry.imports(DESTINATION)) == 2
    assert ferry.truth(held)["fingerprint"] == ferry.truth(first)["fingerprint"]


def test_a_lost_name_is_held_with_who_uses_it(ferry, cloud):
    first = ferry.issue("pay.example.com", "old.example.com")
    ferry.carry("pay", first, "prod", "files").once()
    held = ferry.expect_import(DESTINATION, first)
    cloud.in_use(arn=held, by=[BALANCER])
    second = ferry.issue("pay.example.com", "api.example.com")
    run = ferry.carry("pay", second, "prod", "files").once(expect=3)
    for name, where in (("pay/prod", held), ("pay/files", "pay")):
        delivery = run.delivery(name)
        assert delivery["hold"] == "approval"
        assert "lacks the name 'old.example.com'" in delivery["reason"] and where in delivery["reason"]
    assert f"used by {BALANCER}" in run.delivery("pay/prod")["reason"]
    assert run.requests.writes == []
    ferry.once("--approve")
    ferry.expect_import(DESTINATION, second, at=held)
    ferry.expect_file("pay", second)


def test_it_counts_for_the_guard(ferry):
    ferry.set(guard=1)
    first, second = carried(ferry, "files")
    (ferry.directory / "more").mkdir(mode=0o750)
    ferry.destination("more", "files", directory=str(ferry.directory / "more"))
    ferry.carry("pay", first, "files", "more").once()
    run = ferry.carry("pay", second, "files", "more").once(expect=3)
    assert {item["hold"] for item in run.json["deliveries"]} == {"guard"}
    ferry.expect_file("pay", first)
    ferry.once("--approve")
    ferry.expect_file("pay", second)


def test_found_by_a_match(ferry):
    """The one with the name more ends later: it goes on with the import, the secret and the files of the other."""
    to = [{"to": name, "as": "same"} for name in ("prod", "secrets", "files")]
    first = ferry.issue("pay.example.com", days_ago=30)
    ferry.carry("all", {"domain": "pay.example.com"}, *to).once()
    held = ferry.expect_import(DESTINATION, first)
    second = ferry.issue("pay.example.com", "api.example.com", days_ago=10)
    run = ferry.once()
    assert list(ferry.imports(DESTINATION)) == [held]
    ferry.expect_import(DESTINATION, second, at=held)
    ferry.expect_secret(DESTINATION, "same", second)
    ferry.expect_file("same", second)
    one, other = first.split("/")[-1], second.split("/")[-1]
    assert f"delivery 'all/{one}/prod' goes on as 'all/{other}/prod'" in run.log
    assert ferry.once().requests.writes == []


def test_tags_that_could_not_be_moved_are_moved_later(ferry, cloud):
    """Also without a record what certferry imported for the former certificate is found, and is no second one."""
    first, second = carried(ferry, "prod")
    held = ferry.expect_import(DESTINATION, first)
    refused = {"code": "AccessDeniedException", "message": "not you", "status": 400}
    cloud.fault("error", operation="AddTagsToCertificate", **refused)
    ferry.carry("pay", second, "prod").run("--once")
    assert ferry.imports(DESTINATION)[held]["certferry:source"] == first
    assert ferry.truth(held)["fingerprint"] == ferry.truth(second)["fingerprint"]
    cloud.clear_faults()
    ferry.forget_everything()
    assert ferry.once().requests.writes == ["AddTagsToCertificate"]
    ferry.expect_import(DESTINATION, second, at=held)


def test_several_imports_of_former_certificates(ferry, cloud):
    first, second = carried(ferry, "prod")
    held = ferry.expect_import(DESTINATION, first)
    tags = {"certferry:source": f"{first[:-4]}0000", "certferry:name": "pay"}
    another = cloud.import_by_hand(DESTINATION, "pay.example.com", tags=tags)["arn"]
    ferry.forget_everything()
    run = ferry.carry("pay", second, "prod").once(expect=3)
    delivery = run.delivery("pay/prod")
    assert delivery["hold"] == "adopt?" and held in delivery["reason"] and another in delivery["reason"]
    assert "choose one with arn:" in delivery["reason"] and run.requests.writes == []
    ferry.carry("pay", second, {"to": "prod", "arn": held})
    run = ferry.run("--once", "--approve=pay/prod")
    assert ferry.truth(held)["fingerprint"] == ferry.truth(second)["fingerprint"], run


def test_a_match_stays_with_what_it_delivered(ferry, cloud):
    """The one with fewer names is renewed first: the import stays the other's, and without a record nobody knows."""
    first = ferry.issue("pay.example.com", days_ago=30)
    ferry.carry("all", {"domain": "pay.example.com"}, {"to": "prod", "as": "same"}).once()
    second = ferry.issue("pay.example.com", "api.example.com", days_ago=10)
    ferry.once()
    held = ferry.expect_import(DESTINATION, second)
    assert cloud.renew(first)["renewed"]
    one, other = first.split("/")[-1], second.split("/")[-1]
    run = ferry.once()
    assert run.requests.writes == [] and [item["name"] for item in run.json["deliveries"]] == [f"all/{other}/prod"]
    assert f"certferry leaves out delivery 'all/{one}/prod': both certificates match 'all', and it goes on with" in run.log
    assert cloud.renew(second)["renewed"]
    ferry.once()
    assert ferry.expect_import(DESTINATION, second, at=held) == held
    assert cloud.renew(first)["renewed"]
    ferry.forget_everything()
    run = ferry.once(expect=1)
    assert run.json["deliveries"] == [] and "both write the object" in run.json["notices"][0]
    assert "both write the object" in ferry.dry_run(expect=1).log


def test_a_match_stays_while_the_daemon_runs(bus_ferry, cloud):
    first = bus_ferry.issue("pay.example.com", days_ago=30)
    bus_ferry.carry("all", {"domain": "pay.example.com"}, {"to": "files", "as": "same"}).start()
    bus_ferry.certferry("sync", expect=0)
    second = bus_ferry.issue("pay.example.com", "api.example.com", days_ago=10)
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_file("same", second)
    assert cloud.renew(first)["renewed"]
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_file("same", second)
    (notice,) = bus_ferry.certferry("status", "--json", expect=0).json["notices"]
    assert "certferry leaves out delivery" in notice and "which it delivered before" in notice
