# SPDX-License-Identifier: Apache-2.0
"""Where a request goes and what it is signed for: the client against botocore's own clients.

Both get the same environment and the same profile.  What botocore's client would send is caught just before it is
sent; what ours would, tests/botocore/choose_endpoint.c says."""
import itertools
import json
import os
import pathlib
import subprocess

import botocore
import botocore.auth
import botocore.config
import botocore.exceptions
import botocore.loaders
import botocore.session
import pytest

BUILD = pathlib.Path(__file__).resolve().parents[2] / (os.environ.get("BUILD") or "build")
PROGRAM = BUILD / "tests/botocore/choose_endpoint"
LOADER = botocore.loaders.Loader(include_default_search_paths=True)

# By signing name: botocore's name of the service, what a profile calls it, and an operation without arguments.
SERVICES = {
    "acm": ("acm", "acm", "list_certificates"),
    "acm-pca": ("acm-pca", "acm_pca", "list_certificate_authorities"),
    "secretsmanager": ("secretsmanager", "secrets_manager", "list_secrets"),
    "sqs": ("sqs", "sqs", "list_queues"),
    "sts": ("sts", "sts", "get_caller_identity"),
    "tagging": ("resourcegroupstaggingapi", "resource_groups_tagging_api", "get_resources"),
}
OURS = subprocess.run([PROGRAM, "--services"], capture_output=True, text=True, check=True).stdout.split()

VARIANTS = [{name: "true" for name in names}
            for names in ([], ["AWS_USE_FIPS_ENDPOINT"], ["AWS_USE_DUALSTACK_ENDPOINT"],
                          ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])]


def known_regions():
    partitions = json.loads(pathlib.Path(botocore.__file__).with_name("data").joinpath("partitions.json").read_text())
    return [region for partition in partitions["partitions"] for region in partition["regions"]
            if not region.endswith("-global")]


class Caught(Exception):
    """Stops a request of botocore's just before it is sent."""


def reference(service, region, override="", environment=None):
    """URL, Host and scope of what botocore's client would send, or ("refused",)."""
    caught = {}

    class Auth(botocore.auth.SigV4Auth):
        def canonical_request(self, request):
            text = super().canonical_request(request)
            caught["host"] = next(line for line in text.split("\n") if line.startswith("host:"))[5:]
            return text

    def catch(request, **_):
        authorization = request.headers["Authorization"]
        if isinstance(authorization, bytes):
            authorization = authorization.decode()
        scope = authorization.partition("Credential=AKIDEXAMPLE/")[2].partition(",")[0]
        caught.update(url=request.url, scope=scope.partition("/")[2])
        raise Caught

    name, _, operation = SERVICES[service]
    with pytest.MonkeyPatch.context() as patch:
        for variable in [*os.environ]:
            patch.delenv(variable)
        for variable, value in (environment or {}).items():
            patch.setenv(variable, value)
        patch.setitem(botocore.auth.AUTH_TYPE_MAPS, "v4", Auth)
        session = botocore.session.Session()
        session.register_component("data_loader", LOADER)
        session.set_credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        try:
            client = session.create_client(service_name=name, region_name=region, endpoint_url=override or None)
        except (botocore.exceptions.BotoCoreError, ValueError):
            return ("refused",)
        client.meta.events.register("before-send", catch)
        try:
            getattr(client, operation)()
        except (botocore.exceptions.BotoCoreError, ValueError):
            return ("refused",)
        except Caught:
            pass
        return caught["url"], caught["host"], caught["scope"]


def ours(cases):
    """The same of our client, for all cases at once."""
    lines = ["\t".join([service, region, override] + [f"{name}={value}" for name, value in (environment or {}).items()])
             for service, region, override, environment in cases]
    answer = subprocess.run([PROGRAM], input="".join(line + "\n" for line in lines), capture_output=True, text=True,
                            check=True).stdout.splitlines()
    assert len(answer) == len(cases)
    return [tuple(line.split("\t")) for line in answer]


def compare(cases, at_least):
    different = []
    for case, chosen in zip(cases, ours(cases)):
        expected = reference(*case)
        if chosen[:1] != expected and chosen != expected:
            different.append(f"{case}: {chosen}, not {expected}")
    if different:
        pytest.fail("\n".join([f"{len(different)} of {len(cases)} differ:", *different[:20]]), pytrace=False)
    assert len(cases) >= at_least


def profile(path, text):
    path.write_text(text)
    return {"AWS_CONFIG_FILE": str(path), "AWS_PROFILE": "p"}


def test_every_service_of_ours_is_compared():
    assert set(OURS) <= set(SERVICES)
    assert {"acm", "secretsmanager", "sts", "tagging"} <= set(OURS)


@pytest.mark.parametrize("service", OURS)
def test_every_region_in_every_variant(service):
    compare([(service, region, "", variant) for region in known_regions() for variant in VARIANTS], 4 * 40)


@pytest.mark.parametrize("service", OURS)
def test_regions_that_do_not_exist_yet(service):
    """A region that nobody knows is of the partition that its name says."""
    regions = ["eu-west-9", "us-north-1", "cn-south-1", "us-gov-south-3", "us-iso-north-1", "us-isob-south-2",
               "eu-isoe-south-1", "us-isof-west-1", "eusc-de-west-1", "xx-nowhere-1"]
    compare([(service, region, "", variant) for region in regions for variant in VARIANTS], 40)


