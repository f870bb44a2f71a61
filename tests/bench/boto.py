#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""boto3 doing what certferry does, as scripts do it.

boto.py requests ENDPOINT OPERATION REQUESTS THREADS BODY-FILE: as tests/bench/client.c
boto.py sync ENDPOINT THREADS ACCOUNT...: every certificate of the source to each account
Prints one line of JSON; the processor's time is that of the work alone, without starting Python and boto3.
"""

import base64
import concurrent.futures
import json
import pathlib
import resource
import secrets
import sys
import time

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives import serialization

REGION = "eu-west-1"
KEY_TYPES = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
SOURCE_ROLE = "arn:aws:iam::111111111111:role/certferry-source"


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def pss_kib():
    for line in pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def client(service, endpoint, threads, **keys):
    return boto3.client(service, REGION, endpoint_url=endpoint, config=Config(max_pool_connections=threads), **keys)


def in_threads(count, work, items):
    """${work} for each of ${items}; one thread is none."""
    if count == 1:
        return [work(item) for item in items]
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, items))


def measure(work, *arguments):
    begin, cpu = time.monotonic(), cpu_seconds()
    result = work(*arguments)
    return {"seconds": time.monotonic() - begin, "cpu_seconds": cpu_seconds() - cpu, "pss_kib": pss_kib(), **result}


def requests(endpoint, operation, count, threads, file):
    acm = client("acm", endpoint, threads)
    arguments = json.loads(pathlib.Path(file).read_text())
    ask = {
        "list": lambda: acm.list_certificates(MaxItems=1000, Includes={"keyTypes": KEY_TYPES}),
        "describe": lambda: acm.describe_certificate(**arguments),
        "import": lambda: acm.import_certificate(
            CertificateArn=arguments["CertificateArn"],
            **{name: base64.b64decode(arguments[name]) for name in ("Certificate", "PrivateKey", "CertificateChain")},
        ),
    }[operation]
    in_threads(threads, lambda _: ask(), range(threads))  # connect

    def many(_):
        for _ in range(count // threads):
            ask()

    def work():
        in_threads(threads, many, range(threads))
        return {"requests": count // threads * threads}

    return measure(work)


def assume(endpoint, threads, role):
    sts = client("sts", endpoint, 1)
    keys = sts.assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
    return client(
        "acm", endpoint, threads, aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
    )  # fmt: skip


def sync(endpoint, threads, accounts):
    def carry(arn):
        """What the scripts in use do, and the checks that certferry makes: the key is the leaf's, and what arrived is
        what was sent."""
        described = source.describe_certificate(CertificateArn=arn)["Certificate"]
        passphrase = secrets.token_hex(16).encode()
        export = source.export_certificate(CertificateArn=arn, Passphrase=passphrase)
        key = serialization.load_pem_private_key(export["PrivateKey"].encode(), passphrase)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        tags = [{"Key": "certferry:source", "Value": arn}, {"Key": "certferry:name", "Value": described["DomainName"]}]
        for account, acm in destinations.items():
            existing = known[account].get(arn)
            imported = acm.import_certificate(
                Certificate=export["Certificate"].encode(), PrivateKey=pem,
                CertificateChain=export["CertificateChain"].encode(),
                **({"CertificateArn": existing} if existing else {"Tags": tags}),
            )  # fmt: skip
            back = acm.get_certificate(CertificateArn=imported["CertificateArn"])
            if back["Certificate"].strip() != export["Certificate"].strip():
                raise RuntimeError(f"{arn} in {account} is not what was imported")

    def imports(item):
        """{source ARN: ARN} of what is there already, by its tags."""
        account, acm = item
        found = {}
        for page in acm.get_paginator("list_certificates").paginate(Includes={"keyTypes": KEY_TYPES}):
            for summary in page["CertificateSummaryList"]:
                arn = summary["CertificateArn"]
                for tag in acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]:
                    if tag["Key"] == "certferry:source":
                        found[tag["Value"]] = arn
        return account, found

    begin, cpu = time.monotonic(), cpu_seconds()
    source = assume(endpoint, threads, SOURCE_ROLE)
    destinations = {
        account: assume(endpoint, threads, f"arn:aws:iam::{account}:role/certferry-destination") for account in accounts
    }
    known = dict(in_threads(threads, imports, destinations.items()))
    arns = [
        summary["CertificateArn"]
        for page in source.get_paginator("list_certificates").paginate(Includes={"keyTypes": KEY_TYPES})
        for summary in page["CertificateSummaryList"]
    ]
    in_threads(threads, carry, arns)
    return {"seconds": time.monotonic() - begin, "cpu_seconds": cpu_seconds() - cpu, "pss_kib": pss_kib()}


def main(mode, endpoint, *rest):
    if mode == "requests":
        return requests(endpoint, rest[0], int(rest[1]), int(rest[2]), rest[3])
    return sync(endpoint, int(rest[0]), rest[1:])


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
