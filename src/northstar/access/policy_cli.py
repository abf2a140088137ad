"""``northstar access test``: do the policies decide as a table says? No platform is asked."""

from __future__ import annotations

from pathlib import Path

import click

from northstar.access.decisions import PolicyBook, policy_book
from northstar.access.policy_cases import Outcome, read_cases, try_cases
from northstar.errors import Failed
from northstar.terminal import emit, json_option, say


@click.command("test")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--policies",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of custom policies; without it, the one that FILE names, or none.",
)
@json_option
def test(file: Path, policies: Path | None, as_json: bool) -> None:
    """Hold the built-in policies and custom ones against the cases in FILE (YAML).

    Nothing but files is read. Exit code 1 when a case is decided differently.
    """
    table = read_cases(file)
    folder = policies or (file.parent / table.policies if table.policies else None)
    book = policy_book(folder)
    outcomes = try_cases(table, book)
    wrong = [outcome for outcome in outcomes if not outcome.holds]
    told = "\n".join(_difference(file, outcome, book) for outcome in wrong)
    if told or as_json:
        emit(outcomes, as_json=as_json, text=told)
    if wrong:
        raise Failed(f"{len(wrong)} of {len(outcomes)} cases are decided differently.")
    say(f"{len(outcomes)} cases hold.")


def _difference(file: Path, outcome: Outcome, book: PolicyBook) -> str:
    case = outcome.case
    context = "".join(f", {name} {value}" for name, value in case.context.items())
    because = f", because of {case.because}" if case.because else ""
    return "\n".join(
        [
            f"{file}, line {case.line}: {case.name or 'a case'}",
            f"    {case.principal}  {case.action}  {case.resource}{context}",
            f"  - {case.expect}{because}",
            f"  + {outcome.decided}{_reasons(outcome, book)}",
        ]
    )


def _reasons(outcome: Outcome, book: PolicyBook) -> str:
    if not outcome.reasons:
        return ", because nothing allows it"
    told = []
    for one in outcome.reasons:
        policy = book.policies.get(one)
        told.append(
            f"{one} ({policy.file}, line {policy.line}: {policy.reason})" if policy else one
        )
    return f", because of {'; '.join(told)}"
