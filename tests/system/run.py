#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The system floor: the units as shipped under a real systemd, D-Bus, polkit, journald and nginx.

Boots this host's own root in a container (systemd-nspawn) whose changes go to memory and whose network is its own
loopback, installs what was built into it, and runs tests/system/inside.py there.  Nothing of the host changes.
Builds nothing.  Prints one line a test (PASS, FAIL or SKIP); exit status 0 if no test failed.

    tests/system/run.py [--root DIRECTORY] [--keep DIRECTORY] [--modules NAME,...] [PATTERN ...]

--root boots another system's root, which BUILD has to be built for (tests/trixie.py makes one); it stays as it is.
--keep leaves the container's journal in DIRECTORY; patterns choose tests by name ("dependent-*").
--modules takes the tests of these modules instead of the floor's own (tests.recipes.served is another floor's).
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
TIME_LIMIT = 600
HERE = "/opt/certferry"  # where the container sees this tree
RESULTS = "/opt/results"
STAGE = "/opt/stage"
SEARCH = "/usr/sbin:/usr/bin:/sbin:/bin"
MODULES = ",".join(f"tests.system.{name}" for name in ("access", "daemon", "dependents", "failed", "install", "sandbox", "shipped"))

UNIT = f"""
[Unit]
Description=The tests of certferry's system floor
After=basic.target
[Service]
Type=oneshot
Environment=PYTHONPATH={HERE} PYTHONDONTWRITEBYTECODE=1 CERTFERRY_BUILD={HERE}/{BUILD.relative_to(ROOT)}
WorkingDirectory={HERE}
ExecStart=/usr/bin/python3 -m tests.system.inside --stage {STAGE} --results {RESULTS} --modules %(modules)s %(patterns)s
StandardOutput=append:{RESULTS}/output
StandardError=append:{RESULTS}/errors
ExecStopPost=systemctl poweroff --no-block
"""

# "/" itself cannot be the root of a container, but a bind mount of it can.
BOOT = """
mount --bind "$1" "$2" || exit 77
shift 2
exec systemd-nspawn "$@"
"""


def why_not(root):
    if os.geteuid() != 0:
        return "not root"
    for program in ("systemd-nspawn", "unshare", "mount"):
        if not shutil.which(program, path=SEARCH):
            return f"no {program}"
    if not shutil.which("nginx", path=":".join(f"{root}{place}" for place in SEARCH.split(":"))):
        return "no nginx"
    for program in ("certferryd", "certferry"):
        if not (BUILD / program).exists():
            return f"{BUILD.name}/{program} is not built"
    return None


def stage(directory):
    """Install into a directory of its own; the container copies it over its root."""
    # Everything counts as up to date: a floor tests what was built.
    command = ["make", "-s", "-C", str(ROOT), "-o", "all", "install", f"DESTDIR={directory}", f"BUILD={BUILD}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print(f"FAIL system-install: make install: {done.stdout.strip().splitlines()[-1]}")
        return False
    print("PASS system-install")
    return True


def boot(work, root, modules, patterns):
    """Run the container until it powers off; returns whether it ended in time, and what it said."""
    (work / "root").mkdir()
    unit = work / "certferry-tests.service"
    unit.write_text(UNIT % {"modules": modules, "patterns": " ".join(f"'{pattern}'" for pattern in patterns)})
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", BOOT, "boot", str(root), str(work / "root")]
    command += ["-q", "--register=no", "--keep-unit", "--volatile=overlay", "-D", str(work / "root")]
    command += [f"--machine=certferry-{os.getpid()}", "--private-network", "--capability=all", "--link-journal=no"]
    command += [f"--bind-ro={ROOT}:{HERE}", f"--bind-ro={work / 'stage'}:{STAGE}", f"--bind={work / 'results'}:{RESULTS}"]
    command += [f"--bind-ro={unit}:/etc/systemd/system/{unit.name}", "--boot"]
    command += ["systemd.unit=basic.target", f"systemd.wants={unit.name}"]
    with open(work / "console", "wb") as console:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
        )
        try:
            process.wait(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return True


def report(work, in_time):
    output = work / "results" / "output"
    text = output.read_text() if output.exists() else ""
    if not text:
        console = (work / "console").read_text(errors="replace").strip().splitlines()
        print(f"SKIP system: the container does not boot here: {console[-1] if console else 'no word'}")
        return 0
    print(text, end="")
    failed = any(line.startswith("FAIL ") for line in text.splitlines())
    if not in_time:
        print(f"FAIL system: not at its end after {TIME_LIMIT} s")
    elif not text.rstrip().endswith("end of tests"):
        last = (work / "results" / "errors").read_text(errors="replace").strip().splitlines()[-1:]
        print(f"FAIL system: broke off: {last[0] if last else 'no word'}")
    else:
        return 1 if failed else 0
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("/"), help="boot the system that lies there")
    parser.add_argument("--keep", type=Path, help="leave the container's journal and console there")
    parser.add_argument("--modules", default=MODULES, help="the modules that have the tests, between commas")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()
    reason = why_not(options.root.resolve())
    if reason:
        print(f"SKIP system: {reason}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the container ends as well
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="certferry-system-"))
    try:
        (work / "results").mkdir()
        if not stage(work / "stage"):
            return 1
        status = report(work, boot(work, options.root.resolve(), options.modules, options.patterns))
        if options.keep:
            shutil.copytree(work / "results", options.keep, dirs_exist_ok=True)
            shutil.copy(work / "console", options.keep)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"# {time.monotonic() - began:.1f} s", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
