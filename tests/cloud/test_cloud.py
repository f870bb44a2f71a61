"""The cloud against boto3, which nobody here wrote, and against what AWS is known to refuse.

Run as /usr/bin/python3 -m pytest -q tests/cloud
"""

import functools
import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import botocore.exceptions
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.cloud import pki, policy
from tests.cloud.acm_issue import hierarchy
from tests.cloud.control import Control
from tests.cloud.faults import KINDS
from tests.cloud.harness import DESTINATION, REGION, ROOT, SECOND, SOURCE, Cloud, ControlError
from tests.cloud.world import DEFAULTS

EVERY_KEY_TYPE = {"keyTypes": list(pki.KEY_ALGORITHMS)}
DAY = 86400
IAM = ROOT / "conf" / "iam"


@pytest.fixture(scope="module")
def process():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(process):
    process.reset()
    return process


@pytest.fixture
def ca(cloud):
    return cloud.authority()


def refused(code, message=""):
    """The call in this block ends with this AWS error."""
    return _Refused(code, message)


class _Refused:
    def __init__(self, code, message):
        self.code, self.message = code, message

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert isinstance(error, botocore.exceptions.ClientError), f"not refused: {error!r}"
        assert error.response["Error"]["Code"] == self.code, error
        assert self.message in error.response["Error"]["Message"], error
        self.status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return True


def own_tags(arn, name="payments"):
    return [{"Key": "certferry:source", "Value": arn}, {"Key": "certferry:name", "Value": name}]


class Bundle:
    """Material to import: made by a private authority that the test holds, or self-signed."""

    def __init__(
        self, names=("a.example.com",), algorithm="EC_prime256v1", issuer=None, begin=-3600, days=90, **details
    ):
        now = time.time()
        self.key = make_key(algorithm)
        self.leaf = pki.issue(
            self.key.public_key(), pki.name(names[0]), now + begin, now + begin + days * DAY,
            issuer, None if issuer else self.key, sans=names, **details,
        )  # fmt: skip
        self.chain = issuer.chain if issuer else []

    def parameters(self, **changes):
        found = {"Certificate": pki.pem(self.leaf), "PrivateKey": pki.key_pem(self.key)}
        if self.chain:
            found["CertificateChain"] = pki.chain_pem(self.chain)
        found.update(changes)
        return {key: value for key, value in found.items() if value is not None}


@functools.lru_cache(maxsize=None)
def rsa_key(algorithm):
    return pki.rsa.generate_private_key(65537, pki.RSA_SIZES[algorithm])  # one is enough here, and dear


def make_key(algorithm):
    return pki.ec.generate_private_key(pki.CURVES[algorithm]()) if algorithm in pki.CURVES else rsa_key(algorithm)


def authority():
    return hierarchy(make_key, "EC_prime256v1", time.time() - DAY, pki.name("Root"), pki.name("Issuing"))


# Signatures and sessions


def send(cloud, keys, scope="acm", change=None):
    """(status, error code, answer) of a request that is signed so, and then changed."""
    request = AWSRequest("POST", cloud.endpoint, data=b"{}")
    request.headers["Content-Type"] = "application/x-amz-json-1.1"
    request.headers["X-Amz-Target"] = "CertificateManager.ListCertificates"
    credentials = Credentials(keys["access_key"], keys["secret_key"], keys["session_token"])
    SigV4Auth(credentials, scope, REGION).add_auth(request)
    prepared = request.prepare()
    if change:
        change(prepared)
    answer = URLLib3Session(verify=cloud.ca).send(prepared)
    return answer.status_code, json.loads(answer.content).get("__type", ""), answer


def test_signature_is_verified(cloud):
    keys = cloud.keys()
    assert send(cloud, keys)[0] == 200
    assert send(cloud, {**keys, "secret_key": "wrong"})[1] == "InvalidSignatureException"
    assert send(cloud, {**keys, "access_key": "AKIANOBODY"})[1] == "UnrecognizedClientException"
    assert send(cloud, keys, scope="sts")[1] == "InvalidSignatureException"
    assert send(cloud, {**keys, "session_token": "stray"})[1] == "UnrecognizedClientException"


def test_region_belongs_to_the_signature(cloud):
    own = {"Host": "eu-west-1.localhost"}
    assert cloud.request("acm", "ListCertificates", {}, headers=own)[0] == 200
    assert cloud.request("acm", "ListCertificates", {}, headers=own, region="us-east-1")[0] == 400
    assert cloud.request("acm", "ListCertificates", {}, region="nowhere")[0] == 400


def test_signature_covers_body_and_headers(cloud):
    keys = cloud.keys()

    def other_body(request):
        request.body = b"[]"

    def unsigned(request):
        request.headers.pop("Authorization")

    def unsigned_date(request):
        request.headers["Authorization"] = request.headers["Authorization"].replace("x-amz-date;", "")

    assert send(cloud, keys, change=other_body)[1] == "InvalidSignatureException"
    assert send(cloud, keys, change=unsigned)[1] == "MissingAuthenticationTokenException"
    assert send(cloud, keys, change=unsigned_date)[1] == "InvalidSignatureException"


