# SPDX-License-Identifier: Apache-2.0
"""Runs each case by boto3 and by certferryd, in a network namespace of its own: credential_runner.py DIRECTORY DAEMON.

Cases come on standard input as JSON, what was seen of each goes out as JSON."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import traceback

CONFIGURATION = """\
certificates:
  one:
    match: {domain: a.example.com}
    deliver:
      - to: box
destinations:
  box:
    kind: file
    directory: /nonexistent/box
"""


def ask_by_boto3(environment, profile):
    """In a process of its own: one request, and how it failed.  Nobody is there to be asked for a code."""
    os.setsid()
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    signal.alarm(60)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir("/")
    import boto3

    try:
        boto3.Session(profile_name=profile).client("acm").list_certificates()
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return "done"


def serve_boto3(requests, answers):
    """Forks for each environment: importing boto3 anew each time would be most of the work."""
    import boto3
    import botocore.utils

    boto3.Session().client("acm", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
    botocore.utils.ContainerMetadataFetcher.SLEEP_TIME = 0  # the pause decides nothing
    for line in requests:
        reader, writer = os.pipe()
        if os.fork() == 0:
            try:
                said = ask_by_boto3(*json.loads(line))
            except BaseException:  # noqa: BLE001
                said = traceback.format_exc()
            os.write(writer, said[:4000].encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as stream:
            print(json.dumps(stream.read()), file=answers, flush=True)
        os.wait()


def fill(text, directory):
    from credential_servers import iso

    text = text.replace("{dir}", str(directory))
    return re.sub(r"\{([+-]\d+)\}", lambda match: iso(int(match[1])), text)


def prepare(case, directory):
    for name, text in case["files"].items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fill(text, directory))
        path.chmod(0o700)
    source = f"source: {{profile: {case['profile']}}}\n" if case["profile"] else ""
    (directory / "certferry.yaml").write_text(CONFIGURATION + source)
    (directory / "certferry.yaml").chmod(0o600)


def complete(environment, directory, root):
    base = {"PATH": "/usr/bin:/bin", "HTTPS_PROXY": "http://127.0.0.1:3128", "AWS_CA_BUNDLE": str(root / "ca.pem"),
            "AWS_MAX_ATTEMPTS": "1", "LANG": "C.UTF-8"}  # fmt: skip
    return base | {name: fill(value, directory) for name, value in environment.items()}


def run_case(case, root, daemon, boto3):
    from credential_servers import WORLD

    directory = root / str(case["number"])
    directory.mkdir()
    prepare(case, directory)
    WORLD.imds, WORLD.container = case["imds"], case["container"]
    found = {}

    WORLD.log = []
    question = [complete(case["reference_env"], directory, root), case["profile"]]
    print(json.dumps(question), file=boto3.stdin, flush=True)
    found["boto3"] = {"said": json.loads(boto3.stdout.readline()), "log": WORLD.log}

    WORLD.log = []
    run = subprocess.run(
        [daemon, "--once", "--dry-run", "--config", directory / "certferry.yaml"], cwd="/",
        env=complete(case["env"], directory, root), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    found["certferry"] = {"said": f"status {run.returncode}: {run.stdout}{run.stderr}", "log": WORLD.log}
    return found


def main():
    if sys.argv[1] == "--boto3":
        serve_boto3(sys.stdin, sys.stdout)
        return
    import credential_servers

    root, daemon = pathlib.Path(sys.argv[1]), sys.argv[2]
    credential_servers.start(root)
    with subprocess.Popen([sys.executable, __file__, "--boto3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as boto3:  # fmt: skip
        results = [run_case(case, root, daemon, boto3) for case in json.load(sys.stdin)]
        boto3.stdin.close()
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
