# SPDX-License-Identifier: Apache-2.0
"""AWS, an instance's and a container's metadata service, on their own addresses in a network namespace.

AWS is behind a proxy that ends TLS with a CA of the test's own, so that the endpoint that was chosen is seen.  What is
asked is written down; nothing else is served than credentials, and refusals of all else."""
import datetime
import http.server
import json
import os
import re
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.parse

from credential_cases import EXPIRED, LATER, REGIONS, SOON

PROXY = ("127.0.0.1", 3128)
AWS = [("127.0.0.1", port) for port in range(4001, 4007)]
INSTANCE = [("169.254.169.254", 80), ("fd00:ec2::254", 80), ("127.0.0.1", 4010)]
CONTAINER = [("169.254.170.2", 80), ("169.254.170.23", 80), ("fd00:ec2::23", 80), ("127.0.0.1", 4020),
             ("127.9.9.9", 4020)]  # fmt: skip


def iso(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """How the services answer now, and what they were asked."""

    def __init__(self):
        self.imds = self.container = "none"
        self.lock = threading.Lock()
        self.log = []

    def note(self, **entry):
        with self.lock:
            self.log.append(entry)


WORLD = World()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()


class Aws(Handler):
    """STS, and whatever else, which is refused."""

    scheme, name = "http", None

    def do_CONNECT(self):
        self.send_response(200)
        self.end_headers()
        self.scheme, self.name = "https", self.path
        try:
            self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        except (OSError, ssl.SSLError) as error:
            WORLD.note(kind="tls", host=self.path, error=str(error))
            self.close_connection = True
            return
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)
        self.close_connection = False

    def do_POST(self):
        body = self.body()
        host = self.headers["Host"]
        credential = re.search(r"Credential=([^,]*?)/(\d{8})/([^/]*)/([^/]*)/aws4_request",
                               self.headers.get("Authorization") or "")  # fmt: skip
        key, _, region, service = credential.groups() if credential else (None, None, None, None)
        entry = {"kind": "aws", "url": f"{self.scheme}://{host}{self.path}", "key": key, "region": region,
                 "service": service, "token": self.headers.get("X-Amz-Security-Token")}  # fmt: skip
        form = dict(urllib.parse.parse_qsl(body))
        if "Action" not in form:
            WORLD.note(**entry, operation=(self.headers.get("X-Amz-Target") or "").split(".")[-1])
            self.answer(400, '{"__type": "AccessDeniedException", "message": "seen enough"}')
            return
        if not form.get("RoleSessionName", "").startswith(("from-profile", "pod", "named")):
            form.pop("RoleSessionName", None)  # each makes its own
        WORLD.note(**entry, operation=form["Action"], form=form)
        self.grant(form, key or "WEB" + form.get("WebIdentityToken", "").strip().replace(".", "").upper())

    def grant(self, form, caller):
        seconds, caller = int(form.get("DurationSeconds", 3600)), re.sub(r"\W", "", caller)
        if form["RoleArn"].endswith("denied") or not 900 <= seconds <= 43200:
            self.answer(403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message>"
                             "</Error><RequestId>r</RequestId></ErrorResponse>")  # fmt: skip
            return
        action, role = form["Action"], form["RoleArn"].split("/")[-1].upper()
        self.answer(200, f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
                         f"<Credentials><AccessKeyId>ASIA{role}BY{caller}</AccessKeyId>"
                         f"<SecretAccessKey>s</SecretAccessKey>"
                         f"<SessionToken>sts-{role}</SessionToken><Expiration>{iso(seconds)}</Expiration></Credentials>"
                         f"<AssumedRoleUser><AssumedRoleId>R:s</AssumedRoleId><Arn>arn:aws:sts::1:x</Arn>"
                         f"</AssumedRoleUser></{action}Result></{action}Response>")  # fmt: skip


def grant(key, seconds):
    return json.dumps({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": key, "SecretAccessKey": "s",
                       "Token": "meta-token", "Expiration": iso(seconds)})  # fmt: skip


