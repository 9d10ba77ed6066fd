//! Guides: recipes, mistakes, limits, and the choice between alarms, workers and jobs.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../docs/how-it-works.md")]
mod how_it_works {}

macro_rules! guides {
    ($($(#[$cfg:meta])? $name:ident: $page:literal,)*) => {$(
        $(#[$cfg])?
        #[doc = include_str!("book_links.txt")]
        #[doc = include_str!($page)]
        pub mod $name {}
    )*};
}

guides! {
    choosing: "../docs/choosing.md",
    #[cfg(all(feature = "macros", feature = "process"))]
    recipes: "../docs/recipes.md",
    #[cfg(feature = "macros")]
    mistakes: "../docs/mistakes.md",
    #[cfg(feature = "macros")]
    macros: "../docs/macros.md",
    #[cfg(feature = "process")]
    jobs: "../docs/jobs.md",
    testing: "../docs/testing.md",
    libraries: "../docs/libraries.md",
    neighbours: "../docs/neighbours.md",
    limits: "../docs/limits.md",
}
