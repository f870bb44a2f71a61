# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the system tests: units, users, the journal, nginx and TLS, inside the container."""

import contextlib
import fnmatch
import hashlib
import json
import os
import pwd
import socket
import ssl
import subprocess
import time
import traceback
from pathlib import Path

BUILD = Path(os.environ.get("CERTFERRY_BUILD", "build"))
UNITS = Path("/run/systemd/system")
TESTS = []


class Skip(Exception):
    """This test cannot run here; the text says why."""


def test(function):
    """Registers a test; its name is the function's, with dashes."""
    TESTS.append((function.__name__.replace("_", "-"), function))
    return function


def run_tests(patterns, say):
    for name, function in TESTS:
        if patterns and not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            continue
        began = time.monotonic()
        try:
            function()
            say(f"PASS {name}")
        except Skip as reason:
            say(f"SKIP {name}: {reason}")
        except Exception as error:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tests/system/" in frame.filename]
            text = " ".join(str(error).split()) or type(error).__name__
            say(f"FAIL {name}: {Path(frames[-1].filename).name}:{frames[-1].lineno}: {text}")
            traceback.print_exc()
        print(f"# {name}: {time.monotonic() - began:.2f} s", file=os.sys.stderr, flush=True)


def run(*command, user=None, check=True, timeout=60, env=None, data=None):
    """Run a program, as another user if given; its output, stripped, is .stdout and .stderr."""
    words = [str(word) for word in command]
    if user:
        words = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups", "--", *words]
    done = subprocess.run(words, input=data, capture_output=True, text=True, timeout=timeout, env=env)
    done.stdout, done.stderr = done.stdout.strip(), done.stderr.strip()
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: status {done.returncode}: {done.stderr or done.stdout}")
    return done


def wait_for(condition, seconds=10.0, what="", every=0.05):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= end:
            raise AssertionError(f"not within {seconds:g} s: {what or condition.__name__}")
        time.sleep(every)


def equal(seen, wanted, what=""):
    if seen != wanted:
        raise AssertionError(f"{what}{': ' if what else ''}{seen!r} instead of {wanted!r}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in {text!r}")


# Units

_pending_reload = False


def unit(name, text):
    """Write a unit that lives as long as the container."""
    UNITS.mkdir(parents=True, exist_ok=True)
    path = UNITS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    return name


def reload_units():
    run("systemctl", "daemon-reload")


def show(name, *properties):
    """A unit's properties as systemctl shows them: one value, or a list of them."""
    text = run("systemctl", "show", name, *(f"--property={key}" for key in properties)).stdout
    values = dict(line.split("=", 1) for line in text.splitlines())
    return values[properties[0]] if len(properties) == 1 else [values[key] for key in properties]


def invocation(name):
    return show(name, "InvocationID")


def is_active(name):
    return show(name, "ActiveState") == "active"


@contextlib.contextmanager
def running(name):
    run("systemctl", "start", name)
    try:
        yield name
    finally:
        run("systemctl", "stop", name, check=False)
        run("systemctl", "reset-failed", name, check=False)


def journal(*matches):
    """The journal's records that match, oldest first."""
    run("journalctl", "--sync")
    text = run("journalctl", "-o", "json", "--no-pager", *matches, check=False).stdout
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


# TLS


def served(port, host="127.0.0.1", name="localhost"):
    """SHA-256 of the leaf that is served there, as hexadecimal digits; None when nobody answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname=name) as connection:
                return hashlib.sha256(connection.getpeercert(binary_form=True)).hexdigest()
    except OSError:
        return None


def fingerprint(pem_file):
    first = Path(pem_file).read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


def nginx_unit(name, port, certificate, key):
    """An nginx that serves a certificate from files, as a unit of its own."""
    configuration = Path(f"/etc/nginx/{name}.conf")
    configuration.write_text(
        f"""pid /run/{name}.pid;
        error_log stderr;
        events {{ }}
        http {{
            access_log off;
            server {{
                listen 127.0.0.1:{port} ssl;
                listen [::1]:{port} ssl;
                ssl_certificate {certificate};
                ssl_certificate_key {key};
                return 200;
            }}
        }}
        """
    )
    return unit(
        f"{name}.service",
        f"""
        [Unit]
        StartLimitIntervalSec=0
        [Service]
        Type=forking
        PIDFile=/run/{name}.pid
        ExecStart=/usr/sbin/nginx -c {configuration}
        ExecReload=/usr/sbin/nginx -c {configuration} -s reload
        """,
    )


def make_certificate(directory, name="localhost"):
    """A self-signed certificate and its key in the directory: cert.pem, key.pem."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    key, certificate = directory / "key.pem", directory / "cert.pem"
    run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", f"/CN={name}", "-keyout", key, "-out", certificate,
    )  # fmt: skip
    return certificate, key
