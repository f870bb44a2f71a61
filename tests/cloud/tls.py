"""The certificate that the cloud serves, and those of listeners that a careful client refuses."""

import ssl
import time

from . import pki

DAY = 86400
# libcurl takes no wildcard right below a top-level domain, so the regions that tests use are named as well.
REGIONS = ("eu-west-1", "eu-west-2", "eu-central-1", "us-east-1", "us-east-2", "us-west-2", "ap-southeast-2")
HOSTS = ["localhost", "127.0.0.1", "*.localhost", *(f"{region}.localhost" for region in REGIONS)]
FLAWS = ("untrusted", "expired", "wrong-name")


class Identity:
    """A certificate authority of this cloud's own, made at start and gone with it."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = self._authority("certferry tests: AWS on loopback")
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_text(pki.pem(self.authority.certificate))

    def _authority(self, name):
        key = pki.ec.generate_private_key(pki.ec.SECP256R1())
        now = time.time()
        subject = pki.name(name)
        return pki.Issuer(pki.issue(key.public_key(), subject, now - DAY, now + 365 * DAY, key=key, ca=True), key)

    def context(self, flaw=None):
        """An SSLContext to serve with; a flaw is one of FLAWS."""
        if flaw is not None and flaw not in FLAWS:
            raise ValueError(f"TLS flaw {flaw!r}; known are {', '.join(FLAWS)}")
        authority = self._authority("somebody else") if flaw == "untrusted" else self.authority
        end = time.time() + (-DAY / 2 if flaw == "expired" else 90 * DAY)
        hosts = ["aws.invalid"] if flaw == "wrong-name" else HOSTS
        key = pki.ec.generate_private_key(pki.ec.SECP256R1())
        leaf = pki.issue(key.public_key(), pki.name(hosts[0]), time.time() - DAY, end, authority, sans=hosts)
        file = self.directory / f"server{'-' + flaw if flaw else ''}.pem"
        file.write_text(pki.pem(leaf) + pki.key_pem(key))
        file.chmod(0o600)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context
