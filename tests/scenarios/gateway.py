# SPDX-License-Identifier: Apache-2.0
"""A company's way out: an HTTP proxy that inspects what goes through it, with certificates of its own authority.

Wherever a tunnel is to lead, it leads to the test's cloud. What the proxy was asked, and the first bytes that came through
each tunnel, are there to be looked at. A gateway can be as broken as a test needs it.
"""

import select
import socket
import socketserver
import ssl
import threading
import time
import warnings

from cryptography.hazmat.primitives.asymmetric import ec

from tests.cloud import pki

DAY = 86400


class Authority:
    """The company's certificate authority."""

    def __init__(self, directory, name="Corp Inspection"):
        self.directory, self.name = directory, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject, now = pki.name(name), time.time()
        certificate = pki.issue(self.key.public_key(), subject, now - DAY, now + 365 * DAY, key=self.key, ca=True)
        self.issuer = pki.Issuer(certificate, self.key)
        self.bundle = directory / f"{name}.pem"
        self.bundle.write_text(pki.pem(certificate))

    def context(self, *hosts, begin=-DAY, end=90 * DAY, self_signed=False, lowest=None, highest=None):
        """To serve TLS as hosts, from begin to end in seconds from now; lowest and highest are ssl.TLSVersion."""
        key, now = ec.generate_private_key(ec.SECP256R1()), time.time()
        signed = {"key": key} if self_signed else {"issuer": self.issuer}
        leaf = pki.issue(key.public_key(), pki.name(hosts[0]), now + begin, now + end, sans=hosts, **signed)
        file = self.directory / f"{self.name}-{time.monotonic_ns()}.pem"
        file.write_text(pki.pem(leaf) + pki.key_pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        if lowest and lowest < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL offers no older TLS otherwise
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            context.minimum_version = lowest or ssl.TLSVersion.TLSv1_2
            context.maximum_version = highest or ssl.TLSVersion.MAXIMUM_SUPPORTED
        return context


class Gateway:
    """with Gateway(cloud, context) as gateway: the proxy at gateway.url; each tunnel is TLS with context."""

    def __init__(self, cloud, context, authorization=None, outer=None, answer=None):
        """authorization: the Proxy-Authorization that it wants; outer: the context in which the proxy itself is reached;
        answer: what every request is answered with, instead of by the cloud."""
        self.cloud, self.context = cloud, context
        self.authorization, self.outer, self.answer = authorization, outer, answer
        self.heads = []  # of what the proxy itself was asked
        self.requests = []  # the first bytes that came through each tunnel, decrypted
        self.problems = []  # why tunnels came to no TLS
        gateway = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                gateway._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, request_queue_size = True, 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if outer else 'http'}://localhost:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def targets(self):
        """Where tunnels were to lead."""
        return {head.split()[1] for head in self.heads if head.startswith("CONNECT ")}

    def _serve(self, connection):
        try:
            if self.outer:
                connection = self.outer.wrap_socket(connection, server_side=True)
            head = _read_head(connection)
            if not head:
                return
            self.heads.append(head)
            if self.authorization and f"Proxy-Authorization: {self.authorization}\r\n" not in head:
                connection.sendall(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
                return
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self._tunnel(connection)
        except (ssl.SSLError, OSError) as problem:
            self.problems.append(str(problem))

    def _tunnel(self, connection):
        inside, first = _Layer(connection, self.context), b""
        while not first and not inside.ended:
            first = inside.take()
        if not first:
            return
        self.requests.append(first)
        if self.answer:
            inside.send(self.answer)
            return
        outside = ssl.create_default_context(cafile=self.cloud.ca)
        host, port = self.cloud.endpoint.removeprefix("https://").split(":")
        with outside.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host) as cloud:
            cloud.sendall(first)
            self._relay(connection, inside, cloud)

    def _relay(self, connection, inside, cloud):
        """In one thread: what is TLS on both sides takes no reading in one and writing in another."""
        while not inside.ended:
            select.select([connection, cloud], [], [])
            data = inside.take(wait=False)
            if data:
                cloud.sendall(data)
            data = _receive(cloud, wait=False)
            if data == b"":
                return
            if data:
                inside.send(data)


class _Layer:
    """TLS within a connection that may be TLS itself, which Python's sockets cannot do."""

    def __init__(self, connection, context):
        self.connection = connection
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.established = self.ended = False

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.connection.sendall(data)

    def take(self, wait=True):
        """What has come in: nothing is b"", and so is the end, which shows in ended."""
        data, plain = _receive(self.connection, wait), b""
        if data == b"":
            self.ended = True
            if not self.established:
                raise ssl.SSLError("closed during the handshake")
            return b""
        self.incoming.write(data or b"")
        try:
            if not self.established:
                self.tls.do_handshake()
                self.established = True
            while more := self.tls.read(65536):
                plain += more
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        finally:
            self._flush()
        return plain

    def send(self, data):
        self.tls.write(data)
        self._flush()


def _receive(connection, wait):
    """All there is to read; b"" at the end, None when there is nothing and it is not to be waited for."""
    data = b""
    connection.setblocking(wait)
    try:
        while more := connection.recv(65536):
            data += more
            connection.setblocking(False)
        return data
    except (ssl.SSLWantReadError, BlockingIOError):
        return data or None
    finally:
        connection.setblocking(True)


def _read_head(connection):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = connection.recv(1)
        if not more:
            return ""
        data += more
    return data.decode()
