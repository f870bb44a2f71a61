"""AWS Certificate Manager: its operations."""

import re

from . import acm_import, acm_issue, acm_query, events, pki
from .acm_store import Certificate, Version
from .clock import monotonic
from .errors import AwsError
from .iam import tag_context
from .shapes import blob, list_of, string, structure, tag_dict, tag_list, tags

ARN = string(20, 2048, r"arn:[\w+=/,.@-]+:acm:[\w+=/,.@-]*:[0-9]+:[\w+=,.@-]+(/[\w+=,.@-]+)*")
DOMAIN = string(1, 253, r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])")
OPTIONS = structure({"CertificateTransparencyLoggingPreference": acm_query.OPTION, "Export": acm_query.OPTION})
ONE = structure({"CertificateArn": ARN}, ("CertificateArn",))
FORBIDDEN_IN_PASSPHRASE = re.compile(rb"[^\x00-\x7f]|[#$%]")
MAX_TAGS = 50


def _get(call, arn, action, write=False, request_tags=None):
    """Authorize for a certificate by its tags, then find it.

    What is not there has no tags: a policy that asks for some refuses before anything is found, as IAM does.
    """
    existing = call.world.acm.find(arn)
    call.authorize(action, arn, tag_context(existing and existing.tags, request_tags))
    return call.world.acm.get(call, arn, write)


def describe_certificate(call, p):
    c = _get(call, p["CertificateArn"], "acm:DescribeCertificate")
    detail = {
        "CertificateArn": c.arn,
        "DomainName": c.domain,
        "SubjectAlternativeNames": c.names,
        "CreatedAt": c.created_at,
        "Status": c.status,
        "KeyAlgorithm": c.key_algorithm,
        "InUseBy": c.in_use_by,
        "Type": c.type,
        "RenewalEligibility": "ELIGIBLE" if c.eligible else "INELIGIBLE",
        "KeyUsages": [],
        "ExtendedKeyUsages": [],
        "Options": {"CertificateTransparencyLoggingPreference": "ENABLED" if c.type == "AMAZON_ISSUED" else "DISABLED"},
    }
    if c.type != "IMPORTED":
        detail["Options"]["Export"] = c.export_option
    detail.update(acm_query.origin(c))
    detail.update(acm_query.dates(c))
    if call.world.settings.hyphenated_algorithms:
        detail["KeyAlgorithm"] = detail["KeyAlgorithm"].replace("_", "-")
    if c.ca_arn:
        detail["CertificateAuthorityArn"] = c.ca_arn
    if c.failure_reason:
        detail["FailureReason"] = c.failure_reason
    if c.revocation_reason:
        detail["RevocationReason"] = c.revocation_reason
    if c.type == "AMAZON_ISSUED":
        detail["DomainValidationOptions"] = _validations(c, c.status)
    if c.renewal:
        detail["RenewalSummary"] = _renewal_summary(c)
    if c.version:
        detail.update(_version_detail(c.version, c.type))
    return {"Certificate": detail}


def _version_detail(version, type):
    leaf = version.leaf
    return {
        "Serial": version.serial,
        "Subject": f"CN={version.common_name}" if version.common_name else "",
        "Issuer": "Amazon" if type == "AMAZON_ISSUED" else pki.common_name(leaf.issuer) or leaf.issuer.rfc4514_string(),
        "SignatureAlgorithm": pki.signature_algorithm(leaf),
        "KeyUsages": [{"Name": name} for name in version.key_usages or []],
        "ExtendedKeyUsages": [{"Name": name, "OID": oid} for name, oid in version.extended_key_usages or []],
    }


def _validations(c, status):
    status = "PENDING_VALIDATION" if status == "PENDING_VALIDATION" else "SUCCESS"
    return [
        {"DomainName": name, "ValidationStatus": status, "ValidationMethod": c.validation_method} for name in c.names
    ]


