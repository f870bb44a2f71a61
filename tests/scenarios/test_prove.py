# SPDX-License-Identifier: Apache-2.0
"""Ports where TLS does not begin with the first byte are proven as those where it does."""

import contextlib
import ipaddress
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

NAME = "pay.example.com"


def line(connection):
    read = b""
    while not read.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise OSError(f"the end after {read!r}")
        read += byte
    return read.decode().strip()


def exactly(connection, size):
    read = connection.recv(size, socket.MSG_WAITALL)
    if len(read) != size:
        raise OSError(f"the end after {read!r}")
    return read


def until(connection, end):
    read = ""
    while end not in read:
        byte = connection.recv(1)
        if not byte:
            raise OSError(f"the end after {read!r}")
        read += byte.decode()
    return read


# What servers do until TLS begins. OSError: they hang up.


def expect(condition):
    if not condition:
        raise OSError("not my protocol")


def smtp(connection):
    connection.sendall(b"220-mx.example.com\r\n220 ESMTP\r\n")
    while not line(connection).startswith("EHLO "):
        connection.sendall(b"500 what?\r\n")
    connection.sendall(b"250-mx.example.com\r\n250-STARTTLS\r\n250 HELP\r\n")
    expect(line(connection) == "STARTTLS")
    connection.sendall(b"220 go\r\n")


def imap(connection):
    connection.sendall(b"* OK ready\r\n")
    tag, word = line(connection).split()
    if word == "CAPABILITY":
        connection.sendall(f"* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK\r\n".encode())
        tag, word = line(connection).split()
    expect(word == "STARTTLS")
    connection.sendall(f"{tag} OK go\r\n".encode())


def pop3(connection):
    connection.sendall(b"+OK ready\r\n")
    expect(line(connection) == "STLS")
    connection.sendall(b"+OK go\r\n")


def ftp(connection):
    connection.sendall(b"220-hello\r\n220 FTP\r\n")
    expect(line(connection) == "AUTH TLS")
    connection.sendall(b"234 go\r\n")


def ldap(connection):
    message = exactly(connection, 2)
    message += exactly(connection, message[1])
    expect(message[5] == 0x77 and b"1.3.6.1.4.1.1466.20037" in message)
    connection.sendall(bytes.fromhex("300c02010178070a010004000400"))


def postgres(connection):
    expect(exactly(connection, 8) == struct.pack(">ii", 8, 80877103))
    connection.sendall(b"S")


def mysql(connection):
    capabilities = 0x0200 | 0x0800 | 0x8000  # protocol 4.1, TLS, secure connection
    greeting = b"\x0a8.0.0\0" + bytes(4) + b"8 bytes!\0" + struct.pack("<HBHH", capabilities, 33, 2, 8)
    greeting += b"\x15" + bytes(10) + b"12 bytes ...\0" + b"mysql_native_password\0"
    connection.sendall(struct.pack("<I", len(greeting)) + greeting)
    header = exactly(connection, 4)
    expect(header == b"\x20\0\0\x01" and exactly(connection, 32)[1] & 0x08)


