"""AWS Secrets Manager: secrets, their versions and the labels that move between them."""

import base64
import re
import secrets as randomness
import string as characters

from .errors import AwsError
from .iam import tag_context
from .shapes import any_value, blob, boolean, integer, list_of, string, structure, tag_dict, tag_list, tags

LIMIT = 65536
MAX_LABELS = 20
KEPT_VERSIONS = 100
DAY = 86400
CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}", re.ASCII)
SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
DEFAULT_KEY = "alias/aws/secretsmanager"


class Version:
    def __init__(self, id, content, now, key):
        self.id = id
        self.content = content  # ("SecretString", text) or ("SecretBinary", bytes)
        self.created_at = now
        self.stages = set()
        self.key = key


class Secret:
    def __init__(self, account, region, name, now):
        suffix = "".join(randomness.choice(characters.ascii_letters) for _ in range(6))
        self.account = account
        self.region = region
        self.name = name
        self.arn = f"arn:aws:secretsmanager:{region}:{account}:secret:{name}-{suffix}"
        self.created_at = self.changed_at = now
        self.accessed_at = None
        self.description = None
        self.kms_key = None
        self.type = None
        self.tags = {}
        self.versions = {}
        self.deleted_at = None
        self.owning_service = None
        self.rotated = False

    def at(self, stage):
        return next((version for version in self.versions.values() if stage in version.stages), None)

    def attach(self, version, stage):
        """Move a label here. AWSPREVIOUS follows AWSCURRENT by itself."""
        holder = self.at(stage)
        if holder is version:
            return
        if holder:
            holder.stages.discard(stage)
            if stage == CURRENT:
                self.attach(holder, PREVIOUS)
        version.stages.add(stage)
        if stage == CURRENT:
            version.stages.discard(PREVIOUS)


class Store:
    def __init__(self):
        self.places = {}
        self.keys = {}  # {(account, region): {alias: key ARN}} of customer managed KMS keys

    def place(self, account, region):
        return self.places.setdefault((account, region), {})

    def all(self):
        return [secret for place in self.places.values() for secret in place.values()]

    def find(self, account, region, id):
        """By name, by ARN, or by an ARN that lacks its six last characters."""
        place = self.place(account, region)
        if not id.startswith("arn:"):
            return place.get(id)
        prefix = f"arn:aws:secretsmanager:{region}:{account}:secret:"
        if not id.startswith(prefix):
            return None
        rest = id[len(prefix) :]
        found = place.get(SUFFIX.sub("", rest))
        if found and found.arn == id:
            return found
        return place.get(rest)

    def add_key(self, account, region, alias):
        aliases = self.keys.setdefault((account, region), {})
        return aliases.setdefault(alias, f"arn:aws:kms:{region}:{account}:key/{randomness.token_hex(16)}")

    def key_arn(self, account, region, id):
        """The ARN of a customer managed key, by alias, alias ARN, key ARN or key id; None for one that is not there."""
        aliases = self.keys.get((account, region), {})
        short = id.rpartition(":")[2] if ":alias/" in id else id
        if short in aliases:
            return aliases[short]
        return next((arn for arn in aliases.values() if id in (arn, arn.rpartition("/")[2])), None)


