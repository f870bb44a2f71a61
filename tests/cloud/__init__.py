"""An AWS on loopback: several accounts, real signatures, real policies, real rules, faults on demand."""
