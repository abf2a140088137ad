"""``northstar principal``: how somebody proves who they are; ``northstar access rotate-keys``."""

from __future__ import annotations

from pathlib import Path

import click

from northstar.access.credentials.domain import (
    AZURE_AUDIENCE,
    AZURE_DEVOPS,
    ENTRA,
    ENTRA_AUDIENCE,
    GITHUB,
    SOON_DAYS,
    Credential,
    CredentialKind,
    Trust,
)
from northstar.access.credentials_client import CredentialClient
from northstar.access.domain import (
    DEFAULT_SECRET_DAYS,
    LONGEST_SECRET_DAYS,
    SHORTEST_SECRET_DAYS,
    Secret,
)
from northstar.terminal import connect, emit, json_option, say, table

secret_days = click.option(
    "--days",
    type=click.FloatRange(min=SHORTEST_SECRET_DAYS, max=LONGEST_SECRET_DAYS),
    default=DEFAULT_SECRET_DAYS,
    show_default=True,
    help="How long the secret holds.",
)
_KINDS: tuple[CredentialKind, ...] = ("secret", "certificate", "trust")


@click.command("secret")
@click.argument("principal_id", metavar="PRINCIPAL")
@secret_days
@click.option(
    "--older-end-after",
    type=click.FloatRange(min=0),
    metavar="HOURS",
    help="Rotate: the secrets before it end after so many hours.",
)
@json_option
def secret(principal_id: str, days: float, older_end_after: float | None, as_json: bool) -> None:
    """Print one more secret for a principal; the others stay good unless told otherwise."""
    made = CredentialClient(connect()).new_secret(principal_id, days, older_end_after)
    emit_secret(made, as_json)


@click.command("credentials")
@click.argument("principal_id", metavar="PRINCIPAL")
@json_option
def credentials(principal_id: str, as_json: bool) -> None:
    """A principal's secrets, certificates and trusts; what is secret of them nobody can show."""
    _list(CredentialClient(connect()).of(principal_id), as_json)


@click.command("ending")
@click.option(
    "--days",
    type=click.FloatRange(min=0, max=LONGEST_SECRET_DAYS, min_open=True),
    default=SOON_DAYS,
    show_default=True,
    help="How far to look ahead.",
)
@json_option
def ending(days: float, as_json: bool) -> None:
    """Secrets and certificates that end soon, and that nothing of the kind outlasts.

    Yours, and those of whom you see to: the services of your squads, or everybody.
    """
    found = CredentialClient(connect()).ending(days)
    rows = [(one.principal, one.kind, one.number, one.expires_at) for one in found]
    headers = ("principal", "kind", "number", "until")
    text = f"Nothing ends within {days:g} days."
    emit(found, as_json=as_json, text=lambda: table(headers, rows, empty=text))


@click.command("withdraw")
@click.argument("principal_id", metavar="PRINCIPAL")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("number", type=int)
def withdraw(principal_id: str, kind: CredentialKind, number: int) -> None:
    """Withdraw a credential: no token is given for it any more. Tokens that were, run out."""
    CredentialClient(connect()).remove(principal_id, kind, number)
    say(
        f"Withdrew {kind} {number} of {principal_id}; `northstar principal revoke` ends its tokens."
    )


@click.command("revoke")
@click.argument("principal_id", metavar="PRINCIPAL")
def revoke(principal_id: str) -> None:
    """End all tokens and web sessions of a principal; its credentials stay."""
    CredentialClient(connect()).revoke(principal_id)
    say(f"Everything that was issued to {principal_id} until now has ended.")


