//! tidegate-moderation
