"""Who may serve an opportunity, who fits it, how well, why, and to whom it is proposed when time is short."""