def _renewal_summary(c):
    found = {"RenewalStatus": c.renewal["status"], "DomainValidationOptions": [], "UpdatedAt": c.renewal["updated"]}
    found["DomainValidationOptions"] = _validations(c, c.renewal["status"]) if c.type == "AMAZON_ISSUED" else []
    if c.renewal["reason"]:
        found["RenewalStatusReason"] = c.renewal["reason"]
    return found


def _issued(c):
    if c.version is None:
        if c.status == "PENDING_VALIDATION":
            raise AwsError("RequestInProgressException", f"The certificate request for {c.arn} is in progress.")
        raise AwsError(
            "ResourceNotFoundException", f"Certificate {c.arn} has no certificate: its status is {c.status}."
        )
    return c.version


def get_certificate(call, p):
    version = _issued(_get(call, p["CertificateArn"], "acm:GetCertificate"))
    call.note(fingerprint=version.fingerprint)
    result = {"Certificate": version.leaf_pem}
    if version.chain:
        result["CertificateChain"] = version.chain_pem
    return result


def export_certificate(call, p):
    c = _get(call, p["CertificateArn"], "acm:ExportCertificate", write=True)
    if FORBIDDEN_IN_PASSPHRASE.search(p["Passphrase"]):
        raise AwsError("ValidationException", "The passphrase may hold any ASCII characters except #, $ or %.")
    if not c.exportable:
        raise AwsError(
            "ValidationException",
            f"Certificate {c.arn} is not exportable: it is neither private nor was it requested with export enabled.",
        )
    version = _issued(c)
    if c.status != "ISSUED":
        raise AwsError("ValidationException", f"Certificate {c.arn} cannot be exported: its status is {c.status}.")
    _refuse_for_a_while(c)
    c.exported = c.exported_since = True
    call.world.acm.changed(c)
    call.note(fingerprint=version.fingerprint)
    return {
        "Certificate": version.leaf_pem,
        "CertificateChain": version.chain_pem,
        "PrivateKey": pki.encrypted_key_pem(version.key, p["Passphrase"]),
    }


def _refuse_for_a_while(c):
    if c.refusals is None:
        return
    if c.refusals["calls"] <= 0 and monotonic() >= c.refusals["until"]:
        c.refusals = None
        return
    c.refusals["calls"] -= 1
    raise AwsError("ValidationException", f"Certificate {c.arn} must have at least one relation of type EXPORT")


def import_certificate(call, p):
    arn, again = p.get("CertificateArn"), "CertificateArn" in p
    request_tags = tag_dict(p.get("Tags"))
    existing = call.world.acm.find(arn) if again else None
    resource = arn if again else f"arn:aws:acm:{call.region}:{call.account}:certificate/*"
    context = tag_context(existing and existing.tags, request_tags)
    call.authorize("acm:ImportCertificate", resource, context)
    if request_tags:
        call.authorize("acm:AddTagsToCertificate", resource, context)
        if again:
            raise AwsError("ValidationException", "Tagging is not permitted on re-import.")
        _check_tags(request_tags)
    if again:
        existing = call.world.acm.get(call, arn, write=True)
        if existing.type != "IMPORTED":
            raise AwsError("ValidationException", f"Certificate {arn} was not imported and cannot be imported over.")
    now = call.world.clock.now()
    version = _imported_version(p, now)
    if again:
        acm_import.check_again(existing.version, version)
    acm_import.spend_quota(call.world, call.account, call.region, again)
    call.note(fingerprint=version.fingerprint, again=again)
    return {"CertificateArn": place_import(call.world, call.account, call.region, version, request_tags, existing).arn}


def _imported_version(p, now):
    leaf, key, chain = acm_import.parse(p["Certificate"], p["PrivateKey"], p.get("CertificateChain"), now)
    return Version(leaf, chain, key)


def place_import(world, account, region, version, tagged, existing=None):
    """Put an import in place of the existing one, or make a new one, without asking any rule."""
    now = world.clock.now()
    if existing is None:
        existing = Certificate(
            account, region, "IMPORTED", now, tags=dict(tagged), requested_algorithm=version.algorithm
        )
        existing.take(version)
        existing.imported_at = now
        world.acm.add(existing)
        world.tagging.changed(existing.arn, {})
        return existing
    existing.take(version)
    existing.imported_at = now
    existing.status = "ISSUED"  # one that had expired is good again
    world.acm.changed(existing)
    return existing


