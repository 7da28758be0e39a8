"""Sets up Django in a new Python process. It imports nothing that reads the environment."""

import os


def set_up_django(environment: dict[str, str]) -> None:
    os.environ.update(environment)
    import django

    django.setup()
