"""One isolated `permesso dev` for one test case class, and the administrator over REST.

The Python twin of lib/gateway.mjs and lib/admin.mjs: its own port, its own data, gone afterwards.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from typing import Any

E2E = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("PERMESSO_BIN", str(E2E.parent / "target/debug/permesso"))
START_SECONDS = 90
STOP_SECONDS = 20

# Loopback only: whatever proxy the machine has is not asked.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """An HTTP answer other than 2xx."""

    def __init__(self, call: str, status: int, headers: Any, body: str) -> None:
        super().__init__(f"{call}: {status} {body}")
        self.status = status
        self.headers = headers
        self.body = body


def request(method: str, url: str, token: str | None = None, body: Any = None, **headers: str) -> Any:
    """Sends JSON and gives the parsed answer, or raises Refused."""
    data = None if body is None else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if data is not None:
        headers["Content-Type"] = "application/json"
    try:
        with _opener.open(urllib.request.Request(url, data, headers, method=method), timeout=30) as response:
            text = response.read().decode()
    except urllib.error.HTTPError as error:
        raise Refused(f"{method} {url}", error.code, error.headers, error.read().decode()) from None
    return json.loads(text) if text else None


def surroundings() -> dict[str, str]:
    """The environment without anything that would point the gateway at data other than its own."""
    own = re.compile(r"DATABASE_URL$|PERMESSO_(?!POSTGRES)")
    return {name: value for name, value in os.environ.items() if not own.match(name)}


class Gateway:
    """A running gateway, with what its dev.json says, and its administrator signed in."""

    def __init__(self) -> None:
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="permesso-e2e-")).resolve()
        # Started by root, the embedded Postgres runs as another user, who has to reach its files.
        self.home.chmod(0o711)
        data = self.home / "data"
        environment = {**surroundings(), "PERMESSO_LISTEN": "127.0.0.1:0", "PERMESSO_DATA_DIR": str(data)}
        self._log = (self.home / "gateway.log").open("w+b")
        self._process = subprocess.Popen(
            [BINARY, "dev"], env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )
        # Ends the gateway if this process dies without: see there.
        self._guard = subprocess.Popen(
            ["sh", str(E2E / "lib/guard.sh")],
            env={"PATH": os.environ["PATH"], "GUARD_PID": str(self._process.pid), "GUARD_DIRECTORY": str(self.home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self.dev = self._wait_until_ready(data / "dev.json")
            self.url: str = self.dev["url"]
            self.mcp_url: str = self.dev["mcp_url"]
            self.agent_key: str = self.dev["agent_key"]
            credentials = {"email": self.dev["admin_email"], "password": self.dev["admin_password"]}
            self._token = request("POST", f"{self.url}/api/v1/auth/login", body=credentials)["access_token"]
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._remove()
            raise

    def _wait_until_ready(self, path: pathlib.Path) -> dict[str, Any]:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                return json.loads(path.read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.05)
        self._log.seek(0)
        printed = self._log.read().decode(errors="replace")[-4000:]
        raise AssertionError(f"{BINARY} dev was not ready within {START_SECONDS} s; it printed:\n{printed}")

    def stop(self) -> None:
        """Ends it as Ctrl-C does, and checks that it took everything with it."""
        try:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise AssertionError(f"the gateway did not stop within {STOP_SECONDS} s of SIGINT") from None
            deadline = time.monotonic() + 5
            while self._orphans() and time.monotonic() < deadline:
                time.sleep(0.1)
            if left := self._orphans():
                raise AssertionError(f"processes outlived the gateway: {left}")
        finally:
            self._remove()

    def _orphans(self) -> list[str]:
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.home) in line:
                found.append(line)
        return found

    def _remove(self) -> None:
        self._log.close()
        shutil.rmtree(self.home, ignore_errors=True)
        self._guard.communicate(b"done\n")

    def toolkit(self, slug: str) -> str:
        """The MCP endpoint of one of acme's toolkits."""
        return f"{self.url}/acme/{slug}/mcp"

    def invoices_sent(self) -> int:
        """How often the sample upstream has really sent an invoice."""
        try:
            return json.loads(pathlib.Path(self.dev["ledger"]).read_text())["runs"].get("send_invoice", 0)
        except FileNotFoundError:
            return 0

    def cli(self, *arguments: str) -> str:
        """Runs `permesso …` as the administrator and gives what it prints."""
        environment = {
            **surroundings(),
            "PERMESSO_URL": self.url,
            "PERMESSO_EMAIL": self.dev["admin_email"],
            "PERMESSO_PASSWORD": self.dev["admin_password"],
        }
        done = subprocess.run(
            [BINARY, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
        )
        if done.returncode != 0:
            raise AssertionError(f"permesso {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def acme(self, method: str, path: str, body: Any = None) -> Any:
        """Calls the REST API below the org acme, as the administrator."""
        return request(method, f"{self.url}/api/v1/orgs/acme{path}", self._token, body)

    def seen(self, approval: str) -> dict[str, str]:
        """Looks at an approval; the hashes a decision has to name."""
        body = self.acme("GET", f"/approvals/{approval}")
        return {name: body[name] for name in ("arguments_sha256", "definition_sha256")}

    def approve(self, approval: str) -> None:
        """Looks at the approval, then allows exactly what was seen."""
        self.acme("POST", f"/approvals/{approval}/approve", self.seen(approval))

    def reject(self, approval: str, reason: str) -> None:
        """Looks at the approval, then refuses it."""
        self.acme("POST", f"/approvals/{approval}/reject", {**self.seen(approval), "reason": reason})
