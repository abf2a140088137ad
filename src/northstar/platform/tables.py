"""Every table there is: importing this module defines all of them on the shared metadata."""

from northstar.access import store as access
from northstar.access.credentials import store as credentials
from northstar.access.elevation import store as elevation
from northstar.access.sign_in import store as sign_in
from northstar.environments import store as environments
from northstar.monitoring import alert_store, finding_store, outcome_store
from northstar.monitoring import store as monitoring
from northstar.pipeline.jobs import store as jobs
from northstar.platform import lease
from northstar.project import store as project
from northstar.registry import store as registry
from northstar.release import store as release
from northstar.serving import store as serving
from northstar.standards import store as standards
from northstar.telemetry import outbox

__all__ = [
    "access",
    "alert_store",
    "credentials",
    "elevation",
    "environments",
    "finding_store",
    "jobs",
    "lease",
    "monitoring",
    "outbox",
    "outcome_store",
    "project",
    "registry",
    "release",
    "serving",
    "sign_in",
    "standards",
]