@pytest.mark.parametrize("seconds, text", [(400, "Signature expired: "), (-400, "Signature not yet current: ")])
def test_signature_has_its_time(cloud, seconds, text):
    cloud.skew(seconds=seconds)
    status, code, answer = send(cloud, cloud.keys(SOURCE, "certferry"))
    assert (status, code) == (400, "InvalidSignatureException")
    assert text in answer.text
    date = time.mktime(time.strptime(answer.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert abs(date - time.time() - seconds) < 5
    sts = cloud.boto3("sts", keys=cloud.keys(SOURCE, "certferry"))
    with refused("SignatureDoesNotMatch", text) as answer:
        sts.get_caller_identity()
    assert answer.status == 403


def test_small_skew_is_tolerated_and_the_witness_needs_no_clock(cloud):
    cloud.skew(seconds=200)
    assert send(cloud, cloud.keys(SOURCE, "certferry"))[1] == "AccessDeniedException"
    cloud.skew(seconds=40 * DAY)
    cloud.boto3("acm").list_certificates()


def test_sessions_expire(cloud):
    acm = cloud.boto3("acm", SOURCE, role="certferry-source")
    acm.list_certificates()
    cloud.expire_sessions(after=2)
    acm.list_certificates()
    acm.list_certificates()
    with refused("ExpiredTokenException"):
        acm.list_certificates()
    cloud.boto3("acm", SOURCE, role="certferry-source").list_certificates()
    session = cloud.session(role_arn=cloud.role_arn(DESTINATION), seconds=900)
    sts = cloud.boto3("sts", keys=session)
    assert sts.get_caller_identity()["Account"] == DESTINATION
    cloud.expire_sessions()
    with refused("ExpiredToken"):
        sts.get_caller_identity()


# Who may what


def assume(cloud, role_arn, keys=None, **details):
    sts = cloud.boto3("sts", keys=keys or cloud.keys(SOURCE, "certferry"))
    details.setdefault("RoleSessionName", "certferry-host")
    return sts.assume_role(RoleArn=role_arn, **details)


def session_keys(answer):
    found = answer["Credentials"]
    return {
        "access_key": found["AccessKeyId"],
        "secret_key": found["SecretAccessKey"],
        "session_token": found["SessionToken"],
    }


@pytest.mark.parametrize("path", sorted(IAM.glob("*.json")), ids=lambda path: path.name)
def test_shipped_policy_is_well_formed(path):
    document = json.loads(path.read_text())
    if not path.name.endswith("-rule.json"):  # that is a pattern of EventBridge's
        assert policy.problems(document, "trust" in path.name, path.name.endswith("-queue.json")) == []
    assert path.name in (IAM / "README.md").read_text()


def test_roles_want_their_external_id(cloud):
    source, destination = cloud.role_arn(SOURCE, "certferry-source"), cloud.role_arn(DESTINATION)
    answer = assume(cloud, source, ExternalId="ferry-1")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{SOURCE}:assumed-role/certferry-source/certferry-host"
    assume(cloud, destination, ExternalId="ferry-2")
    assume(cloud, cloud.role_arn(SECOND), ExternalId="ferry-2")
    with refused("AccessDenied", "sts:AssumeRole") as answer:
        assume(cloud, destination)
    assert answer.status == 403
    with refused("AccessDenied"):
        assume(cloud, destination, ExternalId="ferry-1")
    with refused("AccessDenied"):
        assume(cloud, cloud.role_arn(DESTINATION, "nobody"), ExternalId="ferry-2")
    with refused("AccessDenied"):
        assume(cloud, destination, keys=cloud.keys(SECOND), ExternalId="ferry-2")


def test_web_identity_is_proof_enough(cloud):
    name = "id.example.com/cluster"
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::{SOURCE}:oidc-provider/{name}"},
        "Condition": {"StringEquals": {f"{name}:sub": "system:serviceaccount:ferry:certferry"}},
    }]}  # fmt: skip
    role = cloud.add_role(account=SOURCE, name="pod", trust=trust)
    sts = cloud.boto3("sts", signature_version=UNSIGNED)

    def take(token, arn=role):
        return sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="pod", WebIdentityToken=token)

    good = cloud.identity_token(provider=name, subject="system:serviceaccount:ferry:certferry")
    granted = take(good)
    assert granted["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{SOURCE}:assumed-role/pod/pod"
    keys = {"access_key": granted["Credentials"]["AccessKeyId"],
            "secret_key": granted["Credentials"]["SecretAccessKey"],
            "session_token": granted["Credentials"]["SessionToken"]}  # fmt: skip
    assert cloud.boto3("sts", keys=keys).get_caller_identity()["Account"] == SOURCE
    with refused("AccessDenied"):
        take(cloud.identity_token(provider=name, subject="system:serviceaccount:other:certferry"))
    with refused("AccessDenied"):
        take(cloud.identity_token(provider="other.example.com", subject="system:serviceaccount:ferry:certferry"))
    with refused("AccessDenied"):
        take(good, cloud.role_arn(DESTINATION))
    with refused("InvalidIdentityToken"):
        take("made.up.token")
    with refused("ExpiredToken"):
        take(cloud.identity_token(provider=name, subject="system:serviceaccount:ferry:certferry", seconds=0))


def test_new_account_is_open_to_the_host(cloud):
    cloud.add_account("444444444444")
    assume(cloud, cloud.role_arn("444444444444"), ExternalId="ferry-2")


def test_host_reaches_two_hundred_accounts_of_its_organization(cloud):
    user, accounts = f"arn:aws:iam::{SOURCE}:user/certferry", [f"{444400000000 + number}" for number in range(200)]
    for account in accounts:
        cloud.add_account(account)
    cloud.put_policy(arn=user, name="host", document=cloud.shipped_policy(name="host.json"))
    for account in (accounts[0], accounts[-1]):
        assume(cloud, cloud.role_arn(account), ExternalId="ferry-2")
    cloud.add_account("555555555555", organization="o-0fsomeother")
    cloud.add_account("666666666666", organization=None)
    for account in ("555555555555", "666666666666"):
        with refused("AccessDenied"):
            assume(cloud, cloud.role_arn(account), ExternalId="ferry-2")


def test_a_list_of_accounts_is_inline_for_few_and_managed_for_more(cloud):
    user = f"arn:aws:iam::{SOURCE}:user/certferry"
    for number in range(200):
        cloud.add_account(f"{444400000000 + number}", organization=None)
    document = cloud.shipped_policy(name="host-accounts.json")
    source, *roles = document["Statement"][0]["Resource"]

    def naming(some):
        return {**document, "Statement": [{**document["Statement"][0], "Resource": [source, *some]}]}

    cloud.remove_policy(arn=user, name="host")
    cloud.put_policy(arn=user, name="host", document=naming(roles[:30]))
    with pytest.raises(ControlError, match="Maximum policy size of 2048 bytes exceeded for user certferry"):
        cloud.put_policy(arn=user, name="host", document=naming(roles[:34]))
    with pytest.raises(ControlError, match="Maximum policy size of 2048 bytes"):
        cloud.put_policy(arn=user, name="more", document=naming(roles[30:60]))
    with pytest.raises(ControlError, match="PolicySize: 6144"):
        cloud.attach_policy(arn=user, name="all", document=naming(roles[30:]))
    for start in range(0, len(roles), 100):
        cloud.attach_policy(arn=user, name=f"from-{start}", document=naming(roles[start : start + 100]))
    assume(cloud, cloud.role_arn("444400000199"), ExternalId="ferry-2")


def test_chained_sessions_are_short_and_keep_their_source_identity(cloud):
    role, trust = cloud.role_arn(DESTINATION, "second"), cloud.shipped_policy(
        name="destination-trust.json", account=DESTINATION
    )
    for statement in trust["Statement"]:
        statement["Principal"] = {"AWS": cloud.role_arn(DESTINATION)}
        del statement["Condition"]
    cloud.add_role(account=DESTINATION, name="second", trust=trust)
    first = assume(
        cloud,
        cloud.role_arn(DESTINATION),
        ExternalId="ferry-2",
        SourceIdentity="admin-host",
        Tags=[{"Key": "host", "Value": "a1"}],
    )
    assert first["SourceIdentity"] == "admin-host"
    keys = session_keys(first)
    chained = assume(cloud, role, keys=keys, DurationSeconds=3600)
    assert chained["SourceIdentity"] == "admin-host"
    with refused("ValidationError", "1 hour session limit"):
        assume(cloud, role, keys=keys, DurationSeconds=7200)
    unchecked = cloud.boto3("sts", keys=keys, parameter_validation=False)
    with refused("ValidationError", "durationSeconds"):
        unchecked.assume_role(RoleArn=role, RoleSessionName="a1", DurationSeconds=899)
    with refused("ValidationError", "roleSessionName"):
        unchecked.assume_role(RoleArn=role, RoleSessionName="with space")


def test_source_identity_and_tags_take_permission(cloud):
    document = cloud.shipped_policy(name="host.json")
    for statement in document["Statement"]:
        statement["Action"] = "sts:AssumeRole"
    cloud.put_policy(arn=f"arn:aws:iam::{SOURCE}:user/certferry", name="host", document=document)
    arn = cloud.role_arn(DESTINATION)
    assume(cloud, arn, ExternalId="ferry-2")
    with refused("AccessDenied", "sts:SetSourceIdentity"):
        assume(cloud, arn, ExternalId="ferry-2", SourceIdentity="admin-host")
    with refused("AccessDenied", "sts:TagSession"):
        assume(cloud, arn, ExternalId="ferry-2", Tags=[{"Key": "a", "Value": "b"}])


def test_external_id_is_a_key_of_assume_role_alone(cloud):
    arn, trust = cloud.role_arn(DESTINATION), cloud.shipped_policy(name="destination-trust.json", account=DESTINATION)
    who = {"SourceIdentity": "admin-host", "Tags": [{"Key": "a", "Value": "b"}]}
    assume(cloud, arn, ExternalId="ferry-2", **who)
    with refused("AccessDenied", "sts:AssumeRole"):
        assume(cloud, arn, ExternalId="ferry-3", **who)
    trust["Statement"][1]["Condition"]["StringEquals"] = {"sts:ExternalId": "ferry-2"}
    cloud.put_trust(arn=arn, document=trust)
    assume(cloud, arn, ExternalId="ferry-2")
    with refused("AccessDenied", "sts:SetSourceIdentity"):
        assume(cloud, arn, ExternalId="ferry-2", **who)


def test_transitive_tags_ask_for_tag_session_at_the_next_role(cloud):
    role, trust = cloud.role_arn(DESTINATION, "second"), cloud.shipped_policy(
        name="destination-trust.json", account=DESTINATION
    )
    for statement in trust["Statement"]:
        statement["Principal"] = {"AWS": cloud.role_arn(DESTINATION)}
        del statement["Condition"]
    cloud.add_role(account=DESTINATION, name="second", trust=trust)
    tags = {"Tags": [{"Key": "pod", "Value": "a1"}], "TransitiveTagKeys": ["pod"]}
    keys = session_keys(assume(cloud, cloud.role_arn(DESTINATION), ExternalId="ferry-2", **tags))
    assume(cloud, role, keys=keys)
    del trust["Statement"][1]
    cloud.put_trust(arn=role, document=trust)
    with refused("AccessDenied", "sts:TagSession"):
        assume(cloud, role, keys=keys)


def test_host_may_do_nothing_but_take_roles(cloud):
    acm = cloud.boto3("acm", keys=cloud.keys(SOURCE, "certferry"))
    with refused(
        "AccessDeniedException",
        f"User: arn:aws:iam::{SOURCE}:user/certferry is not authorized to perform: acm:ListCertificates",
    ):
        acm.list_certificates()


def test_deny_beats_allow(cloud, ca):
    arn = cloud.issue("a.example.com", ca_arn=ca)["arn"]
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "acm:Export*", "Resource": "*"}]}
    cloud.put_policy(arn=cloud.role_arn(SOURCE, "certferry-source"), name="deny", document=deny)
    with refused("AccessDeniedException", "explicit deny"):
        cloud.boto3("acm", role="certferry-source").export_certificate(CertificateArn=arn, Passphrase=b"abcd")


