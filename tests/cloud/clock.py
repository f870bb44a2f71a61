"""The cloud's clock: real time plus an offset that tests set (skew) or add to (advance)."""

import datetime
import email.utils
import time


class Clock:
    def __init__(self):
        self.offset = 0.0

    def now(self):
        """Seconds since the epoch, as this cloud believes them to be."""
        return time.time() + self.offset

    def datetime(self):
        return from_epoch(self.now())

    def http_date(self):
        return email.utils.formatdate(self.now(), usegmt=True)


def monotonic():
    """For lags and rates: these pass in real time however the cloud's clock is set."""
    return time.monotonic()


def from_epoch(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(tzinfo=None)


def to_epoch(moment):
    """Epoch seconds of a naive UTC datetime, which is what cryptography's certificates carry."""
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def iso8601(seconds):
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def basic(seconds):
    """The timestamp form of Signature Version 4."""
    return from_epoch(seconds).strftime("%Y%m%dT%H%M%SZ")