def _locate(call, id, action, request_tags=None, scheduled=False):
    """Authorize, then find; a secret scheduled for deletion answers to very few operations."""
    owner = id.split(":")[4] if id.startswith("arn:") and id.count(":") >= 6 else call.account
    found = call.world.secrets.find(call.account, call.region, id) if owner == call.account else None
    resource = found.arn if found else id if id.startswith("arn:") else _hoped_for_arn(call, id)
    call.authorize(f"secretsmanager:{action}", resource, _context(found, id, request_tags))
    if owner != call.account:
        # Another account's secret takes a resource policy and a customer managed key; there are none here.
        raise AwsError(
            "AccessDeniedException",
            f"User: {call.identity.arn} is not authorized to perform: secretsmanager:{action} on resource: {id} because"
            f" no resource-based policy allows the secretsmanager:{action} action",
        )
    if found is None:
        raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if found.deleted_at and not scheduled:
        raise AwsError(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    return found


def _hoped_for_arn(call, name):
    return f"arn:aws:secretsmanager:{call.region}:{call.account}:secret:{name}"


def _context(secret, id, request_tags):
    found = tag_context(secret and secret.tags, request_tags)
    for key, value in (secret.tags if secret else {}).items():
        found[f"secretsmanager:resourcetag/{key.lower()}"] = value
    found["secretsmanager:secretid"] = secret.arn if secret else id
    return found


def _use_key(call, secret):
    """A customer managed key is used in the caller's name, so the caller needs permission for it."""
    if not secret.kms_key or secret.kms_key.endswith(DEFAULT_KEY):
        return
    arn = call.world.secrets.key_arn(call.account, call.region, secret.kms_key)
    if arn is None:
        raise AwsError(
            "EncryptionFailure",
            f"Secrets Manager can't encrypt the protected secret text using the provided KMS key: {secret.kms_key} was"
            " not found.",
        )
    context = {
        "kms:viaservice": f"secretsmanager.{call.region}.amazonaws.com",
        "kms:encryptioncontext:secretarn": secret.arn,
    }
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        try:
            call.world.iam.authorize(call.identity, action, arn, context)
        except AwsError as error:
            raise AwsError("AccessDeniedException", f"Access to KMS is not allowed. {error.message}") from None


def _content(p, required):
    given = [key for key in ("SecretString", "SecretBinary") if key in p]
    if len(given) > 1:
        raise AwsError(
            "InvalidParameterException",
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )
    if not given:
        if required:
            raise AwsError("InvalidParameterException", "You must provide either SecretString or SecretBinary.")
        return None
    value = p[given[0]]
    if not 1 <= len(value.encode() if isinstance(value, str) else value) <= LIMIT:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: '{given[0][0].lower() + given[0][1:]}' failed to satisfy constraint: Member"
            f" must have length less than or equal to {LIMIT}, and greater than or equal to 1",
        )
    return given[0], value


def _token(p):
    if "ClientRequestToken" not in p:
        raise AwsError(
            "InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value."
        )
    return p["ClientRequestToken"]


def _check_labels(secret, version, added):
    others = sum(len(v.stages) for v in secret.versions.values() if v is not version)
    kept = len(version.stages | set(added)) if version else len(added)
    if others + kept > MAX_LABELS:
        raise AwsError("LimitExceededException", f"A secret can have at most {MAX_LABELS} staging labels.")


def create_secret(call, p):
    name, request_tags = p["Name"], tag_dict(p.get("Tags"))
    context = {**tag_context(None, request_tags), "secretsmanager:name": name}
    if "KmsKeyId" in p:
        context["secretsmanager:kmskeyid"] = p["KmsKeyId"]
    # The six random characters are not known yet, but policies end in the wildcard that stands for them.
    call.authorize("secretsmanager:CreateSecret", _hoped_for_arn(call, name), context)
    if request_tags:
        call.authorize("secretsmanager:TagResource", _hoped_for_arn(call, name), context)
    if not NAME.fullmatch(name):
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )
    content = _content(p, required=False)
    token = _token(p) if content else p.get("ClientRequestToken")
    place = call.world.secrets.place(call.account, call.region)
    existing = place.get(name)
    if existing:
        return _create_again(existing, token, content)
    now = call.world.clock.now()
    secret = Secret(call.account, call.region, name, now)
    secret.description, secret.kms_key, secret.type = p.get("Description"), p.get("KmsKeyId"), p.get("Type")
    secret.tags = request_tags
    _use_key(call, secret)
    place[name] = secret
    call.world.tagging.changed(secret.arn, {})
    result = {"ARN": secret.arn, "Name": name}
    if content:
        version = secret.versions[token] = Version(token, content, now, secret.kms_key)
        secret.attach(version, CURRENT)
        result["VersionId"] = token
    return result


