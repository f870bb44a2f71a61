#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What: pysqlite3-binary 0.5.4 (SQLite 3.46.1), Linux.  Debian 12's SQLite 3.40.1 does the same.
# Input: a sound database of some 50 pages, of which one cannot be read: pread(2) answers EIO for it, as it does for a bad
# sector or a network disk that is away.
# Expected: SQLITE_IOERR ("disk I/O error"), since nothing was read that could be malformed.
# Seen: SQLITE_CORRUPT ("database disk image is malformed") from SELECT, PRAGMA quick_check and PRAGMA integrity_check; a
# process that can read the page afterwards finds the same file sound.  SQLite turns EIO, ENXIO and ERANGE of a read into
# SQLITE_IOERR_CORRUPTFS, and that into SQLITE_CORRUPT; other errors (EACCES below) stay I/O errors.
# Why it matters: who sets a database aside on SQLITE_CORRUPT loses a sound one to a disk that was away for a moment.
# certferryd reads its state database through before it believes that it is damaged.
#
# Ends with 0 while that is so, 1 when something else is seen, 2 when it could not be tried.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv && venv/bin/pip -q --disable-pip-version-check install pysqlite3-binary==0.5.4 || exit 2

cat >disk.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

/* A disk on which one page, at BAD_OFFSET, is answered with the error number BAD_ERRNO. */
ssize_t pread64(int fd, void *data, size_t size, off_t offset)
{
	ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread64");
	const char *bad = getenv("BAD_OFFSET");

	if (bad && offset == atoll(bad)) {
		errno = atoi(getenv("BAD_ERRNO"));
		return -1;
	}
	return real(fd, data, size, offset);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
	return pread64(fd, data, size, offset);
}
C
cc -shared -fPIC -o disk.so disk.c -ldl || exit 2

cat >ask.py <<'PYTHON'
import sys
from pysqlite3 import dbapi2 as sqlite3

database = sqlite3.connect("sound.sqlite")
if sys.argv[1] == "make":
    database.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)")
    database.executemany("INSERT INTO t VALUES (?, ?)", ((i, "x" * 400) for i in range(500)))
    database.commit()
else:
    for question in ("SELECT sum(length(v)) FROM t", "PRAGMA quick_check", "PRAGMA integrity_check"):
        try:
            print(question, "->", database.execute(question).fetchone()[0])
        except sqlite3.Error as error:
            print(question, "->", error.sqlite_errorname, "-", error)
PYTHON

seen() { LD_PRELOAD="$folder/disk.so" "$@" venv/bin/python ask.py look; }
venv/bin/python -c 'from pysqlite3 import dbapi2; print("SQLite", dbapi2.sqlite_version)'
venv/bin/python ask.py make
echo "-- one page answers EIO (5):" && seen env BAD_OFFSET=40960 BAD_ERRNO=5 | tee eio
echo "-- one page answers EACCES (13):" && seen env BAD_OFFSET=40960 BAD_ERRNO=13 | tee eacces
echo "-- the disk answers again:" && seen env | tee sound

[ "$(grep -c 'SQLITE_CORRUPT - database disk image is malformed' eio)" = 3 ] &&
	! grep -q SQLITE_CORRUPT eacces && grep -q 'SELECT.*SQLITE_IOERR' eacces &&
	[ "$(grep -c -e '-> 200000' -e '-> ok' sound)" = 3 ] || { echo "it is otherwise now"; exit 1; }
echo "as described"
