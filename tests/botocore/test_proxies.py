# SPDX-License-Identifier: Apache-2.0
"""Which proxy a request takes: the client (tests/botocore/choose_proxy) against botocore's reading of the environment.

Meant to differ, and so left out here: loopback and link-local, which we never reach through a proxy, and networks of
addresses and IPv6 addresses without brackets in NO_PROXY, which botocore does not know (tests/unit/lib/test_http.c has
those)."""
import itertools
import os
import pathlib
import random
import subprocess
from urllib.parse import urlsplit

import botocore.httpsession
import botocore.utils
import pytest

BUILD = pathlib.Path(__file__).resolve().parents[2] / (os.environ.get("BUILD") or "build")
PROGRAM = BUILD / "tests/botocore/choose_proxy"
URLS = [
    "https://acm.eu-west-1.amazonaws.com/", "https://acm.us-east-1.api.aws/", "https://sts.cn-north-1.amazonaws.com.cn/",
    "https://vpce-1-a.acm.eu-west-1.vpce.amazonaws.com/", "https://aws.corp.example:8443/aws/", "http://aws.corp.example/",
    "http://AWS.corp.example:4566/", "https://10.1.2.3/", "https://10.1.2.3:8443/", "https://[2001:db8::1]/",
    "https://[2001:db8::1]:8443/", "https://single/",
]
VALUES = {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2", "http_proxy": "http://c:3", "HTTP_PROXY": "http://d:4",
          "no_proxy": "corp.example", "NO_PROXY": "*", "ALL_PROXY": "http://e:5"}


def reference(url):
    proxies = botocore.utils.get_environ_proxies(url)
    return proxies.get(urlsplit(url).scheme, "")


def compare(environment):
    """The differences between the two in one environment."""
    answer = subprocess.run([PROGRAM], input="".join(url + "\n" for url in URLS), capture_output=True, text=True,
                            env=environment, check=True).stdout.splitlines()
    with pytest.MonkeyPatch.context() as patch:
        for variable in VALUES:
            patch.delenv(variable, raising=False)
            patch.delenv(variable.lower(), raising=False)
        for variable, value in environment.items():
            patch.setenv(variable, value)
        return [f"{environment} {url}: {chosen!r}, not {reference(url)!r}"
                for url, chosen in zip(URLS, answer, strict=True) if chosen != reference(url)]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_set_of_variables(scheme):
    """Each one missing, empty or set."""
    names = [name for name in VALUES if name.lower() in (f"{scheme}_proxy", "no_proxy")]
    different = []
    for chosen in itertools.product([None, "", "value"], repeat=len(names)):
        for others in ({}, {"ALL_PROXY": VALUES["ALL_PROXY"]}):
            different += compare(others | {name: how and VALUES[name] for name, how in zip(names, chosen) if how is not None})
    if different:
        pytest.fail("\n".join(different[:20]), pytrace=False)


def test_exceptions():
    randomly = random.Random(7)
    hosts = [urlsplit(url).netloc for url in URLS]
    pieces = [host[at:] for host in hosts for at in range(len(host))] + [host.rpartition(":")[0] or host for host in hosts if "[" not in host]
    pieces = [piece for piece in pieces if "]" not in piece or piece[0] == "["]
    odd = ["", " ", ".", "*", "*.example", "example", "EXAMPLE", "amazonaws.com", ".amazonaws.com", "..aws", "com.", "443", "x"]
    different = []
    for _ in range(500):
        entries = [randomly.choice(["", ".", " ", ".."]) + randomly.choice([*pieces, *odd]) + randomly.choice(["", " ", ""])
                   for _ in range(randomly.randint(0, 4))]
        different += compare({"HTTPS_PROXY": "http://a:1", "http_proxy": "http://b:2",
                              randomly.choice(["NO_PROXY", "no_proxy"]): ",".join(entries)})
    if different:
        pytest.fail("\n".join(different[:20]), pytrace=False)


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "//proxy.example", "http://me:pa%40ss@proxy.example:3128"])
def test_the_proxy_is_taken_as_it_is_written(proxy):
    assert compare({"HTTPS_PROXY": proxy}) == []
