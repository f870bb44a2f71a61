"""Accounts, their users and roles, and the sessions of roles; who may do what."""

import base64
import json
import secrets
import string
from pathlib import Path

from . import policy
from .errors import AwsError

POLICIES = Path(__file__).resolve().parents[2] / "conf" / "iam"
SHIPPED_SOURCE, SHIPPED_DESTINATION, SHIPPED_ORGANIZATION = "111111111111", "222222222222", "o-1111111111"
ORGANIZATION = "o-c1a0ud0f73st"
# Characters that IAM admits, white space not counted: of all inline policies together, of a trust policy, of each
# managed policy; and how many of the last a user or role may have.
INLINE_MOST, TRUST_MOST, MANAGED_MOST, MANAGED_COUNT = {"user": 2048, "role": 10240}, 2048, 6144, 10
MANAGED = "managed "  # what the name of a managed policy begins with, among {name: document}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
BASE32 = string.ascii_uppercase + "234567"


def unique_id(prefix):
    return prefix + "".join(secrets.choice(BASE32) for _ in range(16))


def size(document):
    """As IAM counts a policy: white space is not counted."""
    return len("".join(json.dumps(document, separators=(",", ":")).split()))


def check_sizes(kind, name, policies):
    """Refuse what would be too large for a user or role with these {name: document}."""
    managed = [key for key in policies if key.startswith(MANAGED)]
    if sum(size(document) for key, document in policies.items() if key not in managed) > INLINE_MOST[kind]:
        raise _too_large(f"policy size of {INLINE_MOST[kind]} bytes exceeded for {kind} {name}")
    if len(managed) > MANAGED_COUNT:
        raise _too_large(f"PoliciesPer{kind.title()}: {MANAGED_COUNT}")
    for key in managed:
        if size(policies[key]) > MANAGED_MOST:
            raise _too_large(f"PolicySize: {MANAGED_MOST}")


def check_trust(document):
    if size(document) > TRUST_MOST:
        raise _too_large(f"ACLSizePerRole: {TRUST_MOST}")


def _too_large(what):
    if what.startswith("policy size"):
        return AwsError("LimitExceeded", f"Maximum {what}", 409)
    return AwsError("LimitExceeded", f"Cannot exceed quota for {what}", 409)


class Keys:
    """A key pair of a user or of a session, and whom it stands for."""

    def __init__(self, identity, prefix, session_token=None, expires=None):
        self.identity = identity
        self.access_key = unique_id(prefix)
        self.secret_key = base64.b64encode(secrets.token_bytes(30)).decode()
        self.session_token = session_token
        self.expires = expires
        self.requests_left = None  # None: as many as one likes
        self.timeless = False  # a witness may sign with its own clock, wherever the cloud's has been moved to

    def as_dict(self):
        return {
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "session_token": self.session_token,
            "arn": self.identity.arn,
        }


class Identity:
    """Whom a request comes from: a user, or a session of a role."""

    def __init__(self, account, arn, user_id, policies, role=None):
        self.account = account
        self.arn = arn
        self.user_id = user_id
        self.policies = policies  # {name: document}; shared with the user or role, so that changes apply at once
        self.role = role
        self.session_policy = None
        self.tags = {}
        self.transitive = set()
        self.source_identity = None

    @property
    def principal_arn(self):
        """What trust policies and aws:PrincipalArn mean: the role's ARN, not its session's."""
        return self.role.arn if self.role else self.arn

    def context(self):
        found = {
            "aws:principalarn": self.principal_arn,
            "aws:principalaccount": self.account,
            "aws:userid": self.user_id,
            "aws:securetransport": "true",
        }
        if self.source_identity:
            found["aws:sourceidentity"] = self.source_identity
        found.update({f"aws:principaltag/{key.lower()}": value for key, value in self.tags.items()})
        return found


class Role:
    def __init__(self, account, name, trust, policies):
        self.account = account
        self.name = name
        self.arn = f"arn:aws:iam::{account}:role/{name}"
        self.id = unique_id("AROA")
        self.trust = trust
        self.policies = policies
        self.max_session = 3600


class Account:
    def __init__(self, id, organization=ORGANIZATION):
        self.id = id
        self.organization = organization  # or None: it is in none
        self.users = {}
        self.roles = {}


