//! Limits on other people's code, through the hooks that it offers: one example each, with a test that the limit
//! ends it. See README.md.
