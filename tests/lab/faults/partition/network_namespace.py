"""A network namespace whose only way to the database can be cut, as by a broken switch: packets vanish."""

import asyncio
import signal
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.waiting import wait_for

HERE, THERE = "198.18.0.1", "198.18.0.2"  # of the block for tests of devices
LINK, FAR_LINK = "vt-db0", "vt-db1"


class FarMachine:
    """The namespace, and a way from it to a database on this machine's loopback."""

    def __init__(self, database: str) -> None:
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        pid, own = str(self.process.pid), Path("/proc/self/ns/net").readlink()
        wait_for(lambda: Path(f"/proc/{pid}/ns/net").readlink() != own, 10, "the namespace is there")
        self.prefix = ("nsenter", "-t", pid, "-n")
        _run("ip", "link", "add", LINK, "type", "veth", "peer", "name", FAR_LINK, "netns", pid)
        _run("ip", "address", "add", f"{HERE}/30", "dev", LINK)
        _run("ip", "link", "set", LINK, "up")
        _run(*self.prefix, "ip", "address", "add", f"{THERE}/30", "dev", FAR_LINK)
        _run(*self.prefix, "ip", "link", "set", FAR_LINK, "up")
        _run(*self.prefix, "ip", "link", "set", "lo", "up")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        url = urlsplit(database)
        port = asyncio.run_coroutine_threadsafe(self._listen(url.port), self._loop).result(10)
        self.database = url._replace(netloc=f"{url.username}@{HERE}:{port}").geturl()

    async def _listen(self, port: int) -> int:
        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))

        self._server = await asyncio.start_server(forward, HERE)
        return self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Let every packet between the namespace and this machine vanish."""
        for chain, direction in (("OUTPUT", "-o"), ("INPUT", "-i")):
            _run(*self.prefix, "iptables", "-I", chain, direction, FAR_LINK, "-j", "DROP")

    def heal(self) -> None:
        _run(*self.prefix, "iptables", "-F")

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        subprocess.run(["ip", "link", "delete", LINK], capture_output=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
