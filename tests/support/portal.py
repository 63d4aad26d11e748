"""A whole portal for lab and browser tests and the benchmark: data folder, web server and worker."""

import http.cookiejar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from lxml import html

from .waiting import wait_for

_folder = tempfile.TemporaryDirectory(prefix="virterweb-test-")  # deleted with the process
MIGRATED = Path(_folder.name) / "migrated.sqlite3"
OF_THIS_PROCESS = ("DATABASE_URL", "CELERY_BROKER_URL", "VIRTERWEB_SECRET_KEY")
ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "walk the lab"
MODELS = """\
from networks.models import *
from vms.models import *
from virterweb.hypervisors.models import *
"""
# Each line on standard input is a question: imports and an expression.
ANSWER = """\
import json, sys, traceback
from django.db import connections
for line in sys.stdin:
    imports, expression = json.loads(line)
    names, value, problem = {}, None, ""
    try:
        exec(imports, names)
        value = json.loads(json.dumps(eval(expression, names), default=str))
    except Exception:
        problem = traceback.format_exc()
    print(json.dumps([value, problem]), flush=True)
    connections.close_all()
"""


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


class Portal:
    """One portal in `data` with `hypervisors` (name → URI) registered; `environment` reaches all its processes.

    With None in place of the hypervisors it is installed, and was never started.
    """

    def __init__(self, data: Path, hypervisors: dict[str, str] | None, **environment: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in OF_THIS_PROCESS},
            **{"VIRTERWEB_DATA": str(data), "VIRTERWEB_ADMIN_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"},
            # Most tests ask the database, and open no page that would have its hypervisor polled often.
            "VIRTERWEB_IDLE_POLL_SECONDS": "1",
            **environment,
        }
        self.data = data
        self.web: subprocess.Popen | None = None
        self.worker: subprocess.Popen | None = None
        self._answering: subprocess.Popen | None = None
        self.url = f"http://127.0.0.1:{free_port()}"
        if hypervisors is not None:
            self._make_database()
            self.manage("setup", *(f"--hypervisor={name}={uri}" for name, uri in hypervisors.items()))
        self._cookies = http.cookiejar.CookieJar()
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def _make_database(self) -> None:
        """Migrate the first database of SQLite in a process, and copy it for the portals that follow."""
        database = self.data / "virterweb.sqlite3"
        if "DATABASE_URL" in self.environment:
            self.manage("migrate", "--verbosity", "0")
        elif MIGRATED.exists():
            shutil.copy(MIGRATED, database)
        else:
            self.manage("migrate", "--verbosity", "0")
            shutil.copy(database, MIGRATED)

    def manage(self, *arguments: str, fails: bool = False) -> str:
        """Run manage.py; its output, or its stderr if it is to fail."""
        done = self.tried(*arguments)
        assert (done.returncode != 0) == fails, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stderr if fails else done.stdout

    def tried(self, *arguments: str, seconds: float = 180) -> subprocess.CompletedProcess[str]:
        """Run manage.py, whether it succeeds or not."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=seconds)

    def ask(self, expression: str, imports: str = "") -> object:
        """Return the value of an expression over the portal's models, by way of JSON.

        One process answers all questions, for Django takes a second to start.
        """
        if self._answering is None or self._answering.poll() is not None:
            command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", ANSWER]
            self._answering = subprocess.Popen(
                command, env=self.environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        print(json.dumps([f"{MODELS}\n{imports}", expression]), file=self._answering.stdin, flush=True)
        answer = self._answering.stdout.readline()
        assert answer, f"no answer to {expression}"
        value, problem = json.loads(answer)
        assert not problem, problem
        return value

    def start_web(self) -> None:
        self.spawn_web()
        wait_for(self._answers, 20, "the web server answers")

    def spawn_web(self) -> None:
        """Start the web server without waiting for it."""
        port = self.url.rsplit(":", 1)[1]
        command = ["-m", "uvicorn", "virterweb.asgi:application", "--port", port, "--lifespan", "off"]
        command += ["--http", "virterweb.web_server.protocol:Protocol", "--log-level", "warning"]
        command += ["--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "5"]
        self.web = self._spawn("web.log", *command)

    def _answers(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/login/", timeout=2).status == 200
        except OSError:
            return False

    def start_worker(self, program: str = "celery", prefix: Sequence[str] = (), **environment: str) -> None:
        """Start a worker by the name of a module; `prefix` is a command that runs it, such as nsenter."""
        command = ["-m", program, "-A", "virterweb", "worker", "--pool", "threads"]
        command += ["--without-mingle", "--without-gossip", "--loglevel", "INFO"]
        self.worker = self._spawn("worker.log", *command, prefix=prefix, **environment)

    def _spawn(self, log: str, *arguments: str, prefix: Sequence[str] = (), **environment: str) -> subprocess.Popen:
        environment = {**self.environment, **environment}
        with (self.data / log).open("a") as output:
            command = [*prefix, sys.executable, *arguments]
            return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=output)

    def worker_log(self) -> str:
        log = self.data / "worker.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def kill_worker(self) -> None:
        self.worker.send_signal(signal.SIGKILL)
        self.worker.wait()

    def stop(self) -> None:
        if self._answering:
            self._answering.communicate()
            self._answering = None
        for process in (self.web, self.worker):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in (self.web, self.worker):
            if process:
                try:
                    process.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    # the pages, as a person without JavaScript uses them

    def get(self, path: str) -> html.HtmlElement:
        return html.fromstring(self._open(path))

    def post(self, path: str, page: str = "", **fields: str) -> html.HtmlElement:
        """Send a form as a page (the path itself unless given) without JavaScript would; the page that comes back."""
        return html.fromstring(self.send(path, self.token(page or path), **fields))

    def token(self, page: str) -> str:
        """What a form of that page proves with that it is the portal's own."""
        return self.get(page).xpath("string(//input[@name='csrfmiddlewaretoken']/@value)")

    def send(self, path: str, token: str, /, **fields: str) -> bytes:
        data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token}, doseq=True).encode()
        return self._open(path, data)

    def _open(self, path: str, data: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, data, {"Referer": self.url + path})
        try:
            with self._browser.open(request, timeout=30) as response:
                return response.read()
        except urllib.error.HTTPError as answer:
            if answer.code not in (409, 422):
                raise
            return answer.read()

    def log_in(self) -> None:
        self.post("/login/", username="admin", password=PASSWORD)

    def cookies(self) -> str:
        """Return what a browser sends as the header Cookie."""
        return "; ".join(f"{each.name}={each.value}" for each in self._cookies)

    def table(self, path: str, differences: bool = False) -> list[dict[str, str]]:
        """Return the rows of a page's first table by its headings: the table of differences, or the first other."""
        of_differences = "contains(@class, 'differences')"
        found = self.get(path).xpath(f"//table[{of_differences if differences else f'not({of_differences})'}]")
        if not found:
            return []
        headings = [_text(heading) for heading in found[0].xpath("./thead//th")]
        rows = found[0].xpath("./tbody/tr")
        return [dict(zip(headings, map(_text, row.xpath("./td")), strict=True)) for row in rows]


def _text(element: html.HtmlElement) -> str:
    return re.sub(r"\s+", " ", element.text_content()).strip()
