# SPDX-License-Identifier: Apache-2.0
"""What runs the tests: is each counted, is what hangs ended and named, and does nothing outside break a change?"""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import run  # noqa: E402
import trixie  # noqa: E402


def program(directory, name, text):
    path = directory / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def execute(directory, *command, **variables):
    """(exit status, output) with the programs of directory/bin before all others."""
    environment = {**os.environ, "PATH": f"{directory}/bin:{os.environ['PATH']}", **variables}
    # Of .ci/run, which may run this very test.
    environment = {key: value for key, value in environment.items() if key not in ("INSTALL", "AGAIN") or key in variables}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, timeout=60)
    return done.returncode, done.stdout


# .ci/run, with a make of the test's own

MAKE = """case $1 in
deps-all) exit $DEPS ;;
check-good) echo "3 passed, 0 failed, 1 skipped" ;;
check-bad) echo "FAIL x"; echo "2 passed, 1 failed, 0 skipped"; exit 2 ;;
check-slow) sleep 2.5; echo "4 passed, 0 failed, 0 skipped" ;;
check-hangs) trap 'echo "1 passed, 1 failed, 0 skipped"; exit 1' TERM; sleep 60 & wait ;;
check-silent) ;;
check-lies) echo "5 passed, 0 failed, 0 skipped"; exit 2 ;;
esac"""


@pytest.fixture
def ci(tmp_path):
    """Run it with these targets, where a minute is two seconds."""
    def call(*targets, deps="0", minutes=1):
        (tmp_path / "tests/budgets").write_text("# TARGET MINUTES\n" + "".join(f"{target} {minutes}\n" for target in targets))
        return execute(tmp_path, "sh", tmp_path / ".ci/run", DEPS=deps)

    (tmp_path / ".ci").mkdir()
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    program(tmp_path, "make", MAKE)
    # "timeout -k 60 180 make TARGET"
    program(tmp_path, "timeout", f'limit=$3; shift 3; exec {shutil.which("timeout")} -k 1 $((limit / 30)) "$@"')
    program(tmp_path, "date", "echo $(( $(/bin/date +%s%N) / 33333333 ))")  # thirty seconds a second
    return call


def test_ci_counts_all_targets_together(ci):
    status, said = ci("check-good", "check-slow")
    assert status == 0 and said.splitlines()[-1] == "7 passed, 0 failed, 1 skipped"


def test_ci_fails_when_a_test_failed_and_runs_the_rest(ci):
    status, said = ci("check-bad", "check-good")
    assert status == 1 and said.splitlines()[-1] == "5 passed, 1 failed, 1 skipped"


def test_ci_says_a_budget_that_was_exceeded_and_passes(ci):
    status, said = ci("check-slow")
    assert status == 0 and "OVER ITS BUDGET" in said
    assert "OVER ITS BUDGET" not in ci("check-slow", minutes=25)[1]


def test_ci_ends_what_hangs_keeps_its_counts_and_names_it(ci):
    status, said = ci("check-hangs", "check-good")
    assert status == 1 and "FAIL make check-hangs: not at its end after 180 s" in said
    assert said.splitlines()[-1] == "4 passed, 2 failed, 1 skipped"


@pytest.mark.parametrize("target, passed", [("check-silent", 0), ("check-lies", 5)])
def test_ci_fails_where_make_and_its_counts_do_not_agree(ci, target, passed):
    status, said = ci(target)
    assert status == 1 and f"FAIL make {target}: " in said
    assert said.splitlines()[-1] == f"{passed} passed, 1 failed, 0 skipped"


def test_ci_goes_on_without_a_package(ci):
    status, said = ci("check-good", deps="2")
    assert status == 0 and "not every package could be had" in said


# tests/packages, with an apt of the test's own

