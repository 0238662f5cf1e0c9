"""The organiser's pages behind a password: progress, flagged raters and decisions, replays, report, export."""

import io
import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import jinja2
from fastapi import APIRouter, Depends, Form, HTTPException, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from markupsafe import Markup
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from neo.chat.cards import ReplyHtml, message_html
from neo.study import store
from neo.study.errors import Hidden, StudyError
from neo.study.export import export
from neo.study.judgements import read
from neo.study.kept import part_of
from neo.study.report import as_html, build, progress
from neo.study.shown import units
from neo.study.tables import SlotRow

_pages = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), undefined=jinja2.StrictUndefined, autoescape=True
)
_basic = HTTPBasic(realm="organiser")


def _only_with(password: str) -> Callable:
    def check(given: Annotated[HTTPBasicCredentials, Depends(_basic)]) -> None:
        if not secrets.compare_digest(given.password.encode(), password.encode()):
            raise HTTPException(401, "wrong password", {"WWW-Authenticate": 'Basic realm="organiser"'})

    return check


def organiser_routes(database: Database, name: str, password: str) -> APIRouter:
    """Routes under /organiser; every one needs the password (with any user name)."""
    router = APIRouter(prefix="/organiser", dependencies=[Depends(_only_with(password))])
    form_key = secrets.token_urlsafe(16)  # another site's form cannot know it, though the browser knows the password

    @router.get("", response_class=HTMLResponse)
    def overview() -> str:
        with Session(database) as session:
            study, spec = store.find(session, name)
            state, judgements = progress(session, study, spec), read(session, study, spec)
        page = _pages.get_template("organiser.html.j2")
        return page.render(spec=spec, state=state, judgements=judgements, form_key=form_key)

    @router.get("/report", response_class=HTMLResponse)
    def report() -> str:
        with Session(database) as session:
            study, spec = store.find(session, name)
            try:
                return as_html(build(session, study, spec))
            except Hidden as error:
                raise HTTPException(403, str(error)) from error

    @router.get("/export.zip")
    def export_zip() -> Response:
        with Session(database) as session, TemporaryDirectory() as folder:
            study, spec = store.find(session, name)
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in export(session, study, spec, Path(folder)):
                    archive.write(path, path.name)
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
        return Response(packed.getvalue(), media_type="application/zip", headers=headers)

    @router.get("/replay/{slot_id}", response_class=HTMLResponse)
    def replay(slot_id: int) -> str:
        with Session(database) as session:
            study, spec = store.find(session, name)
            slot = session.get(SlotRow, slot_id)
            if slot is None or slot.study_id != study.id:
                raise HTTPException(404, f"slot {slot_id} is not of study {name!r}")
            blind = not progress(session, study, spec).visible
            kinds = ("message", "reply") if blind else ()
            events = [
                (event.at, event.kind, event.data, _shown(event.kind, event.data, blind))
                for event in session.scalars(store.events_of_slot(slot_id, *kinds))
            ]
            return _pages.get_template("replay.html.j2").render(spec=spec, slot=slot, events=events, blind=blind)

    @router.post("/decide")
    def decide(
        rater: Annotated[int, Form()],
        because: Annotated[str, Form()],
        excluded: Annotated[bool, Form()],
        key: Annotated[str, Form()],
    ) -> Response:
        if not secrets.compare_digest(key, form_key):
            raise HTTPException(403, "this form is from another page: reload and try again")
        with Session(database) as session:
            study, _ = store.find(session, name)
            try:
                store.decide(session, study, rater, excluded, because)
            except StudyError as error:
                raise HTTPException(400, str(error)) from error
        return RedirectResponse("/organiser", 303)

    return router


def _shown(kind: str, data: dict, blind: bool) -> Markup:
    """A message or a reply as the chat shows it, or blind, as raters see it; nothing for other events."""
    if kind == "message":
        return Markup(message_html(data["text"]))
    if kind == "reply":
        parts = tuple(part_of(stored) for stored, _ in data["parts"])
        return Markup(ReplyHtml.of(units(parts) if blind else parts).html())
    return Markup("")
