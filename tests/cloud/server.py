"""The services' side of the wire: who calls, what, may they, and what goes wrong on the way."""

import asyncio
import inspect
import json
import random
import re
import socket
import struct
import uuid
from urllib.parse import parse_qsl

from aiohttp import web

from . import acm, acm_pca, quotas, secretsmanager, shapes, sigv4, sqs, sts, tagging
from .clock import monotonic
from .errors import AwsError
from .journal import redact

JSON_TYPE = "application/x-amz-json-1.1"
JSON_TYPES = {"sqs": "application/x-amz-json-1.0"}
FORM_TYPE = "application/x-www-form-urlencoded"
TARGETS = {
    "CertificateManager": ("acm", acm.OPERATIONS),
    "ACMPrivateCA": ("acm-pca", acm_pca.OPERATIONS),
    "secretsmanager": ("secretsmanager", secretsmanager.OPERATIONS),
    "AmazonSQS": ("sqs", sqs.OPERATIONS),
    "ResourceGroupsTaggingAPI_20170126": ("tagging", tagging.OPERATIONS),
}
# Where a parameter of the wrong shape has another name than ValidationException.
VALIDATION_CODES = {"tagging": "InvalidParameterException", "sqs": "InvalidParameterValue", "secretsmanager": "ValidationException"}
# Some services write Message, some qualify the type: clients must read both.
CAPITAL_MESSAGE = {"secretsmanager"}
QUALIFIED = {"acm-pca": "com.amazonaws.acmpca#", "sqs": "com.amazonaws.sqs#"}
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d", re.ASCII)
TOKENS = ("NextToken", "PaginationToken")
ENDLESS = "endless-"
HTML = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr><center>proxy</center></body></html>\n"
)


class Call:
    """One request as a handler sees it."""

    def __init__(self, world):
        self.world = world
        self.request_id = str(uuid.UUID(int=random.getrandbits(128), version=4))
        self.service = self.operation = ""
        self.region = self.account = None
        self.identity = None
        self.keys = None
        self.resource = None
        self.parameters = {}
        self.ignored = []
        self.notes = {}
        self.rules = []
        self.query = False  # SQS by its older protocol
        self.connected = lambda: True  # is anybody there to hear the answer?

    def authorize(self, action, resource, context=None):
        """Raise AccessDenied unless the caller may; the first resource asked about is what the journal shows."""
        self.resource = self.resource or resource
        regional = {"aws:requestedregion": self.region}
        self.world.iam.authorize(self.identity, action, resource, {**regional, **(context or {})})

    def note(self, **members):
        """Something about this request that tests want to find in the journal."""
        self.notes.update(members)


class Answer(Exception):
    """A whole HTTP answer instead of the service's own."""

    def __init__(self, status, headers, body):
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


class Gone(Exception):
    """The connection is to be reset, or never to be answered."""

    def __init__(self, silent):
        super().__init__()
        self.silent = silent


