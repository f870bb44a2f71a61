# SPDX-License-Identifier: Apache-2.0
"""Enough of D-Bus to be a service on a bus of a test's own: read method calls, answer them, emit signals."""

import os
import re
import socket
import struct
import threading

CALL, REPLY, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = range(1, 10)
FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d", "h": "I"}


class Refused(Exception):
    """Answered as a D-Bus error of that name."""

    def __init__(self, name, text):
        super().__init__(text)
        self.name = name


def split(signature):
    """The complete types that a signature is made of."""
    found = []
    while signature:
        end = _end(signature)
        found.append(signature[:end])
        signature = signature[end:]
    return found


def _end(signature):
    if signature[0] == "a":
        return 1 + _end(signature[1:])
    if signature[0] not in "({":
        return 1
    depth = 0
    for at, letter in enumerate(signature):
        depth += (letter in "({") - (letter in ")}")
        if depth == 0:
            return at + 1
    raise ValueError(signature)


def alignment(kind):
    if kind[0] in FIXED:
        return struct.calcsize(FIXED[kind[0]])
    return {"s": 4, "o": 4, "a": 4, "g": 1, "v": 1}.get(kind[0], 8)


def write(data, kind, value):
    """Append a value; a variant is (signature, value), an array of dictionary entries is a dict."""
    data += bytes(-len(data) % alignment(kind))
    if kind in FIXED:
        data += struct.pack("<" + FIXED[kind], value)
    elif kind in "so":
        text = value.encode()
        data += struct.pack("<I", len(text)) + text + b"\0"
    elif kind == "g":
        data += bytes([len(value)]) + value.encode() + b"\0"
    elif kind == "v":
        write(data, "g", value[0])
        write(data, value[0], value[1])
    elif kind[0] == "a":
        at = len(data)
        data += bytes(4)
        data += bytes(-len(data) % alignment(kind[1:]))
        begin = len(data)
        for item in value.items() if isinstance(value, dict) else value:
            write(data, kind[1:], item)
        data[at : at + 4] = struct.pack("<I", len(data) - begin)
    else:
        for part, item in zip(split(kind[1:-1]), value, strict=True):
            write(data, part, item)
    return data


