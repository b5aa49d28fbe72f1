"""/v1/models, and the one path of OpenAI's that has no model here."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from workbench.engine.api.context import engine_of, refuse_folders
from workbench.engine.api.errors import ApiError, from_workbench
from workbench.engine.registry import NoSuchModel, model_to_wire
from workbench.errors import WorkbenchError


async def list_all(request: Request) -> JSONResponse:
    """Base models, then tuned ones, newest first."""
    return JSONResponse({"object": "list", "data": [model_to_wire(one) for one in engine_of(request).registry.all()]})


async def retrieve(request: Request) -> JSONResponse:
    """One model, by any name that a chat takes too."""
    refuse_folders(request, request.path_params["model"])
    try:
        return JSONResponse(model_to_wire(engine_of(request).registry.find(request.path_params["model"])))
    except NoSuchModel as error:
        raise from_workbench(error, "model") from error


async def delete(request: Request) -> JSONResponse:
    """Remove the weights of a tuned model or a checkpoint."""
    engine, name = engine_of(request), request.path_params["model"]
    refuse_folders(request, name)
    try:
        contents = engine.registry.delete(name)
    except WorkbenchError as error:
        raise from_workbench(error, "model") from error
    for sha256 in contents:
        await engine.parts.hosts.forget(sha256)
    return JSONResponse({"id": name, "object": "model", "deleted": True})


async def embeddings(request: Request) -> JSONResponse:
    """No embeddings here."""
    raise ApiError(404, "This engine has no embeddings model.", code="model_not_found", param="model")


routes = [
    Route("/v1/models", list_all, methods=["GET"]),
    Route("/v1/models/{model:path}", retrieve, methods=["GET"]),
    Route("/v1/models/{model:path}", delete, methods=["DELETE"]),
    Route("/v1/embeddings", embeddings, methods=["POST"]),
]
