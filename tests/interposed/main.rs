//! Programs that replace C functions or the allocator.

#[path = "../support/mod.rs"]
mod support;

mod allocations;
mod every_call;

fn main() {
    support::main(support::modules![allocations, every_call]);
}
