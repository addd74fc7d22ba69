# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document is whole: references lead somewhere and all is referred
to, paths have their parameters, operations what a client needs."""

import json
import re

from tree import Fault

DOCUMENT = "gateway/rest/openapi.json"
METHODS = {"get", "put", "post", "delete", "options", "head", "patch"}
PLACES = {"path", "query", "header"}


def faults(tree):
    if DOCUMENT not in tree.files:
        return
    text = tree.text(DOCUMENT)
    try:
        document = json.loads(text, object_pairs_hook=unique)
    except ValueError as e:
        yield Fault(DOCUMENT, getattr(e, "lineno", 1), str(e))
        return
    yield from (Fault(DOCUMENT, 1, t) for t in faults_of(document))


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = [k for k, _ in pairs]
        raise ValueError("member twice: %s" % next(
            k for k in twice if twice.count(k) > 1))
    return members


def faults_of(document):
    if not re.fullmatch(r"3\.1\.\d+", str(document.get("openapi"))):
        yield "openapi is not 3.1.x"
    for member in ("title", "version", "description", "license"):
        if member not in document.get("info", {}):
            yield f"info has no {member}"
    yield from faults_of_references(document)
    tags = {t["name"] for t in document.get("tags", [])}
    seen = set()
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in METHODS:
                where = f"{method.upper()} {path}"
                yield from faults_of_operation(document, where, path, item,
                                               operation, tags, seen)
            elif method != "parameters":
                yield f"{path}: {method} is no method"


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for v in value.values():
            yield from references(v)
    elif isinstance(value, list):
        for v in value:
            yield from references(v)


def found(document, reference):
    at = document
    for part in reference.lstrip("#/").split("/"):
        at = at.get(part) if isinstance(at, dict) else None
    return at


def faults_of_references(document):
    used = set(references(document))
    for reference in sorted(used):
        if not reference.startswith("#/") or \
                found(document, reference) is None:
            yield f"{reference} leads nowhere"
    for kind, parts in document.get("components", {}).items():
        for name in parts:
            if kind != "securitySchemes" and \
                    f"#/components/{kind}/{name}" not in used:
                yield f"components/{kind}/{name} is not referred to"


def resolved(document, value):
    while isinstance(value, dict) and "$ref" in value:
        value = found(document, value["$ref"]) or {}
    return value


def faults_of_operation(document, where, path, item, operation, tags, seen):
    for member in ("operationId", "summary", "tags", "responses"):
        if not operation.get(member):
            yield f"{where}: no {member}"
    name = operation.get("operationId")
    if name in seen:
        yield f"{where}: operationId {name} stands twice"
    seen.add(name)
    for tag in operation.get("tags", []):
        if tag not in tags:
            yield f"{where}: tag {tag} is not declared"
    parameters = [resolved(document, p) for p in
                  item.get("parameters", []) + operation.get("parameters", [])]
    yield from faults_of_parameters(where, path, parameters)
    for status, response in operation.get("responses", {}).items():
        response = resolved(document, response)
        if not re.fullmatch(r"[1-5]\d\d", status):
            yield f"{where}: status {status}"
        if not response.get("description"):
            yield f"{where}: {status} has no description"
        if int(status) >= 400 and "application/problem+json" not in \
                response.get("content", {}):
            yield f"{where}: {status} is no problem"
    for scheme in references_of_security(document, operation):
        if scheme not in document["components"]["securitySchemes"]:
            yield f"{where}: security {scheme} is not declared"


def references_of_security(document, operation):
    for one in operation.get("security", document.get("security", [])):
        yield from one


def faults_of_parameters(where, path, parameters):
    names = [(p.get("in"), p.get("name")) for p in parameters]
    for place, name in names:
        if names.count((place, name)) > 1:
            yield f"{where}: parameter {name} stands twice"
        if place not in PLACES:
            yield f"{where}: parameter {name} is in {place}"
    for p in parameters:
        if "schema" not in p or not p.get("description"):
            yield f"{where}: parameter {p.get('name')} lacks schema or words"
        if p.get("in") == "path" and p.get("required") is not True:
            yield f"{where}: parameter {p.get('name')} must be required"
    wanted = set(re.findall(r"\{(\w+)\}", path))
    given = {n for place, n in names if place == "path"}
    for name in sorted(wanted ^ given):
        yield f"{where}: {{{name}}} is in the path or a parameter only"


def planted(change):
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1", "description": "d",
                 "license": {}},
        "tags": [{"name": "a"}],
        "paths": {"/x/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True,
                            "description": "d", "schema": {}}],
            "get": {"operationId": "x", "summary": "s", "tags": ["a"],
                    "responses": {"200": {"description": "d"}}}}}}
    change(document)
    return {DOCUMENT: json.dumps(document)}


def _get(document):
    return document["paths"]["/x/{id}"]["get"]


PLANTED = [
    (planted(lambda d: None), None),
    ({DOCUMENT: '{"a":1,"a":2}'}, "member twice"),
    (planted(lambda d: d.update(openapi="3.0.0")), "not 3.1"),
    (planted(lambda d: _get(d).pop("operationId")), "no operationId"),
    (planted(lambda d: _get(d).update(tags=["b"])), "not declared"),
    (planted(lambda d: d["paths"]["/x/{id}"].pop("parameters")), "{id}"),
    (planted(lambda d: _get(d)["responses"].update({"404": {
        "description": "d"}})), "is no problem"),
    (planted(lambda d: _get(d)["responses"].update({"200": {
        "$ref": "#/components/responses/No"}})), "leads nowhere"),
    (planted(lambda d: d.update(components={"schemas": {"Left": {}}})),
     "not referred to"),
]
