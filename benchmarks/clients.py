"""How much processor time does one read of ARM take with requests, and how much with aiohttp?

Both as the engine uses them, with a token of 1.5 kB and a signed URL of 3 kB, over persistent connections to
`benchmarks/arm.py` without latency.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.arm import SIGNATURE
from endpoints.arm.http import ArmHttp, ArmRequest, ArmResponse
from endpoints.arm.poller import ArmPoller, Read
from tests.support.azure import wait_for
from tests.support.environment import free_port
from tests.support.processes import running

READS = 3_000
MAX_PARALLEL = 32
TOKEN = "x" * 1500


def main() -> None:
    port = free_port()
    command = [sys.executable, "benchmarks/arm.py", "--port", str(port), "--latency", "0"]
    with tempfile.TemporaryDirectory() as folder, running(command, Path(folder) / "arm.log") as process:
        wait_for(f"http://127.0.0.1:{port}/arrivals", process)
        arm = ArmHttp(f"http://127.0.0.1:{port}", connections=MAX_PARALLEL, trust_env=False)
        urls = [f"{arm.base_url}/status/{number}?{SIGNATURE}" for number in range(READS)]
        requests_ms = milliseconds_per_read(lambda: with_requests(arm, urls))
        aiohttp_ms = milliseconds_per_read(lambda: with_aiohttp(arm, urls))
    print(f"requests in {MAX_PARALLEL} threads: {requests_ms:.2f} ms of processor time per read")
    print(f"aiohttp: {aiohttp_ms:.2f} ms, {requests_ms / aiohttp_ms:.1f} times less")


def with_requests(arm: ArmHttp, urls: list[str]) -> None:
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        responses = list(pool.map(lambda url: arm.send(ArmRequest("GET", url), TOKEN, uuid4()), urls))
    assert all(isinstance(response, ArmResponse) for response in responses)


def with_aiohttp(arm: ArmHttp, urls: list[str]) -> None:
    poller, responses = ArmPoller(arm, read_timeout=30, connections=MAX_PARALLEL), SimpleQueue[object]()
    poller.start([Read(url, TOKEN, uuid4(), responses.put) for url in urls])
    for _ in urls:
        batch = responses.get(timeout=60)
        assert isinstance(batch, list)
        [response] = batch
        assert isinstance(response, ArmResponse)
    poller.close()


def milliseconds_per_read(read_all: Callable[[], None]) -> float:
    """Processor time, after one run that does not count."""
    read_all()
    before = time.process_time()
    read_all()
    return 1000 * (time.process_time() - before) / READS


if __name__ == "__main__":
    main()
