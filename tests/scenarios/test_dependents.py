# SPDX-License-Identifier: Apache-2.0
"""What depends on a delivery is told once, and what it serves then is looked at."""

import contextlib
import socket
import ssl
import threading

import pytest

from tests.scenarios.vocabulary import DESTINATION, certificates_in, fingerprint


class Server:
    """A TLS server on a port of its own; like nginx it serves what was there when it was last started."""

    def __init__(self, files):
        self.files = files
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.context = None
        threading.Thread(target=self._run, daemon=True).start()

    def load(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.files / "fullchain.pem", self.files / "privkey.pem")
        self.context = context
        self.serves = fingerprint(certificates_in((self.files / "fullchain.pem").read_text())[0])

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                with connection, self.context.wrap_socket(connection, server_side=True):
                    pass
            except (OSError, AttributeError):
                continue

    def close(self):
        with contextlib.suppress(OSError):  # closed before
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def servers(bus_ferry):
    made = []

    def make():
        made.append(Server(bus_ferry.files / "pay"))
        return made[-1]

    yield make
    for server in made:
        server.close()


def prove(port):
    return {"connect": f"127.0.0.1:{port}", "server_name": "pay.example.com"}


def web_servers(ferry, host, servers):
    """One that serves what it finds at its start, one that goes on with what it had, and one that is not there."""
    fresh, stale, dark = servers(), servers(), servers()
    dark.close()
    for name, server in (("fresh", fresh), ("stale", stale), ("dark", dark)):
        ferry.dependent(name, f"{name}.service", prove=prove(server.port))
        host.unit(f"{name}.service")
    host.units["fresh.service"].reads = fresh.load
    return fresh, stale


def test_proof_tells_who_serves_what(bus_ferry, cloud, host, servers):
    ferry, pay = bus_ferry, bus_ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "files").once()
    fresh, stale = web_servers(ferry, host, servers)
    fresh.load()
    stale.load()
    cloud.renew(pay, force=True)
    run = ferry.carry("pay", pay, {"to": "files", "then": ["fresh", "stale", "dark"]}).once(expect=1)
    assert fresh.serves == ferry.truth(pay)["fingerprint"] != stale.serves
    states = {name: run.dependent(name)["state"] for name in ("fresh", "stale", "dark")}
    assert states == {"fresh": "told", "stale": "failed", "dark": "unproven"}
    assert run.dependent("fresh")["proof"] == "matched"
    assert run.dependent("stale")["proof"].startswith("wrong")
    again = ferry.once(expect=1)
    assert again.requests.writes == []
    assert [unit.jobs for unit in host.units.values()] == [["restart"]] * 3, "a proof alone restarts nothing"


def reloading_server(ferry, cloud, host, servers, action):
    """A server that was seen to serve what it had read when it was reloaded."""
    pay, server = ferry.issue("pay.example.com"), servers()
    ferry.carry("pay", pay, "files").once()
    ferry.dependent("web", "web.service", action, prove=prove(server.port) | {"within": "1s"})
    unit = host.unit("web.service")
    unit.can_reload, unit.reads = True, server.load
    cloud.renew(pay, force=True)
    ferry.carry("pay", pay, {"to": "files", "then": ["web"]}).once()
    assert server.serves == ferry.truth(pay)["fingerprint"]
    return pay, server, unit


def test_what_a_reload_leaves_as_it_was_is_restarted(bus_ferry, cloud, host, servers):
    ferry = bus_ferry
    pay, server, unit = reloading_server(ferry, cloud, host, servers, "reload-or-restart")
    unit.deaf = True
    cloud.renew(pay, force=True)
    run = ferry.once()
    assert server.serves == ferry.truth(pay)["fingerprint"]
    assert run.dependent("web")["proof"] == "matched"
    assert "web.service (web) still serves its previous certificate" in run.log
    assert "Restarted web.service (web)" in run.log
    unit.reads = None
    cloud.renew(pay, force=True)
    assert "still serves" in ferry.once(expect=1).dependent("web")["reason"]
    ferry.once(expect=1)
    assert unit.jobs == ["reload-or-restart"] + ["reload-or-restart", "restart"] * 2, "once for a version"


