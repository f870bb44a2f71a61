# SPDX-License-Identifier: Apache-2.0
"""Environments in which credentials are looked for: variables, files, programs, metadata services, roles.

Made at random from a seed, so that they are the same at each run.  Each source of keys has keys of its own: whoever
chooses another one is seen to."""
import random

SEED = 20261124
COUNT = 480
# A role is of the partition that the requests go to.
PARTITIONS = {"aws": ["eu-west-1", "us-east-1"], "aws-us-gov": ["us-gov-west-1"], "aws-cn": ["cn-north-1"]}
REGIONS = sum(PARTITIONS.values(), [])
ACCOUNT = "111122223333"
NAMES = ["default", "a", "b", "c d"]
EXPIRED, SOON, LATER = -3600, 1200, 43200  # seconds from now, written as {+N} or {-N} in texts


class Case:
    """One environment.  In texts {dir} is the case's directory, {+N} the time in N seconds."""

    def __init__(self, number):
        self.number = number
        self.random = random.Random(f"{SEED}/{number}")
        self.partition = self.pick((70, "aws"), (15, "aws-us-gov"), (15, "aws-cn"))
        self.env = {"HOME": "{dir}"}
        self.files = {}
        self.profile = None  # named in code, or in the configuration of certferry
        self.imds = "none"  # how the instance's metadata service answers; see credential_servers.py
        self.container = "none"
        self.config = {}  # section: [(key, value)]
        self.credentials = {}
        self.raw = {"config": "", "credentials": ""}  # appended as it is
        self.programs = 0

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, *choices):
        """One of [(weight, value)]."""
        return self.random.choices([value for _, value in choices], [weight for weight, _ in choices])[0]

    def as_json(self):
        files = dict(self.files)
        for name, sections in ("config", self.config), ("credentials", self.credentials):
            text = "".join(
                f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in items)
                for section, items in sections.items()
            ) + self.raw[name]
            if text:
                files[self.place(name)] = text
        return {"number": self.number, "profile": self.profile, "env": self.env, "files": files, "imds": self.imds,
                "container": self.container}  # fmt: skip

    def place(self, name):
        variable = {"config": "AWS_CONFIG_FILE", "credentials": "AWS_SHARED_CREDENTIALS_FILE"}[name]
        return self.env.get(variable, "").replace("{dir}/", "").replace("~/", "") or f".aws/{name}"


def section(name):
    return name if name == "default" else f'profile "{name}"' if " " in name else f"profile {name}"


def mark(name, place):
    return f"AKIA{place}{name}".upper().replace(" ", "")


def keys(case, name, place):
    """Keys of a profile in one file, seldom whole."""
    items = [("aws_access_key_id", mark(name, place)), ("aws_secret_access_key", f"secret/{name}+{place}")]
    if case.chance(30):
        items.append(("aws_session_token", f"token-{place}"))
    if case.chance(10):
        items.append(("aws_security_token", f"old-token-{place}"))
    if case.chance(8):
        del items[case.pick((1, 0), (1, 1))]
    return items


