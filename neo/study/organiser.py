"""The organiser's pages behind a password: progress, win rates, decisions, replays, report, export."""

import io
import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import jinja2
from fastapi import APIRouter, Depends, Form, HTTPException, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from neo.study import store
from neo.study.errors import Hidden, StudyError
from neo.study.export import export
from neo.study.replay import conversations, replay
from neo.study.report import as_html, build, progress, range_of, standings

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
            state, taken = progress(session, study, spec), conversations(session, study)
            duels = standings(session, study, spec, state)
        page = _pages.get_template("organiser.html.j2")
        return page.render(
            spec=spec, state=state, duels=duels, range_of=range_of, conversations=taken, form_key=form_key
        )

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
    def replay_of(slot_id: int) -> str:
        with Session(database) as session:
            study, spec = store.find(session, name)
            try:
                shown = replay(session, study, spec, slot_id)
            except StudyError as error:
                raise HTTPException(404, str(error)) from error
        return _pages.get_template("replay.html.j2").render(spec=spec, replay=shown)

    @router.post("/decide")
    def decide(
        rater: Annotated[int, Form()],
        because: Annotated[str, Form()],
        act: Annotated[Literal["exclude", "include", "release"], Form()],
        key: Annotated[str, Form()],
    ) -> Response:
        if not secrets.compare_digest(key, form_key):
            raise HTTPException(403, "this form is from another page: reload and try again")
        with Session(database) as session:
            study, _ = store.find(session, name)
            try:
                if act == "release":
                    store.release(session, study, rater, because)
                else:
                    store.decide(session, study, rater, act == "exclude", because)
            except StudyError as error:
                raise HTTPException(400, str(error)) from error
        return RedirectResponse("/organiser", 303)

    return router
