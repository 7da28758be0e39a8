"""Endpoint Desk as `manage.py run` starts it, used over HTTP as a browser would."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from emulator.seed import FIRST_WORKSPACES
from tests.support.azure import Azure
from tests.support.environment import free_port
from tests.support.processes import children_of, command_line, eventually, manage, running


@dataclass
class Desk:
    url: str
    azure: Azure
    process: subprocess.Popen[bytes]
    log: Path

    def visitor(self, person: str) -> requests.Session:
        """The browser of a user who has signed in."""
        browser = requests.Session()
        browser.trust_env = False
        start = browser.get(f"{self.url}/auth/start", allow_redirects=False, timeout=20)
        back = self.azure.pick(start.headers["Location"], person)
        assert browser.get(back, timeout=20).ok
        return browser

    def register(self, browser: requests.Session) -> None:
        """Register ml-production, which a new `run` registers itself."""
        browser.get(f"{self.url}/workspaces/new", timeout=20)
        form = {"resource_id": FIRST_WORKSPACES[0].resource_id, "csrfmiddlewaretoken": browser.cookies["csrf"]}
        assert browser.post(f"{self.url}/workspaces/new", form, timeout=20).ok

    def form(self, browser: requests.Session, name: str, model: str = "Phi-4-mini-instruct") -> dict[str, str]:
        """The form for a new endpoint, loaded and filled in."""
        page = browser.get(f"{self.url}/endpoints/new", timeout=20).text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', page))
        option = re.search(r'<option value="([^"]+)"[^>]*>ml-production', page)
        assert option is not None
        model_id = f"azureml://registries/azureml/models/{model}"
        return hidden | {"workspace": option[1], "name": name, "model_id": model_id, "auth_mode": "Key"}

    def submit(self, browser: requests.Session, form: dict[str, str]) -> str:
        """Send the form; returns the URL of the endpoint's page."""
        response = browser.post(f"{self.url}/endpoints/new", form, allow_redirects=False, timeout=20)
        assert response.status_code == 303, response.text
        return f"{self.url}{response.headers['Location']}"

    def state(self, browser: requests.Session, page: str) -> str:
        badge = re.search(r'<h1[^>]*>.*?class="badge ([\w-]+)"', browser.get(page, timeout=20).text, re.DOTALL)
        assert badge is not None
        return badge[1]

    def kill(self, command: str) -> None:
        """Send SIGKILL to the process with this command line, as soon as it runs."""

        def pids() -> list[int]:
            return [pid for pid in children_of(self.process.pid) if command in command_line(pid)]

        os.kill(eventually(pids)[0], signal.SIGKILL)


def environment(folder: Path) -> dict[str, str]:
    return {"DATA_DIR": str(folder), "PORT": str(free_port()), "EMULATOR_PORT": str(free_port())}


@contextmanager
def desk(folder: Path, ports: dict[str, str], seconds: str = "2") -> Iterator[Desk]:
    log = folder.parent / "run.log"
    with running(manage("run", "--provisioning-seconds", seconds), log, **ports) as process:
        assert eventually(lambda: "Open http" in log.read_text() or process.poll() is not None, 90)
        assert process.poll() is None, log.read_text()
        azure = Azure(f"http://127.0.0.1:{ports['EMULATOR_PORT']}")
        yield Desk(f"http://localhost:{ports['PORT']}", azure, process, log)
