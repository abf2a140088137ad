"""The audit in Azure Monitor: every entry a custom event in an Application Insights resource."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from northstar.access.domain import AuditEntry
from northstar.errors import Invalid, Unavailable
from northstar.telemetry.exporters import azure_log_exporter

EVENT = "northstar.audit"
_KEY = re.compile(r"InstrumentationKey=([0-9a-fA-F-]{36})")


class AzureMonitorAudit:
    """The ``AuditTarget`` port on Application Insights' ingestion endpoint.

    In Log Analytics the entries are rows of ``AppEvents`` with the name ``northstar.audit``; the
    fields of an entry are in ``Properties``, ``detail`` as JSON text. Azure Monitor truncates a
    property at 8,192 characters. The extra ``azure`` must be installed.

    Args:
        connection_string: of the resource. Raises ``Invalid`` for one without instrumentation key.
        credential: an ``azure-identity`` credential, where the resource takes no key alone.
    """

    def __init__(self, connection_string: str, credential: Any = None) -> None:
        key = _KEY.search(connection_string)
        if key is None:
            raise Invalid(
                "The connection string for Azure Monitor names no InstrumentationKey.",
                hint="Copy it whole from the Application Insights resource's overview.",
            )
        self.name = f"azure-monitor:{key[1].lower()}"[:63]
        self._connection_string = connection_string
        self._credential = credential
        self._exporter: Any = None

    def send(self, entries: Sequence[AuditEntry]) -> None:
        from opentelemetry.sdk._logs.export import LogRecordExportResult

        if self._exporter is None:
            self._exporter = azure_log_exporter(self._connection_string, self._credential)
        sent = self._exporter.export([_record(entry) for entry in entries])
        if sent != LogRecordExportResult.SUCCESS:
            raise Unavailable(
                f"Azure Monitor did not take the audit's entries from {entries[0].sequence} on.",
                hint="The platform's log says why; they are sent again.",
            )


def _record(entry: AuditEntry) -> Any:
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.resources import Resource

    at = int(entry.at.timestamp() * 1_000_000_000)
    fields = entry.model_dump(mode="json") | {"detail": json.dumps(entry.detail, sort_keys=True)}
    attributes = {name: str(value) for name, value in fields.items() if value is not None}
    record = LogRecord(
        timestamp=at,
        observed_timestamp=at,
        severity_number=SeverityNumber.INFO,
        body=EVENT,
        attributes={"microsoft.custom_event.name": EVENT, **attributes},
    )
    return ReadableLogRecord(record, Resource({"service.name": "northstar"}))
