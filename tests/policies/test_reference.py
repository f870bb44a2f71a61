# SPDX-License-Identifier: Apache-2.0
"""The policies against AWS's service authorization reference: the action exists, the resource's type fits, the condition
key is known to that action."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.cloud.policy import as_list
from tests.policies.shipped import statements

# Keys that every action knows; the reference lists those of each action alone.
GLOBAL = {"aws:PrincipalArn", "aws:ResourceOrgID", "aws:SourceArn"}
EACH = [pytest.param(name, one, id=f"{name}-{one['Sid']}") for name, one in statements()]


@pytest.fixture(scope="session")
def reference():
    path = os.environ.get("POLICY_REFERENCE")
    if not path:
        pytest.skip("no copy of AWS's reference: make check-policies installs it")
    return json.loads(Path(path).read_text())


def privilege(reference, action):
    service, _, name = action.partition(":")
    return reference[service], reference[service]["privileges"].get(name)


def fits(pattern, arn):
    """Could an ARN of the reference's form be one that the policy's pattern means?  Part by part."""
    parts, forms = pattern.split(":", 5), arn.split(":", 5)
    fixed = [re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(form)) for form in forms]
    return len(parts) == len(forms) and all(map(re.fullmatch, fixed, parts))


def types_of(service, known):
    """{name: ARN} of the resource types that an action knows."""
    return {name: service["resources"][name]["arn"] for name in known["resource_types"] if name}


def keys_of(service, known):
    found = set(GLOBAL)
    for name, one in known["resource_types"].items():
        found.update(one["condition_keys"])
        if name:
            found.update(service["resources"][name]["condition_keys"])
    return found


def is_key(key, form):
    """aws:RequestTag/${TagKey} is any aws:RequestTag/..."""
    return re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(form)), key, re.I) is not None


def wrong(reference, statement):
    """What AWS's reference says against a statement."""
    resources = as_list(statement.get("Resource", []))
    used = set()
    for action in as_list(statement["Action"]):
        service, known = privilege(reference, action)
        if known is None:
            yield f"there is no action {action}"
            continue
        types = types_of(service, known)
        fitting = {one for one in resources for arn in types.values() if fits(one, arn)}
        if types and "Resource" in statement and not fitting:
            yield f"{action} acts on {sorted(types)}, and on none of {resources}"
        if not types and resources and "*" not in resources:
            yield f"{action} knows no resources, so that only * allows it"
        used |= fitting | ({"*"} if not types else set())
        for keys in statement.get("Condition", {}).values():
            for key in keys:
                if not any(is_key(key, form) for form in keys_of(service, known)):
                    yield f"{action} does not know {key}: with that condition it is denied"
    for one in resources:
        if one not in used:
            yield f"no action of the statement acts on {one}"


@pytest.mark.parametrize("name, statement", EACH)
def test_statement_is_what_the_reference_knows(reference, name, statement):
    assert list(wrong(reference, statement)) == []


@pytest.mark.parametrize(
    "change, said",
    [
        ({"Action": "acm:ExportCertificates"}, "there is no action acm:ExportCertificates"),
        ({"Resource": "arn:aws:acm:*:222222222222:key/*"}, "acts on"),
        ({"Resource": "*"}, "acts on"),
        ({"Action": "acm:ListCertificates"}, "only * allows it"),
        ({"Resource": ["arn:aws:acm:*:2:certificate/*", "arn:aws:s3:::x"]}, "no action of the statement acts on arn:aws:s3"),
        ({"Condition": {"StringEquals": {"sts:ExternalId": "x"}}}, "does not know sts:ExternalId"),
        ({"Condition": {"StringEquals": {"aws:RequestTag/a": "x"}}}, "does not know aws:RequestTag/a"),
    ],
)
def test_what_the_reference_does_not_know_is_noticed(reference, change, said):
    good = {"Action": "acm:ExportCertificate", "Resource": "arn:aws:acm:*:222222222222:certificate/*"}
    assert list(wrong(reference, good)) == []
    assert any(said in text for text in wrong(reference, {**good, **change}))


def test_external_ids_are_known_to_one_action_alone(reference):
    """What the trust policies once had wrong."""
    condition = {"StringEquals": {"sts:ExternalId": "ferry-1"}}
    for action, is_known in (("sts:AssumeRole", True), ("sts:TagSession", False), ("sts:SetSourceIdentity", False)):
        assert (list(wrong(reference, {"Action": action, "Condition": condition})) == []) == is_known
