# SPDX-License-Identifier: Apache-2.0
"""The daemon on a bus: what the command says and orders, what units are told, and what a reload changes."""

import os
import re
import signal
import time

import pytest

from tests.scenarios.host import path_of
from tests.scenarios.vocabulary import DESTINATION, NAMESPACES, REGION, SECOND, SLOW, SOURCE


def rewrite(ferry, text):
    """A configuration that the daemon is to reject."""
    ferry.file.write_text(text)


def settled(ferry, status=0):
    """Wait until status exits so; its answer."""
    end = time.monotonic() + 8 * SLOW
    while (answer := ferry.certferry("status", "--json")).status != status or not answer.json["deliveries"]:
        assert time.monotonic() < end, answer
        time.sleep(0.05)
    return answer


@pytest.fixture
def pay(bus_ferry):
    return bus_ferry.issue("pay.example.com", "www.pay.example.com", days_ago=340)


@pytest.fixture
def web(bus_ferry, host):
    bus_ferry.dependent("web", "web.service")
    return host.unit("web.service")


@pytest.fixture
def running(bus_ferry, pay, web):
    """A daemon that has delivered to ACM and to a file, and restarted for it."""
    bus_ferry.carry("pay", pay, "prod", {"to": "files", "then": ["web"]})
    daemon = bus_ferry.start()
    settled(bus_ferry)
    assert web.jobs == ["restart"]
    web.jobs.clear()
    return daemon


def test_all_is_well(running, bus_ferry):
    status = bus_ferry.certferry("status", "--json", expect=0).json
    assert (status["format"], status["exit"], status["running"]) == (1, 0, True)
    assert {item["state"] for item in status["deliveries"]} == {"current"}
    assert [item["state"] for item in status["dependents"]] == ["told"]
    assert bus_ferry.certferry("status", "pay", expect=0).out
    assert bus_ferry.certferry("status", "pay/files", expect=0).out
    plan = bus_ferry.certferry("plan", "--json", expect=0).json
    assert (plan["format"], plan["exit"], plan["steps"]) == (1, 0, [])
    assert bus_ferry.certferry("plan", expect=0).out.strip() == "nothing to do"
    assert bus_ferry.certferry("sync", "--json", expect=0).json["exit"] == 0
    assert bus_ferry.certferry("approve", "--json", expect=0).json["exit"] == 0
    adopt = bus_ferry.certferry("adopt", "--json", expect=0).json
    assert (adopt["exit"], adopt["deliveries"], adopt["unseen"]) == (0, [], [])


def test_names_that_are_not_known(running, bus_ferry):
    for order in ("status", "sync", "approve"):
        answer = bus_ferry.certferry(order, "nothing/of-this", expect=1)
        assert "nothing/of-this" in answer.error


def test_sync_carries_a_renewal_and_restarts_once(running, bus_ferry, cloud, host, pay, web):
    assert cloud.renew(pay)["renewed"]
    answer = bus_ferry.certferry("sync", "--json", expect=0)
    assert {item["state"] for item in answer.json["deliveries"]} == {"current"}
    bus_ferry.expect_import(DESTINATION, pay)
    bus_ferry.expect_file("pay", pay)
    assert web.jobs == ["restart"]
    assert host.asked == ["org.certferry1.sync"]
    bus_ferry.certferry("sync", expect=0)
    assert web.jobs == ["restart"]


def test_sync_without_waiting(running, bus_ferry, cloud, pay, web):
    assert cloud.renew(pay)["renewed"]
    answer = bus_ferry.certferry("sync", "--no-wait", "--json", expect=0)
    assert answer.json["job"] >= 1
    bus_ferry.wait_for(lambda: web.jobs, 20)
    settled(bus_ferry)
    bus_ferry.expect_import(DESTINATION, pay)
    bus_ferry.expect_file("pay", pay)
    assert web.jobs == ["restart"]


