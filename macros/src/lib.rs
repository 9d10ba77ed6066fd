//! The attribute macros of [`sigalarm`](https://docs.rs/sigalarm) and [`sigalarm-core`](https://docs.rs/sigalarm-core).

mod attribute;
mod cooperative;
#[cfg(test)]
mod hostile;
mod library;
mod parse;
mod returns;
mod syntax;
mod time_limit;

use proc_macro::TokenStream;

use self::library::Library;

/// Inserts `sigalarm::checkpoint()?;` at the entry of a function and at the head of each loop.
///
/// ```
/// #[sigalarm::cooperative]
/// fn search() -> Result<(), sigalarm::TimedOut> {
///     loop {}
/// }
/// let _alarm = sigalarm::testing::at_check(5);
/// assert!(search().is_err());
/// ```
///
/// A function must return a `Result<_, E>` with `E: From<TimedOut>`, and must not be a `const fn`. An `async fn` checks the
/// alarms of the thread that polls it.
///
/// In an `impl`, `trait` or `mod` block, checks are inserted into functions that return a type named `Result` and contain a
/// loop or a call. A function's own `#[cooperative]` replaces that of its block.
///
/// Options:
///
/// - `alarm = expr` inserts `expr.check()?`.
/// - `every = 1024` checks at the first turn of a loop and after every 1024 turns. On a loop, it applies to that loop alone. A
///   `for` loop without a `break` or a macro runs in batches, which the compiler can vectorise.
/// - `unwind` inserts `sigalarm::unwind_if_expired()`, for a function that returns no `Result`.
/// - `crate = path` names the library, if its path is not `::sigalarm`.
/// - `skip` leaves a loop, or a function of a block, without checks.
///
/// Closures and `async` blocks get checks only if `#[cooperative]` stands before them. Of macros, only the arguments of std's
/// get checks. Called functions get none.
#[proc_macro_attribute]
pub fn cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// Arms an alarm in each call of a function, and drops it when the function returns.
///
/// **The attribute alone stops nothing.** The function must check, by hand or with `#[cooperative]` above or below this
/// attribute.
///
/// ```
/// #[sigalarm::time_limit("10ms")]
/// #[sigalarm::cooperative]
/// fn search() -> Result<(), sigalarm::TimedOut> {
///     loop {}
/// }
/// assert!(search().unwrap_err().to_string().starts_with("search timed out after "));
/// ```
///
/// The limit is a string such as `"250ms"` or `"1h 30min"` ([humantime]), or an expression of type
/// [`Duration`](std::time::Duration), such as `self.budget`, which each call evaluates. Options follow the limit:
///
/// - `label = "search"` labels the alarm. The default is the function's name.
/// - `try_arm` returns the error of a failed arming, for `E: From<ArmError>`.
/// - `crate = path` names the library, if its path is not `::sigalarm`.
///
/// The function must return a `Result<_, E>` with `E: From<TimedOut>`. A `const fn`, a future (`async fn`, `#[async_trait]`)
/// and `#[cooperative(unwind)]` are refused.
///
/// The limit ends when the function returns, so it does not cover the use of a returned iterator.
///
/// # Panics
///
/// Without `try_arm`, panics if the alarm cannot be armed.
///
/// [humantime]: https://docs.rs/humantime/latest/humantime/fn.parse_duration.html
#[proc_macro_attribute]
pub fn time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// Inserts `sigalarm_core::checkpoint()?;`, with the options of [`cooperative`]. `unwind` needs `alarm = …`, because
/// `sigalarm-core` has no function that unwinds.
///
/// ```
/// #[sigalarm_core::cooperative]
/// fn search() -> Result<(), sigalarm_core::TimedOut> {
///     loop {}
/// }
/// let _alarm = sigalarm::testing::at_check(5);
/// assert!(search().is_err());
/// ```
#[proc_macro_attribute]
pub fn core_cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Core, options.into(), item.into()).into()
}

/// Reports an error, because `sigalarm-core` cannot arm an alarm.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn core_time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(Library::Core, options.into(), item.into()).into()
}
