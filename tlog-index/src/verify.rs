//! Every defect of a log.
