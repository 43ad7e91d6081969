"""Ground that keeps secrets: what lies in the database can be read only with the server's own key.

from yungu import trust

sealed = trust.seal(site.secret, "space 7 HF_TOKEN", "hf_abc")
trust.unseal(site.secret, "space 7 HF_TOKEN", sealed)
"""

from yungu.trust.sealing import SealBroken as SealBroken, seal as seal, unseal as unseal
