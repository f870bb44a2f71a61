# SPDX-License-Identifier: Apache-2.0
"""A front before the cloud: it passes requests on, but for those that a test wants answered in its own way."""

import asyncio
import re
import socket
import ssl
import struct
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.cloud import pki
from tests.cloud.tls import DAY, HOSTS, Identity

JSON = "application/x-amz-json-1.1"


class Peer:
    """One client's connection, with one of its requests."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.operation = self.region = self.head = ""
        self.body = b""

    async def read(self):
        """The next request, or False at the end."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        self.head = head.decode("latin-1")
        length = re.search(r"(?i)\r\ncontent-length: *(\d+)", self.head)
        self.body = await self.reader.readexactly(int(length[1])) if length else b""
        target = re.search(r"(?i)\r\nx-amz-target: *\S+\.(\w+)", self.head)
        action = re.search(rb"Action=(\w+)", self.body)
        self.operation = target[1] if target else action[1].decode() if action else ""
        region = re.search(r"Credential=[^/]+/\d+/([^/]+)/", self.head)
        self.region = region[1] if region else ""
        return True

    async def send(self, data):
        if self.writer.transport.is_closing() or self.reader.at_eof():
            raise ConnectionError("the client has gone")
        self.writer.write(data)
        await self.writer.drain()

    async def send_until_gone(self, data, limit=1 << 30):
        """Again and again, until the client has had enough or a GiB is through; bytes that it took."""
        sent = 0
        if not data:
            await self.reader.read()
        while data and sent < limit:
            await self.send(data)
            await asyncio.sleep(0)  # the others' turn
            sent += len(data)
        return sent

    def close(self):
        self.writer.close()

    def reset(self):
        found = self.writer.get_extra_info("socket")
        if found:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Front:
    """with Front(cloud, directory) as front: front.environment; front.attack = async function of a Peer, or None.

    front.wants(peer) says which requests are attacked. attacked counts them; slowest is how long a client waited for
    the end of one.
    """

    def __init__(self, cloud, directory):
        self.cloud, self.directory = cloud, Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.identity = Identity(self.directory)
        self.ca = self.directory / "bundle.pem"
        self.ca.write_text(self.identity.ca_file.read_text() + Path(cloud.ca).read_text())
        self.cloud_context = ssl.create_default_context(cafile=cloud.ca)
        self.reset()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def reset(self):
        self.attack, self.wants = None, lambda peer: True
        self.attacked = self.under_way = 0
        self.slowest = 0.0
        self.operations = []

    def __enter__(self):
        self.thread.start()
        context = self.identity.context()
        self.server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context, limit=1 << 20))
        port = self.server.sockets[0].getsockname()[1]
        self.environment = {"AWS_ENDPOINT_URL": f"https://localhost:{port}", "AWS_CA_BUNDLE": str(self.ca)}
        return self

    def __exit__(self, *_):
        self.server.get_loop().call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    async def _serve(self, reader, writer):
        peer, upstream = Peer(reader, writer), None
        try:
            while await peer.read():
                if self.attack and self.wants(peer):
                    await self._attack(peer)
                    break
                upstream = upstream or await self._connect()
                await self._pass(peer, upstream)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, upstream and upstream[1]):
                if one:
                    one.close()

    async def _attack(self, peer):
        begin = time.monotonic()
        self.attacked += 1
        self.under_way += 1
        self.operations.append(peer.operation)
        try:
            await self.attack(peer)
        finally:
            self.under_way -= 1
            self.slowest = max(self.slowest, time.monotonic() - begin)

    async def _connect(self):
        url = urlsplit(self.cloud.endpoint)
        return await asyncio.open_connection(
            "127.0.0.1", url.port, ssl=self.cloud_context, server_hostname="localhost", limit=1 << 20
        )

    async def _pass(self, peer, upstream):
        await peer.send(await self.answer(peer, upstream))

    async def answer(self, peer, upstream=None):
        """What the cloud says to the peer's request."""
        reader, writer = upstream or await self._connect()
        writer.write(peer.head.encode("latin-1") + peer.body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if not upstream:
            writer.close()
        return head + body


def head(*fields, status=200):
    lines = [f"HTTP/1.1 {status} OK", f"Content-Type: {JSON}", *fields, "", ""]
    return "\r\n".join(lines).encode()


# Listeners that no request may reach

class Flawed:
    """with Flawed(identity, flaw): a listener with something wrong about its TLS; received counts what a client said."""

    FLAWS = ("wrong-name", "expired", "not-yet-valid", "self-signed", "untrusted", "old-version", "no-tls", "cut")

    def __init__(self, front, flaw):
        self.front, self.flaw = front, flaw
        self.received = self.connections = 0
        self.loop = front.loop

    def __enter__(self):
        self.server = self.front._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.server.close)

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            if self.flaw == "cut":
                await self._cut(reader, writer)
            elif self.flaw != "no-tls":
                await writer.start_tls(self._context())
            while data := await reader.read(65536):
                self.received += 0 if self.flaw == "no-tls" and data[0] == 0x16 else len(data)
                if self.flaw == "no-tls":
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _cut(self, reader, writer):
        """A true server's handshake, ended after a number of bytes that grows with each connection."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = self.front.identity.context().wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(await reader.read(65536))
        try:
            server.do_handshake()
        except ssl.SSLWantReadError:
            pass
        flight = outgoing.read()
        writer.write(flight[: self.connections * len(flight) // 8])
        writer.close()

    def _context(self):
        now, identity = time.time(), self.front.identity
        key = pki.ec.generate_private_key(pki.ec.SECP256R1())
        if self.flaw in ("wrong-name", "expired", "untrusted"):
            return identity.context(self.flaw)
        begin, end = now - DAY, now + 90 * DAY
        authority = identity.authority
        if self.flaw == "not-yet-valid":
            begin = now + DAY
        if self.flaw == "self-signed":
            leaf = pki.issue(key.public_key(), pki.name(HOSTS[0]), begin, end, key=key, sans=HOSTS)
        else:
            leaf = pki.issue(key.public_key(), pki.name(HOSTS[0]), begin, end, authority, sans=HOSTS)
        file = identity.directory / f"server-{self.flaw}.pem"
        file.write_text(pki.pem(leaf) + pki.key_pem(key))
        file.chmod(0o600)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self.flaw == "old-version":
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.load_cert_chain(file)
        return context
