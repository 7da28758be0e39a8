"""The same operations followed by Microsoft's own client: azure-core's LROPoller, one thread for each of them.

Started by `following.py`, which measures it from outside as it measures a worker.
"""

import argparse
import time
from typing import Any

from azure.core.pipeline import policies
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMHttpLoggingPolicy
from azure.mgmt.core.polling.arm_polling import ARMPolling

RESOURCE = "/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/serverlessEndpoints/official-{}?api-version=1"


def pipeline() -> list[Any]:
    """As in the clients that are generated for ARM; the token is a header, since its policy refuses http."""
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy({"Authorization": f"Bearer {'x' * 1500}"}),
        policies.UserAgentPolicy("official"),
        policies.ProxyPolicy(),
        policies.ContentDecodePolicy(),
        policies.RedirectPolicy(),
        policies.RetryPolicy(),
        policies.CustomHookPolicy(),
        policies.DistributedTracingPolicy(),
        ARMHttpLoggingPolicy(),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arm", required=True)
    parser.add_argument("--operations", type=int, required=True)
    parser.add_argument("--every", type=float, required=True, help="seconds between polls of an operation")
    given = parser.parse_args()
    client: Any = ARMPipelineClient(base_url=given.arm, policies=pipeline())
    pollers = []
    for number in range(given.operations):
        request = HttpRequest("PUT", f"{given.arm}{RESOURCE.format(number)}", json={})
        first = client.send_request(request, _return_pipeline_response=True)
        pollers.append(LROPoller(client, first, lambda response: response, ARMPolling(timeout=given.every)))
        time.sleep(given.every / given.operations)
    print("started", flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    main()