class Instance(Handler):
    def place(self):
        """The keys tell which of the addresses was asked, and by which path."""
        path = self.path.split("latest/")[0].strip("/").upper()
        return {"169.254.169.254": "FOUR", "fd00:ec2::254": "SIX"}.get(self.server.server_address[0], "OWN") + path

    def vanish(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def do_PUT(self):
        self.body()
        WORLD.note(kind="imds", method="PUT", path=self.path)
        if WORLD.imds == "none":
            self.vanish()
        elif WORLD.imds == "slow":
            time.sleep(2)
            self.answer(200, "late")
        elif "x-aws-ec2-metadata-token-ttl-seconds" not in self.headers or WORLD.imds == "bad-request":
            self.answer(400, "")
        elif WORLD.imds == "v1-only":
            self.answer(403, "")
        else:
            self.answer(200, "imds-token")

    def do_GET(self):
        mode = WORLD.imds
        WORLD.note(kind="imds", method="GET", path=self.path)
        if mode in ("none", "slow"):
            self.vanish()
        elif mode != "v1-only" and self.headers.get("x-aws-ec2-metadata-token") != "imds-token":
            self.answer(401, "")
        elif mode == "trouble":
            self.answer(500, "x")
        elif self.path.endswith("/security-credentials/"):
            self.answer(404 if mode == "no-role" else 200, "" if mode == "empty" else "instance-role")
        elif self.path.endswith("/instance-role"):
            self.answer_credentials(mode)
        else:
            self.answer(404, "")

    def answer_credentials(self, mode):
        if mode == "no-trust":
            self.answer(200, '{"Code": "AssumeRoleUnauthorizedAccess", "Message": "no"}')
        elif mode == "garbage":
            self.answer(200, "<html>")
        elif mode == "no-credentials":
            self.answer(404, "")
        else:
            self.answer(200, grant("ASIAIMDS" + self.place(), EXPIRED if mode == "stale" else LATER))


class Container(Handler):
    def do_GET(self):
        mode, address = WORLD.container, self.server.server_address[0]
        token = self.headers.get("Authorization")
        WORLD.note(kind="container", address=address, path=self.path, token=token)
        key = "ASIACONTAINER" + re.sub(r"\W", "", address + self.path + (token or "")).upper()
        if mode == "trouble":
            self.answer(500, "x")
        elif mode == "garbage":
            self.answer(200, "<html>")
        elif mode == "partial":
            self.answer(200, json.dumps({"AccessKeyId": key, "SecretAccessKey": "s", "Token": "t"}))
        else:
            self.answer(200, grant(key, {"soon": SOON, "expired": EXPIRED}.get(mode, LATER)))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, handler):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, *_):
        pass  # whoever asked went away


def make_authority(directory):
    """A CA, and one certificate for all hosts of the regions in use."""
    names = [f"*.{region}.{suffix}" for region in REGIONS
             for suffix in ("amazonaws.com", "api.aws", "amazonaws.com.cn", "api.amazonwebservices.com.cn")]
    (directory / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "2"],
        ["req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=aws"],
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
         "-extfile", "names", "-out", "server.pem"],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], cwd=directory, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory / "server.pem", directory / "server.key")
    return tls


def add_addresses():
    commands = "link set lo up\n" + "".join(
        f"address add {address}/{128 if ':' in address else 32} dev lo{' nodad' if ':' in address else ''}\n"
        for address, _ in INSTANCE + CONTAINER if not address.startswith("127.")
    )  # fmt: skip
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True, env={"PATH": path})


def start(directory):
    add_addresses()
    tls = make_authority(directory)
    for handler, addresses in (Aws, [PROXY, *AWS]), (Instance, INSTANCE), (Container, CONTAINER):
        for address in addresses:
            server = Server(address, handler)
            server.tls = tls
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 60}, daemon=True).start()
