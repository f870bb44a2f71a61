"""Run the cloud: /usr/bin/python3 -m tests.cloud --directory DIR"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from .control import Control
from .iam import POLICIES
from .pki import KeyMaker
from .server import Server
from .tls import Identity
from .world import World

BODY_LIMIT = 8 * 1024 * 1024


class Host:
    """The listeners, and the world behind them."""

    def __init__(self, directory, options):
        self.options = options
        self.keys = KeyMaker()  # outlives a world: the keys in store are dear
        self.new_world()
        self.identity = Identity(directory)
        self.directory = directory
        self.flawed = {}

    def new_world(self):
        self.world = World(self.keys, **self.options)

    async def open(self, port, control_port):
        self.runner = await self._runner(lambda request: Server(self.world).handle(request))
        self.control_runner = await self._runner(Control(self).handle)
        endpoint = await self._listen(self.runner, port, self.identity.context())
        control = await self._listen(self.control_runner, control_port, None)
        ready = {"endpoint": endpoint, "control": control, "ca": str(self.identity.ca_file)}
        part = self.directory / "cloud.json.part"
        part.write_text(json.dumps(ready) + "\n")
        part.replace(self.directory / "cloud.json")  # whoever waits for it never reads half of it
        return ready

    async def open_tls(self, flaw):
        if flaw not in self.flawed:
            self.flawed[flaw] = await self._listen(self.runner, 0, self.identity.context(flaw))
        return self.flawed[flaw]

    async def _runner(self, handler):
        server = web.Server(handler, request_factory=_request, keepalive_timeout=75)
        runner = web.ServerRunner(server)
        await runner.setup()
        return runner

    async def _listen(self, runner, port, context):
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, backlog=1024)
        await site.start()
        number = site._server.sockets[0].getsockname()[1]
        return f"http{'s' if context else ''}://127.0.0.1:{number}"


def _request(message, payload, protocol, writer, task):
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT)


def arguments():
    parser = argparse.ArgumentParser(prog="tests.cloud", description="An AWS on loopback, for tests.")
    parser.add_argument(
        "--directory", type=Path, required=True, help="where to write ca.pem and, when ready, cloud.json"
    )
    parser.add_argument("--port", type=int, default=0, help="port of the AWS endpoint (default: any)")
    parser.add_argument("--control-port", type=int, default=0, help="port of the control interface (default: any)")
    parser.add_argument("--source", default="111111111111", help="the account that issues")
    parser.add_argument("--account", action="append", help="a destination account; may be repeated")
    parser.add_argument("--iam", type=Path, default=POLICIES, help="directory of the policies (default: conf/iam)")
    parser.add_argument("--seed", type=int, default=0, help="of the faults that come by probability")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    return parser.parse_args()


async def run(options):
    options.directory.mkdir(parents=True, exist_ok=True)
    (options.directory / "cloud.json").unlink(missing_ok=True)
    accounts = options.account or ["222222222222", "333333333333"]
    world = {"source": options.source, "destinations": accounts, "iam_directory": options.iam, "seed": options.seed}
    host = Host(options.directory, world)
    ready = await host.open(options.port, options.control_port)
    print(json.dumps(ready), flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.until_eof:
        loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.buffer.read1() or stop.set())
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(run(arguments()))
    # A thread may be making a key, inside OpenSSL: leave without taking the interpreter down around it.
    sys.stdout.flush()
    os._exit(0)
