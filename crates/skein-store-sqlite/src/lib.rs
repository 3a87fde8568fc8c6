//! skein-store-sqlite
