#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py: every test floor that this machine can run; the last line is "N passed, N failed, N skipped".

Floors: layers, clang (warnings are errors there too), unit (cmocka), fuzz (the fuzzers' corpora,
replayed), tree (what texts say against what is there), ci (what runs the tests), wire (answers that are cut, slow, too long or
somebody else's), cloud (the AWS on loopback against boto3), vault (the Vault client against a stand-in on loopback),
simulation (whole syncs with a clock that jumps), scenarios (the real daemon against the cloud), system
(the real unit under a real systemd).
`tests/run.py FLOOR...` runs only those.  BUILD and SANITIZE are make's.
Only when named: botocore, as it needs PyPI (`make check-botocore`: against a newer boto3 and botocore than Debian's),
vault-real, as it needs PyPI too (`make check-vault`: Vault as a destination, with a real server),
policies, as it needs PyPI (`make check-policies`: conf/iam against AWS's reference, and what each action is for),
simulation-whole, as it takes minutes (`make check-simulation`), watchers, as it needs the registries of four languages
(`make check-watchers`: programs that notice renewed files by themselves), recipes, as it needs servers (`make check-recipes`:
those of conf/recipes, each with its recipe; LONG=1: every one), and trixie, which needs a mirror of Debian (`make
check-trixie`: layers, unit, fuzz, tree and some of system, built and run on Debian 13; LONG=1: every floor).

Tests mostly wait, so they run side by side: programs of the unit floor, and tests of pytest's floors by pytest-xdist.
A test marked `alone` runs afterwards with none beside it.

AGAIN=1, which .ci/run sets since its machine is shared: of pytest's tests that fail, AGAIN_MOST at most are run once more,
with none beside them.  One that passes then counts as passed, and its name is said at the end: whoever reads it looks
for what depends on the speed of a machine, in the test or in the daemon.
"""
import concurrent.futures
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

import trixie

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = os.environ.get("BUILD") or "build"
SANITIZE = os.environ.get("SANITIZE") or ""
LONG = bool(os.environ.get("LONG"))
PYTHON = "/usr/bin/python3"
WORKERS = 2 * (os.cpu_count() or 1)
AGAIN = bool(os.environ.get("AGAIN"))
AGAIN_MOST = 3  # more than so many are no accident
TEST_SECONDS = 300 * (4 if SANITIZE else 1)  # a test that takes longer hangs: it fails by its name
FLOOR_SECONDS = 900 * (4 if SANITIZE or LONG else 1)  # beyond any test's own limit: nothing waits for ever
NO_TESTS = 5  # pytest's exit status where none was chosen


class Count:
    """What came of all tests so far; the names of what failed and was skipped are kept for the end."""

    def __init__(self):
        self.passed, self.failed, self.skipped, self.again = 0, [], [], []

    def add_pass(self, number=1):
        self.passed += number

    def add_failure(self, name, why=""):
        self.failed.append(name)
        print(f"FAIL {name}{': ' if why else ''}{why}", flush=True)

    def take_back(self, name):
        """It has passed when it was run again."""
        self.failed.remove(name)
        self.again.append(name)
        self.add_pass()
        print(f"AGAIN {name}: it passed alone", flush=True)

    def add_skip(self, name, why):
        self.skipped.append(name)
        print(f"SKIP {name}: {why}", flush=True)


def run(command, **options):
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **options.pop("env", {}))
    return subprocess.run(command, cwd=ROOT, env=environment, **options)


def floor_layers(count):
    result = run([PYTHON, "tests/check_layers.py"], capture_output=True, text=True)
    if result.returncode == 0:
        count.add_pass()
        if "not built" in result.stdout:
            count.add_skip("layers/calls", result.stdout.strip())
    else:
        count.add_failure("layers", result.stdout)


def floor_clang(count):
    if SANITIZE:
        return
    result = run(["make", "-j2", "CC=clang", f"BUILD={BUILD}/clang", "all", "unit"], capture_output=True, text=True)
    if result.returncode == 0:
        count.add_pass()
    else:
        count.add_failure("clang", "\n" + (result.stdout + result.stderr)[-4000:])


def count_tap(count, program, output, complaint, status):
    """cmocka's TAP: a line a test, as many as it has planned; a program that ends badly without saying so is a failure of its own."""
    bad = said = 0
    for line in output.splitlines():
        match = re.match(r"(not ok|ok) \d+ (- |# SKIP )(\S+)", line)
        if not match:
            continue
        said += 1
        name = f"{program}/{match[3]}"
        if match[2] == "# SKIP ":
            count.add_skip(name, "see the test")
        elif match[1] == "ok":
            count.add_pass()
        else:
            bad += 1
            count.add_failure(name)
    planned = sum(int(number) for number in re.findall(r"^1\.\.(\d+)$", output, re.M))
    if not bad and (status != 0 or said != planned):
        count.add_failure(program, f"ended with {status}, after {said} of {planned} tests")
    if bad or status != 0:
        print((output + complaint)[-4000:], flush=True)


def run_tap(program):
    """(what it says, what it and its children complain of, exit status); None when it does not end."""
    try:
        result = run([str(program)], capture_output=True, text=True, errors="replace", timeout=TEST_SECONDS,
                     env={"CMOCKA_MESSAGE_OUTPUT": "TAP", "ASAN_OPTIONS": "detect_leaks=1"})
    except subprocess.TimeoutExpired:
        return None
    return result.stdout, result.stderr, result.returncode


def floor_unit(count):
    programs = sorted(p for p in (ROOT / BUILD / "tests/unit").glob("*/test_*") if p.suffix == "")
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for program, result in zip(programs, pool.map(run_tap, programs)):
            name = str(program.relative_to(ROOT / BUILD / "tests"))
            if result is None:
                count.add_failure(name, f"did not end within {TEST_SECONDS} s")
                continue
            output, complaint, status = result
            if status == 77:
                count.add_skip(name, ((output + complaint).strip().splitlines() or ["it says no reason"])[-1])
            else:
                count_tap(count, name, output, complaint, status)


def floor_fuzz(count):
    """The corpora of tests/fuzz, replayed: what once broke something is tried again."""
    for program in sorted(p for p in (ROOT / BUILD / "tests/fuzz").glob("fuzz_*") if p.suffix == ""):
        corpus = sorted((ROOT / "tests/fuzz/corpus" / program.name.removeprefix("fuzz_")).iterdir())
        for path in corpus:
            result = run([str(program), str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            if result.returncode == 0:
                count.add_pass()
            else:
                count.add_failure(f"{program.name} {path.name}", result.stdout.decode(errors="replace")[-500:])


def has(python, module):
    """Can that Python import it?"""
    return run([python, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


def run_pytest(count, path, python=PYTHON):
    """All tests below path: side by side where pytest-xdist is there, but those marked `alone` after all others."""
    limit = [f"--timeout={TEST_SECONDS}"] if has(python, "pytest_timeout") else []
    before = len(count.failed)
    run_pytest_all(count, path, python, limit)
    failed = count.failed[before:]
    if AGAIN and 0 < len(failed) <= AGAIN_MOST:
        run_again(count, failed, python, limit)


def node(name):
    """How pytest calls the test: of tests.scenarios.test_x.test_y[z]; None where it is no test of a module."""
    module, _, test = name.partition("[")[0].rpartition(".")
    file = pathlib.Path(*module.split(".")).with_suffix(".py")
    return f"{file}::{name[len(module) + 1:]}" if (ROOT / file).exists() else None


def run_again(count, failed, python, limit):
    for name in failed:
        if node(name) and run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *limit, node(name)]).returncode == 0:
            count.take_back(name)


def run_pytest_all(count, path, python, limit):
    if not has(python, "xdist"):
        run_pytest_once(count, python, limit, path)
    elif run_pytest_once(count, python, [*limit, f"--numprocesses={WORKERS}", "-m", "not alone"], path):
        run_pytest_once(count, python, [*limit, "-m", "alone"], path, may_be_none=True)


def run_pytest_once(count, python, options, path, may_be_none=False):
    """One pytest; false when it broke off rather than ended."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        result = run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report.name}",
                      *options, path])
        try:
            cases = list(ElementTree.parse(report.name).getroot().iter("testcase"))
        except ElementTree.ParseError:
            cases = []
    if may_be_none and result.returncode == NO_TESTS and not cases:
        return True
    bad = 0
    for case in cases:
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            bad += 1
            count.add_failure(name)
        elif skipped is not None:
            count.add_skip(name, skipped.get("message", ""))
        else:
            count.add_pass()
    if result.returncode in (0, 1) and cases and (result.returncode == 0 or bad):
        return True
    count.add_failure(path, f"pytest ended with {result.returncode} after {len(cases)} tests")
    return False


def floor_tree(count):
    run_pytest(count, "tests/test_tree.py")


def floor_ci(count):
    run_pytest(count, "tests/test_ci.py")


def floor_wire(count):
    """Answers spoiled byte by byte, read by the real client; then those that the whole daemon meets."""
    result = run_tap(ROOT / BUILD / "tests/wire/client")
    if result is None:
        count.add_failure("wire/client", f"did not end within {TEST_SECONDS} s")
    else:
        count_tap(count, "wire/client", *result)
    run_pytest(count, "tests/wire")


def floor_cloud(count):
    if SANITIZE:
        return  # it is Python alone
    run_pytest(count, "tests/cloud")


def obtain(count, name, installer, directory):
    """What a floor needs from outside: the last line of its installer says where it is.  None, and counted, where it
    cannot be had (77: a skip, and the line is the reason)."""
    made = run([installer, str(ROOT / directory)], stdout=subprocess.PIPE, text=True)
    last = (made.stdout.strip().splitlines() or ["it says no reason"])[-1]
    if made.returncode == 0:
        return last
    if made.returncode == 77:
        count.add_skip(name, last)
    else:
        count.add_failure(name, f"{installer} ended with {made.returncode}")
    return None


def floor_vault(count):
    run_pytest(count, "tests/vault")


def floor_vault_real(count):
    """What can be shown on a real server, there; the rest is the stand-in's."""
    server = obtain(count, "check-vault", "tests/vault/install", "build/vault-venv")
    if server:
        os.environ["VAULT_SERVER"] = server
        run_pytest(count, "tests/vault")
        run_pytest(count, "tests/scenarios/test_vault.py")


def floor_scenarios(count):
    run_pytest(count, "tests/scenarios")


FAILING = ("silent", "refused", "reset", "busy", "slow", "mixed")


def simulate(count, runs):
    """Runs of tests/simulation: (case, certificates, accounts, seed), or with how many accounts fail, and how."""
    if SANITIZE:
        count.add_skip("simulation", "it defines functions that a sanitizer's runtime defines as well")
        return
    for case in runs:
        words = [str(word) for word in case]
        result = run([f"{BUILD}/tests/simulation/simulation", *words], stdout=subprocess.PIPE,
                     stderr=subprocess.STDOUT, text=True, errors="replace", timeout=3600)
        print(result.stdout, end="", flush=True)
        if result.returncode == 0:
            count.add_pass()
        else:
            count.add_failure(f"simulation {' '.join(words)}", f"ended with {result.returncode}")


def floor_simulation(count):
    simulate(count, [("renewal", 2500, 16, 1), ("renewal", 200, 16, 2), ("first", 200, 16, 3), ("throttled", 200, 16, 4),
                     ("down", 60, 40, 5, 10, "silent"), ("falls", 20, 120, 6, 100, "silent"),
                     ("down", 60, 120, 7, 100, "mixed"), ("down", 60, 60, 8, 20, "full")])  # fmt: skip


def floor_simulation_whole(count):
    ways = FAILING if LONG else ("silent",)
    failing = [(case, 60, 120, 5, many, how) for case in ("down", "falls") for how in ways for many in (1, 9, 10, 100)]
    simulate(count, [("renewal", 2500, 16, 2), ("first", 2500, 16, 3), ("throttled", 2500, 16, 4),
                     ("down", 60, 120, 7, 100, "slow"), *failing])  # fmt: skip


def follow(count, name, command, **environment):
    """Another runner, by its lines PASS, FAIL and SKIP, and "N passed, N failed, N skipped" where it ends with that."""
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace",
                               env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **environment))
    seen = failed = 0
    try:
        for line in process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            test, _, why = rest.partition(": ")
            total = re.fullmatch(r"(\d+) passed, \d+ failed, \d+ skipped", line.strip())
            seen += word in ("PASS", "FAIL", "SKIP") or bool(total)
            if word == "PASS":
                count.add_pass()
            elif word == "FAIL":
                failed += 1
                count.add_failure(f"{name}/{test}", why)
            elif word == "SKIP":
                count.add_skip(f"{name}/{test}", why)
            elif total:
                count.add_pass(int(total[1]))
            else:
                print(line, end="", flush=True)
        if process.wait() != 0 and not failed or not seen:
            count.add_failure(name, f"ended with {process.returncode} after {seen} tests")
    finally:
        process.terminate()
        process.wait()


def floor_system(count):
    if SANITIZE:
        count.add_skip("system", "the shipped sandbox does not admit a sanitizer's memory map")
        return
    follow(count, "system", [PYTHON, "tests/system/run.py"])


def floor_trixie(count):
    """Built there, with the packages that TRIXIE_PACKAGES names, and run there."""
    directory = "build/trixie/long" if LONG else "build/trixie/short"
    system = trixie.Trixie(directory, os.environ["TRIXIE_PACKAGES"].split())
    begin = time.monotonic()
    try:
        system.make()
    except trixie.Absent as reason:
        count.add_skip("trixie", str(reason))
        return
    print(f"== trixie: root there after {time.monotonic() - begin:.0f} s", flush=True)
    build, begin = f"{directory}/out", time.monotonic()
    made = run(system.command(["make", f"-j{os.cpu_count() or 1}", f"BUILD={build}", "all", "unit"]),
               stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if made.returncode != 0:
        count.add_failure("trixie/make", "\n" + (made.stdout + made.stderr)[-4000:])
        return
    count.add_pass()
    print(f"== trixie: built after {time.monotonic() - begin:.0f} s", flush=True)
    inside = [name for name in FLOORS if name != "system"] if LONG else ["layers", "unit", "fuzz", "tree"]
    settings = {"BUILD": build, **({"LONG": "1"} if LONG else {})}
    follow(count, "trixie", system.command([PYTHON, "tests/run.py", *inside], settings))
    follow(count, "trixie/system", [PYTHON, "tests/system/run.py", f"--root={system.root}", *(() if LONG else TRIXIE_SYSTEM)],
           BUILD=build)


def floor_recipes(count):
    """The servers of conf/recipes in the container of the system floor."""
    if SANITIZE:
        count.add_skip("recipes", "the shipped sandbox does not admit a sanitizer's memory map")
        return
    chosen = [] if LONG else [f"recipe-{name}" for name in SHORT_RECIPES]
    modules = "tests.recipes.served,tests.recipes.installed" if LONG else "tests.recipes.served"
    follow(count, "recipes", [PYTHON, "tests/system/run.py", "--modules", modules, *chosen])


def floor_policies(count):
    """The policies of conf/iam; what needs AWS's reference is skipped, with the reason, where no copy can be had."""
    reference = obtain(count, "check-policies/reference", "tests/policies/install", "build/policies-venv")
    if reference:
        os.environ["POLICY_REFERENCE"] = reference
    run_pytest(count, "tests/policies")


def floor_watchers(count):
    """Programs that notice renewed files by themselves; those that cannot be had are skipped."""
    run(["tests/watchers/install", str(ROOT / BUILD / "watchers")])
    run_pytest(count, "tests/watchers")


def floor_botocore(count):
    """What botocore is the reference for: Debian's is too old.  And what PyPI's newest has that it has not."""
    venv = ROOT / "build/botocore-venv"
    made = run(["tests/botocore/venv", str(venv)], stdout=subprocess.PIPE, text=True)
    print(made.stdout, end="", flush=True)
    if made.returncode == 77:
        count.add_skip("check-botocore", made.stdout.strip().splitlines()[-1])
        return
    if made.returncode != 0:
        count.add_failure("check-botocore", f"no environment for it: tests/botocore/venv ended with {made.returncode}")
        return
    python = str(venv / "bin/python")
    run_pytest(count, "tests/botocore", python=python)
    follow(count, "botocore", [python, "tests/botocore/members.py", "newest", "build/botocore-newest"])


# What Debian 13 does otherwise than 12 is systemd, D-Bus and polkit.
TRIXIE_SYSTEM = (
    "shipped-*", "access-is-for-*", "access-fails-closed-*", "access-is-denied-*", "daemon-carries-*", "daemon-is-ready-*",
    "daemon-hands-out-files-to-another-*", "daemon-reloads-*", "daemon-ends-*", "daemon-never-*",
    "dependent-restart-*", "dependent-without-a-rule-*", "dependent-survives-*",
    "failed-rejected-*", "failed-crashes-*", "failed-without-a-bus-*", "install-gives-*",
)
SHORT_RECIPES = ("postgresql", "redis", "haproxy", "unbound", "unbound-reloaded")
# Cheap and decisive first.
FLOORS = {
    "layers": floor_layers,
    "tree": floor_tree,
    "ci": floor_ci,
    "unit": floor_unit,
    "fuzz": floor_fuzz,
    "clang": floor_clang,
    "cloud": floor_cloud,
    "vault": floor_vault,
    "scenarios": floor_scenarios,
    "wire": floor_wire,
    "simulation": floor_simulation,
    "system": floor_system,
}
ONLY_WHEN_NAMED = {
    "botocore": floor_botocore,
    "policies": floor_policies,
    "recipes": floor_recipes,
    "simulation-whole": floor_simulation_whole,
    "trixie": floor_trixie,
    "vault-real": floor_vault_real,
    "watchers": floor_watchers,
}
CLOUD_MODULES = ("pytest", "aiohttp", "boto3", "cryptography", "yaml")
# What a floor cannot do without: programs, and modules of Python.
NEEDS = {
    "clang": (("clang",), ()),
    "tree": ((), ("pytest", "yaml")),
    "ci": ((), ("pytest",)),
    "cloud": ((), CLOUD_MODULES),
    "vault": ((), CLOUD_MODULES),
    "vault-real": ((), CLOUD_MODULES),
    "policies": ((), CLOUD_MODULES),
    "wire": ((), CLOUD_MODULES),
    "scenarios": (("dbus-daemon", "openssl"), CLOUD_MODULES),
    "watchers": (("dbus-daemon", "openssl"), CLOUD_MODULES),
}


class Stopped(Exception):
    """A floor is not to go on."""


def stop(number, frame):
    raise Stopped("stopped from outside" if number == signal.SIGTERM else f"not at its end after {FLOOR_SECONDS} s")


def is_installed(package):
    state = run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package], capture_output=True, text=True).stdout
    return state.startswith("ii")


def run_floor(count, name, floor):
    """Run one; false when no other is to follow."""
    programs, modules = NEEDS.get(name, ((), ()))
    lacking = [one for one in programs if not shutil.which(one)] + [one for one in modules if not importlib.util.find_spec(one)]
    if lacking:
        count.add_skip(name, f"no {', no '.join(lacking)}")
        return True
    begin = time.monotonic()
    try:
        signal.alarm(FLOOR_SECONDS)
        floor(count)
    except Stopped as reason:
        count.add_failure(name, str(reason))
        return time.monotonic() - begin >= FLOOR_SECONDS
    finally:
        signal.alarm(0)
    return True


def main(wanted):
    count = Count()
    floors = FLOORS | ONLY_WHEN_NAMED
    unknown = [name for name in wanted if name not in floors]
    if unknown:
        print(f"no such floor: {' '.join(unknown)}; there are {' '.join(floors)}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, stop)
    for package in os.environ.get("PACKAGES", "").split():
        if not is_installed(package):
            count.add_skip(f"package {package}", "it is not installed, and could not be had")
    for name, floor in floors.items():
        if name not in (wanted or FLOORS):
            continue
        print(f"== {name}", flush=True)
        begin = time.monotonic()
        goes_on = run_floor(count, name, floor)
        print(f"== {name}: {time.monotonic() - begin:.0f} s", flush=True)
        if not goes_on:
            break
    for title, names in (("skipped", count.skipped), ("passed when run again, alone", count.again), ("failed", count.failed)):
        if names:
            print(f"{title}:\n  " + "\n  ".join(names))
    print(f"{count.passed} passed, {len(count.failed)} failed, {len(count.skipped)} skipped")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
