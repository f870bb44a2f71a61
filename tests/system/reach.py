# SPDX-License-Identifier: Apache-2.0
"""What a program reaches that has the daemon's user and its unit's sandbox: [question, subject, answer] a line, in JSON.

    reach.py PID...		the processes of others whose memory is asked for
"""

import ctypes
import json
import mmap
import os
import signal
import socket
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE, PTRACE_ATTACH = 4, 16
SLEEP = "import ctypes, sys, time; ctypes.CDLL(None).prctl(4, int(sys.argv[1]), 0, 0, 0); print(flush=True); time.sleep(60)"


def apart(function, *arguments):
    """"may", or why not, found out in a process of its own, since the sandbox kills for some system calls."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        text = "may"
        try:
            function(*arguments)
        except OSError as error:
            text = os.strerror(error.errno)
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else text


def memory(pid):
    with open(f"/proc/{pid}/maps") as maps:
        place = next(line for line in maps if " rw-p " in line).split("-")[0]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as stream:
        stream.seek(int(place, 16))
        stream.read(16)


def trace(pid):
    if LIBC.ptrace(PTRACE_ATTACH, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "")


def end(pid):
    os.kill(pid, 0)


def write(path):
    name = f"{path}/.reach"
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    os.unlink(name)


def read(path):
    with open(path, "rb") as stream:
        stream.read(1)


def execute(path):
    subprocess.run([path, "--version"], stdout=subprocess.DEVNULL, check=False)


def executable_memory():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def packets():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def say(question, subject, answer):
    print(json.dumps([question, subject, answer]), flush=True)


def main():
    # Of the same unit: a child, and the parent that starts one, as the daemon does with a credential_process.
    for dumpable in (0, 1):
        child = subprocess.Popen([sys.executable, "-c", SLEEP, str(dumpable)], stdout=subprocess.PIPE)
        child.stdout.readline()
        LIBC.prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0)
        say("memory", f"child {dumpable}", apart(memory, child.pid))
        say("memory", f"parent {dumpable}", apart(memory, os.getpid()))
        child.kill()
    for pid in map(int, sys.argv[1:]):
        for question in (memory, trace, end):
            say(question.__name__, pid, apart(question, pid))
    for path in ("/", "/etc", "/etc/certferry", "/run", "/tmp", "/usr", "/var/lib", "/var/lib/certferry", "/var/lib/certferry-tls"):
        say("write", path, apart(write, path))
    for path in ("/etc/shadow", "/etc/certferry/aws-credentials"):
        say("read", path, apart(read, path))
    for path in ("/bin/sh", "/usr/bin/id", "/usr/sbin/certferryd"):
        say("execute", path, apart(execute, path))
    say("memory", "executable", apart(executable_memory))
    say("packets", "", apart(packets))


if __name__ == "__main__":
    main()
