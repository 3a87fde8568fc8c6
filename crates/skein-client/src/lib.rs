//! skein-client