@pytest.fixture
def packages(tmp_path):
    """Have it install packages: those of `there` are installed, those of `there_later` can be had from the third try on."""
    def call(*names, there="", later="", **variables):
        (tmp_path / "there").write_text("".join(f"{name}\n" for name in there.split()))
        (tmp_path / "tries").write_text("")
        return execute(tmp_path, "sh", ROOT / "tests/packages", *names, STATE=str(tmp_path), LATER=later, **variables)

    program(tmp_path, "id", "echo 0")
    program(tmp_path, "sleep", "exit 0")
    program(tmp_path, "dpkg-query", 'for name; do :; done; grep -qx -e "$name" "$STATE/there" && printf "ii "')
    program(tmp_path, "apt-get", """case " $* " in *" update "*) exit 1 ;; esac
echo try >>"$STATE/tries"
for name; do
	case $name in
	-* | install | *=*) ;;
	absent*) echo "E: Unable to locate package $name"; exit 100 ;;
	*) case " $LATER " in *" $name "*) [ "$(wc -l <"$STATE/tries")" -ge 3 ] || exit 100 ;; esac
	   echo "$name" >>"$STATE/there" ;;
	esac
done""")
    call.tries = lambda: len((tmp_path / "tries").read_text().split())
    return call


# Its policy-rc.d is the host's; without root the file is not written.
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="not root")


@as_root
def test_packages_installs_all_that_is_missing_at_once(packages):
    assert packages("gcc", "make", "--", "clang", there="make")[0] == 0
    assert packages.tries() == 1


@as_root
def test_packages_tries_again(packages):
    assert packages("gcc", later="gcc")[0] == 0
    assert packages.tries() == 3


@as_root
def test_packages_leaves_out_what_cannot_be_had_and_only_that(packages, tmp_path):
    status, said = packages("gcc", "--", "absent-one", "clang")
    assert status == 0 and "missing packages: absent-one\n" in said
    assert {"gcc", "clang"} <= set((tmp_path / "there").read_text().split())


@as_root
def test_packages_fails_without_one_that_is_needed(packages):
    assert packages("absent-one", "--", "clang")[0] == 1


def test_packages_installs_nothing_where_an_earlier_call_has_tried(packages):
    status, said = packages("gcc", "--", "clang", there="gcc", INSTALL="no")
    assert status == 0 and "missing packages: clang\n" in said
    assert packages.tries() == 0


# tests/run.py

@pytest.fixture
def count():
    return run.Count()


def results(count):
    return count.passed, count.failed, count.skipped


def test_each_result_of_cmocka_counts(count):
    run.count_tap(count, "p", "1..3\nok 1 - a\nnot ok 2 - b\nnot ok 3 # SKIP c\n", "", 1)
    assert results(count) == (1, ["p/b"], ["p/c"])


@pytest.mark.parametrize("output, status", [("1..2\nok 1 - a\n", 0), ("1..2\nok 1 - a\nhidden ok 2 - b\n", 0), ("1..1\nok 1 - a\n", -6)])
def test_a_result_that_does_not_come_is_a_failure(count, output, status):
    run.count_tap(count, "p", output, "", status)
    assert results(count) == (1, ["p"], [])


def test_another_runner_is_followed(count):
    run.follow(count, "far", ["printf", "PASS a\nFAIL b: why\nSKIP c: why\n7 passed, 1 failed, 1 skipped\n"])
    assert results(count) == (8, ["far/b"], ["far/c"])


@pytest.mark.parametrize("command", [["true"], ["sh", "-c", "echo PASS a; exit 3"]])
def test_another_runner_that_breaks_off_is_a_failure(count, command):
    run.follow(count, "far", command)
    assert count.failed == ["far"]


def test_what_fails_beside_others_is_tried_once_more(count, tmp_path, monkeypatch):
    file = tmp_path / "tests/test_of_luck.py"
    file.parent.mkdir()
    file.write_text("""
import pathlib
import pytest


@pytest.mark.parametrize("most", [1, 2])
def test_fails_a_few_times(most):
    seen = pathlib.Path(__file__).with_name(f"seen-{most}")
    before = len(seen.read_text()) if seen.exists() else 0
    seen.write_text("x" * (before + 1))
    assert before >= most
""")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "AGAIN", False)
    run.run_pytest(count, "tests")
    assert (count.passed, sorted(count.failed)) == (0, [f"tests.test_of_luck.test_fails_a_few_times[{n}]" for n in (1, 2)])
    for seen in file.parent.glob("seen-*"):
        seen.unlink()
    count.failed.clear()
    monkeypatch.setattr(run, "AGAIN", True)
    run.run_pytest(count, "tests")
    assert count.again == ["tests.test_of_luck.test_fails_a_few_times[1]"] and count.passed == 1
    assert count.failed == ["tests.test_of_luck.test_fails_a_few_times[2]"]