def program(case, name):
    """The value of credential_process: a program of the case's own."""
    case.programs += 1
    file = f"bin/{'odd name' if case.chance(25) else 'tool'}{case.programs}"
    key = mark(name, "PROCESS")
    answer = f'"AccessKeyId": "{key}", "SecretAccessKey": "s3cr3t/+="'
    end = "exit 0"
    kind = case.pick((50, "good"), (10, "expires"), (5, "soon"), (6, "expired"), (6, "status"), (6, "version"),
                     (4, "partial"), (5, "garbage"), (4, "absent"), (4, "quote"), (3, "empty"), (5, "offset"),
                     (3, "silent"))  # fmt: skip
    if kind in ("expires", "soon", "expired"):
        seconds = dict(expires=LATER, soon=SOON, expired=EXPIRED)[kind]
        answer += f', "SessionToken": "pt", "Expiration": "{{{seconds:+}}}"'
    elif kind == "offset":
        form = case.pick((2, "2199-01-01T00:00:00+02:00"), (1, "2199-01-01T00:00:00+0000"),
                         (1, "2199-01-01 00:00:00.123456-03:30"), (1, "2199-01-01 00:00:00 +0000"),
                         (1, "21990101T000000Z"), (1, "2199-01-01T00:00Z"))  # fmt: skip
        answer += f', "SessionToken": "pt", "Expiration": "{form}"'
    elif kind == "status":
        end = "echo no luck >&2; exit 4"
    elif kind == "partial":
        answer = f'"AccessKeyId": "{key}"'
    version = {"version": "2", "garbage": "x"}.get(kind, "1")
    text = "" if kind == "silent" else f'{{"Version": {version}, {answer}}}'
    # The word after the program becomes part of what it prints: words must be split alike.
    case.files[file] = f"#!/bin/sh\nread line && exit 9\ncat <<END\n{text.replace(key, key + '$1')}\nEND\n{end}\n"
    word = case.pick((4, ""), (1, "'X Y'"), (1, '"X;$HOME"'), (1, "X\\ Y"), (1, "`id`"), (1, '"a\\b\\\\"'))
    word = word.replace(" ", "") if kind != "absent" else word
    odd = {"absent": "{dir}/bin/nothing", "quote": f'"{{dir}}/{file}', "empty": ""}
    return odd.get(kind, f'"{{dir}}/{file}" {word}')


def role_of(case):
    name = case.pick((12, "one"), (6, "path/two"), (2, "denied"), (2, "three"))
    return f"arn:{case.partition}:iam::{ACCOUNT}:role/{name}"


def region_of(case):
    return case.random.choice(PARTITIONS[case.partition])


def profile(case, name):
    """What one profile is: usually one thing, sometimes several at once."""
    items, stored = [], []
    for kind in case.random.sample(
        ["static", "stored", "role", "named", "web", "process", "sso", "login", "nothing"],
        case.pick((70, 1), (25, 2), (5, 3)),
        counts=[5, 5, 7, 4, 4, 5, 1, 1, 2],
    ):  # fmt: skip
        if kind == "static":
            items += keys(case, name, "CONFIG")
        elif kind == "stored":
            stored += keys(case, name, "CREDENTIALS")
        elif kind == "role":
            items += [("role_arn", role_of(case)), ("source_profile", source(case, name))]
            items += options(case)
        elif kind == "named":
            place = case.pick(
                (4, "Environment"), (4, "Ec2InstanceMetadata"), (4, "EcsContainer"), (1, "environment")
            )
            items += [("role_arn", role_of(case)), ("credential_source", place)]
            items += options(case)
        elif kind == "web":
            items += [("role_arn", role_of(case)), ("web_identity_token_file", "{dir}/web-token")]
            if case.chance(10):
                items = [item for item in items if item[0] != "role_arn"]
            if case.chance(15):
                items.append(("role_session_name", "from-profile"))
            if case.chance(85):
                case.files["web-token"] = "head.body.sig"
        elif kind == "process":
            (stored if case.chance(20) else items).append(("credential_process", program(case, name)))
        elif kind == "sso":
            items += [("sso_account_id", ACCOUNT), ("sso_role_name", "r"), ("sso_region", "eu-west-1"),
                      ("sso_start_url", "https://example.awsapps.com/start")]  # fmt: skip
        elif kind == "login":
            items.append(("login_session", "arn:aws:iam::1:user/u"))
    if case.chance(30):
        items.append(("region", region_of(case)))
    return unique(items), unique(stored)


def options(case):
    items = []
    if case.chance(15):
        items.append(("external_id", "ext-1"))
    if case.chance(10):
        items.append(("duration_seconds", case.pick((3, "900"), (2, "3600"), (1, "899"), (1, "1h"))))
    if case.chance(10):
        items.append(("role_session_name", "named"))
    if case.chance(3):
        items.append(("mfa_serial", "arn:aws:iam::1:mfa/u"))
    return items


def source(case, name):
    return name if case.chance(10) else "nobody" if case.chance(2) else case.random.choice(NAMES)


def unique(items):
    return list(dict(items).items())


