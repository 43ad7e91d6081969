"""What changes rows of scenarios."""

from yungu.scenarios.service.claims import (
    accept_claim as accept_claim,
    decline_claim as decline_claim,
    make_claim as make_claim,
    withdraw_claim as withdraw_claim,
)
from yungu.scenarios.service.imports import (
    change_mapping as change_mapping,
    confirm_import as confirm_import,
    drop_import as drop_import,
    name_firm as name_firm,
    own_batch as own_batch,
    preview_import as preview_import,
    read_preview as read_preview,
)
from yungu.scenarios.service.items import (
    confirm_item as confirm_item,
    create_item as create_item,
    edit_item as edit_item,
)
from yungu.scenarios.service.people import grant_role as grant_role, revoke_role as revoke_role
from yungu.scenarios.service.steps import (
    expire_due as expire_due,
    move_item as move_item,
    review_item as review_item,
    supersede_item as supersede_item,
)