def xmpp(connection):
    expect(f"to='{NAME}'" in until(connection, "version='1.0'>").replace('"', "'"))
    connection.sendall(
        b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        b"from='pay.example.com' id='1' version='1.0'><stream:features>"
        b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
    )
    expect("urn:ietf:params:xml:ns:xmpp-tls" in until(connection, "/>"))
    connection.sendall(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")


def nats(connection):
    connection.sendall(b'INFO {"server_id":"x","version":"2.9.10","tls_required":true,"max_payload":1048576} \r\n')


def is_ours(connection, there, here):
    return (str(there[0]), there[1]) == connection.getpeername() and (str(here[0]), here[1]) == connection.getsockname()


def v1(connection):
    word, family, there, here, port, own = line(connection).split()
    expect((word, family) == ("PROXY", "TCP4") and is_ours(connection, (there, int(port)), (here, int(own))))


def v2(connection):
    expect(exactly(connection, 16) == b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c")
    there, here, port, own = struct.unpack(">IIHH", exactly(connection, 12))
    expect(is_ours(connection, (ipaddress.ip_address(there), port), (ipaddress.ip_address(here), own)))


STARTTLS = [smtp, imap, pop3, ftp, ldap, postgres, mysql, xmpp, nats]
PROXY = [v1, v2]


class Server:
    """A TLS server that first has its protocol's words, and reads its files at each connection."""

    def __init__(self, files, talk):
        self.files, self.talk = files, talk
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connect = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _serve(self, connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.files / "fullchain.pem", self.files / "privkey.pem")
        connection.settimeout(5)
        self.talk(connection)
        context.wrap_socket(connection, server_side=True).close()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError, ValueError):
                self._serve(connection)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def serve(bus_ferry):
    made = []

    def make(talk):
        made.append(Server(bus_ferry.files / "pay", talk))
        return made[-1]

    yield make
    for server in made:
        server.close()


def ask(ferry, host, name, **prove):
    prove = {"server_name": NAME, "within": "1s", **prove}
    ferry.dependent(name, f"{name}.service", prove={key: value for key, value in prove.items() if value})
    host.unit(f"{name}.service")
    return name


def proofs(ferry, cloud, pay, names, expect=0):
    cloud.renew(pay, force=True)
    run = ferry.carry("pay", pay, {"to": "files", "then": names}).once(expect=expect)
    return {name: run.dependent(name)["proof"] for name in names}


def test_tls_is_asked_for(bus_ferry, cloud, host, serve):
    ferry, pay = bus_ferry, bus_ferry.issue(NAME)
    ferry.carry("pay", pay, "files").once()
    names = [ask(ferry, host, f.__name__, connect=serve(f).connect, starttls=f.__name__) for f in STARTTLS]
    names += [ask(ferry, host, f.__name__, connect=serve(f).connect, proxy_protocol=f.__name__) for f in PROXY]

    def both(connection):
        v2(connection)
        smtp(connection)

    names.append(ask(ferry, host, "both", connect=serve(both).connect, starttls="smtp", proxy_protocol="v2"))
    assert proofs(ferry, cloud, pay, names) == dict.fromkeys(names, "matched")


def test_a_server_that_reads_by_itself_needs_no_dependent(bus_ferry, cloud, host, serve, tmp_path):
    """A proof at the delivery alone: of one that reads at each connection, and of one that has kept what it had."""
    ferry, pay = bus_ferry, bus_ferry.issue(NAME)
    prove = {"connect": serve(lambda _: None).connect, "server_name": NAME, "within": "1s"}
    ferry.carry("pay", pay, {"to": "files", "prove": prove}).once()
    cloud.renew(pay, force=True)
    run = ferry.once()
    assert (run.delivery("pay/files")["proof"], host.units) == ("matched", {})
    shutil.copytree(ferry.files / "pay", tmp_path / "kept")
    keeps = serve(lambda _: None)
    keeps.files = tmp_path / "kept"
    ferry.carry("pay", pay, {"to": "files", "prove": prove | {"connect": keeps.connect}}).once()
    cloud.renew(pay, force=True)
    run = ferry.once(expect=1)
    assert run.delivery("pay/files")["proof"].startswith("wrong")
    ferry.expect_file("pay", pay)


@pytest.mark.parametrize("talk", [talk for talk in STARTTLS if talk is not nats], ids=lambda talk: talk.__name__)
def test_another_client_gets_tls_from_these_servers(bus_ferry, serve, talk):
    """Else they and certferryd could share a mistake. (This one does not know nats.)"""
    bus_ferry.carry("pay", bus_ferry.issue(NAME), "files").once()
    words = ["openssl", "s_client", "-connect", serve(talk).connect, "-starttls", talk.__name__, "-brief"]
    run = subprocess.run(
        words + (["-name", NAME] if talk is xmpp else []), input="", capture_output=True, text=True, timeout=20, check=False
    )
    assert "CONNECTION ESTABLISHED" in run.stderr, run.stderr


def test_an_answer_in_clear_is_told_with_its_meaning(bus_ferry, cloud, host, serve):
    ferry, pay = bus_ferry, bus_ferry.issue(NAME)
    ferry.carry("pay", pay, "files").once()

    def without(connection):
        connection.sendall(b"220 mx\r\n")
        expect(line(connection).startswith("EHLO"))
        connection.sendall(b"250-mx\r\n250 HELP\r\n")
        line(connection)

    names = [
        ask(ferry, host, "greets", connect=serve(smtp).connect),
        ask(ferry, host, "mute", connect=serve(v1).connect),
        ask(ferry, host, "without", connect=serve(without).connect, starttls="smtp"),
    ]
    seen = proofs(ferry, cloud, pay, names, expect=3)
    assert "speaks in clear, not TLS ('220-mx.example.com'): set starttls: smtp, if" in seen["greets"]
    assert "without an answer; check starttls: and proxy_protocol:" in seen["mute"]
    assert "starttls smtp: the server offers no TLS" in seen["without"]


def test_each_endpoint_of_a_list_is_proven_by_itself(bus_ferry, cloud, host, serve, tmp_path):
    """One port goes on with what it had, as some do for clients that send no name, until it reads, too."""
    ferry, pay = bus_ferry, bus_ferry.issue(NAME)
    ferry.carry("pay", pay, "files").once()
    new, kept = serve(lambda _: None), serve(lambda _: None)
    shutil.copytree(ferry.files / "pay", tmp_path / "kept")
    kept.files = tmp_path / "kept"
    prove = [{"connect": new.connect}, {"connect": kept.connect, "server_name": "none", "within": "1s"}]
    ferry.dependent("xmpp", "xmpp.service", prove=prove)
    host.unit("xmpp.service")
    assert proofs(ferry, cloud, pay, ["xmpp"], expect=1)["xmpp"].startswith(f"wrong: {kept.connect}: ")
    kept.files = new.files
    cloud.renew(pay, force=True)
    seen = ferry.once().dependent("xmpp")
    assert (seen["proof"], seen["state"]) == ("matched", "told")
    assert [each["endpoint"] for each in seen["proofs"]] == [new.connect, f"{kept.connect} server_name=none"]
    for each in seen["proofs"]:
        assert (each["proof"], each["words"][-20:]) == ("matched", " 1 address serves it")
        assert each["looked_at"] and each["addresses"] == [each["endpoint"].split()[0]]
        assert each["fingerprint"] == ferry.truth(pay)["fingerprint"]
    offline = ferry.certferry("status", "--all", expect=3)
    assert f"verified 0s ago: {new.connect}: 1 address serves it" in offline.out, offline.out


def test_another_endpoint_is_looked_at_at_once(bus_ferry, cloud, host, serve):
    """What was proven elsewhere says nothing of it; nobody is told for that."""
    ferry, pay = bus_ferry, bus_ferry.issue(NAME)
    first, second = serve(lambda _: None), serve(lambda _: None)
    ask(ferry, host, "web", connect=first.connect)
    assert proofs(ferry, cloud, pay, ["web"]) == {"web": "matched"}
    ask(ferry, host, "web", connect=second.connect)
    plan = ferry.dry_run(expect=3)
    assert f"prove - to -: web was notified, but {second.connect} has not been checked since" in plan.out
    run = ferry.once()
    (seen,) = run.dependent("web")["proofs"]
    assert (seen["endpoint"], seen["proof"]) == (f"{second.connect} server_name={NAME}", "matched")
    assert host.units["web.service"].jobs == []
    second.files = ferry.directory / "none"
    assert ferry.once().dependent("web")["proof"] == "matched"  # it is not looked at again


@pytest.mark.parametrize("before", ["proven", "seen"])
def test_tls_that_is_gone_is_a_failure(bus_ferry, cloud, host, serve, before):
    ferry, pay, gone = bus_ferry, bus_ferry.issue(NAME), []
    ferry.carry("pay", pay, "files").once()

    def lose(connection):
        if gone:
            connection.sendall(b"220 mx ESMTP\r\n")
            expect(False)

    ask(ferry, host, "mx", connect=serve(lose).connect)
    if before == "proven":
        assert proofs(ferry, cloud, pay, ["mx"]) == {"mx": "matched"}
    host.units["mx.service"].reads = lambda: gone.append(True)
    seen = proofs(ferry, cloud, pay, ["mx"], expect=1)["mx"]
    assert seen.startswith("wrong: ") and "TLS is gone, which was served before" in seen and "220 mx" in seen
    host.units["mx.service"].reads = gone.clear
    assert proofs(ferry, cloud, pay, ["mx"]) == {"mx": "matched"}


NGINX = """daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log; worker_processes 1; events {{ }}
http {{ access_log off; client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
uwsgi_temp_path {directory}; scgi_temp_path {directory};
server {{ listen 127.0.0.1:{port} ssl {listen}; server_name pay.example.com; return 204;
{pairs} }} }}
"""
PAIR = "ssl_certificate {files}/fullchain.pem; ssl_certificate_key {files}/privkey.pem;\n"

needs_nginx = pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx (nginx-light)")


@contextlib.contextmanager
def nginx(directory, *files, listen=""):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    directory /= "nginx"  # which becomes its user's
    directory.mkdir()
    pairs = "".join(PAIR.format(files=each) for each in files)
    (directory / "nginx.conf").write_text(NGINX.format(directory=directory, port=port, listen=listen, pairs=pairs))
    server = subprocess.Popen(["nginx", "-c", str(directory / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        until_then = time.monotonic() + 10
        while time.monotonic() < until_then:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield server, f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@needs_nginx
def test_nginx_behind_a_balancer(bus_ferry, cloud, host, tmp_path):
    ferry, pay = bus_ferry, bus_ferry.issue(NAME)
    ferry.carry("pay", pay, "files").once()
    with nginx(tmp_path, ferry.files / "pay", listen="proxy_protocol") as (server, connect):
        names = [ask(ferry, host, f.__name__, connect=connect, proxy_protocol=f.__name__) for f in PROXY]
        names.append(ask(ferry, host, "bare", connect=connect))
        host.units["v1.service"].reads = lambda: server.send_signal(1)
        seen = proofs(ferry, cloud, pay, names, expect=3)
    assert (seen["v1"], seen["v2"]) == ("matched", "matched")
    assert seen["bare"].startswith("unproven") and "check starttls: and proxy_protocol:" in seen["bare"]


@needs_nginx
def test_an_rsa_and_an_ec_certificate_on_one_port(ferry, cloud, tmp_path):
    kinds = {"rsa": "RSA_2048", "ec": "EC_prime256v1"}
    arns = {name: ferry.issue(NAME, algorithm=algorithm) for name, algorithm in kinds.items()}

    def carry(expect, **to):
        for name, arn in arns.items():
            ferry.carry(name, arn, {"to": "files", **to})
        run = ferry.once(expect=expect)
        return [run.delivery(f"{name}/files")["proof"] for name in kinds]

    carry(0)
    with nginx(tmp_path, *(ferry.files / name for name in kinds)) as (_, connect):
        prove = {"connect": connect, "server_name": NAME, "within": "1s"}
        assert carry(0, prove=prove) == ["matched", "matched"]
        cloud.renew(arns["rsa"], force=True)
        rsa, ec = carry(1, prove=prove)
        assert ec == "matched" and "still serves other certificates, EC " in rsa and " and RSA " in rsa


@contextlib.contextmanager
def jsse(directory, protocol, *pairs):
    words = ["java", str(Path(__file__).parent / "Jsse.java"), protocol]
    for number, pair in enumerate(pairs):
        words.append(str(directory / f"{number}.p12"))
        pack = ["openssl", "pkcs12", "-export", "-passout", "pass:x", "-out", words[-1]]
        subprocess.run(
            pack + ["-in", str(pair / "fullchain.pem"), "-inkey", str(pair / "privkey.pem")], check=True, timeout=20
        )
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        yield "127.0.0.1:" + server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()


@pytest.mark.skipif(not os.environ.get("LONG") or not shutil.which("java"), reason="needs Java, and some time: LONG=1")
@pytest.mark.parametrize("protocol", ["TLSv1.3", "TLSv1.2"])
@pytest.mark.parametrize("there", [("rsa",), ("ec",), ("rsa", "ec"), ("ec", "rsa")], ids="-".join)
def test_java_shows_what_the_client_can_verify(ferry, tmp_path, protocol, there):
    """Both leaves have an EC CA: it shows neither to who does not say that it takes the CA's signatures."""
    kinds = {"rsa": "RSA_2048", "ec": "EC_prime256v1"}
    for name in there:
        ferry.carry(name, ferry.issue(NAME, algorithm=kinds[name]), "files")
    ferry.once()
    with jsse(tmp_path, protocol, *(ferry.files / name for name in there)) as connect:
        for name in there:
            arn = ferry.settings["certificates"][name]["arn"]
            prove = {"connect": connect, "server_name": NAME, "within": "20s"}
            ferry.carry(name, arn, {"to": "files", "prove": prove})
        run = ferry.once()
    for name in there:
        assert run.delivery(f"{name}/files")["proofs"][0]["words"] == f"{connect}: 1 address serves it"
