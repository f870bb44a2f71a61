# SPDX-License-Identifier: Apache-2.0
"""A Debian 13 of its own: a root made from Debian's packages below build/trixie, kept for the next time, and commands in it.

Mirror, proxies and trust are those of this host's apt.  Needs root, mmdebstrap and systemd-container.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = "/opt/certferry"  # where the container sees this tree
MAKE_SECONDS = 600
# For the shipped unit and the system floor, which find them on any ordinary host.
HOST = ["systemd-sysv", "passwd", "procps"]
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
CARRIED = re.compile(r"Acquire::(?:https?::|ftp::|Check-|ForceIPv|Max-FutureTime|SOCKS)", re.I)
# What limits a program's memory makes a cgroup; nspawn hands the container those of version 1 to read alone.
START = """
mount -o remount,rw,bind /sys/fs/cgroup/memory 2>/dev/null || mount -o remount,rw,bind /sys/fs/cgroup 2>/dev/null || :
exec "$@"
"""


class Absent(Exception):
    """There is no Debian 13 here; the text says why."""


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def mirror():
    """Where this host's apt has Debian from."""
    lines = output("apt-get", "indextargets", "--format", "$(REPO_URI)",
                   "Identifier: Packages", "Origin: Debian", "Label: Debian").splitlines()
    if not lines:
        raise Absent("this host's apt knows no mirror of Debian; is /etc/apt/sources.list there, and was apt-get update run?")
    return lines[0]


def apt_settings():
    """What this host's apt does to reach it."""
    return [line for line in output("apt-config", "dump").splitlines() if CARRIED.match(line)]


def last_line(text):
    lines = [line for line in text.strip().splitlines() if line.startswith("E: ")] or text.strip().splitlines()
    return lines[-1] if lines else "no word"


class Trixie:
    """Below the directory; its root has the packages, and what an ordinary host has."""

    def __init__(self, directory, packages):
        self.directory = ROOT / directory
        self.root = self.directory / "root"
        self.packages = sorted({*packages, *HOST})

    def make(self):
        """The root, unless one with the same packages is there.  Raises Absent."""
        if os.geteuid() != 0:
            raise Absent("not root")
        for program in ("mmdebstrap", "systemd-nspawn"):
            if not shutil.which(program):
                raise Absent(f"no {program}")
        stamp = self.directory / "packages"
        wanted = "\n".join(self.packages)
        if not (stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir(parents=True)
            self.bootstrap()
            stamp.write_text(wanted)
        try:
            self.run(["true"], timeout=60, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.SubprocessError as error:
            raise Absent(f"no container of it runs here: {last_line((error.stdout or b'').decode(errors='replace'))}") from None

    def bootstrap(self):
        try:
            with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
                settings.write("\n".join(["APT::Install-Recommends false;", "Acquire::Retries 2;", "Acquire::http::Timeout 30;",
                                          *apt_settings()]) + "\n")
                settings.flush()
                command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=directory",
                           f"--aptopt={settings.name}", "--dpkgopt=force-unsafe-io",
                           *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
                           # A proxy's password is not to stay in it.
                           '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
                           f"--include={','.join(self.packages)}", "trixie", str(self.root), mirror()]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=MAKE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Absent(f"its packages did not come within {MAKE_SECONDS} s") from None
        except subprocess.CalledProcessError as error:
            said = error.stdout if isinstance(error.stdout, str) else (error.stdout or b"").decode(errors="replace")
            raise Absent(f"its packages cannot be had: {last_line(said)}") from None
        except OSError as error:
            raise Absent(f"{error}") from None

    def command(self, words, environment=None):
        """The command line that runs the words in it, in this tree, with a loopback of their own."""
        return ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2", "--console=pipe",
                "--private-network", "--capability=all", f"--machine=trixie-{os.getpid()}", "-D", str(self.root),
                f"--bind={ROOT}:{HERE}", f"--chdir={HERE}",
                *(f"--setenv={key}={value}" for key, value in (environment or {}).items()),
                "sh", "-c", START, "sh", *words]

    def run(self, words, environment=None, **options):
        return subprocess.run(self.command(words, environment), stdin=subprocess.DEVNULL, **options)