class Reader:
    """Takes values off a message, little endian as we and all others here write them."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def read(self, kind):
        self.at += -self.at % alignment(kind)
        if kind in FIXED:
            form = "<" + FIXED[kind]
            self.at += struct.calcsize(form)
            return struct.unpack_from(form, self.data, self.at - struct.calcsize(form))[0]
        if kind in "sog":
            length = self.read("y" if kind == "g" else "u")
            self.at += length + 1
            return self.data[self.at - length - 1 : self.at - 1].decode()
        if kind == "v":
            return self.read(self.read("g"))
        if kind[0] == "a":
            length = self.read("u")
            self.at += -self.at % alignment(kind[1:])
            end, found = self.at + length, []
            while self.at < end:
                found.append(self.read(kind[1:]))
            return dict(found) if kind[1] == "{" else found
        return tuple(self.read(part) for part in split(kind[1:-1]))


class Message:
    def __init__(self, kind, serial, fields, arguments):
        self.kind, self.serial, self.fields, self.arguments = kind, serial, fields, arguments
        self.path, self.member = fields.get(PATH, ""), fields.get(MEMBER, "")
        self.interface, self.sender = fields.get(INTERFACE, ""), fields.get(SENDER, "")


class Connection:
    """One that the bus has said hello to; descriptors go out with messages, and none come in."""

    def __init__(self, address):
        self.serial = 0
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(re.fullmatch(r"unix:path=([^,;]+).*", address)[1])
        self._say(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode(), b"OK")
        self._say(b"NEGOTIATE_UNIX_FD", b"AGREE_UNIX_FD")
        self.socket.sendall(b"BEGIN\r\n")
        self.stream = self.socket.makefile("rb")
        self.call_bus("Hello")

    def _say(self, words, expected):
        self.socket.sendall(words + b"\r\n")
        if not self.socket.recv(1000).startswith(expected):
            raise ConnectionError(f"the bus does not answer {expected.decode()}")

    def call_bus(self, member, signature="", *values):
        bus = "org.freedesktop.DBus"
        fields = {PATH: ("o", "/org/freedesktop/DBus"), INTERFACE: ("s", bus), MEMBER: ("s", member)}
        serial = self.send(CALL, {**fields, DESTINATION: ("s", bus)}, signature, values)
        while True:
            message = self._read()
            if message.fields.get(REPLY_SERIAL) == serial:
                return message.arguments

    def send(self, kind, fields, signature="", values=(), descriptors=()):
        """Its serial number; values of type h are places in descriptors."""
        body = bytearray()
        for part, value in zip(split(signature), values, strict=True):
            write(body, part, value)
        if signature:
            fields = {**fields, SIGNATURE: ("g", signature)}
        if descriptors:
            fields = {**fields, UNIX_FDS: ("u", len(descriptors))}
        with self.lock:
            self.serial += 1
            head = bytearray(struct.pack("<cBBBII", b"l", kind, 0, 1, len(body), self.serial))
            write(head, "a{yv}", fields)  # the same bytes as a(yv), which it is
            head += bytes(-len(head) % 8)
            data = head + body
            if descriptors:
                data = data[socket.send_fds(self.socket, [data], descriptors) :]
            self.socket.sendall(data)
            return self.serial

    def call(self, member, signature="", *values, descriptors=()):
        """One of certferryd's methods, its answer not waited for: the call's serial number."""
        fields = {PATH: ("o", "/org/certferry1"), INTERFACE: ("s", "org.certferry1.Manager"), MEMBER: ("s", member)}
        return self.send(CALL, {**fields, DESTINATION: ("s", "org.certferry1")}, signature, values, descriptors)

    def answer(self, serial):
        """What came of a call: a message of kind REPLY or ERROR."""
        while True:
            message = self._read()
            if message.fields.get(REPLY_SERIAL) == serial:
                return message

    def ask(self, member, signature="", *values, descriptors=()):
        """The values of the answer to a call; raises Refused."""
        message = self.answer(self.call(member, signature, *values, descriptors=descriptors))
        if message.kind == ERROR:
            raise Refused(message.fields[ERROR_NAME], message.arguments[0])
        return message.arguments

    def signal(self, path, interface, member, signature, *values):
        fields = {PATH: ("o", path), INTERFACE: ("s", interface), MEMBER: ("s", member)}
        self.send(SIGNAL, fields, signature, values)

    def close(self):
        self.stream.close()
        self.socket.close()

    def _read(self):
        head = self.stream.read(16)
        if len(head) < 16:
            raise EOFError
        _, kind, _, _, length, serial, fields_length = struct.unpack("<cBBBIII", head)
        data = head + self.stream.read(fields_length + -fields_length % 8)
        fields = dict(Reader(data, 12).read("a(yv)"))
        body = Reader(self.stream.read(length))
        return Message(kind, serial, fields, [body.read(part) for part in split(fields.get(SIGNATURE, ""))])


class Service(Connection):
    """A connection that answers calls by handle(message), which gives (signature, values) or raises Refused.

    Calls are answered one after another, in a thread of its own.
    """

    def __init__(self, address, names, handle):
        super().__init__(address)
        self.handle = handle
        for name in names:
            if self.call_bus("RequestName", "su", name, 4)[0] != 1:
                raise ConnectionError(f"{name} is taken")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        super().close()

    def _run(self):
        try:
            while True:
                message = self._read()
                if message.kind == CALL:
                    self._answer(message)
        except (EOFError, OSError):
            return

    def _answer(self, message):
        fields = {DESTINATION: ("s", message.sender), REPLY_SERIAL: ("u", message.serial)}
        try:
            signature, values = self.handle(message)
            self.send(REPLY, fields, signature, values)
        except Refused as refused:
            self.send(ERROR, {**fields, ERROR_NAME: ("s", refused.name)}, "s", [str(refused)])
