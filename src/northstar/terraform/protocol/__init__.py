"""Terraform's plugin protocol, version 6: what goes over the wire, and the server that speaks it.

Version 6, because flags and waivers will need attributes inside of attributes.
"""
