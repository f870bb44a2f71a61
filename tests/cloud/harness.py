"""The cloud as a test sees it: a process that it starts, orders and asks, and boto3 clients that speak to it."""

import json
import os
import select
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"  # Debian's: the libraries are its packages
SOURCE, DESTINATION, SECOND = "111111111111", "222222222222", "333333333333"
REGION = "eu-west-1"
READY_SECONDS = 20
TARGETS = {
    "acm": "CertificateManager",
    "acm-pca": "ACMPrivateCA",
    "secretsmanager": "secretsmanager",
    "sqs": "AmazonSQS",
    "tagging": "ResourceGroupsTaggingAPI_20170126",
}


class ControlError(Exception):
    """The cloud refused an order; the text says why."""


class Cloud:
    """with Cloud() as cloud: ... Every control order is a method: cloud.renew(arn, force=True)."""

    def __init__(self, directory=None, accounts=(DESTINATION, SECOND), source=SOURCE, port=0, iam=None, log=None):
        self.source = source
        self.accounts_wanted = list(accounts)
        self.port = port
        self.iam = iam
        self.log = log
        self.process = None
        self.temporary = None if directory else tempfile.TemporaryDirectory(prefix="certferry-cloud-")
        self.directory = Path(directory or self.temporary.name)
        self._accounts = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        command = [PYTHON, "-m", "tests.cloud", "--directory", str(self.directory), "--until-eof"]
        command += ["--port", str(self.port), "--source", self.source]
        for account in self.accounts_wanted:
            command += ["--account", account]
        if self.iam:
            command += ["--iam", str(self.iam)]
        # The pipe that nobody writes to ends with this process: the cloud cannot outlive its test.
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=_plain_environment()
        )
        if not select.select([self.process.stdout], [], [], READY_SECONDS)[0]:
            self.stop()
            raise TimeoutError(f"the cloud was not ready within {READY_SECONDS} s")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the cloud ended at once with status {self.process.wait()}")
        ready = json.loads(line)
        self.endpoint, self.control, self.ca = ready["endpoint"], ready["control"], ready["ca"]
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None
        if self.temporary:
            self.temporary.cleanup()

    def call(self, order, **arguments):
        """Give a control order and return its result."""
        data = json.dumps(arguments).encode()
        request = urllib.request.Request(f"{self.control}/{order}", data=data, method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as error:
            raise ControlError(json.load(error)["error"]) from None

    def __getattr__(self, order):
        if order.startswith("_"):
            raise AttributeError(order)
        return lambda **arguments: self.call(order, **arguments)

    # The orders that are given most, with their arguments in the usual order; all others are passed on as they are.

    def renew(self, arn, **changes):
        return self.call("renew", arn=arn, **changes)

    def certificate(self, arn):
        return self.call("certificate", arn=arn)

    def fault(self, kind, **order):
        return self.call("fault", kind=kind, **order)

    def issue(self, *names, **details):
        return self.call("issue", names=names, **details)

    def import_by_hand(self, account, *names, **details):
        return self.call("import_by_hand", account=account, names=names, **details)

    def reset(self):
        self._accounts = None
        self.call("reset")

    def add_account(self, account, **organization):
        self._accounts = None
        self.call("add_account", account=account, **organization)

    # Keys and clients

    def keys(self, account=None, user="administrator"):
        """{access_key, secret_key, session_token, arn} of a user; the host's is "certferry" of the source account."""
        if self._accounts is None:
            self._accounts = self.call("accounts")
        return self._accounts[account or self.source]["users"][user]

    def role_arn(self, account, role="certferry-destination"):
        return f"arn:aws:iam::{account}:role/{role}"

    def environment(self, region=REGION, keys=None, inherit=True):
        """The environment for a program that is to take this for AWS; as the host's user unless keys say otherwise."""
        keys = keys or self.keys(self.source, "certferry")
        found = _plain_environment() if inherit else {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        found.update(
            AWS_ENDPOINT_URL=self.endpoint,
            AWS_CA_BUNDLE=self.ca,
            AWS_ACCESS_KEY_ID=keys["access_key"],
            AWS_SECRET_ACCESS_KEY=keys["secret_key"],
            AWS_REGION=region,
            AWS_EC2_METADATA_DISABLED="true",
        )
        if keys.get("session_token"):
            found["AWS_SESSION_TOKEN"] = keys["session_token"]
        return found

    def boto3(self, service, account=None, role=None, keys=None, region=REGION, retries=0, **config):
        """A client: as the account's administrator, as a session of its role, or with the keys given.

        It does not retry unless told to, so that a test sees the first answer.
        """
        if role:
            keys = self.call("session", role_arn=self.role_arn(account or self.source, role))
        keys = keys or self.keys(account)
        config.setdefault("connect_timeout", 5)
        config.setdefault("read_timeout", 30)
        return boto3.session.Session().client(
            "resourcegroupstaggingapi" if service == "tagging" else service,
            region_name=region,
            endpoint_url=self.endpoint,
            verify=self.ca,
            aws_access_key_id=keys["access_key"],
            aws_secret_access_key=keys["secret_key"],
            aws_session_token=keys.get("session_token"),
            config=Config(retries={"total_max_attempts": retries + 1, "mode": "standard"}, proxies={}, **config),
        )

    def request(
        self, service, operation, parameters, keys=None, region=REGION, headers=None, endpoint=None, timeout=10
    ):
        """A signed JSON request without boto3's model: (status, answer).

        For operations that Debian's botocore lacks, and for parameters that it would not send.
        """
        keys = keys or self.keys()
        request = AWSRequest(
            "POST",
            endpoint or self.endpoint,
            data=parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode(),
        )
        request.headers["Content-Type"] = f"application/x-amz-json-{'1.0' if service == 'sqs' else '1.1'}"
        request.headers["X-Amz-Target"] = f"{TARGETS[service]}.{operation}"
        for name, value in (headers or {}).items():
            request.headers[name] = value
        credentials = Credentials(keys["access_key"], keys["secret_key"], keys.get("session_token"))
        SigV4Auth(credentials, service, region).add_auth(request)
        answer = URLLib3Session(verify=self.ca, timeout=timeout).send(request.prepare())
        try:
            return answer.status_code, json.loads(answer.content or b"{}")
        except ValueError:
            return answer.status_code, answer.text

    def wait_for(self, condition, seconds=10.0, every=0.02):
        """Ask until the condition (a function) gives something true, and return that."""
        end = time.monotonic() + seconds
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() >= end:
                raise TimeoutError(f"not within {seconds} s")
            time.sleep(every)

    def count(self, operation, account=None, since=0, **members):
        """How many requests of an operation the journal has."""
        if account:
            members["account"] = account
        return len(self.call("journal", since=since, operation=operation, **members))


def _plain_environment():
    """Without anything of the caller's that AWS clients read."""
    return {
        key: value for key, value in os.environ.items() if not key.startswith("AWS_") and "proxy" not in key.lower()
    }
