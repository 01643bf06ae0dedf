//! tidegate-room
