"""Signature Version 4 as a service verifies it, by the signer that AWS itself publishes: botocore's."""

import hashlib
import hmac
import re
from http.client import HTTPMessage

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .clock import basic
from .errors import AwsError

TOLERANCE = 5 * 60
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^/, ]+)/(\d{8})/([^/, ]+)/([^/, ]+)/aws4_request, *"
    r"SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})"
)
TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")

# The same refusal has one name in the JSON protocols and another in the query protocol.
QUERY_CODES = {
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "ExpiredTokenException": "ExpiredToken",
}


class Scope:
    """What the Authorization header claims; nothing in it is proven yet."""

    def __init__(self, header):
        match = AUTHORIZATION.fullmatch(header.strip())
        if not match:
            raise ValueError(header)
        self.access_key, self.date, self.region, self.service, names, self.signature = match.groups()
        self.signed_headers = names.split(";")


def read_scope(headers):
    """The claim of a request, or None without one; AwsError when it cannot be read."""
    header = headers.get("Authorization")
    if not header:
        return None
    try:
        return Scope(header)
    except ValueError:
        raise AwsError(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter.",
        ) from None


def verify(scope, method, url, headers, body, secret_key, session_token, now):
    """Raise AwsError unless the request is signed with this secret, completely and at this time."""
    timestamp = _timestamp(scope, headers)
    _check_signed_headers(scope, headers)
    _check_token(headers, session_token)
    payload_hash = hashlib.sha256(body).hexdigest()
    if headers.get("X-Amz-Content-SHA256", payload_hash) != payload_hash:
        raise AwsError(
            "InvalidSignatureException", "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    canonical, to_sign, signature = _sign(scope, method, url, headers, payload_hash, secret_key, timestamp)
    if not hmac.compare_digest(signature, scope.signature):
        raise AwsError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.\n\n"
            f"The Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{to_sign}'\n",
        )
    if now is not None:
        _check_time(timestamp, now)


def _timestamp(scope, headers):
    timestamp = headers.get("X-Amz-Date", "")
    if not TIMESTAMP.fullmatch(timestamp):
        raise AwsError(
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    if not timestamp.startswith(scope.date):
        raise AwsError(
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.date}' != '{timestamp[:8]}', from '{timestamp}'.",
        )
    return timestamp


def _check_signed_headers(scope, headers):
    names = scope.signed_headers
    if names != sorted(set(names)) or any(name != name.lower() for name in names):
        raise AwsError("InvalidSignatureException", "SignedHeaders must be lower case, sorted and without repetition.")
    needed = {"host", "x-amz-date"}
    needed.update(name.lower() for name in headers if name.lower().startswith("x-amz-"))
    missing = sorted(needed - set(names) - {"x-amzn-trace-id"})
    if missing:
        raise AwsError(
            "InvalidSignatureException", f"'{missing[0]}' must be a 'SignedHeader' in the AWS Authorization."
        )
    absent = [name for name in names if name not in headers]
    if absent:
        raise AwsError("InvalidSignatureException", f"Signed header '{absent[0]}' is not in the request.")


def _check_token(headers, session_token):
    if headers.get("X-Amz-Security-Token") != session_token:
        raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")


def _sign(scope, method, url, headers, payload_hash, secret_key, timestamp):
    signed = HTTPMessage()
    for name in scope.signed_headers:
        for value in headers.getall(name):
            signed[name] = value
    signer = SigV4Auth(Credentials(scope.access_key, secret_key), scope.service, scope.region)
    request = AWSRequest(method=method, url=url)
    request.context["timestamp"] = timestamp
    path = url.split("://", 1)[1].partition("/")[2].partition("?")[0]
    canonical = "\n".join(
        (
            method,
            signer._normalize_url_path("/" + path),
            signer.canonical_query_string(request),
            signer.canonical_headers(signed) + "\n",
            signer.signed_headers(signed),
            payload_hash,
        )
    )
    to_sign = signer.string_to_sign(request, canonical)
    return canonical, to_sign, signer.signature(to_sign, request)


def _check_time(timestamp, now):
    if timestamp < basic(now - TOLERANCE):
        raise AwsError(
            "InvalidSignatureException",
            f"Signature expired: {timestamp} is now earlier than {basic(now - TOLERANCE)} ({basic(now)} - 5 min.)",
        )
    if timestamp > basic(now + TOLERANCE):
        raise AwsError(
            "InvalidSignatureException",
            f"Signature not yet current: {timestamp} is still later than {basic(now + TOLERANCE)} ({basic(now)} + 5"
            " min.)",
        )
