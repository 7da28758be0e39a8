"""The fleet: read what Azure holds, and bring the rows in line with it. Runs in a worker."""