def test_a_reload_that_reads_nothing_is_told_with_the_cure(bus_ferry, cloud, host, servers):
    pay, _, unit = reloading_server(bus_ferry, cloud, host, servers, "reload")
    unit.deaf = True
    cloud.renew(pay, force=True)
    reason = bus_ferry.once(expect=1).dependent("web")["reason"]
    assert "its reload does not read certificates; set 'action: restart'" in reason
    assert unit.jobs == ["reload", "reload"]


@pytest.mark.parametrize("action", ["reload", "reload-or-restart"])
def test_a_unit_that_hangs_in_a_reload(bus_ferry, cloud, host, action):
    ferry, web = bus_ferry.dependent("web", "web.service", action), host.unit("web.service")
    web.can_reload = web.hangs = True
    ferry.carry("pay", ferry.issue("pay.example.com"), {"to": "files", "then": ["web"]})
    if action == "reload":
        assert "systemctl try-restart 'web.service'" in ferry.once(expect=1).dependent("web")["reason"]
        assert web.jobs == []
    else:
        assert "Ended the reload that hung, by a restart of web.service (web)" in ferry.once().log
        assert web.jobs == ["restart"]


def test_lost_record_and_what_is_served(bus_ferry, cloud, host, servers):
    ferry, pay = bus_ferry, bus_ferry.issue("pay.example.com")
    ferry.carry("pay", pay, "files").once()
    fresh, stale = servers(), servers()
    for name, server in (("fresh", fresh), ("stale", stale)):
        server.load()
        ferry.dependent(name, f"{name}.service", prove=prove(server.port))
        host.unit(f"{name}.service").reads = server.load
    cloud.renew(pay, force=True)
    ferry.once()
    fresh.load()
    ferry.forget_everything()
    run = ferry.carry("pay", pay, {"to": "files", "then": ["fresh", "stale"]}).once()
    assert run.requests.writes == []
    assert host.units["fresh.service"].jobs == []
    assert host.units["stale.service"].jobs == ["restart"]
    assert stale.serves == ferry.truth(pay)["fingerprint"]


def test_proof_of_a_delivery_itself(bus_ferry, servers):
    ferry, pay, server = bus_ferry, bus_ferry.issue("pay.example.com"), servers()
    ferry.carry("pay", pay, "files").once()
    server.load()
    run = ferry.carry("pay", pay, {"to": "files", "prove": prove(server.port)}).once()
    assert run.delivery("pay/files")["proof"] == "matched"


def test_a_proof_of_the_version_before_is_not_shown(bus_ferry, cloud, host, servers):
    """Neither of a dependent that could not be told of the next one, nor of a delivery that could not be made."""
    ferry, pay, server = bus_ferry, bus_ferry.issue("pay.example.com"), servers()
    web = host.unit("web.service")
    web.reads = server.load
    ferry.dependent("web", "web.service", prove=prove(server.port))
    ferry.carry("pay", pay, {"to": "files", "then": ["web"]}, {"to": "prod", "prove": prove(server.port)})
    ferry.once()
    web.fails = True
    cloud.renew(pay, force=True)
    cloud.fault("error", operation="ImportCertificate", code="AccessDeniedException", status=400)
    run = ferry.once(expect=1)
    assert (run.dependent("web")["state"], run.dependent("web")["proof"]) == ("failed", None)
    assert (run.delivery("pay/prod")["state"], run.delivery("pay/prod")["proof"]) == ("failed", None)
    offline = ferry.certferry("status", "--json", expect=1)
    assert (offline.dependent("web")["proof"], offline.delivery("pay/prod")["proof"]) == (None, None)
    web.fails = False
    web.active = True  # a person has seen to it
    server.load()
    cloud.clear_faults()
    run = ferry.once()
    assert (run.dependent("web")["proof"], run.delivery("pay/prod")["proof"]) == ("matched", "matched")


def test_script_runs_once_a_version(bus_ferry, cloud, host):
    ferry, pay = bus_ferry.dependent("copy", "copy.service", "start"), bus_ferry.issue("pay.example.com")
    copy = host.unit("copy.service", active=False, kind="oneshot")
    ferry.carry("pay", pay, {"to": "files", "then": ["copy"]}, {"to": "prod", "then": ["copy"]}).once()
    assert copy.jobs == ["start"], "once for both deliveries"
    ferry.once()
    assert copy.jobs == ["start"]
    cloud.renew(pay, force=True)
    ferry.once()
    assert copy.jobs == ["start"] * 2


