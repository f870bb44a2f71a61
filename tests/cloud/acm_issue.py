"""How ACM's own certificates come about and are renewed: always a new key, the same ARN."""

from . import events, pki
from .acm_store import Version
from .clock import monotonic

DAY = 86400
PRIVATE_DAYS, PUBLIC_DAYS = 395, 198
RENEWAL_DAYS = 60  # managed renewal begins this long before the end
AUTHORITY_DAYS, ROOT_DAYS = 5 * 365, 10 * 365
NEEDED_PERMISSIONS = {"IssueCertificate", "GetCertificate", "ListPermissions"}


class PublicAuthority:
    """The authority behind public certificates; a root and an intermediate for each family of keys."""

    def __init__(self, keys, clock):
        self.keys = keys
        self.clock = clock
        self.issuers = {}

    def issuer(self, algorithm):
        kind = pki.family(algorithm)
        if kind not in self.issuers:
            self.issuers[kind] = hierarchy(
                self.keys.make, "RSA_2048" if kind == "RSA" else "EC_prime256v1", self.clock.now() - 365 * DAY,
                pki.name(f"Amazon Root {kind}", "Amazon", "US"), pki.name(f"Amazon {kind} M01", "Amazon", "US"),
            )  # fmt: skip
        return self.issuers[kind]


def hierarchy(make_key, algorithm, begin, root_name, issuer_name):
    """An Issuer under a root of its own."""
    root_key, key = make_key(algorithm), make_key(algorithm)
    root = pki.issue(root_key.public_key(), root_name, begin, begin + ROOT_DAYS * DAY, key=root_key, ca=True)
    above = pki.Issuer(root, root_key)
    certificate = pki.issue(
        key.public_key(), issuer_name, begin, begin + AUTHORITY_DAYS * DAY, issuer=above, ca=True, path_length=0
    )
    return pki.Issuer(certificate, key, [root])


class Failure(Exception):
    """Why an issue or a renewal failed, in ACM's word for it."""


def issuer_of(world, certificate):
    if certificate.issuer:  # a test has put another one in place
        return certificate.issuer
    if certificate.type == "AMAZON_ISSUED":
        return world.public.issuer(certificate.requested_algorithm)
    authority = world.pca.find(certificate.ca_arn)
    if authority is None:
        raise Failure("PCA_RESOURCE_NOT_FOUND")
    if authority.status != "ACTIVE":
        raise Failure("PCA_INVALID_STATE")
    granted = authority.permissions.get(("acm.amazonaws.com", certificate.account), set())
    if not NEEDED_PERMISSIONS <= granted:
        raise Failure("PCA_ACCESS_DENIED")
    return authority.issuer()


def new_version(world, certificate, when, days=None):
    """Issue for the certificate's names as of this time; raises Failure."""
    issuer = issuer_of(world, certificate)
    private = certificate.type == "PRIVATE"
    days = days or (PRIVATE_DAYS if private else PUBLIC_DAYS)
    # A private authority dates an hour back, the public one to the start of the day: both always before now.
    begin = when - 3600 if private else when - when % DAY
    end = begin + days * DAY
    if end > pki.not_after(issuer.certificate):
        raise Failure("PCA_INVALID_DURATION" if private else "OTHER")
    key = world.keys.make(certificate.requested_algorithm)
    leaf = pki.issue(
        key.public_key(),
        pki.name(certificate.names[0]),
        begin,
        end,
        issuer,
        sans=certificate.names,
        eku=certificate.eku,
    )
    return Version(leaf, issuer.chain, key)


def issue(world, certificate, when=None, days=None):
    """First issue of a requested certificate."""
    when = world.clock.now() if when is None else when
    try:
        certificate.take(new_version(world, certificate, when, days))
    except Failure as failure:
        certificate.status = "FAILED"
        certificate.failure_reason = str(failure)
        return
    certificate.status = "ISSUED"
    certificate.issued_at = when


def renew(world, certificate, when=None, force=False, days=None):
    """Managed renewal; None when it was done, otherwise why not."""
    when = world.clock.now() if when is None else when
    if not certificate.managed:
        return "imported certificates are not renewed"
    if not force and not certificate.eligible:
        return "not eligible: neither in use nor exported since its last issue"
    try:
        version = new_version(world, certificate, when, days)
    except Failure as failure:
        certificate.renewal = {"status": "FAILED", "reason": str(failure), "updated": when}
        world.acm.changed(certificate)
        return str(failure)
    certificate.take(version)
    certificate.exported_since = False
    certificate.renewal = {"status": "SUCCESS", "reason": None, "updated": when}
    refuse_exports(certificate, world.settings.export_refusal_calls, world.settings.export_refusal_seconds)
    world.acm.changed(certificate)
    events.available(world, certificate, "RENEWAL")
    return None


def refuse_exports(certificate, calls=0, seconds=0):
    """For so many calls, and for so long, ACM is not ready to export what it has just renewed."""
    certificate.refusals = {"calls": calls, "until": monotonic() + seconds} if calls or seconds else None


def pass_time(world, end):
    """What managed renewal does until this time: each certificate is renewed when due, or runs out."""
    renewed = []
    for certificate in world.acm.all():
        while certificate.managed and certificate.status == "ISSUED":
            due = certificate.version.not_after - RENEWAL_DAYS * DAY
            if due > end or renew(world, certificate, max(due, world.clock.now())) is not None:
                break
            renewed.append(certificate.arn)
        if certificate.status == "ISSUED" and certificate.version.not_after <= end:
            certificate.status = "EXPIRED"
            world.acm.changed(certificate)
    return renewed
