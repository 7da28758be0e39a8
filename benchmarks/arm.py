"""An ARM that only answers reads of operations, with some latency, and records when they arrived.

Its operations never end. It forwards everything else, including Entra ID, to the emulator. It is a separate program, so
that its processor time is not counted.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web
from yarl import URL

ARRIVALS = web.AppKey("arrivals", list[tuple[str, float]])
EMULATOR = web.AppKey("emulator", str)
RETRY_AFTER = web.AppKey("retry_after", str)
LATENCY = web.AppKey("latency", float)
LISTS = web.AppKey("lists", bool)
CLIENT = web.AppKey("client", ClientSession)
# A signed query as long as in Azure.
SIGNATURE = f"api-version=2025-09-01&t=1&c={'x' * 2575}&s={'y' * 342}&h={'z' * 43}"


def headers(app: web.Application) -> dict[str, str]:
    retry_after = {"Retry-After": app[RETRY_AFTER]} if app[RETRY_AFTER] else {}
    return {"x-ms-ratelimit-remaining-subscription-reads": "249", "x-ms-request-id": "1", **retry_after}


async def status(request: web.Request) -> web.Response:
    request.app[ARRIVALS].append((request.match_info["name"], time.time()))
    await asyncio.sleep(request.app[LATENCY])
    body = {"status": "Updating", "percentComplete": 0.0, "startTime": "2026-11-25T12:00:00+00:00"}
    return web.json_response(body, headers=headers(request.app))


async def put(request: web.Request) -> web.Response:
    url = f"{request.url.origin()}/status/{request.match_info['name']}?{SIGNATURE}"
    body = {"id": request.path, "properties": {"provisioningState": "Creating"}}
    return web.json_response(body, status=201, headers={**headers(request.app), "Azure-AsyncOperation": url})


async def list_endpoints(request: web.Request) -> web.Response:
    request.app[ARRIVALS].append(("list", time.time()))
    await asyncio.sleep(request.app[LATENCY])
    if not request.app[LISTS]:
        return web.json_response({"error": {"code": "AuthorizationFailed", "message": "No."}}, status=403)
    prefix = request.match_info["workspace"]
    body = {"properties": {"provisioningState": "Creating", "endpointState": "Creating"}, "tags": {"a": "b" * 200}}
    return web.json_response({"value": [{"name": f"{prefix}-{number}", **body} for number in range(100)]})


async def arrivals(request: web.Request) -> web.Response:
    """The reads since the last call of this."""
    rows = request.app[ARRIVALS].copy()
    request.app[ARRIVALS].clear()
    return web.json_response(rows)


async def forward(request: web.Request) -> web.StreamResponse:
    url = URL(f"{request.app[EMULATOR]}{request.raw_path}", encoded=True)
    forwarded = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    async with request.app[CLIENT].request(
        request.method, url, headers=forwarded, data=await request.read(), allow_redirects=False
    ) as response:
        skipped = {"content-length", "content-encoding", "transfer-encoding"}
        kept = [(name, value) for name, value in response.headers.items() if name.lower() not in skipped]
        return web.Response(status=response.status, body=await response.read(), headers=kept)


async def client(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession() as app[CLIENT]:
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", default="", help="the URL to which everything else is forwarded")
    parser.add_argument("--latency", type=float, default=0.15, help="seconds (default: %(default)s)")
    parser.add_argument("--retry-after", default="", help="seconds (default: no header)")
    parser.add_argument("--lists", action="store_true", help="answer lists of a workspace instead of refusing them")
    options = parser.parse_args()
    app = web.Application()
    app[ARRIVALS], app[EMULATOR] = [], options.emulator
    app[LATENCY] = options.latency
    app[RETRY_AFTER], app[LISTS] = options.retry_after, options.lists
    app.cleanup_ctx.append(client)
    app.router.add_get("/status/{name}", status)
    workspaces = "/subscriptions/{s}/resourceGroups/{g}/providers/{p}/workspaces/{workspace}"
    app.router.add_put(f"{workspaces}/serverlessEndpoints/{{name}}", put)
    app.router.add_get(f"{workspaces}/serverlessEndpoints", list_endpoints)
    app.router.add_get("/arrivals", arrivals)
    app.router.add_route("*", "/{path:.*}", forward)
    web.run_app(app, host="127.0.0.1", port=options.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
