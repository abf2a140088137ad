"""A real PostgreSQL server that lets an identity in by its newest token, over TLS, as Azure's."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

README = Path(__file__).parents[2] / "infra/terraform/modules/database/README.md"
ROLE = "id-northstar-dev"
"""Stands for the identity; it is the README's example."""
RESOURCE = "https://ossrdbms-aad.database.windows.net"
_SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))


class EntraPostgres:
    """One role whose password is the newest token, and databases that it may use.

    Args:
        server: address of a PostgreSQL server, as its administrator, over a socket.
        port: at which a ``TlsFront`` listens before that server.
        certificate: of that front.
    """

    def __init__(self, server: str, port: int, certificate: Path) -> None:
        self.port = port
        self._server = server
        self._certificate = certificate

    def url(self, database: str, **options: str) -> str:
        """As the identity, without password; ``options`` beside or instead of the usual ones."""
        usual = {"sslmode": "verify-full", "sslrootcert": str(self._certificate), **options}
        query = "&".join(f"{name}={value}" for name, value in usual.items())
        return f"postgresql+psycopg://{ROLE}@127.0.0.1:{self.port}/{database}?{query}"

    def hand_out(self, resource: str, token: str) -> None:
        """Let the identity in by this token, and by no earlier one."""
        if resource == RESOURCE:
            role, password = sql.Identifier(ROLE), sql.Literal(token)
            self.run("postgres", sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))

    def let_in_as_documented(self) -> None:
        """Give the role the rights that the database module's README says."""
        (block,) = re.findall(r"```sql\n(.*?)```", README.read_text(), re.DOTALL)
        database = "postgres"
        for line in filter(None, block.splitlines()):
            if line.startswith("\\c "):
                database = line.removeprefix("\\c ")
            elif "pgaadauth_create_principal" not in line:  # Azure's own: it makes the role
                self.run(database, sql.SQL(line))

    def run(self, database: str, *commands: sql.SQL | sql.Composed) -> None:
        """As the server's administrator."""
        home = make_url(self._server).set(database=database).render_as_string(hide_password=False)
        with psycopg.connect(home, autocommit=True) as connection:
            for command in commands:
                connection.execute(command)


@contextmanager
def entra_postgres(
    server: str, databases: Sequence[str], certificate: Path
) -> Iterator[EntraPostgres]:
    """The role without rights and the databases, until the end of the block."""
    folder = Path(str(make_url(server).query["host"]))
    rules = folder / "pg_hba.conf"
    before = rules.read_text()
    with TlsFront(folder / ".s.PGSQL.5432", certificate) as front:
        postgres = EntraPostgres(server, front.port, certificate)
        identity, reload = sql.Identifier(ROLE), sql.SQL("SELECT pg_reload_conf()")
        names = [sql.Identifier(name) for name in databases]
        made = [sql.SQL("CREATE DATABASE {}").format(name) for name in names]
        rules.write_text(f'local all "{ROLE}" scram-sha-256\n{before}')
        postgres.run("postgres", sql.SQL("CREATE ROLE {} LOGIN").format(identity), *made, reload)
        yield postgres
        rules.write_text(before)
        dropped = [sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name) for name in names]
        owned = sql.SQL("DROP ROLE {}").format(identity)
        postgres.run("postgres", *dropped, owned, reload)


class TlsFront:
    """Listens on 127.0.0.1, wants TLS, and passes on to a PostgreSQL server's socket.

    Args:
        behind: the server's socket.
        certificate: of 127.0.0.1, with its key.
    """

    def __init__(self, behind: Path, certificate: Path) -> None:
        self._behind = behind
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0
        self.in_the_clear = 0

    def __enter__(self) -> Self:
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        asyncio.run_coroutine_threadsafe(_end_others(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            if await reader.readexactly(8) != _SSL_REQUEST:
                self.in_the_clear += 1
                writer.close()
                return
            writer.write(b"S")
            await writer.start_tls(self._context)
            there, back = await asyncio.open_unix_connection(self._behind)
            ways = [_pour(reader, back), _pour(there, writer)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            back.close()
        writer.close()


async def _pour(source: StreamReader, sink: StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await source.read(65536):
            sink.write(content)
            await sink.drain()


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
