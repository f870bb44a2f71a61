"""Every request that the cloud saw, with nothing secret in it."""

import collections

REDACTED = {
    "Passphrase", "PrivateKey", "SecretString", "SecretBinary", "SecretAccessKey", "SessionToken", "WebIdentityToken"
}  # fmt: skip
BULKY = {"Certificate", "CertificateChain", "Csr"}
CAPACITY = 200_000


class Journal:
    def __init__(self):
        self.sequence = 0
        self.clear()

    def clear(self):
        self.entries = collections.deque(maxlen=CAPACITY)

    def add(self, entry):
        self.sequence += 1
        entry["sequence"] = self.sequence
        self.entries.append(entry)

    def select(self, since=0, **members):
        """Entries after a sequence number whose members have the values given."""
        return [
            entry
            for entry in self.entries
            if entry["sequence"] > since and all(entry.get(key) == value for key, value in members.items())
        ]

    def counts(self, since=0):
        """{account: {operation: number of requests}}; requests that nobody could be named for are under ''."""
        result = {}
        for entry in self.entries:
            if entry["sequence"] > since:
                operations = result.setdefault(entry["account"] or "", {})
                operations[entry["operation"]] = operations.get(entry["operation"], 0) + 1
        return result


def redact(value):
    """A copy of request parameters that is fit to be kept: no secrets, no bulk."""
    if isinstance(value, dict):
        return {key: _redact_member(key, member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(member) for member in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value


def _redact_member(key, member):
    if key in REDACTED:
        return "<redacted>"
    if key in BULKY and isinstance(member, (str, bytes)):
        return f"<{len(member)} bytes>"
    return redact(member)
