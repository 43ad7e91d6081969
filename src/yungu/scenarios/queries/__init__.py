"""Every SELECT of scenarios."""

from yungu.scenarios.queries.batches import (
    get_batch as get_batch,
    list_aliases as list_aliases,
    list_batches as list_batches,
    list_entries as list_entries,
)
from yungu.scenarios.queries.items import (
    Asked as Asked,
    Viewed as Viewed,
    count_alike as count_alike,
    count_by_status as count_by_status,
    count_facets as count_facets,
    count_items as count_items,
    find_alike as find_alike,
    get_item as get_item,
    get_item_by_id as get_item_by_id,
    iter_items as iter_items,
    list_capabilities as list_capabilities,
    list_ending as list_ending,
    list_featured as list_featured,
    list_history as list_history,
    list_items as list_items,
    list_opportunities as list_opportunities,
    list_owned as list_owned,
    list_public_versions as list_public_versions,
    list_reviews as list_reviews,
    list_stale as list_stale,
    list_versions as list_versions,
    list_waiting as list_waiting,
    time_in_review as time_in_review,
    view as view,
    visible_item as visible_item,
)
from yungu.scenarios.queries.people import (
    get_claim as get_claim,
    list_claims as list_claims,
    list_role_holders as list_role_holders,
    roles_of as roles_of,
)
