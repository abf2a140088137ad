"""Traces, metrics, logs and events by OpenTelemetry; without settings it costs nothing."""