class Iam:
    """All accounts. The roles and the host's user have the policies of conf/iam, the very files that users install."""

    def __init__(self, clock, source, destinations, directory):
        self.clock = clock
        self.directory = Path(directory)
        self.source = source
        self.destinations = []
        self.accounts = {}
        self.keys = {}
        self.identity_tokens = {}  # {token: {provider, subject, expires}} of OpenID Connect providers
        self.session_seconds = None  # a shorter life for every session than was asked for
        self._add_account(source)
        self.add_role(source, "certferry-source", self.load("source-trust.json"), {"source": self.load("source.json")})
        self.host = self.add_user(source, "certferry", {"host": self.load("host.json")})
        for account in destinations:
            self.add_destination(account)

    def load(self, name, account=None):
        """A policy of conf/iam with these accounts in place of the shipped examples.

        A list that names the example destination gets an entry for each destination, as conf/iam/README.md asks.
        """
        document = json.loads((self.directory / name).read_text())
        found = policy.problems(document, trust=name.endswith("-trust.json"), resource=name.endswith("-queue.json"))
        if found:
            raise ValueError(f"{name}: {'; '.join(found)}")
        return self._replace(document, [account] if account else self.destinations)

    def _replace(self, value, destinations):
        if isinstance(value, dict):
            return {key: self._replace(member, destinations) for key, member in value.items()}
        if isinstance(value, list):
            many = any(isinstance(member, str) and SHIPPED_DESTINATION in member for member in value)
            if not many:
                return [self._replace(member, destinations) for member in value]
            return [text for member in value for text in self._each(member, destinations)]
        if isinstance(value, str):
            texts = self._each(value, destinations)
            return texts[0] if len(texts) == 1 else texts
        return value

    def _each(self, text, destinations):
        if SHIPPED_DESTINATION not in text:
            return [text.replace(SHIPPED_SOURCE, self.source).replace(SHIPPED_ORGANIZATION, ORGANIZATION)]
        marked = text.replace(SHIPPED_SOURCE, self.source)
        return [marked.replace(SHIPPED_DESTINATION, account) for account in destinations]

    def _add_account(self, id, organization=ORGANIZATION):
        self.accounts[id] = Account(id, organization)
        administrator = self.add_user(id, "administrator", {"everything": EVERYTHING})
        administrator.timeless = True

    def add_destination(self, id, organization=ORGANIZATION):
        """An account with the role that certferry takes there."""
        if id not in self.accounts:
            self._add_account(id, organization)
        self.destinations.append(id)
        policies = {
            "acm": self.load("destination-acm.json", id),
            "secretsmanager": self.load("destination-secretsmanager.json", id),
            "secretsmanager-kms": self.load("destination-secretsmanager-kms.json", id),
        }
        self.add_role(id, "certferry-destination", self.load("destination-trust.json", id), policies)

    def add_role(self, account, name, trust, policies):
        check_trust(trust)
        check_sizes("role", name, policies)
        role = Role(account, name, trust, policies)
        self.accounts[account].roles[name] = role
        return role

    def add_user(self, account, name, policies):
        check_sizes("user", name, policies)
        identity = Identity(account, f"arn:aws:iam::{account}:user/{name}", unique_id("AIDA"), policies)
        keys = Keys(identity, "AKIA")
        self.accounts[account].users[name] = keys
        self.keys[keys.access_key] = keys
        return keys

    def role(self, arn):
        """The role of an ARN, or None."""
        parts = arn.split(":", 5)
        if len(parts) != 6 or not parts[5].startswith("role/") or parts[4] not in self.accounts:
            return None
        return self.accounts[parts[4]].roles.get(parts[5].rpartition("/")[2])

    def policies(self, arn):
        """The {name: document} of a user's or role's ARN; KeyError when there is none."""
        role = self.role(arn)
        if role:
            return role.policies
        account, _, name = arn.split(":", 4)[4].partition(":user/")
        return self.accounts[account].users[name].identity.policies

    def put_policy(self, arn, name, document):
        """Attach or replace a policy of a user's or role's ARN."""
        policies = self.policies(arn)
        kind, _, own_name = arn.split(":", 5)[5].partition("/")
        check_sizes(kind, own_name.rpartition("/")[2], {**policies, name: document})
        policies[name] = document

    def organization_of(self, role):
        """What aws:ResourceOrgID says of a role, or None."""
        return self.accounts[role.account].organization

    def open_session(self, role, name, seconds):
        """New keys of a role's session, with nothing of the caller's carried over yet."""
        if self.session_seconds is not None:
            seconds = min(seconds, self.session_seconds)
        arn = f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{name}"
        identity = Identity(role.account, arn, f"{role.id}:{name}", role.policies, role)
        token = base64.b64encode(secrets.token_bytes(240)).decode()
        keys = Keys(identity, "ASIA", token, self.clock.now() + seconds)
        self.keys[keys.access_key] = keys
        return keys

    def issue_identity_token(self, provider, subject, seconds):
        """What a provider would put into a pod: three parts, of which nobody here reads a claim."""
        token = ".".join(secrets.token_urlsafe(count) for count in (27, 90, 64))
        expires = self.clock.now() + seconds
        self.identity_tokens[token] = {"provider": provider, "subject": subject, "expires": expires}
        return token

    def expire_sessions(self, after=0):
        """End every session of now, at once or after so many more requests with each."""
        for keys in self.keys.values():
            if keys.session_token:
                keys.requests_left = after

    def authorize(self, identity, action, resource, context):
        """Raise AccessDenied unless the identity's policies allow it, and its session's policy does too."""
        context = {**identity.context(), **context}
        layers = [("identity-based", identity.policies.values())]
        if identity.session_policy:
            layers.append(("session", [identity.session_policy]))
        for kind, documents in layers:
            decision = policy.decide(documents, action, resource, context)
            if decision != policy.ALLOW:
                raise denied(identity, action, resource, kind, decision)


def denied(identity, action, resource, kind, decision):
    if decision == policy.DENY:
        why = f"with an explicit deny in {'an' if kind[0] == 'i' else 'a'} {kind} policy"
    else:
        why = f"because no {kind} policy allows the {action} action"
    return AwsError(
        "AccessDeniedException",
        f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource} {why}",
    )


def tag_context(resource_tags=None, request_tags=None):
    """The condition keys of tags: those that the resource has, and those that the request brings."""
    context = {f"aws:resourcetag/{key.lower()}": value for key, value in (resource_tags or {}).items()}
    if request_tags:
        context.update({f"aws:requesttag/{key.lower()}": value for key, value in request_tags.items()})
        context["aws:tagkeys"] = list(request_tags)
    return context
