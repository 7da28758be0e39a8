"""Numbers that people and programs write into addresses, forms and headers."""

# As long as any that makes sense; Python refuses to read much longer ones.
MOST_DIGITS = 18


def whole_number(text: str) -> int | None:
    """The number that a text writes in plain digits; None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
