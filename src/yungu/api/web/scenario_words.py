"""What people call the statuses, fields and findings of scenarios, in their language."""

from __future__ import annotations

from collections.abc import Mapping

from yungu.api.web.language import Language, marked, translations
from yungu.scenarios.models import Words
from yungu.scenarios.rules import domains
from yungu.scenarios.rules.lint import MESSAGES

_STATUSES = {
    "draft": marked("Draft"),
    "submitted": marked("Handed in"),
    "reviewing": marked("In review"),
    "returned": marked("Returned"),
    "published": marked("Published"),
    "claiming": marked("Open for claims"),
    "matched": marked("Matched"),
    "validating": marked("Validating"),
    "accepted": marked("Accepted"),
    "promoted": marked("Promoted"),
    "failed": marked("Validation failed"),
    "expired": marked("Expired"),
    "withdrawn": marked("Withdrawn"),
    "superseded": marked("Superseded"),
}
_STEPS = {
    "submit": marked("Hand in"),
    "review": marked("Begin the review"),
    "return": marked("Return"),
    "publish": marked("Publish"),
    "open": marked("Open for claims"),
    "match": marked("Match"),
    "validate": marked("Begin validation"),
    "accept": marked("Accept the result"),
    "fail": marked("Record as failed"),
    "promote": marked("Promote"),
    "republish": marked("Publish again"),
    "expire": marked("Let it expire"),
    "withdraw": marked("Withdraw"),
    "supersede": marked("Merge"),
    "draft": marked("Written"),
    "edit": marked("Edited"),
    "confirm": marked("Confirmed"),
    "stale": marked("Not confirmed for long"),
    "opinion": marked("Opinion given"),
}
_MODES = {
    "purchase": marked("Purchase of equipment"),
    "lease": marked("Lease"),
    "operation": marked("Commercial operation"),
    "solution": marked("Buying a solution"),
    "joint_development": marked("Joint development"),
    "joint_operation": marked("Joint operation"),
    "trial": marked("Trial first"),
}
_UNIT_KINDS = {
    "government": marked("Government"),
    "state_owned": marked("State-owned company"),
    "private": marked("Private company"),
    "hospital": marked("Hospital"),
    "school": marked("School"),
    "other": marked("Other"),
}
_PROVIDER_KINDS = {
    "opc": marked("One-person company"),
    "company": marked("Company"),
    "laboratory": marked("Laboratory"),
    "university": marked("University"),
}
_FORMS = {
    "api": marked("API"),
    "private": marked("On premises"),
    "edge": marked("On a device"),
    "on_site": marked("On site"),
}
_CONFIDENTIALITIES = {
    "public": marked("Everybody"),
    "internal": marked("Members of this site"),
    "restricted": marked("Partners only"),
}
_BUDGETS = {
    "-100k": marked("Up to ¥100,000"),
    "100k-1m": marked("¥100,000 to 1 million"),
    "1m-10m": marked("¥1 to 10 million"),
    "10m-": marked("Over ¥10 million"),
}
_CONSTRAINTS = {
    "certificate": marked("Certificate"),
    "filing": marked("Filing"),
    "domestic_chip": marked("Runs on domestic chips"),
    "data_stays": marked("Data stays on site"),
    "on_site": marked("Works on site"),
    "region": marked("Registered in"),
    "not_affiliated": marked("Not affiliated with the unit"),
    "licence": marked("Licence"),
    "maturity": marked("Maturity of at least"),
    "form": marked("Delivered as"),
    "provider_kind": marked("Kind of provider"),
}
_ROLES = {
    "operator": marked("Scenario operator"),
    "expert": marked("Expert reviewer"),
    "compliance": marked("Compliance and finance reviewer"),
    "test_lab": marked("Test laboratory"),
    "auditor": marked("Auditor"),
}
_FACETS = {
    "domain": marked("Fields"),
    "region": marked("Regions"),
    "status": marked("Status"),
    "mode": marked("Cooperation"),
    "unit_kind": marked("Kinds of unit"),
    "budget": marked("Budgets"),
    "provider_kind": marked("Kinds of provider"),
    "form": marked("Delivery"),
    "maturity": marked("Maturity"),
}
_OUTCOMES = {"added": marked("Added"), "changed": marked("Changed"), "same": marked("Unchanged")}
_CLAIMS = {
    "declared": marked("Waiting for an answer"),
    "accepted": marked("Accepted"),
    "declined": marked("Declined"),
    "withdrawn": marked("Withdrawn"),
}
_STATES = {"preview": marked("Preview"), "confirmed": marked("Imported"), "dropped": marked("Dropped")}
_FIELDS = {
    "title": marked("Title"),
    "unit": marked("Unit"),
    "provider": marked("Provider"),
    "firm": marked("Unit or company"),
    "firm_kind": marked("Kind of unit"),
    "unit_kind": marked("Kind of unit"),
    "provider_kind": marked("Kind of provider"),
    "domains": marked("Fields"),
    "region": marked("Region"),
    "background": marked("Background"),
    "pain": marked("Pain point"),
    "baseline": marked("Where things stand today"),
    "indicators": marked("Indicators"),
    "measurements": marked("Measured values"),
    "measured": marked("Indicators"),
    "offered": marked("Data and site offered"),
    "constraints": marked("Hard conditions"),
    "mode": marked("Cooperation"),
    "budget": marked("Budget"),
    "budget_least": marked("Budget, least"),
    "budget_most": marked("Budget, most"),
    "price_least": marked("Price, least"),
    "price_most": marked("Price, most"),
    "price": marked("Price"),
    "budget_source": marked("Source of the budget"),
    "payer": marked("Who pays"),
    "starts_on": marked("Begins on"),
    "deadline": marked("Deadline"),
    "expires_on": marked("Valid until"),
    "capacity": marked("Capacity"),
    "ownership": marked("Ownership of results"),
    "contact": marked("Contact"),
    "confidentiality": marked("Who may see it"),
    "problem": marked("Problem solved"),
    "route": marked("How it works"),
    "cases": marked("Where it is used"),
    "maturity": marked("Maturity"),
    "forms": marked("Delivery"),
    "certificates": marked("Certificates"),
    "filings": marked("Filings"),
    "chips": marked("Chips"),
    "licence": marked("Licence"),
    "repos": marked("Repositories"),
    "deployments": marked("Deployments"),
    "affiliations": marked("Affiliations"),
    "is_newcomer": marked("Newcomer"),
    "source": marked("Announced in"),
    "number": marked("Number in the file"),
}
_TONGUES = {"zh": marked("%(field)s (Chinese)"), "en": marked("%(field)s (English)")}
_PROBLEMS = {
    "cell-amount": marked("This is no amount of money"),
    "cell-date": marked("This is no date"),
    "cell-number": marked("This is no number in range"),
    "cell-indicator": marked("There is no indicator with a number in it"),
    "cell-choice": marked("This is none of the choices and is left out"),
    "cell-constraint": marked("This condition is of no known kind and is left out"),
    "cell-formula": marked("A formula: it is not computed. Copy the value into the cell"),
    "cell-error": marked("The cell holds an error"),
    "cell-cut": marked("The text is too long and was cut"),
    "sheet-skipped": marked("This sheet does not look like a list and is left out"),
    "no-header": marked("No row looks like a header. Say below what the columns mean"),
    "row-skipped": marked("This row is no item and is left out"),
    "row-invalid": marked("The row cannot be taken"),
    "row-untitled": marked("The row has no title"),
    "row-firmless": marked("The row has no unit or company"),
    "double-row": marked("The same item stands above already"),
    "firm-resolved": marked("The name was brought into its usual form"),
    "firm-variant": marked("The same firm is spelt in another way above"),
    "category-as-field": marked("A category of firms: kept as a field"),
    "field-unknown": marked("A field that is not known here: kept as written"),
}
_LINT = {
    "title-missing": marked("It has no title."),
    "pain-missing": marked("Say what hurts today: who loses time, money or safety, and how much."),
    "pain-short": marked("The pain point is very short: say who is affected, how often, and what it costs."),
    "indicator-missing": marked(
        "Give at least one indicator: what is measured, which value is needed, and how it is tested."
    ),
    "indicator-unit": marked("An indicator has no unit."),
    "indicator-method": marked("An indicator does not say how it is tested."),
    "payer-missing": marked("Say who pays for the pilot."),
    "unit-missing": marked("Say which unit needs it."),
    "baseline-missing": marked("Say where things stand today, in numbers: without it nobody can see the gain."),
    "baseline-number": marked("The baseline has no number in it."),
    "budget-missing": marked("Give a budget, even a rough one."),
    "deadline-missing": marked("Set a deadline for answers."),
    "offered-missing": marked("Say which data, site or equipment a provider can use."),
    "one-language": marked(
        "Write the title and the pain point in Chinese and in English: more providers will find it."
    ),
    "vague": marked("These words cannot be measured."),
    "promotion": marked("This reads like investment promotion, not like a need."),
    "mega-project": marked(
        "The budget is that of a large construction project: cut out the part that one pilot can prove."
    ),
    "source-missing": marked("Say where the budget comes from."),
    "domain-missing": marked("Choose at least one field."),
    "contact-missing": marked("Leave a contact; only partners and operators see it."),
    "problem-missing": marked("Say which problem it solves."),
    "provider-missing": marked("Say who provides it."),
    "route-missing": marked("Say how it works."),
    "maturity-missing": marked("Give its maturity, from 1 (idea) to 9 (proven in use)."),
    "evidence-missing": marked("A measured value has no evidence: link a repository, a report or a page."),
    "measurement-missing": marked("Give at least one measured value with its evidence."),
    "form-missing": marked("Say how it is delivered: as an API, on premises, on a device, on site."),
    "repo-missing": marked("Link a model or dataset of this hub: it can then be tried and validated here."),
    "cases-missing": marked("Name a place where it has been used, or say that it is new."),
}
assert _LINT == MESSAGES

