"""Forms with files, small enough to be read whole."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP

from yungu.api.http import Call
from yungu.api.http.call import BodyInvalid


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a form. ``filename`` is empty where the client gave none."""

    data: bytes
    filename: str

    @property
    def text(self) -> str:
        """Raises BodyInvalid."""
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise BodyInvalid("A field of the form is not UTF-8 text.") from error


def form_fields(call: Call) -> dict[str, Field] | None:
    """The parts of the multipart body by name; None when the body is no form. Raises BodyInvalid."""
    kind = call.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        return None
    head = b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n"
    message = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + call.body_bytes)
    if not message.is_multipart():
        raise BodyInvalid("The form is not well-formed.")
    fields: dict[str, Field] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = Field(content, part.get_filename() or "")
    return fields