class Server:
    def __init__(self, world):
        self.world = world

    async def handle(self, request):
        if request.headers.get("Expect", "").lower() == "100-continue":
            # libcurl asks this before large bodies, and waits a second for the answer.
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await request.read()
        call = Call(self.world)
        call.connected = lambda: request.transport is not None and not request.transport.is_closing()
        started = monotonic()
        try:
            self._identify(call, request, body)
            status, headers, content = await self._answer(call, request, body)
        except Gone as gone:
            self._record(call, request, None, None, started)
            return await _vanish(request, gone.silent)
        self._record(call, request, status, call.notes.pop("error", None), started)
        cut = next((rule for rule in call.rules if rule["kind"] == "cut"), None)
        if cut:
            return await _cut(request, status, headers, content, cut["details"].get("bytes", 0))
        return web.Response(status=status, headers=headers, body=content)

    def _identify(self, call, request, body):
        """What the request claims to be, so that faults can be matched; nothing of it is trusted yet."""
        target = request.headers.get("X-Amz-Target")
        if target:
            prefix, _, call.operation = target.rpartition(".")
            call.service = TARGETS[prefix][0] if prefix in TARGETS else ""
        elif request.content_type == FORM_TYPE:
            call.parameters = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
            call.query = call.parameters.get("Version") == sqs.VERSION
            call.service, call.operation = "sqs" if call.query else "sts", call.parameters.get("Action", "")
        try:
            call.scope = sigv4.read_scope(request.headers)
        except AwsError as error:
            call.scope, call.scope_error = None, error
        if call.scope:
            call.region = call.scope.region
            call.keys = self.world.iam.keys.get(call.scope.access_key)
        if call.keys:
            call.identity = call.keys.identity
            call.account = call.identity.account

    async def _answer(self, call, request, body):
        try:
            call.rules = self._rules(call, body)
            await self._strike_all(call, "before")
            result = self._serve(call, request, body)
            if inspect.isawaitable(result):
                result = await result  # a long poll
            await self._strike_all(call, "after")
            self._make_endless(call, result)
            return self._success(call, result)
        except AwsError as error:
            call.notes["error"] = error.code
            return self._failure(call, error)
        except Answer as answer:
            return answer.status, {**self._headers(call), **answer.headers}, answer.body

    def _rules(self, call, body):
        if not self.world.faults.rules:
            return []
        shown = {"service": call.service, "operation": call.operation, "account": call.account, "region": call.region}
        if call.identity:
            shown["principal"] = call.identity.arn
        shown["resource"] = _named_resource(call, body)
        return self.world.faults.take(shown)

    async def _strike_all(self, call, phase):
        rules = [rule for rule in call.rules if rule["phase"] == phase]
        for rule in rules:
            if rule["kind"] == "delay":
                await self._delay(rule)
        for rule in rules:
            self._strike(call, rule)

    async def _delay(self, rule):
        end = monotonic() + rule["details"].get("seconds", 1.0)
        while rule in self.world.faults.rules and monotonic() < end:
            await asyncio.sleep(min(0.02, max(0.0, end - monotonic())))

    def _make_endless(self, call, result):
        for rule in call.rules:
            if rule["kind"] == "endless" and isinstance(result, dict):
                name = "PaginationToken" if call.service == "tagging" else "NextToken"
                result[name] = f"{ENDLESS}{rule['fired'] if rule['details'].get('changing', True) else 0}"

    def _strike(self, call, rule):
        kind, details = rule["kind"], rule["details"]
        if kind == "throttle":
            code = details.get("code", quotas.throttling_code(call.service))
            raise AwsError(code, details.get("message", "Rate exceeded"), details.get("status", 400))
        if kind == "error":
            raise AwsError(
                details.get("code", "InternalFailure"), details.get("message", ""), details.get("status", 500)
            )
        if kind == "html":
            status = details.get("status", 503)
            raise Answer(status, {"Content-Type": "text/html"}, HTML.format(f"{status} Service Unavailable").encode())
        if kind == "redirect":
            raise Answer(details.get("status", 307), {"Location": details["location"]}, b"")
        if kind in ("reset", "blackhole"):
            raise Gone(silent=kind == "blackhole")

    def _serve(self, call, request, body):
        self._authenticate(call, request, body)
        self.world.quotas.take(call.service, call.operation, call.account, call.region)
        if call.service == "sts":
            return self._serve_query(call)
        if call.query:
            return self._serve_queue_query(call)
        return self._serve_json(call, request, body)

    def _authenticate(self, call, request, body):
        if call.service == "sts" and call.operation == sts.UNSIGNED:
            return
        if hasattr(call, "scope_error"):
            raise call.scope_error
        if not call.scope:
            raise AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token", 400)
        if not call.service:
            raise AwsError("UnknownOperationException", "", 404)
        if call.keys is None:
            raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
        if call.scope.service != call.service:
            raise AwsError(
                "InvalidSignatureException", f"Credential should be scoped to correct service: '{call.service}'."
            )
        addressed = _region_of_host(request.host)
        if not REGION.fullmatch(call.scope.region) or addressed not in (None, call.scope.region):
            raise AwsError(
                "InvalidSignatureException",
                f"Credential should be scoped to a valid region, not '{call.scope.region}'.",
            )
        url = f"https://{request.host}{request.raw_path}"
        keys, now = call.keys, self.world.clock.now()
        sigv4.verify(
            call.scope, request.method, url, request.headers, body, keys.secret_key, keys.session_token,
            None if keys.timeless else now,
        )  # fmt: skip
        self._check_session(keys, now)
        # The older clients of SQS post to the queue's own path.
        if request.method != "POST" or (request.raw_path != "/" and not call.query):
            raise AwsError("UnknownOperationException", "", 404)

    def _check_session(self, keys, now):
        if keys.requests_left is not None:
            keys.requests_left -= 1
        if (keys.expires is not None and now >= keys.expires) or (
            keys.requests_left is not None and keys.requests_left < 0
        ):
            raise AwsError("ExpiredTokenException", "The security token included in the request is expired")

    def _serve_query(self, call):
        if call.operation not in sts.OPERATIONS or call.parameters.get("Version") != "2011-06-15":
            raise AwsError(
                "InvalidAction",
                f"Could not find operation {call.operation} for version {call.parameters.get('Version')}",
            )
        return sts.OPERATIONS[call.operation](call, call.parameters)

    def _serve_queue_query(self, call):
        if call.operation not in sqs.OPERATIONS:
            raise AwsError("InvalidAction", f"The action {call.operation} is not valid for this endpoint.")
        shape, handler = sqs.OPERATIONS[call.operation]
        report = shapes.Report()
        call.parameters = sqs.read_query(call.parameters)
        parameters = shape(call.parameters, "", report)
        if report.problems:
            raise AwsError("InvalidParameterValue", report.message())
        return handler(call, parameters)

    def _serve_json(self, call, request, body):
        operations = next(found for service, found in TARGETS.values() if service == call.service)
        kind = JSON_TYPES.get(call.service, JSON_TYPE)
        if request.headers.get("Content-Type", "").partition(";")[0] != kind or call.operation not in operations:
            raise AwsError("UnknownOperationException", "", 404)
        shape, handler = operations[call.operation]
        report = shapes.Report()
        try:
            call.parameters = json.loads(body or b"{}")
            parameters = shape(call.parameters, "", report)
        except (ValueError, shapes.SerializationError) as error:
            raise AwsError("SerializationException", str(error)) from None
        call.ignored = report.ignored
        self._forget_endless(parameters)
        if report.problems:
            raise AwsError(VALIDATION_CODES.get(call.service, "ValidationException"), report.message())
        return handler(call, parameters)

    def _forget_endless(self, parameters):
        for name in TOKENS:
            if str(parameters.get(name, "")).startswith(ENDLESS):
                del parameters[name]

    def _headers(self, call):
        return {"x-amzn-RequestId": call.request_id, "Date": self.world.clock.http_date()}

    def _success(self, call, result):
        headers = self._headers(call)
        if call.service == "sts":
            headers["Content-Type"] = "text/xml"
            return 200, headers, sts.result_xml(call.operation, result, call.request_id).encode()
        if call.query:
            headers["Content-Type"] = "text/xml"
            return 200, headers, sqs.result_xml(call.operation, result, call.request_id).encode()
        headers["Content-Type"] = JSON_TYPES.get(call.service, JSON_TYPE)
        return 200, headers, b"" if result is None else json.dumps(result, separators=(",", ":")).encode()

    def _failure(self, call, error):
        headers = self._headers(call)
        if call.service == "sts":
            code = sigv4.QUERY_CODES.get(error.code, error.code)
            call.notes["error"] = code
            shown = AwsError(code, error.message, 403 if code != error.code else error.status)
            headers["Content-Type"] = "text/xml"
            return shown.status, headers, sts.error_xml(shown, call.request_id).encode()
        if call.query:
            shown = AwsError(sqs.QUERY_CODES.get(error.code, error.code), error.message, error.status)
            headers["Content-Type"] = "text/xml"
            return shown.status, headers, sts.error_xml(shown, call.request_id).encode()
        headers["Content-Type"] = JSON_TYPES.get(call.service, JSON_TYPE)
        if call.service == "sqs":
            headers["x-amzn-query-error"] = f"{sqs.QUERY_CODES.get(error.code, error.code)};Sender"
        member = "Message" if call.service in CAPITAL_MESSAGE or error.code == "AccessDeniedException" else "message"
        content = {"__type": QUALIFIED.get(call.service, "") + error.code}
        if error.message:
            content[member] = error.message
        return error.status, headers, json.dumps(content).encode()

    def _record(self, call, request, status, error, started):
        peer = request.transport.get_extra_info("peername") if request.transport else None
        self.world.journal.add(
            {
                "time": self.world.clock.now(),
                "service": call.service,
                "operation": call.operation,
                "account": call.account,
                "principal": call.identity.arn if call.identity else None,
                "region": call.region,
                "status": status,
                "error": error,
                "resource": call.resource,
                "request_id": call.request_id,
                "parameters": redact(call.parameters),
                "ignored": call.ignored,
                "faults": [rule["kind"] for rule in call.rules],
                "notes": call.notes,
                "milliseconds": round((monotonic() - started) * 1000, 2),
                "connection": peer[1] if peer else None,
                "agent": request.headers.get("User-Agent"),
            }
        )


