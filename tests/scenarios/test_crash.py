# SPDX-License-Identifier: Apache-2.0
"""The daemon dies at the worst moments, and the next run ends as if it had not."""

import random
import resource
import signal
import time

import pytest

from tests.scenarios.vocabulary import DESTINATION, SECOND, SLOW

HELD = 30  # seconds, or until the fault is cleared
READS = ["AssumeRole", "ListCertificates", "GetCertificate", "GetResources", "DescribeSecret"]
LATER_WRITES = ["ImportCertificate", "PutSecretValue"]


def held(ferry, operation, phase="before", **match):
    """Hold the next request of this operation at the cloud; a function that says whether it is there."""
    order = ferry.cloud.fault("delay", seconds=HELD, count=1, operation=operation, phase=phase, **match)
    return lambda: any(rule["id"] == order and rule["fired"] for rule in ferry.cloud.faults())


def die(ferry, operation, phase="before", ended=signal.SIGKILL, **match):
    """Run until a request of this operation is held, and end there. False when none was made."""
    since = ferry.cloud.journal_position()
    is_held = held(ferry, operation, phase, **match)
    process = ferry.launch("--once")
    ferry.wait_for(lambda: is_held() or process.poll() is not None, 20)
    found = is_held()
    process.send_signal(ended)
    process.communicate(timeout=10)
    ferry.cloud.clear_faults()
    if found:  # its end is not to be counted among the requests of the next run
        ferry.wait_for(lambda: any(one["faults"] for one in ferry.cloud.journal(since=since, operation=operation)))
    return found


def everywhere(ferry, **details):
    pay = ferry.issue("pay.example.com", **details)
    ferry.carry("pay", pay, "both", "secrets", "files")
    return pay


def expect_everywhere(ferry, pay):
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_import(SECOND, pay)
    assert len(ferry.imports(DESTINATION)) == len(ferry.imports(SECOND)) == 1
    ferry.expect_secret(DESTINATION, "pay", pay)
    assert len(ferry.cloud.secrets(account=DESTINATION)) == 1
    ferry.expect_file("pay", pay)
    expect_files_whole(ferry)


def expect_files_whole(ferry):
    """The name leads to a version with all of its parts, and nothing half made is left."""
    for version in (path for path in (ferry.files / ".versions").rglob("*") if path.is_dir()):
        assert not version.name.endswith((".new", ".tmp")), version
    assert {path.name for path in ferry.shown("pay").iterdir()} == {"fullchain.pem", "privkey.pem"}


@pytest.mark.parametrize("operation", [*READS, "ExportCertificate"])
def test_killed_at_a_read_of_a_first_delivery(ferry, operation):
    pay = everywhere(ferry)
    assert die(ferry, operation)
    ferry.once()
    expect_everywhere(ferry, pay)


@pytest.mark.parametrize("operation", [*READS, "ExportCertificate"])
def test_killed_at_a_read_of_a_renewal(ferry, cloud, operation):
    pay = everywhere(ferry, days_ago=340)
    ferry.once()
    places = ferry.imports(DESTINATION), ferry.imports(SECOND)
    assert cloud.renew(pay)["renewed"]
    assert die(ferry, operation)
    ferry.once()
    expect_everywhere(ferry, pay)
    assert (ferry.imports(DESTINATION), ferry.imports(SECOND)) == places


@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_at_a_first_import(ferry, phase):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod", "secrets", "files")
    assert die(ferry, "ImportCertificate", phase)
    run = ferry.run("--once", "--json")
    ferry.expect_secret(DESTINATION, "pay", pay)
    ferry.expect_file("pay", pay)
    if run.status == 3:
        # Whether it was made cannot be seen yet: it is waited rather than imported twice.
        assert phase == "before" and run.requests("ImportCertificate") == 0
        assert run.delivery("pay/prod")["state"] != "current"
        assert len(ferry.imports(DESTINATION)) <= 1
    else:
        assert run.status == 0, run
        ferry.expect_import(DESTINATION, pay)
        assert len(ferry.imports(DESTINATION)) == 1


@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_at_the_creation_of_a_secret(ferry, phase):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "secrets", "files")
    assert die(ferry, "CreateSecret", phase)
    ferry.once()
    ferry.expect_secret(DESTINATION, "pay", pay)
    assert len(ferry.cloud.secrets(account=DESTINATION)) == 1
    ferry.expect_file("pay", pay)
    expect_files_whole(ferry)


@pytest.mark.parametrize("operation", LATER_WRITES)
@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_at_a_write_of_a_renewal(ferry, cloud, operation, phase):
    pay = everywhere(ferry, days_ago=340)
    ferry.once()
    places = ferry.imports(DESTINATION), ferry.imports(SECOND)
    assert cloud.renew(pay)["renewed"]
    assert die(ferry, operation, phase, account=DESTINATION)
    ferry.once()
    expect_everywhere(ferry, pay)
    assert (ferry.imports(DESTINATION), ferry.imports(SECOND)) == places


def test_an_import_that_was_made_is_found_and_not_repeated(ferry):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod")
    assert die(ferry, "ImportCertificate", "after")
    for _ in range(2):
        assert ferry.once().requests("ImportCertificate") == 0
    ferry.expect_import(DESTINATION, pay)


