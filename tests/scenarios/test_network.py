# SPDX-License-Identifier: Apache-2.0
"""AWS is reached as the host's network wants it: through proxies, by other names, with a company's own authority; and a
peer that is not who it should be gets not one byte of a request."""

import base64
import http.server
import json
import socket
import ssl
import threading

import pytest

from tests.cloud.harness import DESTINATION, SOURCE
from tests.scenarios.gateway import DAY, Authority, Gateway

REGIONAL = "eu-west-1.amazonaws.com"
NAMES = [f"*.{REGIONAL}", "*.eu-west-1.api.aws", "*.acm.eu-west-1.vpce.amazonaws.com"]
TLS = ssl.TLSVersion


@pytest.fixture
def corp(tmp_path):
    return Authority(tmp_path)


def behind(ferry, gateway, corp, **variables):
    """The host reaches AWS by its own names, and those only through the gateway."""
    ferry.variables = {
        "AWS_ENDPOINT_URL": "", "AWS_CA_BUNDLE": str(corp.bundle), "HTTPS_PROXY": gateway.url, **variables
    }  # fmt: skip
    return ferry


# Through a proxy


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_that_inspects(ferry, cloud, corp, variable):
    pay = ferry.issue("pay.example.com")
    with Gateway(cloud, corp.context(*NAMES)) as gateway:
        behind(ferry, gateway, corp, **{"HTTPS_PROXY": "", variable: gateway.url})
        if variable == "HTTPS_PROXY":
            ferry.variables["NO_PROXY"] = "localhost,127.0.0.1,169.254.169.254,.corp.example"
        ferry.carry("pay", pay, "prod").once()
    ferry.expect_import(DESTINATION, pay)
    assert gateway.targets == {f"{name}.{REGIONAL}:443" for name in ("acm", "sts", "tagging")}


def test_a_proxy_that_wants_a_password(ferry, cloud, corp):
    pay, wanted = ferry.issue("pay.example.com"), "Basic " + base64.b64encode(b"me:pa@ss w0rd").decode()
    with Gateway(cloud, corp.context(*NAMES), authorization=wanted) as gateway:
        proxy = gateway.url.replace("://", "://me:pa%40ss%20w0rd@")
        run = behind(ferry, gateway, corp, HTTPS_PROXY=proxy).carry("pay", pay, "prod").once("--log-level", "debug")
    ferry.expect_import(DESTINATION, pay)
    assert "w0rd" not in run.log


def test_a_proxy_that_refuses(ferry, cloud, corp):
    pay = ferry.issue("pay.example.com")
    with Gateway(cloud, corp.context(*NAMES), authorization="Basic eDp5") as gateway:
        proxy = gateway.url.replace("://", "://me:w0rd@")
        run = behind(ferry, gateway, corp, HTTPS_PROXY=proxy).carry("pay", pay, "prod").once(expect=1)
    assert gateway.requests == []
    assert "the proxy does not connect (HTTP 407: it wants a user and password" in run.log
    assert "w0rd" not in run.log


def test_a_proxy_reached_by_tls(ferry, cloud, corp):
    """One bundle is for the proxy and for what is behind it."""
    pay = ferry.issue("pay.example.com")
    with Gateway(cloud, corp.context(*NAMES), outer=corp.context("localhost")) as gateway:
        behind(ferry, gateway, corp).carry("pay", pay, "prod").once()
    ferry.expect_import(DESTINATION, pay)


def test_a_proxy_that_is_another(ferry, cloud, corp):
    pay = ferry.issue("pay.example.com")
    with Gateway(cloud, corp.context(*NAMES), outer=corp.context("another.example")) as gateway:
        run = behind(ferry, gateway, corp).carry("pay", pay, "prod").once(expect=1)
    assert gateway.heads == []
    assert "certificate" in run.log


def test_the_bundle_of_the_profile(ferry, cloud, corp):
    pay, config = ferry.issue("pay.example.com"), ferry.directory / "aws-config"
    config.write_text(f"[default]\nca_bundle = {corp.bundle}\n")
    with Gateway(cloud, corp.context(*NAMES)) as gateway:
        behind(ferry, gateway, corp, AWS_CA_BUNDLE="", AWS_CONFIG_FILE=str(config)).carry("pay", pay, "prod").once()
    ferry.expect_import(DESTINATION, pay)


class Metadata(http.server.BaseHTTPRequestHandler):
    """Credentials of the container."""

    def do_GET(self):
        self.server.asked.append(self.path)
        keys = self.server.keys
        body = {"AccessKeyId": keys["access_key"], "SecretAccessKey": keys["secret_key"], "Token": "",
                "Expiration": "2099-01-01T00:00:00Z"}  # fmt: skip
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