@pytest.mark.parametrize(
    "conditions, context, holds",
    [
        ({"StringEquals": {"sts:ExternalId": ["a", "b"]}}, {"sts:externalid": "b"}, True),
        ({"StringEquals": {"sts:ExternalId": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"sts:ExternalId": "a"}}, {}, True),
        ({"StringNotEquals": {"k:v": "a"}}, {}, True),
        ({"StringLike": {"k:v": "tls/*"}}, {"k:v": "tls/pay"}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:tagkeys": ["a"]}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws:tagkeys": ["a", "c"]}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {}, False),
        ({"Null": {"aws:ResourceTag/x": "false"}}, {"aws:resourcetag/x": ""}, True),
        ({"Null": {"aws:ResourceTag/x": "false"}}, {}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:securetransport": "true"}, True),
        ({"ArnLike": {"k:v": "arn:aws:iam::*:role/a"}}, {"k:v": "arn:aws:iam::1:role/a"}, True),
        ({"ArnLike": {"k:v": "arn:aws:*/a"}}, {"k:v": "arn:aws:iam::1:role/a"}, False),
        ({"StringEquals": {"k:v": "${aws:PrincipalTag/t}"}}, {"k:v": "x", "aws:principaltag/t": "x"}, True),
    ],
)
def test_condition(conditions, context, holds):
    assert policy.holds(conditions, context) is holds


# ACM at the source


def test_list_hides_all_but_small_rsa_by_default(cloud, ca):
    cloud.issue("ec.example.com", ca_arn=ca)
    cloud.issue("rsa.example.com", ca_arn=cloud.authority(algorithm="RSA_2048"))
    acm = cloud.boto3("acm", role="certferry-source")
    names = [found["DomainName"] for found in acm.list_certificates()["CertificateSummaryList"]]
    assert names == ["rsa.example.com"]
    found = acm.list_certificates(Includes=EVERY_KEY_TYPE)["CertificateSummaryList"]
    assert [c["KeyAlgorithm"] for c in found] == ["EC_prime256v1", "RSA_2048"]
    assert found[0]["Exported"] is False and found[0]["Type"] == "PRIVATE"
    assert not {"Serial", "IssuedAt", "ImportedAt"} & found[0].keys()


def test_list_pages_and_filters(cloud, ca):
    cloud.issue("n{n}.example.com", ca_arn=ca, count=7)
    public = cloud.issue("public.example.com")["arn"]
    hand = cloud.import_by_hand(SOURCE, "hand.example.com")["arn"]
    acm = cloud.boto3("acm")
    pages = acm.get_paginator("list_certificates").paginate(Includes=EVERY_KEY_TYPE, PaginationConfig={"PageSize": 4})
    sizes = [len(page["CertificateSummaryList"]) for page in pages]
    assert sizes == [4, 4, 1]

    def listed(**includes):
        status, answer = cloud.request("acm", "ListCertificates", {"Includes": {**EVERY_KEY_TYPE, **includes}})
        assert status == 200
        return {c["CertificateArn"]: c for c in answer["CertificateSummaryList"]}

    assert "IssuedAt" in listed()[public] and "Exported" not in listed()[public]
    assert "ImportedAt" in listed()[hand]
    assert set(listed(exportOption="DISABLED")) == {hand}
    assert len(listed(extendedKeyUsage=["TLS_WEB_CLIENT_AUTHENTICATION"])) == 7
    with refused("ValidationException", "NextToken"):
        acm.list_certificates(NextToken="bm8=")
    with refused("ValidationException", "less than or equal to 1000"):
        acm.list_certificates(MaxItems=1001)
    cloud.settings(page_cap=3, empty_pages=True)
    pages = acm.get_paginator("list_certificates").paginate(Includes=EVERY_KEY_TYPE)
    assert [len(page["CertificateSummaryList"]) for page in pages] == [0, 3, 0, 3, 0, 3]


def test_list_shows_n2_and_acme_only_to_who_asks(cloud, ca):
    plain = cloud.issue("plain.example.com", ca_arn=ca)["arn"]
    n2 = cloud.issue("n2.example.com", root_hierarchy="N2_AMAZON_MANAGED", eku=["clientAuth"])["arn"]
    acme = cloud.issue("acme.example.com", key_pair_origin="ACME")["arn"]
    both = cloud.issue("both.example.com", root_hierarchy="N2_SFG2_AMAZON_MANAGED", key_pair_origin="ACME")["arn"]
    every = ["AWS_MANAGED", "ACME", "CUSTOMER_PROVIDED"]

    def listed(**filters):
        return cloud.request("acm", "ListCertificates", {"Includes": EVERY_KEY_TYPE, **filters})

    def arns(**filters):
        return [c["CertificateArn"] for c in listed(**filters)[1]["CertificateSummaryList"]]

    assert arns() == [plain] and arns(CertificateKeyPairOrigins=["ACME"]) == [acme]
    assert arns(CertificateKeyPairOrigins=every) == [plain, acme]
    assert arns(RootHierarchyTypes=["N2_AMAZON_MANAGED", "N2_SFG2_AMAZON_MANAGED"]) == [n2]
    (shown,) = listed(RootHierarchyTypes=["N2_SFG2_AMAZON_MANAGED"], CertificateKeyPairOrigins=every)[1]["CertificateSummaryList"]
    assert (shown["CertificateArn"], shown["CertificateKeyPairOrigin"], shown["CertificateUsage"]) == (both, "ACME", "CLIENT_AND_SERVER_AUTH")
    assert cloud.request("acm", "DescribeCertificate", {"CertificateArn": n2})[1]["Certificate"]["RootHierarchyType"] == "N2_AMAZON_MANAGED"
    assert listed(CertificateKeyPairOrigins=[])[0] == 400 and listed(RootHierarchyTypes=["N3"])[0] == 400
    cloud.settings(newer_filters="ignored")
    assert arns(RootHierarchyTypes=["N2_AMAZON_MANAGED"], CertificateKeyPairOrigins=every) == [plain]
    cloud.settings(newer_filters="refused")
    assert listed(RootHierarchyTypes=["N2_AMAZON_MANAGED"])[0] == 400 and listed()[0] == 200


def test_search(cloud, ca):
    old = cloud.issue("old.example.com", ca_arn=ca, days_ago=30)
    new = cloud.issue("new.example.com", ca_arn=ca)
    cloud.import_by_hand(SOURCE, "hand.example.com", days_ago=0)

    def search(statement=None, **more):
        parameters = {**({"FilterStatement": statement} if statement else {}), **more}
        status, answer = cloud.request("acm", "SearchCertificates", parameters, cloud.session(role_arn=role))
        return [found["CertificateArn"] for found in answer["Results"]] if status == 200 else (status, answer["__type"])

    role = cloud.role_arn(SOURCE, "certferry-source")
    since = {"Filter": {"X509AttributeFilter": {"NotBefore": {"Start": time.time() - 2 * DAY}}}}
    private = {"Filter": {"AcmCertificateMetadataFilter": {"Type": "PRIVATE"}}}
    assert len(search()) == 3
    assert search({"And": [since, private]}) == [new["arn"]]
    assert search({"And": [private, {"Not": since}]}) == [old["arn"]]
    serial = {"Filter": {"X509AttributeFilter": {"SerialNumber": old["serial"]}}}
    assert search({"Or": [serial, since]}, SortBy="NOT_BEFORE")[0] == old["arn"]
    name = {"Value": "NEW.example", "ComparisonOperator": "CONTAINS"}
    assert search({"Filter": {"X509AttributeFilter": {"SubjectAlternativeName": {"DnsName": name}}}}) == [new["arn"]]
    assert search({"And": [since], "Or": [private]}) == (400, "ValidationException")
    assert search(MaxResults=501) == (400, "ValidationException")
    status, page = cloud.request("acm", "SearchCertificates", {"MaxResults": 2})
    assert len(page["Results"]) == 2 and page["NextToken"]
    found = page["Results"][0]
    assert re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){15}", found["X509Attributes"]["SerialNumber"])
    assert isinstance(found["X509Attributes"]["NotBefore"], float)


