//! The attribute macros of [`sigalarm`](https://docs.rs/sigalarm) and of [`sigalarm-core`](https://docs.rs/sigalarm-core).
//! Use them through these crates, with the feature `macros`: the expansions call them.

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

/// Puts a check at the entry of a function and at the head of each of its loops.
///
/// A loop without a check runs past every limit. This attribute puts `sigalarm::checkpoint()?;` at the head of each
/// `for`, `while`, `while let` and `loop`, at any depth, and at the entry of the function, for recursions without a loop.
/// The result is the code that one would write by hand, and costs the same.
///
/// ```
/// use sigalarm::{Alarm, TimedOut, cooperative};
/// use std::time::Duration;
///
/// #[cooperative]
/// fn longest_chain(limit: u64) -> Result<u64, TimedOut> {
///     let (mut longest, mut start) = (0, 1);
///     for n in 1..limit {
///         let (mut at, mut length) = (n, 0);
///         while at != 1 {
///             at = if at % 2 == 0 { at / 2 } else { 3 * at + 1 };
///             length += 1;
///         }
///         if length > longest {
///             (longest, start) = (length, n);
///         }
///     }
///     Ok(start)
/// }
///
/// assert_eq!(longest_chain(30).unwrap(), 27);
///
/// let alarm = Alarm::after(Duration::from_millis(10))?;
/// let timed_out = longest_chain(u64::MAX).unwrap_err();
/// assert!(alarm.owns(&timed_out));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// # Items
///
/// On a function or method that returns a `Result<_, E>` with `E: From<TimedOut>`: `TimedOut` itself,
/// `std::io::Error`, `Box<dyn Error>`, an error type of your own. In an `async fn` a check asks the alarms of the thread
/// that polls it. A `const fn` cannot have the attribute.
///
/// On an `impl`, `trait` or `mod` block: then on each function in it that has a body and whose return type is named
/// `Result` (`io::Result<T>`, `anyhow::Result<T>`; not `fmt::Result`, and not a `Result` whose error is a type of the
/// standard library that cannot hold a `TimedOut`). In a block:
///
/// - a function without a loop and without a call gets no check at its entry: most of these are accessors;
/// - a function whose return type has another name needs an attribute of its own;
/// - `#[cooperative(skip)]` excludes a function;
/// - a function with an attribute of its own has the options of that.
///
/// ```
/// # use sigalarm::{TimedOut, cooperative};
/// struct Tree {
///     children: Vec<Tree>,
///     weight: u64,
/// }
///
/// #[cooperative]
/// impl Tree {
///     fn total(&self) -> Result<u64, TimedOut> {
///         let mut total = self.weight;
///         for child in &self.children {
///             total += child.total()?;
///         }
///         Ok(total)
///     }
///
///     fn is_leaf(&self) -> bool {
///         self.children.is_empty() // no `Result`: no check
///     }
///
///     #[cooperative(skip)]
///     fn weight(&self) -> Result<u64, TimedOut> {
///         Ok(self.weight)
///     }
/// }
/// # let tree = Tree { children: vec![Tree { children: vec![], weight: 2 }], weight: 1 };
/// # assert_eq!((tree.total().unwrap(), tree.is_leaf(), tree.weight().unwrap()), (3, false, 1));
/// ```
///
/// # Options
///
/// | option | effect |
/// |---|---|
/// | `alarm = expr` | checks this alarm, with `expr.check()?`, and not those of the thread. The expression is evaluated at each check, also at the entry. Any type with such a `check` method fits |
/// | `every = 1024` | checks each loop at its first turn and then at each 1024th |
/// | `unwind` | for a function that returns no `Result`: `sigalarm::unwind_if_expired();`, which unwinds to the `catch` of the alarm |
/// | `crate = path` | the path of the library, if it is not `::sigalarm`; `sigalarm_core` for a crate that depends on that |
/// | `skip` | before a loop: no check at its head, but in the loops inside of it. In an annotated block, before a function: no check in it |
///
/// Before a loop, `#[cooperative(every = …)]` gives that loop a stride of its own.
///
/// # Strides
///
/// The compiler does not vectorise a loop that may end at each turn. With `every = n` a `for` loop runs in batches of n
/// turns, with the checks between them, and the batches can be vectorised. Three kinds of loops count their turns
/// instead, which saves less: `while` and `loop`, loops with a `break`, and loops with macros that may contain one.
///
/// Each loop still begins with a check, so between two checks lie at most n turns of the innermost loop.
///
/// ```
/// # use sigalarm::{TimedOut, cooperative};
/// #[cooperative(every = 1024)]
/// fn sum(numbers: &[u64]) -> Result<u64, TimedOut> {
///     let mut sum = 0;
///     for n in numbers {
///         sum += n;
///     }
///     Ok(sum)
/// }
/// # assert_eq!(sum(&[1, 2, 3]).unwrap(), 6);
/// ```
///
/// # Code without checks
///
/// - **Closures and `async` blocks.** A `?` in them ends only them. Put `#[cooperative]` before one whose value is a
///   `Result`: it is checked like a function, with the options of the function and with its own:
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
/// - **Functions inside of the function**, and other items. They can have the attribute themselves.
/// - **Iterator chains.** `iter.map(…).sum()` is a loop in the standard library. Write it as a `for`, or check in its
///   closures.
/// - **Macros**, except for the arguments of those of the standard library (`vec!`, `assert!`, `println!`, …).
/// - **Callees.** A function without the attribute has no checks.
///
/// # Errors
///
/// At compile time, at the wrong token: a return type that cannot hold the error, an unknown option, a misplaced
/// attribute. The macro sees no types: the compiler reports an error type without `From<TimedOut>`, at each check.
#[proc_macro_attribute]
pub fn cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// Puts a function under a limit: each call runs under an alarm of its own.
///
/// The alarm is armed before the body and dropped when the function returns. Its label is the name of the function, as in
/// `solve timed out after 10.000 s (limit 10 s) at src/solver.rs:42`.
///
/// **The attribute alone stops nothing.** The function has to check: by hand, with `#[cooperative]`, or in its callees.
/// Without a check it runs to its end and returns `Ok`.
///
/// ```
/// use sigalarm::{TimedOut, cooperative, time_limit};
///
/// #[time_limit("500ms")]
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
/// let timed_out = first_divisor((1 << 61) - 1).unwrap_err(); // a prime
/// assert!(timed_out.to_string().starts_with("first_divisor timed out after "));
/// ```
///
/// The two attributes have the same effect in either order.
///
/// # The limit
///
/// A string such as `"10s"`, `"250ms"`, `"1h 30min"` or `"1.5s"` is read at compile time, as [humantime] reads it.
/// Otherwise the limit is an expression of type [`Duration`](std::time::Duration). It is evaluated at each call, and can
/// use the arguments:
///
/// ```
/// # use sigalarm::{TimedOut, checkpoint, time_limit};
/// # use std::time::Duration;
/// struct Solver {
///     budget: Duration,
/// }
///
/// impl Solver {
///     #[time_limit(self.budget)]
///     fn solve(&self) -> Result<u32, TimedOut> {
///         checkpoint()?;
///         Ok(42)
///     }
/// }
///
/// assert!(Solver { budget: Duration::from_secs(10) }.solve().is_ok());
/// assert!(Solver { budget: Duration::ZERO }.solve().is_err());
/// ```
///
/// | option, after the limit | effect |
/// |---|---|
/// | `label = "search"` | the label of the alarm, in place of the function's name |
/// | `try_arm` | returns a failure to arm, and does not panic: for `E: From<ArmError>` |
/// | `crate = path` | the path of the library, if it is not `::sigalarm` |
///
/// # Items
///
/// On functions and methods that return a `Result<_, E>` with `E: From<TimedOut>`. Not on a `const fn`, and not on a
/// function that returns a future, such as an `async fn`: the alarm would end before the future runs, or would stay on
/// the thread of the first poll. `#[async_trait]` makes such functions.
///
/// The guard is a variable at the top of the body, and nothing else is changed. Generics, lifetimes, `self`,
/// `impl Trait`, `return` and `?` keep their meaning. An iterator that the function returns is not under the limit.
///
/// In a recursive function each level arms an alarm of its own, and takes stack for it: some 130 bytes in a debug build and
/// 64 in a release build. The outermost alarm expires first, so the limit holds. Put the attribute on the function that
/// makes the first call.
///
/// A callee that unwinds (`unwind_if_expired`) unwinds through this function, which drops its alarm. Use `Alarm` and
/// `alarm.catch` there.
///
/// # Panics
///
/// If the alarm cannot be armed, unless `try_arm` is given. Arming fails if the kernel refuses a system call, as a
/// sandbox may do. An error type with only `From<TimedOut>` cannot hold that failure, so it is not returned by default.
///
/// [humantime]: https://docs.rs/humantime/latest/humantime/fn.parse_duration.html
#[proc_macro_attribute]
pub fn time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(Library::Sigalarm, options.into(), item.into()).into()
}

/// `#[cooperative]` of `sigalarm-core`: puts a check at the entry of a function and at the head of each of its loops.
///
/// For library authors, who depend on `sigalarm-core` with its feature `macros` alone. It inserts
/// `sigalarm_core::checkpoint()?;` and is otherwise as [`cooperative`], with the options `alarm`, `every`, `crate` and `skip`;
/// `unwind` needs `sigalarm`, except for an `alarm = …` that has it.
///
/// ```
/// use sigalarm_core::{TimedOut, cooperative};
///
/// #[cooperative]
/// pub fn collatz(mut n: u64) -> Result<u32, TimedOut> {
///     let mut steps = 0;
///     while n != 1 {
///         n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
///         steps += 1;
///     }
///     Ok(steps)
/// }
///
/// assert_eq!(collatz(27), Ok(111));
///
/// let _alarm = sigalarm::testing::at_check(5);
/// assert!(collatz(27).is_err());
/// ```
#[proc_macro_attribute]
pub fn core_cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(Library::Core, options.into(), item.into()).into()
}

/// `#[time_limit]` in a crate that depends on `sigalarm-core` alone: an error that says what to do instead.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn core_time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(Library::Core, options.into(), item.into()).into()
}