def _named_resource(call, body):
    """The ARN or id that a request names, for faults that are meant for one object only."""
    parameters = call.parameters
    if not parameters:
        try:
            parameters = json.loads(body or b"{}")
        except ValueError:
            return None
    return next(
        (parameters[key] for key in ("CertificateArn", "SecretId", "RoleArn", "Name", "QueueUrl") if key in parameters), None
    )


def _region_of_host(host):
    """eu-west-1 of eu-west-1.localhost:8443: a way to give each region an endpoint of its own."""
    first, dot, rest = host.partition(":")[0].partition(".")
    return first if dot and rest == "localhost" and first.count("-") == 2 else None


async def _vanish(request, silent):
    transport = request.transport
    if silent:
        while transport and not transport.is_closing():
            await asyncio.sleep(0.1)
    elif transport:
        _reset(transport)
    return web.Response()


def _reset(transport):
    """Close with RST, as a host that has lost the connection does."""
    found = transport.get_extra_info("socket")
    if found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _cut(request, status, headers, content, size):
    """Send the first bytes of what would have been the whole answer, and close."""
    lines = [
        f"HTTP/1.1 {status} OK",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(content)}",
    ]
    whole = "\r\n".join([*lines, "", ""]).encode() + content
    request.transport.write(whole[:size])
    request.transport.close()
    return web.Response()