def test_describe(cloud, ca):
    issued = cloud.issue("a.example.com", "b.example.com", ca_arn=ca)
    found = cloud.boto3("acm", role="certferry-source").describe_certificate(CertificateArn=issued["arn"])[
        "Certificate"
    ]
    assert found["Serial"] == issued["serial"]
    assert found["SubjectAlternativeNames"] == ["a.example.com", "b.example.com"]
    assert {use["Name"] for use in found["KeyUsages"]} == {"DIGITAL_SIGNATURE", "KEY_ENCIPHERMENT"}
    assert {use["OID"] for use in found["ExtendedKeyUsages"]} == {"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}
    assert found["RenewalEligibility"] == "INELIGIBLE" and found["CertificateAuthorityArn"] == ca
    assert "IssuedAt" not in found and "RenewalSummary" not in found
    acm = cloud.boto3("acm")
    with refused("ResourceNotFoundException"):
        acm.describe_certificate(CertificateArn=f"arn:aws:acm:{REGION}:{SOURCE}:certificate/0")
    with refused("ValidationException", "regular expression"):
        acm.describe_certificate(CertificateArn="certificate/of-mine-is-not-an-arn")
    with refused("InvalidArnException"):
        acm.describe_certificate(CertificateArn=f"arn:aws:acm:{REGION}:{SOURCE}:something/else")


def openssl_verifies(directory, leaf, chain):
    certificates = re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----\n", chain, re.DOTALL)
    (directory / "leaf.pem").write_text(leaf)
    (directory / "root.pem").write_text(certificates[-1])
    (directory / "between.pem").write_text("".join(certificates[:-1]))
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "between.pem", "leaf.pem"]
    return subprocess.run(command, cwd=directory, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("algorithm", ["EC_prime256v1", "RSA_2048"])
def test_export(cloud, tmp_path, algorithm):
    arn = cloud.issue("a.example.com", ca_arn=cloud.authority(algorithm=algorithm))["arn"]
    acm = cloud.boto3("acm", role="certferry-source")
    found = acm.export_certificate(CertificateArn=arn, Passphrase=b"correct horse")
    assert found["PrivateKey"].startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert openssl_verifies(tmp_path, found["Certificate"], found["CertificateChain"])
    leaf = x509.load_pem_x509_certificate(found["Certificate"].encode())
    key = serialization.load_pem_private_key(found["PrivateKey"].encode(), b"correct horse")
    assert pki.same_key(key, leaf)
    shown = subprocess.run(
        ["openssl", "asn1parse"], input=found["PrivateKey"].encode(), capture_output=True, check=True
    ).stdout.decode()
    assert "PBKDF2" in shown and "aes-256-cbc" in shown and ":0800" in shown
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] == found["Certificate"]


@pytest.mark.parametrize("passphrase", [b"abc", b"a" * 129, b"abc#", b"ab$c", b"ab%c", b"ab\xe4c"])
def test_export_passphrase(cloud, ca, passphrase):
    arn = cloud.issue("a.example.com", ca_arn=ca)["arn"]
    with refused("ValidationException"):
        cloud.boto3("acm").export_certificate(CertificateArn=arn, Passphrase=passphrase)


def test_what_cannot_be_exported(cloud):
    public = cloud.issue("a.example.com", export_option="DISABLED")["arn"]
    hand = cloud.import_by_hand(SOURCE, "b.example.com")["arn"]
    acm = cloud.boto3("acm")
    for arn in (public, hand):
        with refused("ValidationException", "not exportable"):
            acm.export_certificate(CertificateArn=arn, Passphrase=b"abcd")
    pending = cloud.issue("c.example.com")["arn"]
    cloud.mark(arn=pending, status="PENDING_VALIDATION")
    with refused("RequestInProgressException"):
        acm.export_certificate(CertificateArn=pending, Passphrase=b"abcd")
    assert acm.describe_certificate(CertificateArn=pending)["Certificate"]["Status"] == "PENDING_VALIDATION"


def test_renewal_goes_on_only_after_export(cloud, ca):
    first = cloud.issue("a.example.com", ca_arn=ca)
    arn = first["arn"]
    acm = cloud.boto3("acm")
    assert cloud.renew(arn)["renewed"] is False
    acm.export_certificate(CertificateArn=arn, Passphrase=b"abcd")
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["RenewalEligibility"] == "ELIGIBLE"
    second = cloud.renew(arn)
    assert second["renewed"] and second["serial"] != first["serial"]
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["RenewalSummary"]["RenewalStatus"] == "SUCCESS"
    assert cloud.renew(arn)["renewed"] is False, "not exported since it was renewed"
    assert cloud.renew(arn, force=True, days=30)["renewed"]
    cloud.in_use(arn=arn, by=["arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/a/1"])
    assert cloud.renew(arn)["renewed"]
    with refused("ValidationException"):
        acm.renew_certificate(CertificateArn=arn)
    acm.export_certificate(CertificateArn=arn, Passphrase=b"abcd")
    acm.renew_certificate(CertificateArn=arn)


def test_every_version_has_a_key_of_its_own(cloud, ca):
    arn = cloud.issue("a.example.com", ca_arn=ca)["arn"]
    keys = {cloud.certificate(arn)["private_key"]}
    for _ in range(5):
        cloud.renew(arn, force=True)
        keys.add(cloud.certificate(arn)["private_key"])
    assert len(keys) == 6


def test_time_passes_and_certificates_renew(cloud, ca):
    acm = cloud.boto3("acm")
    kept = cloud.issue("kept.example.com", ca_arn=ca)
    acm.export_certificate(CertificateArn=kept["arn"], Passphrase=b"abcd")
    lost = cloud.issue("lost.example.com", ca_arn=ca)["arn"]
    assert kept["not_after"] - kept["not_before"] == 395 * DAY
    assert cloud.advance(days=300) == []
    assert cloud.advance(days=40) == [kept["arn"]]
    renewed = cloud.certificate(kept["arn"])
    assert abs(renewed["not_before"] + 3600 - (kept["not_after"] - 60 * DAY)) < 2
    cloud.advance(days=60)
    assert cloud.certificate(lost)["status"] == "EXPIRED"


def test_public_certificates_date_from_midnight(cloud):
    found = cloud.issue("a.example.com", days_ago=3)
    assert found["not_before"] % DAY == 0 and found["not_after"] - found["not_before"] == 198 * DAY


