//! What replaces functions of the C library, or the allocator, for a whole program.

#[path = "../support/mod.rs"]
mod support;

mod allocations;
mod every_call;

fn main() {
    support::main(support::modules![allocations, every_call]);
}
