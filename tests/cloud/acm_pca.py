"""AWS Private CA: authorities with real keys, roots and subordinates, and what they sign."""

import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from . import pki
from .acm_issue import DAY, hierarchy
from .errors import AwsError
from .paging import page
from .shapes import any_value, blob, integer, list_of, string, structure, tags

KEY_ALGORITHMS = ("RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")
SIGNING = ("SHA256WITHECDSA", "SHA384WITHECDSA", "SHA512WITHECDSA", "SHA256WITHRSA", "SHA384WITHRSA", "SHA512WITHRSA")
PERMISSIONS = ("IssueCertificate", "GetCertificate", "ListPermissions")
SUBJECT = {
    "CommonName": NameOID.COMMON_NAME,
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
}
SUBJECT.update({"OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME, "State": NameOID.STATE_OR_PROVINCE_NAME})
TEMPLATES = {
    "RootCACertificate/V1": (True, None),
    "SubordinateCACertificate_PathLen0/V1": (True, 0),
    "SubordinateCACertificate_PathLen1/V1": (True, 1),
    "SubordinateCACertificate_PathLen2/V1": (True, 2),
    "SubordinateCACertificate_PathLen3/V1": (True, 3),
    "EndEntityCertificate/V1": (False, None),
    "EndEntityServerAuthCertificate/V1": (False, None),
    "EndEntityClientAuthCertificate/V1": (False, None),
}
EKUS = {"EndEntityServerAuthCertificate/V1": ("serverAuth",), "EndEntityClientAuthCertificate/V1": ("clientAuth",)}
TEMPLATE_PREFIX = "arn:aws:acm-pca:::template/"
UNITS = {"DAYS": DAY, "MONTHS": 30 * DAY, "YEARS": 365 * DAY}
BACKDATED = 3600
IDEMPOTENT_SECONDS = 300


class Authority:
    def __init__(self, account, region, type, algorithm, subject, key, now):
        self.account = account
        self.region = region
        self.arn = f"arn:aws:acm-pca:{region}:{account}:certificate-authority/{uuid.uuid4()}"
        self.type = type
        self.algorithm = algorithm
        self.signing_algorithm = "SHA256WITHRSA" if pki.family(algorithm) == "RSA" else "SHA256WITHECDSA"
        self.subject = subject
        self.key = key
        self.created_at = self.changed_at = now
        self.status = "PENDING_CERTIFICATE"
        self.certificate = None
        self.above = []  # the chain above its own certificate, nearest first
        self.permissions = {}  # {(principal, source account): actions}
        self.issued = {}  # {ARN: (certificate, chain)}
        self.tokens = {}

    def issuer(self):
        return pki.Issuer(self.certificate, self.key, self.above)

    def activate(self, certificate, above):
        self.certificate, self.above, self.status = certificate, list(above), "ACTIVE"

    def permit_acm(self):
        self.permissions["acm.amazonaws.com", self.account] = set(PERMISSIONS)


class Store:
    def __init__(self):
        self.authorities = {}

    def add(self, authority):
        self.authorities[authority.arn] = authority
        return authority

    def find(self, arn):
        return self.authorities.get(arn)

    def make_hierarchy(self, world, account, region, algorithm, name):
        """A root and a subordinate that ACM may use, as a run of the operations below would leave them."""
        begin = world.clock.now() - 365 * DAY
        names = pki.name(f"{name} Root CA", name), pki.name(f"{name} Issuing CA", name)
        issuer = hierarchy(world.keys.make, algorithm, begin, *names)
        root = self.add(Authority(account, region, "ROOT", algorithm, names[0], None, begin))
        root.activate(issuer.above[0], [])
        root.status = "DISABLED"  # offline, as a root should be; its key is gone
        issuing = self.add(Authority(account, region, "SUBORDINATE", algorithm, names[1], issuer.key, begin))
        issuing.activate(issuer.certificate, issuer.above)
        issuing.permit_acm()
        return issuing


def _get(call, p, action):
    arn = p["CertificateAuthorityArn"]
    call.authorize(f"acm-pca:{action}", arn)
    found = call.world.pca.find(arn)
    if found is None or (found.account, found.region) != (call.account, call.region):
        raise AwsError("ResourceNotFoundException", f"Could not find certificate authority with ARN {arn}.")
    return found


def _active(authority):
    if authority.status != "ACTIVE":
        raise AwsError(
            "InvalidStateException",
            f"The certificate authority is in the {authority.status} state and must be in the ACTIVE state.",
        )
    return authority


def create(call, p):
    call.authorize("acm-pca:CreateCertificateAuthority", "*")
    config = p["CertificateAuthorityConfiguration"]
    parts = [x509.NameAttribute(SUBJECT[key], value) for key, value in config["Subject"].items()]
    key = call.world.keys.make(config["KeyAlgorithm"])
    kind = p["CertificateAuthorityType"]
    made = Authority(
        call.account, call.region, kind, config["KeyAlgorithm"], x509.Name(parts), key, call.world.clock.now()
    )
    made.signing_algorithm = config["SigningAlgorithm"]
    return {"CertificateAuthorityArn": call.world.pca.add(made).arn}


def get_csr(call, p):
    authority = _get(call, p, "GetCertificateAuthorityCsr")
    csr = x509.CertificateSigningRequestBuilder().subject_name(authority.subject).sign(authority.key, hashes.SHA256())
    return {"Csr": csr.public_bytes(serialization.Encoding.PEM).decode()}


def describe(call, p):
    return {"CertificateAuthority": _detail(_get(call, p, "DescribeCertificateAuthority"))}


def list_authorities(call, p):
    call.authorize("acm-pca:ListCertificateAuthorities", "*")
    own = [a for a in call.world.pca.authorities.values() if (a.account, a.region) == (call.account, call.region)]
    shown, token = page(
        own, p.get("NextToken"), p.get("MaxResults", 1000), "", call.world.settings, "InvalidNextTokenException"
    )
    return {"CertificateAuthorities": [_detail(a) for a in shown], **({"NextToken": token} if token else {})}


def _detail(authority):
    words = {oid: word for word, oid in SUBJECT.items()}
    detail = {
        "Arn": authority.arn,
        "OwnerAccount": authority.account,
        "CreatedAt": authority.created_at,
        "LastStateChangeAt": authority.changed_at,
        "Type": authority.type,
        "Status": authority.status,
        "CertificateAuthorityConfiguration": {
            "KeyAlgorithm": authority.algorithm,
            "SigningAlgorithm": authority.signing_algorithm,
            "Subject": {words[part.oid]: part.value for part in authority.subject},
        },
        "KeyStorageSecurityStandard": "FIPS_140_2_LEVEL_3_OR_HIGHER",
        "UsageMode": "GENERAL_PURPOSE",
    }
    if authority.certificate:
        detail["Serial"] = pki.serial_hex(authority.certificate)
        detail["NotBefore"] = pki.not_before(authority.certificate)
        detail["NotAfter"] = pki.not_after(authority.certificate)
    return detail


def get_authority_certificate(call, p):
    authority = _get(call, p, "GetCertificateAuthorityCertificate")
    if authority.certificate is None:
        raise AwsError("InvalidStateException", "The certificate authority has no certificate yet.")
    return _with_chain(authority.certificate, authority.above)


def _with_chain(certificate, chain):
    return {"Certificate": pki.pem(certificate), **({"CertificateChain": pki.chain_pem(chain)} if chain else {})}


def import_authority_certificate(call, p):
    authority = _get(call, p, "ImportCertificateAuthorityCertificate")
    try:
        certificate = x509.load_pem_x509_certificate(p["Certificate"])
        texts = p.get("CertificateChain", b"").split(b"-----END CERTIFICATE-----")[:-1]
        above = [x509.load_pem_x509_certificate(text + b"-----END CERTIFICATE-----") for text in texts]
    except ValueError:
        raise AwsError("MalformedCertificateException", "The certificate or its chain cannot be parsed.") from None
    if not pki.same_key(authority.key, certificate) or not pki.is_ca(certificate):
        raise AwsError("CertificateMismatchException", "The certificate does not belong to this certificate authority.")
    chain = [certificate, *above]
    if not all(pki.signed_by(below, parent) for below, parent in zip(chain, chain[1:] or chain)):
        raise AwsError("CertificateMismatchException", "The certificate chain does not verify.")
    authority.activate(certificate, above)
    authority.changed_at = call.world.clock.now()
    return None


def issue(call, p):
    authority = _get(call, p, "IssueCertificate")
    template = p.get("TemplateArn", TEMPLATE_PREFIX + "EndEntityCertificate/V1").removeprefix(TEMPLATE_PREFIX)
    if template not in TEMPLATES:
        raise AwsError("InvalidArgsException", f"The template {template} is not known.")
    if template != "RootCACertificate/V1":
        _active(authority)
    now = call.world.clock.now()
    token = p.get("IdempotencyToken")
    if token in authority.tokens and now - authority.tokens[token][1] < IDEMPOTENT_SECONDS:
        return {"CertificateArn": authority.tokens[token][0]}
    certificate = _sign(authority, p, template, now)
    above = authority.issuer().chain if template != "RootCACertificate/V1" else []
    arn = f"{authority.arn}/certificate/{certificate.serial_number:032x}"
    authority.issued[arn] = (certificate, above)
    if token:
        authority.tokens[token] = (arn, now)
    return {"CertificateArn": arn}


def _sign(authority, p, template, now):
    try:
        csr = x509.load_pem_x509_csr(p["Csr"])
    except ValueError:
        raise AwsError("MalformedCSRException", "The certificate signing request cannot be parsed.") from None
    if not csr.is_signature_valid:
        raise AwsError("MalformedCSRException", "The signature of the certificate signing request is not valid.")
    root = template == "RootCACertificate/V1"
    if root and pki.public_der(csr.public_key()) != pki.public_der(authority.key.public_key()):
        raise AwsError("MalformedCSRException", "The request was not made by this certificate authority.")
    end = _end(p["Validity"], now)
    if not root and end > pki.not_after(authority.certificate):
        raise AwsError(
            "ValidationException", "The certificate validity specified exceeds the certificate authority validity."
        )
    ca, path_length = TEMPLATES[template]
    names = pki.dns_names(csr)
    return pki.issue(
        csr.public_key(), csr.subject, now - BACKDATED, end, None if root else authority.issuer(), authority.key,
        sans=names, ca=ca, path_length=path_length, eku=EKUS.get(template, ("serverAuth", "clientAuth")),
    )  # fmt: skip


def _end(validity, now):
    kind, value = validity["Type"], validity["Value"]
    if kind in UNITS:
        return now + value * UNITS[kind]
    if kind == "ABSOLUTE":
        return value
    raise AwsError("InvalidArgsException", f"Validity of type {kind} is not supported.")


def get_certificate(call, p):
    authority = _get(call, p, "GetCertificate")
    if p["CertificateArn"] not in authority.issued:
        raise AwsError("ResourceNotFoundException", f"Could not find certificate with ARN {p['CertificateArn']}.")
    return _with_chain(*authority.issued[p["CertificateArn"]])


def create_permission(call, p):
    authority = _get(call, p, "CreatePermission")
    if p["Principal"] != "acm.amazonaws.com":
        raise AwsError("InvalidArgsException", "The only valid principal is acm.amazonaws.com.")
    key = p["Principal"], p.get("SourceAccount", call.account)
    if key in authority.permissions:
        raise AwsError("PermissionAlreadyExistsException", "The permission already exists.")
    authority.permissions[key] = set(p["Actions"])
    return None


def delete_permission(call, p):
    authority = _get(call, p, "DeletePermission")
    authority.permissions.pop((p["Principal"], p.get("SourceAccount", call.account)), None)
    return None


def list_permissions(call, p):
    authority = _get(call, p, "ListPermissions")
    return {
        "Permissions": [
            {
                "CertificateAuthorityArn": authority.arn,
                "CreatedAt": authority.created_at,
                "Principal": principal,
                "SourceAccount": account,
                "Actions": sorted(actions),
            }
            for (principal, account), actions in authority.permissions.items()
        ]
    }


ARN = string(5, 200, r"arn:[\w+=/,.@-]+:acm-pca:[\w+=/,.@-]*:[0-9]*:[\w+=,.@-]+(/[\w+=,.@-]+)*")
VALIDITY = structure(
    {"Value": integer(1), "Type": string(options=("END_DATE", "ABSOLUTE", "DAYS", "MONTHS", "YEARS"))},
    ("Value", "Type"),
)


def _one(required=(), **members):
    return structure({"CertificateAuthorityArn": ARN, **members}, ("CertificateAuthorityArn", *required))


OPERATIONS = {
    "CreateCertificateAuthority": (
        structure(
            {
                "CertificateAuthorityConfiguration": structure(
                    {
                        "KeyAlgorithm": string(options=KEY_ALGORITHMS),
                        "SigningAlgorithm": string(options=SIGNING),
                        "Subject": structure({word: string(1, 64) for word in SUBJECT}),
                    },
                    ("KeyAlgorithm", "SigningAlgorithm", "Subject"),
                ),
                "CertificateAuthorityType": string(options=("ROOT", "SUBORDINATE")),
                "RevocationConfiguration": any_value(),
                "IdempotencyToken": string(1, 36),
                "UsageMode": string(options=("GENERAL_PURPOSE", "SHORT_LIVED_CERTIFICATE")),
                "KeyStorageSecurityStandard": string(),
                "Tags": tags(1),
            },
            ("CertificateAuthorityConfiguration", "CertificateAuthorityType"),
        ),
        create,
    ),
    "GetCertificateAuthorityCsr": (_one(), get_csr),
    "DescribeCertificateAuthority": (_one(), describe),
    "ListCertificateAuthorities": (
        structure({"NextToken": string(1, 43739), "MaxResults": integer(1, 1000), "ResourceOwner": string()}),
        list_authorities,
    ),
    "GetCertificateAuthorityCertificate": (_one(), get_authority_certificate),
    "ImportCertificateAuthorityCertificate": (
        _one(("Certificate",), Certificate=blob(1, 32768), CertificateChain=blob(0, 2097152)),
        import_authority_certificate,
    ),
    "IssueCertificate": (
        _one(
            ("Csr", "SigningAlgorithm", "Validity"),
            Csr=blob(1, 32768),
            SigningAlgorithm=string(options=SIGNING),
            TemplateArn=string(5, 200),
            Validity=VALIDITY,
            IdempotencyToken=string(1, 36),
        ),
        issue,
    ),
    "GetCertificate": (_one(("CertificateArn",), CertificateArn=ARN), get_certificate),
    "CreatePermission": (
        _one(
            ("Principal", "Actions"),
            Principal=string(0, 128),
            SourceAccount=string(12, 12),
            Actions=list_of(string(options=PERMISSIONS), 1, 3),
        ),
        create_permission,
    ),
    "DeletePermission": (
        _one(("Principal",), Principal=string(0, 128), SourceAccount=string(12, 12)),
        delete_permission,
    ),
    "ListPermissions": (_one(MaxResults=integer(1, 1000), NextToken=string(1, 43739)), list_permissions),
}
