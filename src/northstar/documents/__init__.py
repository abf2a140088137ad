"""YAML files that people write, held to a model: every fault with its line and field."""

from northstar.documents.annotations import did_you_mean
from northstar.documents.domain import DocumentInvalid, Fault, Place
from northstar.documents.parsing import parse_document
from northstar.documents.reading import read_text

__all__ = ["DocumentInvalid", "Fault", "Place", "did_you_mean", "parse_document", "read_text"]
