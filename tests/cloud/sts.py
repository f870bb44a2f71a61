"""STS: roles, taken by those whom their trust policy admits."""

import json
import re
from xml.sax.saxutils import escape

from . import policy
from .clock import iso8601
from .errors import AwsError
from .iam import tag_context

SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
CHAINED_SECONDS = 3600
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def get_caller_identity(call, parameters):
    call.resource = "*"  # needs no permission, and none can be taken away
    return {"Arn": call.identity.arn, "UserId": call.identity.user_id, "Account": call.identity.account}


def assume_role(call, parameters):
    arn = _required(parameters, "RoleArn")
    name = _required(parameters, "RoleSessionName")
    call.resource = arn
    _validate("roleSessionName", name, SESSION_NAME)
    external_id = parameters.get("ExternalId")
    if external_id is not None:
        _validate("externalId", external_id, EXTERNAL_ID)
    source_identity = parameters.get("SourceIdentity")
    if source_identity is not None:
        _validate("sourceIdentity", source_identity, SESSION_NAME)
    tags = _tags(parameters)
    seconds = _duration(call, parameters)
    role = call.world.iam.role(arn)
    _admit(call, role, arn, name, external_id, source_identity, tags)
    if seconds > role.max_session:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    keys = call.world.iam.open_session(role, name, seconds)
    _carry_over(call, keys.identity, parameters, tags, source_identity)
    result = _granted(keys)
    if keys.identity.source_identity:
        result["SourceIdentity"] = keys.identity.source_identity
    return result


def assume_role_with_web_identity(call, parameters):
    """The token is the proof: nobody signs, and the role's trust policy names who made it and for whom."""
    arn = _required(parameters, "RoleArn")
    name = _required(parameters, "RoleSessionName")
    token = _required(parameters, "WebIdentityToken")
    call.resource = arn
    _validate("roleSessionName", name, SESSION_NAME)
    seconds = _duration(call, parameters)
    found = call.world.iam.identity_tokens.get(token)
    if found is None:
        raise AwsError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
    if call.world.clock.now() >= found["expires"]:
        raise AwsError("ExpiredTokenException", "Token expired")
    role = call.world.iam.role(arn)
    if role is None or not _trusts_token(role, found):
        raise AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    if seconds > role.max_session:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    keys = call.world.iam.open_session(role, name, seconds)
    return {
        **_granted(keys),
        "SubjectFromWebIdentityToken": found["subject"],
        "Provider": found["provider"],
        "Audience": "sts.amazonaws.com",
    }


def _trusts_token(role, token):
    provider = f"arn:aws:iam::{role.account}:oidc-provider/{token['provider']}"
    context = {f"{token['provider']}:sub": token["subject"], f"{token['provider']}:aud": "sts.amazonaws.com"}
    own = [
        statement
        for statement in policy.as_list(role.trust["Statement"])
        if statement["Principal"] != "*" and provider in policy.as_list(statement["Principal"].get("Federated", []))
    ]
    action = "sts:AssumeRoleWithWebIdentity"
    return policy.decide([{"Statement": own}], action, role.arn, context) == policy.ALLOW


def _granted(keys):
    return {
        "Credentials": {
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret_key,
            "SessionToken": keys.session_token,
            "Expiration": iso8601(keys.expires),
        },
        "AssumedRoleUser": {"AssumedRoleId": keys.identity.user_id, "Arn": keys.identity.arn},
    }


def _required(parameters, name):
    value = parameters.get(name)
    if not value:
        lower = name[0].lower() + name[1:]
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value null at '{lower}' failed to satisfy constraint: Member must not be"
            " null",
        )
    return value


def _validate(member, value, expression):
    if not expression.fullmatch(value):
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {expression.pattern}",
        )


def _duration(call, parameters):
    text = parameters.get("DurationSeconds", "3600")
    if not text.isdigit() or not 900 <= int(text) <= 43200:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value between 900 and 43200",
        )
    if call.identity and call.identity.role and int(text) > CHAINED_SECONDS:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
    return int(text)


def _tags(parameters):
    tags = {}
    for number in range(1, 52):
        key = parameters.get(f"Tags.member.{number}.Key")
        if key is None:
            break
        tags[key] = parameters.get(f"Tags.member.{number}.Value", "")
    if len(tags) > 50:
        raise AwsError("ValidationError", "Member must have length less than or equal to 50")
    return tags