def _create_again(existing, token, content):
    if existing.deleted_at:
        raise AwsError(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    same = existing.versions.get(token)
    if same and same.content == content:
        return {"ARN": existing.arn, "Name": existing.name, "VersionId": token}
    raise AwsError(
        "ResourceExistsException", f"The operation failed because the secret {existing.name} already exists."
    )


def put_secret_value(call, p):
    secret = _locate(call, p["SecretId"], "PutSecretValue")
    if secret.owning_service:
        raise AwsError(
            "InvalidRequestException", f"You can't modify this secret because it is managed by {secret.owning_service}."
        )
    token, content = _token(p), _content(p, required=True)
    version = secret.versions.get(token)
    if version:
        if version.content != content:
            raise AwsError(
                "ResourceExistsException",
                f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret"
                f" {secret.arn}.",
            )
        return _put_result(secret, version)  # the same once more changes nothing, not even the labels
    stages = p.get("VersionStages") or [CURRENT]
    _check_labels(secret, None, stages)
    _use_key(call, secret)
    now = call.world.clock.now()
    version = secret.versions[token] = Version(token, content, now, secret.kms_key)
    for stage in stages:
        secret.attach(version, stage)
    if secret.at(CURRENT) is None:
        secret.attach(version, CURRENT)
    secret.changed_at = now
    _prune(secret, now)
    return _put_result(secret, version)


def _put_result(secret, version):
    return {"ARN": secret.arn, "Name": secret.name, "VersionId": version.id, "VersionStages": sorted(version.stages)}


def _prune(secret, now):
    """Of the versions without a label, those beyond the newest hundred go once they are a day old."""
    newest_first = sorted(secret.versions.values(), key=lambda version: version.created_at, reverse=True)
    for version in newest_first[KEPT_VERSIONS:]:
        if not version.stages and now - version.created_at > DAY:
            del secret.versions[version.id]


def describe_secret(call, p):
    secret = _locate(call, p["SecretId"], "DescribeSecret", scheduled=True)
    result = {
        "ARN": secret.arn,
        "Name": secret.name,
        "Description": secret.description,
        "KmsKeyId": secret.kms_key,
        "Type": secret.type,
        "RotationEnabled": True if secret.rotated else None,
        "LastChangedDate": secret.changed_at,
        "LastAccessedDate": secret.accessed_at,
        "DeletedDate": secret.deleted_at,
        "OwningService": secret.owning_service,
        "Tags": tag_list(secret.tags) or None,
        "VersionIdsToStages": {v.id: sorted(v.stages) for v in secret.versions.values() if v.stages} or None,
        "CreatedDate": secret.created_at,
    }
    return {key: value for key, value in result.items() if value is not None}


def get_secret_value(call, p):
    secret = _locate(call, p["SecretId"], "GetSecretValue")
    if "VersionId" in p:
        version = secret.versions.get(p["VersionId"])
        if version and "VersionStage" in p and p["VersionStage"] not in version.stages:
            version = None
        what = f"VersionId: {p['VersionId']}"
    else:
        stage = p.get("VersionStage", CURRENT)
        version, what = secret.at(stage), f"staging label: {stage}"
    if version is None:
        raise AwsError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")
    secret.accessed_at = call.world.clock.now() // DAY * DAY
    kind, value = version.content
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        kind: value if isinstance(value, str) else base64.b64encode(value).decode(),
        "VersionStages": sorted(version.stages),
        "CreatedDate": version.created_at,
    }


def update_version_stage(call, p):
    secret = _locate(call, p["SecretId"], "UpdateSecretVersionStage")
    stage, source, target = p["VersionStage"], p.get("RemoveFromVersionId"), p.get("MoveToVersionId")
    for id in (source, target):
        if id is not None and id not in secret.versions:
            raise AwsError(
                "ResourceNotFoundException", f"Secrets Manager can't find the specified secret version: {id}."
            )
    holder = secret.at(stage)
    if holder and target and source is None and holder.id != target:
        raise AwsError(
            "InvalidParameterException",
            f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version"
            f" {holder.id}, so you must explicitly reference that version in RemoveFromVersionId.",
        )
    if source is not None and (holder is None or holder.id != source):
        raise AwsError(
            "InvalidParameterException",
            f"The parameter RemoveFromVersionId is incorrect. Staging label {stage} is not attached to version"
            f" {source}.",
        )
    if target is None:
        if stage == CURRENT:
            raise AwsError(
                "InvalidParameterException",
                f"You can only move staging label {CURRENT} to a different secret version. It can't be completely"
                " removed.",
            )
        if holder:
            holder.stages.discard(stage)
    else:
        _check_labels(secret, secret.versions[target], [stage])
        secret.attach(secret.versions[target], stage)
    secret.changed_at = call.world.clock.now()
    return {"ARN": secret.arn, "Name": secret.name}


