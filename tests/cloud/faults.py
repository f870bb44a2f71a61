"""Faults on demand: what a test orders to go wrong, for which requests, how often."""

import itertools
import random

KINDS = {
    "throttle": "answer ThrottlingException",
    "error": "answer code, message and status",
    "delay": "wait seconds (float), before or after the work (phase), or until the order is cleared",
    "cut": "do the work, send only the first bytes of the answer (negative: all but so many), close",
    "reset": "reset the connection, before or after the work (phase)",
    "blackhole": "never answer, before or after the work (phase)",
    "html": "answer an HTML page with a status, as a proxy does",
    "redirect": "answer a redirect to location",
    "endless": "never let a listing end: each page names a next one",
}
MATCHED = ("service", "operation", "account", "region", "principal", "resource")


class Faults:
    """The orders in force. A rule fires for requests that have all the values that it names."""

    def __init__(self, seed=0):
        self.rules = []
        self.ids = itertools.count(1)
        self.random = random.Random(seed)

    def add(self, kind, count=None, probability=1.0, skip=0, phase="before", **details):
        """Order a fault; count=None means until it is cleared, skip lets so many matching requests pass first."""
        if kind not in KINDS:
            raise ValueError(f"fault kind {kind!r}; known are {', '.join(KINDS)}")
        if phase not in ("before", "after"):
            raise ValueError(f"phase {phase!r}; known are before, after")
        rule = {"id": next(self.ids), "kind": kind, "left": count, "probability": probability, "skip": skip}
        rule.update(phase="after" if kind in ("cut", "endless") else phase, fired=0)
        rule.update(match={key: details.pop(key) for key in MATCHED if key in details})
        rule.update(details=details)
        self.rules.append(rule)
        return rule["id"]

    def clear(self, id=None):
        self.rules = [] if id is None else [rule for rule in self.rules if rule["id"] != id]

    def take(self, request):
        """The rules that fire for this request ({service, operation, account, ...}); each firing is counted."""
        return [rule for rule in self.rules if self._fires(rule, request)]

    def _fires(self, rule, request):
        if any(request.get(key) != value for key, value in rule["match"].items()):
            return False
        if rule["left"] == 0:
            return False
        if rule["skip"] > 0:
            rule["skip"] -= 1
            return False
        if rule["probability"] < 1.0 and self.random.random() >= rule["probability"]:
            return False
        if rule["left"] is not None:
            rule["left"] -= 1
        rule["fired"] += 1
        return True
