"""Facet values in plain words of both languages, and what stands for a task in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from yungu.api.web.language import Language, marked, translations
from yungu.hub import MODEL_SIZES

TASKS: Mapping[str, tuple[str, str]] = {
    "text-generation": (marked("Text generation"), "text"),
    "text2text-generation": (marked("Text to text"), "text"),
    "text-classification": (marked("Text classification"), "text"),
    "token-classification": (marked("Token classification"), "text"),
    "question-answering": (marked("Question answering"), "text"),
    "table-question-answering": (marked("Table question answering"), "table"),
    "zero-shot-classification": (marked("Zero-shot classification"), "text"),
    "translation": (marked("Translation"), "text"),
    "summarization": (marked("Summarization"), "text"),
    "fill-mask": (marked("Fill in the blank"), "text"),
    "sentence-similarity": (marked("Sentence similarity"), "text"),
    "feature-extraction": (marked("Feature extraction"), "numbers"),
    "text-ranking": (marked("Text ranking"), "text"),
    "text-retrieval": (marked("Text retrieval"), "text"),
    "conversational": (marked("Conversation"), "text"),
    "multiple-choice": (marked("Multiple choice"), "text"),
    "image-classification": (marked("Image classification"), "image"),
    "zero-shot-image-classification": (marked("Zero-shot image classification"), "image"),
    "image-segmentation": (marked("Image segmentation"), "image"),
    "object-detection": (marked("Object detection"), "image"),
    "zero-shot-object-detection": (marked("Zero-shot object detection"), "image"),
    "depth-estimation": (marked("Depth estimation"), "image"),
    "keypoint-detection": (marked("Keypoint detection"), "image"),
    "mask-generation": (marked("Mask generation"), "image"),
    "image-feature-extraction": (marked("Image features"), "numbers"),
    "image-to-image": (marked("Image to image"), "image"),
    "unconditional-image-generation": (marked("Image generation without a prompt"), "image"),
    "text-to-image": (marked("Text to image"), "image"),
    "text-to-image-synthesis": (marked("Text to image"), "image"),
    "image-to-text": (marked("Image to text"), "image"),
    "image-captioning": (marked("Image captioning"), "image"),
    "image-text-to-text": (marked("Image and text to text"), "image"),
    "visual-question-answering": (marked("Visual question answering"), "image"),
    "document-question-answering": (marked("Document question answering"), "text"),
    "visual-document-retrieval": (marked("Visual document retrieval"), "image"),
    "ocr-recognition": (marked("Text recognition in images"), "image"),
    "video-classification": (marked("Video classification"), "video"),
    "text-to-video": (marked("Text to video"), "video"),
    "text-to-video-synthesis": (marked("Text to video"), "video"),
    "image-to-video": (marked("Image to video"), "video"),
    "video-text-to-text": (marked("Video and text to text"), "video"),
    "any-to-any": (marked("Any to any"), "video"),
    "text-to-3d": (marked("Text to 3D"), "shape"),
    "image-to-3d": (marked("Image to 3D"), "shape"),
    "automatic-speech-recognition": (marked("Speech recognition"), "sound"),
    "auto-speech-recognition": (marked("Speech recognition"), "sound"),
    "text-to-speech": (marked("Text to speech"), "sound"),
    "text-to-audio": (marked("Text to audio"), "sound"),
    "audio-classification": (marked("Audio classification"), "sound"),
    "audio-to-audio": (marked("Audio to audio"), "sound"),
    "audio-text-to-text": (marked("Audio and text to text"), "sound"),
    "voice-activity-detection": (marked("Voice activity detection"), "sound"),
    "tabular-classification": (marked("Table classification"), "table"),
    "tabular-regression": (marked("Table regression"), "table"),
    "time-series-forecasting": (marked("Forecasting of time series"), "table"),
    "reinforcement-learning": (marked("Reinforcement learning"), "game"),
    "robotics": (marked("Robotics"), "game"),
    "graph-ml": (marked("Learning on graphs"), "numbers"),
}
"""Names that cards use, of Hugging Face and of ModelScope: what to call them, and their picture in ``tasks.html``."""

_MODEL_SIZES = dict(
    zip(
        MODEL_SIZES,
        (
            marked("Under 1 billion"),
            marked("1 to 4 billion"),
            marked("4 to 10 billion"),
            marked("10 to 35 billion"),
            marked("35 to 100 billion"),
            marked("Over 100 billion"),
        ),
        strict=True,
    )
)


def facet_value(language: Language, facet: str, value: str) -> str:
    """What people call this value of a facet; as the card has it where nobody has a better name."""
    words = translations(language).gettext
    match facet:
        case "task":
            return words(TASKS[value][0]) if value in TASKS else value
        case "language":
            return _language_names(language).get(value.replace("-", "_"), value)
        case "size":
            return words(_MODEL_SIZES[value]) if value in _MODEL_SIZES else value.upper().replace("N", "n")
        case _:
            return value


def task_picture(task: str) -> str:
    return TASKS[task][1] if task in TASKS else "other"


@cache
def _language_names(language: Language) -> Mapping[str, str]:
    """Of ISO 639 codes, in ``language``."""
    from babel import Locale

    names = Locale.parse(language).languages
    return {code.casefold(): name[:1].upper() + name[1:] for code, name in names.items()}
