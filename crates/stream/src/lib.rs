//! tidegate-stream
