# SPDX-License-Identifier: Apache-2.0
"""watch.py KIND DIRECTORY: watchdog, asked to watch a file or its directory; prints "read SHA256" as go/main.go does."""

import hashlib
import pathlib
import ssl
import sys
import time

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer

kind, directory = sys.argv[1], pathlib.Path(sys.argv[2])
certificate, key = directory / "fullchain.pem", directory / "privkey.pem"


class Reader(FileSystemEventHandler):
    shown = None

    def on_any_event(self, event):
        self.read()

    def read(self):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
            leaf = certificate.read_text().partition("-----END CERTIFICATE-----")
        except (OSError, ssl.SSLError):
            return
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert("".join(leaf[:2]))).hexdigest()
        if digest != self.shown:
            self.shown = digest
            print("read", digest, flush=True)


reader, observer = Reader(), Observer()
observer.schedule(reader, str(certificate if kind == "file" else directory))
observer.start()
reader.read()
while True:
    time.sleep(60)
