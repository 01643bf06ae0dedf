//! component-rooms
