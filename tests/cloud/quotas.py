"""The published request rates, each a token bucket of an account, a region and an operation or group of them."""

from .clock import monotonic
from .errors import AwsError

ACM = {
    "AddTagsToCertificate": 5, "DeleteCertificate": 10, "DescribeCertificate": 10, "ExportCertificate": 10,
    "GetAccountConfiguration": 1, "GetCertificate": 10, "ImportCertificate": 1, "ListCertificates": 8,
    "ListTagsForCertificate": 10, "PutAccountConfiguration": 1, "RemoveTagsFromCertificate": 5, "RenewCertificate": 5,
    "RequestCertificate": 5, "SearchCertificates": 5, "UpdateCertificateOptions": 5,
}  # fmt: skip
ACM_PCA = {
    "IssueCertificate": 25, "GetCertificate": 75, "GetCertificateAuthorityCertificate": 20,
    "DescribeCertificateAuthority": 20, "ListCertificateAuthorities": 20, "RevokeCertificate": 20,
    "ListPermissions": 5, "CreatePermission": 1,
}  # fmt: skip
SECRETS_READ, SECRETS_WRITE = ("secretsmanager", "read"), ("secretsmanager", "write")
GROUPS = {
    ("secretsmanager", "DescribeSecret"): SECRETS_READ,
    ("secretsmanager", "GetSecretValue"): SECRETS_READ,
    ("secretsmanager", "PutSecretValue"): SECRETS_WRITE,
    ("secretsmanager", "UpdateSecretVersionStage"): SECRETS_WRITE,
    ("sts", "AssumeRole"): ("sts", "all"),
    ("sts", "GetCallerIdentity"): ("sts", "all"),
}
PUBLISHED = {("acm", name): rate for name, rate in ACM.items()}
PUBLISHED.update({("acm-pca", name): rate for name, rate in ACM_PCA.items()})
PUBLISHED.update({SECRETS_READ: 10_000, SECRETS_WRITE: 50, ("sts", "all"): 600})
PUBLISHED.update({("secretsmanager", name): 50 for name in ("CreateSecret", "DeleteSecret", "TagResource")})


def throttling_code(service):
    return {"sts": "Throttling", "tagging": "ThrottledException", "sqs": "RequestThrottled"}.get(service, "ThrottlingException")


class Quotas:
    """Off until a test switches them on: most tests are about something else and should be fast."""

    def __init__(self):
        self.enabled = False
        self.rates = dict(PUBLISHED)
        self.buckets = {}

    def set(self, enabled=None, rates=None):
        """Switch enforcement, and change rates: {"acm:ImportCertificate": 20}."""
        if enabled is not None:
            self.enabled = enabled
        for name, rate in (rates or {}).items():
            service, _, operation = name.partition(":")
            self.rates[GROUPS.get((service, operation), (service, operation))] = rate
        self.buckets.clear()

    def take(self, service, operation, account, region):
        """Spend a token, or raise the service's throttling error."""
        if not self.enabled:
            return
        group = GROUPS.get((service, operation), (service, operation))
        rate = self.rates.get(group)
        if rate is None:
            return
        # AWS does not publish its bursts; one second's worth is the least that the published rate can mean.
        burst = max(1.0, float(rate))
        now = monotonic()
        tokens, filled = self.buckets.get((group, account, region), (burst, now))
        tokens = min(burst, tokens + (now - filled) * rate)
        self.buckets[group, account, region] = (tokens - 1 if tokens >= 1 else tokens, now)
        if tokens < 1:
            raise AwsError(throttling_code(service), "Rate exceeded")
