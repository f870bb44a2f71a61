# SPDX-License-Identifier: Apache-2.0
"""A Vault on loopback: kv of both versions, AppRole, tokens, policies, namespaces, and faults on demand.

It says what OpenBao 2.7.2 says, status and words, and is stricter where a careless client would get away with it: a request
without X-Vault-Request, with X-Vault-Namespace, with a path that is not in its shortest form, or with a body of another type is
a breach, which the test that made it finds in `breaches`.  How it is set up is Vault's own API with the root token, so that the
same tests set up a real server.
"""
import base64
import http.server
import json
import re
import secrets
import socket
import threading
import time
import urllib.parse

import multidict

from tests.cloud import sigv4
from tests.cloud.errors import AwsError

from . import policy

ROOT_TOKEN = "root-of-the-tests"


# Whoever logs in by AWS: the variables of its environment.
AWS_USER = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7VAULT00", "AWS_SECRET_ACCESS_KEY": "secret/of+the/tests",
            "AWS_SESSION_TOKEN": "session-token-of-the-tests"}  # fmt: skip


class Refusal(Exception):
    def __init__(self, status, *errors, **more):
        super().__init__(status, errors)
        self.status = status
        self.body = {"errors": list(errors), **more}


def denied():
    return Refusal(403, "1 error occurred:\n\t* permission denied\n\n")


class Token:
    def __init__(self, policies, ttl=0, max_ttl=0, renewable=True, uses=0, period=0, kind="service", owner=None):
        self.id = "s." + secrets.token_urlsafe(18)
        self.policies, self.renewable, self.uses, self.kind, self.owner = policies, renewable and bool(ttl), uses, kind, owner
        self.used, self.period, self.ttl = 0, period, ttl
        self.born = time.time()
        self.max_end = self.born + max_ttl if max_ttl else None
        self.end = self.born + ttl if ttl else None

    def auth(self, granted):
        return {"auth": {"client_token": self.id, "policies": self.policies, "token_policies": self.policies, "metadata": None,
                         "lease_duration": granted, "renewable": self.renewable, "token_type": self.kind, "orphan": True,
                         "mfa_requirement": None, "num_uses": self.uses}, "data": None, "warnings": None}  # fmt: skip


class Namespace:
    def __init__(self):
        self.mounts = {}  # "secret" -> Mount
        self.auth = {}  # "approle" -> {"roles": {}}
        self.policies = {}


class Mount:
    def __init__(self, version):
        self.version, self.keys, self.cas_required = version, {}, False


class Key:
    def __init__(self):
        self.versions, self.custom, self.current = {}, None, 0

    def describe(self):
        versions = {str(number): {name: version[name] for name in ("created_time", "deletion_time", "destroyed")}
                    for number, version in self.versions.items()}  # fmt: skip
        return {"current_version": self.current, "custom_metadata": self.custom, "versions": versions, "cas_required": False,
                "max_versions": 0, "oldest_version": 0, "delete_version_after": "0s"}  # fmt: skip


def stamp(when=None):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)) + ".123456789Z"


