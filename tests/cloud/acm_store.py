"""What ACM holds: certificates, each with the version that it is at, and what a lagging read sees of them."""

import copy
import re
import uuid

from . import pki
from .clock import monotonic
from .errors import AwsError

ARN = re.compile(r"arn:aws:acm:([\w-]+):(\d{12}):certificate/([\w-]+)", re.ASCII)
SNAPSHOTS = 8


class Version:
    """One issue of a certificate, with what the API says of it worked out once."""

    def __init__(self, leaf, chain, key):
        self.leaf = leaf
        self.chain = list(chain)
        self.key = key
        self.leaf_pem = pki.pem(leaf)
        self.chain_pem = pki.chain_pem(self.chain)
        self.algorithm = pki.key_algorithm(leaf.public_key())
        self.serial = pki.serial_hex(leaf)
        self.fingerprint = pki.fingerprint(leaf)
        self.not_before = pki.not_before(leaf)
        self.not_after = pki.not_after(leaf)
        self.key_usages = pki.key_usages(leaf)
        self.extended_key_usages = pki.extended_key_usages(leaf)
        self.common_name = pki.common_name(leaf.subject)
        self.names = pki.dns_names(leaf) or ([self.common_name] if self.common_name else [])


class Certificate:
    """Open to the modules named acm*; everyone else goes through the operations."""

    def __init__(self, account, region, type, now, **members):
        self.account = account
        self.region = region
        self.arn = f"arn:aws:acm:{region}:{account}:certificate/{uuid.uuid4()}"
        self.type = type
        self.created_at = now
        self.status = "ISSUED"
        self.version = None
        self.domain = None
        self.names = []
        self.requested_algorithm = None
        self.issued_at = self.imported_at = self.revoked_at = None
        self.revocation_reason = self.failure_reason = None
        self.ca_arn = None
        self.issuer = None
        self.eku = ("serverAuth", "clientAuth") if type == "PRIVATE" else ("serverAuth",)
        self.export_option = "DISABLED"
        self.managed_by = None
        self.key_pair_origin = "CUSTOMER_PROVIDED" if type == "IMPORTED" else "AWS_MANAGED"
        self.root_hierarchy = None  # of Amazon N2 certificates only
        self.exported = False  # ever
        self.exported_since = False  # since it was issued or last renewed: what managed renewal asks for
        self.in_use_by = []
        self.renewal = None  # {status, reason, updated}
        self.refusals = None  # exports to refuse right after a renewal: {calls, until}
        self.tags = {}
        self.validation_method = None
        self.deleted = False
        self.__dict__.update(members)
        self.snapshots = []

    @property
    def exportable(self):
        if self.managed_by or self.key_pair_origin != "AWS_MANAGED":
            return False
        return self.type == "PRIVATE" or self.export_option == "ENABLED"

    @property
    def managed(self):
        return self.type in ("PRIVATE", "AMAZON_ISSUED")

    @property
    def eligible(self):
        """Would managed renewal take it? Not unless it is in use, or was exported since its last issue."""
        return (
            self.managed
            and self.status == "ISSUED"
            and bool(self.in_use_by or (self.exportable and self.exported_since))
        )

    @property
    def key_algorithm(self):
        return self.version.algorithm if self.version else self.requested_algorithm

    def take(self, version):
        """Be at this version from now on."""
        self.version = version
        self.names = version.names
        self.domain = version.common_name or version.names[0]


class Store:
    def __init__(self, settings):
        self.settings = settings
        self.places = {}
        self.imports = {}  # {(account, region): times of imports}: the yearly quota

    def place(self, account, region):
        return self.places.setdefault((account, region), {})

    def add(self, certificate):
        self.place(certificate.account, certificate.region)[certificate.arn] = certificate
        self.changed(certificate)
        return certificate

    def all(self):
        return [certificate for place in self.places.values() for certificate in place.values()]

    def find(self, arn):
        """The certificate of an ARN as it really is, for writes; None when there is none."""
        match = ARN.fullmatch(arn)
        if not match:
            return None
        found = self.place(match.group(2), match.group(1)).get(arn)
        return None if found is None or found.deleted else found

    def changed(self, certificate):
        """To be called after each change: a read that lags sees what was before it."""
        shown = copy.copy(certificate)
        shown.snapshots = ()
        shown.tags = dict(certificate.tags)
        shown.in_use_by = list(certificate.in_use_by)
        certificate.snapshots = [*certificate.snapshots, (monotonic(), shown)][-SNAPSHOTS:]

    def seen(self, certificate):
        """What a read sees of it, or None while it sees nothing."""
        lag = self.settings.read_lag
        if not lag:
            shown = certificate
        else:
            limit = monotonic() - lag
            earlier = [shown for when, shown in certificate.snapshots if when <= limit]
            full = len(certificate.snapshots) == SNAPSHOTS
            shown = earlier[-1] if earlier else certificate.snapshots[0][1] if full else None
        return None if shown is None or shown.deleted else shown

    def listed(self, account, region):
        shown = map(self.seen, list(self.place(account, region).values()))
        return [certificate for certificate in shown if certificate]

    def get(self, call, arn, write=False):
        """The certificate that an operation names, among the caller's own."""
        match = ARN.fullmatch(arn)
        if not match:
            raise AwsError("InvalidArnException", f"The certificate ARN {arn} is not valid.")
        found = self.place(call.account, call.region).get(arn)
        shown = found if found is None or write else self.seen(found)
        if shown is None or shown.deleted:
            raise not_found(call, arn)
        return shown


def not_found(call, arn):
    return AwsError("ResourceNotFoundException", f"Could not find certificate {arn} in account {call.account}.")
