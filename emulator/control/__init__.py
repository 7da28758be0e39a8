"""The emulator's own page and JSON API: faults, people, what came in."""