class Vault:
    """The state, and what each request does to it."""

    def __init__(self):
        self.lock = threading.RLock()
        self.reset()

    def reset(self):
        with self.lock:
            root = Namespace()
            root.mounts["secret"] = Mount(2)
            self.namespaces = {"": root}
            self.tokens = {ROOT_TOKEN: Token(["root"])}
            self.sealed = False
            self.faults = []
            self.journal = []  # (method, path, status)
            self.breaches = []
            self.proofs = []  # (region, host, Authorization) of each AWS login

    # What a test asks for

    def fault(self, pattern, status=None, body=None, headers=None, times=1, delay=0, close=None):
        """The next requests "METHOD PATH" that match get this; close: "before" or "after" it is carried out."""
        self.faults.append({"pattern": pattern, "status": status, "body": body, "headers": headers or {}, "times": times,
                            "delay": delay, "close": close})  # fmt: skip

    def count(self, pattern):
        return sum(bool(re.search(pattern, f"{method} {path}")) for method, path, _ in self.journal)

    def next_fault(self, line):
        with self.lock:
            for fault in self.faults:
                if fault["times"] and re.search(fault["pattern"], line):
                    fault["times"] -= 1
                    return fault
        return None

    # Requests

    def handle(self, method, path, token, body, certificate=None):
        with self.lock:
            if self.sealed and path != "sys/unseal":
                raise Refusal(503, "Vault is sealed")
            prefix, rest = self.split(path)
            space = self.namespaces[prefix]
            if rest.startswith("auth/") and rest.endswith("/login"):
                return self.login(space, rest.split("/")[1], body, certificate)
            owner = self.admit(token)
            root = "root" in owner.policies
            if rest.startswith("sys/internal/ui/mounts/"):
                return self.preflight(space, owner, rest.removeprefix("sys/internal/ui/mounts/"), root)
            if not root:
                self.permit(space, owner, method, rest)
            if rest.startswith("sys/"):
                return self.system(prefix, space, method, rest, body)
            if rest.startswith("auth/token/"):
                return self.own_token(owner, rest, body)
            if rest.startswith("auth/"):
                return self.roles(space, method, rest, body)
            return self.engine(space, method, path, rest, body)

    def split(self, path):
        """(namespace, rest)."""
        names = sorted((name for name in self.namespaces if name and path.startswith(name + "/")), key=len)
        return (names[-1], path[len(names[-1]) + 1:]) if names else ("", path)

    def admit(self, text):
        token = self.tokens.get(text or "")
        if not token or (token.end and time.time() >= token.end) or (token.uses and token.used >= token.uses):
            raise Refusal(403, "permission denied")
        token.used += 1
        return token

    def rules(self, space, owner):
        return [rule for name in owner.policies for rule in space.policies.get(name, self.namespaces[""].policies.get(name, []))]

    def permit(self, space, owner, method, rest):
        granted = policy.allowed(self.rules(space, owner), rest)
        needed = {"GET": "read", "PATCH": "patch", "DELETE": "delete", "LIST": "list"}.get(method)
        if not needed:  # the engine says whether it is there; kv counts what was destroyed as there
            mount, kind, name = (rest.split("/", 2) + ["", ""])[:3]
            key = space.mounts[mount].keys.get(name) if mount in space.mounts and kind in ("data", "metadata") else None
            needed = "update" if key is not None or rest.startswith(("auth/", "sys/")) else "create"
        if needed not in granted:
            raise denied()

    def preflight(self, space, owner, mount, root):
        patterns = [pattern for pattern, granted in self.rules(space, owner) if "deny" not in granted]
        visible = root or any(pattern.startswith(mount + "/") for pattern in patterns)
        if mount not in space.mounts or not visible:
            raise Refusal(403, "preflight capability check returned 403, please ensure client's policies grant access to path "
                               f'"{mount}/"')  # fmt: skip
        kind = space.mounts[mount]
        if kind.version is None:
            return 200, {"data": {"type": "transit", "options": None, "path": mount + "/"}}
        return 200, {"data": {"type": "kv", "options": {"version": str(kind.version)}, "path": mount + "/"}}

    def system(self, prefix, space, method, rest, body):
        words = rest.split("/")
        if words[1] == "mounts" and method == "POST":
            kind = body["type"] == "kv"
            space.mounts["/".join(words[2:])] = Mount(int(body.get("options", {}).get("version", 1)) if kind else None)
        elif words[1] == "policies" and method == "POST":
            space.policies[words[3]] = policy.parse(body["policy"])
        elif words[1] == "auth" and method == "POST":
            space.auth[words[2]] = {"type": body["type"], "roles": {}}
        elif words[1] == "auth" and method == "DELETE":
            del space.auth[words[2]]
        elif words[1] == "namespaces" and method == "POST":
            self.namespaces[(prefix + "/" if prefix else "") + words[2]] = Namespace()
            return 200, {"data": {"path": words[2] + "/"}}
        elif words[1:3] == ["leases", "revoke-prefix"]:
            self.tokens = {name: token for name, token in self.tokens.items() if token.owner is None}
        elif words[1] == "seal":
            self.sealed = True
        else:
            raise Refusal(404, f'no handler for route "{rest}". route entry not found.')
        return 204, None

    def login(self, space, mount, body, certificate):
        if mount not in space.auth:
            raise Refusal(403, "permission denied")
        if space.auth[mount]["type"] == "cert":
            return self.certificate_login(space.auth[mount], body, certificate)
        if "iam_request_headers" in body:
            return self.aws_login(space.auth[mount], body)
        for role in space.auth[mount]["roles"].values():
            if role["role_id"] != body.get("role_id"):
                continue
            left = role["secret_ids"].get(body.get("secret_id"))
            if left is None:
                break
            if left:  # 0: as often as one likes
                role["secret_ids"][body["secret_id"]] = left - 1
                if left == 1:
                    del role["secret_ids"][body["secret_id"]]
            token = Token(role["token_policies"], role["token_ttl"], role["token_max_ttl"], uses=role["token_num_uses"],
                          renewable=role["token_type"] != "batch", kind=role["token_type"], owner=role)  # fmt: skip
            self.tokens[token.id] = token
            return 200, token.auth(role["token_ttl"])
        raise Refusal(400, "invalid role or secret ID")

    def certificate_login(self, method, body, certificate):
        """The connection has shown a certificate that TLS has verified."""
        if not certificate:
            raise Refusal(400, "client certificate must be supplied")
        role = method["roles"].get(body.get("name")) if body.get("name") else next(iter(method["roles"].values()), None)
        if role is None:
            raise Refusal(400, "invalid certificate or no client certificate supplied")
        token = Token(role["token_policies"], role["token_ttl"], role["token_max_ttl"], owner=role)
        self.tokens[token.id] = token
        return 200, token.auth(role["token_ttl"])

    def aws_login(self, method, body):
        """What a server checks by itself, and then what STS would: of the one user that these tests have."""
        role = method["roles"].get(body.get("role"))
        if role is None:
            raise Refusal(400, f"entry for role {body.get('role')} not found")
        url, data, headers = (base64.b64decode(body[f"iam_request_{part}"]) for part in ("url", "body", "headers"))
        lines = multidict.CIMultiDict(json.loads(headers))
        odd = [name for name in lines if name.lower().startswith("x-amz-")
               and name.lower() not in ("x-amz-date", "x-amz-security-token")]  # fmt: skip
        if odd or body["iam_http_request_method"] != "POST" or data != b"Action=GetCallerIdentity&Version=2011-06-15":
            raise Refusal(400, f"invalid request header: {odd}")
        scope = sigv4.read_scope(lines)
        wanted = method.get("server_id")
        if wanted and (lines.get("X-Vault-AWS-IAM-Server-ID") != wanted
                       or "x-vault-aws-iam-server-id" not in scope.signed_headers):  # fmt: skip
            raise Refusal(400, 'error validating X-Vault-AWS-IAM-Server-ID header: expected "..."')
        try:
            if scope.access_key != AWS_USER["AWS_ACCESS_KEY_ID"]:
                raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid.")
            sigv4.verify(scope, "POST", url.decode(), lines, data, AWS_USER["AWS_SECRET_ACCESS_KEY"],
                         AWS_USER.get("AWS_SESSION_TOKEN"), time.time())  # fmt: skip
        except AwsError as error:
            raise Refusal(400, f"error making upstream request: received error code 403 from STS: {error}") from None
        self.proofs.append((scope.region, lines["Host"], lines["Authorization"]))
        token = Token(role["token_policies"], role["token_ttl"], role["token_max_ttl"], owner=role)
        self.tokens[token.id] = token
        return 200, token.auth(role["token_ttl"])

    def roles(self, space, method, rest, body):
        if rest.endswith("/config/client"):
            space.auth[rest.split("/")[1]]["server_id"] = body["iam_server_id_header_value"]
            return 204, None
        words = rest.split("/")  # auth MOUNT role NAME [role-id|secret-id|secret-id/destroy]
        if words[1] not in space.auth or len(words) < 4:
            raise Refusal(404, f'no handler for route "{rest}". route entry not found.')
        roles = space.auth[words[1]]["roles"]
        if len(words) == 4 and method == "POST":
            roles[words[3]] = {"role_id": secrets.token_hex(8), "secret_ids": {}, "uses": int(body.get("secret_id_num_uses", 0)),
                               "token_policies": [body["token_policies"]], "token_ttl": seconds(body.get("token_ttl", 0)),
                               "token_max_ttl": seconds(body.get("token_max_ttl", 0)), "token_type": body.get("token_type", "service"),
                               "token_num_uses": int(body.get("token_num_uses", 0))}  # fmt: skip
            return 204, None
        if len(words) == 4 and method == "DELETE":
            roles.pop(words[3], None)
            return 204, None
        role = roles[words[3]]
        if words[4] == "role-id":
            return 200, {"data": {"role_id": role["role_id"]}}
        new = secrets.token_hex(8)
        role["secret_ids"][new] = role["uses"]
        return 200, {"data": {"secret_id": new, "secret_id_num_uses": role["uses"]}}

    def own_token(self, owner, rest, body):
        if rest == "auth/token/lookup-self":
            left = int(owner.end - time.time()) if owner.end else 0
            return 200, {"data": {"id": owner.id, "ttl": left, "renewable": owner.renewable, "num_uses": owner.uses,
                                  "type": owner.kind, "policies": owner.policies}}  # fmt: skip
        if rest == "auth/token/renew-self":
            gone = owner.owner is not None and not any(
                owner.owner is role for space in self.namespaces.values() for method in space.auth.values()
                for role in method["roles"].values())  # fmt: skip
            if gone:
                raise Refusal(500, "failed to renew entry: role no longer exists")
            if not owner.renewable:
                raise Refusal(400, f"{owner.kind} tokens cannot be renewed" if owner.kind == "batch" else "lease is not renewable")
            now = time.time()
            owner.end = min(now + (owner.period or owner.ttl), owner.max_end or now + 1e9)
            return 200, owner.auth(max(1, round(owner.end - now)))
        if rest == "auth/token/create":
            token = Token(body["policies"], seconds(body.get("ttl", 0)), seconds(body.get("explicit_max_ttl", 0)),
                          body.get("renewable", True), int(body.get("num_uses", 0)), seconds(body.get("period", 0)),
                          body.get("type", "service"))  # fmt: skip
            self.tokens[token.id] = token
            return 200, token.auth(token.ttl)
        if rest == "auth/token/revoke-self":
            del self.tokens[owner.id]
            return 204, None
        if rest == "auth/token/revoke":
            self.tokens.pop(body["token"], None)
            return 204, None
        raise Refusal(404, f'no handler for route "{rest}". route entry not found.')

    def engine(self, space, method, path, rest, body):
        mount, _, below = rest.partition("/")
        if mount not in space.mounts:
            raise Refusal(404, f'no handler for route "{path}". route entry not found.')
        if space.mounts[mount].version == 1:
            return self.version_1(space.mounts[mount], method, below, body)
        kind, _, name = below.partition("/")
        return self.version_2(space.mounts[mount], method, kind, name, body)

    def version_1(self, mount, method, name, body):
        if method == "POST":
            mount.keys[name] = body
            return 204, None
        if method != "GET":
            raise Refusal(405, "1 error occurred:\n\t* unsupported operation\n\n")
        if name not in mount.keys:
            raise Refusal(404)
        return 200, {"data": mount.keys[name]}

    def version_2(self, mount, method, kind, name, body):
        key = mount.keys.get(name)
        if kind == "config" and method == "POST":
            mount.cas_required = body["cas_required"]
            return 204, None
        if kind == "data" and method == "POST":
            return self.write(mount, name, body)
        if kind == "data" and method == "GET":
            return self.read(key)
        if kind == "data" and method == "DELETE":
            key.versions[key.current]["deletion_time"] = stamp()
            return 204, None
        if kind == "destroy" and method == "POST":
            for number in body["versions"]:
                key.versions[int(number)].update(destroyed=True, data=None)
            return 204, None
        if kind != "metadata":
            raise Refusal(404, warnings=["Invalid path for a versioned K/V secrets engine. See the API docs."])
        if method == "DELETE":
            mount.keys.pop(name, None)
            return 204, None
        if method == "POST":
            key = mount.keys.setdefault(name, Key())
            key.custom = body.get("custom_metadata", key.custom)
            return 204, None
        if key is None and method == "PATCH":
            return 404, None
        if key is None:
            raise Refusal(404)
        if method == "PATCH":
            self.patch(key, body["custom_metadata"])
            return 204, None
        return 200, {"data": key.describe()}

    @staticmethod
    def patch(key, custom):
        merged = {name: value for name, value in {**(key.custom or {}), **custom}.items() if value is not None}
        for name, value in merged.items():
            if len(name.encode()) > 128 or not value or len(value.encode()) > 512 or not value.isprintable():
                raise Refusal(400, f"custom_metadata validation failed: {name}")
        if len(merged) > 64:
            raise Refusal(400, "custom_metadata validation failed: too many")
        key.custom = merged

    def read(self, key):
        if key is None:
            raise Refusal(404)
        version = key.versions[key.current]
        told = {"version": key.current, "deletion_time": version["deletion_time"], "destroyed": version["destroyed"]}
        if version["deletion_time"] or version["destroyed"]:
            return 404, {"data": {"data": None, "metadata": told}}
        return 200, {"data": {"data": version["data"], "metadata": told}}

    @staticmethod
    def write(mount, name, body):
        wanted = body.get("options", {}).get("cas")
        key = mount.keys.get(name) or Key()
        if wanted is None and mount.cas_required:
            raise Refusal(400, "check-and-set parameter required for this call")
        if wanted is not None and not isinstance(wanted, int):
            raise Refusal(400, "error parsing check-and-set parameter")
        if wanted is not None and wanted != key.current:
            raise Refusal(400, "check-and-set parameter did not match the current version")
        mount.keys[name] = key
        key.current += 1
        key.versions[key.current] = {"data": body["data"], "created_time": stamp(), "deletion_time": "", "destroyed": False}
        return 200, {"data": {"version": key.current, "created_time": stamp(), "deletion_time": "", "destroyed": False,
                              "custom_metadata": key.custom}}  # fmt: skip