def test_emergency_renewals_may_change_everything(cloud, ca):
    arn = cloud.issue("a.example.com", "b.example.com", ca_arn=ca)["arn"]
    other = cloud.authority(name="Other")
    cloud.renew(arn, force=True, days=10, names=["a.example.com"], eku=["serverAuth"], ca_arn=other)
    found = cloud.boto3("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    assert found["SubjectAlternativeNames"] == ["a.example.com"] and found["Issuer"] == "Other Issuing CA"
    assert [use["Name"] for use in found["ExtendedKeyUsages"]] == ["TLS_WEB_SERVER_AUTHENTICATION"]


def test_export_is_refused_for_a_while_after_renewal(cloud, ca):
    arn = cloud.issue("a.example.com", ca_arn=ca)["arn"]
    cloud.settings(export_refusal_calls=2)
    cloud.renew(arn, force=True)
    acm = cloud.boto3("acm")
    for _ in range(2):
        with refused("ValidationException", "relation of type EXPORT"):
            acm.export_certificate(CertificateArn=arn, Passphrase=b"abcd")
    acm.export_certificate(CertificateArn=arn, Passphrase=b"abcd")


def test_reads_lag(cloud, ca):
    arn = cloud.issue("a.example.com", ca_arn=ca)["arn"]
    acm = cloud.boto3("acm")
    cloud.settings(read_lag=0.3)
    time.sleep(0.35)
    before = acm.describe_certificate(CertificateArn=arn)["Certificate"]["Serial"]
    after = cloud.renew(arn, force=True)["serial"]
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Serial"] == before
    cloud.wait_for(lambda: acm.describe_certificate(CertificateArn=arn)["Certificate"]["Serial"] == after, 2)
    fresh = cloud.issue("b.example.com", ca_arn=ca)["arn"]
    with refused("ResourceNotFoundException"):
        acm.describe_certificate(CertificateArn=fresh)


def test_private_authority_from_scratch(cloud, tmp_path):
    pca = cloud.boto3("acm-pca")
    configuration = {"KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": "SHA256WITHECDSA"}

    def create(kind, name):
        arn = pca.create_certificate_authority(
            CertificateAuthorityConfiguration={**configuration, "Subject": {"CommonName": name}},
            CertificateAuthorityType=kind,
        )["CertificateAuthorityArn"]
        return arn, pca.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"]

    def issue(authority_arn, csr, template, days):
        arn = pca.issue_certificate(
            CertificateAuthorityArn=authority_arn, Csr=csr, SigningAlgorithm="SHA256WITHECDSA",
            TemplateArn=f"arn:aws:acm-pca:::template/{template}", Validity={"Type": "DAYS", "Value": days},
        )["CertificateArn"]  # fmt: skip
        return pca.get_certificate(CertificateAuthorityArn=authority_arn, CertificateArn=arn)

    root, csr = create("ROOT", "Root")
    own = issue(root, csr, "RootCACertificate/V1", 3650)
    pca.import_certificate_authority_certificate(CertificateAuthorityArn=root, Certificate=own["Certificate"])
    sub, csr = create("SUBORDINATE", "Sub")
    signed = issue(root, csr, "SubordinateCACertificate_PathLen0/V1", 1825)
    pca.import_certificate_authority_certificate(
        CertificateAuthorityArn=sub, Certificate=signed["Certificate"], CertificateChain=signed["CertificateChain"]
    )
    assert pca.describe_certificate_authority(CertificateAuthorityArn=sub)["CertificateAuthority"]["Status"] == "ACTIVE"
    acm = cloud.boto3("acm")
    request = {"DomainName": "a.example.com", "CertificateAuthorityArn": sub, "KeyAlgorithm": "EC_prime256v1"}
    refused_arn = acm.request_certificate(**request)["CertificateArn"]
    found = acm.describe_certificate(CertificateArn=refused_arn)["Certificate"]
    assert (found["Status"], found["FailureReason"]) == ("FAILED", "PCA_ACCESS_DENIED")
    actions = ["IssueCertificate", "GetCertificate", "ListPermissions"]
    pca.create_permission(CertificateAuthorityArn=sub, Principal="acm.amazonaws.com", Actions=actions)
    assert pca.list_permissions(CertificateAuthorityArn=sub)["Permissions"][0]["Actions"] == sorted(actions)
    arn = acm.request_certificate(**request, IdempotencyToken="x")["CertificateArn"]
    assert acm.request_certificate(**request, IdempotencyToken="x")["CertificateArn"] == arn
    exported = acm.export_certificate(CertificateArn=arn, Passphrase=b"abcd")
    assert openssl_verifies(tmp_path, exported["Certificate"], exported["CertificateChain"])
    with refused("ValidationException", "family"):
        acm.request_certificate(DomainName="b.example.com", CertificateAuthorityArn=sub)
    public = acm.request_certificate(DomainName="c.example.com", ValidationMethod="DNS")["CertificateArn"]
    assert acm.describe_certificate(CertificateArn=public)["Certificate"]["Issuer"] == "Amazon"


# ACM at the destination


def carried(cloud, ca, **details):
    """(source certificate, parameters of an import of it)."""
    source = cloud.issue("a.example.com", ca_arn=ca, **details)
    return source, carry(cloud, source["arn"])


def carry(cloud, arn):
    found = cloud.boto3("acm", role="certferry-source").export_certificate(CertificateArn=arn, Passphrase=b"abcd")
    key = serialization.load_pem_private_key(found["PrivateKey"].encode(), b"abcd")
    return {
        "Certificate": found["Certificate"],
        "PrivateKey": pki.key_pem(key),
        "CertificateChain": found["CertificateChain"],
    }


@pytest.mark.parametrize("algorithm", ["EC_prime256v1", "RSA_2048"])
def test_import_and_import_again(cloud, algorithm):
    source, material = carried(cloud, cloud.authority(algorithm=algorithm))
    acm = cloud.boto3("acm", DESTINATION, role="certferry-destination")
    arn = acm.import_certificate(**material, Tags=own_tags(source["arn"]))["CertificateArn"]
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] == material["Certificate"]
    assert acm.get_certificate(CertificateArn=arn)["CertificateChain"] == material["CertificateChain"]
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == own_tags(source["arn"])
    cloud.in_use(arn=arn, by=["arn:aws:elasticloadbalancing:eu-west-1:222222222222:loadbalancer/app/a/1"])
    renewed = cloud.renew(source["arn"], force=True)
    assert acm.import_certificate(**carry(cloud, source["arn"]), CertificateArn=arn)["CertificateArn"] == arn
    found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert found["Serial"] == renewed["serial"] and found["Type"] == "IMPORTED" and found["InUseBy"]
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == own_tags(source["arn"]), "tags are kept"
    with refused("ValidationException", "Tagging is not permitted on re-import."):
        acm.import_certificate(**material, CertificateArn=arn, Tags=own_tags(source["arn"]))


def test_destination_role_reaches_nothing_of_others(cloud, ca):
    source, material = carried(cloud, ca)
    acm = cloud.boto3("acm", DESTINATION, role="certferry-destination")
    with refused("AccessDeniedException", "acm:ImportCertificate"):
        acm.import_certificate(**material)
    with refused("AccessDeniedException"):
        acm.import_certificate(**material, Tags=[{"Key": "owner", "Value": "me"}])
    hand = cloud.import_by_hand(DESTINATION, "a.example.com")["arn"]
    with refused("AccessDeniedException", "because no identity-based policy allows the acm:ImportCertificate action"):
        acm.import_certificate(**material, CertificateArn=hand)
    with refused("AccessDeniedException"):
        acm.delete_certificate(CertificateArn=hand)
    with refused("AccessDeniedException"):
        acm.export_certificate(CertificateArn=hand, Passphrase=b"abcd")
    adopted = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["acm:AddTagsToCertificate", "acm:ImportCertificate"], "Resource": [hand]}
        ],
    }
    cloud.put_policy(arn=cloud.role_arn(DESTINATION), name="adopted", document=adopted)
    assert acm.import_certificate(**material, CertificateArn=hand)["CertificateArn"] == hand


def test_tagging_at_import_takes_permission(cloud, ca):
    source, material = carried(cloud, ca)
    document = cloud.shipped_policy(name="destination-acm.json", account=DESTINATION)
    for statement in document["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action != "acm:AddTagsToCertificate"]
    cloud.put_policy(arn=cloud.role_arn(DESTINATION), name="acm", document=document)
    with refused("AccessDeniedException", "acm:AddTagsToCertificate"):
        cloud.boto3("acm", DESTINATION, role="certferry-destination").import_certificate(
            **material, Tags=own_tags(source["arn"])
        )


EC_AUTHORITY = authority()
PRIVATE = Bundle(issuer=EC_AUTHORITY)
LEAF, ISSUING, ROOT_CA = pki.pem(PRIVATE.leaf), *map(pki.pem, EC_AUTHORITY.chain)


def spoilt(**changes):
    return PRIVATE.parameters(**changes)


def test_sound_material_is_accepted(cloud):
    acm = cloud.boto3("acm", DESTINATION)
    acm.import_certificate(**PRIVATE.parameters())
    acm.import_certificate(**spoilt(CertificateChain=ISSUING))
    acm.import_certificate(**spoilt(PrivateKey=pki.key_pem(PRIVATE.key, traditional=False)))
    acm.import_certificate(**Bundle().parameters())


@pytest.mark.parametrize(
    "message, parameters",
    [
        ("more than one certificate", lambda: spoilt(Certificate=LEAF + ISSUING)),
        ("not valid PEM", lambda: spoilt(Certificate=LEAF.replace("\n", " \n", 3))),
        ("not valid PEM", lambda: spoilt(Certificate="-----BEGIN CERTIFICATE-----\n")),
        (
            "cannot be parsed",
            lambda: spoilt(Certificate="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ),
        ("does not match", lambda: spoilt(PrivateKey=pki.key_pem(Bundle().key))),
        ("is encrypted", lambda: spoilt(PrivateKey=pki.encrypted_key_pem(PRIVATE.key, b"abcd"))),
        ("not supported", lambda: spoilt(PrivateKey=ISSUING)),
        ("length less than or equal to 5120", lambda: spoilt(PrivateKey=pki.key_pem(PRIVATE.key) + "\n" * 5120)),
        ("certificate chain.", lambda: spoilt(CertificateChain=None)),
        ("index within the chain of the invalid certificate is: 0", lambda: spoilt(CertificateChain=ROOT_CA + ISSUING)),
        ("invalid certificate is: 1", lambda: spoilt(CertificateChain=ISSUING + pki.pem(authority().above[0]))),
        ("must not contain the certificate itself", lambda: spoilt(CertificateChain=LEAF + ISSUING)),
        ("expired", lambda: Bundle(begin=-20 * DAY, days=10).parameters()),
        ("not yet valid", lambda: Bundle(begin=DAY).parameters()),
        ("algorithm of the signing CA", lambda: Bundle(algorithm="RSA_2048", issuer=EC_AUTHORITY).parameters()),
        ("length greater than or equal to 1", lambda: {**spoilt(), "CertificateChain": ""}),
    ],
)
def test_bad_material_is_refused(cloud, message, parameters):
    with refused("ValidationException", message):
        cloud.boto3("acm", DESTINATION).import_certificate(**parameters())


@pytest.mark.parametrize(
    "message, old, new",
    [
        ("key type and size", {}, {"algorithm": "EC_secp384r1"}),
        ("key type and size", {}, {"algorithm": "RSA_2048"}),
        ("domain name", {}, {"names": ("z.example.com",)}),
        ("KEY_ENCIPHERMENT", {"algorithm": "RSA_2048"}, {"algorithm": "RSA_2048", "ku": ("digitalSignature",)}),
        ("Key Usage was added", {"ku": None}, {}),
        ("SERVER_AUTH", {}, {"eku": ("clientAuth",)}),
        ("Extended Key Usage was added", {"eku": None}, {}),
        (None, {}, {"ku": ("digitalSignature",)}),
        (None, {"eku": ("serverAuth", "clientAuth")}, {"eku": ("serverAuth",)}),
        (None, {}, {"eku": ("serverAuth", "clientAuth")}),
        (None, {}, {"names": ("b.example.com", "a.example.com")}),
    ],
)
def test_import_over_another(cloud, message, old, new):
    acm = cloud.boto3("acm", DESTINATION)
    arn = acm.import_certificate(**Bundle(**old).parameters())["CertificateArn"]
    if message is None:
        acm.import_certificate(**Bundle(**new).parameters(), CertificateArn=arn)
    else:
        with refused("ValidationException", message):
            acm.import_certificate(**Bundle(**new).parameters(), CertificateArn=arn)


def test_only_imports_are_imported_over(cloud, ca):
    arn = cloud.issue("a.example.com", ca_arn=ca)["arn"]
    acm = cloud.boto3("acm")
    with refused("ValidationException", "was not imported"):
        acm.import_certificate(**Bundle().parameters(), CertificateArn=arn)
    with refused("ResourceNotFoundException"):
        acm.import_certificate(**Bundle().parameters(), CertificateArn=arn[:-4] + "0000")


def test_import_quotas(cloud):
    acm = cloud.boto3("acm", DESTINATION)
    cloud.settings(import_limit=2)
    arn = acm.import_certificate(**Bundle().parameters())["CertificateArn"]
    acm.import_certificate(**Bundle().parameters())
    with refused("LimitExceededException"):
        acm.import_certificate(**Bundle().parameters())
    acm.import_certificate(**Bundle().parameters(), CertificateArn=arn)
    cloud.settings(yearly_import_limit=3)
    with refused("LimitExceededException", "in the last year"):
        acm.import_certificate(**Bundle().parameters(), CertificateArn=arn)
    cloud.settings(reimports_count=False)
    acm.import_certificate(**Bundle().parameters(), CertificateArn=arn)


def test_delete_and_tags(cloud):
    arn = cloud.import_by_hand(DESTINATION, "a.example.com", in_use_by=["arn:aws:apigateway:eu-west-1::/x"])["arn"]
    acm = cloud.boto3("acm", DESTINATION)
    with refused("ResourceInUseException"):
        acm.delete_certificate(CertificateArn=arn)
    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a"}])
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    with refused("InvalidTagException"):
        acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "aws:x", "Value": "1"}])
    cloud.in_use(arn=arn, by=[])
    acm.delete_certificate(CertificateArn=arn)
    with refused("ResourceNotFoundException"):
        acm.get_certificate(CertificateArn=arn)


