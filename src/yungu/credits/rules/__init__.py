"""Pure decisions of credits: what a transfer does to two accounts, which voucher pays what, what a policy says."""
