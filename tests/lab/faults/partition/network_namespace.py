"""A network namespace whose connection to the database can be interrupted: all packets are dropped."""

import asyncio
import signal
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.waiting import wait_for

HOST_ADDRESS, NAMESPACE_ADDRESS = "198.18.0.1", "198.18.0.2"  # of the block for benchmarks, RFC 2544
HOST_LINK, NAMESPACE_LINK = "vt-db0", "vt-db1"


class NetworkNamespace:
    """The namespace, and a proxy from it to a database on the loopback interface of the machine."""

    def __init__(self, database: str) -> None:
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        pid, own = str(self.process.pid), Path("/proc/self/ns/net").readlink()
        wait_for(lambda: Path(f"/proc/{pid}/ns/net").readlink() != own, 10, "the namespace is there")
        self.prefix = ("nsenter", "-t", pid, "-n")
        _run("ip", "link", "add", HOST_LINK, "type", "veth", "peer", "name", NAMESPACE_LINK, "netns", pid)
        _run("ip", "address", "add", f"{HOST_ADDRESS}/30", "dev", HOST_LINK)
        _run("ip", "link", "set", HOST_LINK, "up")
        _run(*self.prefix, "ip", "address", "add", f"{NAMESPACE_ADDRESS}/30", "dev", NAMESPACE_LINK)
        _run(*self.prefix, "ip", "link", "set", NAMESPACE_LINK, "up")
        _run(*self.prefix, "ip", "link", "set", "lo", "up")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        url = urlsplit(database)
        port = asyncio.run_coroutine_threadsafe(self._listen(url.port), self._loop).result(10)
        self.database = url._replace(netloc=f"{url.username}@{HOST_ADDRESS}:{port}").geturl()

    async def _listen(self, port: int) -> int:
        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))

        self._server = await asyncio.start_server(forward, HOST_ADDRESS)
        return self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def disconnect(self) -> None:
        """Drop all packets between the namespace and the machine."""
        for chain, direction in (("OUTPUT", "-o"), ("INPUT", "-i")):
            _run(*self.prefix, "iptables", "-I", chain, direction, NAMESPACE_LINK, "-j", "DROP")

    def reconnect(self) -> None:
        _run(*self.prefix, "iptables", "-F")

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        subprocess.run(["ip", "link", "delete", HOST_LINK], capture_output=True)
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
