"""ListCertificates and SearchCertificates: filters with AWS's defaults, the members that each answer has."""

from . import pki
from .errors import AwsError
from .paging import page
from .shapes import boolean, integer, list_of, string, structure, timestamp

STATUSES = ("PENDING_VALIDATION", "ISSUED", "INACTIVE", "EXPIRED", "VALIDATION_TIMED_OUT", "REVOKED", "FAILED")
KEY_USAGES = (
    "DIGITAL_SIGNATURE", "NON_REPUDIATION", "KEY_ENCIPHERMENT", "DATA_ENCIPHERMENT", "KEY_AGREEMENT",
    "CERTIFICATE_SIGNING", "CRL_SIGNING", "ENCIPHER_ONLY", "DECIPHER_ONLY", "ANY", "CUSTOM",
)  # fmt: skip
EXTENDED_KEY_USAGES = (
    "TLS_WEB_SERVER_AUTHENTICATION", "TLS_WEB_CLIENT_AUTHENTICATION", "CODE_SIGNING", "EMAIL_PROTECTION",
    "TIME_STAMPING", "OCSP_SIGNING", "IPSEC_END_SYSTEM", "IPSEC_TUNNEL", "IPSEC_USER", "ANY", "NONE", "CUSTOM",
)  # fmt: skip
RENEWAL_STATUSES = ("PENDING_AUTO_RENEWAL", "PENDING_VALIDATION", "SUCCESS", "FAILED")
TYPES = ("IMPORTED", "AMAZON_ISSUED", "PRIVATE")
SORTS = {
    "CREATED_AT": lambda c: c.created_at,
    "NOT_AFTER": lambda c: c.version.not_after if c.version else 0,
    "NOT_BEFORE": lambda c: c.version.not_before if c.version else 0,
    "STATUS": lambda c: c.status,
    "RENEWAL_STATUS": lambda c: (c.renewal or {}).get("status", ""),
    "EXPORTED": lambda c: c.exported,
    "IN_USE": lambda c: bool(c.in_use_by),
    "KEY_ALGORITHM": lambda c: c.key_algorithm or "",
    "TYPE": lambda c: c.type,
    "CERTIFICATE_ARN": lambda c: c.arn,
    "COMMON_NAME": lambda c: c.domain or "",
    "REVOKED_AT": lambda c: c.revoked_at or 0,
    "RENEWAL_ELIGIBILITY": lambda c: c.eligible,
    "ISSUED_AT": lambda c: c.issued_at or 0,
    "MANAGED_BY": lambda c: "",
    "EXPORT_OPTION": lambda c: c.export_option,
    "VALIDATION_METHOD": lambda c: c.validation_method or "",
    "IMPORTED_AT": lambda c: c.imported_at or 0,
}
ROOT_HIERARCHIES = ("N2_AMAZON_MANAGED", "N2_SFG2_AMAZON_MANAGED")
KEY_PAIR_ORIGINS = ("AWS_MANAGED", "ACME", "CUSTOMER_PROVIDED")
DEFAULT_ORIGINS = ("AWS_MANAGED", "CUSTOMER_PROVIDED")
# Without Includes.keyTypes AWS lists these only, and hides all the others without a word.
DEFAULT_KEY_TYPES = ("RSA_1024", "RSA_2048")
ORDERS = ("ASCENDING", "DESCENDING")
TOKEN = string(1, 10000, r"[\t\n\r -\u00ff]*")
OPTION = string(options=("ENABLED", "DISABLED"))
NAMES_SHOWN = 100

LIST = structure(
    {
        "CertificateStatuses": list_of(string(options=STATUSES)),
        "Includes": structure(
            {
                "keyTypes": list_of(string(options=pki.KEY_ALGORITHMS)),
                "keyUsage": list_of(string(options=KEY_USAGES)),
                "extendedKeyUsage": list_of(string(options=EXTENDED_KEY_USAGES)),
                "exportOption": OPTION,
                "managedBy": string(options=("CLOUDFRONT",)),
            }
        ),
        "CertificateKeyPairOrigins": list_of(string(options=KEY_PAIR_ORIGINS), 1, 3),
        "RootHierarchyTypes": list_of(string(options=ROOT_HIERARCHIES), 1, 5),
        "NextToken": TOKEN,
        "MaxItems": integer(1, 1000),
        "SortBy": string(options=("CREATED_AT",)),
        "SortOrder": string(options=ORDERS),
    }
)


