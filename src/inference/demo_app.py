"""The page on which models are tried: one page, one question, on this machine alone."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image
from starlette.middleware.trustedhost import TrustedHostMiddleware

from src.errors import InputError
from src.inference.fitting import fit
from src.inference.trained_model import TrainedModel, check_alike

HOSTS = ["127.0.0.1", "localhost"]  # a page elsewhere may have given its name this address
MAX_BYTES = 2**20  # bytes of a drawing
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'"
)


def make_app(models: Sequence[TrainedModel]) -> FastAPI:
    """Return the application. Raises InputError for models that cannot stand side by side."""
    check_alike(models)
    shape, classes, box = models[0].shape, models[0].classes, models[0].box
    if len(shape) != 3:
        raise InputError(f"{models[0].name}: takes {shape}, which are no drawings")
    loader = FileSystemLoader(Path(__file__).parent)
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = pages.get_template("demo.html.j2").render(
        models=[model.name for model in models], classes=classes
    )
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)

    @app.get("/", response_class=HTMLResponse)
    def show() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, Any]:
        body = await request.body()
        if len(body) > MAX_BYTES:
            raise HTTPException(413, f"a drawing must have at most {MAX_BYTES} bytes")
        try:
            with Image.open(io.BytesIO(body), formats=["PNG"]) as picture:
                fitted = fit(picture, shape, box)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise HTTPException(400, "the drawing must be a PNG") from error
        return answer(models, fitted)

    return app


def answer(models: Sequence[TrainedModel], fitted: np.ndarray) -> dict[str, Any]:
    """Return what models say of an example (*shape) uint8, and the example as they see it."""
    x = torch.from_numpy(fitted)[None].float() / 255
    shares = [model.probabilities(x)[0].tolist() for model in models]
    picture = Image.fromarray(fitted.transpose(1, 2, 0).squeeze())
    file = io.BytesIO()
    picture.save(file, "png")
    seen = base64.b64encode(file.getvalue()).decode()
    return {"probabilities": shares, "seen": f"data:image/png;base64,{seen}"}
