"""The emulator's own page and JSON API: faults, people, the journal."""