def list_certificates(call, p):
    call.authorize("acm:ListCertificates", "*")
    if ("SortBy" in p) != ("SortOrder" in p):
        raise AwsError("ValidationException", "SortBy and SortOrder must be specified together.")
    found = [
        c
        for c in call.world.acm.listed(call.account, call.region)
        if _included(c, p.get("CertificateStatuses"), p.get("Includes", {})) and _asked_for(c, p, call.world.settings)
    ]
    if "SortBy" in p:
        found.sort(key=lambda c: c.created_at, reverse=p["SortOrder"] == "DESCENDING")
    query = {key: value for key, value in p.items() if key not in ("NextToken", "MaxItems")}
    shown, token = page(found, p.get("NextToken"), p.get("MaxItems", 1000), query, call.world.settings)
    result = {"CertificateSummaryList": [summary(certificate) for certificate in shown]}
    if token:
        result["NextToken"] = token
    return result


def _asked_for(certificate, p, settings):
    """By the filters that came later, which an endpoint of an older release does not know; nor does it list what they
    tell apart."""
    newer = [name for name in ("CertificateKeyPairOrigins", "RootHierarchyTypes") if name in p]
    if settings.newer_filters != "known":
        if newer and settings.newer_filters == "refused":
            raise AwsError("ValidationException", f"Unknown parameter in input: {', '.join(newer)}.")
        return certificate.root_hierarchy is None and certificate.key_pair_origin != "ACME"
    if certificate.key_pair_origin not in p.get("CertificateKeyPairOrigins", DEFAULT_ORIGINS):
        return False
    return certificate.root_hierarchy in p.get("RootHierarchyTypes", (None,))


def _included(certificate, statuses, includes):
    if statuses and certificate.status not in statuses:
        return False
    if certificate.key_algorithm not in (includes.get("keyTypes") or DEFAULT_KEY_TYPES):
        return False
    if includes.get("keyUsage") and not set(_key_usages(certificate)) & set(includes["keyUsage"]):
        return False
    if includes.get("extendedKeyUsage") and not set(_eku_names(certificate)) & set(includes["extendedKeyUsage"]):
        return False
    if "exportOption" in includes and certificate.export_option != includes["exportOption"]:
        return False
    return "managedBy" not in includes or certificate.managed_by == includes["managedBy"]


def _key_usages(certificate):
    return (certificate.version and certificate.version.key_usages) or []


def _eku_names(certificate):
    found = certificate.version and certificate.version.extended_key_usages
    return [name for name, _ in found] if found else ["NONE"] if certificate.version else []


def summary(c):
    result = {
        "CertificateArn": c.arn,
        "DomainName": c.domain,
        "SubjectAlternativeNameSummaries": c.names[:NAMES_SHOWN],
        "HasAdditionalSubjectAlternativeNames": len(c.names) > NAMES_SHOWN,
        "Status": c.status,
        "Type": c.type,
        "KeyAlgorithm": c.key_algorithm,
        "KeyUsages": _key_usages(c),
        "ExtendedKeyUsages": _eku_names(c),
        "ExportOption": c.export_option,
        "InUse": bool(c.in_use_by),
        "RenewalEligibility": "ELIGIBLE" if c.eligible else "INELIGIBLE",
        "CreatedAt": c.created_at,
    }
    if c.type == "PRIVATE":
        result["Exported"] = c.exported
    result.update(origin(c))
    result.update(dates(c))
    return result


def origin(c):
    """Where it and its key come from, shared likewise."""
    result = {"CertificateKeyPairOrigin": c.key_pair_origin}
    if c.managed_by:
        result["ManagedBy"] = c.managed_by
    if c.root_hierarchy:
        server = "serverAuth" in c.eku
        result.update(
            RootHierarchyType=c.root_hierarchy,
            CertificateUsage="CLIENT_AND_SERVER_AUTH" if server else "CLIENT_AUTH_ONLY",
        )
    return result


