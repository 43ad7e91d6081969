"""Forms: read, proven to be ours, and shown again with what was typed when something in them is wrong."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs

from starlette.responses import Response

from yungu.api.http.auth import refuse_cross_site
from yungu.api.http.call import BodyInvalid
from yungu.api.web.errors import FormRefused, explain
from yungu.api.web.language import marked
from yungu.api.web.visit import Visit
from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, YunguError

_MAX_FIELDS = 200
Refusals = type[YunguError] | tuple[type[YunguError], ...]


class FormStale(Denied):
    """The form was made for another session."""

    def __init__(self) -> None:
        super().__init__(marked("This page was open for too long. Go back, reload it and try again."))


class FieldInvalid(Invalid):
    """One field of a form is not what it should be. ``message`` is shown as it stands, so it is already translated."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Form:
    """What was typed. Missing fields are empty."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values.get(name, [""])[-1].strip()

    def __contains__(self, name: str) -> bool:
        """Whether the form has such a field, be it empty."""
        return name in self._values

    @property
    def is_typed(self) -> bool:
        """Whether somebody has sent this form, rather than opened it."""
        return bool(self._values)

    def all(self, name: str) -> list[str]:
        """Every value of a field that may stand in the form more than once."""
        return self._values.get(name, [])

    def raw(self, name: str) -> str:
        """As typed, spaces included: for passwords."""
        return self._values.get(name, [""])[-1]


EMPTY = Form({})


def read_form(visit: Visit, *, most: int = _MAX_FIELDS) -> Form:
    """The posted form of at most ``most`` fields. Raises CrossSite, FormStale, BodyInvalid."""
    call = visit.call
    refuse_cross_site(call)
    try:
        values = parse_qs(call.body_bytes.decode(), keep_blank_values=True, max_num_fields=most, errors="strict")
    except ValueError as error:
        raise BodyInvalid("The form is not valid.") from error
    form = Form(values)
    check_token(visit, form["form_token"])
    return form


def check_token(visit: Visit, token: str) -> None:
    """Raises FormStale unless the token is the one that this session's pages carry."""
    if not hmac.compare_digest(token.encode(), visit.form_token.encode()):
        raise FormStale


@contextmanager
def shown_again(visit: Visit, page: Callable[[Mapping[str, str]], Response], **fields: Refusals) -> Iterator[None]:
    """Turn a refusal inside the block into ``page({field: what is wrong with it})``, with nothing written.

    ``fields`` say which field an error belongs to; any other error is the whole form's and goes under ``""``."""
    try:
        yield
    except (Invalid, Conflict, Denied, NotFound, Exhausted) as error:
        field = error.field if isinstance(error, FieldInvalid) else _field_of(error, fields)
        raise FormRefused(page({field: explain(error, visit.language)}), error) from error


def _field_of(error: YunguError, fields: Mapping[str, Refusals]) -> str:
    return next((name for name, kind in fields.items() if isinstance(error, kind)), "")