# Finding by tag


def test_tagging(cloud):
    for number in range(5):
        tags = {"certferry:source": f"s{number % 2}", "owner": "platform"}
        cloud.import_by_hand(DESTINATION, f"n{number}.example.com", tags=tags)
    cloud.import_by_hand(DESTINATION, "untagged.example.com")
    tagging = cloud.boto3("tagging", DESTINATION, role="certferry-destination")

    def found(*filters, **more):
        pages = tagging.get_paginator("get_resources").paginate(TagFilters=list(filters), **more)
        return [len(page["ResourceTagMappingList"]) for page in pages]

    assert found() == [5]
    assert found({"Key": "certferry:source", "Values": ["s0"]}) == [3]
    assert found({"Key": "certferry:source", "Values": ["s0", "s1"]}, {"Key": "owner", "Values": ["x"]}) == [0]
    assert found({"Key": "certferry:source"}, ResourceTypeFilters=["secretsmanager:secret"]) == [0]
    assert found({"Key": "owner"}, ResourceTypeFilters=["acm:certificate"], PaginationConfig={"PageSize": 2}) == [
        2,
        2,
        1,
    ]
    with refused("AccessDeniedException"):
        cloud.boto3("tagging", role="certferry-source").get_resources()


def test_tags_lag(cloud):
    cloud.settings(tag_lag_calls=2)
    tagging = cloud.boto3("tagging", DESTINATION)
    arn = cloud.import_by_hand(DESTINATION, "a.example.com", tags={"a": "1"})["arn"]
    assert [len(tagging.get_resources()["ResourceTagMappingList"]) for _ in range(3)] == [0, 0, 1]
    cloud.boto3("acm", DESTINATION).add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "2"}])
    values = [tagging.get_resources()["ResourceTagMappingList"][0]["Tags"][0]["Value"] for _ in range(3)]
    assert values == ["1", "1", "2"]
    cloud.settings(tag_ghost_seconds=60)
    cloud.delete_certificate(arn=arn)
    assert tagging.get_resources()["ResourceTagMappingList"][0]["ResourceARN"] == arn


# Secrets Manager

TOKENS = ["1" * 32, "2" * 32, "3" * 32]
SOURCE_ARN = f"arn:aws:acm:{REGION}:{SOURCE}:certificate/0"


@pytest.fixture
def secrets(cloud):
    return cloud.boto3("secretsmanager", DESTINATION, role="certferry-destination")


def stages(secrets, name="tls/pay"):
    return secrets.describe_secret(SecretId=name)["VersionIdsToStages"]


def test_secret_from_creation_to_rollback(cloud, secrets):
    with refused("ResourceNotFoundException") as answer:
        secrets.describe_secret(SecretId="tls/pay")
    assert answer.status == 400
    created = secrets.create_secret(
        Name="tls/pay", SecretString="one", ClientRequestToken=TOKENS[0], Tags=own_tags(SOURCE_ARN)
    )
    assert created["VersionId"] == TOKENS[0] and re.search(r":secret:tls/pay-\w{6}$", created["ARN"])
    again = secrets.create_secret(
        Name="tls/pay", SecretString="one", ClientRequestToken=TOKENS[0], Tags=own_tags(SOURCE_ARN)
    )
    assert again["ARN"] == created["ARN"]
    with refused("ResourceExistsException"):
        secrets.create_secret(
            Name="tls/pay", SecretString="two", ClientRequestToken=TOKENS[1], Tags=own_tags(SOURCE_ARN)
        )
    put = secrets.put_secret_value(SecretId=created["ARN"], SecretString="two", ClientRequestToken=TOKENS[1])
    assert put["VersionStages"] == ["AWSCURRENT"]
    assert stages(secrets) == {TOKENS[0]: ["AWSPREVIOUS"], TOKENS[1]: ["AWSCURRENT"]}
    secrets.put_secret_value(SecretId="tls/pay", SecretString="two", ClientRequestToken=TOKENS[1])
    secrets.put_secret_value(SecretId="tls/pay", SecretString="one", ClientRequestToken=TOKENS[0])
    assert stages(secrets)[TOKENS[1]] == ["AWSCURRENT"], "an old token again moves nothing"
    with refused("ResourceExistsException"):
        secrets.put_secret_value(SecretId="tls/pay", SecretString="other", ClientRequestToken=TOKENS[1])
    move = {"SecretId": "tls/pay", "VersionStage": "AWSCURRENT", "MoveToVersionId": TOKENS[0]}
    with refused("InvalidParameterException", "RemoveFromVersionId can't be empty"):
        secrets.update_secret_version_stage(**move)
    secrets.update_secret_version_stage(**move, RemoveFromVersionId=TOKENS[1])
    assert stages(secrets) == {TOKENS[0]: ["AWSCURRENT"], TOKENS[1]: ["AWSPREVIOUS"]}
    witness = cloud.boto3("secretsmanager", DESTINATION)
    assert witness.get_secret_value(SecretId="tls/pay")["SecretString"] == "one"
    assert witness.get_secret_value(SecretId="tls/pay", VersionStage="AWSPREVIOUS")["SecretString"] == "two"
    secrets.put_secret_value(
        SecretId="tls/pay", SecretString="three", ClientRequestToken=TOKENS[2], VersionStages=["staged"]
    )
    assert stages(secrets)[TOKENS[2]] == ["staged"] and stages(secrets)[TOKENS[0]] == ["AWSCURRENT"]


def test_secret_of_others_is_out_of_reach(cloud, secrets):
    witness = cloud.boto3("secretsmanager", DESTINATION)
    witness.create_secret(Name="theirs", SecretString="x")
    with refused("AccessDeniedException", "secretsmanager:PutSecretValue"):
        secrets.put_secret_value(SecretId="theirs", SecretString="y")
    with refused("AccessDeniedException", "secretsmanager:CreateSecret"):
        secrets.create_secret(Name="mine", SecretString="x")
    with refused("AccessDeniedException", "secretsmanager:GetSecretValue"):
        secrets.get_secret_value(SecretId="theirs")
    secrets.describe_secret(SecretId="theirs")
    secrets.tag_resource(SecretId="theirs", Tags=own_tags(SOURCE_ARN))
    secrets.put_secret_value(SecretId="theirs", SecretString="y")