def test_a_floor_that_hangs_is_ended_and_named(tmp_path):
    text = ("import sys, time; sys.path.insert(0, 'tests'); import run; run.FLOOR_SECONDS = 1; "
            "run.FLOORS['slow'] = lambda count: time.sleep(30); run.FLOORS['next'] = lambda count: count.add_pass(); "
            "sys.exit(run.main(['slow', 'next']))")
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "FAIL slow: not at its end after 1 s" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"


def test_a_floor_without_its_programs_and_a_package_that_is_not_there_are_skips_by_name(count, monkeypatch):
    monkeypatch.setitem(run.NEEDS, "tree", (("no-such-program",), ("no_such_module",)))
    run.run_floor(count, "tree", lambda _: pytest.fail("it ran"))
    assert results(count) == (0, [], ["tree"])
    text = "import sys; sys.path.insert(0, 'tests'); import run; run.FLOORS.clear(); sys.exit(run.main([]))"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=20,
                          env={**os.environ, "PACKAGES": "no-such-package"})
    assert "SKIP package no-such-package: " in done.stdout and done.stdout.endswith("0 passed, 0 failed, 1 skipped\n")


# tests/trixie.py

@pytest.fixture
def root(tmp_path, monkeypatch):
    """A Debian 13 whose mirror can be broken."""
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    program(tmp_path, "apt-get", "echo mirror://near/debian")
    program(tmp_path, "apt-config", """echo 'Acquire::http::Proxy "http://proxy:3128";'; echo 'Dir "/";'""")
    program(tmp_path, "systemd-nspawn", "exit 0")
    return trixie.Trixie(tmp_path / "root", ["gcc"])


def say_and(status):
    return f"""echo "$@" >"{{}}/said"; for one; do case $one in --aptopt=*) cat "${{{{one#--aptopt=}}}}" >>"{{}}/said" ;; esac; done
echo "E: Unable to fetch some archives"; echo "I: cleaning up"; exit {status}"""


@as_root
def test_trixie_comes_from_where_apt_gets_debian_and_is_kept(root, tmp_path):
    program(tmp_path, "mmdebstrap", say_and(0).format(tmp_path, tmp_path))
    root.make()
    said = (tmp_path / "said").read_text()
    assert "mirror://near/debian" in said and 'Acquire::http::Proxy "http://proxy:3128";' in said and "Dir" not in said
    (tmp_path / "said").unlink()
    root.make()
    assert not (tmp_path / "said").exists()
    trixie.Trixie(tmp_path / "root", ["gcc", "make"]).make()
    assert (tmp_path / "said").exists()


@as_root
def test_trixie_that_cannot_be_had_is_a_skip_with_the_reason(count, root, tmp_path, monkeypatch):
    program(tmp_path, "mmdebstrap", say_and(1).format(tmp_path, tmp_path))
    with pytest.raises(trixie.Absent, match="Unable to fetch some archives"):
        root.make()
    monkeypatch.setattr(trixie, "Trixie", lambda *_: root)
    monkeypatch.setenv("TRIXIE_PACKAGES", "gcc")
    run.floor_trixie(count)
    assert results(count) == (0, [], ["trixie"])
    program(tmp_path, "apt-get", "exit 0")
    with pytest.raises(trixie.Absent, match="no mirror of Debian"):
        root.make()


# make demo

@pytest.mark.alone
@pytest.mark.skipif(bool(os.environ.get("SANITIZE")), reason="a sanitizer's memory map is not for the shipped sandbox")
def test_the_demo_ends_well():
    done = subprocess.run([sys.executable, "tests/demo.py"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-2000:]
