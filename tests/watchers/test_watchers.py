# SPDX-License-Identifier: Apache-2.0
"""Programs and packages that watch their certificates serve each renewal that certferryd writes to files, by themselves."""

import contextlib
import hashlib
import os
import pathlib
import socket
import ssl
import subprocess
import threading

import pytest

from tests.scenarios.conftest import bus_ferry, cloud, host, running_cloud, running_host  # noqa: F401: fixtures

HERE = pathlib.Path(__file__).parent
BUILT = pathlib.Path(os.environ.get("BUILD") or "build").resolve() / "watchers"
SOON = 20  # seconds: the time of grace is 3, and some gather events before they read
GO = ["file", "directory", "name", "parent", "apiserver", "minio", "certwatcher"]


class Program:
    """One that prints what it reads."""

    def __init__(self, *command):
        if not pathlib.Path(command[0]).exists() and "/" in str(command[0]):
            pytest.skip(f"{command[0]} is not there")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines = []
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        for line in self.process.stdout:
            self.lines.append(line.split()[-1])

    def serves(self):
        return self.lines[-1] if self.lines else None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Server:
    """One that serves the pair at its port."""

    def __init__(self, program, *command):
        if not (BUILT / program).exists():
            pytest.skip(f"{BUILT / program} is not there")
        self.process = subprocess.Popen(command)

    def serves(self):
        with contextlib.suppress(OSError, ssl.SSLError):
            shown = ssl.get_server_certificate(("127.0.0.1", self.port), timeout=2)
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest()
        return None


class Spring(Server):
    """By its SSL bundle; it gathers events for a second."""

    def __init__(self, files):
        self.port = free_port()
        settings = {
            "spring.ssl.bundle.pem.pair.reload-on-update": "true",
            "spring.ssl.bundle.pem.pair.keystore.certificate": f"{files}/fullchain.pem",
            "spring.ssl.bundle.pem.pair.keystore.private-key": f"{files}/privkey.pem",
            "spring.ssl.bundle.watch.file.quiet-period": "1s",
            "server.ssl.bundle": "pair",
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "logging.level.root": "warn",
        }
        jar = "java/spring.jar"
        super().__init__(jar, "java", "-jar", BUILT / jar, *(f"--{key}={value}" for key, value in settings.items()))


class Envoy(Server):
    """By its secret discovery, from paths; nothing tells it which directory to watch."""

    CONFIG = """
node: {{id: one, cluster: one}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificate_sds_secret_configs:
            - name: pair
              sds_config: {{path_config_source: {{path: {directory}/sds.yaml}}, resource_api_version: V3}}
      filters:
      - name: envoy.filters.network.echo
        typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}
"""
    SECRET = """
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: pair
  tls_certificate:
    certificate_chain: {{filename: {files}/fullchain.pem}}
    private_key: {{filename: {files}/privkey.pem}}
"""

    def __init__(self, directory, files):
        program = "venv/bin/envoy"
        self.port = free_port()
        (directory / "sds.yaml").write_text(self.SECRET.format(files=files))
        (directory / "envoy.yaml").write_text(self.CONFIG.format(port=self.port, directory=directory))
        options = ("--concurrency", "1", "--disable-hot-restart", "-l", "error")
        super().__init__(program, BUILT / program, "-c", directory / "envoy.yaml", *options)


def start(kind, directory, files):
    family, _, way = kind.partition(" ")
    if family == "go":
        return Program(BUILT / "watch", way, files)
    if family == "watchdog":
        return Program(BUILT / "venv/bin/python", HERE / "watch.py", way, files)
    if family == "chokidar":
        if not (BUILT / "node/node_modules/chokidar").exists():
            pytest.skip("chokidar is not there")
        return Program("node", BUILT / "node/watch.js", way, files)
    return Spring(files) if family == "spring" else Envoy(directory, files)


@pytest.mark.parametrize(
    "kind",
    [*(f"go {way}" for way in GO), "watchdog file", "watchdog directory", "chokidar files", "chokidar directory", "envoy", "spring"],
)
def test_each_renewal_is_noticed(bus_ferry, cloud, tmp_path, kind):  # noqa: F811
    pay = bus_ferry.issue("pay.example.com", days_ago=340)
    bus_ferry.carry("pay", pay, "files").start()
    bus_ferry.certferry("sync", expect=0)
    program = start(kind, tmp_path, bus_ferry.files / "pay")
    try:
        for renewal in range(4):
            wanted = bus_ferry.truth(pay)["fingerprint"]
            bus_ferry.wait_for(lambda: program.serves() == wanted, SOON)
            assert cloud.renew(pay, force=True)["renewed"]
            bus_ferry.certferry("sync", expect=0)
            if renewal == 1:  # two within the time of grace
                assert cloud.renew(pay, force=True)["renewed"]
                bus_ferry.certferry("sync", expect=0)
    finally:
        program.process.kill()
        program.process.wait()
