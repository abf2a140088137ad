"""Plan, apply, drift and destroy: one stage of a ``platform.yaml`` and its Terraform.

The work is done in ``.northstar/environments/STAGE`` beside the file: a copy of the modules that
come with this version of Northstar, the rendered variables, and the plan that waits to be applied.
It may be deleted at any time; the state is not in it. The lock file with the providers' checksums
is kept beside ``platform.yaml``, to be committed with it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from northstar import __version__
from northstar.clock import Clock
from northstar.environments.as_code.drift import Drift, drift_of
from northstar.environments.as_code.errors import PlanRefused, PlanStale, StateLocked
from northstar.environments.as_code.platform_file import PlatformFile, StateInFolder
from northstar.environments.as_code.prices import PriceList, load_prices
from northstar.environments.as_code.rendering import BACKEND, backend, differing, render, write
from northstar.environments.as_code.review import Review, review
from northstar.environments.as_code.terraform import Progress, Tell, Terraform
from northstar.environments.domain import EnvironmentReport, ReportKind
from northstar.errors import Denied, Failed, Invalid
from northstar.names import EnvironmentName

LOCK = "terraform.lock.hcl"
_ROOT = "live/platform"
_TERRAFORMS_LOCK = ".terraform.lock.hcl"
_GUARD = re.compile(r"(\bprevent_destroy\s*=\s*)true\b")
_NOT_NEEDED = ("*.md", "tests", "examples", "environments", ".terraform*", "__pycache__", "*.py")


@dataclass(frozen=True)
class SavedPlan:
    """A plan that waits to be applied.

    Attributes:
        rendered: digest of what it was made from.
        removes_all: whether it destroys the stage.
    """

    made_at: datetime
    rendered: str
    removes_all: bool


class Stage:
    """One stage of a platform, and the folder in which it is worked on.

    Args:
        file: the platform, and ``path`` where it is written.
        tell: hears how far the work is.
    """

    def __init__(
        self,
        file: PlatformFile,
        path: Path,
        name: EnvironmentName,
        clock: Clock,
        tell: Tell,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._file = file
        self._stage = file.stage(name)
        self._beside = path.resolve().parent
        self._clock = clock
        self._tell = tell
        self._environ = environ
        self._folder = self._beside / ".northstar" / "environments" / name
        self._plan = self._folder / "plan"
        self._about = self._folder / "plan.json"
        self._progress = Progress()

    def plan(self, give_up: Collection[str] = (), *, destroy: bool = False) -> Review:
        """Make a plan, keep it for ``apply``, and review it."""
        self.forget()
        terraform = self._compared(self._plan, destroy=destroy)
        about = SavedPlan(self._clock.now(), self._rendered(), destroy)
        self._about.write_text(json.dumps({**vars(about), "made_at": about.made_at.isoformat()}))
        return self._review(terraform, give_up)

    def saved(self, give_up: Collection[str] = ()) -> Review | None:
        """The review of the plan that waits, as things are today; ``None`` without one.

        Raises ``PlanStale`` when ``platform.yaml`` or Northstar are others than when it was made.
        """
        about = self._saved()
        if about is None:
            return None
        if about.rendered != self._rendered():
            raise PlanStale(
                f"The plan of {self.name} was made from another platform.yaml or Northstar.",
                hint=f"Plan again: northstar env plan {self.name}",
            )
        return self._review(self._terraform(), give_up)

    def apply(self, reviewed: Review) -> Progress:
        """Do what the saved plan says, which ``reviewed`` is the review of.

        Raises ``PlanRefused``, ``PlanStale``, ``StateLocked``, ``TerraformStopped``,
        ``TerraformFailed``; the plan is then used up, but for a refusal and a lock.
        """
        about = self._saved()
        if about is None:
            raise PlanStale(
                f"There is no plan of {self.name}.", hint=f"northstar env plan {self.name}"
            )
        if about.removes_all:
            self._check_may_be_destroyed()
        if reviewed.refusals:
            raise PlanRefused(
                "\n".join([f"The plan of {self.name} may not be applied:", *reviewed.refusals]),
                hint="Mend it and plan again, or add a waiver to platform.yaml.",
            )
        self._progress = Progress(reviewed.summary.changes)
        try:
            self._terraform().apply(self._plan, self._progress, self._tell)
        except StateLocked:
            raise
        except BaseException:
            self.forget()
            raise
        self.forget()
        return self._progress

    def destroy(self, give_up: Collection[str] = ()) -> Review:
        """Plan the removal of everything; raises ``Denied`` where that may not be."""
        self._check_may_be_destroyed()
        return self.plan(give_up, destroy=True)

    def drift(self) -> Drift:
        """What differs from what is written; a plan that waits stays."""
        compared = self._folder / "drift"
        try:
            terraform = self._compared(compared, destroy=False)
            mending = self._review(terraform, (), compared)
            return drift_of(terraform.show(compared), mending, self._prices())
        finally:
            compared.unlink(missing_ok=True)

    def forget(self) -> None:
        """Throw away the plan that waits: it may hold secrets."""
        self._plan.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)

    def report(
        self, kind: ReportKind, seen: Review | Drift | None = None, problem: str = ""
    ) -> EnvironmentReport:
        """What is told to the platform of one command.

        Args:
            seen: the review of its plan, or what a check for drift found; ``None`` if it failed
                before.
        """
        report = EnvironmentReport(
            environment=self.name,
            kind=kind,
            at=self._clock.now(),
            commit=_commit(self._beside),
            problem=problem,
        )
        if seen is None:
            return report
        reviewed, said = (
            (seen.mending, seen.found) if isinstance(seen, Drift) else (seen, seen.summary)
        )
        # Of what failed, only what was done has changed anything.
        failed = bool(problem) and kind in ("apply", "destroy")
        changes = self._progress.finished() if failed else seen.changes
        counts = Counter(change.what for change in changes)
        told = {
            "created": counts["create"],
            "changed": counts["change"],
            "replaced": counts["replace"],
            "destroyed": counts["destroy"],
            "changes": changes,
            "findings": reviewed.reported_findings(),
        }
        if not failed:
            told |= {
                "openings": said.openings,
                "doubts": said.doubts,
                "closings": said.closings,
            }
        return EnvironmentReport.model_validate({**dict(report), **told})

    def _check_may_be_destroyed(self) -> None:
        allowed = self._stage.may_be_destroyed
        if not (allowed if allowed is not None else self.name != "prod"):
            raise Denied(
                f"{self.name} may not be destroyed.",
                hint=f"Say stages.{self.name}.may_be_destroyed: true in platform.yaml first, "
                "in a change that somebody reviews.",
            )

    def _compared(self, to: Path, *, destroy: bool) -> Terraform:
        """Save a plan, and return what made it."""
        terraform = self._prepared(for_removal=destroy)
        self._tell(f"{self.name}: comparing what is written with what there is …")
        terraform.plan(to, self._tell, destroy=destroy)
        return terraform

    def _review(
        self, terraform: Terraform, give_up: Collection[str], plan: Path | None = None
    ) -> Review:
        document = terraform.show(plan or self._plan)
        today = self._clock.now().date()
        return review(document, self._file, self.name, self._prices(), today, give_up)

    def _prices(self) -> PriceList:
        return load_prices(self._beside / self._file.prices if self._file.prices else None)

    def _prepared(self, *, for_removal: bool) -> Terraform:
        """Terraform on fresh copies of the modules and variables, its backend open."""
        module = self._folder / "terraform"
        if module.exists():  # an apply that was killed may have left a state there
            self._terraform().rescue_state()
        shutil.rmtree(module, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        shutil.copytree(modules(), module, ignore=shutil.ignore_patterns(*_NOT_NEEDED))
        if for_removal:
            _lift_guards(module)
        root = module / _ROOT
        write(render(self._file, self.name), root)
        if (kept := self._beside / LOCK).is_file():
            shutil.copyfile(kept, root / _TERRAFORMS_LOCK)
        settings = [str(root / BACKEND)]
        if isinstance(self._stage.state, StateInFolder):
            override: dict[str, object] = {"terraform": {"backend": {"local": {}}}}
            (root / "backend_override.tf.json").write_text(json.dumps(override))
            state = self._beside / backend(self._file, self.name)["path"]
            state.parent.mkdir(parents=True, exist_ok=True)
            settings = [f"path={state}"]
        terraform = self._terraform()
        self._tell(f"{self.name}: preparing …")
        terraform.init(*settings)
        if (made := root / _TERRAFORMS_LOCK).is_file():
            shutil.copyfile(made, self._beside / LOCK)
        return terraform

    def _terraform(self) -> Terraform:
        root = self._folder / "terraform" / _ROOT
        return Terraform(root, self._folder / "data", self._environ)

    def _saved(self) -> SavedPlan | None:
        if not (self._plan.is_file() and self._about.is_file()):
            return None
        about = json.loads(self._about.read_text())
        return SavedPlan(**{**about, "made_at": datetime.fromisoformat(about["made_at"])})

    def _rendered(self) -> str:
        texts = [__version__, *render(self._file, self.name).values()]
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _lift_guards(module: Path) -> None:
    """Let Terraform plan the removal of what holds data: the review then asks for each by name."""
    for path in module.rglob("*.tf"):
        text = path.read_text(encoding="utf-8")
        if (lifted := _GUARD.sub(r"\1false", text)) != text:
            path.write_text(lifted, encoding="utf-8")


def modules() -> Path:
    """The Terraform that comes with Northstar: modules, and the root module of a stage."""
    packaged = Path(__file__).resolve().parent / "infrastructure"
    if packaged.is_dir():
        return packaged
    for above in Path(__file__).resolve().parents:
        if (above / "infra" / "terraform" / _ROOT).is_dir():
            return above / "infra" / "terraform"
    raise Failed(
        "This installation has no Terraform modules.", hint="Install northstar-mlops anew."
    )


def render_all(
    file: PlatformFile, folder: Path, *, check: bool, tell: Callable[[str], None]
) -> None:
    """Write what Terraform is given for every stage into ``folder``, a folder for each.

    Args:
        check: write nothing, and raise ``Invalid`` if anything there would be another.
    """
    old = []
    for stage in file.stages:
        files, own = render(file, stage), folder / stage
        different = differing(files, own)
        old += [str(own / name) for name in different]
        if not check and different:
            write(files, own)
            tell(f"{own}: {', '.join(sorted(different))}")
    if check and old:
        raise Invalid(
            f"Not as platform.yaml says: {', '.join(old)}.",
            hint="Run `northstar env render`, and commit what it writes.",
        )


def _commit(folder: Path) -> str:
    """The commit that a folder is at; empty where there is none."""
    git = shutil.which("git")
    if git is None:
        return ""
    asked = subprocess.run(
        [git, "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""
