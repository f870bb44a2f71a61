# SPDX-License-Identifier: Apache-2.0
"""A system bus of the bench's own, on which everyone may do everything."""

import subprocess

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/><allow user="*"/><allow send_destination="*"/><allow send_type="method_call"/>
    <allow receive_sender="*"/><allow receive_type="method_call"/>
  </policy>
</busconfig>
"""


class Bus:
    def __init__(self, directory):
        file, socket = directory / "bus.conf", directory / "bus"
        file.write_text(CONFIGURATION.format(socket=socket))
        self.address = f"unix:path={socket}"
        self.process = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--nopidfile", "--nosyslog", "--print-address=1", f"--config-file={file}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)