def test_reading_a_secret_takes_a_policy_of_its_own(cloud, secrets):
    cloud.boto3("secretsmanager", DESTINATION).create_secret(Name="theirs", SecretString="x")
    document = cloud.shipped_policy(name="destination-secretsmanager-read.json", account=DESTINATION)
    cloud.put_policy(arn=cloud.role_arn(DESTINATION), name="read", document=document)
    assert secrets.get_secret_value(SecretId="theirs")["SecretString"] == "x"
    with refused("AccessDeniedException", "secretsmanager:PutSecretValue"):
        secrets.put_secret_value(SecretId="theirs", SecretString="y")
    cloud.remove_policy(arn=cloud.role_arn(DESTINATION), name="read")
    with refused("AccessDeniedException", "secretsmanager:GetSecretValue"):
        secrets.get_secret_value(SecretId="theirs")


def test_secret_scheduled_for_deletion(cloud, secrets):
    secrets.create_secret(Name="tls/pay", SecretString="one", Tags=own_tags(SOURCE_ARN))
    witness = cloud.boto3("secretsmanager", DESTINATION)
    witness.delete_secret(SecretId="tls/pay")
    assert "DeletedDate" in secrets.describe_secret(SecretId="tls/pay")
    with refused("InvalidRequestException", "marked for deletion") as answer:
        secrets.put_secret_value(SecretId="tls/pay", SecretString="two")
    assert answer.status == 400
    with refused("InvalidRequestException", "scheduled for deletion"):
        secrets.create_secret(Name="tls/pay", SecretString="one", Tags=own_tags(SOURCE_ARN))
    witness.restore_secret(SecretId="tls/pay")
    secrets.put_secret_value(SecretId="tls/pay", SecretString="two")


def test_secret_limits(cloud):
    witness = cloud.boto3("secretsmanager", DESTINATION)
    witness.create_secret(Name="a", SecretString="x" * 65536)
    with refused("ValidationException"):
        witness.put_secret_value(SecretId="a", SecretString="x" * 65537)
    with refused("ValidationException", "Invalid name"):
        witness.create_secret(Name="a b", SecretString="x")
    witness.create_secret(Name="binary", SecretBinary=b"\0\1")
    assert witness.get_secret_value(SecretId="binary")["SecretBinary"] == b"\0\1"
    assert len(witness.list_secret_version_ids(SecretId="a")["Versions"]) == 1
    cloud.mark_secret(account=DESTINATION, region=REGION, name="a", owning_service="rds")
    with refused("InvalidRequestException", "managed by rds"):
        witness.put_secret_value(SecretId="a", SecretString="y")


def test_secret_under_a_key_of_ones_own(cloud, secrets):
    create = {"Name": "a", "SecretString": "x", "Tags": own_tags(SOURCE_ARN), "KmsKeyId": "alias/tls"}
    with refused("EncryptionFailure"):
        secrets.create_secret(**create)
    cloud.add_kms_key(account=DESTINATION, region=REGION, alias="alias/tls")
    secrets.create_secret(**create)
    assert secrets.describe_secret(SecretId="a")["KmsKeyId"] == "alias/tls"
    cloud.remove_policy(arn=cloud.role_arn(DESTINATION), name="secretsmanager-kms")
    with refused("AccessDeniedException", "kms:GenerateDataKey"):
        secrets.put_secret_value(SecretId="a", SecretString="y")


# What goes wrong


@pytest.fixture
def sqs(cloud):
    return cloud.boto3("sqs")


def bodies(answer):
    return sorted(message["Body"] for message in answer.get("Messages", []))


def test_queue_gives_and_deletes(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert url == f"https://sqs.{REGION}.amazonaws.com/{SOURCE}/q"
    assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == url
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sent = {sqs.send_message(QueueUrl=url, MessageBody=f"<{n}>")["MessageId"] for n in range(12)}
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"])
    assert 1 <= len(first["Messages"]) <= 10
    assert {message["MessageId"] for message in first["Messages"]} <= sent
    assert first["Messages"][0]["Attributes"] == {"ApproximateReceiveCount": "1"}
    entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(first["Messages"])]
    entries[0]["ReceiptHandle"] = "nobody gave this out"
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [failed["Code"] for failed in answer["Failed"]] == ["ReceiptHandleIsInvalid"]
    assert len(answer["Successful"]) == len(entries) - 1
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (counted["ApproximateNumberOfMessages"], counted["ApproximateNumberOfMessagesNotVisible"]) == ("2", "1")
    second = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    for message in second:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert len(second) == 2
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["Messages"][0]["ReceiptHandle"], VisibilityTimeout=0)
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_queue_hides_what_it_gave(cloud, sqs):
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    old = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    # A long poll sees the end of the timeout.
    (again,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, AttributeNames=["All"])["Messages"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=old)  # a success without effect
    assert len(cloud.queue(url=url)) == 1
    cloud.release_messages(url=url)
    assert bodies(sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)) == ["a"]
    assert bodies(sqs.receive_message(QueueUrl=url, VisibilityTimeout=40)) == ["a"]
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)) == []


def test_queue_long_poll(cloud, sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    begin = time.monotonic()
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)) == []
    assert 0.95 < time.monotonic() - begin < 3
    threading.Timer(0.5, lambda: cloud.boto3("sqs").send_message(QueueUrl=url, MessageBody="a")).start()
    begin = time.monotonic()
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)) == ["a"]
    assert 0.4 < time.monotonic() - begin < 5


def test_queue_redrives_to_its_dead_letter_queue(cloud, sqs):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})}
    url = sqs.create_queue(QueueName="q", Attributes=redrive)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        assert bodies(sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)) == ["poison"]
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    assert bodies(sqs.receive_message(QueueUrl=dead)) == ["poison"]


def test_queue_refuses(cloud, sqs):
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        sqs.receive_message(QueueUrl=f"https://sqs.{REGION}.amazonaws.com/{SOURCE}/none")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with refused("InvalidParameterValue"):
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    with refused("InvalidParameterValue"):
        sqs.receive_message(QueueUrl=url, WaitTimeSeconds=21)
    with refused("InvalidMessageContents"):
        sqs.send_message(QueueUrl=url, MessageBody="\x01")
    with refused("AWS.SimpleQueueService.TooManyEntriesInBatchRequest"):
        sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": "x"} for n in range(11)])
    with refused("AWS.SimpleQueueService.BatchEntryIdsNotDistinct"):
        sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": "x"}] * 2)
    with refused("AccessDenied"):
        cloud.boto3("sqs", keys=cloud.keys(SOURCE, "certferry")).receive_message(QueueUrl=url)


def test_queue_by_json(cloud, sqs):
    """The protocol of newer SDKs, which Debian's boto3 does not speak."""
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    ask = functools.partial(cloud.request, "sqs")
    assert ask("ReceiveMessage", {"QueueUrl": url}) == (200, {})
    status, sent = ask("SendMessage", {"QueueUrl": url, "MessageBody": "a"})
    status, answer = ask("ReceiveMessage", {"QueueUrl": url, "AttributeNames": ["ApproximateReceiveCount"]})
    (message,) = answer["Messages"]
    assert (status, message["MessageId"], message["Body"]) == (200, sent["MessageId"], "a")
    assert message["Attributes"] == {"ApproximateReceiveCount": "1"}
    entries = [{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}]
    deleted = ask("DeleteMessageBatch", {"QueueUrl": url, "Entries": entries})
    assert deleted == (200, {"Successful": [{"Id": "0"}]})
    status, answer = ask("ReceiveMessage", {"QueueUrl": url + "x"})
    assert (status, answer["__type"]) == (400, "com.amazonaws.sqs#QueueDoesNotExist")


def test_renewal_becomes_an_event(cloud, ca):
    urls = cloud.event_queue()
    host = cloud.boto3("sqs", keys=cloud.keys(SOURCE, "certferry"))
    made = cloud.issue("pay.example.com", ca_arn=ca, days_ago=2)
    assert cloud.queue(url=urls["queue"]) == []
    after = cloud.renew(made["arn"], force=True)
    (message,) = host.receive_message(QueueUrl=urls["queue"])["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"]) == ("aws.acm", "ACM Certificate Available")
    assert (event["account"], event["region"], event["resources"]) == (SOURCE, REGION, [made["arn"]])
    assert (event["detail"]["Action"], event["detail"]["CommonName"]) == ("RENEWAL", "pay.example.com")
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(after["not_after"]))
    assert event["detail"]["CertificateExpirationDate"] == end
    host.delete_message(QueueUrl=urls["queue"], ReceiptHandle=message["ReceiptHandle"])
    with refused("AccessDenied"):
        host.send_message(QueueUrl=urls["queue"], MessageBody="x")
    # What the rule is not for, and what is elsewhere.
    cloud.event(arn=made["arn"], detail_type="ACM Certificate Approaching Expiration", detail={"DaysToExpiry": 30})
    cloud.renew(cloud.issue("far.example.com", region="us-east-1")["arn"], force=True)
    assert cloud.queue(url=urls["queue"]) == []
    for status in ("REVOKED", "EXPIRED"):
        cloud.mark(arn=made["arn"], status=status)
    cloud.boto3("acm").request_certificate(DomainName="new.example.com", ValidationMethod="DNS")
    found = [json.loads(message["body"]) for message in cloud.queue(url=urls["queue"])]
    assert [event["detail-type"].split()[-1] for event in found] == ["Revoked", "Expired", "Available"]
    assert found[2]["detail"]["Action"] == "ISSUANCE"