def test_an_import_whose_tags_are_not_found_yet_is_not_repeated(ferry, cloud):
    pay = ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "prod")
    cloud.settings(tag_lag_seconds=60)
    assert die(ferry, "ImportCertificate", "after")
    run = ferry.run("--once", "--json")
    assert run.status in (0, 3), run
    assert run.requests("ImportCertificate") == 0
    assert len(ferry.imports(DESTINATION)) == 1
    cloud.settings(tag_lag_seconds=0)
    ferry.once()
    ferry.expect_import(DESTINATION, pay)


@pytest.mark.parametrize("seed", range(10))
def test_killed_at_any_time_of_a_renewal(bus_ferry, cloud, host, seed):
    ferry, chance = bus_ferry.dependent("web", "web.service"), random.Random(seed)
    web = host.unit("web.service")
    pay = ferry.issue("pay.example.com", days_ago=340)
    ferry.carry("pay", pay, "both", "secrets", {"to": "files", "then": ["web"]})
    seconds = ferry.once().seconds
    places = ferry.imports(DESTINATION), ferry.imports(SECOND)
    restarts = len(web.jobs)
    assert cloud.renew(pay)["renewed"]
    for _ in range(3):
        process = ferry.launch("--once")
        time.sleep(chance.uniform(0, seconds))
        process.kill()
        process.communicate()
        expect_files_whole(ferry)
    ferry.once()
    expect_everywhere(ferry, pay)
    assert (ferry.imports(DESTINATION), ferry.imports(SECOND)) == places
    assert len(web.jobs) == restarts + 1


@pytest.fixture
def restarting(bus_ferry, cloud, host):
    """A renewal whose file a unit has yet to be restarted for."""
    ferry = bus_ferry.dependent("web", "web.service")
    web = host.unit("web.service")
    pay = ferry.issue("pay.example.com", days_ago=340)
    ferry.carry("pay", pay, {"to": "files", "then": ["web"]}).once()
    assert web.jobs == ["restart"]
    web.jobs.clear()
    assert cloud.renew(pay)["renewed"]
    return ferry, web, pay


@pytest.mark.parametrize("after", [False, True])
def test_killed_around_a_restart(restarting, host, after):
    ferry, web, pay = restarting
    host.pause_after = after
    host.pause.clear()
    process = ferry.launch("--once")
    assert host.waiting.wait(20)
    process.kill()
    process.communicate()
    host.pause.set()
    ferry.once()
    ferry.expect_file("pay", pay)
    assert web.jobs == ["restart"]
    ferry.once()
    assert web.jobs == ["restart"]


def test_killed_while_the_unit_settles(restarting):
    ferry, web, pay = restarting
    ferry.dependent("web", "web.service", settle="5s")
    process = ferry.launch("--once")
    ferry.wait_for(lambda: web.jobs, 20)
    process.kill()
    process.communicate()
    ferry.dependent("web", "web.service").once()
    ferry.expect_file("pay", pay)
    assert web.jobs == ["restart"]


def test_a_restart_that_could_not_be_asked_for_stays_owed(restarting, host):
    ferry, web, pay = restarting
    before = ferry.shown("pay")
    unit = host.units.pop("web.service")  # systemd knows of no such unit: the restart stays owed
    run = ferry.run("--once", "--json")
    assert run.status == 1 and run.dependent("web")["state"] == "failed"
    assert ferry.shown("pay") != before
    host.units["web.service"] = unit
    ferry.once()
    assert web.jobs == ["restart"]


@pytest.mark.parametrize("operation", ["ListCertificates", "AssumeRole", "ExportCertificate", "ImportCertificate"])
def test_sigterm_ends_within_two_seconds(ferry, operation):
    pay = everywhere(ferry)
    is_held = held(ferry, operation)
    daemon = ferry.start()
    ferry.wait_for(is_held, 20)
    status, seconds = daemon.stop()
    assert status == 0 and seconds < 2 * SLOW, daemon.log
    ferry.cloud.clear_faults()
    assert ferry.run("--once").status in (0, 3)
    assert len(ferry.imports(DESTINATION)) <= 1
    ferry.expect_file("pay", pay)


def test_sigterm_while_a_job_runs(restarting, host):
    ferry, web, _ = restarting
    host.pause.clear()
    daemon = ferry.start()
    assert host.waiting.wait(20)
    status, seconds = daemon.stop()
    assert status == 0 and seconds < 2, daemon.log
    host.pause.set()
    ferry.once()
    assert web.jobs == ["restart"]


def test_sigterm_when_nothing_is_to_be_done(ferry):
    everywhere(ferry)
    ferry.once()
    status, seconds = ferry.start().stop()
    assert status == 0 and seconds < 2


def limit_files():
    """What is written fails beyond the first blocks, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))


def test_nothing_is_begun_that_cannot_be_written_down(ferry):
    pay = everywhere(ferry)
    run = ferry.run("--once", "--json", preexec_fn=limit_files)
    assert run.status not in (0, 3), run
    assert run.requests.writes == []
    assert run.requests("ExportCertificate") == 0
    assert "record" in run.log or str(ferry.state) in run.log, run
    ferry.once()
    expect_everywhere(ferry, pay)


def test_disk_full_at_a_renewal(ferry, cloud):
    pay = everywhere(ferry, days_ago=340)
    ferry.once()
    assert cloud.renew(pay)["renewed"]
    run = ferry.run("--once", "--json", preexec_fn=limit_files)
    assert run.status == 1, run
    assert run.requests.writes == []
    assert run.requests("ExportCertificate") == 0
    ferry.once()
    expect_everywhere(ferry, pay)
