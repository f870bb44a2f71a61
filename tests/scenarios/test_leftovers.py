# SPDX-License-Identifier: Apache-2.0
"""What no delivery cares for any more is listed, with who uses it and when it ends, until it is gone."""

import re
import shutil

from tests.cloud.harness import DESTINATION, REGION, SECOND
from tests.scenarios.vocabulary import BOTH


def left(answer):
    return {item["delivery"]: item for item in answer.json.get("leftovers", [])}


def without(ferry, name, *destinations):
    """The certificate is carried to these no more."""
    deliver = ferry.settings["certificates"][name]["deliver"]
    ferry.settings["certificates"][name]["deliver"] = [one for one in deliver if one["to"] not in destinations]
    return ferry.write()


def test_what_is_left_behind_is_listed_until_it_is_gone(bus_ferry, cloud):
    ferry, pay = bus_ferry, bus_ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod", "secrets", "files")
    ferry.carry("web", ferry.issue("web.example.com"), "prod", "secrets", "files")
    run = ferry.once()
    assert left(run) == {}
    objects = {name: run.delivery(f"pay/{name}")["object_id"] for name in ("prod", "secrets", "files")}
    cloud.in_use(arn=objects["prod"], by=["arn:aws:elasticloadbalancing:eu-west-1:222222222222:loadbalancer/app/x/1"])
    daemon = ferry.start()
    without(ferry, "pay", "prod", "secrets", "files")
    ferry.settings["certificates"]["pay"]["deliver"] = [{"to": "files", "as": "other"}]
    ferry.write()
    daemon.reload()
    daemon.wait_log(f"'pay/prod'.*{objects['prod']}")
    ferry.certferry("sync", expect=0)
    found = left(ferry.certferry("status", "--json", expect=0))
    assert {name: item["object_id"] for name, item in found.items()} == {
        "pay/prod": objects["prod"], "pay/secrets": objects["secrets"], "pay/files": objects["files"]
    }  # fmt: skip
    assert all(item["version"] and item["checked_at"] and not item["problem"] for item in found.values())
    assert {name: item["in_use_by"] and len(item["in_use_by"]) for name, item in found.items()} == {
        "pay/prod": 1, "pay/secrets": None, "pay/files": None
    }  # fmt: skip
    text = ferry.certferry("status", expect=0).out
    assert objects["prod"] in text and "loadbalancer/app/x/1" in text and "no delivery writes it any more" in text
    # One is cared for again, the others are seen to be gone.
    ferry.carry("pay", pay, "prod", {"to": "files", "as": "other"})
    cloud.boto3("secretsmanager", DESTINATION).delete_secret(SecretId=objects["secrets"], ForceDeleteWithoutRecovery=True)
    shutil.rmtree(ferry.files / "pay")
    daemon.reload()
    ferry.certferry("sync", expect=0)
    assert left(ferry.certferry("status", "--json", expect=0)) == {}
    daemon.stop()
    assert not [item["name"] for item in ferry.certferry("status", "--json").json["deliveries"] if "@" in item["name"]]
    assert left(ferry.once()) == {}


def test_a_region_or_account_less_leaves_its_imports(ferry):
    ferry.carry("pay", ferry.issue("pay.example.com"), "both")
    run = ferry.once()
    second = run.delivery(f"pay/both/{SECOND}/{REGION}")["object_id"]
    ferry.known["both"] = {**BOTH, "accounts": [DESTINATION]}
    ferry.settings["destinations"]["both"] = ferry.known["both"]
    run = ferry.write().once()
    found = left(run)
    # The other import has a delivery, by another name.
    assert [item["object_id"] for item in found.values()] == [second]
    ((name, item),) = found.items()
    assert (name, item["kind"], item["checked_at"]) == (f"pay/both/{SECOND}/{REGION}", "acm", None)
    assert "no destination" in item["problem"]


def test_what_matches_no_more_is_left_and_an_outage_leaves_nothing(bus_ferry, cloud):
    """What a match comes to is not known before the source was read: until then nothing is said to be left."""
    ferry, pay = bus_ferry, bus_ferry.issue("pay.example.com", tags={"carry": "yes"})
    ferry.carry("all", {"tags": {"carry": "yes"}}, "prod").once()
    cloud.fault("error", code="ServiceUnavailable", status=503)
    daemon = ferry.start()
    daemon.wait_log("Failed to list certificates")
    answer = ferry.certferry("status", "--json", expect=1)
    # What the record has of it is shown meanwhile.
    assert (left(answer), [item["state"] for item in answer.json["deliveries"]]) == ({}, ["unknown"])
    assert answer.json["deliveries"][0]["recorded"] and answer.json["deliveries"][0]["seen"]["not_after"]
    counts = ferry.certferry("status", "--json", "--summary", expect=1).json["counts"]
    assert counts["deliveries"]["unknown"] == counts["deliveries"]["all"] == 1
    assert re.search(r"^all/\S+/prod +unknown +20\S+ ", ferry.certferry("status", "--all", expect=1).out, re.M)
    daemon.stop()
    assert [item["recorded"] for item in ferry.once(expect=1).json["deliveries"]] == [True]
    cloud.clear_faults()
    acm = cloud.boto3("acm", ferry.account_of(pay))
    acm.remove_tags_from_certificate(CertificateArn=pay, Tags=[{"Key": "carry"}])
    found = left(ferry.once())
    assert list(found) == [f"all/{pay.rsplit('/', 1)[1]}/prod"]
    assert [item["in_use_by"] for item in found.values()] == [[]]


def test_an_entry_that_is_pointed_at_another_certificate_leaves_nothing(ferry):
    ferry.carry("pay", ferry.issue("pay.example.com", days_ago=30), "prod", "files").once()
    ferry.carry("pay", ferry.issue("pay.example.com", "www.example.com"), "prod", "files")
    run = ferry.once()
    assert (left(run), {item["state"] for item in run.json["deliveries"]}) == ({}, {"current"})


def test_an_import_by_another_arn_leaves_the_first(ferry, cloud):
    ferry.carry("pay", ferry.issue("pay.example.com"), "prod")
    first = ferry.once().delivery("pay/prod")["object_id"]
    other = cloud.import_by_hand(DESTINATION, "pay.example.com", tags={"certferry:name": "else"})["arn"]
    ferry.carry("pay", ferry.settings["certificates"]["pay"]["arn"], {"to": "prod", "arn": other})
    found = left(ferry.run("--once", "--json"))
    assert [(name, item["object_id"], item["in_use_by"]) for name, item in found.items()] == [("pay/prod", first, [])]


def test_a_restart_leaves_nothing_that_is_named_by_its_domain(ferry):
    """{domain} is not known before the source was read: until then the record is believed."""
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, *({"to": name, "as": "{domain}"} for name in ("prod", "secrets", "files")))
    before = ferry.once()
    run = ferry.once()
    assert "has left" not in run.log
    assert left(run) == {} and {item["state"] for item in run.json["deliveries"]} == {"current"}
    for item in run.json["deliveries"]:
        assert item["object_id"] == before.delivery(item["name"])["object_id"]
    assert not [entry for entry in run.json["deliveries"] if "@" in entry["name"]]
