"""What makes a fresh Python process one of an installation. It imports nothing that reads the environment."""

import os


def begin(environment: dict[str, str]) -> None:
    os.environ.update(environment)
    import django

    django.setup()
