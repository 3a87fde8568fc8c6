//! skein-testkit
