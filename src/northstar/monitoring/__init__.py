"""Watching what endpoints answer: profiles, findings, alerts, and what they lead to."""