def test_two_certificates_for_one_unit_are_one_restart(running, bus_ferry, cloud, pay, web):
    shop = bus_ferry.issue("shop.example.com", days_ago=340)
    bus_ferry.carry("shop", shop, {"to": "files", "then": ["web"]})
    running.reload()
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_file("shop", shop)
    web.jobs.clear()
    assert cloud.renew(pay)["renewed"] and cloud.renew(shop)["renewed"]
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_file("pay", pay)
    bus_ferry.expect_file("shop", shop)
    assert web.jobs == ["restart"]


def test_what_polkit_refuses_is_not_done(running, bus_ferry, cloud, host, pay):
    host.allows = False
    assert cloud.renew(pay)["renewed"]
    position = cloud.journal_position()
    assert "sync" in bus_ferry.certferry("sync", expect=5).error
    bus_ferry.certferry("approve", expect=5)
    bus_ferry.certferry("status", expect=0)
    assert [entry["operation"] for entry in cloud.journal(since=position)] == []


def test_a_held_change_waits_for_approval(running, bus_ferry, cloud, pay):
    bus_ferry.certferry("sync", expect=0)
    assert cloud.renew(pay, names=["pay.example.com"], force=True)
    answer = bus_ferry.certferry("sync", "--json", expect=3)
    held = answer.delivery("pay/prod")
    assert (held["state"], held["hold"]) == ("held", "approval")
    plan = bus_ferry.certferry("plan", "--json", expect=3)
    assert "hold" in {step["verb"] for step in plan.json["steps"]}
    bus_ferry.certferry("approve", "--json", expect=0)
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_import(DESTINATION, pay)


def test_imports_of_others_are_adopted_by_choice(bus_ferry, cloud, pay, tmp_path):
    theirs = cloud.import_by_hand(DESTINATION, "pay.example.com")["arn"]
    cloud.in_use(arn=theirs, by=["arn:aws:elasticloadbalancing:eu-west-1:222222222222:loadbalancer/app/web/1"])
    bus_ferry.carry("pay", pay, "prod")
    bus_ferry.start()
    bus_ferry.wait_for(lambda: settled(bus_ferry, 3).delivery("pay/prod")["hold"] == "adopt?")
    found = bus_ferry.certferry("adopt", "--json")
    assert found.status in (0, 3), found
    (delivery,) = found.json["deliveries"]
    assert [one["arn"] for one in delivery["candidates"]] == [theirs]
    bus_ferry.certferry("adopt", "--output", str(tmp_path / "adopt.yaml"), expect=0)
    assert theirs in (tmp_path / "adopt.yaml").read_text()
    assert list(bus_ferry.imports(DESTINATION)) == [theirs]


def test_status_when_something_fails(bus_ferry, cloud, pay):
    cloud.fault("error", code="AccessDeniedException", status=400, operation="ImportCertificate", account=SECOND)
    bus_ferry.carry("pay", pay, "both")
    bus_ferry.start()
    answer = settled(bus_ferry, 1)
    assert answer.delivery(f"pay/both/{SECOND}/{REGION}")["state"] == "failed"
    bus_ferry.certferry("sync", expect=1)
    cloud.clear_faults()
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_import(SECOND, pay)


def test_status_when_the_daemon_is_down(running, bus_ferry):
    running.stop()
    answer = bus_ferry.certferry("status", "--json", expect=3)
    assert answer.json["running"] is False
    assert "current" not in {item["state"] for item in answer.json["deliveries"]}
    for order in ("plan", "sync", "approve"):
        assert "is it running?" in bus_ferry.certferry(order, expect=5).error
    bus_ferry.forget_everything()
    bus_ferry.certferry("status", expect=5)


def test_a_unit_that_fails_is_visible_and_tried_again(running, bus_ferry, cloud, pay, web):
    web.fails = True
    assert cloud.renew(pay)["renewed"]
    answer = bus_ferry.certferry("sync", "--json", expect=1)
    (dependent,) = answer.json["dependents"]
    assert dependent["state"] == "failed" and dependent["reason"] and dependent["next_try"]
    bus_ferry.expect_file("pay", pay)
    web.fails = False
    web.active = True  # a person has started it, so it has read what is there
    web.begin()
    jobs = list(web.jobs)
    bus_ferry.certferry("sync", expect=0)
    assert web.jobs == jobs