def test_events_are_best_effort(cloud, ca):
    urls = cloud.event_queue()
    host = cloud.boto3("sqs", keys=cloud.keys(SOURCE, "certferry"))
    made = cloud.issue("pay.example.com", ca_arn=ca, days_ago=2)["arn"]
    cloud.settings(events_lost=1, events_copies=2, events_late=3.0)
    cloud.event(arn=made)
    assert cloud.queue(url=urls["queue"]) == []
    sent = cloud.event(arn=made)
    found = cloud.queue(url=urls["queue"])
    assert [json.loads(message["body"]) for message in found] == [sent, sent]
    assert found[0]["id"] != found[1]["id"]
    assert bodies(host.receive_message(QueueUrl=urls["queue"])) == []
    assert len(host.receive_message(QueueUrl=urls["queue"], WaitTimeSeconds=10)["Messages"]) >= 1
    # Without the queue's policy EventBridge may not write.
    cloud.boto3("sqs").set_queue_attributes(QueueUrl=urls["queue"], Attributes={"Policy": ""})
    cloud.event(arn=made)
    assert len(cloud.events_failed()) == 1
    # A rule of another name is not the one that the policy admits.
    cloud.event_queue(region="us-east-1")
    far = cloud.issue("far.example.com", region="us-east-1")["arn"]
    url = f"https://sqs.us-east-1.amazonaws.com/{SOURCE}/certferry"
    pattern = {"source": ["aws.acm"]}
    cloud.event_rule(account=SOURCE, region="us-east-1", name="other", pattern=pattern, queue=url)
    cloud.event(arn=far)
    assert len(cloud.events_failed()) == 2


def test_quotas_throttle(cloud):
    acm = cloud.boto3("acm", DESTINATION)
    cloud.quotas(enabled=True)
    arn = acm.import_certificate(**Bundle().parameters())["CertificateArn"]
    with refused("ThrottlingException", "Rate exceeded") as answer:
        acm.import_certificate(**Bundle().parameters(), CertificateArn=arn)
    assert answer.status == 400
    cloud.boto3("acm", SECOND).import_certificate(**Bundle().parameters())
    for _ in range(10):
        acm.describe_certificate(CertificateArn=arn)
    cloud.quotas(rates={"acm:ImportCertificate": 50})
    for _ in range(3):
        acm.import_certificate(**Bundle().parameters(), CertificateArn=arn)


def test_faults_are_matched_and_counted(cloud):
    acm, other = cloud.boto3("acm", DESTINATION), cloud.boto3("acm", SECOND)
    id = cloud.fault("throttle", operation="ListCertificates", account=DESTINATION, count=2, skip=1)
    other.list_certificates()
    acm.list_certificates()
    for _ in range(2):
        with refused("ThrottlingException"):
            acm.list_certificates()
    acm.list_certificates()
    assert cloud.faults()[0]["fired"] == 2
    cloud.clear_faults(id=id)
    assert cloud.faults() == []
    with pytest.raises(ControlError, match="known are"):
        cloud.fault("earthquake")


def test_fault_answers(cloud):
    acm = cloud.boto3("acm", DESTINATION)
    cloud.fault("error", count=1, code="InternalFailure", message="oops", status=500)
    with refused("InternalFailure", "oops") as answer:
        acm.list_certificates()
    assert answer.status == 500
    cloud.fault("html", count=1)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        acm.list_certificates()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    cloud.fault("redirect", count=1, location="https://elsewhere.invalid/")
    assert cloud.request("acm", "ListCertificates", {})[0] == 307
    cloud.fault("delay", count=1, seconds=0.3)
    begin = time.monotonic()
    acm.list_certificates()
    assert time.monotonic() - begin > 0.29


def test_fault_connections(cloud):
    acm = cloud.boto3("acm", DESTINATION, read_timeout=1)
    for fault in ({"kind": "reset"}, {"kind": "cut", "bytes": 0}):
        cloud.fault(**fault, count=1)
        with pytest.raises(botocore.exceptions.HTTPClientError):
            acm.list_certificates()
    cloud.fault("cut", count=1, bytes=-5)
    where = urllib.parse.urlsplit(cloud.endpoint)
    connection = http.client.HTTPSConnection(where.netloc, context=ssl.create_default_context(cafile=cloud.ca))
    connection.request("POST", "/", body=b"{}")
    with pytest.raises(http.client.IncompleteRead) as error:
        connection.getresponse().read()
    assert error.value.expected == 5
    cloud.fault("blackhole", count=1)
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        acm.list_certificates()
    cloud.fault("reset", count=1, phase="after", operation="ImportCertificate")
    with pytest.raises(botocore.exceptions.HTTPClientError):
        acm.import_certificate(**Bundle().parameters())
    assert len(cloud.certificates(account=DESTINATION)) == 1, "the write happened, the answer was lost"


def test_delay_ends_when_it_is_cleared(cloud):
    """How a test stops a client between two steps, and lets it go on or kills it."""
    cloud.fault("delay", seconds=60, phase="after", operation="ImportCertificate")
    acm = cloud.boto3("acm", DESTINATION)
    thread = threading.Thread(target=acm.import_certificate, kwargs=Bundle().parameters())
    thread.start()
    cloud.wait_for(lambda: cloud.certificates(account=DESTINATION))
    assert thread.is_alive()
    cloud.clear_faults()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_fault_endless_listing(cloud):
    cloud.import_by_hand(DESTINATION, "a.example.com")
    cloud.fault("endless", operation="ListCertificates")
    acm = cloud.boto3("acm", DESTINATION)
    token = None
    for _ in range(5):
        answer = acm.list_certificates(Includes=EVERY_KEY_TYPE, **({"NextToken": token} if token else {}))
        token = answer["NextToken"]
        assert len(answer["CertificateSummaryList"]) == 1


@pytest.mark.parametrize("flaw", ["untrusted", "expired", "wrong-name"])
def test_flawed_tls(cloud, flaw):
    where = urllib.parse.urlsplit(cloud.tls_endpoint(flaw=flaw))
    context = ssl.create_default_context(cafile=cloud.ca)
    with socket.create_connection((where.hostname, where.port)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_journal_tells_all_but_secrets(cloud, ca):
    source, material = carried(cloud, ca)
    acm = cloud.boto3("acm", DESTINATION, role="certferry-destination")
    acm.import_certificate(**material, Tags=own_tags(source["arn"]))
    cloud.request("acm", "ListCertificates", {"Includes": {"KeyTypes": ["RSA_2048"]}})
    (entry,) = cloud.journal(operation="ImportCertificate")
    assert entry["account"] == DESTINATION and entry["status"] == 200 and entry["request_id"]
    assert entry["principal"] == f"arn:aws:sts::{DESTINATION}:assumed-role/certferry-destination/test"
    assert entry["notes"] == {"fingerprint": cloud.certificate(source["arn"])["fingerprint"], "again": False}
    everything = json.dumps(cloud.journal())
    assert "PRIVATE KEY" not in everything and "YWJjZA==" not in everything
    assert cloud.journal(operation="ListCertificates")[0]["ignored"] == ["Includes.KeyTypes"]
    assert cloud.journal_counts()[SOURCE]["ExportCertificate"] == 1
    position = cloud.journal_position()
    assert cloud.journal_counts(since=position) == {}


def test_connections_are_kept(cloud):
    acm = cloud.boto3("acm")
    for _ in range(3):
        acm.list_certificates()
    assert len({entry["connection"] for entry in cloud.journal(operation="ListCertificates")}) == 1


@pytest.mark.alone
def test_requests_are_answered_fast(cloud):
    acm = cloud.boto3("acm")
    begin = time.monotonic()
    for _ in range(200):
        acm.list_certificates()
    assert time.monotonic() - begin < 4, "boto3 itself takes most of this"


def test_manual_names_everything():
    manual = (ROOT / "tests" / "cloud" / "README.md").read_text()
    orders = [name for name in vars(Control) if not name.startswith("_") and name not in ("handle", "world")]
    modules = [path.stem for path in (ROOT / "tests" / "cloud").glob("*.py") if not path.stem.startswith(("_", "test_"))]
    for word in [*orders, *DEFAULTS, *KINDS, *modules]:
        assert re.search(rf"\b{word}\b", manual), f"README.md does not name {word}"
