//! The attribute macros of [`sigalarm`](https://docs.rs/sigalarm) and [`sigalarm-core`](https://docs.rs/sigalarm-core). Use them
//! through these crates, with the feature `macros`.

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
/// use sigalarm::{Alarm, TimedOut, cooperative};
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
/// let alarm = Alarm::never()?;
/// alarm.ring();
/// assert!(divisor(91).is_err());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// # Items
///
/// On a function that returns a `Result<_, E>` with `E: From<TimedOut>`: `TimedOut`, `std::io::Error`, `Box<dyn Error>`, your own
/// error. In an `async fn` a check asks the alarms of the polling thread. Not on a `const fn`.
///
/// On an `impl`, `trait` or `mod` block: for each function with a loop or a call, if its return type is named `Result` and can hold a
/// `TimedOut`. A function with another return type needs its own attribute, whose options replace those of the block.
///
/// # Options
///
/// | option | effect |
/// |---|---|
/// | `alarm = expr` | inserts `expr.check()?`; each check evaluates `expr` |
/// | `every = 1024` | checks each loop at its first turn and then at each 1024th; also on a single loop |
/// | `unwind` | inserts `sigalarm::unwind_if_expired()`, in a function that returns no `Result` |
/// | `crate = path` | the path of the library, if not `::sigalarm` |
/// | `skip` | no check at this loop, or in this function of a block |
///
/// With `every = n` the compiler can vectorise a `for` loop: it runs in batches of n turns. A `while`, a `loop`, a loop with a
/// `break` and a loop with a macro count their turns instead.
///
/// # Code without checks
///
/// - Closures and `async` blocks, because a `?` ends only them. `#[cooperative]` before one that returns a `Result` inserts checks.
/// - Items inside the function, and functions that it calls. These can have the attribute.
/// - Iterator chains, whose loops are in std. Write a `for` loop, or check in a closure of the chain.
/// - Macros, except for the arguments of std's macros (`vec!`, `assert!`, `println!`, …).
#[proc_macro_attribute]
pub fn cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// Arms an alarm in each call of a function, and drops it when the function returns.
///
/// **The attribute alone stops nothing.** The function must check: by hand, with `#[cooperative]` above or below, or in functions
/// that it calls.
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
/// let timed_out = search().unwrap_err();
/// assert!(timed_out.to_string().starts_with("search timed out after "));
/// ```
///
/// # The limit
///
/// A string such as `"10s"`, `"250ms"` or `"1h 30min"`, in the format of [humantime]; or an expression of type
/// [`Duration`](std::time::Duration), such as `self.budget`, which each call evaluates.
///
/// | option, after the limit | effect |
/// |---|---|
/// | `label = "search"` | the label of the alarm, in place of the function's name |
/// | `try_arm` | returns a failure to arm, for `E: From<ArmError>` |
/// | `crate = path` | the path of the library, if not `::sigalarm` |
///
/// # Items
///
/// On functions that return a `Result<_, E>` with `E: From<TimedOut>`. Not on a `const fn`, nor on a function that returns a future
/// (`async fn`, `#[async_trait]`): the alarm would end before the future runs.
///
/// The limit does not cover an iterator that the function returns. Each level of a recursion arms an alarm: 130 bytes of stack in a
/// debug build, 64 in a release build. For `#[cooperative(unwind)]` write
/// `within(limit, |alarm| alarm.catch(|| f()))?` instead.
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

/// Inserts `sigalarm_core::checkpoint()?;` at the entry of a function and at the head of each loop.
///
/// Otherwise it is as [`cooperative`]. The option `unwind` needs `sigalarm`, or an `alarm = …` with `unwind_if_expired`.
///
/// ```
/// use sigalarm_core::{TimedOut, cooperative};
///
/// #[cooperative]
/// fn search(turns: u64) -> Result<(), TimedOut> {
///     for _ in 0..turns {}
///     Ok(())
/// }
///
/// let _alarm = sigalarm::testing::at_check(5);
/// assert!(search(10).is_err());
/// ```
#[proc_macro_attribute]
pub fn core_cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Core, options.into(), item.into()).into()
}

/// `#[time_limit]` of `sigalarm-core`: a compile-time error with the remedy.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn core_time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(Library::Core, options.into(), item.into()).into()
}