def dates(c):
    """The timestamps that exist for this type and state, shared by all three ways to read a certificate."""
    result = {}
    if c.version:
        result.update(NotBefore=c.version.not_before, NotAfter=c.version.not_after)
    if c.type == "AMAZON_ISSUED" and c.issued_at:
        result["IssuedAt"] = c.issued_at
    if c.type == "IMPORTED":
        result["ImportedAt"] = c.imported_at
    if c.revoked_at:
        result["RevokedAt"] = c.revoked_at
    return result


RANGE = structure({"Start": timestamp(), "End": timestamp()})
NAME_FILTER = structure(
    {"Value": string(1), "ComparisonOperator": string(options=("CONTAINS", "EQUALS"))}, ("Value", "ComparisonOperator")
)
FILTER = structure(
    {
        "CertificateArn": string(20, 2048, r"arn:[\w+=/,.@-]+:acm:[\w+=/,.@-]*:[0-9]+:[\w+=,.@-]+(/[\w+=,.@-]+)*"),
        "X509AttributeFilter": structure(
            {
                "Subject": structure({"CommonName": NAME_FILTER}),
                "SubjectAlternativeName": structure({"DnsName": NAME_FILTER}),
                "ExtendedKeyUsage": string(options=EXTENDED_KEY_USAGES),
                "KeyUsage": string(options=KEY_USAGES),
                "KeyAlgorithm": string(options=pki.KEY_ALGORITHMS),
                "SerialNumber": string(2, 59, r"[0-9a-f]{2}(:[0-9a-f]{2}){1,19}"),
                "NotAfter": RANGE,
                "NotBefore": RANGE,
            }
        ),
        "AcmCertificateMetadataFilter": structure(
            {
                "Status": string(options=STATUSES),
                "RenewalStatus": string(options=RENEWAL_STATUSES),
                "Type": string(options=TYPES),
                "InUse": boolean(),
                "Exported": boolean(),
                "ExportOption": OPTION,
                "ManagedBy": string(options=("CLOUDFRONT",)),
                "CertificateKeyPairOrigin": string(options=KEY_PAIR_ORIGINS),
                "RootHierarchyType": string(options=ROOT_HIERARCHIES),
                "ValidationMethod": string(options=("EMAIL", "DNS", "HTTP")),
            }
        ),
    }
)


def _statement(value, path, report):
    return STATEMENT(value, path, report)  # by name, since a statement may hold statements


STATEMENT = structure(
    {"And": list_of(_statement, 1, 15), "Or": list_of(_statement, 1, 15), "Not": _statement, "Filter": FILTER}
)
SEARCH = structure(
    {
        "FilterStatement": STATEMENT,
        "MaxResults": integer(1, 500),
        "NextToken": TOKEN,
        "SortBy": string(options=tuple(SORTS)),
        "SortOrder": string(options=ORDERS),
    }
)


def search_certificates(call, p):
    call.authorize("acm:SearchCertificates", "*")
    found = call.world.acm.listed(call.account, call.region)
    if "RootHierarchyType" not in repr(p.get("FilterStatement")):
        # AWS does not say; the stricter reading: as ListCertificates, it shows these only to who asks for them.
        found = [certificate for certificate in found if certificate.root_hierarchy is None]
    if "FilterStatement" in p:
        check_statement(p["FilterStatement"])
        found = [certificate for certificate in found if _matches(certificate, p["FilterStatement"])]
    found.sort(key=SORTS[p.get("SortBy", "CREATED_AT")], reverse=p.get("SortOrder") == "DESCENDING")
    query = {key: value for key, value in p.items() if key not in ("NextToken", "MaxResults")}
    shown, token = page(found, p.get("NextToken"), p.get("MaxResults", 100), query, call.world.settings)
    result = {"Results": [_result(certificate) for certificate in shown]}
    if token:
        result["NextToken"] = token
    return result


def check_statement(statement):
    """A statement and a filter are unions: exactly one member each."""
    if len(statement) != 1:
        raise AwsError("ValidationException", "FilterStatement must have exactly one of And, Or, Not, Filter.")
    ((kind, inner),) = statement.items()
    if kind == "Filter":
        _check_union(inner, "Filter")
        for name in ("X509AttributeFilter", "AcmCertificateMetadataFilter"):
            if name in inner:
                _check_union(inner[name], name)
    else:
        for part in [inner] if kind == "Not" else inner:
            check_statement(part)


