"""What ACM demands of an import, and of an import over an existing one."""

import re

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from . import pki
from .clock import from_epoch
from .errors import AwsError

BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n((?:[A-Za-z0-9+/=]+\n)+)-----END \1-----")
KEY_LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")


def invalid(message):
    return AwsError("ValidationException", message)


def parse(certificate, private_key, chain, now):
    """(leaf, key, chain) of an import that is sound in itself; AwsError otherwise."""
    leaf = _leaf(certificate)
    key = _key(private_key)
    parents = _chain(chain) if chain is not None else []
    algorithm = pki.key_algorithm(leaf.public_key())
    if algorithm is None:
        raise invalid("The private key length isn't supported for key algorithm.")
    if not pki.same_key(key, leaf):
        raise invalid("The private key does not match the public key in the certificate.")
    _check_leaf(leaf, now)
    _check_chain(leaf, parents, now)
    return leaf, key, parents


def _blocks(data, what):
    """The PEM blocks of a field. ACM forgives nothing between them: no space at a line's end, no other text."""
    try:
        text = data.decode("ascii").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise invalid(f"The {what} that you provided is not valid PEM.") from None
    blocks = list(BLOCK.finditer(text))
    if not blocks or BLOCK.sub("", text).strip("\n"):
        raise invalid(f"The {what} that you provided is not valid PEM.")
    return [(match.group(1), match.group(0)) for match in blocks]


def _certificates(data, what):
    found = []
    for label, text in _blocks(data, what):
        if label != "CERTIFICATE":
            raise invalid(f"The {what} that you provided is not valid PEM: it holds a {label}.")
        try:
            found.append(x509.load_pem_x509_certificate(text.encode()))
        except ValueError:
            raise invalid(f"The {what} that you provided cannot be parsed.") from None
    return found


def _leaf(data):
    found = _certificates(data, "certificate")
    if len(found) > 1:
        raise invalid(
            "The certificate field contains more than one certificate. You can specify only one certificate in this"
            " field."
        )
    return found[0]


def _chain(data):
    return _certificates(data, "certificate chain")


def _key(data):
    blocks = _blocks(data, "private key")
    if b"ENCRYPTED" in data:
        raise invalid("The private key is encrypted. You must provide an unencrypted private key.")
    if len(blocks) != 1 or blocks[0][0] not in KEY_LABELS:
        raise invalid("The private key is not supported.")
    try:
        return serialization.load_pem_private_key(blocks[0][1].encode(), None)
    except (ValueError, TypeError):
        raise invalid("The private key is not supported.") from None


def _check_leaf(leaf, now):
    if leaf.version != x509.Version.v3:
        raise invalid("The certificate must be an X.509 version 3 certificate.")
    if not list(leaf.issuer):
        raise invalid("The certificate Issuer field is empty.")
    if not pki.common_name(leaf.subject) and not pki.dns_names(leaf):
        raise invalid("The certificate must have a common name or a subject alternative name.")
    moment = from_epoch(now)
    if moment < leaf.not_valid_before:
        raise invalid("The certificate is not in its validity period: it is not yet valid.")
    if moment >= leaf.not_valid_after:
        raise invalid("The certificate is not in its validity period: it has expired.")


def _check_chain(leaf, parents, now):
    if not parents:
        if not pki.signed_by(leaf, leaf):
            raise invalid(
                "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate"
                " or certificate chain."
            )
        return
    if any(parent == leaf for parent in parents):
        raise invalid("The certificate chain must not contain the certificate itself.")
    below = leaf
    for index, parent in enumerate(parents):
        if not pki.signed_by(below, parent) or not pki.is_ca(parent):
            raise invalid(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing "
                "certificate, followed by any intermediaries in order. The index within the chain of the invalid "
                f"certificate is: {index}"
            )
        if not parent.not_valid_before <= from_epoch(now) < parent.not_valid_after:
            raise invalid(
                f"Could not validate the certificate with the certificate chain: certificate {index} is not in its"
                " validity period."
            )
        below = parent
    of_leaf, of_issuer = (pki.key_algorithm(c.public_key()) for c in (leaf, parents[0]))
    if of_issuer and pki.family(of_leaf) != pki.family(of_issuer):
        raise invalid("The algorithm of the certificate must match the algorithm of the signing CA.")


def check_again(old, new):
    """May this version take the place of that one? ACM keeps key type, usages and at least one name."""
    refused = "The certificate cannot be imported over the existing one: "
    if new.algorithm != old.algorithm:
        raise invalid(f"{refused}the key type and size must not change (from {old.algorithm} to {new.algorithm}).")
    if not {name.lower() for name in old.names} & {name.lower() for name in new.names}:
        raise invalid(f"{refused}at least one domain name must stay.")
    lost = _lost(old.key_usages, new.key_usages, refused + "Key Usage")
    if pki.family(new.algorithm) == "EC":
        lost.discard("KEY_ENCIPHERMENT")
    if lost:
        raise invalid(f"{refused}Key Usage values were removed: {', '.join(sorted(lost))}.")
    lost = _lost(old.extended_key_usages, new.extended_key_usages, refused + "Extended Key Usage")
    lost = {(name, oid) for name, oid in lost if name != "TLS_WEB_CLIENT_AUTHENTICATION"}
    if lost:
        raise invalid(
            f"{refused}Extended Key Usage values were removed: {', '.join(sorted(name for name, _ in lost))}."
        )


def _lost(old, new, what):
    if old is None and new is not None:
        raise invalid(f"{what} was added, which the existing certificate does not have.")
    return set(old or ()) - set(new or ())


def spend_quota(world, account, region, again):
    """Certificates held at once, and imports within 365 days; this import is counted when there is room for it."""
    store, settings = world.acm, world.settings
    times = store.imports.setdefault((account, region), [])
    year_ago = world.clock.now() - 365 * 86400
    times[:] = [when for when in times if when > year_ago]
    held = sum(1 for c in store.place(account, region).values() if c.type == "IMPORTED" and not c.deleted)
    if not again and held >= settings.import_limit:
        raise AwsError(
            "LimitExceededException", f"Error: you have reached your limit of {settings.import_limit} certificates."
        )
    if again and not settings.reimports_count:
        return
    if len(times) >= settings.yearly_import_limit:
        limit = settings.yearly_import_limit
        raise AwsError(
            "LimitExceededException", f"Error: you have reached your limit of {limit} certificates in the last year."
        )
    times.append(world.clock.now())