def _admit(call, role, arn, name, external_id, source_identity, tags):
    """Both sides must agree: the caller's policies and the role's trust policy, for each of up to three actions."""
    if role is None:
        raise _denied(call, "sts:AssumeRole", arn)  # AWS does not tell a role that is not there from one that refuses
    context = {**call.identity.context(), **tag_context(role and {}, tags), "sts:rolesessionname": name}
    organization = call.world.iam.organization_of(role)
    if organization is not None:
        context["aws:resourceorgid"] = organization
    if source_identity is not None:
        context["sts:sourceidentity"] = source_identity
    actions = ["sts:AssumeRole"]
    if source_identity is not None or call.identity.source_identity:
        actions.append("sts:SetSourceIdentity")
    if tags or call.identity.transitive:
        actions.append("sts:TagSession")
    for action in actions:
        # The service authorization reference gives this key to AssumeRole alone: the other two never see it.
        own = {"sts:externalid": external_id} if external_id is not None and action == "sts:AssumeRole" else {}
        if not _allowed(call, role, action, {**context, **own}):
            raise _denied(call, action, arn)


def _allowed(call, role, action, context):
    trusted = trusts(role, call.identity, action, context)
    if trusted == policy.SILENT or trusted == policy.DENY:
        return False
    own = policy.decide(call.identity.policies.values(), action, role.arn, context)
    if own == policy.SILENT:
        # Within an account a trust policy that names the caller itself is grant enough; one that names the account
        # leaves the decision to the caller's own policies.
        return trusted == "named" and call.identity.account == role.account
    return own == policy.ALLOW


def trusts(role, identity, action, context):
    """'named', ALLOW (through the account), DENY or SILENT: what the role's trust policy says of this caller."""
    answer = policy.SILENT
    for statement in policy.as_list(role.trust["Statement"]):
        how = _principal(statement, identity)
        if not how or policy.decide([{"Statement": [statement]}], action, role.arn, context) == policy.SILENT:
            continue
        if statement["Effect"] == "Deny":
            return policy.DENY
        answer = "named" if "named" in (how, answer) else policy.ALLOW
    return answer


def trusts_service(role, service):
    """May a service such as EC2 take the role, for what runs there?"""
    own = [
        statement
        for statement in policy.as_list(role.trust["Statement"])
        if statement["Principal"] != "*" and service in policy.as_list(statement["Principal"].get("Service", []))
    ]
    return policy.decide([{"Statement": own}], "sts:AssumeRole", role.arn, {}) == policy.ALLOW


def note_denial(world, role, service):
    """A service asks for a role without a request of its own: what it was denied is in the journal all the same."""
    blank = dict.fromkeys(("region", "request_id", "milliseconds", "connection", "agent"))
    world.journal.add({**blank, "time": world.clock.now(), "service": "sts", "operation": "AssumeRole", "account": role.account,
                       "principal": service, "status": 403, "error": "AccessDenied", "resource": role.arn, "parameters": {},
                       "ignored": [], "faults": [], "notes": {}})  # fmt: skip


def _principal(statement, identity):
    listed = statement["Principal"]
    named = ["*"] if listed == "*" else policy.as_list(listed.get("AWS", []))
    if identity.principal_arn in named or identity.arn in named:
        return "named"
    if {"*", identity.account, f"arn:aws:iam::{identity.account}:root"} & set(named):
        return "account"
    return None


def _denied(call, action, arn):
    return AwsError(
        "AccessDenied", f"User: {call.identity.arn} is not authorized to perform: {action} on resource: {arn}", 403
    )


def _carry_over(call, identity, parameters, tags, source_identity):
    """A chained session keeps the source identity and the transitive tags of the session before it."""
    before = call.identity
    if before.source_identity and source_identity not in (None, before.source_identity):
        raise AwsError("AccessDenied", "The source identity of a session cannot be changed by role chaining.", 403)
    identity.source_identity = before.source_identity or source_identity
    identity.transitive = set(before.transitive)
    identity.tags = {key: before.tags[key] for key in before.transitive}
    identity.tags.update(tags)
    number = 1
    while f"TransitiveTagKeys.member.{number}" in parameters:
        identity.transitive.add(parameters[f"TransitiveTagKeys.member.{number}"])
        number += 1
    if "Policy" in parameters:
        try:
            identity.session_policy = json.loads(parameters["Policy"])
        except ValueError:
            raise AwsError("MalformedPolicyDocument", "The policy is not in the valid JSON format.") from None
        if policy.problems(identity.session_policy):
            raise AwsError("MalformedPolicyDocument", "Syntax errors in policy.")


UNSIGNED = "AssumeRoleWithWebIdentity"
OPERATIONS = {
    "AssumeRole": assume_role, UNSIGNED: assume_role_with_web_identity, "GetCallerIdentity": get_caller_identity
}  # fmt: skip


def result_xml(operation, result, request_id):
    return (
        f'<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{_xml(result)}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )


def error_xml(error, request_id):
    kind = "Sender" if error.status < 500 else "Receiver"
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _xml(value):
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(member)}</{key}>" for key, member in value.items())
    return escape(str(value))
