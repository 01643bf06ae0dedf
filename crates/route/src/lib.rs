//! tidegate-route