REQUEST = structure(
    {
        "DomainName": DOMAIN,
        "ValidationMethod": string(options=("EMAIL", "DNS", "HTTP")),
        "SubjectAlternativeNames": list_of(DOMAIN, 1, 100),
        "IdempotencyToken": string(1, 32, r"\w+"),
        "Options": OPTIONS,
        "CertificateAuthorityArn": string(20, 2048),
        "Tags": tags(1),
        "KeyAlgorithm": string(options=pki.KEY_ALGORITHMS),
    },
    ("DomainName",),
)
REQUESTABLE = ("RSA_2048", "EC_prime256v1", "EC_secp384r1")
IDEMPOTENT_SECONDS = 3600


def request_certificate(call, p):
    request_tags = tag_dict(p.get("Tags"))
    resource = f"arn:aws:acm:{call.region}:{call.account}:certificate/*"
    call.authorize("acm:RequestCertificate", resource, tag_context(None, request_tags))
    if request_tags:
        call.authorize("acm:AddTagsToCertificate", resource, tag_context(None, request_tags))
        _check_tags(request_tags)
    algorithm = p.get("KeyAlgorithm", "RSA_2048")
    if algorithm not in REQUESTABLE:
        raise AwsError(
            "ValidationException", f"Certificates with key algorithm {algorithm} can be imported but not requested."
        )
    repeated = _same_request(call, p)
    if repeated:
        return {"CertificateArn": repeated}
    ca_arn = p.get("CertificateAuthorityArn")
    if ca_arn:
        _check_authority(call, ca_arn, algorithm)
    elif "ValidationMethod" not in p:
        raise AwsError("ValidationException", "A public certificate needs a ValidationMethod.")
    names = list(dict.fromkeys([p["DomainName"], *p.get("SubjectAlternativeNames", [])]))
    c = Certificate(
        call.account, call.region, "PRIVATE" if ca_arn else "AMAZON_ISSUED", call.world.clock.now(),
        domain=names[0], names=names, requested_algorithm=algorithm, ca_arn=ca_arn, tags=request_tags,
        export_option="ENABLED" if ca_arn else p.get("Options", {}).get("Export", "DISABLED"),
        validation_method=None if ca_arn else p["ValidationMethod"],
        status="PENDING_VALIDATION",
    )  # fmt: skip
    if ca_arn or call.world.settings.auto_validate:
        acm_issue.issue(call.world, c)
    call.world.acm.add(c)
    call.world.tagging.changed(c.arn, {})
    if c.status == "ISSUED":
        events.available(call.world, c, "ISSUANCE")
    _remember_request(call, p, c.arn)
    return {"CertificateArn": c.arn}


def _request_key(call, p):
    return call.account, call.region, p.get("IdempotencyToken"), p["DomainName"]


def _same_request(call, p):
    arn, when = call.world.acm_requests.get(_request_key(call, p), (None, 0))
    return arn if "IdempotencyToken" in p and call.world.clock.now() - when < IDEMPOTENT_SECONDS else None


def _remember_request(call, p, arn):
    if "IdempotencyToken" in p:
        call.world.acm_requests[_request_key(call, p)] = (arn, call.world.clock.now())


def _check_authority(call, ca_arn, algorithm):
    authority = call.world.pca.find(ca_arn)
    if authority and authority.account == call.account and pki.family(authority.algorithm) != pki.family(algorithm):
        raise AwsError(
            "ValidationException",
            "The signing algorithm family must match the algorithm family of the CA's secret key.",
        )


def renew_certificate(call, p):
    c = _get(call, p["CertificateArn"], "acm:RenewCertificate", write=True)
    if not c.managed or not c.exported_since or c.status != "ISSUED":
        raise AwsError(
            "ValidationException", f"Certificate {c.arn} is not eligible for renewal: it has not been exported."
        )
    acm_issue.renew(call.world, c)
    return None


