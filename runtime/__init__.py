"""What every service needs to run: clients for the API server and the Dapr sidecar, settings, logs, health, metrics.

Knows the domain's types, decides nothing.
"""