@pytest.mark.parametrize("service", OURS)
def test_precedence(service, tmp_path):
    """Every set of the places where an endpoint can be configured, of the switch that silences them, and FIPS."""
    variable = "AWS_ENDPOINT_URL_" + SERVICES[service][1].upper()
    variables = {variable: "https://vpce-1.one.example", "AWS_ENDPOINT_URL": "https://all.example",
                 "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_USE_FIPS_ENDPOINT": "true"}
    keys = {"section": "services = s\n", "url": "endpoint_url = https://profile.example\n",
            "ignore": "ignore_configured_endpoint_urls = true\n"}
    section = f"[services s]\n{SERVICES[service][1]} =\n  endpoint_url = https://section.example\n"
    cases = []
    for number, present in enumerate(itertools.product([False, True], repeat=len(keys))):
        text = "[profile p]\n" + "".join(itertools.compress(keys.values(), present)) + section
        base = profile(tmp_path / f"config{number}", text)
        for chosen in itertools.product([False, True], repeat=len(variables)):
            environment = base | dict(itertools.compress(variables.items(), chosen))
            cases += [(service, "eu-west-1", override, environment) for override in ("", "https://own.example")]
    compare(cases, 256)


def test_switches_and_their_words(tmp_path):
    """The environment before the profile; what counts as on."""
    cases = []
    words = [None, "true", "True", "TRUE", "false", "1", "yes", "on", "", " true"]
    for number, (word, key) in enumerate(itertools.product(words, ["true", "false", "TRUE", None])):
        for name in ("use_fips_endpoint", "use_dualstack_endpoint", "ignore_configured_endpoint_urls"):
            text = "[profile p]\n" + (f"{name} = {key}\n" if key else "") + "region = eu-west-1\n"
            environment = profile(tmp_path / f"{name}{number}", text)
            if word is not None:
                environment["AWS_" + name.upper()] = word
            if name.startswith("ignore"):
                environment["AWS_ENDPOINT_URL"] = "https://all.example"
            cases.append(("acm", "eu-west-1", "", environment))
    compare(cases, 100)


def test_empty_variables_are_none(tmp_path):
    base = profile(tmp_path / "config", "[profile p]\nendpoint_url = https://profile.example\n")
    empty = {"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_ACM": ""}
    compare([("acm", "eu-west-1", "", base | dict(itertools.compress(empty.items(), chosen)))
             for chosen in itertools.product([False, True], repeat=2)], 4)


@pytest.mark.parametrize("text", [
    "[profile p]\nservices = s\n",
    "[profile p]\nservices = s\n[services s]\n",
    "[profile p]\nservices = s\n[services other]\nacm =\n  endpoint_url = https://other.example\n",
    "[profile p]\nservices = s\nendpoint_url = https://profile.example\n",
    "[profile p]\nservices = s\n[services s]\nsts =\n  endpoint_url = https://sts.example\n",
    "[profile p]\nservices = s\n[services s]\nacm =\n  endpoint_url =\n",
    "[profile p]\nservices = s\n[services s]\nacm =\n  other = x\n",
    "[profile p]\nservices = s t\n[services 's t']\nacm =\n  endpoint_url = https://blank.example\n",
    "[profile q]\nservices = s\n[services s]\nacm =\n  endpoint_url = https://q.example\n[profile p]\nregion = x\n",
])
def test_the_services_section(text, tmp_path):
    """A section that is named and not there is refused, unless something before it in the order has an answer."""
    base = profile(tmp_path / "config", text)
    environments = [base, base | {"AWS_ENDPOINT_URL_ACM": "https://one.example"},
                    base | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, base | {"AWS_USE_FIPS_ENDPOINT": "true"}]
    compare([(service, "eu-west-1", override, environment) for service in ("acm", "sts") for environment in environments
             for override in ("", "https://own.example")], 16)


@pytest.mark.parametrize("service", OURS)
@pytest.mark.parametrize("url", [
    # PrivateLink: regional and zonal names of an interface endpoint, and a private name before it.
    "https://vpce-0123456789abcdef0-abcdefgh.{}.eu-west-1.vpce.amazonaws.com",
    "https://vpce-0123456789abcdef0-abcdefgh-eu-west-1a.{}.eu-west-1.vpce.amazonaws.com/",
    "https://{}.aws.corp.example:8443",
    "https://gateway.corp.example/aws/{}", "https://gateway.corp.example/aws/{}/", "https://gateway.corp.example/aws//",
    "https://gateway.corp.example//", "https://gateway.corp.example/a:b;c,d/~e'f(g)", "https://gateway.corp.example/%7e/a",
    "https://Gateway.Corp.Example/", "https://h:443", "https://h:80", "http://h:80/x", "http://h:443",
    "http://127.0.0.1:4566", "http://[::1]:4566/", "https://[fd00:ec2::23]",
    "h:80", "http://",
])
def test_shapes_of_configured_urls(service, url):
    url = url.format(service)
    compare([(service, region, override, environment | variant) for region in ("us-east-1", "us-gov-west-1")
             for override, environment in ((url, {}), ("", {"AWS_ENDPOINT_URL": url}))
             for variant in (VARIANTS[0], VARIANTS[-1])], 8)
