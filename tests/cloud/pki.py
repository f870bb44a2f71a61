"""Keys and certificates: made, described in ACM's words, and written as ACM writes them."""

import base64
import collections
import hashlib
import ipaddress
import secrets
import threading

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID

from .clock import from_epoch, to_epoch

CURVES = {"EC_prime256v1": ec.SECP256R1, "EC_secp384r1": ec.SECP384R1, "EC_secp521r1": ec.SECP521R1}
RSA_SIZES = {"RSA_1024": 1024, "RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
KEY_ALGORITHMS = (*RSA_SIZES, *CURVES)
KEY_USAGES = (
    ("digital_signature", "DIGITAL_SIGNATURE"), ("content_commitment", "NON_REPUDIATION"),
    ("key_encipherment", "KEY_ENCIPHERMENT"), ("data_encipherment", "DATA_ENCIPHERMENT"),
    ("key_agreement", "KEY_AGREEMENT"), ("key_cert_sign", "CERTIFICATE_SIGNING"), ("crl_sign", "CRL_SIGNING"),
)  # fmt: skip
EXTENDED_KEY_USAGES = {
    Eku.SERVER_AUTH: "TLS_WEB_SERVER_AUTHENTICATION", Eku.CLIENT_AUTH: "TLS_WEB_CLIENT_AUTHENTICATION",
    Eku.CODE_SIGNING: "CODE_SIGNING", Eku.EMAIL_PROTECTION: "EMAIL_PROTECTION", Eku.TIME_STAMPING: "TIME_STAMPING",
    Eku.OCSP_SIGNING: "OCSP_SIGNING", Eku.ANY_EXTENDED_KEY_USAGE: "ANY",
}  # fmt: skip
EKU_WORDS = {"serverAuth": Eku.SERVER_AUTH, "clientAuth": Eku.CLIENT_AUTH, "codeSigning": Eku.CODE_SIGNING}
KU_WORDS = {
    "digitalSignature": "digital_signature", "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment", "dataEncipherment": "data_encipherment", "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign", "cRLSign": "crl_sign",
}  # fmt: skip
RSA_AHEAD = 6  # making an RSA key takes a tenth of a second: some are made before they are asked for


class KeyMaker:
    """New private keys; RSA-2048 ones from a small store that a thread refills."""

    def __init__(self):
        self.store = collections.deque()
        self.wanted = threading.Semaphore(RSA_AHEAD)
        threading.Thread(target=self._refill, name="rsa keys", daemon=True).start()

    def _refill(self):
        while True:
            self.wanted.acquire()
            self.store.append(rsa.generate_private_key(65537, 2048))

    def make(self, algorithm):
        if algorithm in CURVES:
            return ec.generate_private_key(CURVES[algorithm]())
        if algorithm == "RSA_2048" and self.store:
            key = self.store.popleft()
            self.wanted.release()
            return key
        return rsa.generate_private_key(65537, RSA_SIZES[algorithm])


def key_algorithm(public_key):
    """ACM's name of a public key's algorithm; None for one that ACM does not know."""
    if isinstance(public_key, rsa.RSAPublicKey):
        name = f"RSA_{public_key.key_size}"
        return name if name in RSA_SIZES else None
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        for name, curve in CURVES.items():
            if public_key.curve.name == curve.name:
                return name
    return None


def family(algorithm):
    return algorithm.partition("_")[0]


def name(common_name, organization=None, country=None):
    parts = [
        (NameOID.COUNTRY_NAME, country),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.COMMON_NAME, common_name),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


def serial_number():
    """16 bytes whose first is neither zero nor negative, so that all notations of it have the same length."""
    return (secrets.randbits(120)) | (secrets.randbelow(0x6F) + 0x10) << 120


class Issuer:
    """A certificate that may sign, its key, and the chain above it (nearest first)."""

    def __init__(self, certificate, key, above=()):
        self.certificate = certificate
        self.key = key
        self.above = list(above)

    @property
    def chain(self):
        return [self.certificate, *self.above]


def issue(
    public_key, subject, not_before, not_after, issuer=None, key=None, sans=(), eku=("serverAuth",),
    ku=("digitalSignature", "keyEncipherment"), ca=False, path_length=None, crl_url=None,
):  # fmt: skip
    """Sign a certificate: by an Issuer, or by its own key. eku=None or ku=None leaves the extension out."""
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(public_key)
        .serial_number(serial_number())
        .not_valid_before(from_epoch(int(not_before)))
        .not_valid_after(from_epoch(int(not_after)))
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if sans:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(text) for text in sans]), critical=False
        )
    if ca:
        ku = ("digitalSignature", "keyCertSign", "cRLSign")
    if ku is not None:
        builder = builder.add_extension(_key_usage(ku), critical=True)
    if eku is not None and not ca:
        oids = [EKU_WORDS.get(word) or x509.ObjectIdentifier(word) for word in eku]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
    return builder.sign(signer, hashes.SHA256())


