//! component-router
