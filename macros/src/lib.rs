//! The attribute macros of [`sigalarm`](https://docs.rs/sigalarm) and [`sigalarm-core`](https://docs.rs/sigalarm-core),
//! which re-export them with feature `macros`.

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
/// use sigalarm::{TimedOut, cooperative};
///
/// #[cooperative]
/// fn divisor(n: u64) -> Result<Option<u64>, TimedOut> {
///     for d in 2..n {
///         if n % d == 0 {
///             return Ok(Some(d));
///         }
///     }
///     Ok(None)
/// }
///
/// assert_eq!(divisor(91).unwrap(), Some(7));
/// let _alarm = sigalarm::testing::expired();
/// assert!(divisor(91).is_err());
/// ```
///
/// # Items
///
/// A function that returns a `Result<_, E>` with `E: From<TimedOut>`: `TimedOut`, `std::io::Error`, `Box<dyn Error>`,
/// your own error. An `async fn` checks the alarms of the polling thread. Not a `const fn`.
///
/// An `impl`, `trait` or `mod` block: its functions with a loop or a call, if their return type is named `Result` and
/// can hold a `TimedOut`. A function's own attribute replaces that of its block.
///
/// # Options
///
/// | option | effect |
/// |---|---|
/// | `alarm = expr` | inserts `expr.check()?` |
/// | `every = 1024` | checks each loop at its first turn and then at each 1024th; also on a single loop |
/// | `unwind` | inserts `sigalarm::unwind_if_expired()`, in a function that returns no `Result` |
/// | `crate = path` | the path of the library, if not `::sigalarm` |
/// | `skip` | no check at this loop, or in this function of a block |
///
/// With `every = n` a `for` loop runs in batches of n turns, which the compiler can vectorise. Other loops, and those
/// with a `break` or a macro, count their turns.
///
/// # Code without checks
///
/// - Closures and `async` blocks, because a `?` ends only them, unless `#[cooperative]` stands before them.
/// - Items inside the function, and functions that it calls.
/// - Loops in std, such as iterator chains.
/// - Macros, except for the arguments of std's (`vec!`, `assert!`, `println!`, …).
#[proc_macro_attribute]
pub fn cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// Arms an alarm in each call of a function, and drops it when the function returns.
///
/// **The attribute alone stops nothing.** The function must check, by hand or with `#[cooperative]` above or below.
///
/// ```
/// use sigalarm::{TimedOut, cooperative, time_limit};
///
/// #[time_limit("10ms")]
/// #[cooperative]
/// fn search() -> Result<(), TimedOut> {
///     loop {}
/// }
///
/// assert!(search().unwrap_err().to_string().starts_with("search timed out after "));
/// ```
///
/// The limit is a string such as `"10s"`, `"250ms"` or `"1h 30min"` ([humantime]), or an expression of type
/// [`Duration`](std::time::Duration), such as `self.budget`, which each call evaluates.
///
/// | option, after the limit | effect |
/// |---|---|
/// | `label = "search"` | the label of the alarm, in place of the function's name |
/// | `try_arm` | returns a failure to arm, for `E: From<ArmError>` |
/// | `crate = path` | the path of the library, if not `::sigalarm` |
///
/// For functions that return a `Result<_, E>` with `E: From<TimedOut>`, but not a `const fn` or a future (`async fn`,
/// `#[async_trait]`), and not for `#[cooperative(unwind)]`.
///
/// The limit does not cover an iterator that the function returns. Each level of a recursion arms an alarm: 130 bytes
/// of stack in a debug build, 64 in a release build.
///
/// # Panics
///
/// Without `try_arm`, panics if the alarm cannot be armed, for example in a sandbox.
///
/// [humantime]: https://docs.rs/humantime/latest/humantime/fn.parse_duration.html
#[proc_macro_attribute]
pub fn time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// Inserts `sigalarm_core::checkpoint()?;`; otherwise as [`cooperative`]. The option `unwind` needs an `alarm = …`.
///
/// ```
/// #[sigalarm_core::cooperative]
/// fn search(turns: u64) -> Result<(), sigalarm_core::TimedOut> {
///     for _ in 0..turns {}
///     Ok(())
/// }
/// let _alarm = sigalarm::testing::at_check(5);
/// assert!(search(10).is_err());
/// ```
#[proc_macro_attribute]
pub fn core_cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Core, options.into(), item.into()).into()
}

/// A compile-time error with the remedy: `sigalarm-core` arms no alarm.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn core_time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(Library::Core, options.into(), item.into()).into()
}
