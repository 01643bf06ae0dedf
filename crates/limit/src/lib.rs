//! tidegate-limit