def test_without_a_bus_all_else_goes_on(bus_ferry, host):
    ferry, web, pay = bus_ferry, host.unit("web.service"), bus_ferry.issue("pay.example.com")
    ferry.dependent("web", "web.service").carry("pay", pay, "prod", {"to": "files", "then": ["web"]})
    ferry.variables = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={ferry.directory}/no-bus"}
    run = ferry.once(expect=1)
    assert run.dependent("web")["state"] == "failed" and "bus" in run.dependent("web")["reason"]
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_file("pay", pay)
    ferry.variables = {}
    ferry.once()
    assert web.jobs == ["restart"]


@pytest.fixture
def ordered(bus_ferry, host):
    """A certificate in files, and three who are told of it: "last" after "first" and "second", "second" after "first"."""
    ferry, pay, told = bus_ferry, bus_ferry.issue("pay.example.com"), []
    ferry.carry("pay", pay, "files").once()
    for name, after in (("last", ["first", "second"]), ("second", ["first"]), ("first", [])):
        ferry.dependent(name, f"{name}.service", **({"after": after} if after else {}))
        host.unit(f"{name}.service").reads = lambda name=name: told.append(name)
    ferry.carry("pay", pay, {"to": "files", "then": ["last", "second", "first"]})
    return ferry, pay, told


def states(answer):
    return {name: answer.dependent(name)["state"] for name in ("first", "second", "last")}


def test_each_is_told_after_those_that_come_first(ordered, cloud):
    ferry, pay, told = ordered
    cloud.renew(pay, force=True)
    run = ferry.once()
    assert told == ["first", "second", "last"]
    assert set(states(run).values()) == {"told"}
    assert ferry.once() and told == ["first", "second", "last"]


def test_none_is_told_after_one_that_failed(ordered, cloud, host):
    ferry, pay, told = ordered
    ferry.start()
    ferry.certferry("sync", expect=0)
    told.clear()
    host.units["first.service"].fails = True
    cloud.renew(pay, force=True)
    answer = ferry.certferry("sync", "--json", expect=1)
    assert told == []
    assert states(answer) == {"first": "failed", "second": "owed", "last": "owed"}
    for name in ("second", "last"):
        assert "waits for first, which failed" in answer.dependent(name)["reason"]
    ferry.expect_file("pay", pay)
    host.units["first.service"].fails = False
    host.units["first.service"].active = True  # a person has started it, before certferry asks again
    answer = ferry.certferry("sync", "--json", expect=0)
    assert told[-2:] == ["second", "last"]
    assert set(states(answer).values()) == {"told"}


@pytest.mark.parametrize("after", [False, True])
def test_order_survives_a_kill(ordered, cloud, host, after):
    """The first is asked for, or has restarted and nobody heard of it, when the daemon dies."""
    ferry, pay, told = ordered
    cloud.renew(pay, force=True)
    host.pause_after = after
    host.pause.clear()
    process = ferry.launch("--once")
    assert host.waiting.wait(20)
    assert host.units["second.service"].jobs == host.units["last.service"].jobs == []
    process.kill()
    process.communicate()
    host.pause.set()
    ferry.once()
    assert told == ["first", "second", "last"], "each once, in the order"


def test_who_serves_another_certificate_did_not_succeed(bus_ferry, cloud, host, servers):
    ferry, pay, stale = bus_ferry, bus_ferry.issue("pay.example.com"), servers()
    ferry.dependent("web", "web.service", prove=prove(stale.port)).dependent("smoke", "smoke.service", after=["web"])
    web, smoke = host.unit("web.service"), host.unit("smoke.service")
    ferry.carry("pay", pay, "files").once()
    stale.load()
    cloud.renew(pay, force=True)
    run = ferry.carry("pay", pay, {"to": "files", "then": ["web", "smoke"]}).once(expect=1)
    assert (web.jobs, smoke.jobs) == (["restart"], [])
    assert run.dependent("smoke")["state"] == "owed" and "web" in run.dependent("smoke")["reason"]
    stale.load()  # a person has seen to it
    ferry.start()
    ferry.certferry("sync", expect=0)
    assert (web.jobs, smoke.jobs) == (["restart"], ["restart"])