_GROUPS: Mapping[str, Mapping[str, str]] = {
    "status": _STATUSES,
    "step": _STEPS,
    "mode": _MODES,
    "unit_kind": _UNIT_KINDS,
    "provider_kind": _PROVIDER_KINDS,
    "form": _FORMS,
    "confidentiality": _CONFIDENTIALITIES,
    "budget": _BUDGETS,
    "constraint": _CONSTRAINTS,
    "role": _ROLES,
    "facet": _FACETS,
    "outcome": _OUTCOMES,
    "claim": _CLAIMS,
    "state": _STATES,
    "field": _FIELDS,
    "problem": _PROBLEMS | _LINT,
    "lint": _LINT,
}


def say(language: Language, group: str, value: str) -> str:
    """What ``value`` of a group is called; itself where nobody has a better name."""
    if group == "domain":
        words = domains.name_of(value)
        return words.zh if language == "zh" else words.en
    if group == "maturity":
        return f"TRL {value}"
    if group == "field" and value.partition(".")[2] in _TONGUES:
        name, _, tongue = value.partition(".")
        return translations(language).gettext(_TONGUES[tongue]) % {"field": say(language, group, name)}
    known = _GROUPS.get(group, {}).get(value)
    return translations(language).gettext(known) if known else value


def in_language(language: Language, words: Words) -> str:
    """The text in the reader's language, else in the other."""
    return (words.zh or words.en) if language == "zh" else (words.en or words.zh)


def choices(group: str) -> list[str]:
    """The values of a group, in order."""
    return list(_GROUPS[group])
