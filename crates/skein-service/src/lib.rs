//! skein-service