def test_a_stopped_unit_is_not_started(running, bus_ferry, cloud, pay, web):
    web.active = False
    assert cloud.renew(pay)["renewed"]
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_file("pay", pay)
    assert web.jobs == [] and web.active is False


def test_a_lost_record_restarts_nothing(running, bus_ferry, web):
    running.stop()
    bus_ferry.forget_everything()
    daemon = bus_ferry.start()
    answer = bus_ferry.certferry("sync", "--json")
    assert {item["state"] for item in answer.json["deliveries"]} == {"current"}
    assert web.jobs == []
    assert daemon.requests("ExportCertificate") == 0 and daemon.requests.writes == []


def test_a_lost_record_and_a_unit_that_may_not_have_read_it(running, bus_ferry, web):
    running.stop()
    bus_ferry.forget_everything()
    web.begin(int((bus_ferry.files / "pay" / "..data").lstat().st_mtime - 100) * 10**6)
    web.changed += 500 * 10**6  # it was reloaded since: which version it serves is not known
    bus_ferry.start()
    (dependent,) = bus_ferry.certferry("sync", "--json").json["dependents"]
    assert dependent["state"] == "unknown"
    assert web.jobs == []


def test_the_rule_and_the_check_name_what_polkit_is_told(bus_ferry, host, pay):
    host.unit("web.service").paths.append(path_of("httpd.service"))
    bus_ferry.dependent("alias", "httpd.service", action="restart")
    bus_ferry.dependent("absent", "gone.service", action="reload")
    bus_ferry.carry("pay", pay, {"to": "files", "then": ["alias", "absent"]})
    rule = bus_ferry.run("--polkit-rule")
    assert re.findall(r'"([a-z-]+ \S+\.service)"', rule.out) == ["reload gone.service", "try-restart web.service"], rule
    check = bus_ferry.run("--check")
    assert check.status == 0
    assert re.fullmatch(r"warning: dependents\.alias\.unit: 'httpd\.service' is another name of 'web\.service'.*\n", check.log), check
    bus_ferry.variables["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={bus_ferry.directory}/nothing"  # systemd cannot be asked
    assert '"try-restart httpd.service"' in bus_ferry.run("--polkit-rule").out


def command(path):
    """A program of a unit, as systemd shows it."""
    return "a(sasbttttuii)", [(path, [path, "-x"], False, 0, 0, 0, 0, 0, 0, 0)]


def test_units_that_cannot_take_a_renewal_are_named(bus_ferry, host, pay):
    bus_ferry.destination("files", "files", directory=str(bus_ferry.files), group="daemon")
    host.unit("web.service").settings = {
        "User": ("s", "nobody"), "Group": ("s", ""), "SupplementaryGroups": ("as", ["mail"]), "ExecStart": command("/usr/sbin/web"),
    }  # fmt: skip
    host.unit("postfix.service").settings = {
        "ExecStart": command("/bin/true"), "ExecReload": command("/bin/true"), "PropagatesReloadTo": ("as", ["postfix@-.service"]),
    }  # fmt: skip
    host.unit("root.service").settings = {"ExecStart": command("/usr/sbin/root"), "ConsistsOf": ("as", ["a.service"])}
    for name in ("web", "postfix", "root"):
        bus_ferry.dependent(name, f"{name}.service")
    bus_ferry.carry("pay", pay, {"to": "files", "then": ["web", "postfix", "root"]})
    said = bus_ferry.run("--check").log.splitlines()
    assert len(said) == 2, said
    assert said[0].startswith("warning: dependents.postfix.unit: 'postfix.service' does nothing itself"), said
    assert said[0].endswith("name instead: postfix@-.service")
    assert re.match(r"warning: dependents\.web\.unit: 'web\.service' runs as nobody, which is not in group 'daemon'", said[1])


def test_the_start_says_what_may_not_be_restarted(bus_ferry, host, pay):
    for name in ("may", "may-not"):
        bus_ferry.dependent(name, f"{name}.service")
        host.unit(f"{name}.service")
    host.units["may.service"].settings = {"ExecStart": command("/bin/true"), "ConsistsOf": ("as", ["real.service"])}
    host.units["may-not.service"].refuses_jobs = True
    daemon = bus_ferry.carry("pay", pay, {"to": "files", "then": ["may", "may-not"]}).start()
    bus_ferry.certferry("sync")
    (notice,) = bus_ferry.certferry("status", "--json", expect=1).json["notices"]
    assert re.match(r"dependents\.may-not\.unit: .* certferryd restart 'may-not\.service' .*--polkit-rule", notice), notice
    assert "certferryd restart 'may-not.service'" in bus_ferry.certferry("status", expect=1).out
    assert host.units["may.service"].jobs == ["restart"], "asking whether it may be restarted restarts nothing"
    host.units["may-not.service"].refuses_jobs = False
    daemon.reload()
    bus_ferry.certferry("sync")
    assert bus_ferry.certferry("status", "--json").json["notices"] == []
    host.units["may-not.service"].refuses_jobs = True
    daemon.reload()
    bus_ferry.wait_for(lambda: bus_ferry.certferry("status", "--json").json["notices"])
    log = daemon.log_file.read_text()
    assert log.count("dependents.may-not.unit: ") == 2, "it is over in between"
    assert log.count("dependents.may.unit: 'may.service' does nothing itself") == 1, "while it lasts"


@pytest.mark.parametrize("installed", [True, False])
def test_a_refused_restart_names_what_is_missing(bus_ferry, host, pay, web, installed):
    host.refuses_jobs = True
    bus_ferry.carry("pay", pay, {"to": "files", "then": ["web"]})
    here = " && ".join((
        "mount -t tmpfs none /usr/share/dbus-1/system-services", "mount -t tmpfs none /run", "mkdir -p /run/systemd/system",
        "touch /usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service" if installed else "true", 'exec "$@"',
    ))  # fmt: skip
    under = [*NAMESPACES, "sh", "-c", here, "sh"]
    check = bus_ferry.run("--check", under=under)
    run = bus_ferry.once(under=under, expect=1)
    if installed:
        assert check.log == "" and "polkit does not let certferryd restart 'web.service'" in run.log, run
    else:
        assert check.status == 0 and check.log.startswith("warning: there is no polkit on this host"), check
        assert re.search(r"there is no polkit on this host, .* 'web\.service' .*install the package polkitd", run.log), run


@pytest.mark.parametrize("text, is_wide", [
    ('if (action.id.indexOf("org.certferry1.") == 0)', True), ("action.id.startsWith('org.certferry1')", True),
    ('if (action.id == "org.certferry1.sync") // not org.certferry1.*', False),
])  # fmt: skip
def test_a_rule_that_admits_every_action_is_warned_of(bus_ferry, pay, tmp_path, text, is_wide):
    """As the shipped rule once did, of which an administrator may have a copy."""
    (tmp_path / "mine.rules").write_text(f"polkit.addRule(function(action, subject) {{ {text} return polkit.Result.YES; }});")
    bus_ferry.carry("pay", pay, "files")
    rules = "/run/polkit-1/rules.d"
    here = f'mount -t tmpfs none /run && mkdir -p {rules} && cp "$1" {rules} && shift && exec "$@"'
    check = bus_ferry.run("--check", under=[*NAMESPACES, "sh", "-c", here, "sh", str(tmp_path / "mine.rules")])
    assert check.status == 0
    assert (f"{rules}/mine.rules names certferry's polkit actions" in check.log) == is_wide, check


def test_a_daemon_that_is_ready_is_found_by_its_name(bus_ferry, host, pay):
    """Who starts the unit and asks at once finds it, however slow the bus is."""
    bus_ferry.carry("pay", pay, "prod")
    begin = time.monotonic()
    with host.stopped_bus():
        daemon = bus_ferry.start(wait=False)
        time.sleep(1)
        assert "READY=1" not in daemon.notices
    daemon.wait_notice("READY=1")
    assert bus_ferry.certferry("sync", timeout=20).status == 0
    assert time.monotonic() - begin < 20 * SLOW


def test_a_bus_that_gives_no_answer_holds_up_nothing(bus_ferry, host, pay):
    bus_ferry.carry("pay", pay, "prod")
    with host.stopped_bus():
        daemon = bus_ferry.start()  # ready, after five seconds
        bus_ferry.expect_import(DESTINATION, pay)
    bus_ferry.certferry("status", expect=0)
    assert daemon.process.poll() is None


@pytest.mark.parametrize("text", ["{", "source: 1\n", "certificates: {x: {}}\nunknown: 1\n"])
def test_a_wrong_file_changes_nothing(running, bus_ferry, cloud, pay, web, text):
    good = bus_ferry.file.read_text()
    rewrite(bus_ferry, text)
    running.reload()
    running.wait_log("certferry.yaml")
    shown = bus_ferry.certferry("status", expect=1).out
    assert "certferryd rejects the configuration files: " in shown and "keeps the configuration of 20" in shown
    assert "certferry.yaml:" in bus_ferry.certferry("status", "--json", expect=1).json["config_problem"]
    assert cloud.renew(pay)["renewed"]
    bus_ferry.certferry("sync", expect=0)  # it does its own work well
    bus_ferry.expect_import(DESTINATION, pay)
    rewrite(bus_ferry, good)
    running.reload()
    bus_ferry.certferry("sync", expect=0)
    assert bus_ferry.certferry("status", "--json", expect=0).json["config_problem"] is None
    assert web.jobs == ["restart"]


def test_a_reload_that_leaves_no_region_changes_nothing(bus_ferry, cloud, pay):
    bus_ferry.variables.update(AWS_REGION="", AWS_DEFAULT_REGION="")
    daemon = bus_ferry.carry("pay", pay, "files").start()
    bus_ferry.wait_for(lambda: "Delivered renewed certificate" in daemon.log)
    region = bus_ferry.settings["source"].pop("region")
    bus_ferry.write()
    daemon.reload()
    daemon.wait_log("Failed to reload the configuration")
    shown = bus_ferry.certferry("status", "--json", expect=1).json
    assert "source.region" in shown["config_problem"] and len(shown["deliveries"]) == 1
    assert cloud.renew(pay)["renewed"]
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_file("pay", pay)
    bus_ferry.settings["source"]["region"] = region
    bus_ferry.write()
    daemon.reload()
    bus_ferry.wait_for(lambda: bus_ferry.certferry("status").status == 0)


def test_a_start_and_a_reload_warn_of_what_is_hardly_meant(bus_ferry, pay):
    doubt = r"warning: \S+: destinations\.astray\.regions: .*does not know region 'eu-wst-1'; did you mean 'eu-west-1'"
    bus_ferry.destination("astray", "prod", regions=["eu-wst-1"]).carry("pay", pay, "prod", "astray")
    daemon = bus_ferry.start()
    daemon.wait_log(doubt)
    daemon.reload()
    bus_ferry.wait_for(lambda: len(re.findall(doubt, daemon.log)) == 2)


def test_a_reload_takes_over_what_is_new(running, bus_ferry, pay):
    bus_ferry.carry("pay", pay, "prod", "secrets", {"to": "files", "then": ["web"]})
    running.reload()
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_secret(DESTINATION, "pay", pay)
    assert running.requests("ImportCertificate") == 1


def test_a_certificate_that_goes_and_comes_back_while_it_is_carried(bus_ferry, cloud, pay):
    """Two reloads during one export: what comes back is what went, and nothing is imported twice."""
    cloud.fault("delay", seconds=4, operation="ExportCertificate")
    bus_ferry.carry("pay", pay, "prod")
    text = bus_ferry.file.read_text()
    daemon = bus_ferry.start()
    bus_ferry.wait_for(lambda: "pay/prod" in bus_ferry.certferry("status").out)
    time.sleep(1)
    other = bus_ferry.issue("other.example.com")
    rewrite(bus_ferry, text.replace("pay:", "other:").replace(pay, other))
    daemon.reload()
    rewrite(bus_ferry, text)
    swept = daemon.requests("ListCertificates", account=SOURCE)
    daemon.reload()
    # What is carried outlives what was known of the source when it began.
    bus_ferry.wait_for(lambda: daemon.requests("ListCertificates", account=SOURCE) > swept)
    time.sleep(0.5)
    cloud.clear_faults()
    settled(bus_ferry)
    bus_ferry.expect_import(DESTINATION, pay)
    assert daemon.requests("ImportCertificate") == 1


def test_syncs_that_overlap(running, bus_ferry, cloud, pay, web):
    assert cloud.renew(pay)["renewed"]
    cloud.fault("delay", seconds=1.5, operation="ImportCertificate")
    position = cloud.journal_position()
    command = ["sync", "--no-wait"]
    for _ in range(4):
        bus_ferry.certferry(*command, expect=0)
    running.process.send_signal(signal.SIGHUP)
    bus_ferry.certferry("sync", expect=0)
    bus_ferry.expect_import(DESTINATION, pay)
    assert cloud.count("ImportCertificate", since=position) == 1
    assert cloud.count("ExportCertificate", since=position) == 1
    assert web.jobs == ["restart"]


def test_a_sync_that_is_waited_for_no_longer(running, bus_ferry, cloud, pay):
    assert cloud.renew(pay)["renewed"]
    cloud.fault("delay", seconds=20, operation="ImportCertificate")
    bus_ferry.certferry("sync", "--timeout", "1s", expect=3)
    cloud.clear_faults()
    settled(bus_ferry)
    bus_ferry.expect_import(DESTINATION, pay)


def test_a_sync_ends_though_a_delivery_is_held(bus_ferry, cloud, pay):
    other = bus_ferry.issue("other.example.com")
    cloud.import_by_hand(DESTINATION, "pay.example.com")
    bus_ferry.carry("pay", pay, "prod").carry("other", other, "prod").start()
    answer = bus_ferry.certferry("sync", "--json", expect=3)
    assert answer.delivery("pay/prod")["state"] == "held"
    bus_ferry.expect_import(DESTINATION, other)


@pytest.mark.skipif(not os.environ.get("LONG"), reason="a poll is a minute at least: LONG=1")
def test_a_look_over_a_thousand_certificates_is_two_requests(bus_ferry, cloud):
    bus_ferry.issue("many.example.com", count=999)
    bus_ferry.set(poll="1m")
    bus_ferry.carry("one", {"domain": "one.example.com"}, "prod")
    bus_ferry.issue("one.example.com")
    bus_ferry.start()
    settled(bus_ferry)
    position = cloud.journal_position()
    bus_ferry.wait_for(lambda: cloud.journal(since=position), 90)
    time.sleep(1)  # for what it should not ask
    made = [entry["operation"] for entry in cloud.journal(since=position)]
    assert len(made) <= 2 and not {"DescribeCertificate", "GetCertificate", "ExportCertificate"} & set(made)


def connections(daemon):
    """The TCP connections that a process holds open."""
    inodes = set()
    for link in os.scandir(f"/proc/{daemon.process.pid}/fd"):
        target = os.readlink(link.path)
        if target.startswith("socket:["):
            inodes.add(target[len("socket:["):-1])
    with open(f"/proc/{daemon.process.pid}/net/tcp") as table:
        return sum(line.split()[9] in inodes for line in table.readlines()[1:])


def test_idle_connections_are_closed_at_the_watchdogs_moment(bus_ferry, pay):
    bus_ferry.carry("pay", pay, "prod")
    bus_ferry.variables["WATCHDOG_USEC"] = "4000000"
    daemon = bus_ferry.start()
    settled(bus_ferry)
    assert connections(daemon) > 0
    bus_ferry.wait_for(lambda: connections(daemon) == 0, 5)
    assert bus_ferry.certferry("sync", "--json", expect=0).json["exit"] == 0