def general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _key_usage(words):
    wanted = {KU_WORDS[word] for word in words}
    members = {member: member in wanted for member, _ in KEY_USAGES}
    return x509.KeyUsage(**members, encipher_only=False, decipher_only=False)


def extension(certificate, kind):
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def key_usages(certificate):
    """ACM's names, or None when the certificate has no such extension."""
    found = extension(certificate, x509.KeyUsage)
    return None if found is None else [word for member, word in KEY_USAGES if getattr(found, member)]


def extended_key_usages(certificate):
    """[(ACM's name, OID)], or None when the certificate has no such extension."""
    found = extension(certificate, x509.ExtendedKeyUsage)
    return None if found is None else [(EXTENDED_KEY_USAGES.get(oid, "CUSTOM"), oid.dotted_string) for oid in found]


def dns_names(certificate):
    found = extension(certificate, x509.SubjectAlternativeName)
    return found.get_values_for_type(x509.DNSName) if found else []


def common_name(subject):
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return found[0].value if found else None


def serial_hex(certificate):
    digits = f"{certificate.serial_number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def signature_algorithm(certificate):
    kind = "RSA" if "rsa" in certificate.signature_algorithm_oid._name.lower() else "ECDSA"
    return f"{certificate.signature_hash_algorithm.name.upper()}WITH{kind}"


def fingerprint(certificate):
    return certificate.fingerprint(hashes.SHA256()).hex()


def not_before(certificate):
    return to_epoch(certificate.not_valid_before)


def not_after(certificate):
    return to_epoch(certificate.not_valid_after)


def signed_by(certificate, parent):
    """Is this the certificate's issuer, by name and by signature?"""
    if certificate.issuer != parent.subject:
        return False
    key = parent.public_key()
    body, signature, digest = (
        certificate.tbs_certificate_bytes,
        certificate.signature,
        certificate.signature_hash_algorithm,
    )
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, body, padding.PKCS1v15(), digest)
        else:
            key.verify(signature, body, ec.ECDSA(digest))
    except (InvalidSignature, TypeError, AttributeError):
        return False
    return True


def is_ca(certificate):
    found = extension(certificate, x509.BasicConstraints)
    return found is not None and found.ca


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def chain_pem(certificates):
    return "".join(map(pem, certificates))


def key_pem(key, traditional=True):
    form = serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def same_key(key, certificate):
    return public_der(key.public_key()) == public_der(certificate.public_key())


def public_der(public_key):
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


# ACM's exports: PBES2 with PBKDF2-HMAC-SHA1 (the default PRF, so not named), 2048 rounds, a salt of 20 bytes and
# AES-256-CBC. cryptography cannot be told these parameters, so the few bytes of DER are written here.
ROUNDS = 2048
OID_PBES2 = bytes.fromhex("06092a864886f70d01050d")
OID_PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
OID_AES256_CBC = bytes.fromhex("060960864801650304012a")


def encrypted_key_pem(key, passphrase):
    """PKCS#8 in PEM, as ExportCertificate answers it."""
    clear = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    salt, iv = secrets.token_bytes(20), secrets.token_bytes(16)
    derived = hashlib.pbkdf2_hmac("sha1", passphrase, salt, ROUNDS, 32)
    fill = 16 - len(clear) % 16
    encryptor = Cipher(algorithms.AES(derived), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(clear + bytes([fill]) * fill) + encryptor.finalize()
    kdf = _der(0x30, OID_PBKDF2 + _der(0x30, _der(0x04, salt) + _der(0x02, ROUNDS.to_bytes(2, "big"))))
    cipher = _der(0x30, OID_AES256_CBC + _der(0x04, iv))
    algorithm = _der(0x30, OID_PBES2 + _der(0x30, kdf + cipher))
    return _armour("ENCRYPTED PRIVATE KEY", _der(0x30, algorithm + _der(0x04, sealed)))


def _der(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _armour(label, der):
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