@click.command("certificate")
@click.argument("principal_id", metavar="PRINCIPAL")
@click.argument("pem", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def certificate(principal_id: str, pem: Path, as_json: bool) -> None:
    """Accept what is signed with the key of a certificate: a PEM file without the private key."""
    made = CredentialClient(connect()).add_certificate(principal_id, pem.read_text())
    emit(made, as_json=as_json, text=f"{principal_id} has certificate {made.number}: {made.about}")


@click.command("link")
@click.argument("principal_id", metavar="user:NAME")
@click.argument("subject")
def link(principal_id: str, subject: str) -> None:
    """Say which account of the organisation is a user's, before its first sign-in.

    SUBJECT is the claim that never changes: with Entra ID the object id.
    """
    CredentialClient(connect()).link(principal_id, subject)
    say(f"Who signs in as {subject} is {principal_id}.")


@click.group("trust")
def trust() -> None:
    """Tokens of other issuers, such as a pipeline's, that prove who somebody is."""


@trust.command("add")
@click.argument("principal_id", metavar="PRINCIPAL")
@click.option("--github", metavar="ORG/REPO", help="Of a repository's workflows in GitHub Actions.")
@click.option("--environment", help="With --github: of jobs in this environment.")
@click.option("--ref", help="With --github: of jobs for this ref, such as refs/heads/main.")
@click.option("--azure-devops", metavar="ORG/PROJECT/CONNECTION", help="Of a service connection.")
@click.option("--organisation-id", help="With --azure-devops: the organisation's id.")
@click.option("--entra", metavar="TENANT-ID", help="Of Entra ID: a service connection's of Azure "
              "Pipelines, or a managed identity's, whose object id is the subject.")  # fmt: skip
@click.option("--issuer", help="Any other: the issuer, as its tokens write it.")
@click.option("--subject", help="With --entra and --issuer: whose; * stands for what has no colon.")
@click.option("--audience", help="Whom the tokens must be for; by default this platform's address, "
              "with Azure its token exchange.")  # fmt: skip
@click.option(
    "--reusable/--once",
    default=None,
    help="Whether a token may be exchanged again until it ends; by default only those of Entra ID.",
)
@json_option
def add_trust(
    principal_id: str,
    audience: str | None,
    reusable: bool | None,
    as_json: bool,
    **said: str | None,
) -> None:
    """Let a pipeline, or what runs elsewhere, be PRINCIPAL, without a secret."""
    connection = connect()
    wanted = _trust(said, audience, connection.url)
    if reusable is not None:
        wanted = wanted.model_copy(update={"reusable": reusable})
    made = CredentialClient(connection).add_trust(principal_id, wanted)
    emit(made, as_json=as_json, text=f"{principal_id} has trust {made.number}: {made.about}")


@trust.command("list")
@click.argument("principal_id", metavar="PRINCIPAL")
@json_option
def list_trusts(principal_id: str, as_json: bool) -> None:
    """Whose tokens prove that somebody is PRINCIPAL."""
    found = CredentialClient(connect()).of(principal_id)
    _list([each for each in found if each.kind == "trust"], as_json)


@trust.command("remove")
@click.argument("principal_id", metavar="PRINCIPAL")
@click.argument("number", type=int)
def remove_trust(principal_id: str, number: int) -> None:
    """Trust no more; tokens that were given run out."""
    CredentialClient(connect()).remove(principal_id, "trust", number)
    say(f"Removed trust {number} of {principal_id}.")


@click.command("rotate-keys")
@click.option(
    "--at-once",
    is_flag=True,
    help="The old keys are known to others: withdraw them, and every token signed with them.",
)
def rotate_keys(at_once: bool) -> None:
    """Sign tokens with a new key, five minutes from now; it happens by itself every 30 days."""
    kid = CredentialClient(connect()).rotate_keys(at_once=at_once)
    say(f"The new key is {kid}. {'Every token before it has ended.' if at_once else ''}".strip())


COMMANDS = (secret, credentials, ending, withdraw, revoke, certificate, link, trust)


def emit_secret(made: Secret, as_json: bool) -> None:
    """Print a new secret, and that it is shown only now."""
    if not made.client_secret:
        emit(made, as_json=as_json, text=f"Made {made.client_id}, without a secret.")
        return
    text = f"client id:     {made.client_id}\nclient secret: {made.client_secret}"
    if made.expires_at:
        text += f"\nholds until:   {made.expires_at:%Y-%m-%d %H:%M} UTC"
    emit(made, as_json=as_json, text=text)
    say("The secret is shown only now; keep it somewhere safe.")


def _trust(said: dict[str, str | None], audience: str | None, platform: str) -> Trust:
    github, azure, entra = said["github"], said["azure_devops"], said["entra"]
    if sum(1 for way in (github, azure, entra, said["issuer"]) if way) != 1:
        raise click.UsageError("Name one of --github, --azure-devops, --entra and --issuer.")
    if github:
        environment, ref = said["environment"], said["ref"]
        if bool(environment) == bool(ref):
            raise click.UsageError("With --github, name either --environment or --ref.")
        about = f"environment:{environment}" if environment else f"ref:{ref}"
        whose = f"repo:{github}:{about}"
        return Trust(issuer=GITHUB, audience=audience or platform, subject=whose)
    if azure:
        if not said["organisation_id"]:
            raise click.UsageError("With --azure-devops, name the --organisation-id.")
        place = AZURE_DEVOPS.format(organisation=said["organisation_id"])
        return Trust(issuer=place, audience=audience or AZURE_AUDIENCE, subject=f"sc://{azure}")
    if not (subject := said["subject"]):
        raise click.UsageError("With --entra and --issuer, name the --subject.")
    if entra:
        issuer = ENTRA.format(tenant=entra.lower())
        audience = audience or ENTRA_AUDIENCE
        return Trust(issuer=issuer, audience=audience, subject=subject, reusable=True)
    return Trust(issuer=str(said["issuer"]), audience=audience or platform, subject=subject)


def _list(found: list[Credential], as_json: bool) -> None:
    rows = [
        (each.kind, each.number, each.about, each.created_at, each.expires_at) for each in found
    ]
    headers = ("kind", "number", "what", "since", "until")
    emit(found, as_json=as_json, text=lambda: table(headers, rows, empty="None."))
