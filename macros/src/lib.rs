//! The attribute macros of [`sigalarm`](https://docs.rs/sigalarm) and [`sigalarm-core`](https://docs.rs/sigalarm-core). Use them
//! through these crates, with the feature `macros`.

mod attribute;
mod block;
mod cooperative;
#[cfg(test)]
mod expansion;
#[cfg(test)]
mod hostile;
mod library;
mod options;
mod parse;
mod returns;
mod time_limit;

use proc_macro::TokenStream;

use self::library::Library;

/// Inserts a check at the entry of a function and at the head of each of its loops.
///
/// The check is `sigalarm::checkpoint()?;`. It costs the same as one written by hand.
///
/// ```
/// use sigalarm::{Alarm, TimedOut, cooperative};
/// use std::time::Duration;
///
/// #[cooperative]
/// fn first_divisor(n: u64) -> Result<Option<u64>, TimedOut> {
///     for d in 2..n {
///         if n % d == 0 {
///             return Ok(Some(d));
///         }
///     }
///     Ok(None)
/// }
///
/// assert_eq!(first_divisor(91).unwrap(), Some(7));
///
/// let alarm = Alarm::after(Duration::from_millis(10))?;
/// let timed_out = first_divisor((1 << 61) - 1).unwrap_err(); // a prime
/// assert!(alarm.owns(&timed_out));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// # Items
///
/// On a function or method that returns a `Result<_, E>` with `E: From<TimedOut>`: `TimedOut`, `std::io::Error`,
/// `Box<dyn Error>`, your own error type. In an `async fn` a check asks the alarms of the thread that polls it. A `const fn` cannot
/// have the attribute.
///
/// On an `impl`, `trait` or `mod` block: each function with a body whose return type is named `Result` gets checks (not
/// `fmt::Result`, nor a `Result` whose error type in std cannot hold a `TimedOut`). In a block:
///
/// - a function without a loop and without a call gets no check;
/// - a function whose return type has another name needs its own attribute;
/// - `#[cooperative(skip)]` excludes a function;
/// - a function's own attribute replaces the options of the block.
///
/// ```
/// # use sigalarm::{TimedOut, cooperative};
/// struct Tree {
///     children: Vec<Tree>,
/// }
///
/// #[cooperative]
/// impl Tree {
///     fn size(&self) -> Result<u64, TimedOut> {
///         let mut size = 1;
///         for child in &self.children {
///             size += child.size()?;
///         }
///         Ok(size)
///     }
///
///     fn is_leaf(&self) -> bool {
///         self.children.is_empty() // returns no `Result`: no check
///     }
/// }
/// # let tree = Tree { children: vec![Tree { children: vec![] }] };
/// # assert_eq!((tree.size().unwrap(), tree.is_leaf()), (2, false));
/// ```
///
/// # Options
///
/// | option | effect |
/// |---|---|
/// | `alarm = expr` | inserts `expr.check()?`, which evaluates `expr` at each check |
/// | `every = 1024` | checks each loop at its first turn and then at each 1024th |
/// | `unwind` | inserts `sigalarm::unwind_if_expired()`, for a function that returns no `Result` |
/// | `crate = path` | the path of the library, if it is not `::sigalarm` |
/// | `skip` | before a loop: no check at its head. In a block, before a function: no check in it |
///
/// `#[cooperative(every = …)]` before a loop sets the stride of that loop.
///
/// # Strides
///
/// The compiler does not vectorise a loop that may end at each turn. With `every = n` a `for` loop runs in batches of n turns, which
/// the compiler can vectorise. `while`, `loop`, loops with a `break`, and loops with macros that may contain one count their turns
/// instead, which saves less.
///
/// Each loop begins with a check: at most n turns of the innermost loop are between two checks.
///
/// # Code without checks
///
/// - **Closures and `async` blocks**, because a `?` in them ends only them. `#[cooperative]` before one that returns a `Result`
///   inserts checks, with the options of the function and its own:
///
///   ```
///   # use sigalarm::{TimedOut, cooperative};
///   #[cooperative]
///   fn totals(rows: &[Vec<u64>]) -> Result<Vec<u64>, TimedOut> {
///       let total = #[cooperative]
///       |row: &Vec<u64>| -> Result<u64, TimedOut> {
///           let mut total = 0;
///           for n in row {
///               total += n;
///           }
///           Ok(total)
///       };
///       rows.iter().map(total).collect()
///   }
///   # assert_eq!(totals(&[vec![1, 2], vec![3]]).unwrap(), [3, 3]);
///   ```
///
/// - **Functions and other items inside the function.** They can have the attribute.
/// - **Iterator chains**, whose loops are in std. Write a `for` loop, or check in a closure of the chain.
/// - **Macros**, except for the arguments of std's macros (`vec!`, `assert!`, `println!`, …).
/// - **Functions that the function calls.**
///
/// # Errors
///
/// A wrong return type, option or place is a compile-time error. The compiler reports a missing `From<TimedOut>` at each check.
#[proc_macro_attribute]
pub fn cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// Arms an alarm for each call of a function, and drops it when the function returns.
///
/// The label of the alarm is the name of the function.
///
/// **The attribute alone stops nothing.** The function must check: by hand, with `#[cooperative]`, or in functions that it calls.
///
/// ```
/// use sigalarm::{TimedOut, cooperative, time_limit};
///
/// #[time_limit("10ms")]
/// #[cooperative]
/// fn count() -> Result<u64, TimedOut> {
///     let mut n = 0_u64;
///     loop {
///         n = n.wrapping_add(1);
///     }
/// }
///
/// let timed_out = count().unwrap_err();
/// assert!(timed_out.to_string().starts_with("count timed out after "));
/// ```
///
/// The order of the two attributes has no effect.
///
/// # The limit
///
/// A string such as `"10s"`, `"250ms"`, `"1h 30min"` or `"1.5s"`, in the format of [humantime]; or an expression of type
/// [`Duration`](std::time::Duration), which each call evaluates and which can use the arguments:
///
/// ```
/// # use sigalarm::{TimedOut, checkpoint, time_limit};
/// # use std::time::Duration;
/// #[time_limit(budget)]
/// fn solve(budget: Duration) -> Result<u32, TimedOut> {
///     checkpoint()?;
///     Ok(42)
/// }
///
/// assert!(solve(Duration::ZERO).is_err());
/// ```
///
/// | option, after the limit | effect |
/// |---|---|
/// | `label = "search"` | the label of the alarm |
/// | `try_arm` | returns a failure to arm, for `E: From<ArmError>` |
/// | `crate = path` | the path of the library, if it is not `::sigalarm` |
///
/// # Items
///
/// On functions and methods that return a `Result<_, E>` with `E: From<TimedOut>`. A `const fn` cannot have the attribute, nor can
/// a function that returns a future (`async fn`, `#[async_trait]`): the alarm would end before the future runs, or stay on the
/// thread of the first poll.
///
/// An iterator that the function returns is not under the limit.
///
/// Each level of a recursion arms an alarm, which takes 130 bytes of stack in a debug build and 64 in a release build. The outermost
/// alarm expires first.
///
/// An unwinding (`unwind_if_expired`) through the function drops its alarm. Use `alarm.catch` there.
///
/// # Panics
///
/// Panics if the alarm cannot be armed, without `try_arm`. A sandbox that refuses a system call is the usual cause.
///
/// [humantime]: https://docs.rs/humantime/latest/humantime/fn.parse_duration.html
#[proc_macro_attribute]
pub fn time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// Inserts a check at the entry of a function and at the head of each of its loops: `#[cooperative]` of `sigalarm-core`.
///
/// The check is `sigalarm_core::checkpoint()?;`. Otherwise it is as [`cooperative`]; the option `unwind` needs `sigalarm`, or an
/// `alarm = …` with `unwind_if_expired`.
///
/// ```
/// use sigalarm_core::{TimedOut, cooperative};
///
/// #[cooperative]
/// pub fn count(limit: u64) -> Result<u64, TimedOut> {
///     let mut n = 0;
///     while n < limit {
///         n += 1;
///     }
///     Ok(n)
/// }
///
/// assert_eq!(count(111), Ok(111));
/// let _alarm = sigalarm::testing::at_check(5);
/// assert!(count(111).is_err());
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
