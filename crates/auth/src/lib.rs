//! tidegate-auth
