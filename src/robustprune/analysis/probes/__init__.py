"""Tables of what probes read while the method trains: config/probes.yaml, docs/theory.md 8."""
