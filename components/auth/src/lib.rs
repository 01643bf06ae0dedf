//! component-auth
