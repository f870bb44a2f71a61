# SPDX-License-Identifier: Apache-2.0
"""The state database outlives an upgrade: every row of every format, whatever ends the migration in the middle.

tests/record has one state database of each format, made by the program that wrote it (tests/record/make.py).
"""

import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.cloud.harness import DESTINATION, ROOT
from tests.scenarios.vocabulary import BUILD, NAMESPACES, WRITES, once_only

RECORDS = sorted(ROOT.glob("tests/record/format-*.sqlite"), key=lambda path: int(path.stem.split("-")[1]))
NEWEST = len(RECORDS)
OLDER = RECORDS[:-1]
TABLES = ["certificate", "delivery", "dependent", "history", "import", "owed", "value"]
RENAMED = {("dependent", "invocation"): "token"}  # columns, since format 3
NOBODY = {"arn": "arn:aws:acm:eu-west-1:111111111111:certificate/00000000-0000-0000-0000-000000000000"}


def format_of(path):
    """As the file says it itself, in its header."""
    return int.from_bytes(path.read_bytes()[60:64], "big")


def present(db, table, columns):
    """These columns of a table, by the names that they have there."""
    there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    return ", ".join(name if name in there else RENAMED[table, name] for name in columns)


def rows(path, like):
    """What a state database holds in the columns that another one has; read without certferry and left as it is."""
    with sqlite3.connect(f"file:{like}?immutable=1", uri=True) as model:
        columns = {name: [row[1] for row in model.execute(f"PRAGMA table_info({name})")] for name in TABLES}
    with tempfile.TemporaryDirectory() as directory:
        for part in ("", "-wal"):
            if Path(f"{path}{part}").exists():
                shutil.copyfile(f"{path}{part}", f"{directory}/record{part}")
        db = sqlite3.connect(f"{directory}/record")
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = {
            name: sorted(db.execute(f"SELECT {present(db, name, columns[name])} FROM {name}").fetchall(), key=repr)
            for name in TABLES
        }
        db.close()
    return found


class Host:
    """A state directory, and certferryd on it; it opens its record and ends, as it knows no region and no AWS."""

    def __init__(self, directory):
        self.directory, self.state = directory, directory / "state"
        self.record = self.state / "record.sqlite"
        self.configuration = directory / "certferry.yaml"
        self.configuration.write_text(
            f'certificates: {{x: {{arn: "{NOBODY["arn"]}", deliver: [{{to: files}}]}}}}\n'
            f"destinations: {{files: {{kind: file, directory: {directory}}}}}\n"
        )
        self.environment = {
            "STATE_DIRECTORY": str(self.state), "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true",
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={directory}/no-bus", "ASAN_OPTIONS": "detect_leaks=0",
        }  # fmt: skip

    def put(self, record):
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir(mode=0o700)
        shutil.copyfile(record, self.record)
        self.record.chmod(0o600)
        return self

    def open(self, *under, **options):
        command = [*under, BUILD / "certferryd", "--once", "--config", self.configuration]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, **options)

    def certferry(self, *arguments):
        command = [BUILD / "certferry", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)

    def names(self):
        return sorted(path.name for path in self.state.iterdir() if path.name != "lock")

    def expect_rows_of(self, record):
        """Of the newest format and whole, with every row that this one has."""
        assert format_of(self.record) == NEWEST
        assert rows(self.record, record) == rows(record, record)


@pytest.fixture
def there(tmp_path):
    return Host(tmp_path)


def test_there_is_a_record_of_each_format_with_rows_of_every_kind():
    assert [format_of(path) for path in RECORDS] == list(range(1, NEWEST + 1))
    for path in RECORDS:
        found = rows(path, path)
        assert all(found.values()), path
        assert {(row[3] > 0, row[4]) for row in found["owed"]} >= {(True, 1), (True, 0), (False, 0)}, path


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_every_row_of_every_format_is_kept(there, record):
    run = there.put(record).open()
    assert "no region" in run.stderr, run.stderr  # it came so far
    there.expect_rows_of(record)
    if format_of(record) == NEWEST:
        assert there.names() == ["record.sqlite"]
        assert "Migrated" not in run.stderr
        return
    former = f"record.sqlite.{record.stem}"
    assert there.names() == ["record.sqlite", former]
    assert (there.state / former).stat().st_mode & 0o7777 == 0o600
    assert format_of(there.state / former) == format_of(record)
    assert rows(there.state / former, record) == rows(record, record)
    sentence = f"Migrated state database '{there.record}' from format {format_of(record)} to {NEWEST}; the former"
    assert once_only(run.stderr, re.escape(sentence)) and former in run.stderr
    there.open()
    there.expect_rows_of(record)


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_every_format_is_shown_without_the_daemon_and_left_as_it_is(there, record):
    before = there.put(record).record.read_bytes()
    answer = there.certferry("status", "--json")
    assert answer.returncode == 1, answer.stderr
    for name, in sqlite3.connect(record).execute("SELECT name FROM delivery"):
        assert f'"{name}"' in answer.stdout
    assert there.record.read_bytes() == before