def test_metadata_is_never_asked_through_a_proxy(ferry, cloud, corp):
    pay = ferry.issue("pay.example.com")
    with (
        http.server.HTTPServer(("127.0.0.1", 0), Metadata) as metadata, Gateway(cloud, corp.context(*NAMES)) as gateway
    ):  # fmt: skip
        metadata.asked, metadata.keys = [], cloud.keys(SOURCE, "certferry")
        threading.Thread(target=metadata.serve_forever, args=(0.05,), daemon=True).start()
        behind(
            ferry, gateway, corp, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", http_proxy=gateway.url,
            HTTP_PROXY=gateway.url, ALL_PROXY=gateway.url, all_proxy=gateway.url,
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{metadata.server_address[1]}/keys",
        )  # fmt: skip
        ferry.carry("pay", pay, "prod").once()
        metadata.shutdown()
    ferry.expect_import(DESTINATION, pay)
    assert metadata.asked == ["/keys"]
    assert all(head.startswith("CONNECT ") and ":443 " in head for head in gateway.heads)


# By other names


@pytest.mark.parametrize(
    ("variables", "targets"),
    [
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, {f"{name}-fips.{REGIONAL}" for name in ("acm", "sts", "tagging")}),
        (
            {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
            {f"{name}.eu-west-1.api.aws" for name in ("acm", "sts", "tagging")},
        ),
        (
            {
                "AWS_ENDPOINT_URL_ACM": "https://vpce-0123456789abcdef0-abcdefgh.acm.eu-west-1.vpce.amazonaws.com",
                "AWS_USE_FIPS_ENDPOINT": "true",
            },
            {
                "vpce-0123456789abcdef0-abcdefgh.acm.eu-west-1.vpce.amazonaws.com",
                f"sts-fips.{REGIONAL}",
                f"tagging-fips.{REGIONAL}",
            },
        ),
    ],
    ids=["fips", "dual-stack", "private-link"],
)
def test_endpoints_of_other_kinds(ferry, cloud, corp, variables, targets):
    """The cloud checks the signatures, of which the host is a part."""
    pay = ferry.issue("pay.example.com")
    with Gateway(cloud, corp.context(*NAMES)) as gateway:
        behind(ferry, gateway, corp, **variables).carry("pay", pay, "prod").once()
    ferry.expect_import(DESTINATION, pay)
    assert gateway.targets == {f"{target}:443" for target in targets}


# A peer that is not who it should be


@pytest.mark.parametrize("version", [TLS.TLSv1_2, TLS.TLSv1_3], ids=["1.2", "1.3"])
def test_versions_of_tls_that_will_do(ferry, cloud, corp, version):
    ferry.carry("pay", ferry.issue("pay.example.com"), "prod")
    with Gateway(cloud, corp.context(*NAMES, lowest=version, highest=version)) as gateway:
        behind(ferry, gateway, corp).once()
    assert gateway.requests and gateway.problems == []


def flawed(corp, tmp_path, flaw):
    if flaw == "tls-1.1":
        return corp.context(*NAMES, lowest=TLS.TLSv1, highest=TLS.TLSv1_1)
    if flaw == "expired":
        return corp.context(*NAMES, end=-60)
    if flaw == "not-yet":
        return corp.context(*NAMES, begin=DAY)
    if flaw == "wrong-name":
        return corp.context("acm.eu-west-1.amazonaws.com.example", "*.amazonaws.com")
    if flaw == "self-signed":
        return corp.context(*NAMES, self_signed=True)
    return Authority(tmp_path, "Somebody Else").context(*NAMES)


@pytest.mark.parametrize("flaw", ["tls-1.1", "expired", "not-yet", "wrong-name", "self-signed", "untrusted"])
@pytest.mark.parametrize("proxied", [True, False], ids=["proxied", "direct"])
def test_a_flaw_and_not_a_byte_leaves(ferry, cloud, corp, tmp_path, flaw, proxied):
    ferry.carry("pay", ferry.issue("pay.example.com"), "prod")
    context = flawed(corp, tmp_path, flaw)
    with Gateway(cloud, context) as gateway, Direct(context) as direct:
        behind(ferry, gateway, corp)
        if not proxied:
            ferry.variables |= {"HTTPS_PROXY": "", "AWS_ENDPOINT_URL": f"https://localhost:{direct.port}"}
        run = ferry.once(expect=1)
    assert gateway.requests == [] and direct.received == b""
    assert (gateway.targets if proxied else direct.shaken) and not (direct.shaken if proxied else gateway.targets)
    assert ("protocol version" if flaw == "tls-1.1" else "certificate") in run.log


class Direct:
    """A TLS server that keeps what it is sent."""

    def __init__(self, context):
        self.context, self.received, self.shaken = context, b"", 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.shaken += 1
            try:
                with self.context.wrap_socket(connection, server_side=True) as tls:
                    self.received += tls.recv(65536)
            except OSError:
                pass


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_signed_requests_follow_no_redirect(ferry, cloud, corp, status):
    ferry.carry("pay", ferry.issue("pay.example.com"), "prod")
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        port = elsewhere.getsockname()[1]
        answer = f"HTTP/1.1 {status} Elsewhere\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
        with Gateway(cloud, corp.context(*NAMES), answer=answer.encode()) as gateway:
            run = behind(ferry, gateway, corp).once(expect=1)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert gateway.requests
    assert f"HTTP {status}: a redirect, and signed requests follow none" in run.log
