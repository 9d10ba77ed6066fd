//! Guides: recipes by task, how to choose, and what to know.
//!
//! They are the pages of the directory `docs`. Their examples run as doctests; those that fork are `standalone_crate`s.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../docs/how-it-works.md")]
mod how_it_works {}

#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/choosing.md")]
pub mod choosing {}

#[cfg(all(feature = "macros", feature = "process"))]
#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/recipes.md")]
pub mod recipes {}

#[cfg(feature = "macros")]
#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/mistakes.md")]
pub mod mistakes {}

#[cfg(feature = "macros")]
#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/macros.md")]
pub mod macros {}

#[cfg(feature = "process")]
#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/jobs.md")]
pub mod jobs {}

#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/libraries.md")]
pub mod libraries {}

#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/neighbours.md")]
pub mod neighbours {}

#[doc = include_str!("book_links.txt")]
#[doc = include_str!("../docs/limits.md")]
pub mod limits {}
