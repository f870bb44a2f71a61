"""The whole state of the cloud, and the knobs that tests turn."""

from . import acm_store, acm_pca, events, secretsmanager, sqs, tagging
from .acm_issue import PublicAuthority
from .clock import Clock
from .faults import Faults
from .iam import Iam
from .journal import Journal
from .quotas import Quotas

DEFAULTS = {
    "read_lag": 0.0,  # seconds by which ACM's reads lag behind its writes
    "tag_lag_seconds": 0.0,  # how long GetResources does not know of a change of tags
    "tag_lag_calls": 0,  # and for how many calls
    "tag_ghost_seconds": 0.0,  # how long it still lists what was deleted
    "export_refusal_calls": 0,  # exports refused right after each renewal ("relation of type EXPORT")
    "export_refusal_seconds": 0.0,
    "page_cap": 0,  # pages never hold more than this, whatever was asked for
    "empty_pages": False,  # each page is preceded by an empty one with a token
    "import_limit": 2500,  # imported certificates held at once, an account and region
    "yearly_import_limit": 5000,  # imports within 365 days
    "reimports_count": True,  # AWS does not say whether imports over an existing one count; the stricter reading
    "auto_validate": True,  # public certificates are issued at once instead of waiting for validation
    "events_lost": 0,  # so many of the next events are not delivered
    "events_copies": 1,  # messages for each event
    "events_late": 0.0,  # seconds after which its message can be received
    "deletes_refused": False,  # each entry of DeleteMessageBatch fails, inside a success
    "newer_filters": "known",  # those of ListCertificates that came later; or "ignored", "refused"
    "hyphenated_algorithms": False,  # DescribeCertificate says RSA-2048 where the model says RSA_2048
}


class Settings:
    def __init__(self):
        self.__dict__.update(DEFAULTS)

    def set(self, **values):
        unknown = values.keys() - DEFAULTS.keys()
        if unknown:
            raise ValueError(f"unknown setting {', '.join(sorted(unknown))}; known are {', '.join(DEFAULTS)}")
        self.__dict__.update(values)


class World:
    def __init__(self, keys, source, destinations, iam_directory, seed=0):
        self.settings = Settings()
        self.clock = Clock()
        self.journal = Journal()
        self.faults = Faults(seed)
        self.quotas = Quotas()
        self.keys = keys
        self.iam = Iam(self.clock, source, destinations, iam_directory)
        self.acm = acm_store.Store(self.settings)
        self.acm_requests = {}  # idempotency tokens of RequestCertificate
        self.pca = acm_pca.Store()
        self.public = PublicAuthority(self.keys, self.clock)
        self.secrets = secretsmanager.Store()
        self.sqs = sqs.Store()
        self.bus = events.Bus()
        self.tagging = tagging.Index(self)
