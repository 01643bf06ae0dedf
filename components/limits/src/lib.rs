//! component-limits