def _check_union(value, name):
    if len(value) != 1:
        raise AwsError("ValidationException", f"{name} must have exactly one member set.")


def _matches(certificate, statement):
    ((kind, inner),) = statement.items()
    if kind == "And":
        return all(_matches(certificate, part) for part in inner)
    if kind == "Or":
        return any(_matches(certificate, part) for part in inner)
    if kind == "Not":
        return not _matches(certificate, inner)
    ((group, wanted),) = inner.items()
    if group == "CertificateArn":
        return certificate.arn == wanted
    ((name, value),) = wanted.items()
    tests = X509_TESTS if group == "X509AttributeFilter" else METADATA_TESTS
    return (group != "X509AttributeFilter" or certificate.version is not None) and tests[name](certificate, value)


def _within(moment, wanted):
    return wanted.get("Start", moment) <= moment <= wanted.get("End", moment)


def _named(names, wanted):
    value = wanted["Value"].lower()
    if wanted["ComparisonOperator"] == "EQUALS":
        return value in (name.lower() for name in names)
    return any(value in name.lower() for name in names)


X509_TESTS = {
    "Subject": lambda c, v: _named([c.version.common_name or ""], v["CommonName"]),
    "SubjectAlternativeName": lambda c, v: _named(c.names, v["DnsName"]),
    "ExtendedKeyUsage": lambda c, v: v in _eku_names(c),
    "KeyUsage": lambda c, v: v in _key_usages(c),
    "KeyAlgorithm": lambda c, v: c.key_algorithm == v,
    "SerialNumber": lambda c, v: c.version.serial == v,
    "NotAfter": lambda c, v: _within(c.version.not_after, v),
    "NotBefore": lambda c, v: _within(c.version.not_before, v),
}
METADATA_TESTS = {
    "Status": lambda c, v: c.status == v,
    "RenewalStatus": lambda c, v: (c.renewal or {}).get("status") == v,
    "Type": lambda c, v: c.type == v,
    "InUse": lambda c, v: bool(c.in_use_by) == v,
    "Exported": lambda c, v: c.exported == v,
    "ExportOption": lambda c, v: c.export_option == v,
    "ManagedBy": lambda c, v: c.managed_by == v,
    "CertificateKeyPairOrigin": lambda c, v: c.key_pair_origin == v,
    "RootHierarchyType": lambda c, v: c.root_hierarchy == v,
    "ValidationMethod": lambda c, v: c.validation_method == v,
}


def _result(c):
    metadata = {
        "CreatedAt": c.created_at,
        "Exported": c.exported,
        "InUse": bool(c.in_use_by),
        "RenewalEligibility": "ELIGIBLE" if c.eligible else "INELIGIBLE",
        "Status": c.status,
        "Type": c.type,
        "ExportOption": c.export_option,
    }
    metadata.update(origin(c))
    metadata.update({key: value for key, value in dates(c).items() if key not in ("NotBefore", "NotAfter")})
    if c.renewal:
        metadata["RenewalStatus"] = c.renewal["status"]
    if c.validation_method:
        metadata["ValidationMethod"] = c.validation_method
    result = {"CertificateArn": c.arn, "CertificateMetadata": {"AcmCertificateMetadata": metadata}}
    if c.version:
        result["X509Attributes"] = {
            "Issuer": _name(c.version.leaf.issuer),
            "Subject": _name(c.version.leaf.subject),
            "SubjectAlternativeNames": [{"DnsName": name} for name in c.names],
            "ExtendedKeyUsages": _eku_names(c),
            "KeyAlgorithm": c.key_algorithm,
            "KeyUsages": _key_usages(c),
            "SerialNumber": c.version.serial,
            "NotAfter": c.version.not_after,
            "NotBefore": c.version.not_before,
        }
    return result


def _name(subject):
    members = {"commonName": "CommonName", "countryName": "Country", "organizationName": "Organization"}
    return {members[part.oid._name]: part.value for part in subject if part.oid._name in members}
