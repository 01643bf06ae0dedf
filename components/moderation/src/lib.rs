//! component-moderation
