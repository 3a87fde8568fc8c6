//! skein-access
