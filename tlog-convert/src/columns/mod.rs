//! Arrow columns out of payloads.
