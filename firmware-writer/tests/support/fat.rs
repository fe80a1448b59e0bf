//! A prepared card, as `tlog card init` makes it, in small: one sector to a cluster.
