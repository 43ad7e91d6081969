"""Predictors: plain Python that somebody installed beside yungu, registered under the entry point group
``yungu.predictors``. Code never comes from a repo; its files are only data to the predictor that the card names.

    class Input(msgspec.Struct):
        cultivar: str

    class Output(msgspec.Struct):
        date: str

    class Plucking:
        def __init__(self, folder: pathlib.Path, options: Mapping[str, Any]) -> None: ...
        def predict(self, given: Input) -> Output: ...

    [project.entry-points."yungu.predictors"]
    plucking = "longjing.predictor:Plucking"

The types of ``predict`` are read from its annotations; they become the JSON schemas that callers see."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, get_type_hints

import msgspec

from yungu.compute.runtimes.protocol import AskInvalid, ModelUnfit, Predicted, Runtime, Silent, Spec
from yungu.kernel.errors import Invalid

GROUP = "yungu.predictors"


def load(spec: Spec) -> Runtime:
    """Raises ModelUnfit when no such predictor is installed, or it is none."""
    name = spec.options.get("predictor")
    found = [one for one in entry_points(group=GROUP) if one.name == name]
    if not found:
        raise ModelUnfit(f"No predictor '{name}' is installed on this server.")
    return PredictorRuntime(found[0].load()(spec.path, spec.options))


class PredictorRuntime(Silent):
    def __init__(self, predictor: Any) -> None:
        hints = get_type_hints(predictor.predict)
        result = hints.pop("return", None)
        if len(hints) != 1 or result is None:
            raise ModelUnfit("The predict method of a predictor takes one annotated value and gives another.")
        self._predictor, self._input, self._output = predictor, next(iter(hints.values())), result
        self.slots = int(getattr(predictor, "slots", 1))

    def predict(self, given: Any) -> Predicted:
        try:
            wanted = msgspec.convert(given, self._input)
        except msgspec.ValidationError as error:
            raise AskInvalid(f"The input is not as the schema says: {error}.") from error
        try:
            return Predicted(self._predictor.predict(wanted))
        except Invalid as error:
            raise AskInvalid(error.message) from error

    def schema(self) -> Mapping[str, Any]:
        return {"input": msgspec.json.schema(self._input), "output": msgspec.json.schema(self._output)}