def delete_certificate(call, p):
    c = _get(call, p["CertificateArn"], "acm:DeleteCertificate", write=True)
    if c.in_use_by:
        raise AwsError("ResourceInUseException", f"Certificate {c.arn} in account {c.account} is in use.")
    remove(call.world, c)
    return None


def remove(world, c):
    c.deleted = True
    world.acm.changed(c)
    world.tagging.gone(c.arn, c.tags)


def list_tags(call, p):
    return {"Tags": tag_list(_get(call, p["CertificateArn"], "acm:ListTagsForCertificate").tags)}


def add_tags(call, p):
    added = tag_dict(p["Tags"])
    c = _get(call, p["CertificateArn"], "acm:AddTagsToCertificate", write=True, request_tags=added)
    _check_tags(added, c.tags)
    call.world.tagging.changed(c.arn, c.tags)
    c.tags.update(added)
    call.world.acm.changed(c)
    return None


def remove_tags(call, p):
    c = _get(call, p["CertificateArn"], "acm:RemoveTagsFromCertificate", write=True, request_tags=tag_dict(p["Tags"]))
    call.world.tagging.changed(c.arn, c.tags)
    for tag in p["Tags"]:
        if "Value" not in tag or c.tags.get(tag["Key"]) == tag["Value"]:
            c.tags.pop(tag["Key"], None)
    call.world.acm.changed(c)
    return None


def _check_tags(added, present=()):
    if any(key.lower().startswith("aws:") for key in added):
        raise AwsError("InvalidTagException", "aws: prefixed tag key names are not allowed for external use.")
    if len({*added, *present}) > MAX_TAGS:
        raise AwsError("TooManyTagsException", f"A certificate may have at most {MAX_TAGS} tags.")


def revoke_certificate(call, p):
    c = _get(call, p["CertificateArn"], "acm:RevokeCertificate", write=True)
    if c.in_use_by:
        raise AwsError("ResourceInUseException", f"Certificate {c.arn} is in use.")
    c.status, c.revoked_at, c.revocation_reason = "REVOKED", call.world.clock.now(), p["RevocationReason"]
    call.world.acm.changed(c)
    return {"CertificateArn": c.arn}


def get_account_configuration(call, p):
    call.authorize("acm:GetAccountConfiguration", "*")
    return {"ExpiryEvents": {"DaysBeforeExpiry": 45}}


def _with_tags(minimum):
    return structure({"CertificateArn": ARN, "Tags": tags(minimum)}, ("CertificateArn", "Tags"))


OPERATIONS = {
    "ListCertificates": (acm_query.LIST, acm_query.list_certificates),
    "SearchCertificates": (acm_query.SEARCH, acm_query.search_certificates),
    "DescribeCertificate": (ONE, describe_certificate),
    "GetCertificate": (ONE, get_certificate),
    "ExportCertificate": (
        structure({"CertificateArn": ARN, "Passphrase": blob(4, 128)}, ("CertificateArn", "Passphrase")),
        export_certificate,
    ),
    "ImportCertificate": (
        structure(
            {
                "CertificateArn": ARN,
                "Certificate": blob(1, 32768),
                "PrivateKey": blob(1, 5120),
                "CertificateChain": blob(1, 2097152),
                "Tags": tags(1),
            },
            ("Certificate", "PrivateKey"),
        ),
        import_certificate,
    ),
    "RequestCertificate": (REQUEST, request_certificate),
    "RenewCertificate": (ONE, renew_certificate),
    "DeleteCertificate": (ONE, delete_certificate),
    "ListTagsForCertificate": (ONE, list_tags),
    "AddTagsToCertificate": (_with_tags(1), add_tags),
    "RemoveTagsFromCertificate": (_with_tags(1), remove_tags),
    "RevokeCertificate": (
        structure({"CertificateArn": ARN, "RevocationReason": string()}, ("CertificateArn", "RevocationReason")),
        revoke_certificate,
    ),
    "GetAccountConfiguration": (structure({}), get_account_configuration),
}
