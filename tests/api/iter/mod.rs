//! Iterators under a limit.

mod by_hand;
mod ends;

fn folded<I: Iterator>(items: I) -> Vec<I::Item> {
    items.fold(Vec::new(), |mut all, item| {
        all.push(item);
        all
    })
}
