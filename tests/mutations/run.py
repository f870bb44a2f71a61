#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py: is each small break of the pure parts noticed by a test?

Each block of tests/mutations/list breaks one statement of the program.  For each: the tree is copied once, the statement
is replaced, what the block's tests need is built, and one of them has to fail.  A break that no test notices is a line that
nothing holds, so it fails here; so does a block whose lines are not there exactly once any more, or that does not compile.

    tests/mutations/run.py [WORDS...]      only blocks whose title or file contains one of WORDS

`make check-mutations` runs it.  The last line is "N passed, N failed, N skipped".
"""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TREE = ROOT / "build/mutations"
LIST = ROOT / "tests/mutations/list"
TEST_SECONDS = 60  # a break may make a test turn for ever: that too is noticed
LEFT_OUT = {"build", ".git"}


class Mutation:
    """A block of the list: what is broken, where, how, and by which tests it is looked for."""

    def __init__(self, title):
        self.title, self.file, self.old, self.new, self.tests = title, "", None, None, []

    def add(self, mark, line):
        if mark == "-":
            self.old = line if self.old is None else f"{self.old}\n{line}"
        else:
            self.new = line if self.new is None else f"{self.new}\n{line}"

    def apply(self, text):
        """The text with the break in it; None where its line is not there exactly once."""
        return text.replace(self.old, self.new) if text.count(self.old) == 1 and self.old != self.new else None


def read_list(path):
    """Blocks of "= TITLE", "file: NAME", "tests: NAME...", lines "- OLD" and "+ NEW"; "#" begins a comment."""
    mutations, file, tests = [], "", []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        mark, _, rest = line.partition(" ")
        if not line or mark == "#":
            continue
        if mark == "file:":
            file = rest
        elif mark == "tests:":
            tests = rest.split()
        elif mark == "=":
            mutations.append(Mutation(rest))
            mutations[-1].file, mutations[-1].tests = file, tests
        elif mark in "-+" and mutations:
            mutations[-1].add(mark, rest)
        else:
            raise SystemExit(f"{path}:{number}: expected '=', 'file:', 'tests:', '-' or '+', not '{mark}'")
    for mutation in mutations:
        if mutation.old is None or mutation.new is None:
            raise SystemExit(f"{path}: '{mutation.title}' needs a line '-' and a line '+'")
    return mutations


def copy_tree():
    """The tree as it is now; objects of an earlier copy stay, and make builds only what differs."""
    TREE.mkdir(parents=True, exist_ok=True)
    wanted = set()
    for source in ROOT.rglob("*"):
        relative = source.relative_to(ROOT)
        if relative.parts[0] in LEFT_OUT or not source.is_file() or "__pycache__" in relative.parts:
            continue
        wanted.add(relative)
        copy_file(source, TREE / relative)
    for stale in [path for path in TREE.rglob("*") if path.is_file()]:
        relative = stale.relative_to(TREE)
        if relative.parts[0] not in LEFT_OUT and relative not in wanted:
            stale.unlink()


def copy_file(source, target):
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def build(tests):
    """What make said, or None where all was built."""
    # Breaks need no optimised code, and may leave a variable or a function that nothing uses any more.
    words = ["make", f"-j{os.cpu_count() or 1}", "BUILD=build", "OPTIMISE=-O0", "CFLAGS=-w"]
    result = subprocess.run([*words, *(f"build/tests/unit/{test}" for test in tests)], cwd=TREE, text=True,
                            capture_output=True, stdin=subprocess.DEVNULL)
    return None if result.returncode == 0 else result.stdout + result.stderr


def find_failing(tests):
    """The first of the tests that fails or does not end, or None."""
    for test in tests:
        try:
            result = subprocess.run([f"build/tests/unit/{test}"], cwd=TREE, timeout=TEST_SECONDS,
                                    capture_output=True, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return f"{test} (which did not end)"
        if result.returncode:
            return test
    return None


def judge(mutation):
    """Why the break was not noticed, or None; and by which test it was."""
    path = TREE / mutation.file
    sound = path.read_text() if path.is_file() else ""
    broken = mutation.apply(sound)
    if broken is None:
        return f"'{mutation.old}' is not exactly once in {mutation.file}: adapt the list", None
    path.write_text(broken)
    try:
        problem = build(mutation.tests)
        if problem:
            return f"it does not compile:\n{problem}", None
        by = find_failing(mutation.tests)
        return (None, by) if by else (f"no test of {' '.join(mutation.tests)} notices it", None)
    finally:
        path.write_text(sound)


def main(words):
    mutations = [mutation for mutation in read_list(LIST)
                 if not words or any(word in mutation.title or word in mutation.file for word in words)]
    passed = failed = 0
    copy_tree()
    # Without a break all of them pass: else each of them would seem to notice all.
    tests = sorted({test for mutation in mutations for test in mutation.tests})
    problem = build(tests) or find_failing(tests)
    if problem:
        print(f"FAIL mutations: without any break: {problem}\n0 passed, 1 failed, 0 skipped")
        return 1
    for mutation in mutations:
        problem, by = judge(mutation)
        if problem:
            failed += 1
            print(f"FAIL {mutation.file}: {mutation.title}: {problem}", flush=True)
        else:
            passed += 1
            print(f"PASS {mutation.file}: {mutation.title}: by {by}", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
