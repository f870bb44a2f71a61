# SPDX-License-Identifier: Apache-2.0
"""What sets a server up, the stand-in or a real one alike, and the client that is tested against it."""
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CLIENT = ROOT / (os.environ.get("BUILD") or "build") / "tests/vault/client"
GENEROUS = 60  # seconds: what takes longer hangs
POLICY = (ROOT / "conf/vault/certferry.hcl").read_text()
# Of a client that writes without having made the metadata before.
ALONE = POLICY.replace('["update"]\n}\n\n# It finds', '["create", "update"]\n}\n\n# It finds')


class Admin:
    """The root token's view: (status, body) of a request."""

    def __init__(self, address, token, ca_file=None):
        self.address, self.root = address, token
        self.context = ssl.create_default_context(cafile=ca_file) if ca_file else None

    def ask(self, method, path, body=None, token=None):
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(
            f"{self.address}/v1/{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"X-Vault-Token": token or self.root, "X-Vault-Request": "true", "Content-Type": kind},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=GENEROUS, context=self.context) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def do(self, method, path, body=None, token=None):
        status, answer = self.ask(method, path, body, token)
        assert status in (200, 204), f"{method} {path}: {status} {answer}"
        return answer

    def policy(self, name, text, namespace=""):
        self.do("POST", f"{namespace}sys/policies/acl/{name}", {"policy": text})

    def token(self, policies=("certferry",), **more):
        body = {"policies": list(policies), "no_default_policy": True, "ttl": "1h", **more}
        return self.do("POST", "auth/token/create", body)["auth"]["client_token"]

    def approle(self, directory, namespace="", mount="approle", name="ferry", **role):
        """A role, and the settings of a client that logs in with it."""
        self.do("POST", f"{namespace}sys/auth/{mount}", {"type": "approle"})
        path = f"{namespace}auth/{mount}/role/{name}"
        self.do("POST", path, {"token_policies": "certferry", "token_ttl": "1h", "token_no_default_policy": True, **role})
        (directory / "role-id").write_text(self.do("GET", f"{path}/role-id")["data"]["role_id"] + "\n")
        self.secret_id(directory, path)
        return {"role_id_file": directory / "role-id", "secret_id_file": directory / "secret-id", "auth_mount": mount}

    def secret_id(self, directory, path="auth/approle/role/ferry"):
        (directory / "secret-id").write_text(self.do("POST", f"{path}/secret-id", {})["data"]["secret_id"])

    def recreate(self, directory, path="auth/approle/role/ferry"):
        """The same role with another id, which the files have."""
        self.do("POST", path, {"token_policies": "certferry", "token_ttl": "1h", "token_no_default_policy": True})
        (directory / "role-id").write_text(self.do("GET", f"{path}/role-id")["data"]["role_id"])
        self.secret_id(directory)

    def revoke_all(self):
        """All tokens of AppRole."""
        self.do("POST", "sys/leases/revoke-prefix/auth/approle/login", {})


def look(client):
    return client("describe", "secret", "tls/pay")


class Client:
    """tests/vault/client.c: a line begins something, and what came of it is said in a line."""

    def __init__(self, address, environment=None, **settings):
        words = [f"{name}={value}" for name, value in {"address": address, **settings}.items() if value is not None]
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        clean.update(environment or {})
        self.process = subprocess.Popen([CLIENT, *words, "debug=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=clean)  # fmt: skip
        self.lines, self.said = 0, {}

    def begin(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        self.lines += 1
        return self.lines - 1

    def end(self, line):
        while line not in self.said:
            text = self.process.stdout.readline()
            assert text, "the client has ended: " + self.process.stderr.read()
            said = json.loads(text)
            self.said[said["line"]] = said
        return self.said[line]

    def __call__(self, *words):
        return self.end(self.begin(*words))

    def close(self):
        """What it has written to its log."""
        self.process.stdin.close()
        self.process.stdout.read()
        log = self.process.stderr.read()
        assert self.process.wait(GENEROUS) == 0, log
        return log

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if not stream.closed:
                stream.close()


class Real:
    """A real server of OpenBao, in memory, as long as this lasts."""

    def __init__(self, program, directory, tls=False):
        self.ca_file = directory / "vault-ca.pem" if tls else None
        self.root_token = "root-of-the-tests"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        self.log = (directory / "server.log").open("w")
        self.process = subprocess.Popen(
            [program, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={self.root_token}",
             f"-dev-listen-address=127.0.0.1:{port}", *(["-dev-tls", f"-dev-tls-cert-dir={directory}"] if tls else [])], stdout=self.log, stderr=subprocess.STDOUT, cwd=directory,
            env={**os.environ, "HOME": str(directory)})  # fmt: skip
        wait_for(self.is_ready)

    def is_ready(self):
        assert self.process.poll() is None, "the server has ended: " + open(self.log.name).read()[-2000:]
        try:
            return Admin(self.address, self.root_token, self.ca_file).ask("GET", "secret/metadata/none")[0] == 404
        except OSError:  # also that its CA is not written yet
            return False

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def wait_for(true, seconds=GENEROUS):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
