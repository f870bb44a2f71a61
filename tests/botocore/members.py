# SPDX-License-Identifier: Apache-2.0
"""members.py: what AWS's models say of the operations that certferryd uses, as lines, and what is new or gone in a newer one.

    members.py write          write members.txt from the botocore that is installed
    members.py newest WHEELS  compare members.txt with PyPI's newest botocore, fetched into that directory; prints a SKIP
                              for each difference, as a person has to judge it, or one PASS

A line is "SERVICE OPERATION in|out|error MEMBER ...": the path of a member and its type, a value that it may take, or
an error.  tests/botocore/README.md says what to do about a difference.
"""
import gzip
import json
import pathlib
import re
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
# What lib/aws asks for; test_members.py compares.
USED = {
    "acm": {"ListCertificates", "SearchCertificates", "DescribeCertificate", "GetCertificate", "ExportCertificate",
            "ImportCertificate", "ListTagsForCertificate", "AddTagsToCertificate"},
    "secretsmanager": {"DescribeSecret", "CreateSecret", "PutSecretValue", "UpdateSecretVersionStage", "TagResource",
                       "GetSecretValue"},
    "sqs": {"ReceiveMessage", "DeleteMessageBatch"},
    "sts": {"AssumeRole", "AssumeRoleWithWebIdentity"},
    "resourcegroupstaggingapi": {"GetResources"},
}
MODEL = re.compile(rf"botocore/data/({'|'.join(USED)})/([0-9-]+)/service-2\.json(\.gz)?")
FETCH_SECONDS = 180
SAID = 60  # differences that are named; more are counted


def models(wheel):
    """{service: its model}, out of the archive that a wheel is."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            match = MODEL.fullmatch(name)
            if match:
                data = archive.read(name)
                found[match[1]] = json.loads(gzip.decompress(data) if match[3] else data)
    return found


def walk(shapes, name, path, above=()):
    """(path, type) of a shape and all that it is made of; a value that it may take has the type "value"."""
    shape = shapes[name]
    if path:
        yield path, shape["type"]
    for value in shape.get("enum", ()):
        yield path, f"value {value}"
    if name in above:
        return
    above += (name,)
    required = shape.get("required", ())
    for member, target in shape.get("members", {}).items():
        inner = f"{path}.{member}" if path else member
        if member in required:
            yield inner, "required"
        yield from walk(shapes, target["shape"], inner, above)
    for part, mark in (("member", "[]"), ("key", "{key}"), ("value", "{}")):
        if part in shape:
            yield from walk(shapes, shape[part]["shape"], path + mark, above)


def lines_of(found):
    """What the models say of the operations used, sorted."""
    lines = set()
    for service, model in found.items():
        for name in USED[service] & model["operations"].keys():
            operation = model["operations"][name]
            for way, part in (("in", "input"), ("out", "output")):
                if part in operation:
                    lines |= {f"{service} {name} {way} {path} {kind}"
                              for path, kind in walk(model["shapes"], operation[part]["shape"], "")}
            lines |= {f"{service} {name} error {error['shape']}" for error in operation.get("errors", ())}
    return sorted(lines)


def kept():
    return [line for line in (HERE / "members.txt").read_text().splitlines() if not line.startswith("#")]


def differences(before, after):
    """(line, "new" or "gone"); of a member that is new with all that it is made of, only the first line."""
    found = []
    for these, those, word in ((after, before, "new"), (before, after, "gone")):
        last = None
        for line in sorted(set(these) - set(those)):
            if last and line.startswith(last):
                continue
            found.append((line, word))
            if line.split()[2] != "error" and line.split()[4] != "value":
                last = tuple(f"{' '.join(line.split()[:4])}{mark}" for mark in (".", "[", "{", " "))
    return found


def write():
    import botocore
    import botocore.loaders

    loader = botocore.loaders.Loader()
    found = {service: loader.load_service_model(service, "service-2") for service in USED}
    text = ["# SPDX-License-Identifier: Apache-2.0",
            f"# Made by members.py write, of botocore {botocore.__version__}.", *lines_of(found)]
    (HERE / "members.txt").write_text("\n".join(text) + "\n")


def fetch(directory):
    """The newest wheel, or why there is none."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("botocore-*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--retries=2", "--timeout=20",
               f"--dest={directory}", "botocore"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        return None, f"it did not come within {FETCH_SECONDS} s"
    wheels = list(directory.glob("botocore-*.whl"))
    return (wheels[0], "") if wheels else (None, (done.stderr.strip().splitlines() or ["no word"])[-1])


def newest(directory):
    wheel, why = fetch(pathlib.Path(directory))
    if not wheel:
        print(f"SKIP newest: the newest botocore cannot be had: {why}")
        return
    version = wheel.name.split("-")[1]
    try:
        found = differences(kept(), lines_of(models(wheel)))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        print(f"SKIP newest: botocore {version} cannot be read: {error!r}")
        return
    for line, word in found[:SAID]:
        print(f"SKIP {line.replace(' ', '/')}: {word} in botocore {version}; see tests/botocore/README.md")
    if len(found) > SAID:
        print(f"SKIP newest: and {len(found) - SAID} more differences in botocore {version}")
    if not found:
        print("PASS newest")


if __name__ == "__main__":
    write() if sys.argv[1:] == ["write"] else newest(sys.argv[2])
