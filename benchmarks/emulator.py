"""How many requests to ARM does the emulator answer per second of one core?

Measured by the processor time of the emulator, so that neither the client nor other programs change the figure. Two of
three requests poll an operation, the third reads an endpoint; a few create and list.
"""

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from emulator.seed import WORKSPACES  # noqa: E402
from tests.support.azure import Azure, end, start_azure  # noqa: E402
from tests.support.environment import free_port  # noqa: E402

ENDPOINTS = 20
ROUNDS = 100
COLLECTION = f"{WORKSPACES[0].resource_id}/serverlessEndpoints"
VERSION = "api-version=2025-09-01"
BODY = (
    b'{"location": "eastus2", "properties": {"authMode": "Key", '
    b'"modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4"}}}'
)


class Arm:
    """One persistent connection."""

    def __init__(self, azure: Azure) -> None:
        self.connection = http.client.HTTPConnection(azure.url.removeprefix("http://"))
        self.headers = {"Authorization": f"Bearer {azure.application_token()}", "Content-Type": "application/json"}
        self.sent = 0

    def send(self, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
        self.connection.request(method, path, body, self.headers)
        response = self.connection.getresponse()
        response.read()
        self.sent += 1
        if response.status >= 400:
            raise SystemExit(f"{method} {path} was answered with {response.status}.")
        return response


def work(arm: Arm, rounds: int) -> None:
    monitors = []
    for number in range(ENDPOINTS):
        created = arm.send("PUT", f"{COLLECTION}/load-{number}?{VERSION}", BODY)
        monitors.append("/" + created.headers["Azure-AsyncOperation"].split("/", 3)[3])
    for _ in range(rounds):
        for number, monitor in enumerate(monitors):
            arm.send("GET", monitor)
            arm.send("GET", monitor)
            arm.send("GET", f"{COLLECTION}/load-{number}?{VERSION}")
        arm.send("GET", f"{COLLECTION}?{VERSION}")


def processor_seconds(process: subprocess.Popen[str]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    port = free_port()
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="600")
    try:
        arm = Arm(Azure(f"http://127.0.0.1:{port}"))
        used_before, started = processor_seconds(process), time.perf_counter()
        work(arm, int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
        used, elapsed = processor_seconds(process) - used_before, time.perf_counter() - started
    finally:
        end(process)
    print(f"{arm.sent} requests to the emulator: {arm.sent / used:.0f} per second of one core, ", end="")
    print(f"{arm.sent / elapsed:.0f} per second over one connection")


if __name__ == "__main__":
    main()
