"""Sample code that calls an endpoint."""

from dataclasses import dataclass

from endpoints.models import Endpoint


@dataclass(frozen=True)
class Sample:
    title: str
    code: str


def samples(endpoint: Endpoint) -> list[Sample]:
    """Samples that read the key from the environment. Azure returns the inference URI without a path.

    https://learn.microsoft.com/en-us/azure/machine-learning/how-to-deploy-models-serverless
    """
    uri = endpoint.inference_uri.rstrip("/")
    curl = (
        f'curl "{uri}/v1/chat/completions" \\\n'
        '  -H "Authorization: Bearer $ENDPOINT_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        """  -d '{"messages": [{"role": "user", "content": "Hello"}]}'"""
    )
    python = (
        "import os\n\nimport requests\n\n"
        f'response = requests.post(\n    "{uri}/v1/chat/completions",\n'
        '    headers={"Authorization": f"Bearer {os.environ[\'ENDPOINT_KEY\']}"},\n'
        '    json={"messages": [{"role": "user", "content": "Hello"}]},\n    timeout=60,\n)\nprint(response.json())'
    )
    openai = (
        "import os\n\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{uri}/v1", api_key=os.environ["ENDPOINT_KEY"])\n'
        "response = client.chat.completions.create(\n"
        f'    model="{endpoint.model_name}", messages=[{{"role": "user", "content": "Hello"}}]\n)\n'
        "print(response.choices[0].message.content)"
    )
    return [Sample("curl", curl), Sample("Python", python), Sample("OpenAI SDK", openai)]
