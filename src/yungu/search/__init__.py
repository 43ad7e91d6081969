"""One bilingual index of things that have names, words, tags and facets; it knows nothing of what they are.

from yungu import search

catalogue = search.Catalogue(folder, search.Layout("1", facets=["task"], numbers=["likes"]))
with catalogue.writing() as writer:
    writer.put(search.Entry("repo/1", "model", ["public"], name="lin/tea", title="龙井", numbers={"likes": 3}))
found = catalogue.find(search.Wanted("龙井 tae", kinds=["model"], readers=frozenset({"public"})))
"""

from yungu.search.errors import CatalogueUnready, WriterBusy
from yungu.search.index import Catalogue, Writer
from yungu.search.models import Bookmark, Entry, Found, Hit, Layout, Piece, Wanted
from yungu.search.words import highlight

__all__ = [
    "Bookmark",
    "Catalogue",
    "CatalogueUnready",
    "Entry",
    "Found",
    "Hit",
    "Layout",
    "Piece",
    "Wanted",
    "Writer",
    "WriterBusy",
    "highlight",
]
