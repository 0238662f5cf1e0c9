"""One server for a study: the raters' page at /, the organiser's behind a password at /organiser.

Requests are not logged and no address or browser is stored.
"""

import os
import secrets

import gradio as gr
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from catalog import queries
from neo.chat.cards import Labels
from neo.chat.page import CSS as CHAT_CSS
from neo.chat.page import ContentPolicy, launch_options
from neo.options import screen
from neo.study import store
from neo.study.arms import OpenArm
from neo.study.organiser import organiser_routes
from neo.study.page import CSS, HEAD, SECONDS, create_page
from neo.study.shown import STEPS
from neo.wording import Wording

PASSWORD = "NEO_STUDY_PASSWORD"


def create_app(
    database: Database, name: str, arms: dict[str, OpenArm], password: str, pause: float = SECONDS / STEPS
) -> FastAPI:
    """The server of a study. Writes down with which settings its arms answer from now on."""
    with Session(database) as session:
        study, spec = store.find(session, name)
        facts = {"app": store.app_version(), "arms": {arm: each.facts for arm, each in arms.items()}}
        store.record(session, study.id, "served", facts)
        study_id = study.id
        types = {row.name: row.label for row in session.scalars(queries.item_types())}
    languages = {code: names[0] for code, names in Wording.load("en").phrases["languages"].items()}
    page = create_page(database, study_id, spec, arms, Labels(types, languages), pause=pause)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(ContentPolicy)
    app.include_router(organiser_routes(database, name, password))
    looks = {key: value for key, value in launch_options().items() if key in ("theme", "ssr_mode", "run_history")}
    return gr.mount_gradio_app(app, page, path="/", css=CHAT_CSS + CSS, head=HEAD, footer_links=[], **looks)


def serve(database: Database, name: str, arms: dict[str, OpenArm], host: str, port: int) -> None:
    """Runs until it is stopped."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    password = os.environ.get(PASSWORD)
    if not password:
        password = secrets.token_urlsafe(12)
        screen.print(f"organiser's password (set {PASSWORD} to choose your own): {password}", markup=False)
    app = create_app(database, name, arms, password)
    screen.print(f"Ready: raters' links begin with http://{host}:{port}/?t=  organiser: http://{host}:{port}/organiser")
    uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning")
