"""What is measured against a peer in the same run. `make calendar-benchmark`."""
