#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make the test material of pem/ that the cases of this folder name.

Test keys only: those on curves are derived from their names, so anybody has them.  Run it to add material;
RSA keys that exist are kept.  The dates are fixed, and each case says what time it is, so nothing expires.
"""
import datetime
import hashlib
import ipaddress
import pathlib
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

PEM = pathlib.Path(__file__).parent / "pem"
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "secp256k1": ec.SECP256K1()}
made = {}


def key(name, kind="P-256"):
    """The key NAME: kind is a curve, "ed25519" or a number of RSA bits."""
    if ("key", name) in made:
        return made["key", name]
    path = PEM / f"{name}.key"
    if kind in CURVES:
        secret = int.from_bytes(hashlib.sha256(f"test key {name}".encode()).digest(), "big") >> 1
        private = ec.derive_private_key(secret, CURVES[kind])
    elif kind == "ed25519":
        private = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    elif path.exists():
        private = serialization.load_pem_private_key(path.read_bytes(), None)
    else:
        private = rsa.generate_private_key(65537, kind)
    style = serialization.PrivateFormat.PKCS8 if kind == "ed25519" else \
        serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, style, serialization.NoEncryption()))
    made["key", name] = private
    return private


def day(text):
    return datetime.datetime.fromisoformat(text)


def name(common_name, organization="Certferry Test"):
    parts = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name)]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text])


def usage(*wanted):
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{each: each in wanted for each in names})


def sign(builder, issuer_key, digest):
    return builder.sign(issuer_key, None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else digest)


def write(file, certificate):
    made[file] = certificate
    (PEM / f"{file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def certificate(file, of, by, subject, issuer, begin, end, extensions, digest=hashes.SHA256()):
    """FILE.crt for the key OF, signed with the key BY; ISSUER is a name."""
    serial = int.from_bytes(hashlib.sha256(file.encode()).digest()[:8], "big") >> 1
    builder = x509.CertificateBuilder(issuer_name=issuer, subject_name=subject, public_key=key(of).public_key(),
                                      serial_number=serial, not_valid_before=day(begin), not_valid_after=day(end))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    write(file, sign(builder, key(by), digest))


def identifiers(of, by):
    return [(x509.SubjectKeyIdentifier.from_public_key(key(of).public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(key(by).public_key()), False)]


def ca(file, of, by, subject, issuer, begin="2022-01-01", end="2040-01-01", is_ca=True, length=None,
       bits=("key_cert_sign", "crl_sign"), more=(), digest=hashes.SHA256()):
    basics = [(x509.BasicConstraints(is_ca, length), True), (usage(*bits), True)]
    certificate(file, of, by, name(subject), name(issuer), begin, end, basics + identifiers(of, by) + list(more),
                digest)


NAMES = ("a.example.com", "b.example.com", "*.apps.example.com")
KINDS = ("10.0.0.1", "2001:db8::1", "spiffe://example.com/pay", "ops@example.com")
BITS = ("digital_signature", "key_encipherment")


def general_name(text):
    """NAME as a certificate bears it: its kind shows in its text."""
    if ":" in text and "//" in text:
        return x509.UniformResourceIdentifier(text)
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def leaf(file, of="leaf", by="intermediate", issuer="Test Intermediate", begin="2027-01-01", end="2028-01-31",
         names=NAMES, bits=BITS, extended=(EKU.SERVER_AUTH, EKU.CLIENT_AUTH), more=(), subject=None,
         issuer_name=None, digest=hashes.SHA256()):
    extensions = identifiers(of, by) + list(more)
    if names:
        extensions.append((x509.SubjectAlternativeName([general_name(each) for each in names]), False))
    if bits:
        extensions.append((usage(*bits), True))
    if extended:
        extensions.append((x509.ExtendedKeyUsage(extended), False))
    subject = name(names[0]) if subject is None else subject
    issuer_name = name(issuer) if issuer_name is None else issuer_name
    certificate(file, of, by, subject, issuer_name, begin, end, extensions, digest)


def der(tag, content):
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def elements(content):
    """The top-level elements of CONTENT, whole."""
    while content:
        size, start = content[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(content[2:start], "big")
        yield content[:start + size]
        content = content[start + size:]


def inner(element):
    start = 2 + (element[1] & 0x7F if element[1] & 0x80 else 0)
    return element[start:]


def version_1(file, of, by):
    """The certificate OF again as X.509 v1: no version, no extensions."""
    old = made[of]
    parts = [each for each in elements(inner(old.tbs_certificate_bytes)) if each[0] not in (0xA0, 0xA3)]
    tbs = der(0x30, b"".join(parts))
    signature = key(by).sign(tbs, ec.ECDSA(hashes.SHA256()))
    algorithm = list(elements(inner(old.public_bytes(serialization.Encoding.DER))))[1]
    whole = der(0x30, tbs + algorithm + der(0x03, b"\0" + signature))
    write(file, x509.load_der_x509_certificate(whole))


def damaged(file, of):
    """The certificate OF with one bit of its signature turned."""
    whole = bytearray(made[of].public_bytes(serialization.Encoding.DER))
    whole[-1] ^= 1
    write(file, x509.load_der_x509_certificate(bytes(whole)))


def sealed_by(file, of, *scheme):
    """The key OF under the passphrase "test"."""
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", PEM / f"{of}.key", "-out", PEM / f"{file}.p8",
                    *scheme, "-passout", "pass:test"], check=True)


def sealed(file, of, prf="hmacWithSHA1", rounds=2048):
    """The key OF as ACM exports it."""
    sealed_by(file, of, "-v2", "aes-256-cbc", "-v2prf", prf, "-iter", str(rounds))


def unknown(oid, value=b"\x05\x00"):
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def constraints(permitted=None, excluded=None):
    dns = [None if each is None else [x509.DNSName(each)] for each in (permitted, excluded)]
    return [(x509.NameConstraints(*dns), True)]


def make_keys():
    for kind, names in {"P-384": ["leaf-384"], "secp256k1": ["leaf-k256"], "ed25519": ["leaf-ed25519"],
                        1024: ["leaf-rsa1024"], 2048: ["leaf-rsa", "rsa-root", "other-rsa"], 2560: ["leaf-rsa2560"],
                        3072: ["leaf-rsa3072"], 8192: ["leaf-rsa8192"]}.items():
        for each in names:
            key(each, kind)
    for each in ["root", "intermediate", "leaf", "other", "next"]:
        key(each)
    sealed("leaf", "leaf")
    sealed("leaf-rsa", "leaf-rsa", "hmacWithSHA256")
    sealed("leaf-ed25519", "leaf-ed25519")
    sealed("leaf-rounds-most", "leaf", rounds=100000)
    sealed("leaf-rounds-over", "leaf", rounds=100001)
    sealed_by("leaf-scrypt", "leaf", "-scrypt")
    sealed_by("leaf-pbes1", "leaf", "-v1", "PBE-SHA1-3DES", "-iter", "2048")


def make_cas():
    root, middle = "Test Root", "Test Intermediate"
    ca("root", "root", "root", root, root, "2020-01-01", "2049-01-01")
    ca("root-expired", "root", "root", root, root, "2016-01-01", "2026-06-01")
    ca("root-pathlen0", "root", "root", root, root, length=0)
    ca("root-sha1", "root", "root", root, root, digest=hashes.SHA1())
    ca("intermediate", "intermediate", "root", middle, root, length=0)
    ca("intermediate-expired", "intermediate", "root", middle, root, end="2026-06-01")
    ca("intermediate-early", "intermediate", "root", middle, root, begin="2027-09-01")
    ca("intermediate-reissued", "intermediate", "root", middle, root, begin="2026-01-01", end="2045-01-01")
    ca("intermediate-not-ca", "intermediate", "root", middle, root, is_ca=False)
    ca("intermediate-no-certsign", "intermediate", "root", middle, root, bits=("crl_sign",))
    ca("intermediate-sha1", "intermediate", "root", middle, root, digest=hashes.SHA1())
    ca("intermediate-permitted", "intermediate", "root", middle, root, more=constraints("example.org"))
    ca("intermediate-excluded", "intermediate", "root", middle, root, more=constraints(None, "example.com"))
    ca("intermediate-critical", "intermediate", "root", middle, root, more=[(unknown("1.2.3.4.5"), True)])
    ca("upper", "upper", "root", "Test Upper", root)
    ca("lower", "lower", "upper", "Test Lower", "Test Upper")
    ca("intermediate2", "intermediate2", "root", "Test Intermediate 2", root)
    ca("intermediate-rekeyed", "rekeyed", "root", middle, root)
    ca("root2", "root2", "root2", "Test Root 2", "Test Root 2")
    ca("intermediate-by-root2", "intermediate", "root2", middle, "Test Root 2")
    ca("namesake-root", "namesake-root", "namesake-root", root, root)
    ca("namesake-intermediate", "intermediate", "namesake-root", middle, root)
    ca("rsa-root", "rsa-root", "rsa-root", "Test RSA Root", "Test RSA Root")
    ca("rsa1024-ca", "leaf-rsa1024", "rsa-root", "Test RSA-1024 CA", "Test RSA Root")
    ca("ed25519-ca", "leaf-ed25519", "root", "Test Ed25519 CA", root)
    # As public certificates come: the end of the chain is signed by an older root that is not in it.
    ca("public-old-root", "public-old", "public-old", "Test Public Old Root", "Test Public Old Root")
    ca("public-root", "public-root", "public-root", "Test Public Root", "Test Public Root")
    ca("public-root-expired", "public-root", "public-root", "Test Public Root", "Test Public Root", "2016-01-01",
       "2026-06-01")
    ca("public-cross-expired", "public-root", "public-old", "Test Public Root", "Test Public Old Root", end="2026-06-01")
    ca("public-cross", "public-root", "public-old", "Test Public Root", "Test Public Old Root", end="2034-01-01")
    ca("public-m02", "public-m02", "public-root", "Test Public M02", "Test Public Root", end="2038-01-01")
    ca("public-m03", "public-m03", "public-root", "Test Public M03", "Test Public Root", end="2038-01-01")


def make_leaves():
    leaf("leaf")
    leaf("leaf-expired", begin="2026-01-01", end="2027-01-31")
    leaf("leaf-early", begin="2027-09-01", end="2028-09-01")
    leaf("leaf-long", end="2045-01-01")
    leaf("leaf-ca", more=[(x509.BasicConstraints(True, None), True)])
    leaf("leaf-sha1", digest=hashes.SHA1())
    leaf("leaf-md5", of="leaf-rsa", by="rsa-root", issuer="Test RSA Root", digest=hashes.MD5())
    leaf("leaf-384", of="leaf-384")
    leaf("leaf-k256", of="leaf-k256")
    leaf("leaf-ed25519", of="leaf-ed25519")
    leaf("leaf-by-ed25519", by="leaf-ed25519", issuer="Test Ed25519 CA")
    for each in ["", "1024", "2560", "3072", "8192"]:
        leaf(f"leaf-rsa{each}", of=f"leaf-rsa{each}", by="rsa-root", issuer="Test RSA Root")
    leaf("leaf-by-rsa1024", by="leaf-rsa1024", issuer="Test RSA-1024 CA")
    leaf("leaf-ec-by-rsa", by="rsa-root", issuer="Test RSA Root")
    leaf("leaf-nameless", names=(), subject=x509.Name([]))
    leaf("leaf-no-dns", names=(), subject=name("", "Test Devices"))
    leaf("leaf-no-issuer", issuer_name=x509.Name([]))
    leaf("leaf-server", extended=[EKU.SERVER_AUTH])
    leaf("leaf-client", extended=[EKU.CLIENT_AUTH])
    leaf("leaf-any-usage", extended=[EKU.ANY_EXTENDED_KEY_USAGE])
    leaf("leaf-no-extended", extended=())
    leaf("leaf-no-usage", bits=())
    leaf("leaf-signs-only", bits=("digital_signature",))
    leaf("leaf-rsa-signs", of="leaf-rsa", by="rsa-root", issuer="Test RSA Root", bits=("digital_signature",))
    leaf("leaf-few-names", names=NAMES[:2])
    leaf("leaf-all-kinds", names=NAMES + KINDS)
    leaf("leaf-address", names=("10.0.0.1",), subject=name("10.0.0.1"))
    leaf("leaf-critical", more=[(unknown("1.2.3.4.5"), True)])
    leaf("leaf-proxy", names=(), subject=name("a.example.com"), more=[(unknown("1.3.6.1.5.5.7.1.14", bytes.fromhex("300c300a06082b06010505071501")), True)])
    leaf("leaf-malformed", more=[(unknown("2.5.29.31", b"\x30\x03\x01"), False)])
    leaf("leaf-big", more=[(unknown("1.2.3.4.6", b"\x04\x82\x61\xa8" + bytes(25000)), False)])
    url = x509.UniformResourceIdentifier("http://ocsp.example.com/" + "x" * 1000)
    leaf("leaf-ocsp", more=[(x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)]), False)])
    leaf("leaf-by-root", by="root", issuer="Test Root")
    leaf("leaf-by-lower", by="lower", issuer="Test Lower")
    leaf("leaf-by-intermediate2", by="intermediate2", issuer="Test Intermediate 2")
    leaf("leaf-rekeyed", by="rekeyed")
    leaf("leaf-public", by="public-m02", issuer="Test Public M02", extended=[EKU.SERVER_AUTH])
    leaf("leaf-self-signed", by="leaf", issuer="a.example.com")
    version_1("leaf-v1", "leaf", "intermediate")
    damaged("leaf-damaged", "leaf")
    whole = (PEM / "leaf.crt").read_text()
    (PEM / "leaf-cut.crt").write_text(whole[:-40])
    (PEM / "leaf-twice.crt").write_text(whole + whole)
    (PEM / "leaf-spaces.crt").write_text(whole.replace("\n", " \n"))
    (PEM / "garbage.crt").write_text(whole.replace("\nM", "\n%", 1))
    (PEM / "garbage.key").write_text("this is no key\n")
    text = (PEM / "leaf.p8").read_text()
    (PEM / "leaf-cut.p8").write_text(text[:len(text) // 2])
    (PEM / "nothing.crt").write_text("\n")


def old(file, **options):
    leaf(file, of="other", **{"begin": "2026-07-01", "end": "2027-07-31", **options})


def make_in_place():
    """What destinations hold before: another key, older dates."""
    old("old")
    old("old-more-names", names=NAMES + ("lost.example.com", "gone.example.com"))
    old("old-all-kinds", names=NAMES + KINDS)
    old("old-address", names=NAMES + ("10.0.0.1",))
    old("old-uri", names=NAMES + ("spiffe://example.com/pay",))
    old("old-email-name", names=NAMES + ("ops@example.com",))
    old("old-wildcard", names=("a.example.com", "x.apps.example.com"))
    old("old-strangers", names=("stranger.example.net", "other.example.net"))
    old("old-agrees", bits=BITS + ("key_agreement",))
    old("old-no-usage", bits=())
    old("old-no-extended", extended=())
    old("old-email", extended=[EKU.SERVER_AUTH, EKU.CLIENT_AUTH, EKU.EMAIL_PROTECTION])
    old("old-client", extended=[EKU.CLIENT_AUTH])
    old("old-by-intermediate2", by="intermediate2", issuer="Test Intermediate 2")
    old("old-public", by="public-m03", issuer="Test Public M03", extended=[EKU.SERVER_AUTH])
    old("old-all", by="intermediate2", issuer="Test Intermediate 2", names=NAMES + ("lost.example.com",))
    leaf("old-rsa", of="other-rsa", by="rsa-root", issuer="Test RSA Root", begin="2026-07-01", end="2027-07-31")


if __name__ == "__main__":
    PEM.mkdir(exist_ok=True)
    make_keys()
    make_cas()
    make_leaves()
    make_in_place()
