//! The attribute macros of [`sigalarm`](https://docs.rs/sigalarm). Use them through that crate, with its
//! feature `macros`: what they expand to calls it.

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

/// Puts a check at the entry of a function and at the head of each of its loops.
///
/// A function is only as cooperative as its slowest loop without a check, and that one is easily forgotten.
/// This attribute forgets none: every `for`, `while`, `while let` and `loop`, at any depth, begins its turns
/// with `sigalarm::checkpoint()?;`, and so does the function itself, so that a recursion without a loop is
/// stopped as well. Nothing else is changed: the function is, token for token, what somebody would have
/// written by hand, and costs the same.
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
/// # On what
///
/// On a function or method that returns a `Result<_, E>` with `E: From<TimedOut>`: `TimedOut` itself,
/// `std::io::Error`, `Box<dyn Error>`, an error type of your own. An `async fn` is fine: the check asks the
/// alarms of the thread that polls it. A `const fn` is not.
///
/// On an `impl`, `trait` or `mod` block: then on every function in it that has a body and whose return type is
/// called `Result` (`io::Result<T>`, `anyhow::Result<T>`; not `fmt::Result`, and not a `Result` whose error is
/// a type of the standard library's that holds no `TimedOut`). Functions with another name for it have to be
/// annotated themselves, and `#[cooperative(skip)]` leaves one out. Functions with an attribute of their own
/// keep to that.
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
///         self.children.is_empty() // no `Result`: left as it is
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
/// | option | what it does |
/// |---|---|
/// | `alarm = expr` | asks this alarm, `expr.check()?`, and not those of the thread. The expression is evaluated at each check, at the entry as well; anything with a suitable `check` method will do |
/// | `every = 1024` | in each loop, checks at the first turn and then at every 1024th only |
/// | `unwind` | for a function that returns no `Result`: `sigalarm::unwind_if_expired();` at the same places, which unwinds to the `catch` of the alarm |
/// | `crate = path` | where the library is, if it is not `::sigalarm` |
/// | `skip` | before a loop: no check at its head (but in the loops inside it). In an annotated block, before a function: none in it |
///
/// Before a loop, `#[cooperative(every = …)]` gives that loop a stride of its own.
///
/// # Strides
///
/// Where a turn takes a nanosecond even the check can be seen, above all because a loop that may be left at
/// every turn is not vectorised. `every = n` is for these. A `for` loop then runs in batches of n turns, with
/// the checks between them, which the compiler can vectorise as it would the bare loop. Loops that a `break`
/// leaves, and those that contain macros which might hide one, only count: that saves less. So do `while` and
/// `loop`.
///
/// Every loop still begins with a check, so between two of them lie at most n turns of the innermost loop.
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
/// # What it does not touch
///
/// - **Closures and `async` blocks.** A `?` in them ends them, not the function. Put `#[cooperative]` before
///   one whose own value is a `Result`, and it is checked like a function, with the options around it and with
///   its own:
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
/// - **Functions inside the function**, and other items: they can have the attribute themselves.
/// - **Iterator chains.** `iter.map(…).sum()` is a loop in the standard library; write it as a `for`, or check
///   in its closures.
/// - **Macros**, except for the arguments of the standard library's (`vec!`, `assert!`, `println!`, …): what
///   others do with their tokens cannot be known.
/// - **What it calls.** A function without the attribute stays without checks.
///
/// # Errors
///
/// At compile time, at the token that is wrong: a return type with no room for the error, an option that does
/// not exist, an attribute where it means nothing. What the macro cannot see, such as an error type without
/// `From<TimedOut>`, the compiler says at each check.
#[proc_macro_attribute]
pub fn cooperative(options: TokenStream, item: TokenStream) -> TokenStream {
    cooperative::expand(options.into(), item.into()).into()
}

/// Puts a whole function under a limit: each call runs under an alarm of its own.
///
/// The alarm is armed before the body and reset when it returns, by whatever way. It bears the function's
/// name, as the report says: `solve timed out after 10.000 s (limit 10 s) at src/solver.rs:42`.
///
/// **It does not stop anything by itself.** Like every alarm it is an answer that somebody has to ask for: it
/// bounds a function that checks, by hand, by `#[cooperative]`, or in what it calls. A function that never
/// does runs for as long as it likes, and returns `Ok`.
///
/// ```
/// use sigalarm::{TimedOut, cooperative, time_limit};
///
/// #[time_limit("10ms")]
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
/// The two attributes mean the same in either order.
///
/// # The limit
///
/// A text such as `"10s"`, `"250ms"`, `"1h 30min"` or `"1.5s"` is read at compile time, as [humantime] reads
/// it. Anything else is an expression that is a [`Duration`](std::time::Duration), evaluated at each call; it
/// can use the arguments:
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
/// | option, behind the limit | what it does |
/// |---|---|
/// | `label = "search"` | the alarm's label, in place of the function's name |
/// | `try_arm` | returns a failure to arm, instead of panicking: for `E: From<ArmError>` |
/// | `crate = path` | where the library is, if it is not `::sigalarm` |
///
/// # On what
///
/// On functions and methods that return a `Result<_, E>` with `E: From<TimedOut>`. Not on an `async fn`, which
/// waits where an alarm only measures, and not on a `const fn`.
///
/// The guard is a variable at the top of the body, and nothing else is changed; so generics, lifetimes,
/// `self`, `impl Trait`, `return` and `?` are what they were. An iterator that the function returns is no
/// longer under the limit when the caller runs it.
///
/// A recursive function arms an alarm at each depth. The outermost expires first and is the one reported, so
/// the limit holds; but better put it around the first call.
///
/// A callee that unwinds (`unwind_if_expired`) unwinds through this function too, up to a `catch`, and there
/// is none for the function's own alarm. Use `Alarm` and `alarm.catch` there.
///
/// # Panics
///
/// If the alarm cannot be armed, unless `try_arm` is given. That is a system call which the kernel refused,
/// and happens where a sandbox forbids it. It is not returned by default because then no function that fails
/// with `TimedOut`, as most under a limit do, could have the attribute: an expiry is an answer and this is a
/// fault, and one error type is rarely made for both.
///
/// [humantime]: https://docs.rs/humantime/latest/humantime/fn.parse_duration.html
#[proc_macro_attribute]
pub fn time_limit(options: TokenStream, item: TokenStream) -> TokenStream {
    time_limit::expand(options.into(), item.into()).into()
}