def tag_resource(call, p):
    added = tag_dict(p["Tags"])
    secret = _locate(call, p["SecretId"], "TagResource", request_tags=added)
    if any(key.lower().startswith("aws:") for key in added):
        raise AwsError("InvalidParameterException", "Tag keys that begin with aws: are reserved.")
    call.world.tagging.changed(secret.arn, secret.tags)
    secret.tags.update(added)
    return None


def untag_resource(call, p):
    secret = _locate(call, p["SecretId"], "UntagResource")
    call.world.tagging.changed(secret.arn, secret.tags)
    for key in p["TagKeys"]:
        secret.tags.pop(key, None)
    return None


def delete_secret(call, p):
    secret = _locate(call, p["SecretId"], "DeleteSecret", scheduled=True)
    now = call.world.clock.now()
    if p.get("ForceDeleteWithoutRecovery"):
        del call.world.secrets.place(call.account, call.region)[secret.name]
        call.world.tagging.gone(secret.arn, secret.tags)
    else:
        secret.deleted_at = now + p.get("RecoveryWindowInDays", 30) * DAY
    return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": secret.deleted_at or now}


def restore_secret(call, p):
    secret = _locate(call, p["SecretId"], "RestoreSecret", scheduled=True)
    secret.deleted_at = None
    return {"ARN": secret.arn, "Name": secret.name}


def list_version_ids(call, p):
    secret = _locate(call, p["SecretId"], "ListSecretVersionIds", scheduled=True)
    shown = [v for v in secret.versions.values() if v.stages or p.get("IncludeDeprecated")]
    versions = [{"VersionId": v.id, "VersionStages": sorted(v.stages), "CreatedDate": v.created_at} for v in shown]
    return {"ARN": secret.arn, "Name": secret.name, "Versions": versions}


def list_secrets(call, p):
    call.authorize("secretsmanager:ListSecrets", "*")
    own = [secret for secret in call.world.secrets.place(call.account, call.region).values() if not secret.deleted_at]
    return {
        "SecretList": [
            {"ARN": s.arn, "Name": s.name, "Tags": tag_list(s.tags), "CreatedDate": s.created_at} for s in own
        ]
    }


ID = string(1, 2048)
TOKEN = string(32, 64)
STAGE = string(1, 256)
VALUE = {"SecretString": string(sensitive=True), "SecretBinary": blob()}


def _one(required=(), **members):
    return structure({"SecretId": ID, **members}, ("SecretId", *required))


OPERATIONS = {
    "CreateSecret": (
        structure(
            {
                "Name": string(1, 512),
                "ClientRequestToken": TOKEN,
                "Description": string(0, 2048),
                "KmsKeyId": string(0, 2048),
                "Tags": tags(),
                "Type": string(0, 256),
                "AddReplicaRegions": any_value(),
                **VALUE,
            },
            ("Name",),
        ),
        create_secret,
    ),
    "PutSecretValue": (_one(ClientRequestToken=TOKEN, VersionStages=list_of(STAGE, 1, 20), **VALUE), put_secret_value),
    "DescribeSecret": (_one(), describe_secret),
    "GetSecretValue": (_one(VersionId=string(32, 64), VersionStage=STAGE), get_secret_value),
    "UpdateSecretVersionStage": (
        _one(("VersionStage",), VersionStage=STAGE, RemoveFromVersionId=string(32, 64), MoveToVersionId=string(32, 64)),
        update_version_stage,
    ),
    "TagResource": (_one(("Tags",), Tags=tags()), tag_resource),
    "UntagResource": (_one(("TagKeys",), TagKeys=list_of(string(1, 128))), untag_resource),
    "DeleteSecret": (_one(RecoveryWindowInDays=integer(7, 30), ForceDeleteWithoutRecovery=boolean()), delete_secret),
    "RestoreSecret": (_one(), restore_secret),
    "ListSecretVersionIds": (
        _one(MaxResults=integer(1, 100), NextToken=string(1, 4096), IncludeDeprecated=boolean()),
        list_version_ids,
    ),
    "ListSecrets": (structure({"MaxResults": integer(1, 100), "NextToken": string(1, 4096)}), list_secrets),
}
