"""EventBridge: what ACM tells of its certificates, and the rules that carry it into queues.

Delivery is what AWS calls best effort; settings make it lose, double and delay.
"""

import json
import uuid

from . import policy
from .clock import iso8601

DAY = 86400


class Rule:
    def __init__(self, account, region, name, pattern, target):
        self.account, self.region, self.name = account, region, name
        self.arn = f"arn:aws:events:{region}:{account}:rule/{name}"
        self.pattern = pattern
        self.target = target  # a queue's ARN


class Bus:
    """The default buses of all accounts and regions."""

    def __init__(self):
        self.rules = {}
        self.failed = []  # what a rule could not deliver, and why: a test can then see it

    def put_rule(self, account, region, name, pattern, target):
        if not isinstance(pattern, dict) or not pattern:
            raise ValueError("InvalidEventPatternException: an object with a member at least")
        rule = Rule(account, region, name, pattern, target)
        self.rules[rule.arn] = rule
        return rule


def matches(pattern, event):
    """Each member of the pattern is a list of values, one of which the event has, or a pattern for what is below."""
    return all(
        matches(wanted, event.get(key, {}))
        if isinstance(wanted, dict)
        else any(value in wanted for value in policy.as_list(event.get(key)))
        for key, wanted in pattern.items()
    )


def emit(world, certificate, detail_type, detail):
    """An event of ACM about a certificate, to whoever has a rule for it."""
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": "aws.acm",
        "account": certificate.account,
        "time": iso8601(world.clock.now()),
        "region": certificate.region,
        "resources": [certificate.arn],
        "detail": detail,
    }
    rules = [
        rule
        for rule in world.bus.rules.values()
        if (rule.account, rule.region) == (certificate.account, certificate.region) and matches(rule.pattern, event)
    ]
    for rule in rules:
        _deliver(world, rule, event)
    return event


def _deliver(world, rule, event):
    settings = world.settings
    if settings.events_lost > 0:
        settings.events_lost -= 1
        return
    queue = world.sqs.find(rule.target)
    if queue is None or not _admitted(queue, rule):
        world.bus.failed.append({"rule": rule.arn, "event": event})
        return
    for _ in range(settings.events_copies):
        queue.put(json.dumps(event), settings.events_late)


def _admitted(queue, rule):
    """Does the queue's policy let EventBridge write, for this rule?"""
    document = json.loads(queue.attributes["Policy"] or '{"Statement": []}')
    context = {"aws:sourcearn": rule.arn, "aws:sourceaccount": rule.account, "aws:securetransport": "true"}
    for statement in policy.as_list(document["Statement"]):
        principal = statement["Principal"]
        services = ["*"] if principal == "*" else policy.as_list(principal.get("Service", []))
        if "events.amazonaws.com" in services or "*" in services:
            if policy.decide([{"Statement": [statement]}], "sqs:SendMessage", queue.arn, context) == policy.ALLOW:
                return True
    return False


def available(world, certificate, action):
    """ACM Certificate Available, as the ACM user guide shows it."""
    version = certificate.version
    detail = {
        "Action": action,
        "CertificateType": certificate.type,
        "CommonName": certificate.domain or certificate.names[0],
        "DomainValidationMethod": certificate.validation_method,
        "CertificateCreatedDate": iso8601(certificate.created_at),
        "CertificateExpirationDate": iso8601(version.not_after),
        "DaysToExpiry": int((version.not_after - world.clock.now()) // DAY),
        "InUse": bool(certificate.in_use_by),
        "Exported": bool(certificate.exported),
    }
    if certificate.type == "PRIVATE":
        del detail["DomainValidationMethod"]
    return emit(world, certificate, "ACM Certificate Available", detail)


def ended(world, certificate, status):
    """ACM Certificate Expired or Revoked."""
    detail = {
        "CertificateType": certificate.type,
        "CommonName": certificate.domain or certificate.names[0],
        "CertificateExpirationDate": iso8601(certificate.version.not_after),
    }
    if status == "EXPIRED":
        detail.update(
            CertificateCreatedDate=iso8601(certificate.created_at),
            InUse=bool(certificate.in_use_by),
            Exported=bool(certificate.exported),
        )
    else:
        detail.update(Exportable=bool(certificate.exportable))
    return emit(world, certificate, f"ACM Certificate {status.title()}", detail)
