//! The README and the guides, whose examples run as doctests. Examples that fork are `standalone_crate`s.

#[doc = include_str!("../README.md")]
mod readme {}

#[doc = include_str!("../docs/how-it-works.md")]
mod how_it_works {}

#[doc = include_str!("../docs/choosing.md")]
mod choosing {}

#[doc = include_str!("../docs/neighbours.md")]
mod neighbours {}

#[doc = include_str!("../docs/libraries.md")]
mod libraries {}

#[doc = include_str!("../docs/limits.md")]
mod limits {}

#[doc = include_str!("../docs/testing.md")]
mod testing {}

#[cfg(feature = "macros")]
#[doc = include_str!("../docs/macros.md")]
mod macros {}

#[cfg(feature = "macros")]
#[doc = include_str!("../docs/mistakes.md")]
mod mistakes {}

#[cfg(all(feature = "macros", feature = "process"))]
#[doc = include_str!("../docs/recipes.md")]
mod recipes {}

#[cfg(feature = "process")]
#[doc = include_str!("../docs/jobs.md")]
mod jobs {}