def add_profiles(case):
    for name in NAMES:
        if name != "default" and case.chance(20):
            continue
        if name == "default" and case.chance(10):
            continue
        items, stored = profile(case, name)
        if items or not stored or case.chance(30):
            case.config[section(name)] = items
        if stored:
            case.credentials[name] = stored


def break_files(case):
    if case.chance(5):
        name = case.pick((1, "config"), (1, "credentials"))
        case.raw[name] = case.pick(
            (1, "no key and no value\n"), (1, "[open\nk = v\n"), (1, "[twice]\n[twice]\n"), (1, "[t]\nk = 1\nk = 2\n"),
            (2, "\n# a comment\n  ; another\n[profile empty]\n"), (1, "[t]\nk = 1\n  goes on\nl : 2\n"),
            (1, "[profile x y]\nk = v\n"),
        )  # fmt: skip


def add_environment(case):
    env = case.env
    if case.chance(22):
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = "AKIAENV", "s/+="
        if case.chance(40):
            env["AWS_SESSION_TOKEN"] = "env-token"
        if case.chance(15):
            env["AWS_SECURITY_TOKEN"] = "old-env-token"
        if case.chance(35):
            env["AWS_CREDENTIAL_EXPIRATION"] = f"{{{case.pick((2, LATER), (1, SOON), (2, EXPIRED)):+}}}"
    elif case.chance(12):
        env[case.pick((1, "AWS_ACCESS_KEY_ID"), (2, "AWS_SECRET_ACCESS_KEY"))] = "half"
    elif case.chance(8):
        env["AWS_ACCESS_KEY_ID"] = ""
    if case.chance(12):
        env["AWS_WEB_IDENTITY_TOKEN_FILE"] = case.pick((8, "{dir}/pod-token"), (1, "{dir}/absent"), (1, ""))
        case.files["pod-token"] = "pod.token.sig"
        if case.chance(85):
            env["AWS_ROLE_ARN"] = role_of(case)
        if case.chance(30):
            env["AWS_ROLE_SESSION_NAME"] = "pod"
    elif case.chance(4):
        env["AWS_ROLE_ARN"] = role_of(case)
    if case.chance(55):
        env["AWS_PROFILE"] = "nobody" if case.chance(2) else case.random.choice(NAMES)
    if case.chance(12):
        env["AWS_DEFAULT_PROFILE"] = case.random.choice(NAMES)
    if case.chance(2):
        env["AWS_PROFILE"] = ""
    if case.chance(15):
        env["AWS_CONFIG_FILE"] = case.pick((2, "{dir}/my-config"), (1, "~/my-config"))
    if case.chance(15):
        env["AWS_SHARED_CREDENTIALS_FILE"] = "{dir}/my-credentials"


def add_region(case):
    if case.chance(75):
        case.env["AWS_DEFAULT_REGION"] = region_of(case)
    elif case.chance(70):
        for name, items in case.config.items():
            if "region" not in dict(items):
                items.append(("region", region_of(case)))
    if case.chance(6):
        case.env["AWS_REGION"] = region_of(case)
    if case.chance(2):
        case.env["AWS_DEFAULT_REGION"] = ""


