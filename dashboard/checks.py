"""What must be set before Endpoint Desk starts, each with what to do about it."""
