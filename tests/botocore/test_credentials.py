# SPDX-License-Identifier: Apache-2.0
"""Which credentials, region and endpoint: certferryd against boto3, in hundreds of environments.

Both meet the same variables, files, programs, metadata services and STS, on the same addresses (a network namespace
of their own, where the real ones lie on the loopback device).  What each chose is what arrives on the wire: the host,
the region that is signed for, the access key and the session token; and the same of each request to STS before it."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from credential_cases import make_cases  # noqa: E402

DAEMON = HERE.parents[1] / (os.environ.get("BUILD") or "build") / "certferryd"
CASES = make_cases()


# Where certferryd departs from botocore on purpose: by what botocore's environment has to be changed to choose as
# certferryd does.  Whatever follows from the change is compared like everything else.
def region_of_other_sdks(case, env):
    """AWS_REGION is what all other SDKs and Lambda, ECS and EKS set; botocore does not read it."""
    if env.get("AWS_REGION"):
        env["AWS_DEFAULT_REGION"] = env["AWS_REGION"]


def empty_is_unset(case, env):
    """An empty variable is no name of a profile or region: as in a unit's EnvironmentFile= with "AWS_PROFILE="."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_DEFAULT_REGION"):
        if env.get(name) == "":
            del env[name]


def second_version_only(case, env):
    """The first version of the metadata service answers whoever can make the host send a GET: it is never asked."""
    if case["imds"] in ("v1-only", "none", "slow"):
        env["AWS_EC2_METADATA_V1_DISABLED"] = "true"


def metadata_is_near(case, env):
    """A token that stands for this host goes to no proxy, whatever NO_PROXY says."""
    if env.get("HTTP_PROXY"):
        env["NO_PROXY"] = env["no_proxy"] = "169.254.169.254,[fd00:ec2::254],127.0.0.1,127.0.0.1:4010"


def settings_concern_who_reads_them(case, env):
    """A setting of the metadata service that makes no sense refuses whoever comes to ask that service, and not also
    the keys that are found before.  A number of tries that is none is the default."""
    if env.get("AWS_METADATA_SERVICE_NUM_ATTEMPTS") == "many":
        del env["AWS_METADATA_SERVICE_NUM_ATTEMPTS"]
    endpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
    for name, nonsense in (f"{endpoint}_MODE", "both"), (endpoint, "nowhere"):
        if env.get(name) == nonsense:
            del env[name]
            env["AWS_EC2_METADATA_DISABLED"] = "true"


DEPARTURES = [region_of_other_sdks, empty_is_unset, second_version_only, metadata_is_near,
              settings_concern_who_reads_them]  # fmt: skip


def with_reference(case):
    env = dict(case["env"])
    for departure in DEPARTURES:
        departure(case, env)
    return case | {"reference_env": env}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    directory = tmp_path_factory.mktemp("credentials")
    unshare = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    run = subprocess.run(
        [*unshare, sys.executable, HERE / "credential_runner.py", directory, DAEMON],
        input=json.dumps([with_reference(case) for case in CASES]), capture_output=True, text=True,
        timeout=900,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def chosen(found):
    """What the request to ACM was sent with, or that there was none."""
    for entry in found["log"]:
        if entry["kind"] == "aws" and entry["operation"] == "ListCertificates":
            return {name: entry[name] for name in ("url", "region", "service", "key", "token")}
    return "refused"


def roles(found):
    """The requests to STS, in their order; one that is repeated counts once."""
    asked = []
    for entry in found["log"]:
        if entry["kind"] == "aws" and "form" in entry and entry not in asked:
            asked.append(entry)
    return asked


@pytest.mark.parametrize("number", range(len(CASES)))
def test_same_choice(results, number):
    boto3, certferry = results[number]["boto3"], results[number]["certferry"]
    story = json.dumps(CASES[number], indent=1) + f"\nboto3: {boto3['said']}\ncertferry: {certferry['said']}"
    assert chosen(certferry) == chosen(boto3), story
    assert roles(certferry) == roles(boto3), story


def test_the_cases_are_worth_it(results):
    """Enough of them succeed and are refused, use each source, and fail in each way."""
    keys = [one["key"] for one in (chosen(result["boto3"]) for result in results) if one != "refused"]
    said = [result["boto3"]["said"] for result in results]
    assert len(CASES) >= 200
    assert len(keys) >= len(CASES) * 2 / 5
    assert len(CASES) - len(keys) >= len(CASES) / 5
    for part in ("AKIAENV", "AKIACONFIG", "AKIACREDENTIALS", "AKIAPROCESS", "BYAKIA", "BYWEB", "BYASIA", "ASIAIMDSFOUR",
                 "ASIAIMDSSIX", "ASIAIMDSOWN", "ASIACONTAINER"):  # fmt: skip
        assert sum(part in key for key in keys) >= 2, part
    for failure in ("ProfileNotFound", "InfiniteLoop", "PartialCredentials", "ConfigParse", "InvalidConfig",
                    "CredentialRetrieval", "NoCredentials", "RuntimeError: Credentials were refreshed", "NoRegion",
                    "AccessDenied) when calling the AssumeRole", "FileNotFound", "ValueError"):  # fmt: skip
        assert sum(failure in words for words in said) >= 2, failure