def seconds(text):
    """20, "20", "20s" or "1h"."""
    text = str(text)
    return int(text.rstrip("sh")) * (3600 if text.endswith("h") else 1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *words):
        pass

    def breach(self, words):
        self.vault.breaches.append(f"{self.command} {self.path}: {words}")

    def check(self, raw):
        """What a real server may let pass."""
        if self.headers.get("X-Vault-Request") != "true":
            self.breach("without X-Vault-Request: true")
        if self.headers.get("X-Vault-Namespace"):
            self.breach("a namespace in a header")
        if re.search(r"//|/\.\.?(/|$)|\?", self.path) or not self.path.startswith("/v1/"):
            self.breach("no path of a client that knows what it asks")
        kind = "application/merge-patch+json" if self.command == "PATCH" else "application/json"
        if raw and self.headers.get("Content-Type") != kind:
            self.breach(f"a body of type {self.headers.get('Content-Type')}")

    def answer(self, status, body, headers=()):
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if raw:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def serve(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.unquote(self.path.removeprefix("/v1/"))
        self.check(raw)
        fault = self.vault.next_fault(f"{self.command} {path}")
        if fault and fault["delay"]:
            time.sleep(fault["delay"])
        if fault and fault["close"] == "before":
            self.vault.journal.append((self.command, path, 0))
            self.close_connection = True
            return
        if fault and fault["status"]:
            self.vault.journal.append((self.command, path, fault["status"]))
            self.answer(fault["status"], fault["body"], fault["headers"])
            return
        try:
            status, body = self.vault.handle(self.command, path, self.headers.get("X-Vault-Token"), json.loads(raw or b"{}"),
                                             getattr(self.connection, "getpeercert", dict)())
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
        self.vault.journal.append((self.command, path, status))
        if fault and fault["close"] == "after":
            self.close_connection = True
            return
        self.answer(status, body)

    do_GET = do_POST = do_PATCH = do_DELETE = serve


class Server:
    """with Server(context) as server: it is at server.address; context: an SSLContext, None for plain."""

    def __init__(self, context=None):
        self.vault = Vault()
        handler = type("BoundHandler", (Handler,), {"vault": self.vault})
        listener = type("Listener", (http.server.ThreadingHTTPServer,), {"request_queue_size": 128, "daemon_threads": True})
        self.http = listener(("127.0.0.1", 0), handler)
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.address = f"{'https' if context else 'http'}://127.0.0.1:{self.http.server_address[1]}"
        self.root_token = ROOT_TOKEN

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.http.shutdown()
        self.http.server_close()
