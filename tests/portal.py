"""A whole portal for lab and browser tests and the benchmark: data folder, web server and worker."""

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from lxml import html

from .waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "walk the lab"


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


class Portal:
    """One portal in `data` with `hypervisors` (name → URI) registered; `environment` reaches all its processes."""

    def __init__(self, data: Path, hypervisors: dict[str, str], **environment: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CELERY_BROKER_URL")},
            **{"VIRTERWEB_DATA": str(data), "VIRTERWEB_ADMIN_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"},
            **environment,
        }
        self.data = data
        self.web: subprocess.Popen | None = None
        self.worker: subprocess.Popen | None = None
        self.url = f"http://127.0.0.1:{free_port()}"
        self.manage("migrate", "--verbosity", "0")
        self.manage("setup", *(f"--hypervisor={name}={uri}" for name, uri in hypervisors.items()))
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

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
        """The value of an expression over the portal's models, by way of JSON."""
        code = "\n".join(
            [
                "import json",
                "from networks.models import *",
                "from vms.models import *",
                "from virterweb.hypervisors.models import *",
                imports,
                f"print(json.dumps({expression}, default=str))",
            ]
        )
        return json.loads(self.manage("shell", "--no-imports", "-c", code).splitlines()[-1])

    def start_web(self) -> None:
        port = self.url.rsplit(":", 1)[1]
        command = ["-m", "uvicorn", "virterweb.asgi:application", "--port", port, "--lifespan", "off"]
        self.web = self._spawn("web.log", *command, "--log-level", "warning")
        wait_for(self._answers, 20, "the web server answers")

    def _answers(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/login/", timeout=2).status == 200
        except OSError:
            return False

    def start_worker(self, program: str = "celery", **environment: str) -> None:
        """Start a worker by a module's name, which may be one that hampers it."""
        command = ["-m", program, "-A", "virterweb", "worker", "--pool", "threads", "--concurrency", "16"]
        command += ["--without-mingle", "--without-gossip", "--loglevel", "INFO"]
        self.worker = self._spawn("worker.log", *command, **environment)

    def _spawn(self, log: str, *arguments: str, **environment: str) -> subprocess.Popen:
        environment = {**self.environment, **environment}
        with (self.data / log).open("a") as output:
            return subprocess.Popen(
                [sys.executable, *arguments], env=environment, cwd=ROOT, stdout=output, stderr=output
            )

    def worker_log(self) -> str:
        log = self.data / "worker.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def kill_worker(self) -> None:
        self.worker.send_signal(signal.SIGKILL)
        self.worker.wait()

    def stop(self) -> None:
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

    def table(self, path: str) -> list[dict[str, str]]:
        """The rows of a page's first table by its headings."""
        found = self.get(path).xpath("//table")
        if not found:
            return []
        headings = [_text(heading) for heading in found[0].xpath("./thead//th")]
        rows = found[0].xpath("./tbody/tr")
        return [dict(zip(headings, map(_text, row.xpath("./td")), strict=True)) for row in rows]


def _text(element: html.HtmlElement) -> str:
    return re.sub(r"\s+", " ", element.text_content()).strip()
