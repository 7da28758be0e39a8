"""Numbers in URLs, forms and headers."""

# Enough for any sensible number; Python itself refuses to parse very long ones:
# https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
MAX_DIGITS = 18


def whole_number(text: str) -> int | None:
    """The number that a text has in plain ASCII digits; None if it has anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None
