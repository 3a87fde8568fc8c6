//! skein-bus