def add_endpoints(case):
    env = case.env
    if case.chance(8):
        env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:4001"
    if case.chance(6):
        env["AWS_ENDPOINT_URL_ACM"] = "http://127.0.0.1:4002/acm"
    if case.chance(6):
        env["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:4003"
    if case.chance(4):
        env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = case.pick((3, "true"), (1, "True"), (1, "false"))
    if case.chance(5):
        env["AWS_USE_FIPS_ENDPOINT"] = "true"
    if case.chance(5):
        env["AWS_USE_DUALSTACK_ENDPOINT"] = "true"
    for items in case.config.values():
        if case.chance(5):
            items.append(("endpoint_url", "http://127.0.0.1:4004"))
        if case.chance(5):
            items.append(("services", "local"))
            case.raw["config"] = "[services local]\nacm =\n  endpoint_url = http://127.0.0.1:4005\nsts =\n" \
                                 "  endpoint_url = http://127.0.0.1:4006\n"  # fmt: skip


def add_metadata(case):
    env = case.env
    case.imds = case.pick((55, "good"), (12, "none"), (8, "stale"), (6, "v1-only"), (5, "no-role"), (4, "no-trust"),
                          (3, "garbage"), (3, "trouble"), (3, "bad-request"), (2, "slow"), (3, "no-credentials"),
                          (3, "empty"))  # fmt: skip
    if case.chance(12):
        env["AWS_EC2_METADATA_DISABLED"] = case.pick((3, "true"), (1, "TRUE"), (1, "false"), (1, "1"))
    if case.chance(18):
        env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = case.pick(
            (6, "http://127.0.0.1:4010/"), (1, "http://127.0.0.1:4010/x"), (1, "nowhere")
        )
    if case.chance(10):
        env["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = case.pick((2, "IPv6"), (1, "ipv4"), (1, "ipv6"), (1, "both"))
    elif case.chance(4):
        env["AWS_IMDS_USE_IPV6"] = "true"
    if case.chance(6):
        env["AWS_METADATA_SERVICE_NUM_ATTEMPTS"] = case.pick((3, "3"), (1, "many"))
        env["AWS_METADATA_SERVICE_TIMEOUT"] = "1"
    for items in case.config.values():
        if case.chance(4):
            items.append(("ec2_metadata_service_endpoint", "http://127.0.0.1:4010/profile/"))
        if case.chance(3):
            items.append(("ec2_metadata_service_endpoint_mode", "ipv6"))
    if case.chance(18):
        add_container(case)
    if case.chance(5):
        env["HTTP_PROXY"] = env["http_proxy"] = "http://127.0.0.1:9"  # nobody is there


def add_container(case):
    env = case.env
    case.container = case.pick((16, "good"), (2, "soon"), (2, "expired"), (1, "partial"), (1, "trouble"),
                               (1, "garbage"))  # fmt: skip
    place = case.pick((4, "relative"), (5, "full"), (1, "both"), (1, "empty"))
    if place in ("relative", "both"):
        env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = case.pick((5, "/v2/credentials/x?y=z"), (1, "@192.0.2.7/x"))
    if place in ("full", "both"):
        env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = case.pick(
            (2, "http://127.0.0.1:4020/full"), (2, "http://169.254.170.23/v1/credentials"),
            (2, "http://[fd00:ec2::23]/v1/credentials"), (1, "http://localhost:4020/l"), (1, "http://192.0.2.7/x"),
            (1, "http://127.9.9.9:4020/far"), (1, "http://169.254.169.254/x"), (1, "ftp://127.0.0.1/x"),
        )  # fmt: skip
    if place == "empty":
        env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = ""
    if case.chance(35):
        env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = case.pick((4, "Basic abc=="), (1, "a\r\nX: y"))
    if case.chance(35):
        env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = case.pick((6, "{dir}/eks-token"), (1, "{dir}/absent"))
        case.files["eks-token"] = "eks.token" + case.pick((5, ""), (1, "\n"))


def make_case(number):
    case = Case(number)
    if case.chance(30):  # a bare host: what lies at the end of the chain is reached
        if case.chance(60):
            case.config["default"] = [("region", region_of(case))]
        if "default" in case.config and case.chance(40):
            case.env["AWS_DEFAULT_PROFILE" if case.chance(10) else "AWS_PROFILE"] = "default"
        add_metadata(case)
        if case.chance(30) and case.container == "none":
            add_container(case)
    else:
        add_environment(case)
        add_profiles(case)
        add_metadata(case)
    add_region(case)
    if case.chance(12):
        case.profile = "nobody" if case.chance(4) else case.random.choice(NAMES[:3])
        # certferryd ends at its start with a variable that names no profile, as it has other uses for that one.
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            if section(case.env.get(name, "default")) not in case.config:
                case.env.pop(name, None)
        if case.chance(50):
            case.env.setdefault("AWS_DEFAULT_REGION", region_of(case))
    add_endpoints(case)
    break_files(case)
    return case


def make_cases():
    return [make_case(number).as_json() for number in range(COUNT)]
