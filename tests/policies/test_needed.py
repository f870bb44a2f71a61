# SPDX-License-Identifier: Apache-2.0
"""Every action of every policy is there for a scenario, which fails without it."""

import json
import shutil
import subprocess

import pytest

from tests.cloud.harness import Cloud
from tests.policies import scenarios
from tests.policies.shipped import IAM, cells, without
from tests.scenarios.vocabulary import Ferry

ROLES = ("sts:AssumeRole",)
SESSIONS = ("sts:SetSourceIdentity", "sts:TagSession")
OF_IMPORTS = ("acm:AddTagsToCertificate", "acm:ImportCertificate")
# {file: {Sid: {action: the scenario that needs it}}}
NEEDED = {
    "host.json": {
        sid: {**dict.fromkeys(ROLES, "certificate_to_acm"), **dict.fromkeys(SESSIONS, "sessions_that_say_who_they_are")}
        for sid in ("TheSource", "DestinationsOfTheOrganization")
    },
    "host-accounts.json": {"TheRolesOfCertferry": dict.fromkeys(ROLES + SESSIONS, "accounts_in_no_organization")},
    "host-trust.json": {"ItsInstance": {"sts:AssumeRole": "instance"}},
    **{
        f"{side}-trust.json": {
            "TheHost": dict.fromkeys(ROLES, "certificate_to_acm"),
            "ItsSessions": dict.fromkeys(SESSIONS, "sessions_that_say_who_they_are"),
        }
        for side in ("source", "destination")
    },
    "source.json": {
        "SeeWhatChanged": dict.fromkeys(("acm:ListCertificates", "acm:SearchCertificates"), "certificate_to_acm"),
        "ReadAndExport": {
            "acm:DescribeCertificate": "reason_of_a_renewal_that_does_not_come",
            "acm:ExportCertificate": "certificate_to_acm",
            "acm:GetCertificate": "certificate_to_acm",
            "acm:ListTagsForCertificate": "certificates_by_their_tags",
        },
    },
    "destination-acm.json": {
        "SeeWhatIsThere": {"acm:ListCertificates": "certificate_to_acm", "tag:GetResources": "imports_found_again"},
        "ReadBack": {
            "acm:DescribeCertificate": "users_of_what_stands_in_the_way",
            "acm:GetCertificate": "certificate_to_acm",
            "acm:ListTagsForCertificate": "imports_found_again",
        },
        "FirstImportWithItsTags": dict.fromkeys(OF_IMPORTS, "certificate_to_acm"),
        "ImportAgainOverItsOwn": {
            "acm:AddTagsToCertificate": "root_marked_on_an_import",
            "acm:ImportCertificate": "certificate_to_acm",
        },
    },
    "destination-secretsmanager.json": {
        "SeeVersions": {"secretsmanager:DescribeSecret": "secret"},
        "CreateWithItsTags": dict.fromkeys(("secretsmanager:CreateSecret", "secretsmanager:TagResource"), "secret"),
        "WriteItsOwn": {
            "secretsmanager:PutSecretValue": "secret",
            "secretsmanager:TagResource": "root_marked_on_a_secret",
            "secretsmanager:UpdateSecretVersionStage": "secret_of_an_interrupted_write",
        },
    },
    "destination-secretsmanager-kms.json": {
        "EncryptThroughSecretsManager": dict.fromkeys(("kms:Decrypt", "kms:GenerateDataKey"), "secret_under_a_key_of_ones_own"),
    },
    "destination-secretsmanager-read.json": {
        "NameTheFieldsOfOthers": {"secretsmanager:GetSecretValue": "fields_of_others_named"},
    },
    "events-host.json": {"ReceiveEvents": dict.fromkeys(("sqs:DeleteMessage", "sqs:ReceiveMessage"), "events")},
    "events-queue.json": {"TheRuleAlone": {"sqs:SendMessage": "events"}},
}  # fmt: skip


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """A cloud, and the directory of policies that it reads at each reset."""
    directory = tmp_path_factory.mktemp("policies") / "iam"
    shutil.copytree(IAM, directory)
    with Cloud(iam=directory, log=subprocess.DEVNULL) as cloud:
        yield cloud, directory


@pytest.fixture
def told(running, tmp_path):
    """told(scenario, file, document): tell it, with that document in place of the file; what was denied, and what failed."""
    cloud, directory = running
    ferry = None

    def tell(name, file=None, document=None):
        nonlocal ferry
        if file:
            (directory / file).write_text(json.dumps(document))
        cloud.reset()
        ferry = Ferry(cloud, tmp_path)
        failed = None
        try:
            getattr(scenarios, name)(ferry, cloud)
        except Exception as error:  # a scenario fails as it can: with a wait that ended, an order that was refused
            failed = error
        return scenarios.denied(cloud), failed

    yield tell
    ferry.end()
    for path in IAM.glob("*.json"):
        shutil.copy(path, directory)


@pytest.mark.parametrize("scenario", scenarios.ALL, ids=lambda scenario: scenario.__name__)
def test_scenario_needs_no_more(told, scenario):
    assert told(scenario.__name__) == ([], None)


def test_every_action_has_its_scenario():
    wanted = {(file, sid, action) for file, sids in NEEDED.items() for sid, actions in sids.items() for action in actions}
    assert wanted == set(cells())


@pytest.mark.parametrize("cell", cells(), ids=str)
def test_scenario_fails_without(told, cell):
    """By a denial: not for any other reason."""
    denied, _ = told(NEEDED[cell.file][cell.sid][cell.action], cell.file, without(cell))
    assert denied != []
