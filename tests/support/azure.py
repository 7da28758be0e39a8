"""The emulator as tests use it: a real process, called over HTTP."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from emulator.directory import PIPELINE_CLIENT_ID, PIPELINE_CLIENT_SECRET, TENANT_ID
from emulator.seed import FIRST_WORKSPACES

ROOT = Path(__file__).parents[2]
PEOPLE = {
    name: f"a11ce000-0000-4000-8000-{number:012d}"
    for number, name in enumerate(["ada", "oscar", "olga", "vera", "kim", "nora", "gus", "mira", "fritz"], 1)
}


@dataclass
class Azure:
    url: str
    certificate: Path | None = None

    def __post_init__(self) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = str(self.certificate) if self.certificate else True

    def fault(self, kind: str, **settings: Any) -> None:
        response = self.http.post(f"{self.url}/emulator/faults", json={"kind": kind, **settings}, timeout=10)
        assert response.ok, response.text

    def no_faults(self) -> None:
        self.http.delete(f"{self.url}/emulator/faults", timeout=10).raise_for_status()

    def requests(self, method: str = "", ending: str = "") -> list[dict[str, Any]]:
        rows = self.http.get(f"{self.url}/emulator/requests", timeout=10).json()["requests"]
        return [row for row in rows if row["method"].startswith(method) and row["path"].endswith(ending)]

    def count(self, method: str, ending: str) -> int:
        return len(self.requests(method, ending))

    def count_accepted(self, method: str, ending: str) -> int:
        return len([row for row in self.requests(method, ending) if row["status"] in {200, 201, 202, 204}])

    def resource(self, name: str) -> dict[str, Any] | None:
        """The endpoint that Azure holds under this name in one of the first workspaces."""
        headers = {"Authorization": f"Bearer {self.application_token()}"}
        for workspace in FIRST_WORKSPACES:
            url = f"{self.url}{workspace.resource_id}/serverlessEndpoints/{name}?api-version=2025-09-01"
            response = self.http.get(url, headers=headers, timeout=10)
            if response.ok:
                resource: dict[str, Any] = response.json()
                return resource
        return None

    def conversation(self) -> list[dict[str, Any]]:
        """Every request and response in full, without secrets."""
        url = f"{self.url}/emulator/requests?detail=1"
        rows: list[dict[str, Any]] = self.http.get(url, timeout=10).json()["requests"]
        return rows

    def reset(self) -> None:
        self.http.post(f"{self.url}/emulator/reset", timeout=10).raise_for_status()

    def advance(self, seconds: float) -> None:
        self.http.post(f"{self.url}/emulator/clock", json={"seconds": seconds}, timeout=10).raise_for_status()

    def create(self, resource_id: str, **body: Any) -> None:
        """Create a subscription, resource group or workspace as someone else."""
        url = f"{self.url}/emulator/resources{resource_id}"
        self.http.put(url, json=body, timeout=10).raise_for_status()

    def remove(self, resource_id: str) -> None:
        """Delete a resource as someone else."""
        self.http.delete(f"{self.url}/emulator/resources{resource_id}", timeout=10).raise_for_status()

    def set_access(self, person: str, resource_id: str, *, readable: bool) -> None:
        body = {"person": f"{person}@emulator.test", "scope": resource_id, "readable": readable}
        self.http.post(f"{self.url}/emulator/access", json=body, timeout=10).raise_for_status()

    def revoke(self, person: str) -> None:
        self.http.post(f"{self.url}/emulator/people/{PEOPLE[person]}/revoke", timeout=10).raise_for_status()

    def application_token(self) -> str:
        """A token for ARM of the application that may write."""
        form = {
            "grant_type": "client_credentials",
            "client_id": PIPELINE_CLIENT_ID,
            "client_secret": PIPELINE_CLIENT_SECRET,
            "scope": "https://management.azure.com/.default",
        }
        response = self.http.post(f"{self.url}/{TENANT_ID}/oauth2/v2.0/token", data=form, timeout=10)
        return str(response.json()["access_token"])

    def pick(self, authorize_url: str, person: str, *, approve: bool = True) -> str:
        """Pick an account on the sign-in page, as a new browser would; returns the URL of the callback."""
        form = {"person": PEOPLE[person], **({"approved": "1"} if approve else {})}
        verify = str(self.certificate) if self.certificate else True
        response = requests.post(authorize_url, data=form, allow_redirects=False, timeout=10, verify=verify)
        assert response.status_code == 302, response.text
        return urljoin(authorize_url, response.headers["Location"])


def start_azure(
    port: int,
    *,
    dashboard_url: str,
    seconds: str,
    state_file: Path | None = None,
    tls_file: Path | None = None,
    more: Sequence[str] = (),
) -> subprocess.Popen[str]:
    """Start the emulator, and wait until it responds."""
    command = [sys.executable, "-m", "emulator", "--port", str(port), "--provisioning-seconds", seconds]
    command += ["--client-redirect", f"{dashboard_url}/auth/callback"]
    command += ["--post-logout-redirect", f"{dashboard_url}/auth/signed-out"]
    command += ["--throttle-scale", "100", "--deployments-per-model", "1000"]
    command += ["--inference-uri", "https://{name}.{region}.models.ai.azure.com"]
    command += ["--state-file", str(state_file)] if state_file else []
    command += ["--tls-file", str(tls_file)] if tls_file else []
    command += more
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    wait_for(f"{'https' if tls_file else 'http'}://127.0.0.1:{port}/healthz", process, verify=tls_file)
    return process


def wait_for(
    url: str, process: subprocess.Popen[Any], seconds: float = 60, verify: Path | None = None, **headers: str
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"The process exited with code {process.returncode}."
        try:
            if requests.get(url, timeout=2, headers=headers, verify=str(verify) if verify else True).ok:
                return
        except (requests.RequestException, OSError):  # the certificate may not exist yet
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} did not response within {seconds} s.")


def end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
