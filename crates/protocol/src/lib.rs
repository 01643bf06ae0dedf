//! tidegate-protocol