def test_what_is_in_the_log_of_the_database_is_migrated_and_copied(there):
    """It was killed: the last rows are not in the file yet."""
    there.put(OLDER[-1])
    script = "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('PRAGMA journal_mode=WAL'); \
db.execute(\"INSERT INTO history (event) VALUES ('last')\"); db.commit(); os.kill(os.getpid(), 9)"
    subprocess.run(["/usr/bin/python3", "-c", script, there.record])
    assert (there.state / "record.sqlite-wal").stat().st_size
    there.open()
    for path in (there.record, there.state / f"record.sqlite.{OLDER[-1].stem}"):
        with sqlite3.connect(path) as db:
            assert db.execute("SELECT count(*) FROM history WHERE event = 'last'").fetchone() == (1,), path


# A newer one


def make_newer(there):
    """As the next version would leave it, the copy of ours included."""
    shutil.copyfile(RECORDS[-1], there.put(RECORDS[-1]).state / f"record.sqlite.format-{NEWEST}")
    with sqlite3.connect(there.record) as db:
        db.execute("ALTER TABLE owed ADD COLUMN later INTEGER")
        db.execute(f"PRAGMA user_version = {NEWEST + 1}")
    db.close()


@pytest.mark.parametrize("arguments", [["--once"], ["--once", "--dry-run"], []], ids=lambda words: " ".join(words) or "daemon")
def test_a_newer_format_is_refused_and_left_alone(there, arguments):
    make_newer(there)
    before, copy = there.record.read_bytes(), f"{there.record}.format-{NEWEST}"
    command = [BUILD / "certferryd", *arguments, "--config", there.configuration]
    run = subprocess.run(command, env=there.environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 2, run.stderr
    (sentence,) = [line for line in run.stderr.splitlines() if "State database" in line]
    assert f"format {NEWEST + 1}" in sentence and f"up to {NEWEST}" in sentence
    assert f"'{copy}'" in sentence and "certferryd is stopped" in sentence
    assert there.record.read_bytes() == before
    assert not [name for name in there.names() if "damaged" in name]


def test_a_newer_format_is_not_misread_without_the_daemon(there):
    make_newer(there)
    answer = there.certferry("status")
    assert answer.returncode != 0 and answer.stdout == ""
    assert f"format {NEWEST + 1}" in answer.stderr and f"up to {NEWEST}" in answer.stderr


def test_going_back_is_putting_the_copy_in_place(there):
    make_newer(there)
    assert there.open().returncode == 2
    (there.state / f"record.sqlite.format-{NEWEST}").rename(there.record)
    assert "no region" in there.open().stderr
    there.expect_rows_of(RECORDS[-1])


# Killed in the middle


def calls_of(there, record):
    """The system calls from the first to the last that is about the record, as (name, how often it was called before)."""
    log = there.directory / "calls"
    there.put(record).open("strace", "-o", log)
    before, found, last = Counter(), [], 0
    for line in log.read_text().splitlines():
        name = line.split("(")[0]
        if not re.fullmatch(r"\w+", name):
            continue
        before[name] += 1
        if found or "record.sqlite" in line:
            found.append((name, before[name]))
        if "record.sqlite" in line:
            last = len(found)
    return found[:last]


CHANGING = ("rename", "unlink", "fsync", "fdatasync", "ftruncate", "pwrite64")


@pytest.mark.parametrize("record", OLDER, ids=lambda path: path.stem)
def test_killed_at_any_system_call_of_a_migration(there, record):
    """The old format, one on the way or the new one, whole; and the next start has every row."""
    formats = range(format_of(record), NEWEST + 1)
    calls = calls_of(there, record)
    assert len(calls) > 100
    if not os.environ.get("LONG"):  # all of them take 40 s
        changing = [call for call in calls if call[0] in CHANGING]
        few = {*calls[::8], *(call for call in changing if call[0] != "pwrite64"), *changing[::3]}
        calls = [call for call in calls if call in few]
    seen = Counter()
    for name, when in calls:
        run = there.put(record).open("strace", "-o", "/dev/null", "-e", f"inject={name}:signal=KILL:when={when}")
        assert run.returncode in (-9, 137), (name, when, run)
        left = shutil.copytree(there.state, there.directory / "left", dirs_exist_ok=False)
        with sqlite3.connect(left / "record.sqlite") as db:  # with what its log holds
            (number,) = db.execute("PRAGMA user_version").fetchone()
        db.close()
        assert number in formats, (name, when)
        assert rows(left / "record.sqlite", record) == rows(record, record), (name, when)
        copy = left / f"record.sqlite.{record.stem}"
        assert number == format_of(record) or copy.exists(), (name, when)
        if copy.exists():
            assert rows(copy, record) == rows(record, record), (name, when)
        shutil.rmtree(left)
        there.open()
        there.expect_rows_of(record)
        copies = {copy.name} | {f"record.sqlite.format-{number}" for _ in range(number < NEWEST)}
        assert there.names() == ["record.sqlite", *sorted(copies)], (name, when)
        seen[number] += 1
    assert set(seen) == set(formats)


# No room


SMALL_DISK = """
mount -t tmpfs -o size=1m,mode=700 none "$1" && cp "$2" "$1/record.sqlite" && chmod 600 "$1/record.sqlite" || exit 9
dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null
truncate -s -$(($3 * 4096)) "$1/filler"
state=$1
shift 3
"""


def on_small_disk(ferry, record, pages, then='exec "$@"'):
    """The program under which certferryd has a state directory with so many pages of 4 KiB to spare beside a record."""
    return [*NAMESPACES, "sh", "-c", SMALL_DISK + then, "sh", ferry.state, record, str(pages)]


def expect_said(ferry, log, number):
    sentence = (
        f"Failed to migrate state database '{ferry.state}/record.sqlite' from format {number} to {NEWEST}: .*; "
        "certferryd polls and shows status, but delivers and restarts nothing until it is migrated. Make sure that its "
        "directory is writable and has 2 MiB free"
    )
    assert once_only(log, sentence), log


@pytest.mark.parametrize("record", OLDER, ids=lambda path: path.stem)
def test_a_run_without_room_for_the_copy_writes_nothing(ferry, record):
    """However little room there is: the old format and status 1, or the new one and all done."""
    pay = ferry.issue("pay.example.com")  # as an entry of which the records know nothing
    ferry.carry("shop", pay, "prod", "secrets", "files")
    left, ends = ferry.directory / "left", []
    keep = f'"$@"; status=$?; rm -rf "{left}"; cp -r "$state" "{left}"; exit $status'
    for pages in (0, 3, 9, 20, 31, 40, 160):
        run = ferry.run("--once", "--json", under=on_small_disk(ferry, record, pages, keep))
        ends.append(run.status)
        if run.status == 0:
            assert format_of(left / "record.sqlite") == NEWEST
            ferry.expect_file("shop", pay)
            continue
        assert run.status == 1, run
        assert run.requests.writes == [] and run.requests("ExportCertificate") == 0
        assert run.requests("ListCertificates") > 0 and run.json["record_problem"]
        assert list(ferry.files.iterdir()) == []
        if "Failed to migrate" in run.log:
            reached = format_of(left / "record.sqlite")  # each step by itself is whole
            assert format_of(record) <= reached < NEWEST
            expect_said(ferry, run.log, reached)
            assert rows(left / "record.sqlite", record) == rows(record, record)
        for path in left.iterdir():
            assert "damaged" not in path.name and not path.name.endswith((".new", "-journal")), pages
            assert ".format-" not in path.name or rows(path, record) == rows(record, record), pages
    assert ends[0] == ends[1] == ends[2] == 1 and ends[-1] == 0, ends


@pytest.mark.parametrize("record", OLDER, ids=lambda path: path.stem)
def test_a_daemon_without_room_for_the_copy_waits_for_it(bus_ferry, host, record):
    ferry, web = bus_ferry.dependent("web", "web.service"), host.unit("web.service")
    pay = ferry.issue("pay.example.com")
    ferry.carry("shop", pay, "prod", {"to": "files", "then": ["web"]})
    since = ferry.cloud.journal_position()
    process = ferry.launch(under=on_small_disk(ferry, record, 0))
    ferry.wait_for(lambda: ferry.certferry("plan").status != 5)
    for _ in range(2):
        answer = ferry.certferry("sync", expect=1)
        answer = ferry.certferry("status", "--json", expect=1)
        assert "Failed to migrate" in answer.json["record_problem"] and "MiB free" in answer.json["record_problem"]
        assert "Failed to migrate" in ferry.certferry("status", expect=1).out
        assert not [entry for entry in ferry.cloud.journal(since=since) if entry["operation"] in WRITES]
        assert list(ferry.files.iterdir()) == [] and web.jobs == []
    state = Path(f"/proc/{process.pid}/root{ferry.state}")
    assert format_of(state / "record.sqlite") == format_of(record)
    assert not (state / f"record.sqlite.{record.stem}").exists()

    (state / "filler").unlink()
    ferry.certferry("sync", expect=0)
    ferry.expect_import(DESTINATION, pay)
    ferry.expect_file("shop", pay)
    assert web.jobs == ["restart"]
    for path in (state / "record.sqlite", state / f"record.sqlite.{record.stem}"):
        found, kept = rows(path, record), rows(record, record)
        assert all(set(kept[name]) <= set(found[name]) for name in ("import", "history")), path
    assert rows(state / f"record.sqlite.{record.stem}", record) == rows(record, record)
    process.terminate()
    _, log = process.communicate(timeout=20)
    expect_said(ferry, log, format_of(record))
    assert once_only(log, "Migrated state database") and once_only(log, "Wrote the state database again"), log


def limit_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_what_is_too_large_for_memory_is_not_read_into_it(there):
    there.put(OLDER[0])
    with sqlite3.connect(there.record) as db:
        db.execute("INSERT INTO history (text) VALUES (zeroblob(70 << 20))")
    db.close()
    run = there.open(preexec_fn=limit_files)
    assert run.returncode == 1 and "no region" not in run.stderr
    assert once_only(run.stderr, "Failed to migrate .* more than 64 MiB, .* and has 7[0-9] MiB free"), run
    assert format_of(there.record) == format_of(OLDER[0])
    assert there.names() == ["record.sqlite"]
    there.open()
    assert format_of(there.record) == NEWEST


# Only what is damaged is set aside


@pytest.mark.parametrize("record", [RECORDS[0], RECORDS[-1]], ids=lambda path: path.stem)
@pytest.mark.parametrize("lasts", ["", "+"], ids=["once", "lasting"])
@pytest.mark.parametrize("call", ["pread64", "pwrite64", "fdatasync,fsync", "ftruncate"])
def test_a_disk_that_fails_is_no_damage(there, record, call, lasts):
    """Whichever of its answers is an error: nothing is set aside, and the next start has every row."""
    long = bool(os.environ.get("LONG"))  # all of those of the last steps take a minute
    for when in [*range(1, 30), *range(30, 120, 1 if long else 6)]:
        there.put(record)
        log = there.directory / "calls"
        under = ["strace", "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={when}{lasts}"]
        run = there.open(*under)
        injected = "INJECTED" in log.read_text()
        assert [name for name in there.names() if "damaged" in name or name.endswith((".new", "-journal"))] == [], run
        assert "corrupt" not in run.stderr, run.stderr
        there.open()
        there.expect_rows_of(record)
        if not injected:
            return
    raise AssertionError("it was called without end")


def test_damage_is_said_aloud_and_kept_each_time(there):
    for number, name in enumerate(["record.sqlite.damaged", "record.sqlite.damaged-2", "record.sqlite.damaged-3"]):
        if number == 0:
            there.put(RECORDS[-1])
        content = b"no database %d" % number * 1000
        there.record.write_bytes(content)
        run = there.open()
        (sentence,) = [line for line in run.stderr.splitlines() if "corrupt" in line]
        assert f"State database '{there.record}' is corrupt (file is not a database)" in sentence
        assert f"moved it to '{there.state}/{name}' and started an empty one. Approvals and history are lost" in sentence
        assert (there.state / name).read_bytes() == content
        assert format_of(there.record) == NEWEST


def test_damage_is_said_without_the_daemon_and_left_alone(there):
    content = b"no database" * 1000
    there.put(RECORDS[-1]).record.write_bytes(content)
    answer = there.certferry("status")
    assert answer.returncode == 5 and answer.stdout == ""
    assert f"State database '{there.record}' is corrupt (file is not a database). When certferryd" in answer.stderr
    assert there.record.read_bytes() == content and there.names() == ["record.sqlite"]


READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_file_that_cannot_be_written_is_no_damage(there, record):
    there.put(record)
    run = there.open(*NAMESPACES, "sh", "-c", READ_ONLY, "sh", there.record)
    assert run.returncode == 1 and once_only(run.stderr, f"State database '{there.record}' is read-only"), run
    assert "record.sqlite.damaged" not in there.names()
    assert rows(there.record, record) == rows(record, record)


def test_damage_that_cannot_be_moved_ends_the_start(there):
    """Nothing is said to be moved then, and nothing is made of it."""
    there.put(RECORDS[-1]).record.write_bytes(b"no database" * 1000)
    run = there.open(*NAMESPACES, "sh", "-c", 'mount --bind "$1" "$1" && shift && exec "$@"', "sh", there.record)
    assert run.returncode == 1 and "started an empty one" not in run.stderr
    assert once_only(run.stderr, "is corrupt \\(file is not a database\\): move it to '.*record.sqlite.damaged': "), run
    assert there.record.read_bytes() == b"no database" * 1000
